//! The mbox format (RFC 4155), in the forms that are about: `From ` lines behind a blank line, body lines that begin with
//! `From ` quoted by `>`. The quote is taken away, one from each line that has it (mboxrd); a file that quotes nothing but
//! `From ` itself (mboxo) reads the same unless somebody wrote `>From ` himself.

use mail_parser::DateTime;
use time::PrimitiveDateTime;
use time::macros::format_description;

/// A message of an mbox.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line of its `From `, from 1.
    pub(super) line: usize,
    /// When it was delivered, as its `From ` says; seconds since 1970.
    pub(super) at: Option<i64>,
    /// Line ends made CR LF.
    pub(super) bytes: Vec<u8>,
}

/// Whether a file is an mbox.
pub(super) fn is_mbox(bytes: &[u8]) -> bool {
    bytes.starts_with(b"From ")
}

/// The messages of an mbox. What stands in front of the first `From ` belongs to none.
pub(super) fn entries(bytes: &[u8]) -> Vec<Entry> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&b| b == b'\n').map(without_end).collect();
    let mut found: Vec<Entry> = Vec::new();
    let mut after_blank = true;
    for (index, &line) in lines.iter().enumerate() {
        if after_blank && line.starts_with(b"From ") {
            let at = date(line);
            let next = lines.get(index + 1).copied().unwrap_or_default();
            // A line of the body that nobody quoted has neither a date nor a header behind it.
            if at.is_some() || found.is_empty() || super::read::is_field(next) {
                if let Some(last) = found.last_mut() {
                    end(last);
                }
                found.push(Entry { line: index + 1, at, bytes: Vec::new() });
                after_blank = false;
                continue;
            }
        }
        after_blank = line.is_empty();
        let Some(entry) = found.last_mut() else { continue };
        let quotes = line.iter().take_while(|&&b| b == b'>').count();
        let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        entry.bytes.extend_from_slice(if quoted { &line[1..] } else { line });
        entry.bytes.extend_from_slice(b"\r\n");
    }
    if let Some(last) = found.last_mut() {
        end(last);
    }
    found
}

/// The blank line in front of a `From `, and at the end of a file, belongs to the format.
fn end(entry: &mut Entry) {
    if entry.bytes.ends_with(b"\r\n\r\n") {
        entry.bytes.truncate(entry.bytes.len() - 2);
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The time in `From somebody Thu Jan  1 00:00:00 1970`, which is UTC (RFC 4155); some write a zone in front of the year.
fn date(line: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(line).ok()?;
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let year = *words.iter().rfind(|w| w.len() == 4 && w.bytes().all(|b| b.is_ascii_digit()))?;
    let time =
        words.iter().position(|w| w.contains(':') && w.bytes().all(|b| b.is_ascii_digit() || b == b':'))?;
    let (day, month) = (words.get(time.checked_sub(1)?)?, words.get(time.checked_sub(2)?)?);
    let time = match words[time].matches(':').count() {
        1 => format!("{}:00", words[time]),
        _ => words[time].to_owned(),
    };
    let format = format_description!(
        "[day padding:none] [month repr:short case_sensitive:false] [year] [hour]:[minute]:[second]"
    );
    let date = PrimitiveDateTime::parse(&format!("{day} {month} {year} {time}"), format).ok()?;
    Some(date.assume_utc().unix_timestamp())
}

/// Reads a date of a header (RFC 5322 §3.3); seconds since 1970.
pub(super) fn unix(text: &str) -> Option<i64> {
    DateTime::parse_rfc822(text).filter(DateTime::is_valid).map(|date| date.to_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &str) -> Vec<String> {
        entries(text.as_bytes()).into_iter().map(|e| String::from_utf8(e.bytes).unwrap()).collect()
    }

    #[test]
    fn messages_of_a_file() {
        let text = "From a@b Thu Jan  1 00:00:01 1970\nA: 1\n\nx\n>From y\n>>From z\n>Fromm\n\nFrom c\nB: 2\n\nFrom the start\n\n";
        let found = entries(text.as_bytes());
        assert_eq!(found.iter().map(|e| (e.line, e.at)).collect::<Vec<_>>(), [(1, Some(1)), (9, None)]);
        let wanted = ["A: 1\r\n\r\nx\r\nFrom y\r\n>From z\r\n>Fromm\r\n", "B: 2\r\n\r\nFrom the start\r\n"];
        assert_eq!(bodies(text), wanted);
        assert_eq!(bodies(&text.replace('\n', "\r\n")), wanted);
        // A blank line of the message itself stays.
        assert_eq!(bodies("From x\nA: 1\n\nx\n\n\nFrom y\nB: 2\n"), ["A: 1\r\n\r\nx\r\n\r\n", "B: 2\r\n"]);
        // Without a blank line in front it is text, and so it is without anything behind it that makes a message.
        assert_eq!(
            bodies("From x\nA: 1\n\nx\nFrom y\nB: 2\n\nFrom me\nto you"),
            ["A: 1\r\n\r\nx\r\nFrom y\r\nB: 2\r\n\r\nFrom me\r\nto you\r\n"]
        );
        assert!(entries(b"nothing\n\n").is_empty() && entries(b"").is_empty());
    }

    #[test]
    fn dates_of_from_lines() {
        for (line, wanted) in [
            ("From a@b Thu Jan  1 00:00:01 1970", Some(1)),
            ("From MAILER-DAEMON Sat Jul 17 02:44 1999 ", Some(932_179_440)),
            ("From a@b Wed Jul 17 02:44:25 +0200 1996", Some(837_571_465)),
            ("From a@b  Tue Nov 24 14:00:00 UTC 2026", Some(1_795_528_800)),
            ("From a@b", None),
            ("From the house 12:30 1999", None),
            ("From x Foo 99 99:99:99 1999", None),
        ] {
            assert_eq!(date(line.as_bytes()), wanted, "{line}");
        }
    }
}

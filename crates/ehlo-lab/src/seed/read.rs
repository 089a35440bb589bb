//! Which messages are in a file or directory.

use super::mbox::{self, entries, is_mbox};
use super::{SeedError, SeedProblem};
use crate::Message;
use crate::store::{folder_contents, with_crlf};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Reads all messages of a file or directory; those without a date of their own came `now`.
pub(super) fn messages(path: &Path, now: i64) -> Result<Vec<Message>, SeedError> {
    let unreadable = |error| wrong(path, 0, SeedProblem::Unreadable(error));
    let found = if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        file(path, now)?
    } else if path.join("cur").is_dir() || path.join("new").is_dir() {
        let mut found = Vec::new();
        for message in folder_contents(path).map_err(unreadable)? {
            let bytes = message.body.read().map_err(unreadable)?;
            found.push(Message { flags: message.flags, ..Message::new(bytes.to_vec(), message.at) });
        }
        found
    } else {
        let mut found = Vec::new();
        for path in mail_files(path).map_err(unreadable)? {
            found.extend(file(&path, now)?);
        }
        found
    };
    match found.is_empty() {
        true => Err(wrong(path, 0, SeedProblem::Empty)),
        false => Ok(found),
    }
}

/// The files of a directory that are messages by their names, in the order of these.
fn mail_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("eml")) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The messages of a file: of an mbox, or the one that it is.
fn file(path: &Path, now: i64) -> Result<Vec<Message>, SeedError> {
    let bytes = fs::read(path).map_err(|error| wrong(path, 0, SeedProblem::Unreadable(error)))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(wrong(path, 0, SeedProblem::Empty));
    }
    if !is_mbox(&bytes) {
        return Ok(vec![message(path, 1, with_crlf(bytes), None, now)?]);
    }
    let found = entries(&bytes).into_iter();
    found.map(|entry| message(path, entry.line + 1, entry.bytes, entry.at, now)).collect()
}

/// A message that begins in this line.
fn message(
    path: &Path,
    line: usize,
    bytes: Vec<u8>,
    at: Option<i64>,
    now: i64,
) -> Result<Message, SeedError> {
    let first = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    // A message may have no header at all (RFC 5322 §3.5 wants one, but here it may be wrong on purpose).
    if !is_field(first) && !first.trim_ascii().is_empty() {
        return Err(wrong(path, line, SeedProblem::NoField));
    }
    let at = at.or_else(|| date(&bytes)).unwrap_or(now);
    Ok(Message::new(bytes, at))
}

/// What the field Date says.
fn date(bytes: &[u8]) -> Option<i64> {
    let lines = bytes.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut header = lines.take_while(|line| !line.is_empty());
    let field = header.find(|line| line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"date:")))?;
    mbox::unix(std::str::from_utf8(&field[5..]).ok()?.trim())
}

/// Whether a line begins a header field: a name of printable ASCII and a colon (RFC 5322 §2.2).
pub(super) fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|&b| b == b':') else { return false };
    let name = line[..colon].trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

fn wrong(path: &Path, line: usize, problem: SeedProblem) -> SeedError {
    SeedError { path: path.to_owned(), line, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_messages() {
        assert_eq!(date(b"A: b\r\ndate: Thu, 1 Jan 1970 00:00:09 +0000\r\n\r\n"), Some(9));
        assert_eq!(date(b"A: b\r\n\r\nDate: Thu, 1 Jan 1970 00:00:09 +0000\r\n"), None);
        assert_eq!(date(b"Date: yesterday\r\n\r\n"), None);
    }

    #[test]
    fn what_begins_a_message() {
        for good in ["A:", "Subject: x", "X-1 : y"] {
            assert!(is_field(good.as_bytes()), "{good}");
        }
        for bad in ["", ":", "hello", "two words: x", " A: b", "\u{e9}: x"] {
            assert!(!is_field(bad.as_bytes()), "{bad}");
        }
    }
}

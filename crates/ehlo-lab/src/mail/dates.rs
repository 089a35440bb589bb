//! The Date field of a message (RFC 5322 §3.3, with the obsolete forms of §4.3).

use time::{Date, Month};

/// What a Date field says: seconds since 1970 (RFC 5256 §2.2). A time that cannot be read is midnight, a zone that cannot
/// be read is UTC; without a day there is no date.
pub(crate) fn sent_date(raw: &str) -> Option<i64> {
    let read = read(raw)?;
    Some(read.day.midnight().assume_utc().unix_timestamp() + read.seconds - read.offset)
}

/// The day as it is written, in the zone of the writer: year, month, day (RFC 9051 §6.4.4, `SENTBEFORE`: "disregarding
/// time and timezone").
pub(crate) fn sent_day(raw: &str) -> Option<(i32, u32, u32)> {
    let day = read(raw)?.day;
    Some((day.year(), u32::from(u8::from(day.month())), u32::from(day.day())))
}

struct Read {
    day: Date,
    /// Since midnight.
    seconds: i64,
    /// Seconds that the clock is ahead of UTC.
    offset: i64,
}

fn read(raw: &str) -> Option<Read> {
    let plain = without_comments(raw);
    let mut words =
        plain.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|w| !w.is_empty()).peekable();
    // The name of the day says nothing that the date does not say.
    words.next_if(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    // Some old programs write 17-Jul-1996.
    let first = words.next()?;
    let mut pieces = first.split('-');
    let day = number(pieces.next()?)?;
    let month = month(pieces.next().or_else(|| words.next())?)?;
    let year = year(pieces.next().or_else(|| words.next())?)?;
    let day = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    // A colon may have blanks around it (RFC 5322 §4.3).
    let mut time = String::new();
    while let Some(word) =
        words.next_if(|word| time.is_empty() || time.ends_with(':') || word.starts_with(':'))
    {
        time.push_str(word);
    }
    let offset = words.next().and_then(zone).unwrap_or_default();
    Some(Read { day, seconds: seconds(&time).unwrap_or_default(), offset })
}

fn without_comments(raw: &str) -> String {
    let mut depth = 0_usize;
    let mut escaped = false;
    let mut keep = |c: char| {
        let within = depth > 0;
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if within => escaped = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if within || c == '(' { ' ' } else { c }
    };
    raw.chars().map(&mut keep).collect()
}

/// A number of at most nine digits and nothing else.
fn number(word: &str) -> Option<u32> {
    let plain = word.len() <= 9 && word.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| word.parse().ok())?
}

fn month(word: &str) -> Option<Month> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    // Some write the name in full.
    let short = word.get(..3)?;
    let index = NAMES.iter().position(|name| name.eq_ignore_ascii_case(short))?;
    Month::try_from(u8::try_from(index + 1).ok()?).ok()
}

/// Years of two and of three digits are meant as RFC 5322 §4.3 says.
fn year(word: &str) -> Option<i32> {
    let year = number(word)?;
    let meant = match word.len() {
        1 | 2 if year < 50 => year + 2000,
        1..=3 => year + 1900,
        _ => year,
    };
    i32::try_from(meant).ok()
}

fn seconds(time: &str) -> Option<i64> {
    let mut pieces = time.split(':').map(number);
    let (hour, minute) = (pieces.next()??, pieces.next()??);
    let second = match pieces.next() {
        Some(second) => second?,
        None => 0,
    };
    // 60 is a leap second.
    let valid = hour < 24 && minute < 60 && second <= 60 && pieces.next().is_none();
    valid.then(|| i64::from(hour * 3600 + minute * 60 + second))
}

fn zone(word: &str) -> Option<i64> {
    if let Some(digits) = word.strip_prefix(['+', '-']) {
        let value = (digits.len() == 4).then(|| number(digits))??;
        let (hours, minutes) = (value / 100, value % 100);
        let offset = i64::from(hours * 3600 + minutes * 60);
        return (minutes < 60).then_some(if word.starts_with('-') { -offset } else { offset });
    }
    // RFC 5322 §4.3; the military letters were defined the wrong way round and count as UTC, like all other names.
    let hours = match word.to_ascii_uppercase().as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => 0,
    };
    Some(hours * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_all_their_forms() {
        const AT: i64 = 837_595_405;
        for (raw, expected) in [
            ("Wed, 17 Jul 1996 02:23:25 -0700", Some(AT)),
            ("17 Jul 1996 09:23:25 +0000", Some(AT)),
            ("Wed,17 jul 1996 09:23:25 GMT (comment (nested \\) ))", Some(AT)),
            ("Wed (day), 17 (of) JUL 96 02 : 23 : 25 PDT", Some(AT)),
            ("17 Jul 096 02:23:25 -0700", Some(AT)),
            ("Wednesday, 17 July 1996 09:23:25 z", Some(AT)),
            ("Wed, 17-Jul-96 09:23:25 GMT", Some(AT)),
            ("17 Jul 1996 09:23 UT", Some(AT - 25)),
            // What cannot be read of time and zone is midnight and UTC.
            ("17 Jul 1996 09:23:25 +07", Some(AT)),
            ("17 Jul 1996 09:23:25 +0099", Some(AT)),
            ("17 Jul 1996 09:23:25", Some(AT)),
            ("17 Jul 1996 25:00:00 +0000", Some(AT - 33_805)),
            ("17 Jul 1996", Some(AT - 33_805)),
            ("17 Jul 1996 23:59:60 +0000", Some(837_648_000)),
            ("1 Jan 1970 00:00:00 +0000", Some(0)),
            ("1 Jan 1969 00:00:00 +0000", Some(-31_536_000)),
            ("1 Jan 49 00:00:00 +0000", Some(2_493_072_000)),
            ("1 Jan 50 00:00:00 +0000", Some(-631_152_000)),
            ("29 Feb 2000 00:00:00 +0000", Some(951_782_400)),
            ("29 Feb 1900 00:00:00 +0000", None),
            ("31 Jun 2000 00:00:00 +0000", None),
            ("0 Jun 2000 00:00:00 +0000", None),
            ("1 Foo 2000 00:00:00 +0000", None),
            ("1 Jan 99999999999 00:00:00 +0000", None),
            ("999 Jan 2000", None),
            ("Wed, ", None),
            ("", None),
            ("(((", None),
            ("\u{e4}\u{e4}\u{e4} \u{e4}\u{e4}\u{e4} \u{e4}\u{e4}", None),
            ("1 \u{e4}\u{e4}\u{e4} 2000", None),
        ] {
            assert_eq!(sent_date(raw), expected, "{raw}");
        }
    }

    #[test]
    fn days_are_those_of_the_writer() {
        for (raw, expected) in [
            ("Mon, 02 Mar 2020 23:30:00 -0800", Some((2020, 3, 2))),
            ("Mon, 02 Mar 2020 00:30:00 +1400", Some((2020, 3, 2))),
            ("2 Mar 20", Some((2020, 3, 2))),
            ("yesterday", None),
        ] {
            assert_eq!(sent_day(raw), expected, "{raw}");
        }
    }
}

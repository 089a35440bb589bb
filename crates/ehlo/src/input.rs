//! Values from the command line.

use crate::exit::Usage;
use ehlo_report::Texts;
use std::time::Duration;

/// Reads `10`, `10s`, `500ms` or `2m`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    (seconds > 0.0 && seconds <= 86_400.0).then(|| Duration::from_secs_f64(seconds))
}

/// Reads `1000`, `64K`, `500M` or `2G`, in bytes; the letters stand for powers of 1024.
pub(crate) fn size(text: &str) -> Option<u64> {
    let text = text.strip_suffix('B').unwrap_or(text);
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let shift = match unit.to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|size| *size > 0)
}

/// Reads a moment: `2026-11-24`, or seconds since 1970.
pub(crate) fn moment(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Some(time::Date::parse(text, format).ok()?.midnight().assume_utc().unix_timestamp())
}

/// A wrong value, told with the flag and what it wants.
pub(crate) fn wrong(texts: Texts, flag: &str, value: &str, wanted: &str) -> Usage {
    Usage(texts.fill("cli/wrong-value", &[("flag", &flag), ("value", &value), ("wanted", &wanted)]))
}

/// The seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

/// Random bits.
pub(crate) fn seed() -> u64 {
    let random = ring::rand::SystemRandom::new();
    let mut bytes = [0; 8];
    // Without a source of randomness the clock must do: tags need to be new, not secret.
    match ring::rand::SecureRandom::fill(&random, &mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => now().unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, wanted) in [
            ("1000", Some(1000)),
            ("64K", Some(65_536)),
            ("2g", Some(2 << 30)),
            ("1MB", Some(1 << 20)),
            ("0", None),
            ("", None),
            ("K", None),
            ("1.5M", None),
            ("-1", None),
            ("99999999999T", None),
        ] {
            assert_eq!(size(text), wanted, "{text}");
        }
    }

    #[test]
    fn durations_and_moments() {
        assert_eq!(duration("10"), Some(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Some(Duration::from_secs(90)));
        for bad in ["", "s", "0", "-1", "5x", "1e9"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(moment("1970-01-02"), Some(86_400));
        assert_eq!(moment("1800000000"), Some(1_800_000_000));
        assert_eq!(moment("2026-13-01"), None);
    }
}

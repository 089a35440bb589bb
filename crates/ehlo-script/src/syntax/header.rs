use super::args::duration;
use super::error::{SyntaxError, nearest};
use crate::{At, Header, Level, Prepared, Risk};
use ehlo_core::Protocol;

/// The keys of header fields, in the order in which they are written.
pub const FIELDS: &[&str] = &[
    "format", "title", "id", "protocol", "ref", "level", "finding", "risk", "tags", "needs", "state",
    "messages", "timeout", "retry", "xfail", "role",
];

/// The words for protocols.
pub(crate) const PROTOCOLS: &[(&str, Protocol)] = &[
    ("smtp", Protocol::Smtp),
    ("lmtp", Protocol::Lmtp),
    ("pop3", Protocol::Pop3),
    ("imap", Protocol::Imap),
    ("sieve", Protocol::Sieve),
];

/// The key of a line that has the form of a header field.
pub(crate) fn field(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    (is_key && (value.is_empty() || value.starts_with([' ', '\t']))).then(|| (key, value.trim()))
}

/// Takes a field into the header.
pub(crate) fn take(
    header: &mut Header,
    seen: &mut Vec<String>,
    key: &str,
    value: &str,
    at: At,
) -> Result<(), SyntaxError> {
    let place = at.part(at.to.saturating_sub(value.len()), at.to);
    let key_at = at.part(at.from, at.from + key.len());
    if !FIELDS.contains(&key) {
        let meant = nearest(key, FIELDS.iter().copied()).map_or_else(|| FIELDS.join(" "), str::to_owned);
        return Err(SyntaxError::new("field-unknown", key_at).with("word", key).with("meant", meant));
    }
    if seen.iter().any(|k| k == key) {
        return Err(SyntaxError::new("field-twice", key_at).with("word", key));
    }
    seen.push(key.to_owned());
    if value.is_empty() {
        return Err(SyntaxError::new("field-empty", key_at).with("word", key));
    }
    let words = || value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match key {
        "format" if value != "1" => return Err(SyntaxError::new("format-version", place).with("word", value)),
        "format" => {}
        "title" => header.title = Some(value.to_owned()),
        "id" => header.id = Some(value.to_owned()),
        "protocol" => header.protocol = Some(one_of(PROTOCOLS, value, key, place)?),
        "ref" => header.references = value.split(';').map(|r| r.trim().to_owned()).collect(),
        "level" => header.level = one_of(Level::ALL, value, key, place)?,
        "finding" => header.finding = Some(value.to_owned()),
        "risk" => header.risk = one_of(Risk::ALL, value, key, place)?,
        "tags" => header.tags = words(),
        "needs" => header.needs = words(),
        "state" => header.state = one_of(Prepared::ALL, value, key, place)?,
        "messages" => {
            header.messages = Some(crate::Messages { file: value.to_owned(), messages: Vec::new() });
        }
        "timeout" => {
            let wait =
                duration(value).ok_or_else(|| SyntaxError::new("duration-bad", place).with("word", value))?;
            header.timeout = Some(wait);
        }
        "retry" => {
            let count = value.strip_prefix("transient").map(str::trim).and_then(|n| n.parse::<u32>().ok());
            header.retry = match count {
                Some(n) if (1..=10).contains(&n) => n,
                _ => return Err(SyntaxError::new("retry-bad", place).with("word", value)),
            };
        }
        "xfail" => header.xfail = Some(value.to_owned()),
        _ => match value {
            "server" => header.plays_server = true,
            "client" => {}
            _ => {
                return Err(SyntaxError::new("field-value", place)
                    .with("word", value)
                    .with("field", "role")
                    .with("known", "client server"));
            }
        },
    }
    Ok(())
}

fn one_of<T: Copy>(known: &[(&str, T)], value: &str, key: &str, at: At) -> Result<T, SyntaxError> {
    known.iter().find(|(word, _)| *word == value).map(|(_, found)| *found).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        SyntaxError::new("field-value", at)
            .with("word", value)
            .with("field", key)
            .with("known", words.join(" "))
    })
}

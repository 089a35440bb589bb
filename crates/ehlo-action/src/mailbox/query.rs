//! What is searched for: words of our own, that become keys of IMAP SEARCH, or are held against messages that came by
//! POP3.

use super::read;
use ehlo_core::mailbox::MessageLine;
use std::fmt;

/// What messages must fit: every term.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The terms.
    pub terms: Vec<Term>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// The field holds the text.
    Field(String, String),
    /// The text of the message holds the text.
    Body(String),
    /// Header or text hold the text.
    Text(String),
    /// It came on that day or later: year, month, day.
    Since(Day),
    /// It came before that day.
    Before(Day),
    /// It came on that day.
    On(Day),
    /// It has more octets.
    Larger(u64),
    /// It has fewer octets.
    Smaller(u64),
    /// It has the flag, or not.
    Flag(String, bool),
    /// It is not so.
    Not(Box<Term>),
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(time::Date);

impl fmt::Display for Day {
    /// As IMAP writes it: `1-Feb-1994`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = time::macros::format_description!("[day padding:none]-[month repr:short]-[year]");
        f.write_str(&self.0.format(format).map_err(|_| fmt::Error)?)
    }
}

/// Why a query cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// There is nothing in it.
    Empty,
    /// A word before a colon that is none of ours.
    Unknown(String),
    /// Something else is wanted behind the colon.
    Value(String),
    /// A quotation mark without its fellow.
    Quote,
}

const FLAGS: &[(&str, &str, bool)] = &[
    ("seen", "SEEN", true),
    ("unseen", "SEEN", false),
    ("flagged", "FLAGGED", true),
    ("unflagged", "FLAGGED", false),
    ("answered", "ANSWERED", true),
    ("unanswered", "ANSWERED", false),
    ("deleted", "DELETED", true),
    ("undeleted", "DELETED", false),
    ("draft", "DRAFT", true),
    ("undraft", "DRAFT", false),
];

impl Query {
    /// Reads `from:bob subject:"two words" since:2026-11-01 unseen not:larger:1M hello`.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        let words = split(text)?;
        if words.is_empty() {
            return Err(QueryError::Empty);
        }
        let terms = words.iter().map(|word| term(word)).collect::<Result<_, _>>()?;
        Ok(Query { terms })
    }

    /// The keys of IMAP SEARCH (RFC 9051 §6.4.4), as words and strings in turn.
    pub(super) fn keys(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        for term in &self.terms {
            term.keys(&mut keys);
        }
        keys
    }

    /// Whether the text of messages must be read, and not only their headers.
    pub(super) fn needs_text(&self) -> bool {
        self.terms.iter().any(Term::needs_text)
    }

    /// Whether it asks for flags, which POP3 has none of.
    pub(super) fn needs_flags(&self) -> bool {
        self.terms.iter().any(Term::needs_flags)
    }

    /// Whether a message fits. `header`: its header; `text`: all of it, decoded, if that is needed.
    pub(super) fn fits(&self, line: &MessageLine, header: &[u8], text: &str) -> bool {
        let fields = read::fields(header);
        self.terms.iter().all(|term| term.fits(line, &fields, text))
    }
}

/// A piece of a SEARCH command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// As it is.
    Word(String),
    /// A string.
    Text(String),
}

impl Term {
    fn keys(&self, out: &mut Vec<Key>) {
        let mut word = |word: String| out.push(Key::Word(word));
        match self {
            Term::Field(name, value) => {
                match name.as_str() {
                    "from" | "to" | "cc" | "bcc" | "subject" => word(name.to_ascii_uppercase()),
                    _ => {
                        word("HEADER".into());
                        out.push(Key::Text(name.clone()));
                    }
                }
                out.push(Key::Text(value.clone()));
            }
            Term::Body(text) => {
                word("BODY".into());
                out.push(Key::Text(text.clone()));
            }
            Term::Text(text) => {
                word("TEXT".into());
                out.push(Key::Text(text.clone()));
            }
            Term::Since(day) => word(format!("SINCE {day}")),
            Term::Before(day) => word(format!("BEFORE {day}")),
            Term::On(day) => word(format!("ON {day}")),
            Term::Larger(size) => word(format!("LARGER {size}")),
            Term::Smaller(size) => word(format!("SMALLER {size}")),
            Term::Flag(flag, true) => word(flag.clone()),
            Term::Flag(flag, false) => word(format!("UN{flag}")),
            Term::Not(inner) => {
                word("NOT".into());
                inner.keys(out);
            }
        }
    }

    fn needs_text(&self) -> bool {
        match self {
            Term::Body(_) | Term::Text(_) => true,
            Term::Not(inner) => inner.needs_text(),
            _ => false,
        }
    }

    fn needs_flags(&self) -> bool {
        match self {
            Term::Flag(..) => true,
            Term::Not(inner) => inner.needs_flags(),
            _ => false,
        }
    }

    fn fits(&self, line: &MessageLine, fields: &[(Vec<u8>, Vec<u8>)], text: &str) -> bool {
        let holds = |text: &str, wanted: &str| text.to_lowercase().contains(&wanted.to_lowercase());
        let in_field = |value: &[u8], wanted: &str| {
            holds(&read::words(value), wanted) || holds(&String::from_utf8_lossy(value), wanted)
        };
        let day = || {
            let date = line.received.as_ref().or(line.date.as_ref())?;
            let format = time::macros::format_description!("[year]-[month]-[day]");
            time::Date::parse(date.get(..10)?, format).ok().map(Day)
        };
        match self {
            Term::Field(name, wanted) => fields
                .iter()
                .any(|(n, value)| n.eq_ignore_ascii_case(name.as_bytes()) && in_field(value, wanted)),
            Term::Body(wanted) => holds(text, wanted),
            Term::Text(wanted) => {
                holds(text, wanted) || fields.iter().any(|(_, value)| in_field(value, wanted))
            }
            Term::Since(wanted) => day().is_some_and(|day| day >= *wanted),
            Term::Before(wanted) => day().is_some_and(|day| day < *wanted),
            Term::On(wanted) => day().is_some_and(|day| day == *wanted),
            Term::Larger(size) => line.size.is_some_and(|s| s > *size),
            Term::Smaller(size) => line.size.is_some_and(|s| s < *size),
            // Nobody asks: a query for flags is refused before.
            Term::Flag(..) => false,
            Term::Not(inner) => !inner.fits(line, fields, text),
        }
    }
}

fn term(word: &str) -> Result<Term, QueryError> {
    let Some((key, value)) = word.split_once(':') else {
        let lower = word.to_ascii_lowercase();
        let flag = FLAGS.iter().find(|(name, ..)| *name == lower);
        return Ok(match flag {
            Some((_, flag, set)) => Term::Flag((*flag).to_owned(), *set),
            None => Term::Text(word.to_owned()),
        });
    };
    let wrong = || QueryError::Value(word.to_owned());
    if value.is_empty() {
        return Err(wrong());
    }
    let day = || {
        let format = time::macros::format_description!("[year]-[month]-[day]");
        time::Date::parse(value, format).map(Day).map_err(|_| wrong())
    };
    match key.to_ascii_lowercase().as_str() {
        name @ ("from" | "to" | "cc" | "bcc" | "subject") => {
            Ok(Term::Field(name.to_owned(), value.to_owned()))
        }
        "body" => Ok(Term::Body(value.to_owned())),
        "text" => Ok(Term::Text(value.to_owned())),
        "header" => {
            let (name, value) = value.split_once('=').ok_or_else(wrong)?;
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            is_name.then(|| Term::Field(name.to_ascii_lowercase(), value.to_owned())).ok_or_else(wrong)
        }
        "since" => Ok(Term::Since(day()?)),
        "before" => Ok(Term::Before(day()?)),
        "on" => Ok(Term::On(day()?)),
        "larger" => Ok(Term::Larger(size(value).ok_or_else(wrong)?)),
        "smaller" => Ok(Term::Smaller(size(value).ok_or_else(wrong)?)),
        "not" => Ok(Term::Not(Box::new(term(value)?))),
        other => Err(QueryError::Unknown(other.to_owned())),
    }
}

/// Octets: `1000`, `64K`, `2M`, `1G`.
fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    // RFC 9051 §9: a number of IMAP has 32 bits.
    digits.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|size| u32::try_from(*size).is_ok())
}

/// Words, parted by blanks; inside quotation marks blanks belong to the word.
fn split(text: &str) -> Result<Vec<String>, QueryError> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if quoted {
        return Err(QueryError::Quote);
    }
    if begun {
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str) -> String {
        let keys = Query::parse(query).unwrap().keys();
        let key = |key: &Key| match key {
            Key::Word(word) => word.clone(),
            Key::Text(text) => format!("{text:?}"),
        };
        keys.iter().map(key).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_become_keys() {
        for (query, keys) in [
            ("from:bob subject:\"two words\" unseen", "FROM \"bob\" SUBJECT \"two words\" UNSEEN"),
            ("since:2026-02-01 not:before:2026-03-10", "SINCE 1-Feb-2026 NOT BEFORE 10-Mar-2026"),
            ("larger:1M hello", "LARGER 1048576 TEXT \"hello\""),
            ("header:X-Spam=yes body:Grüße", "HEADER \"x-spam\" \"yes\" BODY \"Grüße\""),
            ("flagged unanswered", "FLAGGED UNANSWERED"),
        ] {
            assert_eq!(shown(query), keys, "{query}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (query, error) in [
            ("", QueryError::Empty),
            ("  ", QueryError::Empty),
            ("form:bob", QueryError::Unknown("form".into())),
            ("since:yesterday", QueryError::Value("since:yesterday".into())),
            ("from:", QueryError::Value("from:".into())),
            ("larger:9G", QueryError::Value("larger:9G".into())),
            ("header:x", QueryError::Value("header:x".into())),
            ("\"a b", QueryError::Quote),
        ] {
            assert_eq!(Query::parse(query), Err(error), "{query}");
        }
    }

    #[test]
    fn messages_are_held_against_it() {
        let line = MessageLine {
            date: Some("2026-11-24T18:00:00Z".into()),
            size: Some(500),
            ..MessageLine::default()
        };
        let header = b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nSubject: Hello\r\n\r\n";
        let fits = |query: &str| Query::parse(query).unwrap().fits(&line, header, "the text");
        for yes in
            ["from:jürgen", "from:j@example", "subject:HELLO since:2026-11-24", "text", "not:larger:500"]
        {
            assert!(fits(yes), "{yes}");
        }
        for no in ["from:bob", "before:2026-11-24", "body:hello", "not:text", "smaller:500", "header:x=y"] {
            assert!(!fits(no), "{no}");
        }
    }
}

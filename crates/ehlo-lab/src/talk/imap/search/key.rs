use crate::dates::parse_imap_date;
use crate::mail::decode::fold;
use crate::talk::imap::refusal::{Refusal, bad};
use crate::talk::imap::sets::Wanted;
use ehlo_wire::imap::{SequenceSet, Value, ValueKind};

/// Conditions nested deeper than this are refused.
const DEEPEST: usize = 100;

/// A condition (RFC 9051 §6.4.4).
#[derive(Debug)]
pub(in crate::talk::imap) enum Key {
    All(Vec<Key>),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    Flag(String),
    Recent,
    Numbers(SequenceSet),
    Uids(SequenceSet),
    Saved,
    Header {
        name: String,
        text: String,
    },
    Body(String),
    Text(String),
    Larger(u64),
    Smaller(u64),
    /// Days since 1970, `to` not included.
    Day {
        which: Which,
        from: i64,
        to: i64,
    },
    /// RFC 5032: so many seconds ago or less.
    Younger(i64),
    /// So many seconds ago or more.
    Older(i64),
    /// RFC 7162 §3.1.5
    ModSeq(u64),
    EmailId(String),
    ThreadId(String),
}

/// Which date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::talk::imap) enum Which {
    Internal,
    Sent,
    Saved,
}

impl Key {
    /// Whether it asks for modification sequences: then the answer names the highest.
    pub(in crate::talk::imap) fn uses_modseq(&self) -> bool {
        match self {
            Key::All(keys) => keys.iter().any(Key::uses_modseq),
            Key::Not(key) => key.uses_modseq(),
            Key::Or(a, b) => a.uses_modseq() || b.uses_modseq(),
            Key::ModSeq(_) => true,
            _ => false,
        }
    }
}

/// Reads conditions, all of which must hold.
pub(super) fn read(args: &[Value]) -> Result<Key, Refusal> {
    if args.is_empty() {
        return bad("a condition is wanted");
    }
    Reader { args, at: 0, depth: 0 }.all()
}

struct Reader<'a> {
    args: &'a [Value],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn all(&mut self) -> Result<Key, Refusal> {
        let mut keys = Vec::new();
        while self.at < self.args.len() {
            keys.push(self.key()?);
        }
        Ok(Key::All(keys))
    }

    fn next(&mut self) -> Result<&'a Value, Refusal> {
        self.at += 1;
        match self.args.get(self.at - 1) {
            Some(value) => Ok(value),
            None => bad("the condition is not complete"),
        }
    }

    fn astring(&mut self) -> Result<String, Refusal> {
        match self.next()?.astring() {
            Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            None => bad("a string is wanted"),
        }
    }

    fn text(&mut self) -> Result<String, Refusal> {
        self.astring().map(|text| fold(&text))
    }

    fn day(&mut self) -> Result<i64, Refusal> {
        match parse_imap_date(&self.astring()?) {
            Some(day) => Ok(day),
            None => bad("a date is of the form 1-Feb-1994"),
        }
    }

    fn number(&mut self) -> Result<u64, Refusal> {
        match self.next()?.number() {
            Some(number) if i64::try_from(number).is_ok() => Ok(number),
            _ => bad("a number is wanted"),
        }
    }

    fn interval(&mut self) -> Result<i64, Refusal> {
        match self.number()? {
            // RFC 5032 §3: nz-number
            0 => bad("a number of seconds above 0 is wanted"),
            number => Ok(number.cast_signed()),
        }
    }

    fn id(&mut self) -> Result<String, Refusal> {
        self.astring()
    }

    fn key(&mut self) -> Result<Key, Refusal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return bad("the condition is too deep");
        }
        let value = self.next()?;
        let key = match &value.kind {
            ValueKind::List(list) if list.is_empty() => bad("a condition is wanted"),
            ValueKind::List(list) => Reader { args: list, at: 0, depth: self.depth }.all(),
            ValueKind::Atom(word) => self.word(&String::from_utf8_lossy(word).to_ascii_uppercase(), value),
            _ => bad("a condition is an atom"),
        };
        self.depth -= 1;
        key
    }

    fn word(&mut self, word: &str, value: &Value) -> Result<Key, Refusal> {
        let not = |key: Key| Ok(Key::Not(Box::new(key)));
        match word {
            "ALL" => Ok(Key::All(Vec::new())),
            "ANSWERED" | "DELETED" | "DRAFT" | "FLAGGED" | "SEEN" => Ok(Key::Flag(format!("\\{word}"))),
            "UNANSWERED" | "UNDELETED" | "UNDRAFT" | "UNFLAGGED" | "UNSEEN" => {
                not(Key::Flag(format!("\\{}", &word[2..])))
            }
            "RECENT" => Ok(Key::Recent),
            "OLD" => not(Key::Recent),
            "NEW" => Ok(Key::All(vec![Key::Recent, Key::Not(Box::new(Key::Flag("\\Seen".into())))])),
            "KEYWORD" => Ok(Key::Flag(self.keyword()?)),
            "UNKEYWORD" => not(Key::Flag(self.keyword()?)),
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => {
                Ok(Key::Header { name: word.to_owned(), text: self.text()? })
            }
            "HEADER" => {
                let name = self.astring()?;
                Ok(Key::Header { name, text: self.text()? })
            }
            "BODY" => Ok(Key::Body(self.text()?)),
            "TEXT" => Ok(Key::Text(self.text()?)),
            "LARGER" => Ok(Key::Larger(self.number()?)),
            "SMALLER" => Ok(Key::Smaller(self.number()?)),
            "UID" => match Wanted::read(self.next()?)? {
                Wanted::Set(set) => Ok(Key::Uids(set)),
                Wanted::Saved => Ok(Key::Saved),
            },
            "NOT" => not(self.key()?),
            "OR" => {
                let first = self.key()?;
                Ok(Key::Or(Box::new(first), Box::new(self.key()?)))
            }
            "YOUNGER" => Ok(Key::Younger(self.interval()?)),
            "OLDER" => Ok(Key::Older(self.interval()?)),
            "MODSEQ" => self.modseq(),
            "EMAILID" => Ok(Key::EmailId(self.id()?)),
            "THREADID" => Ok(Key::ThreadId(self.id()?)),
            // RFC 8514 §4.3: whether dates of saving are kept; they are.
            "SAVEDATESUPPORTED" => Ok(Key::All(Vec::new())),
            "$" => Ok(Key::Saved),
            _ => match self.dated(word)? {
                Some(key) => Ok(key),
                None => match value.astring().and_then(SequenceSet::parse) {
                    Some(set) => Ok(Key::Numbers(set)),
                    None => bad("there is no such condition"),
                },
            },
        }
    }

    fn dated(&mut self, word: &str) -> Result<Option<Key>, Refusal> {
        let (which, word) = match word {
            "BEFORE" | "ON" | "SINCE" => (Which::Internal, word),
            "SENTBEFORE" | "SENTON" | "SENTSINCE" => (Which::Sent, &word[4..]),
            "SAVEDBEFORE" | "SAVEDON" | "SAVEDSINCE" => (Which::Saved, &word[5..]),
            _ => return Ok(None),
        };
        let day = self.day()?;
        Ok(Some(match word {
            "BEFORE" => Key::Day { which, from: i64::MIN, to: day },
            "SINCE" => Key::Day { which, from: day, to: i64::MAX },
            _ => Key::Day { which, from: day, to: day + 1 },
        }))
    }

    fn keyword(&mut self) -> Result<String, Refusal> {
        match &self.next()?.kind {
            ValueKind::Atom(word) => Ok(String::from_utf8_lossy(word).into_owned()),
            _ => bad("a keyword is an atom"),
        }
    }

    /// `MODSEQ ["/flags/…" all|priv|shared] number`
    fn modseq(&mut self) -> Result<Key, Refusal> {
        let next = self.args.get(self.at);
        if matches!(next.map(|v| &v.kind), Some(ValueKind::Quoted(_))) {
            self.next()?;
            let kind = self.next()?;
            if !["all", "priv", "shared"].iter().any(|known| kind.is_atom(known)) {
                return bad("MODSEQ wants all, priv or shared behind the name of an entry");
            }
        }
        Ok(Key::ModSeq(self.number()?))
    }
}

use super::messages::sequence_set;
use super::mime::field;
use super::selected::Selected;
use super::{Answer, Refusal, bad, no};
use crate::Message;
use crate::context::Context;
use crate::dates::{DAY, parse_imap_date};
use ehlo_wire::imap::{SequenceSet, Value, ValueKind};
use mail_parser::{HeaderValue, MessageParser};

/// A condition (RFC 3501 §6.4.4).
#[derive(Debug)]
enum Key {
    All(Vec<Key>),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    Flag(String),
    Recent,
    Numbers(SequenceSet),
    Uids(SequenceSet),
    Header(String, String),
    Body(String),
    Text(String),
    Larger(usize),
    Smaller(usize),
    Day { sent: bool, from: i64, to: i64 },
}

pub(super) fn search(
    selected: &Selected,
    uid: bool,
    args: &[Value],
    account: &str,
    out: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Answer {
    let mut args = args;
    if let [word, charset, rest @ ..] = args
        && word.is_atom("CHARSET")
    {
        let name = charset.astring().unwrap_or_default();
        if ![&b"UTF-8"[..], b"US-ASCII"].iter().any(|c| name.eq_ignore_ascii_case(c)) {
            return no("[BADCHARSET (US-ASCII UTF-8)] this charset is not supported");
        }
        args = rest;
    }
    if args.is_empty() {
        return bad("a condition is wanted");
    }
    let mut reader = Reader { args, at: 0, depth: 0 };
    let key = reader.all()?;
    let hits = cx.lab.store().with(account, |boxes| {
        let Some(mailbox) = boxes.folders.get(&selected.folder) else { return Vec::new() };
        selected
            .numbered()
            .filter(|&(number, id)| {
                mailbox.by_uid(id).is_some_and(|message| fits(&key, message, number, selected))
            })
            .map(|(number, id)| if uid { id } else { number })
            .collect()
    });
    let hits: String = hits.unwrap_or_default().iter().map(|n| format!(" {n}")).collect();
    out.extend_from_slice(format!("* SEARCH{hits}\r\n").as_bytes());
    Ok("OK done".into())
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

    fn text(&mut self) -> Result<String, Refusal> {
        match self.next()?.astring() {
            Some(text) => Ok(String::from_utf8_lossy(text).to_lowercase()),
            None => bad("a string is wanted"),
        }
    }

    fn day(&mut self) -> Result<i64, Refusal> {
        let text = self.next()?.astring().map(|t| String::from_utf8_lossy(t).into_owned());
        match text.as_deref().and_then(parse_imap_date) {
            Some(day) => Ok(day),
            None => bad("a date is of the form 1-Feb-1994"),
        }
    }

    fn size(&mut self) -> Result<usize, Refusal> {
        match self.next()?.number().and_then(|n| usize::try_from(n).ok()) {
            Some(size) => Ok(size),
            None => bad("a number is wanted"),
        }
    }

    fn key(&mut self) -> Result<Key, Refusal> {
        self.depth += 1;
        if self.depth > 100 {
            return bad("the condition is too deep");
        }
        let value = self.next()?;
        if let ValueKind::List(list) = &value.kind {
            let key = Reader { args: list, at: 0, depth: self.depth }.all()?;
            self.depth -= 1;
            return if list.is_empty() { bad("a condition is wanted") } else { Ok(key) };
        }
        let word =
            value.astring().map(|w| String::from_utf8_lossy(w).to_ascii_uppercase()).unwrap_or_default();
        let flag = |name: &str| Ok(Key::Flag(format!("\\{name}")));
        let not = |key: Key| Ok(Key::Not(Box::new(key)));
        let key = match word.as_str() {
            "ALL" => Ok(Key::All(Vec::new())),
            "ANSWERED" | "DELETED" | "DRAFT" | "FLAGGED" | "SEEN" => flag(&word),
            "UNANSWERED" | "UNDELETED" | "UNDRAFT" | "UNFLAGGED" | "UNSEEN" => {
                not(Key::Flag(format!("\\{}", &word[2..])))
            }
            "RECENT" => Ok(Key::Recent),
            "OLD" => not(Key::Recent),
            "NEW" => Ok(Key::All(vec![Key::Recent, Key::Not(Box::new(Key::Flag("\\Seen".into())))])),
            "KEYWORD" => Ok(Key::Flag(self.text()?)),
            "UNKEYWORD" => not(Key::Flag(self.text()?)),
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => Ok(Key::Header(word, self.text()?)),
            "HEADER" => {
                let name = self.text()?;
                Ok(Key::Header(name, self.text()?))
            }
            "BODY" => Ok(Key::Body(self.text()?)),
            "TEXT" => Ok(Key::Text(self.text()?)),
            "LARGER" => Ok(Key::Larger(self.size()?)),
            "SMALLER" => Ok(Key::Smaller(self.size()?)),
            "BEFORE" | "SENTBEFORE" => Ok(Key::Day { sent: word.len() > 6, from: i64::MIN, to: self.day()? }),
            "SINCE" | "SENTSINCE" => Ok(Key::Day { sent: word.len() > 5, from: self.day()?, to: i64::MAX }),
            "ON" | "SENTON" => {
                let day = self.day()?;
                Ok(Key::Day { sent: word.len() > 2, from: day, to: day + 1 })
            }
            "UID" => Ok(Key::Uids(sequence_set(self.next()?)?)),
            "NOT" => not(self.key()?),
            "OR" => {
                let first = self.key()?;
                Ok(Key::Or(Box::new(first), Box::new(self.key()?)))
            }
            _ => match SequenceSet::parse(word.as_bytes()) {
                Some(set) => Ok(Key::Numbers(set)),
                None => bad("there is no such condition"),
            },
        };
        self.depth -= 1;
        key
    }
}

fn fits(key: &Key, message: &Message, number: u32, selected: &Selected) -> bool {
    match key {
        Key::All(keys) => keys.iter().all(|k| fits(k, message, number, selected)),
        Key::Not(key) => !fits(key, message, number, selected),
        Key::Or(a, b) => fits(a, message, number, selected) || fits(b, message, number, selected),
        Key::Flag(flag) => message.has(flag),
        Key::Recent => selected.is_recent(message.uid),
        Key::Numbers(set) => set.contains(number, selected.len()),
        Key::Uids(set) => set.contains(message.uid, selected.largest_uid()),
        Key::Larger(size) => message.body.len() > *size,
        Key::Smaller(size) => message.body.len() < *size,
        Key::Header(name, wanted) => header_holds(message, name, wanted),
        Key::Body(wanted) => body_holds(message, wanted),
        Key::Text(wanted) => {
            lower(&message.body.read().unwrap_or_default()).contains(wanted)
                || body_holds(message, wanted)
                || header_holds(message, "SUBJECT", wanted)
        }
        Key::Day { sent: false, from, to } => (*from..*to).contains(&message.at.div_euclid(DAY)),
        Key::Day { sent: true, from, to } => MessageParser::default()
            .parse(&message.body.read().unwrap_or_default()[..])
            .and_then(|m| m.date().cloned())
            // The day as it is written, whatever the zone (RFC 3501 §6.4.4).
            .map(|date| {
                date.to_timestamp() + i64::from(date.tz_hour) * 3600 * if date.tz_before_gmt { -1 } else { 1 }
            })
            .is_some_and(|at| (*from..*to).contains(&at.div_euclid(DAY))),
    }
}

fn header_holds(message: &Message, name: &str, wanted: &str) -> bool {
    let end = message
        .body
        .read()
        .unwrap_or_default()
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .map_or(message.body.len(), |n| n + 2);
    let Some(raw) = field(&message.body.read().unwrap_or_default()[..end], name) else { return false };
    if wanted.is_empty() || lower(&raw).contains(wanted) {
        return true;
    }
    // Encoded words say the same in other letters.
    let bytes = message.body.read().unwrap_or_default();
    let parsed = MessageParser::default().parse(&bytes[..]);
    parsed
        .as_ref()
        .and_then(|m| m.header(name))
        .is_some_and(|value| decoded(value).to_lowercase().contains(wanted))
}

fn decoded(value: &HeaderValue<'_>) -> String {
    match value {
        HeaderValue::Text(text) => text.to_string(),
        HeaderValue::TextList(list) => list.join(" "),
        HeaderValue::Address(addresses) => addresses
            .iter()
            .map(|a| format!("{} <{}>", a.name().unwrap_or_default(), a.address().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(", "),
        _ => String::new(),
    }
}

fn body_holds(message: &Message, wanted: &str) -> bool {
    let bytes = message.body.read().unwrap_or_default();
    let Some(parsed) = MessageParser::default().parse(&bytes[..]) else { return false };
    let texts: Vec<String> =
        parsed.text_bodies().filter_map(|p| p.text_contents()).map(str::to_lowercase).collect();
    texts.iter().any(|text| text.contains(wanted))
}

fn lower(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_lowercase()
}

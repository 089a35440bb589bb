use super::{Ask, indexed, plain};
use crate::Value;
use crate::machine::Seen;
use ehlo_wire::{Reply, imap, pop3, sieve};

fn number(n: impl std::fmt::Display) -> Value {
    Value::text(n.to_string())
}

fn optional(text: Option<String>) -> Value {
    text.map_or(Value::None, Value::text)
}

/// The reply code of SMTP, the response code of the others.
pub(super) static CODE: Ask = plain("code", |seen, _| match seen.last() {
    Some(Reply::Smtp(reply)) => reply.code.map_or(Value::None, number),
    Some(Reply::Pop3(reply)) => optional(reply.code.clone()),
    Some(Reply::Imap(reply)) => {
        optional(reply.status().and_then(|s| s.code.as_ref()).map(|c| c.name.clone()))
    }
    Some(Reply::Sieve(reply)) => optional(reply.code.as_ref().map(|c| c.name.clone())),
    _ => Value::None,
});

/// The enhanced status code of SMTP.
pub(super) static ENHANCED: Ask = plain("enhanced", |seen, _| match seen.last() {
    Some(Reply::Smtp(reply)) => reply.enhanced.map_or(Value::None, number),
    _ => Value::None,
});

/// The text behind code or status.
pub(super) static TEXT: Ask = plain("text", |seen, _| match seen.last() {
    Some(Reply::Smtp(reply)) => {
        Value::Text(reply.lines.iter().map(|l| l.text.clone()).collect::<Vec<_>>().join(&b'\n'))
    }
    Some(Reply::Pop3(reply)) => Value::Text(reply.text.clone()),
    Some(Reply::Imap(reply)) => match (&reply.kind, reply.continuation()) {
        (imap::ResponseKind::Status(status), _) => Value::Text(status.text.clone()),
        (_, Some(text)) => Value::Text(text.to_vec()),
        _ => Value::Text(reply.line.clone()),
    },
    Some(Reply::Sieve(reply)) => {
        Value::Text(reply.challenge.clone().or_else(|| reply.text.clone()).unwrap_or_default())
    }
    None => Value::None,
});

/// One line of all that came, from 1.
pub(super) static LINE: Ask =
    indexed("line", |seen, n| seen.lines().into_iter().nth(n - 1).map_or(Value::None, Value::Text));

/// All lines that came.
pub(super) static LINES: Ask = plain("lines", |seen, _| Value::List(seen.lines()));

/// `+OK`, `-ERR`; `OK`, `NO`, `BAD`, `BYE`, `PREAUTH`.
pub(super) static STATUS: Ask = plain("status", |seen, _| match seen.last() {
    Some(Reply::Pop3(reply)) => Value::text(match reply.status {
        pop3::Status::Ok => "+OK",
        pop3::Status::Err => "-ERR",
        pop3::Status::Continue => "+",
        _ => "none",
    }),
    Some(Reply::Imap(reply)) => reply.status().map_or(Value::None, |s| Value::text(status_word(s.kind))),
    Some(Reply::Sieve(reply)) => reply.status.map_or(Value::None, |s| Value::text(s.word())),
    _ => Value::None,
});

/// The word of a status.
pub(crate) fn status_word(kind: imap::StatusKind) -> &'static str {
    match kind {
        imap::StatusKind::Ok => "OK",
        imap::StatusKind::No => "NO",
        imap::StatusKind::Bad => "BAD",
        imap::StatusKind::Bye => "BYE",
        imap::StatusKind::Preauth => "PREAUTH",
    }
}

/// The tag of the last status.
pub(super) static TAG: Ask = plain("tag", |seen, _| match seen.last() {
    Some(Reply::Imap(reply)) => reply.status().and_then(|s| s.tag.clone()).map_or(Value::None, Value::Text),
    _ => Value::None,
});

/// What the server says it can do, as it was told last on this connection.
pub(super) static CAPS: Ask =
    plain("caps", |seen, _| Value::List(seen.caps.iter().map(|c| c.clone().into_bytes()).collect()));

/// How long the last exchange took.
pub(super) static TIME: Ask =
    plain("time", |seen, _| Value::text(format!("{:.3}", seen.took.as_secs_f64() * 1000.0)));

/// How many bytes the last exchange brought.
pub(super) static BYTES: Ask =
    plain("bytes", |seen, _| number(seen.exchange.iter().map(|a| a.bytes.len()).sum::<usize>()));

/// The first literal of the last exchange.
pub(super) static LITERAL: Ask = plain("literal", |seen, _| {
    seen.exchange
        .iter()
        .find_map(|arrived| match &arrived.reply {
            Reply::Imap(imap::Response { kind: imap::ResponseKind::Data(data), .. }) => {
                first_literal(&data.items)
            }
            Reply::Sieve(response) => {
                response.items.iter().flat_map(|item| &item.values).find_map(|value| match &value.kind {
                    sieve::ValueKind::Literal(octets) => Some(octets.clone()),
                    _ => None,
                })
            }
            _ => None,
        })
        .map_or(Value::None, Value::Text)
});

fn first_literal(values: &[imap::Value]) -> Option<Vec<u8>> {
    values.iter().find_map(|value| match &value.kind {
        imap::ValueKind::Literal(octets) | imap::ValueKind::Literal8(octets) => Some(octets.clone()),
        imap::ValueKind::List(items) => first_literal(items),
        _ => None,
    })
}

impl Seen {
    /// The last reply.
    pub(crate) fn last(&self) -> Option<&Reply> {
        self.exchange.last().map(|a| &a.reply)
    }

    /// All lines of the last exchange.
    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        let all = self.exchange.iter().flat_map(|a| a.bytes.split(|&b| b == b'\n'));
        let cut = all.map(|l| l.strip_suffix(b"\r").unwrap_or(l).to_vec());
        cut.filter(|l| !l.is_empty()).collect()
    }
}

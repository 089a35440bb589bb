use crate::excerpt::happened;
use crate::layout::{width, wrap};
use crate::{Paint, Texts, sentence};
use ehlo_core::{Cause, DataSort, EntryKind, Failure, Side, escape};

/// Something that happens in a dialogue, to be shown at once.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    /// The time of day.
    pub time: &'a str,
    /// The number of the connection.
    pub number: u64,
    /// What is spoken: `imap`.
    pub protocol: &'a str,
    /// The service: `imaps`.
    pub service: &'a str,
    /// What happens.
    pub kind: &'a EntryKind,
    /// The bytes of data, secrets hidden.
    pub bytes: &'a [u8],
}

/// How many columns stand in front of what is said.
const LEAD: usize = 27;

/// A line for each line of the dialogue, seen from the server; longer ones are broken at `columns`, if that is given.
pub fn live(event: &Live<'_>, texts: Texts, paint: Paint, columns: Option<usize>) -> String {
    let (side, told) = told(event, texts);
    let bad = matches!(event.kind, EntryKind::Failure { .. } | EntryKind::Deviation { .. });
    let lead = match side {
        Some(Side::Client) => "C:",
        Some(Side::Server) => "S:",
        None if bad => " !",
        None => " ·",
    };
    let front = format!("{} {:>4} {:<5}", event.time, event.number, event.protocol);
    let mut out = String::new();
    for line in told {
        let parts = match columns {
            Some(columns) if LEAD + width(&line) > columns => wrap(&line, columns.saturating_sub(LEAD)),
            _ => vec![line],
        };
        for (index, part) in parts.iter().enumerate() {
            let text = match side {
                Some(Side::Client) => paint.strong(part),
                Some(Side::Server) => part.clone(),
                None if bad => paint.bad(part),
                None => paint.dim(part),
            };
            let front = match index {
                0 => format!("{} {lead}", paint.dim(&front)),
                _ => " ".repeat(LEAD - 1),
            };
            out.push_str(format!("{front} {text}").trim_end());
            out.push('\n');
        }
    }
    out
}

fn told(event: &Live<'_>, texts: Texts) -> (Option<Side>, Vec<String>) {
    match event.kind {
        EntryKind::Data { span, sort } => (Some(span.side), lines(event.bytes, *sort)),
        EntryKind::Connect { address, .. } => {
            let places: [(&str, &dyn std::fmt::Display); 2] =
                [("peer", &escape(address.as_bytes())), ("service", &event.service)];
            (None, vec![texts.say("live-connected", &places)])
        }
        EntryKind::Failure { failure: Failure { cause: Cause::TlsAlert { alert }, .. } } => {
            (None, vec![texts.say("live-tls-alert", &[("alert", alert)])])
        }
        EntryKind::Failure { failure: Failure { cause: Cause::TlsFailed { detail }, .. } } => {
            (None, vec![texts.say("live-tls-failed", &[("detail", detail)])])
        }
        EntryKind::Failure { failure } => (None, vec![sentence::failure(texts, failure)]),
        EntryKind::Closed { by, how } => {
            let who = if *by == Side::Client { "live-closed-by-client" } else { "live-closed-by-lab" };
            (None, vec![format!("{}{}", texts.ui(who), crate::excerpt::manner(texts, *how))])
        }
        other => (None, happened(texts, other).into_iter().collect()),
    }
}

/// Mail data and literals hold lines of their own; what stands inside a line of the protocol is one.
fn lines(bytes: &[u8], sort: DataSort) -> Vec<String> {
    let body = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    if sort == DataSort::Line {
        return vec![escape(body)];
    }
    let mut lines = Vec::new();
    for line in body.split(|&b| b == b'\n') {
        lines.push(escape(line.strip_suffix(b"\r").unwrap_or(line)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::{Span, is_escaped};
    use ehlo_knowledge::Lang;

    fn shown(kind: &EntryKind, bytes: &[u8], columns: Option<usize>, lang: Lang) -> String {
        let event = Live { time: "14:22:34.123", number: 7, protocol: "imap", service: "imaps", kind, bytes };
        live(&event, Texts { lang }, Paint { on: false }, columns)
    }

    #[test]
    fn a_line_for_each_line() {
        let data = |side, sort| EntryKind::Data { span: Span::new(side, 0, 1), sort };
        let line = data(Side::Client, DataSort::Line);
        assert_eq!(
            shown(&line, b"a NOOP \x1b[2J\r\n", None, Lang::En),
            "14:22:34.123    7 imap  C: a NOOP \\x1b[2J\n"
        );
        let blob = data(Side::Server, DataSort::Literal);
        let text = shown(&blob, b"Subject: x\r\n\r\nhi\r\n", None, Lang::En);
        assert_eq!(
            text,
            "14:22:34.123    7 imap  S: Subject: x\n14:22:34.123    7 imap  S:\n14:22:34.123    7 imap  S: hi\n"
        );
        let long = format!("* OK {}\r\n", "word \u{202e} ".repeat(20));
        let narrow = shown(&data(Side::Server, DataSort::Line), long.as_bytes(), Some(60), Lang::En);
        assert!(
            narrow.lines().count() > 2 && narrow.lines().all(|l| width(l) <= 60 && is_escaped(l)),
            "{narrow}"
        );
    }

    #[test]
    fn what_happens_is_told_from_the_side_of_the_server() {
        let from = EntryKind::Connect { address: "127.0.0.1".into(), local: None };
        assert!(shown(&from, b"", None, Lang::En).ends_with(" · from 127.0.0.1 to imaps\n"));
        assert!(shown(&from, b"", None, Lang::De).ends_with(" · von 127.0.0.1 an imaps\n"));
        let closed = EntryKind::Closed { by: Side::Client, how: ehlo_core::CloseKind::End };
        assert!(shown(&closed, b"", None, Lang::De).ends_with(" · vom Client geschlossen.\n"));
    }
}

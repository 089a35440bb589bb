use super::{Value, ValueKind, values};
use crate::lint::lint;
use crate::{Parsed, Unit};
use ehlo_core::facts::Answered;
use ehlo_core::{Deviation, DeviationKind, Side, Span, escape};

/// The word that ends a response (RFC 5804 §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Ok,
    /// It was not done.
    No,
    /// The server closes the connection.
    Bye,
}

impl Status {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bye => "BYE",
        }
    }
}

/// A response code, e.g. `(QUOTA/MAXSIZE)` or `(TAG "x")` (RFC 5804 §1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its name in upper case, escaped.
    pub name: String,
    /// What follows the name.
    pub args: Vec<Value>,
    /// Its bytes, brackets included.
    pub span: Span,
}

/// A line of data in a response: a capability, the name of a script, a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What stands in it.
    pub values: Vec<Value>,
    /// Its bytes, line ending included.
    pub span: Span,
}

/// A response: lines of data, then `OK`, `NO` or `BYE`; or the challenge of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The lines of data.
    pub items: Vec<Item>,
    /// How it ended; none if the last line is none of those that end a response.
    pub status: Option<Status>,
    /// The response code.
    pub code: Option<Code>,
    /// The text for people.
    pub text: Option<Vec<u8>>,
    /// The challenge of a login that goes on, still in base64 (RFC 5804 §2.1).
    pub challenge: Option<Vec<u8>>,
    /// The last line without its ending; a text that is a literal is cut off.
    pub line: Vec<u8>,
    /// The bytes it was read from.
    pub span: Span,
}

impl Response {
    /// How it takes the command it answers.
    pub fn answered(&self) -> Answered {
        match self.status {
            Some(Status::Ok) => Answered::Accepted,
            Some(_) => Answered::Refused,
            None if self.challenge.is_some() => Answered::Continue,
            None => Answered::Nonsense,
        }
    }

    /// The last line, escaped; a text of several lines joined by ` / `.
    pub fn shown(&self) -> String {
        let (Some(text), true) = (&self.text, self.line.ends_with(b"}")) else { return escape(&self.line) };
        let head = self.line.iter().rposition(|&b| b == b'{').unwrap_or(self.line.len());
        let lines: Vec<String> = text
            .split(|&b| b == b'\n')
            .map(|l| escape(l.strip_suffix(b"\r").unwrap_or(l)))
            .filter(|l| !l.is_empty())
            .collect();
        format!("{}{}", escape(&self.line[..head]), lines.join(" / "))
    }

    /// The capabilities: name in upper case, escaped; value; the bytes of the line (RFC 5804 §1.7).
    pub fn capabilities(&self) -> impl Iterator<Item = (String, Option<&[u8]>, Span)> {
        self.items.iter().filter_map(|item| {
            let name = item.values.first()?.string()?;
            let value = item.values.get(1).and_then(Value::string);
            Some((escape(&name.to_ascii_uppercase()), value, item.span))
        })
    }

    /// Whether it is a list of capabilities: every server names its implementation (RFC 5804 §1.7).
    pub fn lists_capabilities(&self) -> bool {
        self.capabilities().any(|(name, ..)| name == "IMPLEMENTATION")
    }

    /// What the server sends with the success of a login, still in base64 (RFC 5804 §1.3, `SASL`).
    pub fn sasl_data(&self) -> Option<&[u8]> {
        self.code.as_ref().filter(|code| code.name == "SASL")?.args.first()?.string()
    }
}

/// Puts a response together.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    items: Vec<Item>,
    bytes: u64,
    span: Option<Span>,
    deviations: Vec<Deviation>,
}

impl Assembler {
    /// How many lines are here of a response that is not complete.
    pub fn pending_lines(&self) -> usize {
        self.items.len()
    }

    /// How many bytes they have.
    pub fn pending_bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next unit; yields the response if that was its last. `login`: a login is under way, so that a lone
    /// string is a challenge.
    pub fn push(&mut self, unit: &Unit, login: bool) -> Option<Parsed<Response>> {
        let span = Span::new(Side::Server, unit.from, unit.to());
        self.span = Some(self.span.map_or(span, |s| s.join(span)));
        self.bytes += unit.bytes.len() as u64;
        self.deviations.extend(lint(unit, Side::Server, usize::MAX, true));
        let mut deviations = Vec::new();
        let values = values(unit, Side::Server, &mut deviations);
        let line = unit.first_line().to_vec();
        if line.is_empty() {
            deviations.push(Deviation::new(DeviationKind::EmptyLine, span));
        }
        match values.first().map(|value| &value.kind) {
            Some(ValueKind::Atom(word)) => {
                let status = [Status::Ok, Status::No, Status::Bye]
                    .into_iter()
                    .find(|status| word.eq_ignore_ascii_case(status.word().as_bytes()));
                let Some(status) = status else {
                    // Not a line of the protocol: where atoms begin and end in it does not matter.
                    return Some(self.junk(line, span));
                };
                let (code, text) = tail(unit, &values, &mut deviations);
                self.deviations.append(&mut deviations);
                let mut response = self.finish(line);
                response.value.status = Some(status);
                response.value.code = code;
                response.value.text = text;
                Some(response)
            }
            Some(ValueKind::Quoted(text) | ValueKind::Literal(text)) if login => {
                let text = text.clone();
                self.deviations.append(&mut deviations);
                let mut response = self.finish(line);
                response.value.challenge = Some(text);
                Some(response)
            }
            Some(ValueKind::Quoted(_) | ValueKind::Literal(_)) => {
                self.deviations.append(&mut deviations);
                self.items.push(Item { values, span });
                None
            }
            Some(ValueKind::List(_)) | None => Some(self.junk(line, span)),
        }
    }

    /// What there is of a response when the stream ends.
    pub fn cut_short(&mut self) -> Option<Parsed<Response>> {
        let span = self.span.filter(|_| !self.items.is_empty())?;
        self.deviations.push(Deviation::new(DeviationKind::MissingItem, span));
        Some(self.finish(Vec::new()))
    }

    fn junk(&mut self, line: Vec<u8>, span: Span) -> Parsed<Response> {
        self.deviations.push(Deviation::new(DeviationKind::NotAReply, span));
        self.finish(line)
    }

    fn finish(&mut self, line: Vec<u8>) -> Parsed<Response> {
        self.bytes = 0;
        let response = Response {
            items: std::mem::take(&mut self.items),
            status: None,
            code: None,
            text: None,
            challenge: None,
            line,
            span: self.span.take().unwrap_or(Span::new(Side::Server, 0, 0)),
        };
        Parsed::new(response, std::mem::take(&mut self.deviations))
    }
}

/// Code and text behind the status.
fn tail(unit: &Unit, values: &[Value], deviations: &mut Vec<Deviation>) -> (Option<Code>, Option<Vec<u8>>) {
    let mut rest = values.get(1..).unwrap_or_default();
    let mut code = None;
    if let Some(Value { kind: ValueKind::List(items), span }) = rest.first() {
        rest = &rest[1..];
        let name = items.first().and_then(Value::text).unwrap_or_default();
        if !matches!(items.first().map(|i| &i.kind), Some(ValueKind::Atom(_))) {
            deviations.push(Deviation::new(DeviationKind::MissingItem, *span));
        }
        let args = items.get(1..).unwrap_or_default().to_vec();
        code = Some(Code { name: escape(&name.to_ascii_uppercase()), args, span: *span });
    }
    let Some(first) = rest.first() else { return (code, None) };
    if let Some(text) = first.string() {
        if let Some(more) = rest.get(1) {
            deviations.push(Deviation::new(DeviationKind::UnexpectedResponse, more.span));
        }
        return (code, Some(text.to_vec()));
    }
    // Text without quotes: told, and read to the end of the line.
    deviations.push(Deviation::new(DeviationKind::BadAtom, first.span));
    let from = usize::try_from(first.span.from - unit.from).unwrap_or(0);
    let text = &unit.first_line()[from.min(unit.first_line().len())..];
    (code, Some(text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};

    fn read(bytes: &[u8], login: bool) -> Vec<Parsed<Response>> {
        let mut framer = Framer::new(FramerMode::SieveResponses, &ehlo_core::Limits::default());
        framer.push(bytes);
        let mut assembler = Assembler::default();
        let mut found = Vec::new();
        while let Some(FramerEvent::Unit(unit)) = framer.next() {
            found.extend(assembler.push(&unit, login));
        }
        found.extend(assembler.cut_short());
        found
    }

    #[test]
    fn the_greeting_lists_capabilities() {
        let found = read(
            b"\"IMPLEMENTATION\" {3}\r\nx\"y\r\n\"sieve\" \"a b\"\r\n\"STARTTLS\"\r\nOK \"ready.\"\r\n",
            false,
        );
        let response = &found[0].value;
        assert_eq!((found.len(), response.answered()), (1, Answered::Accepted));
        let capabilities: Vec<_> = response.capabilities().map(|(n, v, _)| (n, v)).collect();
        assert_eq!(capabilities[0], ("IMPLEMENTATION".into(), Some(&b"x\"y"[..])));
        assert_eq!(capabilities[1], ("SIEVE".into(), Some(&b"a b"[..])));
        assert_eq!(capabilities[2], ("STARTTLS".into(), None));
        assert!(response.lists_capabilities() && found[0].deviations.is_empty());
    }

    #[test]
    fn codes_and_texts() {
        for (bytes, code, text, deviations) in [
            (&b"OK\r\n"[..], None, None, &[][..]),
            (b"NO (quota/maxsize) \"big\"\r\n", Some("QUOTA/MAXSIZE"), Some("big"), &[]),
            (b"NO {5}\r\na\r\nb\n\r\n", None, Some(r"a\x0d\x0ab\x0a"), &[]),
            (b"OK (WARNINGS) {1}\r\nw\r\n", Some("WARNINGS"), Some("w"), &[]),
            (b"OK Logged in.\r\n", None, Some("Logged in."), &["bad-atom"]),
            (b"OK \"a\" \"b\"\r\n", None, Some("a"), &["unexpected-response"]),
            (b"OK () \"a\"\r\n", Some(""), Some("a"), &["missing-item"]),
        ] {
            let found = read(bytes, false);
            let response = &found[0].value;
            assert_eq!(response.code.as_ref().map(|c| c.name.as_str()), code, "{bytes:?}");
            assert_eq!(response.text.as_ref().map(|t| escape(t)).as_deref(), text, "{bytes:?}");
            let ids: Vec<_> = found[0].deviations.iter().map(|d| d.kind.id()).collect();
            assert_eq!(ids, deviations, "{bytes:?}");
        }
        assert_eq!(read(b"NO (X) {6}\r\na\r\nb\r\n\r\n", false)[0].value.shown(), "NO (X) a / b");
    }

    #[test]
    fn a_string_is_a_challenge_while_a_login_is_under_way() {
        let found = read(b"\"PDE=\"\r\nOK (SASL \"dj0x\")\r\n", true);
        assert_eq!(found[0].value.challenge.as_deref(), Some(&b"PDE="[..]));
        assert_eq!(found[0].value.answered(), Answered::Continue);
        assert_eq!(found[1].value.sasl_data(), Some(&b"dj0x"[..]));
        // Without a login it is data of a response that never ended.
        let found = read(b"\"PDE=\"\r\n", false);
        assert_eq!(found[0].value.answered(), Answered::Nonsense);
        assert_eq!(found[0].deviations[0].kind, DeviationKind::MissingItem);
    }

    #[test]
    fn junk_ends_a_response() {
        let found = read(b"\"a\"\r\n220 smtp\r\n\r\n", false);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].value.items.len(), found[0].value.answered()), (1, Answered::Nonsense));
    }
}

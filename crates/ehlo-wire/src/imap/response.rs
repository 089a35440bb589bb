use super::{Value, values};
use crate::lint::lint;
use crate::{Parsed, Unit};
use ehlo_core::facts::Answered;
use ehlo_core::{Deviation, DeviationKind, Side, Span};

/// One response (RFC 9051 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// What it is.
    pub kind: ResponseKind,
    /// Its first line, without the ending.
    pub line: Vec<u8>,
    /// The bytes it was read from.
    pub span: Span,
}

/// The kinds of responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// `tag OK …` or `* OK …` and their like.
    Status(Status),
    /// `+ …`
    Continuation(Vec<u8>),
    /// `* NAME …` or `* n NAME …`
    Data(Data),
    /// Nothing of the kind.
    Junk,
}

/// A status response (RFC 9051 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The tag; none for `*`.
    pub tag: Option<Vec<u8>>,
    /// What it says.
    pub kind: StatusKind,
    /// The response code in brackets.
    pub code: Option<Code>,
    /// The text for people.
    pub text: Vec<u8>,
}

/// The words of status responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// `OK`
    Ok,
    /// `NO`
    No,
    /// `BAD`
    Bad,
    /// `BYE`
    Bye,
    /// `PREAUTH`
    Preauth,
}

/// A response code, e.g. `[UIDVALIDITY 7]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its name in upper case, escaped.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Value>,
    /// Its bytes, without the brackets.
    pub span: Span,
}

/// Server data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The number in front, if there is one.
    pub number: Option<u64>,
    /// Its name in upper case, escaped.
    pub name: String,
    /// The rest.
    pub items: Vec<Value>,
}

impl Response {
    /// How it takes the command it answers.
    pub fn answered(&self) -> Answered {
        match &self.kind {
            ResponseKind::Status(status) => match status.kind {
                StatusKind::Ok | StatusKind::Preauth => Answered::Accepted,
                StatusKind::No | StatusKind::Bad | StatusKind::Bye => Answered::Refused,
            },
            ResponseKind::Continuation(_) => Answered::Continue,
            ResponseKind::Data(_) => Answered::Accepted,
            ResponseKind::Junk => Answered::Nonsense,
        }
    }

    /// The text of a continuation request.
    pub fn continuation(&self) -> Option<&[u8]> {
        match &self.kind {
            ResponseKind::Continuation(text) => Some(text),
            _ => None,
        }
    }

    /// The status response, if it is one.
    pub fn status(&self) -> Option<&Status> {
        match &self.kind {
            ResponseKind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The data of that name, if it is such.
    pub fn data(&self, name: &str) -> Option<&Data> {
        match &self.kind {
            ResponseKind::Data(data) if data.name == name => Some(data),
            _ => None,
        }
    }
}

/// The longest response line that a client must expect (RFC 7162 §4).
const LONGEST_LINE: usize = 8192;

/// Reads a response.
pub fn parse_response(unit: &Unit) -> Parsed<Response> {
    let mut deviations = lint(unit, Side::Server, LONGEST_LINE, true);
    let line = unit.first_line();
    let kind = Reader { unit, line, deviations: &mut deviations }.read();
    let response =
        Response { kind, line: line.to_vec(), span: Span::new(Side::Server, unit.from, unit.to()) };
    Parsed::new(response, deviations)
}

struct Reader<'a> {
    unit: &'a Unit,
    line: &'a [u8],
    deviations: &'a mut Vec<Deviation>,
}

impl Reader<'_> {
    fn read(&mut self) -> ResponseKind {
        let line = self.line;
        if let Some(rest) = line.strip_prefix(b"+") {
            return match rest.strip_prefix(b" ") {
                Some(text) => ResponseKind::Continuation(text.to_vec()),
                None => {
                    // continue-req = "+" SP (resp-text / base64)
                    self.deviate(DeviationKind::MissingText, 0, line.len());
                    ResponseKind::Continuation(rest.to_vec())
                }
            };
        }
        if line.is_empty() {
            self.deviate(DeviationKind::EmptyLine, 0, 0);
            return ResponseKind::Junk;
        }
        let (first, after) = word(line, 0);
        let tag = (first != b"*").then(|| first.to_vec());
        let (second, after_second) = word(line, self.blanks(after));
        if let Some(kind) = status_kind(second) {
            if second.iter().any(u8::is_ascii_lowercase) {
                self.deviate(DeviationKind::WrongCase, after_second - second.len(), after_second);
            }
            let untagged_only = matches!(kind, StatusKind::Bye | StatusKind::Preauth);
            if tag.is_none() || !untagged_only {
                return ResponseKind::Status(self.status(tag, kind, after_second));
            }
        }
        if tag.is_some() || second.is_empty() {
            self.deviate(DeviationKind::NotAReply, 0, line.len());
            return ResponseKind::Junk;
        }
        let (number, name, at) = match number(second) {
            Some(number) => {
                let (name, at) = word(line, self.blanks(after_second));
                (Some(number), name, at)
            }
            None => (None, second, after_second),
        };
        if name.is_empty() {
            self.deviate(DeviationKind::NotAReply, 0, line.len());
            return ResponseKind::Junk;
        }
        let name = ehlo_core::escape(&name.to_ascii_uppercase());
        let items = values(self.unit, at, Side::Server, self.deviations);
        ResponseKind::Data(Data { number, name, items })
    }

    fn status(&mut self, tag: Option<Vec<u8>>, kind: StatusKind, at: usize) -> Status {
        let line = self.line;
        let mut at = if line.get(at) == Some(&b' ') { at + 1 } else { at };
        let mut code = None;
        if line.get(at) == Some(&b'[') {
            match line[at..].iter().position(|&b| b == b']') {
                Some(close) => {
                    code = self.code(at + 1, at + close);
                    at += close + 1;
                    if line.get(at) == Some(&b' ') {
                        at += 1;
                    }
                }
                None => self.deviate(DeviationKind::UnclosedCode, at, line.len()),
            }
        }
        if at >= line.len() {
            // resp-text = ["[" resp-text-code "]" SP] [text]: rev2 allows the text to be missing, not the blank.
            self.deviate(DeviationKind::MissingText, line.len(), line.len());
        }
        Status { tag, kind, code, text: line[at.min(line.len())..].to_vec() }
    }

    fn code(&mut self, from: usize, to: usize) -> Option<Code> {
        let (name, after) = word(&self.line[..to], from);
        if name.is_empty() {
            return None;
        }
        // The arguments are read as values of a unit that ends where the code ends.
        let inner = Unit {
            bytes: self.unit.bytes[..to].to_vec(),
            from: self.unit.from,
            parts: vec![crate::Part {
                kind: crate::PartKind::Line,
                from: 0,
                to,
                ending: crate::Ending::None,
            }],
        };
        let args = values(&inner, after, Side::Server, self.deviations);
        let span = Span::new(Side::Server, self.unit.from + from as u64, self.unit.from + to as u64);
        Some(Code { name: ehlo_core::escape(&name.to_ascii_uppercase()), args, span })
    }

    /// Skips the blanks at `at`, of which there should be one.
    fn blanks(&mut self, at: usize) -> usize {
        let count = self.line[at..].iter().take_while(|&&b| b == b' ').count();
        if count > 1 {
            self.deviate(DeviationKind::ExtraSpace, at, at + count);
        }
        at + count
    }

    fn deviate(&mut self, kind: DeviationKind, from: usize, to: usize) {
        let span = Span::new(Side::Server, self.unit.from + from as u64, self.unit.from + to as u64);
        self.deviations.push(Deviation::new(kind, span));
    }
}

/// The word that begins at `at` (up to a blank or the end), and where it ends.
fn word(line: &[u8], at: usize) -> (&[u8], usize) {
    let at = at.min(line.len());
    let end = line[at..].iter().position(|&b| b == b' ').map_or(line.len(), |n| at + n);
    (&line[at..end], end)
}

fn status_kind(word: &[u8]) -> Option<StatusKind> {
    let kinds: [(&[u8], StatusKind); 5] = [
        (b"OK", StatusKind::Ok),
        (b"NO", StatusKind::No),
        (b"BAD", StatusKind::Bad),
        (b"BYE", StatusKind::Bye),
        (b"PREAUTH", StatusKind::Preauth),
    ];
    kinds.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, kind)| kind)
}

fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};

    fn read(bytes: &[u8]) -> (Response, Vec<DeviationKind>) {
        let mut framer = Framer::new(FramerMode::ImapResponses, &ehlo_core::Limits::default());
        framer.push(bytes);
        let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no unit") };
        let parsed = parse_response(&unit);
        (parsed.value, parsed.deviations.iter().map(|d| d.kind).collect())
    }

    #[test]
    fn status_responses() {
        let (response, deviations) = read(b"a7 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n");
        let status = response.status().unwrap();
        assert_eq!(status.tag.as_deref(), Some(&b"a7"[..]));
        assert_eq!(status.kind, StatusKind::No);
        assert_eq!(status.code.as_ref().unwrap().name, "AUTHENTICATIONFAILED");
        assert_eq!(status.text, b"Authentication failed.");
        assert!(deviations.is_empty());
    }

    #[test]
    fn codes_have_arguments() {
        let (response, deviations) = read(b"* OK [PERMANENTFLAGS (\\Deleted \\*)] Limited\r\n");
        let code = response.status().unwrap().code.clone().unwrap();
        assert_eq!((code.name.as_str(), code.args[0].list().unwrap().len()), ("PERMANENTFLAGS", 2));
        assert!(deviations.is_empty(), "{deviations:?}");
    }

    #[test]
    fn data_with_and_without_a_number() {
        let (response, _) = read(b"* 23 FETCH (FLAGS (\\Seen) UID 4827313)\r\n");
        let data = response.data("FETCH").unwrap();
        assert_eq!((data.number, data.items.len()), (Some(23), 1));
        assert!(read(b"* capability IMAP4rev1 IDLE\r\n").0.data("CAPABILITY").is_some());
    }

    #[test]
    fn whatever_comes_is_read() {
        use DeviationKind::*;
        for (bytes, expected) in [
            (&b"* OK\r\n"[..], vec![MissingText]),
            (b"* ok hi\r\n", vec![WrongCase]),
            (b"*  OK hi\r\n", vec![ExtraSpace]),
            (b"* OK [ALERT no\r\n", vec![UnclosedCode]),
            (b"+\r\n", vec![MissingText]),
            (b"\r\n", vec![EmptyLine]),
            (b"hello\r\n", vec![NotAReply]),
            (b"a1 BYE x\r\n", vec![NotAReply]),
            (b"*\r\n", vec![NotAReply]),
            (b"* 5\r\n", vec![NotAReply]),
            (b"* OK gr\xfc\xdfe\r\n", vec![EightBit]),
            (b"* OK gr\xc3\xbc\xc3\x9fe\n", vec![BareLf]),
            (b"* 99999999999999999999999 EXISTS\r\n", vec![]),
        ] {
            assert_eq!(read(bytes).1, expected, "{}", ehlo_core::escape(bytes));
        }
    }
}

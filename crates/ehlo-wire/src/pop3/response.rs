use crate::lint::lint;
use crate::{Parsed, Unit};
use ehlo_core::facts::Answered;
use ehlo_core::{Deviation, DeviationKind, Side, Span};

/// A response: a status line, and for some commands lines of data (RFC 1939 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// What the status line says.
    pub status: Status,
    /// The response code without its brackets, upper case, e.g. `IN-USE` (RFC 2449 §8).
    pub code: Option<String>,
    /// The text behind status and code.
    pub text: Vec<u8>,
    /// The status line without its ending.
    pub line: Vec<u8>,
    /// The lines of data, dots unstuffed, without the final dot.
    pub data: Vec<DataLine>,
    /// The bytes it was read from.
    pub span: Span,
}

/// A line of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLine {
    /// The line without stuffing and ending.
    pub text: Vec<u8>,
    /// The bytes it was read from.
    pub span: Span,
}

/// The first word of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
    /// `+ `: more is wanted (RFC 5034 §4).
    Continue,
    /// Nothing of the kind.
    Other,
}

impl Response {
    /// How it takes the command it answers.
    pub fn answered(&self) -> Answered {
        match self.status {
            Status::Ok => Answered::Accepted,
            Status::Err => Answered::Refused,
            Status::Continue => Answered::Continue,
            Status::Other => Answered::Nonsense,
        }
    }
}

/// The longest response line, ending included (RFC 1939 §3, RFC 2449 §4 raises it for responses).
const LONGEST_LINE: usize = 512;

/// Puts a response together.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    response: Option<Response>,
    deviations: Vec<Deviation>,
    bytes: u64,
}

impl Assembler {
    /// The lines of data that are here of a response that is not complete. Whoever takes them keeps a long response
    /// from filling the memory; what is left comes with the response.
    pub fn take_lines(&mut self) -> Vec<DataLine> {
        // What is wrong with the line endings of a long mail is known after a few.
        const ENOUGH: usize = 100;
        self.deviations.truncate(ENOUGH);
        match &mut self.response {
            Some(response) => {
                self.bytes = 0;
                std::mem::take(&mut response.data)
            }
            None => Vec::new(),
        }
    }

    /// How many lines of data are here of a response that is not complete.
    pub fn pending_lines(&self) -> usize {
        self.response.as_ref().map_or(0, |r| r.data.len() + 1)
    }

    /// How many bytes they have.
    pub fn pending_bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next line; yields the response if that was its last. `multi_line`: whether `+OK` is followed by data.
    pub fn push(&mut self, unit: &Unit, multi_line: bool) -> Option<Parsed<Response>> {
        self.bytes += unit.bytes.len() as u64;
        let span = Span::new(Side::Server, unit.from, unit.to());
        let body = unit.first_line();
        if let Some(response) = &mut self.response {
            response.span = response.span.join(span);
            if body == b"." {
                return self.finish();
            }
            // Mail content may be 8-bit; only its line endings are judged here (RFC 1939 §3).
            let bad_ending = |d: &Deviation| d.kind == DeviationKind::BareLf;
            self.deviations.extend(lint(unit, Side::Server, usize::MAX, true).into_iter().filter(bad_ending));
            let text = body.strip_prefix(b".").unwrap_or(body).to_vec();
            response.data.push(DataLine { text, span });
            return None;
        }
        self.deviations.extend(lint(unit, Side::Server, LONGEST_LINE, false));
        let mut deviate = |kind, from: usize, to: usize| {
            let span = Span::new(Side::Server, unit.from + from as u64, unit.from + to as u64);
            self.deviations.push(Deviation::new(kind, span));
        };
        let word_end = body.iter().position(|&b| b == b' ').unwrap_or(body.len());
        let (word, rest) = body.split_at(word_end);
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let status = match word {
            b"+" => Status::Continue,
            _ if word.eq_ignore_ascii_case(b"+OK") => Status::Ok,
            _ if word.eq_ignore_ascii_case(b"-ERR") => Status::Err,
            _ => Status::Other,
        };
        match status {
            Status::Ok | Status::Err if !word.iter().all(|b| !b.is_ascii_lowercase()) => {
                deviate(DeviationKind::WrongCase, 0, word.len());
            }
            Status::Other if body.is_empty() => deviate(DeviationKind::EmptyLine, 0, 0),
            Status::Other => deviate(DeviationKind::NotAReply, 0, body.len()),
            _ => {}
        }
        let mut code = None;
        let mut text = rest;
        if matches!(status, Status::Ok | Status::Err) && rest.starts_with(b"[") {
            match rest.iter().position(|&b| b == b']') {
                Some(close) => {
                    code = Some(ehlo_core::escape(&rest[1..close].to_ascii_uppercase()));
                    text = rest[close + 1..].strip_prefix(b" ").unwrap_or(&rest[close + 1..]);
                }
                None => deviate(DeviationKind::UnclosedCode, body.len() - rest.len(), body.len()),
            }
        }
        self.response =
            Some(Response { status, code, text: text.to_vec(), line: body.to_vec(), data: Vec::new(), span });
        if multi_line && status == Status::Ok { None } else { self.finish() }
    }

    /// Ends the response where the stream ended.
    pub fn cut_short(&mut self) -> Option<Parsed<Response>> {
        let span = self.response.as_ref()?.span;
        self.deviations
            .push(Deviation::new(DeviationKind::MissingDot, Span::new(Side::Server, span.to, span.to)));
        self.finish()
    }

    fn finish(&mut self) -> Option<Parsed<Response>> {
        self.bytes = 0;
        let response = self.response.take()?;
        Some(Parsed::new(response, std::mem::take(&mut self.deviations)))
    }
}

/// The timestamp for APOP in a greeting, brackets included (RFC 1939 §7), with its place in the text.
pub fn apop_stamp(text: &[u8]) -> Option<(&[u8], usize)> {
    let open = text.iter().position(|&b| b == b'<')?;
    let close = open + text[open..].iter().position(|&b| b == b'>')?;
    let inner = &text[open + 1..close];
    let wellformed = inner.contains(&b'@') && inner.iter().all(|b| b.is_ascii_graphic() && *b != b'<');
    wellformed.then_some((&text[open..=close], open))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};

    fn read(bytes: &[u8], multi_line: bool) -> (Response, Vec<DeviationKind>) {
        let mut framer = Framer::new(FramerMode::Lines, &ehlo_core::Limits::default());
        framer.push(bytes);
        let mut assembler = Assembler::default();
        while let Some(FramerEvent::Unit(unit)) = framer.next() {
            if let Some(found) = assembler.push(&unit, multi_line) {
                return (found.value, found.deviations.iter().map(|d| d.kind).collect());
            }
        }
        let found = assembler.cut_short().unwrap();
        (found.value, found.deviations.iter().map(|d| d.kind).collect())
    }

    #[test]
    fn status_code_and_text() {
        let (response, deviations) =
            read(b"-ERR [in-use] Do you have another POP session running?\r\n", true);
        assert_eq!((response.status, response.code.as_deref()), (Status::Err, Some("IN-USE")));
        assert_eq!(response.text, b"Do you have another POP session running?");
        assert!(deviations.is_empty());
    }

    #[test]
    fn data_is_unstuffed_up_to_the_lone_dot() {
        let (response, _) = read(b"+OK 2 octets\r\n..\r\n...x\r\n\r\n.\r\n", true);
        let lines: Vec<_> = response.data.iter().map(|l| l.text.as_slice()).collect();
        assert_eq!(lines, [&b"."[..], b"..x", b""]);
        assert_eq!(response.span, Span::new(Side::Server, 0, 29));
    }

    #[test]
    fn whatever_comes_is_read() {
        use DeviationKind::*;
        for (bytes, multi, status, expected) in [
            (&b"+ok\r\n"[..], false, Status::Ok, vec![WrongCase]),
            (b"+OK\n", false, Status::Ok, vec![BareLf]),
            (b"+OK [x\r\n", false, Status::Ok, vec![UnclosedCode]),
            (b"\r\n", false, Status::Other, vec![EmptyLine]),
            (b"hello\r\n", false, Status::Other, vec![NotAReply]),
            (b"+ VXNlcm5hbWU6\r\n", false, Status::Continue, vec![]),
            (b"+\r\n", false, Status::Continue, vec![]),
            (b"+OK\r\nTOP\r\n", true, Status::Ok, vec![MissingDot]),
        ] {
            let (response, deviations) = read(bytes, multi);
            assert_eq!((response.status, deviations), (status, expected), "{}", ehlo_core::escape(bytes));
        }
    }

    #[test]
    fn stamps() {
        assert_eq!(
            apop_stamp(b"ready <19622.1205709759@mp050> x"),
            Some((&b"<19622.1205709759@mp050>"[..], 6))
        );
        for none in ["ready", "<noat>", "<a b@c>", "<a@b", "ready <a\x1b@b>"] {
            assert_eq!(apop_stamp(none.as_bytes()), None, "{none}");
        }
    }
}

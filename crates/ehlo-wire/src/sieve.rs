//! ManageSieve (RFC 5804), as far as its greeting goes: capability lines and a status.

use crate::lint::lint;
use crate::{Parsed, Unit};
use ehlo_core::facts::Answered;
use ehlo_core::{Deviation, Side, Span};

/// A response: capability lines, then `OK`, `NO` or `BYE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The last line, without its ending.
    pub line: Vec<u8>,
    /// The capabilities: name in upper case, value without quotes, bytes of the line.
    pub capabilities: Vec<(String, Option<Vec<u8>>, Span)>,
    /// The bytes it was read from.
    pub span: Span,
}

impl Response {
    /// How it takes the command it answers.
    pub fn answered(&self) -> Answered {
        match status(&self.line) {
            Some("OK") => Answered::Accepted,
            Some(_) => Answered::Refused,
            None => Answered::Nonsense,
        }
    }
}

/// Puts a response together.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    capabilities: Vec<(String, Option<Vec<u8>>, Span)>,
    span: Option<Span>,
    deviations: Vec<Deviation>,
}

impl Assembler {
    /// How many lines are here of a response that is not complete.
    pub fn pending_lines(&self) -> usize {
        self.capabilities.len()
    }

    /// Takes the next line; yields the response if that was its last.
    pub fn push(&mut self, unit: &Unit) -> Option<Parsed<Response>> {
        let span = Span::new(Side::Server, unit.from, unit.to());
        let whole = self.span.map_or(span, |s| s.join(span));
        self.span = Some(whole);
        self.deviations.extend(lint(unit, Side::Server, usize::MAX, true));
        let line = unit.first_line();
        if line.first() == Some(&b'"') && status(line).is_none() {
            let mut strings = line.split(|&b| b == b'"').skip(1).step_by(2);
            let name = ehlo_core::escape(&strings.next().unwrap_or_default().to_ascii_uppercase());
            self.capabilities.push((name, strings.next().map(<[u8]>::to_vec), span));
            return None;
        }
        self.span = None;
        let response = Response {
            line: line.to_vec(),
            capabilities: std::mem::take(&mut self.capabilities),
            span: whole,
        };
        Some(Parsed::new(response, std::mem::take(&mut self.deviations)))
    }
}

fn status(line: &[u8]) -> Option<&'static str> {
    let word = line.split(|b| !b.is_ascii_alphabetic()).next()?;
    ["OK", "NO", "BYE"].into_iter().find(|s| word.eq_ignore_ascii_case(s.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};

    #[test]
    fn the_greeting_lists_capabilities() {
        let mut framer = Framer::new(FramerMode::Lines, &ehlo_core::Limits::default());
        framer.push(b"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\"STARTTLS\"\r\nOK \"ready.\"\r\n");
        let mut assembler = Assembler::default();
        let mut found = None;
        while let Some(FramerEvent::Unit(unit)) = framer.next() {
            found = assembler.push(&unit);
        }
        let response = found.unwrap().value;
        assert_eq!(response.answered(), Answered::Accepted);
        assert_eq!(response.capabilities[0].1.as_deref(), Some(&b"Dovecot Pigeonhole"[..]));
        assert_eq!(response.capabilities[1].0, "STARTTLS");
    }
}

use crate::pop3::{Request, parse_request};
use crate::smtp::dot_stuff;
use crate::{Framer, FramerEvent, FramerMode};
use ehlo_core::Limits;

/// Reads what a POP3 client sends.
#[derive(Debug)]
pub struct Pop3Server {
    framer: Framer,
    sasl: bool,
}

/// Something that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pop3Input {
    /// A command.
    Request(Request),
    /// A line of a SASL exchange, still in base64.
    Response(Vec<u8>),
    /// A line that was longer than allowed. Nothing more can be read.
    TooLong,
}

impl Pop3Server {
    /// A session that begins now.
    pub fn new() -> Pop3Server {
        let limits = Limits { line: 12_290, ..Limits::default() };
        Pop3Server { framer: Framer::new(FramerMode::Lines, &limits), sasl: false }
    }

    /// Takes bytes that the client sent.
    pub fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// The next line is a SASL response.
    pub fn expect_response(&mut self) {
        self.sasl = true;
    }

    /// Bytes that are not read yet.
    pub fn unread(&self) -> &[u8] {
        self.framer.rest()
    }

    /// Drops what the client sent before TLS.
    pub fn forget(&mut self) {
        self.framer.reset();
        self.sasl = false;
    }

    /// The next input, if it is whole.
    #[expect(clippy::should_implement_trait, reason = "it goes on after `None`; an iterator would not")]
    pub fn next(&mut self) -> Option<Pop3Input> {
        match self.framer.next()? {
            FramerEvent::TooLarge { .. } => Some(Pop3Input::TooLong),
            FramerEvent::Unit(unit) if std::mem::take(&mut self.sasl) => {
                Some(Pop3Input::Response(unit.first_line().to_vec()))
            }
            FramerEvent::Unit(unit) => Some(Pop3Input::Request(parse_request(unit.first_line()))),
        }
    }
}

impl Default for Pop3Server {
    fn default() -> Self {
        Pop3Server::new()
    }
}

/// Lines of data with their end: dot-stuffed, ended with CR LF if need be, and a lone dot.
pub fn encode_lines(text: &[u8]) -> Vec<u8> {
    let mut out = dot_stuff(text);
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_a_sasl_exchange_at_a_time() {
        let mut server = Pop3Server::new();
        server.push(b"AUTH LOGIN\r\nQUIT\r\nQUIT\r\n");
        assert!(matches!(server.next(), Some(Pop3Input::Request(Request::Auth { .. }))));
        server.expect_response();
        assert_eq!(server.next(), Some(Pop3Input::Response(b"QUIT".to_vec())));
        assert_eq!(server.next(), Some(Pop3Input::Request(Request::Quit)));
        assert_eq!(encode_lines(b".x"), b"..x\r\n.\r\n");
    }
}

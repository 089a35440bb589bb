use crate::imap::{Request, parse_request};
use crate::{Announced, Framer, FramerEvent, FramerMode, Parsed};
use ehlo_core::Limits;

/// Reads what an IMAP client sends.
#[derive(Debug)]
pub struct ImapServer {
    framer: Framer,
    line: bool,
    told: bool,
}

/// Something that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImapInput {
    /// A command.
    Request(Parsed<Request>),
    /// A line that is no command: a SASL response, or DONE.
    Line(Vec<u8>),
    /// A literal is announced. [`ImapServer::accept_literal`] lets it come, [`ImapServer::refuse_literal`] gives the
    /// command up. A literal that is not synchronising comes in any case; refusing it means closing.
    Literal(Announced),
    /// A line that was longer than allowed. Nothing more can be read.
    TooLong,
}

impl ImapServer {
    /// A session that begins now.
    pub fn new() -> ImapServer {
        let limits = Limits { imap_line: 64 * 1024, reply_bytes: 256 * 1024 * 1024, ..Limits::default() };
        ImapServer { framer: Framer::new(FramerMode::ImapCommands, &limits), line: false, told: false }
    }

    /// Takes bytes that the client sent.
    pub fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// The next line is no command.
    pub fn expect_line(&mut self) {
        self.line = true;
    }

    /// Lets the octets of the announced literal come.
    pub fn accept_literal(&mut self) {
        self.told = false;
        self.framer.accept_literal();
    }

    /// Gives up the command that announced the literal, and yields what there is of it.
    pub fn refuse_literal(&mut self) -> Option<Request> {
        self.told = false;
        Some(parse_request(&self.framer.refuse_literal()?).value)
    }

    /// The command that announced the literal, as far as it is here: so that a server can refuse early.
    pub fn announcing(&self) -> Option<Request> {
        let mut copy = self.framer.clone();
        Some(parse_request(&copy.refuse_literal()?).value)
    }

    /// Bytes that are not read yet.
    pub fn unread(&self) -> &[u8] {
        self.framer.rest()
    }

    /// Drops what the client sent before TLS (RFC 9051 §6.2.1).
    pub fn forget(&mut self) {
        self.framer.reset();
        self.line = false;
        self.told = false;
    }

    /// The next input, if it is whole.
    #[expect(clippy::should_implement_trait, reason = "it goes on after `None`; an iterator would not")]
    pub fn next(&mut self) -> Option<ImapInput> {
        match self.framer.next() {
            None => {
                let announced = self.framer.announced()?;
                (!std::mem::replace(&mut self.told, true)).then_some(ImapInput::Literal(announced))
            }
            Some(FramerEvent::TooLarge { .. }) => Some(ImapInput::TooLong),
            Some(FramerEvent::Unit(unit)) if std::mem::take(&mut self.line) => {
                Some(ImapInput::Line(unit.first_line().to_vec()))
            }
            Some(FramerEvent::Unit(unit)) => Some(ImapInput::Request(parse_request(&unit))),
        }
    }
}

impl Default for ImapServer {
    fn default() -> Self {
        ImapServer::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_announced_once() {
        let mut server = ImapServer::new();
        server.push(b"a LOGIN {3}\r\n");
        assert_eq!(server.next(), Some(ImapInput::Literal(Announced { size: 3, synchronising: true })));
        assert_eq!(server.next(), None);
        assert_eq!(server.announcing().unwrap().name, "LOGIN");
        server.accept_literal();
        server.push(b"bob pw\r\nb NOOP\r\n");
        let Some(ImapInput::Request(request)) = server.next() else { panic!() };
        assert_eq!(request.value.args.len(), 2);
        assert!(matches!(server.next(), Some(ImapInput::Request(_))));
    }

    #[test]
    fn a_refused_literal_leaves_the_tag() {
        let mut server = ImapServer::new();
        server.push(b"a APPEND x {999}\r\n");
        assert!(matches!(server.next(), Some(ImapInput::Literal(_))));
        assert_eq!(server.refuse_literal().unwrap().tag.as_deref(), Some("a"));
        server.push(b"b NOOP\r\n");
        assert!(matches!(server.next(), Some(ImapInput::Request(_))));
    }
}

use crate::sieve::{Request, parse_request, quote};
use crate::{Announced, Framer, FramerEvent, FramerMode, Parsed, Unit};
use ehlo_core::{Limits, Side};

/// Longest line of a client: two quoted strings of 1024 octets, a name, and room for base64.
const LONGEST_LINE: usize = 16 * 1024;
/// The largest literal that is read to its end without being kept.
const LARGEST_SKIPPED: u64 = 64 * 1024 * 1024;

/// Reads what a ManageSieve client sends.
///
/// A literal needs no consent (RFC 5804 §4), so one that is too large is read to its end and dropped: otherwise its
/// octets would be taken for commands.
#[derive(Debug)]
pub struct SieveServer {
    framer: Framer,
    largest_literal: u64,
    response: bool,
    /// How many octets of a literal are still to be dropped.
    dropping: u64,
    /// The command whose literal was dropped; its last line is still to come.
    oversize: Option<Request>,
    broken: bool,
}

/// Something that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SieveInput {
    /// A command.
    Request(Parsed<Request>),
    /// The string of a SASL exchange, still in base64; none if the line is no string.
    Response(Option<Vec<u8>>),
    /// A command with a literal larger than allowed, read as far as that; the literal was dropped.
    Oversize(Request),
    /// A line longer than allowed, or a literal that is too large even to be dropped. Nothing more can be read.
    TooLong,
}

impl SieveServer {
    /// A session that begins now and takes literals of so many octets.
    pub fn new(largest_literal: usize) -> SieveServer {
        let limits = Limits {
            line: LONGEST_LINE,
            reply_bytes: 2 * largest_literal + LONGEST_LINE,
            ..Limits::default()
        };
        SieveServer {
            framer: Framer::new(FramerMode::SieveCommands, &limits),
            largest_literal: largest_literal as u64,
            response: false,
            dropping: 0,
            oversize: None,
            broken: false,
        }
    }

    /// Takes bytes that the client sent.
    pub fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// The next line is the string of a SASL exchange.
    pub fn expect_response(&mut self) {
        self.response = true;
    }

    /// Bytes that are not read yet.
    pub fn unread(&self) -> &[u8] {
        self.framer.rest()
    }

    /// Drops what the client sent before TLS (RFC 5804 §2.2).
    pub fn forget(&mut self) {
        self.framer.reset();
        self.response = false;
        self.dropping = 0;
        self.oversize = None;
    }

    /// The next input, if it is whole.
    #[expect(clippy::should_implement_trait, reason = "it goes on after `None`; an iterator would not")]
    pub fn next(&mut self) -> Option<SieveInput> {
        while !self.broken {
            if self.dropping > 0 {
                let here = self.framer.rest().len();
                let count = usize::try_from(self.dropping).unwrap_or(usize::MAX).min(here);
                self.framer.take(count);
                self.dropping -= count as u64;
                if self.dropping > 0 {
                    return None;
                }
            }
            match self.framer.next() {
                None => match self.framer.announced() {
                    None => return None,
                    Some(announced) => self.announced(announced),
                },
                Some(FramerEvent::TooLarge { .. }) => self.broken = true,
                Some(FramerEvent::Unit(unit)) => return Some(self.unit(&unit)),
            }
        }
        Some(SieveInput::TooLong)
    }

    fn announced(&mut self, announced: Announced) {
        let fits = announced.size <= self.largest_literal && self.oversize.is_none();
        if fits {
            return self.framer.accept_literal();
        }
        if announced.size > LARGEST_SKIPPED {
            self.broken = true;
            return;
        }
        let unit = self.framer.refuse_literal();
        let begun = unit.map(|unit| parse_request(&unit).value);
        self.oversize = self.oversize.take().or(begun);
        self.dropping = announced.size;
    }

    fn unit(&mut self, unit: &Unit) -> SieveInput {
        if let Some(request) = self.oversize.take() {
            self.response = false;
            return SieveInput::Oversize(request);
        }
        if std::mem::take(&mut self.response) {
            let mut deviations = Vec::new();
            let values = crate::sieve::values(unit, Side::Client, &mut deviations);
            return SieveInput::Response(match &values[..] {
                [one] => one.string().map(<[u8]>::to_vec),
                _ => None,
            });
        }
        SieveInput::Request(parse_request(unit))
    }
}

/// `bytes` as a server sends a string: quoted, or a literal `{n}` (RFC 5804 §4, `literal-s2c`).
pub fn encode_string(bytes: &[u8]) -> Vec<u8> {
    quote(bytes).unwrap_or_else(|| [format!("{{{}}}\r\n", bytes.len()).as_bytes(), bytes].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], portion: usize) -> Vec<SieveInput> {
        let mut server = SieveServer::new(10);
        let mut found = Vec::new();
        for portion in bytes.chunks(portion) {
            server.push(portion);
            while let Some(input) = server.next() {
                let ends = input == SieveInput::TooLong;
                found.push(input);
                if ends {
                    return found;
                }
            }
        }
        found
    }

    #[test]
    fn a_literal_that_is_too_large_hides_no_command() {
        let bytes =
            b"PUTSCRIPT \"a\" {20+}\r\nLOGOUT\r\nLOGOUT\r\n1234\r\nNOOP\r\nPUTSCRIPT \"b\" {5+}\r\nkeep;\r\n";
        for portion in 1..bytes.len() {
            let found = read(bytes, portion);
            assert_eq!(found.len(), 3, "{portion}");
            assert!(
                matches!(&found[0], SieveInput::Oversize(Request::Syntax(usage)) if usage.starts_with("PUTSCRIPT"))
            );
            let put = Request::PutScript { name: b"b".to_vec(), content: b"keep;".to_vec() };
            assert!(matches!(&found[2], SieveInput::Request(request) if request.value == put));
        }
    }

    #[test]
    fn what_cannot_be_dropped_ends_the_session() {
        assert_eq!(read(b"CHECKSCRIPT {99999999999+}\r\nabc", 5), [SieveInput::TooLong]);
        let long = vec![b'x'; LONGEST_LINE + 2];
        assert_eq!(read(&long, 1000), [SieveInput::TooLong]);
        // Two literals too large in one command.
        let found = read(b"PUTSCRIPT {11+}\r\n12345678901 {11+}\r\nLOGOUT\r\n123\r\nNOOP\r\n", 3);
        assert!(matches!(&found[..], [SieveInput::Oversize(_), SieveInput::Request(_)]), "{found:?}");
    }

    #[test]
    fn responses_are_strings() {
        let mut server = SieveServer::new(100);
        server.push(b"\"eA==\"\r\n{4+}\r\neA==\r\nNOOP\r\nNOOP\r\n");
        for expected in [Some(b"eA==".to_vec()), Some(b"eA==".to_vec()), None] {
            server.expect_response();
            assert_eq!(server.next(), Some(SieveInput::Response(expected)));
        }
        assert!(matches!(server.next(), Some(SieveInput::Request(_))));
        assert_eq!(encode_string(b"a\r\n"), b"{3}\r\na\r\n");
        assert_eq!(encode_string(b"a\"b"), b"\"a\\\"b\"");
    }
}

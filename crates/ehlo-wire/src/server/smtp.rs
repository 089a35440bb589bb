use crate::smtp::{Request, parse_request};
use crate::{Framer, FramerEvent, FramerMode};
use ehlo_core::Limits;

/// Reads what an SMTP or LMTP client sends.
#[derive(Debug)]
pub struct SmtpServer {
    framer: Framer,
    mode: Mode,
    data: Vec<u8>,
    largest_message: usize,
    oversize: bool,
    at_line_start: bool,
    dot: usize,
}

/// Something that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpInput {
    /// A command, and its line without the ending.
    Request(Request, Vec<u8>),
    /// A line of a SASL exchange, still in base64.
    Response(Vec<u8>),
    /// A message, dots unstuffed.
    Message(Vec<u8>),
    /// A message that was larger than allowed; it was read to its end and dropped.
    OversizeMessage,
    /// A line that was longer than allowed. Nothing more can be read.
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Commands,
    Sasl,
    Data,
}

impl SmtpServer {
    /// A session that begins now and takes messages of up to `largest_message` bytes.
    pub fn new(largest_message: usize) -> SmtpServer {
        // RFC 4954 §4: a base64 line may have 12288 octets.
        let limits = Limits { line: 12_290, ..Limits::default() };
        SmtpServer {
            framer: Framer::new(FramerMode::Lines, &limits),
            mode: Mode::Commands,
            data: Vec::new(),
            largest_message,
            oversize: false,
            at_line_start: true,
            dot: 0,
        }
    }

    /// Takes bytes that the client sent.
    pub fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// The next line is a SASL response.
    pub fn expect_response(&mut self) {
        self.mode = Mode::Sasl;
    }

    /// What comes next is a message.
    pub fn expect_data(&mut self) {
        self.mode = Mode::Data;
        self.data.clear();
        self.oversize = false;
        self.at_line_start = true;
        self.dot = 2;
    }

    /// Drops what the client sent before TLS (RFC 3207 §4.2).
    pub fn forget(&mut self) {
        self.framer.reset();
        self.mode = Mode::Commands;
    }

    /// Bytes that are not read yet.
    pub fn unread(&self) -> &[u8] {
        self.framer.rest()
    }

    /// The next input, if it is whole.
    #[expect(clippy::should_implement_trait, reason = "it goes on after `None`; an iterator would not")]
    pub fn next(&mut self) -> Option<SmtpInput> {
        if self.mode == Mode::Data {
            return self.next_data();
        }
        match self.framer.next()? {
            FramerEvent::TooLarge { .. } => Some(SmtpInput::TooLong),
            FramerEvent::Unit(unit) => {
                let line = unit.first_line();
                if self.mode == Mode::Sasl {
                    self.mode = Mode::Commands;
                    return Some(SmtpInput::Response(line.to_vec()));
                }
                Some(SmtpInput::Request(parse_request(line), line.to_vec()))
            }
        }
    }

    fn next_data(&mut self) -> Option<SmtpInput> {
        const END: &[u8] = b"\r\n.\r\n";
        let bytes = self.framer.take(usize::MAX);
        for (at, &byte) in bytes.iter().enumerate() {
            self.dot = match (self.dot, byte) {
                (n, byte) if byte == END[n] => n + 1,
                (_, b'\r') => 1,
                _ => 0,
            };
            if self.dot == END.len() {
                self.mode = Mode::Commands;
                self.framer.push(&bytes[at + 1..]);
                // What was taken of the end mark: the dot (its CR LF belongs to the text) and CR.
                self.data.truncate(self.data.len().saturating_sub(1));
                let message = std::mem::take(&mut self.data);
                return Some(match self.oversize || message.len() > self.largest_message {
                    true => SmtpInput::OversizeMessage,
                    false => SmtpInput::Message(message),
                });
            }
            let stuffed = self.at_line_start && byte == b'.';
            self.at_line_start = byte == b'\n';
            if stuffed {
                continue;
            }
            if self.data.len() >= self.largest_message + 2 {
                self.oversize = true;
                self.data.truncate(2);
            }
            self.data.push(byte);
        }
        None
    }
}

/// A reply: `code`, and one line for each text; `enhanced` goes in front of each.
pub fn encode_reply(code: u16, enhanced: Option<&str>, lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let last = lines.len().saturating_sub(1);
    for (index, text) in lines.iter().enumerate() {
        let separator = if index == last { ' ' } else { '-' };
        let enhanced = enhanced.map_or(String::new(), |e| format!("{e} "));
        out.extend_from_slice(format!("{code}{separator}{enhanced}{text}\r\n").as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], portion: usize) -> Vec<SmtpInput> {
        let mut server = SmtpServer::new(20);
        let mut found = Vec::new();
        for portion in bytes.chunks(portion) {
            server.push(portion);
            while let Some(input) = server.next() {
                if let SmtpInput::Request(Request::Data, _) = &input {
                    server.expect_data();
                }
                found.push(input);
            }
        }
        found
    }

    #[test]
    fn messages_are_unstuffed_whatever_the_portions() {
        let bytes = b"DATA\r\n..a\r\nb\n.\nc\r\n.\r\nDATA\r\n.\r\nQUIT\r\n";
        for portion in 1..bytes.len() {
            let found = read(bytes, portion);
            assert_eq!(found[1], SmtpInput::Message(b".a\r\nb\n\nc\r\n".to_vec()), "{portion}");
            assert_eq!(found[3], SmtpInput::Message(Vec::new()));
            assert!(matches!(found[4], SmtpInput::Request(Request::Quit, _)));
        }
    }

    #[test]
    fn oversize_messages_are_read_to_their_end() {
        let found = read(b"DATA\r\n0123456789\r\n0123456789\r\n0123456789\r\n.\r\nNOOP\r\n", 7);
        assert_eq!(found[1], SmtpInput::OversizeMessage);
        assert!(matches!(found[2], SmtpInput::Request(Request::Noop, _)));
        // The limit is exact.
        for (text, fits) in [("123456789012345678", true), ("1234567890123456789", false)] {
            let found = read(format!("DATA\r\n{text}\r\n.\r\n").as_bytes(), 7);
            assert_eq!(matches!(found[1], SmtpInput::Message(_)), fits, "{text}");
        }
    }

    #[test]
    fn replies_of_several_lines() {
        assert_eq!(encode_reply(250, None, &["lab", "SIZE"]), b"250-lab\r\n250 SIZE\r\n");
        assert_eq!(encode_reply(550, Some("5.1.1"), &["no"]), b"550 5.1.1 no\r\n");
    }
}

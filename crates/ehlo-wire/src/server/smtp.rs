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
    /// The last byte of the message that was looked at, and the one before it; both LF and CR at its beginning.
    last: [u8; 2],
}

/// Something that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpInput {
    /// A command.
    Request(Request),
    /// A line of a SASL exchange, still in base64.
    Response(Vec<u8>),
    /// A message, dots unstuffed if it came by DATA.
    Message(Vec<u8>),
    /// A message that was larger than allowed; it was read to its end and dropped.
    OversizeMessage,
    /// A chunk of a message is here, and there are more to come (RFC 3030 §2).
    Chunk {
        /// Whether the message is larger than allowed already.
        oversize: bool,
    },
    /// A chunk that nobody wanted was read to its end and dropped.
    DroppedChunk,
    /// A line that was longer than allowed. Nothing more can be read.
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Commands,
    Sasl,
    Data,
    Chunk { left: u64, last: bool, kept: bool },
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
            last: *b"\r\n",
        }
    }

    /// From now on messages may have up to `largest_message` bytes.
    pub fn set_largest_message(&mut self, largest_message: usize) {
        self.largest_message = largest_message;
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
        self.drop_chunks();
        self.last = *b"\r\n";
    }

    /// The chunk that [`Request::Bdat`] announced belongs to a message that is wanted. Without this it is dropped.
    pub fn keep_chunk(&mut self) {
        if let Mode::Chunk { kept, .. } = &mut self.mode {
            *kept = true;
        }
    }

    /// Drops the chunks that are here: the transaction is over.
    pub fn drop_chunks(&mut self) {
        self.data = Vec::new();
        self.oversize = false;
    }

    /// Drops what the client sent before TLS (RFC 3207 §4.2).
    pub fn forget(&mut self) {
        self.framer.reset();
        self.mode = Mode::Commands;
        self.drop_chunks();
    }

    /// Whether mail data are being read.
    pub fn is_in_data(&self) -> bool {
        self.mode == Mode::Data
    }

    /// Bytes that are not read yet.
    pub fn unread(&self) -> &[u8] {
        self.framer.rest()
    }

    /// The next input, if it is whole.
    #[expect(clippy::should_implement_trait, reason = "it goes on after `None`; an iterator would not")]
    pub fn next(&mut self) -> Option<SmtpInput> {
        match self.mode {
            Mode::Data => return self.next_data(),
            Mode::Chunk { left, last, kept } => return self.next_chunk(left, last, kept),
            Mode::Commands | Mode::Sasl => {}
        }
        match self.framer.next()? {
            FramerEvent::TooLarge { .. } => Some(SmtpInput::TooLong),
            FramerEvent::Unit(unit) => {
                let line = unit.first_line();
                if self.mode == Mode::Sasl {
                    self.mode = Mode::Commands;
                    return Some(SmtpInput::Response(line.to_vec()));
                }
                let request = parse_request(line);
                if let Request::Bdat { size, last } = request {
                    // RFC 3030 §4.2: the octets come, whether the command is accepted or not.
                    self.mode = Mode::Chunk { left: size, last, kept: false };
                }
                Some(SmtpInput::Request(request))
            }
        }
    }

    /// Reads mail data line by line: only CR LF dot CR LF ends it (RFC 5321 §4.1.1.4).
    fn next_data(&mut self) -> Option<SmtpInput> {
        const DOT: &[u8] = b".\r\n";
        let mut taken = 0;
        let rest = self.framer.rest();
        let ended = loop {
            let line = &rest[taken..];
            if line.is_empty() {
                break false;
            }
            if self.last[1] == b'\n' && line[0] == b'.' {
                let alone = self.last[0] == b'\r';
                if alone && line.starts_with(DOT) {
                    taken += DOT.len();
                    break true;
                }
                if alone && DOT.starts_with(line) {
                    // What follows decides what the dot is.
                    break false;
                }
                taken += 1;
                self.last = *b"\n.";
                continue;
            }
            let end = memchr::memchr(b'\n', line).map_or(line.len(), |at| at + 1);
            let line = &line[..end];
            self.last = match *line {
                [.., before, last] => [before, last],
                [last] => [self.last[1], last],
                [] => self.last,
            };
            taken += end;
            if self.oversize || self.data.len() + end > self.largest_message {
                self.oversize = true;
                self.data = Vec::new();
            } else {
                self.data.extend_from_slice(line);
            }
        };
        self.framer.skip(taken);
        if !ended {
            return None;
        }
        self.mode = Mode::Commands;
        Some(self.message())
    }

    fn next_chunk(&mut self, left: u64, last: bool, kept: bool) -> Option<SmtpInput> {
        let rest = self.framer.rest();
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        if kept {
            // The size was announced, so it is known at once whether it is too much.
            let whole = left.saturating_add(self.data.len() as u64);
            if self.oversize || whole > self.largest_message as u64 {
                self.oversize = true;
                self.data = Vec::new();
            } else {
                self.data.extend_from_slice(&rest[..here]);
            }
        }
        self.framer.skip(here);
        let left = left - here as u64;
        if left > 0 {
            self.mode = Mode::Chunk { left, last, kept };
            return None;
        }
        self.mode = Mode::Commands;
        Some(match (kept, last) {
            (false, _) => SmtpInput::DroppedChunk,
            (true, false) => SmtpInput::Chunk { oversize: self.oversize },
            (true, true) => self.message(),
        })
    }

    fn message(&mut self) -> SmtpInput {
        let data = std::mem::take(&mut self.data);
        match std::mem::take(&mut self.oversize) {
            true => SmtpInput::OversizeMessage,
            false => SmtpInput::Message(data),
        }
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
                match &input {
                    SmtpInput::Request(Request::Data) => server.expect_data(),
                    SmtpInput::Request(Request::Bdat { size, .. }) if *size != 7 => server.keep_chunk(),
                    _ => {}
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
            assert!(matches!(found[4], SmtpInput::Request(Request::Quit)));
        }
    }

    #[test]
    fn oversize_messages_are_read_to_their_end() {
        let found = read(b"DATA\r\n0123456789\r\n0123456789\r\n0123456789\r\n.\r\nNOOP\r\n", 7);
        assert_eq!(found[1], SmtpInput::OversizeMessage);
        assert!(matches!(found[2], SmtpInput::Request(Request::Noop)));
        // The limit is exact.
        for (text, fits) in [("123456789012345678", true), ("1234567890123456789", false)] {
            let found = read(format!("DATA\r\n{text}\r\n.\r\n").as_bytes(), 7);
            assert_eq!(matches!(found[1], SmtpInput::Message(_)), fits, "{text}");
        }
    }

    #[test]
    fn nothing_but_a_dot_between_two_line_ends_ends_a_message() {
        for text in
            ["a\n.\r\nb\r\n", "a\r.\r\nb\r\n", "a\r\n.\rb\r\n", "a\r\n.\nb\r\n", ".\r\r\n", "\n.\n.\r\n"]
        {
            let bytes = format!("DATA\r\n{text}\r\n.\r\nQUIT\r\n");
            for portion in 1..bytes.len() {
                let found = read(bytes.as_bytes(), portion);
                assert_eq!(found.len(), 3, "{text:?} {portion}: {found:?}");
                assert!(matches!(found[2], SmtpInput::Request(Request::Quit)));
            }
        }
    }

    #[test]
    fn chunks_are_counted_whatever_the_portions() {
        let bytes = b"BDAT 5\r\na\r\n.\rBDAT 7\r\nNOOP\r\n.BDAT 0\r\nBDAT 3 LAST\r\n\nQ.NOOP\r\n";
        for portion in 1..bytes.len() {
            let found = read(bytes, portion);
            assert_eq!(found[1], SmtpInput::Chunk { oversize: false }, "{portion}");
            assert_eq!(found[3], SmtpInput::DroppedChunk);
            assert_eq!(found[5], SmtpInput::Chunk { oversize: false });
            assert_eq!(found[7], SmtpInput::Message(b"a\r\n.\r\nQ.".to_vec()));
            assert_eq!(found[8..], [SmtpInput::Request(Request::Noop)]);
        }
    }

    #[test]
    fn huge_chunks_take_no_room() {
        let mut server = SmtpServer::new(20);
        server.push(b"BDAT 99999999999 LAST\r\n");
        assert!(matches!(server.next(), Some(SmtpInput::Request(_))));
        server.keep_chunk();
        for _ in 0..100 {
            server.push(&[b'x'; 1000]);
            assert_eq!(server.next(), None);
            assert!(server.data.capacity() <= 20 && server.unread().is_empty());
        }
        let found = read(b"BDAT 25\r\n1234567890123456789012345BDAT 1 LAST\r\nxNOOP\r\n", 4);
        assert_eq!(found[1], SmtpInput::Chunk { oversize: true });
        assert_eq!(found[3..], [SmtpInput::OversizeMessage, SmtpInput::Request(Request::Noop)]);
    }

    #[test]
    fn replies_of_several_lines() {
        assert_eq!(encode_reply(250, None, &["lab", "SIZE"]), b"250-lab\r\n250 SIZE\r\n");
        assert_eq!(encode_reply(550, Some("5.1.1"), &["no"]), b"550 5.1.1 no\r\n");
    }
}

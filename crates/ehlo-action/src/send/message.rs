use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// How many octets of a message are read at once.
pub(crate) const PORTION: usize = 64 * 1024;
/// A message from standard input that is larger is kept on the disk.
const LARGEST_IN_MEMORY: usize = 1024 * 1024;

/// Something that can be read as often as wanted.
pub trait Source: Send + Sync + fmt::Debug {
    /// Begins to read it.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

impl Source for PathBuf {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self)?))
    }
}

impl Source for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.clone())))
    }
}

/// What came from standard input: in memory, or in a file without a name if it is large.
#[derive(Debug)]
pub struct Spool {
    file: Arc<Mutex<tempfile::SpooledTempFile>>,
}

impl Spool {
    /// Reads all of `input`.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(mut input: impl Read) -> io::Result<Spool> {
        let mut file = tempfile::SpooledTempFile::new(LARGEST_IN_MEMORY);
        io::copy(&mut input, &mut file)?;
        Ok(Spool { file: Arc::new(Mutex::new(file)) })
    }
}

impl Source for Spool {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(SpoolReader { file: Arc::clone(&self.file), at: 0 }))
    }
}

struct SpoolReader {
    file: Arc<Mutex<tempfile::SpooledTempFile>>,
    at: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().map_err(|_| io::Error::other("a reader has panicked"))?;
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// How a piece of a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    AsIs,
    /// CR and LF that stand alone become CR LF.
    LineEnds,
    /// In lines of base64 (RFC 2045 §6.8).
    Base64,
}

/// A piece of a message.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Octets.
    Octets(Arc<[u8]>),
    /// Octets that are read when they are sent.
    Read {
        /// Where they come from.
        source: Arc<dyn Source>,
        /// So many are passed over.
        skip: u64,
        /// How they are written.
        encoding: Encoding,
    },
}

/// A message, as large as it may be: what is not at hand is read when it is sent.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The header with the empty line behind it; empty for raw data.
    pub header: Vec<u8>,
    /// What follows.
    pub body: Vec<Piece>,
    /// The Message-ID without brackets, if it is known.
    pub message_id: Option<String>,
    /// By what the message can be traced.
    pub token: Option<String>,
    /// Octets of attached files before they were encoded, and after.
    pub attached: (u64, u64),
}

impl Message {
    /// The message that `source` holds, with CR LF at the end of each line.
    pub fn stored(source: Arc<dyn Source>) -> Message {
        let piece = Piece::Read { source, skip: 0, encoding: Encoding::LineEnds };
        Message { body: vec![piece], ..Message::default() }
    }

    /// Reads the message from its beginning, header included.
    ///
    /// # Errors
    /// What the system says.
    pub fn reader(&self) -> io::Result<MessageReader> {
        let mut pieces = Vec::with_capacity(self.body.len() + 1);
        pieces.push(Box::new(Cursor::new(self.header.clone())) as Box<dyn Read + Send>);
        for piece in &self.body {
            pieces.push(piece.open()?);
        }
        pieces.reverse();
        Ok(MessageReader { pieces })
    }

    /// Reads all of it and says what it is like.
    ///
    /// # Errors
    /// What the system says.
    pub fn measure(&self) -> io::Result<Measured> {
        let mut measured = Measured::default();
        let mut reader = self.reader()?;
        let mut buffer = vec![0; PORTION];
        let mut state = Looking::default();
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            state.look(&buffer[..read], &mut measured);
        }
        measured.ends_in_line = state.last == [b'\r', b'\n'];
        measured.bare_line_ends |= state.last[1] == b'\r';
        measured.longest_line = measured.longest_line.max(state.line);
        Ok(measured)
    }
}

impl Piece {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Piece::Octets(octets) => Ok(Box::new(Cursor::new(Arc::clone(octets)))),
            Piece::Read { source, skip, encoding } => {
                let mut reader = source.open()?;
                if *skip > 0 {
                    io::copy(&mut reader.by_ref().take(*skip), &mut io::sink())?;
                }
                Ok(match encoding {
                    Encoding::AsIs => reader,
                    Encoding::LineEnds => Box::new(LineEnds::new(reader)),
                    Encoding::Base64 => Box::new(Base64::new(reader)),
                })
            }
        }
    }
}

/// Reads a message piece by piece.
pub struct MessageReader {
    /// The last comes first.
    pieces: Vec<Box<dyn Read + Send>>,
}

impl Read for MessageReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.pieces.last_mut() {
            let read = piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.pieces.pop();
        }
        Ok(0)
    }
}

/// What a message is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Octets, line ends included, before dots are doubled: what SIZE counts (RFC 1870 §4).
    pub octets: u64,
    /// Whether there are octets beyond ASCII.
    pub eight_bit: bool,
    /// Whether there are some in the header (RFC 6532).
    pub header_eight_bit: bool,
    /// Whether there is a NUL.
    pub nul: bool,
    /// Whether CR or LF stand alone.
    pub bare_line_ends: bool,
    /// Octets of the longest line, without its end.
    pub longest_line: u64,
    /// Whether it ends with CR LF.
    pub ends_in_line: bool,
}

#[derive(Default)]
struct Looking {
    last: [u8; 2],
    line: u64,
    in_body: bool,
}

impl Looking {
    fn look(&mut self, octets: &[u8], measured: &mut Measured) {
        measured.octets += octets.len() as u64;
        measured.nul |= memchr::memchr(0, octets).is_some();
        if !octets.is_ascii() {
            measured.eight_bit = true;
            measured.header_eight_bit |= !self.in_body && !self.header_part(octets).is_ascii();
        }
        let mut from = 0;
        for at in memchr::memchr2_iter(b'\r', b'\n', octets) {
            let before = if at > 0 { octets[at - 1] } else { self.last[1] };
            if octets[at] == b'\r' {
                continue;
            }
            let paired = before == b'\r';
            measured.bare_line_ends |= !paired;
            let length = self.line + (at - from) as u64 - u64::from(paired && (at > from || self.line > 0));
            measured.longest_line = measured.longest_line.max(length);
            self.in_body |= length == 0;
            self.line = 0;
            from = at + 1;
        }
        // A CR that no LF follows stands alone, too.
        measured.bare_line_ends |= self.last[1] == b'\r' && octets[0] != b'\n';
        measured.bare_line_ends |= memchr::memchr_iter(b'\r', octets)
            .any(|at| octets.get(at + 1).is_some_and(|next| *next != b'\n'));
        self.line += (octets.len() - from) as u64;
        self.last = match octets {
            [.., a, b] => [*a, *b],
            [b] => [self.last[1], *b],
            [] => self.last,
        };
    }

    /// What of `octets` belongs to the header, if its end is among them.
    fn header_part<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        let end = memchr::memmem::find(octets, b"\r\n\r\n").or_else(|| memchr::memmem::find(octets, b"\n\n"));
        &octets[..end.unwrap_or(octets.len())]
    }
}

/// Makes CR LF of every CR, LF and CR LF.
struct LineEnds {
    inner: Box<dyn Read + Send>,
    after_cr: bool,
    ready: Vec<u8>,
    at: usize,
    raw: Vec<u8>,
}

impl LineEnds {
    fn new(inner: Box<dyn Read + Send>) -> LineEnds {
        LineEnds { inner, after_cr: false, ready: Vec::new(), at: 0, raw: vec![0; PORTION] }
    }
}

impl Read for LineEnds {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            let read = self.inner.read(&mut self.raw)?;
            if read == 0 {
                return Ok(0);
            }
            (self.at, self.after_cr) = (0, mended(&self.raw[..read], self.after_cr, &mut self.ready));
        }
        Ok(hand_out(&self.ready, &mut self.at, buffer))
    }
}

/// `text` with CR LF at the end of each line; whether it ends with a CR, whose LF may follow.
pub(super) fn mended(text: &[u8], mut after_cr: bool, out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut from = 0;
    for at in memchr::memchr2_iter(b'\r', b'\n', text) {
        out.extend_from_slice(&text[from..at]);
        let joined = text[at] == b'\n' && after_cr && from == at;
        if !joined {
            out.extend_from_slice(b"\r\n");
        }
        after_cr = text[at] == b'\r';
        from = at + 1;
    }
    out.extend_from_slice(&text[from..]);
    after_cr && from == text.len()
}

/// Octets of a line before they are encoded: 76 characters (RFC 2045 §6.8).
const LINE: usize = 57;

/// How many octets `octets` become in lines of base64, without a line end behind the last.
pub(super) fn encoded_length(octets: u64) -> u64 {
    let characters = octets.div_ceil(3) * 4;
    characters + characters.div_ceil(76).saturating_sub(1) * 2
}

/// Writes lines of base64.
struct Base64 {
    inner: Box<dyn Read + Send>,
    ready: Vec<u8>,
    at: usize,
    raw: Vec<u8>,
    begun: bool,
}

impl Base64 {
    fn new(inner: Box<dyn Read + Send>) -> Base64 {
        Base64 { inner, ready: Vec::new(), at: 0, raw: vec![0; LINE * 1024], begun: false }
    }
}

impl Read for Base64 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
            let mut filled = 0;
            while filled < self.raw.len() {
                match self.inner.read(&mut self.raw[filled..])? {
                    0 => break,
                    read => filled += read,
                }
            }
            (self.at, self.ready) = (0, Vec::with_capacity(filled / 2 * 3 + 16));
            let mut line = String::with_capacity(80);
            for octets in self.raw[..filled].chunks(LINE) {
                if std::mem::replace(&mut self.begun, true) {
                    self.ready.extend_from_slice(b"\r\n");
                }
                line.clear();
                STANDARD.encode_string(octets, &mut line);
                self.ready.extend_from_slice(line.as_bytes());
            }
        }
        Ok(hand_out(&self.ready, &mut self.at, buffer))
    }
}

fn hand_out(ready: &[u8], at: &mut usize, buffer: &mut [u8]) -> usize {
    let count = buffer.len().min(ready.len() - *at);
    buffer[..count].copy_from_slice(&ready[*at..*at + count]);
    *at += count;
    count
}

/// Doubles each dot that begins a line (RFC 5321 §4.5.2), over portions.
#[derive(Debug)]
pub(super) struct DotStuffer {
    line_begins: bool,
}

impl DotStuffer {
    pub(super) fn new() -> DotStuffer {
        DotStuffer { line_begins: true }
    }

    pub(super) fn stuff(&mut self, portion: &[u8], out: &mut Vec<u8>) {
        if self.line_begins && portion.starts_with(b".") {
            out.push(b'.');
        }
        let mut done = 0;
        for at in memchr::memmem::find_iter(portion, b"\n.") {
            out.extend_from_slice(&portion[done..=at]);
            out.push(b'.');
            done = at + 1;
        }
        out.extend_from_slice(&portion[done..]);
        if let Some(last) = portion.last() {
            self.line_begins = *last == b'\n';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut reader: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        reader.read_to_end(&mut out).unwrap();
        out
    }

    /// Hands out a few octets at a time.
    struct Few(Vec<u8>, usize);

    impl Read for Few {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    #[test]
    fn line_ends_are_mended_whatever_the_portions() {
        for (text, wanted) in
            [("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd"), ("\r\r\n\n", "\r\n\r\n\r\n"), ("", ""), ("x\r", "x\r\n")]
        {
            for portion in 1..5 {
                let few = Few(text.as_bytes().to_vec(), portion);
                assert_eq!(all(LineEnds::new(Box::new(few))), wanted.as_bytes(), "{text:?} by {portion}");
            }
        }
    }

    #[test]
    fn base64_is_that_of_the_library_and_its_length_is_known() {
        for length in [0, 1, 56, 57, 58, 114, 57 * 1024, 57 * 1024 + 1, 200_000] {
            let octets: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let written = all(Base64::new(Box::new(Few(octets.clone(), 1000))));
            assert_eq!(written.len() as u64, encoded_length(length as u64), "{length}");
            assert!(written.split(|b| *b == b'\n').all(|line| line.len() <= 77));
            let joined: Vec<u8> = written.into_iter().filter(|b| !b"\r\n".contains(b)).collect();
            assert_eq!(STANDARD.decode(joined).unwrap(), octets, "{length}");
        }
    }

    #[test]
    fn dots_are_doubled_whatever_the_portions() {
        let text = b"..\r\n.\r\na.\r\n.b";
        for portion in 1..8 {
            let (mut stuffer, mut out) = (DotStuffer::new(), Vec::new());
            text.chunks(portion).for_each(|p| stuffer.stuff(p, &mut out));
            assert_eq!(out, ehlo_wire::smtp::dot_stuff(text), "by {portion}");
        }
    }

    #[test]
    fn a_message_is_measured() {
        let of = |text: &str| {
            Message { header: text.as_bytes().to_vec(), ..Message::default() }.measure().unwrap()
        };
        let good = of("Subject: x\r\n\r\nlonger line\r\n.\r\n");
        assert_eq!((good.octets, good.longest_line, good.ends_in_line), (30, 11, true));
        assert!(!good.eight_bit && !good.bare_line_ends && !good.nul);
        let body = of("A: b\r\n\r\nü");
        assert!(body.eight_bit && !body.header_eight_bit && !body.ends_in_line);
        assert!(of("A: ü\r\n\r\n").header_eight_bit);
        for bare in ["a\nb\r\n", "a\rb\r\n", "a\r", "\n", "a\r\r\n"] {
            assert!(of(bare).bare_line_ends, "{bare:?}");
        }
        assert!(of("a\0\r\n").nul);
    }

    #[test]
    fn what_came_from_standard_input_is_read_as_often_as_wanted() {
        let large: Vec<u8> = (0..3 * LARGEST_IN_MEMORY).map(|n| (n % 256) as u8).collect();
        let spool = Spool::read(large.as_slice()).unwrap();
        for _ in 0..2 {
            assert!(all(spool.open().unwrap()) == large);
        }
    }
}

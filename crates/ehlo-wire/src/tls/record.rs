//! The record layer (RFC 8446 §5.1) and the messages that records carry, as long as nothing is encrypted.

use super::Version;
use super::bytes::Writer;
use ehlo_core::{Deviation, DeviationKind, Side, Span};

/// The most that a record may hold: 2^14, and 2048 for compression and encryption (RFC 5246 §6.2.3).
const LONGEST_RECORD: usize = (1 << 14) + 2048;
/// The most plaintext that we put into one record.
const LONGEST_FRAGMENT: usize = 1 << 14;
/// The longest handshake message that is put together.
pub(super) const LONGEST_MESSAGE: usize = 128 * 1024;
/// The most bytes that are taken of one peer before it is given up.
pub(super) const MOST_BYTES: usize = 512 * 1024;
/// The most deviations that are taken down of one flight.
pub(super) const MOST_DEVIATIONS: usize = 50;

pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;

/// A record, or what else came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) content: u8,
    pub(super) version: Version,
    pub(super) fragment: Vec<u8>,
    pub(super) span: Span,
}

/// Cuts a stream into records.
#[derive(Clone, Debug)]
pub(super) struct Records {
    side: Side,
    /// Where the first byte of `buffer` stands in the stream.
    offset: u64,
    buffer: Buffer,
}

/// Bytes that are added behind and taken off in front. What was taken is let go of once for each addition, so that
/// many small pieces in one addition do not cost a move of the rest for each.
#[derive(Clone, Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    from: usize,
}

impl Buffer {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.from);
        self.from = 0;
        self.bytes.extend_from_slice(bytes);
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.from..]
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let length = length.min(self.rest().len());
        let taken = self.rest()[..length].to_vec();
        self.from += length;
        taken
    }
}

/// What stands next in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Record(Record),
    /// More bytes are needed.
    Incomplete,
    /// This is no TLS.
    NotTls,
}

impl Records {
    pub(super) fn new(side: Side, offset: u64) -> Records {
        Records { side, offset, buffer: Buffer::default() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.add(bytes);
    }

    /// What has come and belongs to no record yet.
    pub(super) fn pending(&self) -> &[u8] {
        self.buffer.rest()
    }

    /// Takes bytes off the front, and says where they stood.
    pub(super) fn take(&mut self, length: usize) -> (Vec<u8>, Span) {
        let taken = self.buffer.take(length);
        let span = Span::new(self.side, self.offset, self.offset + taken.len() as u64);
        self.offset = span.to;
        (taken, span)
    }

    pub(super) fn next(&mut self) -> Next {
        let buffer = self.buffer.rest();
        if buffer.first().is_some_and(|kind| !(20..=24).contains(kind))
            || buffer.get(1).is_some_and(|major| *major != 3)
        {
            return Next::NotTls;
        }
        let [content, major, minor, high, low, ..] = buffer[..] else { return Next::Incomplete };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > LONGEST_RECORD {
            return Next::NotTls;
        }
        if buffer.len() < 5 + length {
            return Next::Incomplete;
        }
        let version = Version(u16::from_be_bytes([major, minor]));
        let (bytes, span) = self.take(5 + length);
        Next::Record(Record { content, version, fragment: bytes[5..].to_vec(), span })
    }
}

/// A handshake message without its header (RFC 8446 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
    /// The records in which it stands.
    pub(super) span: Span,
}

/// Puts handshake messages together: one may spread over records, and one record may hold several.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages {
    buffer: Buffer,
    from: Option<Span>,
}

impl Messages {
    pub(super) fn feed(&mut self, record: &Record) {
        let begin = self.from.map_or(record.span.from, |span| span.from);
        self.from = Some(Span::new(record.span.side, begin, record.span.to));
        self.buffer.add(&record.fragment);
    }

    /// The next message; an error if it is longer than anything we take.
    pub(super) fn next(&mut self) -> Result<Option<Message>, usize> {
        let [kind, a, b, c, ..] = *self.buffer.rest() else { return Ok(None) };
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if length > LONGEST_MESSAGE {
            return Err(length);
        }
        if self.buffer.rest().len() < 4 + length {
            return Ok(None);
        }
        self.buffer.take(4);
        let body = self.buffer.take(length);
        let span = self.from.unwrap_or(Span::new(Side::Server, 0, 0));
        if self.buffer.rest().is_empty() {
            self.from = None;
        } else if let Some(from) = &mut self.from {
            // The rest stands in the last record at the latest; which byte of it is not told.
            from.from = from.to.saturating_sub(self.buffer.rest().len() as u64).max(from.from);
        }
        Ok(Some(Message { kind, body, span }))
    }

    /// Whether a message has begun that is not complete.
    pub(super) fn is_within(&self) -> bool {
        !self.buffer.rest().is_empty()
    }
}

/// Takes a deviation down, as long as there are not too many.
pub(super) fn note(deviations: &mut Vec<Deviation>, kind: DeviationKind, span: Span) {
    if deviations.len() < MOST_DEVIATIONS {
        deviations.push(Deviation::new(kind, span));
    }
}

/// Puts plaintext into records.
pub(super) fn write_records(content: u8, version: Version, payload: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    for fragment in payload.chunks(LONGEST_FRAGMENT) {
        out.u8(content);
        out.u16(version.0);
        out.vec16(|w| w.bytes(fragment));
    }
    out.finish()
}

/// Puts a header in front of a handshake message.
pub(super) fn write_message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.u8(kind);
    out.vec24(|w| w.bytes(body));
    out.finish()
}

/// An alert in a record of its own.
pub fn alert(version: Version, fatal: bool, alert: super::Alert) -> Vec<u8> {
    write_records(ALERT, version, &[if fatal { 2 } else { 1 }, alert.0])
}

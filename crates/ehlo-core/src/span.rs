use serde::{Deserialize, Serialize};
use std::fmt;

/// Who sent some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one who connected.
    Client,
    /// The one who listened.
    Server,
}

impl Side {
    /// The letter that stands for this side in a printed dialogue.
    pub fn letter(self) -> char {
        match self {
            Side::Client => 'C',
            Side::Server => 'S',
        }
    }

    /// The side at the other end.
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// A range of bytes that one side sent: offsets into that side's plaintext stream, from the first byte of the
/// connection on, TLS or not. `from` is inclusive, `to` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Who sent the bytes.
    pub side: Side,
    /// Offset of the first byte.
    pub from: u64,
    /// Offset behind the last byte.
    pub to: u64,
}

impl Span {
    /// The span `from..to` of what `side` sent.
    pub fn new(side: Side, from: u64, to: u64) -> Span {
        Span { side, from, to: to.max(from) }
    }

    /// How many bytes it covers.
    pub fn len(self) -> u64 {
        self.to - self.from
    }

    /// Whether it covers no byte.
    pub fn is_empty(self) -> bool {
        self.from == self.to
    }

    /// The smallest span that covers both; the side is that of `self`.
    pub fn join(self, other: Span) -> Span {
        Span { side: self.side, from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}..{}", self.side.letter(), self.from, self.to)
    }
}

/// Names a transcript within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TranscriptId(pub u32);

/// Names an entry within a transcript: its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub u32);

/// A place in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchor {
    /// Bytes that went over the wire.
    Bytes(Span),
    /// Something that is not bytes: a connection, a handshake, a failure.
    Entry(EntryId),
}

/// A place in one of the transcripts of a run: what a finding or a fact rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// Which transcript.
    pub transcript: TranscriptId,
    /// Where in it.
    pub anchor: Anchor,
}

impl Evidence {
    /// Bytes in `transcript`.
    pub fn bytes(transcript: TranscriptId, span: Span) -> Evidence {
        Evidence { transcript, anchor: Anchor::Bytes(span) }
    }

    /// An entry of `transcript`.
    pub fn entry(transcript: TranscriptId, entry: EntryId) -> Evidence {
        Evidence { transcript, anchor: Anchor::Entry(entry) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_never_inside_out() {
        let span = Span::new(Side::Server, 9, 4);
        assert!(span.is_empty());
        assert_eq!(span.join(Span::new(Side::Server, 2, 12)), Span::new(Side::Server, 2, 12));
        assert_eq!(Span::new(Side::Client, 0, 3).to_string(), "C0..3");
    }
}

use crate::facts::TlsFacts;
use crate::{Anchor, Deviation, EntryId, Failure, Masker, Params, Side, Span, Tick, TranscriptId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::Range;

/// Everything that happened on one connection: the bytes of both sides as they came, and entries that say what
/// they were. Bytes enter it before anybody interprets them.
///
/// Secret bytes are kept out of sight: every way out of here ([`Transcript::visible`], serialisation) shows `*` in
/// their place, so that offsets stay right.
#[derive(Clone)]
pub struct Transcript {
    /// Names it within the run.
    pub id: TranscriptId,
    /// What the connection was for, e.g. `imap://mail.example.org (main)`.
    pub label: String,
    /// What happened, in order.
    pub entries: Vec<Entry>,
    client: Stream,
    server: Stream,
    cap: usize,
    /// What lies beyond the cap has no entries either.
    brief: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When: for bytes, when the last of them came or went.
    pub tick: Tick,
    /// What.
    pub kind: EntryKind,
}

/// The kinds of entries. The set is open: a reader takes a kind it does not know as [`EntryKind::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EntryKind {
    /// The connection was made.
    Connect {
        /// Where it goes.
        address: String,
        /// Where it comes from.
        local: Option<String>,
    },
    /// Bytes that were sent or received.
    Data {
        /// Which bytes.
        span: Span,
        /// What they are.
        sort: DataSort,
    },
    /// A TLS handshake was completed.
    Handshake {
        /// What was negotiated and which certificates came.
        tls: Box<TlsFacts>,
    },
    /// The server broke a rule.
    Deviation {
        /// Which, and where.
        deviation: Deviation,
    },
    /// The dialogue could not go on.
    Failure {
        /// Why.
        failure: Failure,
    },
    /// One side ended the connection.
    Closed {
        /// Which side.
        by: Side,
        /// How.
        how: CloseKind,
    },
    /// Something we want a reader to know.
    Note {
        /// Id of the text.
        id: String,
        /// Its values.
        #[serde(default)]
        params: Params,
    },
    /// An entry of a later version.
    #[serde(other)]
    Unknown,
}

/// What some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSort {
    /// A line with its ending.
    Line,
    /// An IMAP literal.
    Literal,
    /// Bytes that belong to no line: what was left when the connection ended, or what we sent raw.
    Blob,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseKind {
    /// Plain TCP end.
    End,
    /// TLS close_notify first, as RFC 8446 §6.1 wants it.
    CloseNotify,
    /// TCP end inside TLS without close_notify.
    Truncated,
    /// TCP reset.
    Reset,
}

#[derive(Clone, Default)]
struct Stream {
    bytes: Vec<u8>,
    /// How many bytes passed in all; more than `bytes` holds when the cap was reached.
    total: u64,
    /// Offset of the first byte of each read or write, with its time.
    chunks: Vec<(u64, Tick)>,
    secret: Vec<Range<u64>>,
    scanned: usize,
}

impl Transcript {
    /// An empty transcript that keeps at most `cap` bytes of each side.
    pub fn new(id: TranscriptId, label: impl Into<String>, cap: usize) -> Transcript {
        Transcript {
            id,
            label: label.into(),
            entries: Vec::new(),
            client: Stream::default(),
            server: Stream::default(),
            cap,
            brief: false,
        }
    }

    /// The same, but what lies beyond the cap is counted and nothing else: for dialogues that carry more mail than
    /// fits into memory.
    pub fn brief(mut self) -> Transcript {
        self.brief = true;
        self
    }

    /// Whether bytes of `side` from `offset` on are only counted.
    fn is_passed_over(&self, side: Side, offset: u64) -> bool {
        self.brief && offset >= self.cap as u64 && self.stream(side).total > self.cap as u64
    }

    /// Records bytes that `side` sent, and yields their span.
    pub fn record(&mut self, side: Side, bytes: &[u8], tick: Tick) -> Span {
        let cap = self.cap;
        let from = self.stream(side).total;
        let counted = self.is_passed_over(side, from);
        let stream = self.stream_mut(side);
        if !bytes.is_empty() {
            if !counted {
                stream.chunks.push((from, tick));
            }
            stream.total += bytes.len() as u64;
            let room = cap.saturating_sub(stream.bytes.len()).min(bytes.len());
            stream.bytes.extend_from_slice(&bytes[..room]);
        }
        Span::new(side, from, stream.total)
    }

    /// Records something that happened.
    pub fn push(&mut self, tick: Tick, kind: EntryKind) -> EntryId {
        let counted = match &kind {
            EntryKind::Data { span, .. } => self.is_passed_over(span.side, span.from),
            EntryKind::Deviation { deviation } => {
                self.is_passed_over(deviation.span.side, deviation.span.from)
            }
            _ => false,
        };
        if counted {
            return EntryId(u32::try_from(self.entries.len().saturating_sub(1)).unwrap_or(u32::MAX));
        }
        self.entries.push(Entry { tick, kind });
        EntryId(u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX))
    }

    /// Hides `span` for good.
    pub fn mark_secret(&mut self, span: Span) {
        if !span.is_empty() {
            self.stream_mut(span.side).secret.push(span.from..span.to);
        }
    }

    /// Hides what the server sent that `masker` recognises, among the bytes that came since the last call.
    pub fn mask_received(&mut self, masker: &Masker) {
        let stream = &mut self.server;
        let from = stream.scanned.saturating_sub(masker.longest());
        for range in masker.find(&stream.bytes[from..]) {
            stream.secret.push((from + range.start) as u64..(from + range.end) as u64);
        }
        stream.scanned = stream.bytes.len();
    }

    /// How many bytes `side` sent.
    pub fn sent_by(&self, side: Side) -> u64 {
        self.stream(side).total
    }

    /// The bytes of `span` with every secret byte as `*`. Bytes beyond the cap are missing.
    pub fn visible(&self, span: Span) -> Vec<u8> {
        let stream = self.stream(span.side);
        let held = stream.bytes.len() as u64;
        let (from, to) = (span.from.min(held), span.to.min(held));
        let mut bytes = stream.bytes[from as usize..to as usize].to_vec();
        for secret in &stream.secret {
            for at in secret.start.max(from)..secret.end.min(to) {
                bytes[(at - from) as usize] = b'*';
            }
        }
        bytes
    }

    /// The parts of `span` that are secret, sorted, none touching another.
    pub fn secrets_in(&self, span: Span) -> Vec<Span> {
        let mut found: Vec<Span> = self
            .stream(span.side)
            .secret
            .iter()
            .map(|s| {
                Span::new(span.side, s.start.max(span.from), s.end.min(span.to).max(s.start.max(span.from)))
            })
            .filter(|s| !s.is_empty())
            .collect();
        found.sort_by_key(|s| (s.from, s.to));
        // What is secret by its place may be so by its value, too.
        let mut merged: Vec<Span> = Vec::new();
        for secret in found {
            match merged.last_mut() {
                Some(last) if secret.from <= last.to => last.to = last.to.max(secret.to),
                _ => merged.push(secret),
            }
        }
        merged
    }

    /// When the byte at `offset` of what `side` sent came or went.
    pub fn time_of(&self, side: Side, offset: u64) -> Option<Tick> {
        let chunks = &self.stream(side).chunks;
        let after = chunks.partition_point(|&(from, _)| from <= offset);
        (after > 0).then(|| chunks[after - 1].1)
    }

    /// The entries that lie in `anchor`: the entry itself, or the data entries that share bytes with the span.
    pub fn entries_at(&self, anchor: Anchor) -> Vec<EntryId> {
        match anchor {
            Anchor::Entry(id) => vec![id],
            Anchor::Bytes(wanted) => (0u32..)
                .zip(&self.entries)
                .filter(|(_, entry)| match entry.kind {
                    EntryKind::Data { span, .. } => {
                        span.side == wanted.side && span.from < wanted.to && wanted.from < span.to
                    }
                    _ => false,
                })
                .map(|(id, _)| EntryId(id))
                .collect(),
        }
    }

    /// The entry, if there is one of that number.
    pub fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(id.0 as usize)
    }

    fn stream(&self, side: Side) -> &Stream {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn stream_mut(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transcript({}, {:?}, {} entries)", self.id.0, self.label, self.entries.len())
    }
}

/// Most bytes that may be missing between two data entries of a transcript that is read.
const LARGEST_GAP: u64 = 64 * 1024;

/// The form in JSON: every data entry carries its own (masked) bytes.
#[derive(Serialize, Deserialize)]
struct Written {
    id: TranscriptId,
    label: String,
    /// Bytes that passed in each direction.
    client_bytes: u64,
    server_bytes: u64,
    entries: Vec<WrittenEntry>,
}

#[derive(Serialize, Deserialize)]
struct WrittenEntry {
    /// Microseconds since the run began.
    tick: Tick,
    #[serde(flatten)]
    kind: EntryKind,
    /// The bytes as text, escaped; secrets as `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes in base64, where the text does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// Which of the bytes are hidden: pairs of offset and length within the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    masked: Vec<(u64, u64)>,
}

impl Serialize for Transcript {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.entries.iter().map(|entry| {
            let mut written = WrittenEntry {
                tick: entry.tick,
                kind: entry.kind.clone(),
                text: None,
                base64: None,
                masked: vec![],
            };
            if let EntryKind::Data { span, .. } = entry.kind {
                let bytes = self.visible(span);
                let body = bytes.strip_suffix(b"\r\n").unwrap_or(&bytes);
                let text = crate::escape(body);
                if text.as_bytes() != body || body.len() + 2 != bytes.len() {
                    written.base64 = Some(STANDARD.encode(&bytes));
                }
                written.text = Some(text);
                written.masked =
                    self.secrets_in(span).iter().map(|s| (s.from - span.from, s.len())).collect();
            }
            written
        });
        Written {
            id: self.id,
            label: self.label.clone(),
            client_bytes: self.client.total,
            server_bytes: self.server.total,
            entries: entries.collect(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Transcript {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let mut transcript = Transcript::new(written.id, written.label, usize::MAX);
        for entry in written.entries {
            if let EntryKind::Data { span, .. } = entry.kind {
                let bytes = match (&entry.base64, &entry.text) {
                    (Some(encoded), _) => STANDARD.decode(encoded).map_err(serde::de::Error::custom)?,
                    (None, Some(text)) => [text.as_bytes(), b"\r\n"].concat(),
                    (None, None) => Vec::new(),
                };
                let stream = transcript.stream_mut(span.side);
                stream.chunks.push((span.from, entry.tick));
                // Bytes that no entry holds are unknown. A made-up offset must not make us hold memory for it.
                let held = stream.bytes.len() as u64;
                if !bytes.is_empty() && span.from >= held && span.from - held <= LARGEST_GAP {
                    stream.bytes.resize(span.from as usize, b'?');
                    stream.bytes.extend_from_slice(&bytes);
                }
                stream.total = stream.total.max(span.to);
                for (offset, length) in entry.masked {
                    let from = span.from.saturating_add(offset);
                    stream.secret.push(from..from.saturating_add(length).min(span.to));
                }
            }
            transcript.entries.push(Entry { tick: entry.tick, kind: entry.kind });
        }
        transcript.client.total = written.client_bytes.max(transcript.client.total);
        transcript.server.total = written.server_bytes.max(transcript.server.total);
        Ok(transcript)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Transcript {
        let mut t = Transcript::new(TranscriptId(3), "smtp://lab (main)", 1 << 20);
        t.push(Tick(0), EntryKind::Connect { address: "127.0.0.1:25".into(), local: None });
        for (side, bytes, tick) in [
            (Side::Server, &b"220 lab.test\r\n"[..], 10),
            (Side::Client, b"AUTH PLAIN c2VjcmV0\r\n", 20),
            (Side::Server, b"535 no \x1b[2J\xff\n", 30),
        ] {
            let span = t.record(side, bytes, Tick(tick));
            t.push(Tick(tick), EntryKind::Data { span, sort: DataSort::Line });
        }
        t.mark_secret(Span::new(Side::Client, 11, 19));
        t
    }

    #[test]
    fn secrets_never_leave() {
        let t = sample();
        assert_eq!(t.visible(Span::new(Side::Client, 0, 21)), b"AUTH PLAIN ********\r\n");
        let json = serde_json::to_string(&t).unwrap();
        assert!(!json.contains("c2VjcmV0"), "{json}");
        assert!(!format!("{t:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn json_reads_back_with_the_same_offsets() {
        let t = sample();
        let json = serde_json::to_value(&t).unwrap();
        let back: Transcript = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), json);
        assert_eq!(back.visible(Span::new(Side::Server, 14, 28)), b"535 no \x1b[2J\xff\n");
        assert_eq!(back.time_of(Side::Server, 20), Some(Tick(30)));
    }

    #[test]
    fn a_later_kind_of_entry_is_no_error() {
        let mut json = serde_json::to_value(sample()).unwrap();
        json["entries"][0] = serde_json::json!({"tick": 0, "kind": "carrier-pigeon", "colour": "grey"});
        let back: Transcript = serde_json::from_value(json).unwrap();
        assert_eq!(back.entries[0].kind, EntryKind::Unknown);
    }

    #[test]
    fn bytes_beyond_the_cap_are_counted_not_kept() {
        let mut t = Transcript::new(TranscriptId(0), "x", 8);
        let span = t.record(Side::Server, b"0123456789", Tick(1));
        assert_eq!((span.to, t.sent_by(Side::Server)), (10, 10));
        assert_eq!(t.visible(span), b"01234567");
        assert_eq!(t.record(Side::Server, b"ab", Tick(2)), Span::new(Side::Server, 10, 12));
    }

    #[test]
    fn a_brief_transcript_does_not_grow_beyond_the_cap() {
        let mut t = Transcript::new(TranscriptId(0), "x", 8).brief();
        for _ in 0..1000 {
            let span = t.record(Side::Server, b"0123", Tick(1));
            t.push(Tick(1), EntryKind::Data { span, sort: DataSort::Line });
        }
        t.push(Tick(2), EntryKind::Closed { by: Side::Server, how: CloseKind::End });
        assert_eq!((t.sent_by(Side::Server), t.entries.len(), t.server.chunks.len()), (4000, 3, 3));
    }

    #[test]
    fn echoed_secrets_are_found_across_reads() {
        let mut masker = Masker::new();
        masker.learn(b"wonderland");
        let mut t = Transcript::new(TranscriptId(0), "x", 1 << 20);
        t.record(Side::Server, b"NO you said won", Tick(1));
        t.mask_received(&masker);
        t.record(Side::Server, b"derland, alice\r\n", Tick(2));
        t.mask_received(&masker);
        assert_eq!(t.visible(Span::new(Side::Server, 0, 99)), b"NO you said **********, alice\r\n");
    }

    #[test]
    fn entries_are_found_by_the_bytes_they_hold() {
        let t = sample();
        assert_eq!(t.entries_at(Anchor::Bytes(Span::new(Side::Server, 13, 15))), [EntryId(1), EntryId(3)]);
        assert_eq!(t.entries_at(Anchor::Entry(EntryId(0))), [EntryId(0)]);
    }
}

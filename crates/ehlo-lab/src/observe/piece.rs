use ehlo_core::{DataSort, Side, Tick};
use std::ops::Range;

/// Bytes of one unit that are on their way into the record.
pub(super) struct Piece {
    pub(super) side: Side,
    pub(super) sort: DataSort,
    pub(super) tick: Tick,
    /// Offset of the first byte in what its side sent.
    pub(super) from: u64,
    /// The bytes, or the first of them.
    pub(super) bytes: Vec<u8>,
    /// How many more there were.
    pub(super) missing: u64,
    /// Whether it ends the answer to a command.
    pub(super) completes: bool,
    /// Which of the bytes are secret.
    pub(super) secrets: Vec<Range<usize>>,
}

impl Piece {
    /// Hides what lies in `from..to` of the stream; yields which of the bytes that are.
    pub(super) fn hide(&mut self, from: u64, to: u64) -> Option<Range<usize>> {
        let at = |offset: u64| {
            usize::try_from(offset.saturating_sub(self.from)).unwrap_or(usize::MAX).min(self.bytes.len())
        };
        let range = at(from)..at(to);
        if range.is_empty() {
            return None;
        }
        self.secrets.push(range.clone());
        Some(range)
    }

    /// Keeps only the first `most` bytes.
    pub(super) fn cut(&mut self, most: usize) -> u64 {
        if self.bytes.len() > most {
            self.missing += (self.bytes.len() - most) as u64;
            self.bytes.truncate(most);
            self.secrets.retain_mut(|s| {
                s.end = s.end.min(most);
                s.start < s.end
            });
        }
        std::mem::take(&mut self.missing)
    }

    /// The bytes, each secret one as `*`.
    pub(super) fn visible(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for secret in &self.secrets {
            bytes[secret.clone()].fill(b'*');
        }
        bytes
    }

    /// Whether it is a line that announces an IMAP literal.
    pub(super) fn announces_literal(&self) -> bool {
        let body = self.bytes.trim_ascii_end();
        let Some(inner) = body.strip_suffix(b"}") else { return false };
        let Some(open) = inner.iter().rposition(|&b| b == b'{') else { return false };
        let digits = &inner[open + 1..];
        let digits = digits.strip_suffix(b"+").unwrap_or(digits);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    }
}

/// What one side has sent that is in no unit yet: the first of it, so that nobody makes us hold all of it twice.
#[derive(Default)]
pub(super) struct Flow {
    /// How many bytes came in all.
    pub(super) total: u64,
    /// Up to where units were made.
    done: u64,
    head: Vec<u8>,
}

/// The most of an unfinished unit that is held.
const LONGEST_HEAD: usize = 16 * 1024;

impl Flow {
    /// Takes the bytes from `from` to `to` out, of which `chunk` is the end of all that came; yields how many are missing.
    pub(super) fn take(&mut self, from: u64, to: u64, chunk: &[u8]) -> (Vec<u8>, u64) {
        let chunk_from = self.total - chunk.len() as u64;
        let part = |bytes: &[u8], begin: u64| {
            let at = |offset: u64| {
                usize::try_from(offset.saturating_sub(begin)).unwrap_or(usize::MAX).min(bytes.len())
            };
            bytes[at(from)..at(to)].to_vec()
        };
        let mut bytes = part(&self.head, self.done);
        // Behind a hole nothing is put: offsets inside a piece must stay right.
        let whole = from.max(self.done) + bytes.len() as u64 >= to.min(chunk_from);
        if whole {
            bytes.extend(part(chunk, chunk_from));
        }
        let missing = (to - from).saturating_sub(bytes.len() as u64);
        (bytes, missing)
    }

    /// Takes note that units were made up to `to`, and holds the beginning of what is left.
    pub(super) fn advance(&mut self, to: u64, chunk: &[u8]) {
        let chunk_from = self.total - chunk.len() as u64;
        if to > self.done {
            let gone = usize::try_from(to - self.done).unwrap_or(usize::MAX).min(self.head.len());
            self.head.drain(..gone);
            self.done = to;
        }
        let held_to = self.done + self.head.len() as u64;
        if held_to >= chunk_from {
            let skip = usize::try_from(held_to - chunk_from).unwrap_or(usize::MAX).min(chunk.len());
            let room = LONGEST_HEAD.saturating_sub(self.head.len()).min(chunk.len() - skip);
            self.head.extend_from_slice(&chunk[skip..skip + room]);
        }
        if self.head.is_empty() && self.head.capacity() > 1024 {
            self.head = Vec::new();
        }
    }

    /// What is in no unit.
    pub(super) fn rest(&self) -> (u64, &[u8]) {
        (self.done, &self.head)
    }

    /// Lets go of what is in no unit.
    pub(super) fn reset(&mut self) {
        self.done = self.total;
        self.head = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_cut_out_of_chunks() {
        let mut flow = Flow::default();
        let mut push = |bytes: &[u8], units: &[(u64, u64)]| -> Vec<(Vec<u8>, u64)> {
            flow.total += bytes.len() as u64;
            let taken = units.iter().map(|&(from, to)| flow.take(from, to, bytes)).collect();
            flow.advance(units.last().map_or(0, |u| u.1), bytes);
            taken
        };
        assert_eq!(push(b"ab\ncd", &[(0, 3)]), [(b"ab\n".to_vec(), 0)]);
        assert_eq!(push(b"ef", &[]), []);
        assert_eq!(push(b"\ng\nh", &[(3, 8), (8, 10)]), [(b"cdef\n".to_vec(), 0), (b"g\n".to_vec(), 0)]);
        assert_eq!(push(b"\n", &[(10, 12)]), [(b"h\n".to_vec(), 0)]);
    }

    #[test]
    fn of_a_large_unit_the_beginning_is_held() {
        let mut flow = Flow::default();
        let chunk = [b'x'; 4096];
        for _ in 0..10 {
            flow.total += 4096;
            flow.advance(0, &chunk);
        }
        flow.total += 4;
        let (bytes, missing) = flow.take(0, 40_962, b"yy)\n");
        assert_eq!((bytes.len(), missing), (LONGEST_HEAD, 40_962 - LONGEST_HEAD as u64));
        assert_eq!(flow.take(40_962, 40_964, b"yy)\n"), (b")\n".to_vec(), 0));
    }
}

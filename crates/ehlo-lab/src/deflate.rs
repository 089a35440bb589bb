use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// So much is unpacked at a time.
const PORTION: usize = 16 * 1024;

/// COMPRESS=DEFLATE: a raw DEFLATE stream in each direction (RFC 4978 §3).
pub(crate) struct Deflate {
    out: Compress,
    back: Decompress,
}

impl Default for Deflate {
    fn default() -> Self {
        Deflate { out: Compress::new(Compression::fast(), false), back: Decompress::new(false) }
    }
}

impl Deflate {
    /// Packs what is sent, so that the client can read all of it.
    pub(crate) fn pack(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
        let mut rest = bytes;
        loop {
            out.reserve(1024);
            let before = self.out.total_in();
            // It fails for wrong parameters only, and has none.
            let ok = self.out.compress_vec(rest, &mut out, FlushCompress::Sync).is_ok();
            let taken = usize::try_from(self.out.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            // Room that is left says that nothing waits inside.
            if !ok || (rest.is_empty() && out.len() < out.capacity()) {
                return out;
            }
        }
    }

    /// Unpacks what the client sent, portion by portion: a small packet may hold a flood. Whether it was sound.
    pub(crate) fn unpack(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> bool {
        let mut rest = bytes;
        let mut portion = vec![0; PORTION];
        loop {
            let (read, written) = (self.back.total_in(), self.back.total_out());
            if self.back.decompress(rest, &mut portion, FlushDecompress::Sync).is_err() {
                return false;
            }
            let read = usize::try_from(self.back.total_in() - read).unwrap_or(usize::MAX);
            let written = usize::try_from(self.back.total_out() - written).unwrap_or(usize::MAX);
            rest = rest.get(read..).unwrap_or_default();
            if written > 0 {
                take(&portion[..written.min(PORTION)]);
            }
            if written < PORTION && (rest.is_empty() || read == 0) {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_whatever_the_portions() {
        let (mut ours, mut theirs) = (Deflate::default(), Deflate::default());
        let long = b"a1 FETCH 1 BODY[]\r\n".repeat(5000);
        for text in [&b"a1 NOOP\r\n"[..], b"", &long, b"x"] {
            let packed = ours.pack(text);
            let mut back = Vec::new();
            for portion in packed.chunks(7) {
                assert!(theirs.unpack(portion, |bytes| back.extend_from_slice(bytes)));
            }
            assert_eq!(back, text);
        }
        assert!(!Deflate::default().unpack(b"\xff\xff not deflate", |_| {}));
    }

    #[test]
    fn a_flood_comes_in_portions() {
        let packed = Deflate::default().pack(&vec![0; 1 << 22]);
        let (mut largest, mut all) = (0, 0);
        assert!(Deflate::default().unpack(&packed, |bytes| {
            largest = largest.max(bytes.len());
            all += bytes.len();
        }));
        assert_eq!((largest, all), (PORTION, 1 << 22));
    }
}

use ehlo_core::Cause;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// COMPRESS=DEFLATE: a raw DEFLATE stream in each direction (RFC 4978 §3).
pub(super) struct Deflate {
    out: Compress,
    back: Decompress,
}

impl Default for Deflate {
    fn default() -> Self {
        Deflate { out: Compress::new(Compression::default(), false), back: Decompress::new(false) }
    }
}

impl Deflate {
    /// Packs what we send, so that the server can read all of it.
    pub(super) fn pack(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let begin = self.out.total_in();
        loop {
            let done = usize::try_from(self.out.total_in() - begin).unwrap_or(usize::MAX).min(bytes.len());
            out.reserve(256);
            let before = out.len();
            // It fails for wrong parameters only, and has none.
            let ok = self.out.compress_vec(&bytes[done..], &mut out, FlushCompress::Sync).is_ok();
            let whole = done == bytes.len() && out.len() < out.capacity();
            if !ok || whole || (out.len() == before && done == bytes.len()) {
                return out;
            }
        }
    }

    /// Unpacks what the server sent. A small packet may hold a flood: no more than `most` bytes are taken.
    pub(super) fn unpack(&mut self, bytes: &[u8], most: usize) -> Result<Vec<u8>, Cause> {
        let mut out = Vec::with_capacity(bytes.len() * 4 + 256);
        let begin = self.back.total_in();
        loop {
            let done = usize::try_from(self.back.total_in() - begin).unwrap_or(usize::MAX).min(bytes.len());
            out.reserve(4096);
            let before = out.len();
            let result = self.back.decompress_vec(&bytes[done..], &mut out, FlushDecompress::Sync);
            if let Err(error) = result {
                return Err(Cause::Io { detail: ehlo_core::escape(error.to_string().as_bytes()) });
            }
            if out.len() > most {
                return Err(Cause::TooLarge { what: "reply".to_owned(), limit: most as u64 });
            }
            let taken = usize::try_from(self.back.total_in() - begin).unwrap_or(usize::MAX);
            if out.len() == before && (taken >= bytes.len() || taken == done) {
                return Ok(out);
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
                back.extend(theirs.unpack(portion, 1 << 20).unwrap());
            }
            assert_eq!(back, text);
        }
        assert!(ours.pack(&long).len() < long.len() / 10);
    }

    #[test]
    fn a_bomb_is_not_taken_and_nonsense_is_told() {
        let packed = Deflate::default().pack(&vec![0; 1 << 22]);
        assert!(matches!(Deflate::default().unpack(&packed, 1 << 16), Err(Cause::TooLarge { .. })));
        assert!(Deflate::default().unpack(b"\xff\xff not deflate", 1 << 16).is_err());
    }
}

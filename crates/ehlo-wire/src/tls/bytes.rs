//! Numbers and length-prefixed vectors (RFC 8446 §3.4).

/// Reads from the front; `None` where the bytes end too early.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of `N` bytes, at most three.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A vector with a length of one byte.
    pub(super) fn vec8(&mut self) -> Option<&'a [u8]> {
        let length = self.number(1)?;
        self.take(length)
    }

    /// A vector with a length of two bytes.
    pub(super) fn vec16(&mut self) -> Option<&'a [u8]> {
        let length = self.number(2)?;
        self.take(length)
    }

    /// A vector with a length of three bytes.
    pub(super) fn vec24(&mut self) -> Option<&'a [u8]> {
        let length = self.number(3)?;
        self.take(length)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Pairs of bytes as numbers; a byte that is left over is dropped, and said so.
pub(super) fn numbers(bytes: &[u8]) -> (Vec<u16>, bool) {
    let (pairs, rest) = bytes.as_chunks::<2>();
    (pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect(), rest.is_empty())
}

/// Writes numbers and vectors.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new() -> Writer {
        Writer::default()
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u16s(&mut self, values: impl IntoIterator<Item = u16>) {
        for value in values {
            self.u16(value);
        }
    }

    pub(super) fn vec8(&mut self, content: impl FnOnce(&mut Writer)) {
        self.vector(1, content);
    }

    pub(super) fn vec16(&mut self, content: impl FnOnce(&mut Writer)) {
        self.vector(2, content);
    }

    pub(super) fn vec24(&mut self, content: impl FnOnce(&mut Writer)) {
        self.vector(3, content);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// A vector whose content is longer than its length can say is cut off: what we write is ours to choose, and a
    /// length that lies would put everything behind it out of step.
    fn vector(&mut self, length_bytes: usize, content: impl FnOnce(&mut Writer)) {
        let mut inner = Writer::new();
        content(&mut inner);
        let most = (1_usize << (8 * length_bytes)) - 1;
        inner.0.truncate(most);
        let length = inner.0.len().to_be_bytes();
        self.bytes(&length[length.len() - length_bytes..]);
        self.bytes(&inner.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::new();
        writer.u8(7);
        writer.vec8(|w| w.bytes(b"a"));
        writer.vec16(|w| w.u16s([1, 2]));
        writer.vec24(|w| w.bytes(&[9; 300]));
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.u8(), Some(7));
        assert_eq!(reader.vec8(), Some(&b"a"[..]));
        assert_eq!(numbers(reader.vec16().unwrap()), (vec![1, 2], true));
        assert_eq!(reader.vec24(), Some(&[9; 300][..]));
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), None);
        assert_eq!(numbers(&[0, 1, 2]), (vec![1], false));
    }

    #[test]
    fn a_length_that_lies_yields_nothing() {
        let mut reader = Reader::new(&[0, 5, 1, 2]);
        assert_eq!(reader.vec16(), None);
    }

    #[test]
    fn what_is_too_long_is_cut_off() {
        let mut writer = Writer::new();
        writer.vec8(|w| w.bytes(&[1; 300]));
        let bytes = writer.finish();
        assert_eq!((bytes[0], bytes.len()), (255, 256));
    }
}

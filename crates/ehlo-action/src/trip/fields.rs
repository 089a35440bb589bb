//! The fields of a header as they stand, so that not even their folding is lost.

use ehlo_core::escape;

/// Of a header that has more fields, only so many are compared.
const MOST_FIELDS: usize = 2000;
/// Of a value that is longer, only the beginning is shown.
const LONGEST_SHOWN: usize = 4000;

/// A field as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawField {
    /// Its name, without blanks.
    pub(super) name: Vec<u8>,
    /// What follows the colon, with its line ends.
    pub(super) raw: Vec<u8>,
}

impl RawField {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Its value on one line, runs of blanks as one.
    pub(super) fn unfolded(&self) -> Vec<u8> {
        let words: Vec<&[u8]> =
            self.raw.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect();
        words.join(&b' ')
    }

    /// The same, to be shown.
    pub(super) fn shown(&self) -> String {
        let value = self.unfolded();
        let mut shown = escape(&value[..value.len().min(LONGEST_SHOWN)]);
        if value.len() > LONGEST_SHOWN {
            shown.push('…');
        }
        shown
    }
}

/// Header and body of a message. A line that is no field belongs to the field before it, or to nothing.
pub(super) fn split(message: &[u8]) -> (Vec<RawField>, &[u8]) {
    let mut fields: Vec<RawField> = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at(end);
        if matches!(line, b"\r\n" | b"\n") {
            return (fields, behind);
        }
        rest = behind;
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        match line.iter().position(|&b| b == b':').filter(|_| !folded) {
            Some(colon) if fields.len() < MOST_FIELDS => {
                let (name, value) = line.split_at(colon);
                fields.push(RawField { name: name.trim_ascii().to_vec(), raw: value[1..].to_vec() });
            }
            Some(_) => {}
            None => {
                if let Some(last) = fields.last_mut() {
                    last.raw.extend_from_slice(line);
                }
            }
        }
    }
    (fields, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_folding_and_are_read_without_it() {
        let (fields, body) = split(b"A: x\r\n\ty\r\nB:\r\n\r\nbody\r\n");
        assert_eq!(fields.len(), 2);
        assert!(fields[0].is("a"));
        assert_eq!(fields[0].raw, b" x\r\n\ty\r\n");
        assert_eq!(fields[0].unfolded(), b"x y");
        assert_eq!(fields[1].unfolded(), b"");
        assert_eq!(body, b"body\r\n");
    }

    #[test]
    fn nothing_fails_whatever_comes() {
        for bytes in
            [&b""[..], b"\n", b" folded\r\n", b"no colon\r\n\r\nx", b":\r\n", b"A: x", b"\0\xff: \xff\n"]
        {
            let (fields, _) = split(bytes);
            assert!(fields.len() <= 1, "{bytes:?}");
            assert!(fields.iter().all(|f| ehlo_core::is_escaped(&f.shown())));
        }
        let many = b"A: x\r\n".repeat(MOST_FIELDS + 10);
        assert_eq!(split(&many).0.len(), MOST_FIELDS);
    }
}

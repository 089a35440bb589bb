//! The fields of a header as octets (RFC 5322 §2.2). A field that is none is passed over, never refused.

/// The value of a header field, unfolded, without blanks around it; the first if there are several.
pub(crate) fn field(header: &[u8], wanted: &str) -> Option<Vec<u8>> {
    let mut fields = fields(header).filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
    fields.next().map(|(_, whole)| unfolded(value(whole)))
}

/// The fields of a header: name, and the whole field with its ending.
pub(crate) fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let mut end = 0;
            loop {
                end += line_length(&rest[end..]);
                if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                    break;
                }
            }
            let (whole, after) = rest.split_at(end);
            rest = after;
            if let Some(colon) = whole.iter().position(|&b| b == b':') {
                return Some((whole[..colon].trim_ascii_end(), whole));
            }
        }
    })
}

/// What stands behind the colon of a whole field, as it is.
pub(crate) fn value(whole: &[u8]) -> &[u8] {
    whole.iter().position(|&b| b == b':').map_or(&[], |colon| &whole[colon + 1..])
}

/// A field body without its line ends (RFC 5322 §2.2.3) and without the blanks around it.
pub(crate) fn unfolded(value: &[u8]) -> Vec<u8> {
    let unfolded: Vec<u8> = value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    unfolded.trim_ascii().to_vec()
}

/// Octets up to and with the first line feed, or all if there is none.
pub(super) fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| n + 1)
}

/// Whether a line begins a header field: a name of printable octets, and a colon (RFC 5322 §2.2, §4.5).
pub(super) fn begins_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|&b| b == b':') else { return false };
    let name = line[..colon].trim_ascii_end();
    !name.is_empty() && name.iter().all(|b| (33..=126).contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_unfolded() {
        let header =
            b"Subject: a\r\n b\r\nX: y\r\nno field\r\nsubject: second\r\nObsolete : c\r\nEmpty:\r\n\r\n";
        for (name, expected) in [
            ("subject", Some("a b")),
            ("X", Some("y")),
            ("obsolete", Some("c")),
            ("empty", Some("")),
            ("None", None),
        ] {
            assert_eq!(field(header, name).as_deref(), expected.map(str::as_bytes), "{name}");
        }
        assert_eq!(fields(header).count(), 5);
        assert_eq!(
            fields(b"A: 1\nB: 2").map(|(_, whole)| whole).collect::<Vec<_>>(),
            [&b"A: 1\n"[..], b"B: 2"]
        );
    }

    #[test]
    fn lines_that_begin_a_field() {
        for (line, expected) in [
            ("A: b", true),
            ("A : b", true),
            (": b", false),
            (" A: b", false),
            ("two words: b", false),
            ("no colon", false),
            ("\u{e9}: b", false),
        ] {
            assert_eq!(begins_field(line.as_bytes()), expected, "{line}");
        }
    }
}

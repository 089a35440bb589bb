//! Transfer encodings, undone while the bytes come.

/// Undoes a transfer encoding (RFC 2045 §6), bit by bit.
#[derive(Debug)]
pub(super) enum Transfer {
    /// Nothing to undo: 7bit, 8bit, binary, or something unheard of.
    None,
    /// base64: so many bits are here.
    Base64 { bits: u32, count: u32, ended: bool },
    /// quoted-printable: what stands behind `=`, up to two bytes.
    QuotedPrintable { held: Vec<u8> },
}

impl Transfer {
    /// For an encoding of that name, lower case.
    pub(super) fn of(encoding: Option<&str>) -> Transfer {
        match encoding {
            Some("base64") => Transfer::Base64 { bits: 0, count: 0, ended: false },
            Some("quoted-printable") => Transfer::QuotedPrintable { held: Vec::new() },
            _ => Transfer::None,
        }
    }

    /// What the next bytes stand for.
    pub(super) fn undo(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        match self {
            Transfer::None => out.extend_from_slice(bytes),
            Transfer::Base64 { bits, count, ended } => {
                for &byte in bytes {
                    let value = match byte {
                        b'A'..=b'Z' => byte - b'A',
                        b'a'..=b'z' => byte - b'a' + 26,
                        b'0'..=b'9' => byte - b'0' + 52,
                        b'+' => 62,
                        b'/' => 63,
                        b'=' => {
                            *ended = true;
                            continue;
                        }
                        // Line ends, and what does not belong there (RFC 2045 §6.8).
                        _ => continue,
                    };
                    if std::mem::take(ended) {
                        // Another text in base64 follows without a word: it begins anew.
                        (*bits, *count) = (0, 0);
                    }
                    *bits = (*bits << 6) | u32::from(value);
                    *count += 6;
                    if *count >= 8 {
                        *count -= 8;
                        out.push((*bits >> *count) as u8);
                        *bits &= (1 << *count) - 1;
                    }
                }
            }
            Transfer::QuotedPrintable { held } => {
                for &byte in bytes {
                    if held.is_empty() {
                        if byte == b'=' {
                            held.push(byte);
                        } else {
                            out.push(byte);
                        }
                        continue;
                    }
                    held.push(byte);
                    match held.as_slice() {
                        [_, b'\n'] | [_, b'\r', b'\n'] => held.clear(),
                        [_, b'\r'] => {}
                        [_, high] if high.is_ascii_hexdigit() => {}
                        [_, high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                            let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
                            out.push(digit(*high) << 4 | digit(*low));
                            held.clear();
                        }
                        // No escape: it is what it is.
                        _ => out.append(held),
                    }
                }
            }
        }
        out
    }

    /// What is left at the end.
    pub(super) fn rest(self) -> Vec<u8> {
        match self {
            Transfer::QuotedPrintable { held } => held,
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In portions of every size.
    fn undone(encoding: &str, bytes: &[u8]) -> Vec<u8> {
        let mut seen: Option<Vec<u8>> = None;
        for portion in 1..=bytes.len().max(1) {
            let mut transfer = Transfer::of(Some(encoding));
            let mut out: Vec<u8> = bytes.chunks(portion).flat_map(|c| transfer.undo(c)).collect();
            out.extend(transfer.rest());
            assert!(seen.is_none_or(|s| s == out), "{portion}");
            seen = Some(out);
        }
        seen.unwrap_or_default()
    }

    #[test]
    fn encodings_are_undone_in_any_portions() {
        assert_eq!(undone("base64", b"SGVs\r\nbG8sIHdvcmxk\r\n"), b"Hello, world");
        assert_eq!(undone("base64", b"SGVsbA=="), b"Hell");
        assert_eq!(undone("base64", b"SQ==SQ=="), b"II");
        assert_eq!(undone("base64", b"!S\0G V s="), b"Hel");
        assert_eq!(undone("quoted-printable", b"Gr=C3=BC=\r\n=c3=9fe =\n=\r\nx"), "Grüße x".as_bytes());
        assert_eq!(undone("quoted-printable", b"a=zz b=4 c="), b"a=zz b=4 c=");
        assert_eq!(undone("7bit", b"=41"), b"=41");
    }
}

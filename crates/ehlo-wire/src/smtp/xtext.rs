/// Takes xtext apart (RFC 3461 §4): `+` and two hexadecimal digits in upper case stand for an octet. `None` if it is none.
pub fn xtext_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'+' => out.push(digit(*bytes.next()?)? << 4 | digit(*bytes.next()?)?),
            b'!'..=b'~' if byte != b'=' => out.push(byte),
            _ => return None,
        }
    }
    Some(out)
}

/// Writes xtext (RFC 3461 §4).
pub fn xtext_encode(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'!'..=b'~' if byte != b'+' && byte != b'=' => out.push(char::from(byte)),
            _ => out.push_str(&format!("+{byte:02X}")),
        }
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in [&b""[..], b"a+b=c d", "jörg@example.test".as_bytes(), b"\0\xff~!"] {
            assert_eq!(xtext_decode(xtext_encode(text).as_bytes()).as_deref(), Some(text));
        }
        assert_eq!(xtext_encode(b"a+b"), "a+2Bb");
        for bad in [&b"a+"[..], b"a+2", b"a+zz", b"a+2b", b"a b", b"a=b", b"\xc3\xb6"] {
            assert_eq!(xtext_decode(bad), None, "{bad:?}");
        }
    }
}

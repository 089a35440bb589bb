use ehlo_wire::imap::quote;

/// A string for the wire: quoted if that is possible, else a literal.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    match quote(bytes) {
        Some(quoted) if bytes.len() < 1000 => quoted,
        _ => literal(bytes),
    }
}

/// An astring for the wire: an atom if it can be one, which some clients want of names they know as atoms.
pub(super) fn astring(bytes: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.@+=#".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) && !bytes.eq_ignore_ascii_case(b"NIL") {
        return bytes.to_vec();
    }
    string(bytes)
}

/// A literal.
pub(super) fn literal(bytes: &[u8]) -> Vec<u8> {
    [format!("{{{}}}\r\n", bytes.len()).as_bytes(), bytes].concat()
}

/// A string for the wire, quoted also if it holds UTF-8 and the client takes that (RFC 6855 §3).
pub(super) fn quoted(bytes: &[u8], utf8: bool) -> Vec<u8> {
    let fine = |b: &u8| !matches!(b, 0 | b'\r' | b'\n');
    if !utf8 || bytes.len() >= 1000 || std::str::from_utf8(bytes).is_err() || !bytes.iter().all(fine) {
        return string(bytes);
    }
    let mut out = vec![b'"'];
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

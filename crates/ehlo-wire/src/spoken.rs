use ehlo_core::facts::Spoken;

/// Guesses from the first bytes of a server what is spoken there.
///
/// TLS needs two bytes: a record of type alert or handshake (RFC 8446 §5.1), or an SSLv2 hello.
pub fn spoken(first: &[u8]) -> Spoken {
    let starts =
        |prefix: &[u8]| first.len() >= prefix.len() && first[..prefix.len()].eq_ignore_ascii_case(prefix);
    match first {
        [] => Spoken::Silence,
        [20..=23, 3, ..] => Spoken::Tls,
        _ if starts(b"HTTP/") || starts(b"<!DOCTYPE") || starts(b"<html") => Spoken::Http,
        _ if starts(b"SSH-") => Spoken::Ssh,
        _ if starts(b"+OK") || starts(b"-ERR") => Spoken::Pop3,
        _ if starts(b"* OK") || starts(b"* PREAUTH") || starts(b"* BYE") || starts(b"* NO") => Spoken::Imap,
        _ if starts(b"\"") || starts(b"OK \"") || starts(b"BYE ") => Spoken::Sieve,
        [a, b, c, sep, ..]
            if [a, b, c].iter().all(|d| d.is_ascii_digit()) && matches!(sep, b' ' | b'-' | b'\r' | b'\n') =>
        {
            Spoken::Smtp
        }
        _ => Spoken::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_protocol() {
        for (bytes, expected) in [
            (&b"220 mail ESMTP\r\n"[..], Spoken::Smtp),
            (b"554-no\r\n", Spoken::Smtp),
            (b"+OK ready", Spoken::Pop3),
            (b"* ok hi", Spoken::Imap),
            (b"* PREAUTH", Spoken::Imap),
            (b"\"IMPLEMENTATION\" \"x\"", Spoken::Sieve),
            (b"\x15\x03\x01\x00\x02\x02\x28", Spoken::Tls),
            (b"\x16\x03\x03", Spoken::Tls),
            (b"HTTP/1.1 400 Bad Request", Spoken::Http),
            (b"SSH-2.0-OpenSSH_9.2", Spoken::Ssh),
            (b"", Spoken::Silence),
            (b"2200 what", Spoken::Unknown),
            (b"hello", Spoken::Unknown),
        ] {
            assert_eq!(spoken(bytes), expected, "{}", ehlo_core::escape(bytes));
        }
    }
}

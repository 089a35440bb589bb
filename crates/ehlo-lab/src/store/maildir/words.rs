//! Words of the small files that this module keeps: separated by blanks, so whatever is no plain ASCII is written as
//! `%` and two hexadecimal digits.

use std::ffi::{OsStr, OsString};

/// `bytes` as one word.
pub(super) fn word(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "%".to_owned();
    }
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What a word stands for. A `%` without digits stands for nothing.
pub(super) fn bytes(word: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        if let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
        {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = after;
        }
    }
    out
}

/// What a word stands for, as text.
pub(super) fn text(word: &str) -> String {
    String::from_utf8_lossy(&bytes(word)).into_owned()
}

/// A file name as one word.
pub(super) fn name_word(name: &OsStr) -> String {
    word(name.as_encoded_bytes())
}

/// The file name that a word stands for.
pub(super) fn name(word: &str) -> OsString {
    let bytes = bytes(word);
    #[cfg(unix)]
    {
        std::os::unix::ffi::OsStringExt::from_vec(bytes)
    }
    #[cfg(not(unix))]
    {
        String::from_utf8_lossy(&bytes).into_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_any_bytes() {
        for raw in [&b""[..], b"a", b"a b", b"100%", b"%41", b"\n\0\xff", "Größe".as_bytes()] {
            let word = word(raw);
            assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic()), "{word}");
            assert_eq!(bytes(&word), raw);
        }
        // What nobody of ours has written is read, too.
        assert_eq!(bytes("%4"), b"4");
        assert_eq!(bytes("a%"), b"a");
        assert_eq!(text("%FF"), "\u{fffd}");
    }
}

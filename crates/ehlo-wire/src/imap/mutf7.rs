use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    NO_PAD.with_decode_padding_mode(DecodePaddingMode::RequireNone).with_decode_allow_trailing_bits(false),
);

/// A mailbox name as it goes over the wire: modified UTF-7 (RFC 3501 §5.1.3).
pub fn encode_mutf7(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut shifted: Vec<u16> = Vec::new();
    let flush = |out: &mut String, shifted: &mut Vec<u16>| {
        if !shifted.is_empty() {
            let bytes: Vec<u8> = shifted.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            out.push('&');
            out.push_str(&ENGINE.encode(bytes));
            out.push('-');
            shifted.clear();
        }
    };
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut out, &mut shifted);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut out, &mut shifted);
    out
}

/// The name that a modified UTF-7 name stands for; `None` if it is not well-formed, e.g. raw UTF-8.
pub fn decode_mutf7(wire: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'&' => {
                let end = after.iter().position(|&b| b == b'-')?;
                if end == 0 {
                    out.push('&');
                } else {
                    let bytes = ENGINE.decode(&after[..end]).ok()?;
                    if bytes.len() % 2 != 0 {
                        return None;
                    }
                    let units: Vec<u16> =
                        bytes.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
                    out.push_str(&String::from_utf16(&units).ok()?);
                }
                rest = &after[end + 1..];
            }
            b' '..=b'~' => {
                out.push(char::from(byte));
                rest = after;
            }
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_names() {
        for (name, wire) in [
            ("Entwürfe", "Entw&APw-rfe"),
            ("R&D", "R&-D"),
            ("日本語", "&ZeVnLIqe-"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
            ("INBOX", "INBOX"),
        ] {
            assert_eq!(encode_mutf7(name), wire);
            assert_eq!(decode_mutf7(wire.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_not_modified_utf7_is_refused() {
        for bad in ["Entwürfe", "&", "&APw", "&AP-", "&2D0-", "a\x01"] {
            assert_eq!(decode_mutf7(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(name in "\\PC*") {
            prop_assert_eq!(decode_mutf7(encode_mutf7(&name).as_bytes()), Some(name));
        }
    }
}

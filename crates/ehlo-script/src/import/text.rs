//! Small things about text that more than one importer needs.

/// What a text is in a payload: `{{` begins a template there, and control characters cannot stand in a line.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{") {
            out.push_str("{{{{");
            rest = after;
            continue;
        }
        if is_unprintable(c) {
            out.push_str(&format!("{{{{\"\\x{:02x}\"}}}}", u32::from(c) & 0xff));
        } else {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// A string in quotes, with the escapes of the notation.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// One line for a title or a comment: what moves the cursor becomes a blank.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

fn is_unprintable(c: char) -> bool {
    c.is_ascii_control() && c != '\t'
}

/// A word that none of the lines is, to end a here document with.
pub(super) fn end_word(base: &str, lines: &[String]) -> String {
    let mut word = base.to_owned();
    let mut number = 2;
    while lines.contains(&word) {
        word = format!("{base}{number}");
        number += 1;
    }
    word
}

/// The size of the literal that a line announces at its end: what stands in front of it, how many octets, and whether
/// the client does not wait for consent.
pub(super) fn literal(line: &str) -> Option<(&str, usize, bool)> {
    let body = line.strip_suffix('}')?;
    let open = body.rfind('{')?;
    let digits = &body[open + 1..];
    let (digits, plus) = match digits.strip_suffix('+') {
        Some(digits) => (digits, true),
        None => (digits, false),
    };
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((&line[..open], digits.parse().ok()?, plus))
}

/// The words of a line and where they begin; what stands in quotes is one word.
pub(super) fn words(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b' ' | b'\t') {
            at += 1;
            continue;
        }
        let from = at;
        if bytes[at] == b'"' {
            at += 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at = (at + 1).min(bytes.len());
        } else {
            while at < bytes.len() && !matches!(bytes[at], b' ' | b'\t') {
                at += 1;
            }
        }
        out.push((from, &text[from..at]));
    }
    out
}

/// A line of a terminal as it looked in the end: without colours, and with what was taken back taken back.
pub(super) fn as_shown(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{8}' | '\u{7f}' => {
                out.pop();
            }
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                // A control sequence ends with a letter or one of a few signs (ECMA-48 §5.4).
                while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            c => out.push(c),
        }
    }
    out
}

/// The octets that a text in base64 stands for.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if text.is_empty() || !text.len().is_multiple_of(4) || text.len() - body.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(body.len());
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in body.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads() {
        assert_eq!(escape("a {{b}} {{{"), "a {{{{b}} {{{{{");
        assert_eq!(escape("x\u{1b}y\tz"), "x{{\"\\x1b\"}}y\tz");
        assert_eq!(quoted("a\"\r\n}"), "\"a\\\"\\r\\n}\"");
        assert_eq!(end_word("MSG", &["MSG".into(), "MSG2".into()]), "MSG3");
    }

    #[test]
    fn sizes_of_literals() {
        assert_eq!(literal("a APPEND x {310}"), Some(("a APPEND x ", 310, false)));
        assert_eq!(literal("a APPEND x {3+}"), Some(("a APPEND x ", 3, true)));
        assert_eq!(literal("a {b}"), None);
        assert_eq!(literal("{}"), None);
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(words(" a  \"b \\\" c\" d"), [(1, "a"), (4, "\"b \\\" c\""), (13, "d")]);
        assert_eq!(words("\"open\\"), [(0, "\"open\\")]);
    }

    #[test]
    fn terminals() {
        assert_eq!(as_shown("EHLP\u{8}O x\r"), "EHLO x");
        assert_eq!(as_shown("\u{1b}[1;32m250 ok\u{1b}[0m"), "250 ok");
    }

    #[test]
    fn base64() {
        assert_eq!(decode_base64("AGEAYg=="), Some(b"\0a\0b".to_vec()));
        assert_eq!(decode_base64("YWJj"), Some(b"abc".to_vec()));
        assert_eq!(decode_base64("???="), None);
        assert_eq!(decode_base64("YWJ"), None);
    }
}

//! What a part says once its encoding is taken off: BINARY (RFC 3516), and the texts in which SEARCH looks.

use super::header::{fields, unfolded, value};
use super::mime::Part;
use mail_parser::decoders::charsets::map::charset_decoder;
use unicode_normalization::UnicodeNormalization;

/// The octets of a part with its Content-Transfer-Encoding taken off (RFC 2045 §6); None if the encoding is unknown, for
/// which BINARY has `UNKNOWN-CTE` (RFC 9051 §6.4.5). What is not properly encoded is decoded as well as it can be.
pub(crate) fn decoded(part: &Part, bytes: &[u8]) -> Option<Vec<u8>> {
    let content = bytes.get(part.body.clone())?;
    match part.encoding() {
        b"7bit" | b"8bit" | b"binary" => Some(content.to_vec()),
        b"base64" => Some(base64(content)),
        b"quoted-printable" => Some(quoted_printable(content)),
        _ => None,
    }
}

/// The value of a header field as a reader sees it: unfolded, and its encoded words decoded (RFC 2047).
pub(crate) fn header_text(raw: &[u8]) -> String {
    let raw = unfolded(raw);
    let mut out = String::new();
    let mut rest = &raw[..];
    // Adjacent words of one charset are decoded together, as some programs cut letters apart.
    let mut pending: Option<(&[u8], Vec<u8>)> = None;
    while !rest.is_empty() {
        let blanks = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        match encoded_word(&rest[blanks..]) {
            Some((charset, content, after)) => {
                match &mut pending {
                    Some((before, text)) if before.eq_ignore_ascii_case(charset) => {
                        text.extend_from_slice(&content)
                    }
                    _ => {
                        let first = pending.is_none();
                        flush(&mut pending, &mut out);
                        // Blanks between encoded words are not shown (RFC 2047 §6.2).
                        if first {
                            out.push_str(&" ".repeat(blanks));
                        }
                        pending = Some((charset, content));
                    }
                }
                rest = after;
            }
            None => {
                flush(&mut pending, &mut out);
                // Up to the next place where an encoded word could begin.
                let from = blanks + usize::from(rest.len() > blanks);
                let length =
                    rest[from..].windows(2).position(|w| w == b"=?").map_or(rest.len(), |n| from + n);
                let end = from + rest[from..length].trim_ascii_end().len();
                let end = if length == rest.len() { length } else { end };
                out.push_str(&unlabelled(&rest[..end]).replace('\t', " "));
                rest = &rest[end..];
            }
        }
    }
    flush(&mut pending, &mut out);
    out
}

fn flush(pending: &mut Option<(&[u8], Vec<u8>)>, out: &mut String) {
    if let Some((charset, content)) = pending.take() {
        out.push_str(&text(&content, Some(charset)));
    }
}

/// Reads `=?charset?encoding?text?=`: the charset, the octets, and what follows.
fn encoded_word(bytes: &[u8]) -> Option<(&[u8], Vec<u8>, &[u8])> {
    /// RFC 2047 §2 allows 75; longer ones occur.
    const LONGEST: usize = 1000;
    let inner = bytes.strip_prefix(b"=?")?;
    let inner = &inner[..inner.len().min(LONGEST)];
    let mut marks = inner.iter().enumerate().filter(|(_, b)| **b == b'?').map(|(n, _)| n);
    let (first, second) = (marks.next()?, marks.next()?);
    // A question mark belongs to the text, if no equals sign follows.
    let end = marks.find(|&n| inner.get(n + 1) == Some(&b'='))?;
    // A language may follow the charset (RFC 2231 §5).
    let charset = inner[..first].split(|&b| b == b'*').next()?;
    let encoded = &inner[second + 1..end];
    if charset.is_empty() || !inner[..first].iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let content = match &inner[first + 1..second] {
        b"B" | b"b" => base64(encoded),
        b"Q" | b"q" => {
            let blanks: Vec<u8> = encoded.iter().map(|&b| if b == b'_' { b' ' } else { b }).collect();
            hex(&blanks)
        }
        _ => return None,
    };
    Some((charset, content, &bytes[2 + end + 2..]))
}

/// The texts in which SEARCH BODY looks: the content of every part of text, attachments too, and the header of every
/// message within the message. The header of the message itself is not among them (see [`header_texts`]).
pub(crate) fn texts(part: &Part, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    collect(part, bytes, &mut found);
    found
}

fn collect(part: &Part, bytes: &[u8], found: &mut Vec<String>) {
    if let Some(inner) = part.message() {
        found.push(header_texts(inner, bytes));
        collect(inner, bytes, found);
    }
    for child in part.parts() {
        collect(child, bytes, found);
    }
    let (kind, _) = part.media_type();
    // Reports of delivery (message/delivery-status, RFC 3464) and their like are text, too.
    if kind == "text" || (kind == "message" && part.message().is_none()) {
        let content = decoded(part, bytes).unwrap_or_else(|| bytes[part.body.clone()].to_vec());
        if !content.is_empty() {
            found.push(text(&content, part.parameter("charset")));
        }
    }
}

/// The header of a message, decoded, one field a line: what SEARCH TEXT sees beside [`texts`].
pub(crate) fn header_texts(message: &Part, bytes: &[u8]) -> String {
    let mut out = String::new();
    for (name, whole) in fields(&bytes[message.header.clone()]) {
        out.push_str(&String::from_utf8_lossy(name));
        out.push_str(": ");
        out.push_str(&header_text(value(whole)));
        out.push('\n');
    }
    out
}

/// Octets of a charset as text. Where the charset is US-ASCII or unknown, UTF-8 is tried.
pub(crate) fn text(content: &[u8], charset: Option<&[u8]>) -> String {
    let charset = charset.unwrap_or(b"us-ascii");
    let claims = |name: &str| charset.eq_ignore_ascii_case(name.as_bytes());
    match charset_decoder(charset) {
        _ if claims("utf-8") || claims("utf8") => String::from_utf8_lossy(content).into_owned(),
        Some(decoder) if !claims("us-ascii") && !claims("ascii") => decoder(content),
        _ => unlabelled(content),
    }
}

/// UTF-8 if it is that, else what most unlabelled texts are: the superset of ISO 8859-1 that Windows uses.
fn unlabelled(content: &[u8]) -> String {
    match std::str::from_utf8(content) {
        Ok(text) => text.to_owned(),
        Err(_) => match charset_decoder(b"windows-1252") {
            Some(decoder) => decoder(content),
            None => String::from_utf8_lossy(content).into_owned(),
        },
    }
}

/// The form in which texts are compared and ordered: letters without their case, composed letters taken apart, in the
/// way of i;unicode-casemap (RFC 5051 §2). Capital letters, as there, so that the order is the same: `_` after `Z`.
/// Beyond it, `ß` is `SS`.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    // Small letters first: a few capital ones, like ẞ, have one small form, of which the capital form is another.
    // Letter by letter, as the standard library gives a final sigma a form of its own.
    text.nfkd().flat_map(char::to_lowercase).flat_map(char::to_uppercase).nfkd().collect()
}

/// Decodes base64, passing over what is not of its alphabet.
fn base64(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &byte in content {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // What follows begins anew: encoded texts that somebody joined.
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFF_FFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xFF) as u8);
        }
    }
    out
}

/// Decodes quoted-printable (RFC 2045 §6.7): soft line breaks and blanks at the end of a line go.
fn quoted_printable(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for line in content.split_inclusive(|&b| b == b'\n') {
        let ending = if line.ends_with(b"\r\n") { 2 } else { usize::from(line.ends_with(b"\n")) };
        let (text, ending) = line.split_at(line.len() - ending);
        let text = text.trim_ascii_end();
        match text.strip_suffix(b"=") {
            Some(text) => out.extend_from_slice(&hex(text)),
            None => {
                out.extend_from_slice(&hex(text));
                out.extend_from_slice(ending);
            }
        }
    }
    out
}

/// Decodes `=C3`; an equals sign with anything else behind it stays.
fn hex(text: &[u8]) -> Vec<u8> {
    let digit = |n: usize| text.get(n).and_then(|&b| char::from(b).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'=', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(encoding: &str, content: &[u8]) -> Option<Vec<u8>> {
        let message = [format!("Content-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes(), content].concat();
        decoded(&Part::read(&message), &message)
    }

    #[test]
    fn encodings() {
        for (encoding, content, expected) in [
            ("7bit", &b"a=3D"[..], Some(&b"a=3D"[..])),
            ("8BIT (x)", b"\xff", Some(b"\xff")),
            ("binary", b"\0\r\n", Some(b"\0\r\n")),
            ("", b"a", Some(b"a")),
            ("base64", b"QUIAQ0Q=", Some(b"AB\0CD")),
            ("Base64", b"QUI\r\nAQ0Q", Some(b"AB\0CD")),
            ("base64", b"Q!UI*AQ0Q=\r\n", Some(b"AB\0CD")),
            ("base64", b"QQ==QQ==", Some(b"AA")),
            ("base64", b"Q", Some(b"")),
            ("base64", b"====", Some(b"")),
            ("quoted-printable", b"a=3Db soft=\r\n break", Some(b"a=b soft break")),
            ("quoted-printable", b"a  \r\nb \t= \r\nc=\n", Some(b"a\r\nb \tc")),
            ("quoted-printable", b"=c3=BC =G1 =3 =", Some(b"\xc3\xbc =G1 =3 ")),
            ("quoted-printable", b"a=00b\n", Some(b"a\0b\n")),
            ("x-unheard-of", b"zzz", None),
            ("uuencode", b"", None),
        ] {
            assert_eq!(of(encoding, content).as_deref(), expected, "{encoding}");
        }
    }

    #[test]
    fn header_texts_are_decoded() {
        for (raw, expected) in [
            ("plain  text", "plain  text"),
            (" folded\r\n\ttext ", "folded text"),
            ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
            ("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>", "Patrik Fältström <paf@nada.kth.se>"),
            ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_?=\r\n =?ISO-8859-1?Q?b?=", "a b"),
            ("=?ISO-8859-1?Q?a?=   b   =?ISO-8859-1?Q?c?= ", "a   b   c"),
            // A letter that was cut apart, a language, a question mark.
            ("=?utf-8?Q?=C3?= =?UTF-8?Q?=BC?=", "ü"),
            ("=?utf-8*de?Q?=C3=BC?=", "ü"),
            ("=?utf-8?Q?really??=", "really?"),
            ("=?shift_jis?B?g26DjYFb?=", "ハロー"),
            // No encoded words.
            ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
            ("=?utf-8?Q?never ends", "=?utf-8?Q?never ends"),
            ("=??Q?a?=", "=??Q?a?="),
            ("=?x-nobody?Q?a=C3=BC?=", "aü"),
            ("a=?b", "a=?b"),
            ("gr\u{fc}n", "grün"),
            ("", ""),
        ] {
            assert_eq!(header_text(raw.as_bytes()), expected, "{raw}");
        }
        assert_eq!(header_text(b"gr\xfcn"), "grün");
        assert_eq!(header_text("=?".repeat(200_000).as_bytes()).len(), 400_000);
    }

    #[test]
    fn texts_of_all_parts() {
        let message = concat!(
            "Subject: outside\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n",
            "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=FCn\r\n",
            "--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=x\r\n\r\n<p>attached</p>\r\n",
            "--b\r\nContent-Type: application/x\r\n\r\nno text\r\n",
            "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?Q?inn=C3=A9r?=\r\n\r\ninside\r\n--b--\r\n"
        );
        let part = Part::read(message.as_bytes());
        assert_eq!(
            texts(&part, message.as_bytes()),
            ["grün", "<p>attached</p>", "Subject: innér\n", "inside"]
        );
        assert!(header_texts(&part, message.as_bytes()).starts_with("Subject: outside\n"));
    }

    #[test]
    fn charsets() {
        for (charset, content, expected) in [
            (None, &b"gr\xc3\xbcn"[..], "grün"),
            (None, b"gr\xfcn", "grün"),
            (Some("us-ascii"), b"gr\xc3\xbcn", "grün"),
            (Some("UTF-8"), b"gr\xff", "gr\u{fffd}"),
            (Some("ISO-8859-15"), b"\xa4", "€"),
            (Some("koi8-r"), b"\xed\xc9\xd2", "Мир"),
            (Some("iso-2022-jp"), b"\x1b$B%O%m!<\x1b(B", "ハロー"),
            (Some("x-nobody-knows"), b"a", "a"),
            (Some(""), b"a", "a"),
        ] {
            assert_eq!(text(content, charset.map(str::as_bytes)), expected, "{charset:?}");
        }
    }

    #[test]
    fn letters_that_are_the_same() {
        for (a, b) in [
            ("Budget", "bUDGET"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "straße"),
            ("ΟΔΟΣ", "οδος"),
            ("οδοσ", "οδος"),
            ("É", "e\u{301}"),
            ("é", "E\u{301}"),
            ("İ", "i\u{307}"),
            ("ﬁn", "FIN"),
            ("Å", "\u{212b}"),
            ("ǆ", "ǅ"),
            ("\u{1e69}", "s\u{307}\u{323}"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("e"), fold("é"));
        assert!(fold("aab") < fold("a_b"), "the order of capital letters");
        assert!(fold("Ein schöner Tag").contains(&fold("SCHÖN")));
    }
}

//! The beginning of a message as a list of messages shows it (RFC 8970).

use super::decode::{decoded, text};
use super::mime::Part;
use mail_parser::decoders::html::html_to_text;

/// The longest preview, in characters: RFC 8970 §3.1 recommends 200 and allows 256.
const LONGEST: usize = 200;
/// Octets of HTML that are looked at; more than enough for a header of a page in front of its text.
const MOST_HTML: usize = 256 * 1024;

/// The beginning of the text that a reader sees first: plain text rather than HTML, and no attachment; without tags, and
/// with single blanks. Empty if the message has no text.
pub(crate) fn preview(message: &Part, bytes: &[u8]) -> String {
    let Some(part) =
        shown(message, "plain").or_else(|| shown(message, "html")).or_else(|| shown(message, ""))
    else {
        return String::new();
    };
    let content = decoded(part, bytes).unwrap_or_default();
    let html = part.media_type().1 == "html";
    let content = if html { &content[..content.len().min(MOST_HTML)] } else { &content };
    let mut text = text(content, part.parameter("charset"));
    if html {
        text = html_to_text(&text);
    }
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() >= LONGEST * 4 {
            break;
        }
    }
    out.chars().take(LONGEST).collect::<String>().trim_end().to_owned()
}

/// The first text of that subtype that is no attachment; any subtype if it is empty.
fn shown<'a>(part: &'a Part, subtype: &str) -> Option<&'a Part> {
    let (media, sub) = part.media_type();
    if media == "text"
        && (subtype.is_empty() || sub == subtype)
        && !part.is_attachment()
        && !part.body.is_empty()
    {
        return Some(part);
    }
    part.parts().iter().chain(part.message()).find_map(|child| shown(child, subtype))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn previews() {
        let mixed = |parts: &str| {
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\nno part\r\n{parts}--b--\r\n")
        };
        for (message, expected) in [
            ("Subject: x\r\n\r\nfirst  line\r\n\r\n second\tline\r\n".to_owned(), "first line second line".to_owned()),
            ("Subject: x\r\n\r\n".to_owned(), String::new()),
            (format!("\r\n{}", "abc ".repeat(100)), "abc ".repeat(50).trim_end().to_owned()),
            (format!("\r\n{}", "\u{e4}".repeat(1000)), "\u{e4}".repeat(200)),
            (
                "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=FCn=\r\n =3D".to_owned(),
                "grün =".to_owned(),
            ),
            (
                "Content-Type: text/html\r\n\r\n<html><head><title>t</title><style>p { color: red }</style></head>\r\n<p>Fish &amp; <b>chips</b></p>".to_owned(),
                "Fish & chips".to_owned(),
            ),
            (
                mixed("--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b\r\n\r\nplain\r\n"),
                "plain".to_owned(),
            ),
            (
                mixed("--b\r\nContent-Disposition: attachment\r\n\r\nattached\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n"),
                "html".to_owned(),
            ),
            (mixed("--b\r\nContent-Type: image/png\r\n\r\nno text\r\n"), String::new()),
            (mixed("--b\r\nContent-Type: text/x\r\n\r\nother\r\n"), "other".to_owned()),
            (mixed("--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\ninside\r\n"), "inside".to_owned()),
        ] {
            assert_eq!(preview(&Part::read(message.as_bytes()), message.as_bytes()), expected, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_html_has_a_preview(pieces in proptest::collection::vec(0_usize..20, 0..60), odd in ".{0,20}") {
            const PIECES: [&str; 19] = [
                "<", ">", "<!--", "-->", "&", ";", "&amp;", "&#x;", "&#99999999;", "\u{e4}", "<p", "</", "<script>", "</style>", " ",
                "\u{1f600}", "<br>", "!", "<head",
            ];
            let html: String = pieces.iter().map(|&n| PIECES.get(n).copied().unwrap_or(&odd)).collect();
            let message = format!("Content-Type: text/html; charset=utf-8\r\n\r\n{html}");
            prop_assert!(preview(&Part::read(message.as_bytes()), message.as_bytes()).chars().count() <= LONGEST);
        }
    }
}

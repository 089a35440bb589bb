//! Making messages readable: encoded words, dates, parts, text. What is MIME is read by `mail-parser`.

use ehlo_core::mailbox::{Field, MessageLine, Part, Readable};
use ehlo_wire::imap::{self, BodyStructure};
use mail_parser::{DateTime, Message, MessageParser, MimeHeaders as _, PartType};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// More parts than this are not listed, nor deeper ones.
const MOST_PARTS: usize = 1000;
const DEEPEST: usize = 30;

/// The text of a header field with its encoded words decoded (RFC 2047). What stands raw in it is taken as UTF-8.
pub(super) fn words(raw: &[u8]) -> String {
    if raw.is_empty() {
        return String::new();
    }
    let mut field = b"Subject: ".to_vec();
    field.extend(raw.iter().map(|&b| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { b }));
    field.extend_from_slice(b"\r\n\r\n");
    let is_encoded = raw.windows(2).any(|w| w == b"=?");
    let decoded = match is_encoded {
        true => MessageParser::default()
            .parse_headers(&field)
            .and_then(|message| message.subject().map(str::to_owned)),
        false => None,
    };
    decoded.unwrap_or_else(|| String::from_utf8_lossy(raw).into_owned())
}

/// A field, decoded, and as it came.
pub(super) fn readable(raw: &[u8]) -> Readable {
    // Not UTF-8 and not encoded: the bytes are shown as they are.
    if std::str::from_utf8(raw).is_err() && !raw.windows(2).any(|w| w == b"=?") {
        return Readable { text: ehlo_core::escape(raw), wire: None };
    }
    Readable::new(&words(raw), raw)
}

/// The date of a field `Date` as RFC 3339.
pub(super) fn date(raw: &[u8]) -> Option<String> {
    let parsed = DateTime::parse_rfc822(std::str::from_utf8(raw).ok()?.trim())?;
    parsed.is_valid().then(|| parsed.to_rfc3339())
}

/// INTERNALDATE as RFC 3339.
pub(super) fn internal_date(raw: &[u8]) -> Option<String> {
    let format = format_description!(
        "[day padding:none]-[month repr:short]-[year] [hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
    );
    let text = std::str::from_utf8(raw).ok()?.trim();
    time::OffsetDateTime::parse(text, format).ok()?.format(&Rfc3339).ok()
}

/// The addresses of an envelope in one line.
pub(super) fn addresses(list: &[imap::Address]) -> Option<Readable> {
    let (mut text, mut wire) = (Vec::new(), Vec::new());
    for address in list {
        let Some(mailbox) = &address.mailbox else { continue };
        let mut spec = mailbox.clone();
        if let Some(host) = &address.host {
            spec.push(b'@');
            spec.extend_from_slice(host);
        } else {
            spec.push(b':');
        }
        let name = address.name.as_deref().unwrap_or_default();
        let whole = |name: Vec<u8>| match name.is_empty() {
            true => spec.clone(),
            false => [&name, &b" <"[..], &spec, b">"].concat(),
        };
        text.push(whole(words(name).into_bytes()));
        wire.push(whole(name.to_vec()));
    }
    if text.is_empty() {
        return None;
    }
    let (text, wire) = (text.join(&b", "[..]), wire.join(&b", "[..]));
    Some(match std::str::from_utf8(&text) {
        Ok(decoded) => Readable::new(decoded, &wire),
        Err(_) => Readable { text: ehlo_core::escape(&text), wire: None },
    })
}

/// The fields of a header, unfolded. A line that is none belongs to nothing and is left out.
pub(super) fn fields(header: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in header.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        if line[0] == b' ' || line[0] == b'\t' {
            if let Some((_, value)) = found.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        if let Some(colon) = line.iter().position(|&b| b == b':') {
            found.push((line[..colon].trim_ascii().to_vec(), line[colon + 1..].trim_ascii().to_vec()));
        }
    }
    found
}

/// The header as it is shown.
pub(super) fn header(bytes: &[u8]) -> Vec<Field> {
    let field =
        |(name, value): &(Vec<u8>, Vec<u8>)| Field { name: ehlo_core::escape(name), value: readable(value) };
    fields(bytes).iter().map(field).collect()
}

/// Fills in what the header of a message says.
pub(super) fn fill_in(line: &mut MessageLine, header: &[u8]) {
    for (name, value) in fields(header) {
        match name.to_ascii_lowercase().as_slice() {
            b"date" => line.date = date(&value),
            b"from" => line.from = Some(readable(&value)),
            b"to" => line.to = Some(readable(&value)),
            b"subject" => line.subject = Some(readable(&value)),
            b"message-id" => line.message_id = Some(ehlo_core::escape(&value)),
            _ => {}
        }
    }
}

/// The parts of a BODYSTRUCTURE. The second tells whether there are more than are listed.
pub(super) fn parts(structure: &BodyStructure) -> (Vec<Part>, bool) {
    let mut found = Vec::new();
    let id = match structure {
        BodyStructure::Single { .. } => "1",
        BodyStructure::Multi { .. } => "",
    };
    let whole = part(structure, id, "", 0, &mut found);
    (found, !whole)
}

/// `prefix`: what stands in front of the numbers of parts inside.
fn part(structure: &BodyStructure, id: &str, prefix: &str, depth: usize, found: &mut Vec<Part>) -> bool {
    if found.len() >= MOST_PARTS || depth > DEEPEST {
        return false;
    }
    match structure {
        BodyStructure::Multi { parts, subtype, disposition } => {
            found.push(Part {
                id: id.to_owned(),
                depth,
                media: format!("multipart/{}", subtype.to_ascii_lowercase()),
                disposition: disposition.as_ref().map(|d| d.kind.to_ascii_lowercase()),
                ..Part::default()
            });
            let inner = |number: usize| match prefix {
                "" => number.to_string(),
                prefix => format!("{prefix}.{number}"),
            };
            (1..).zip(parts).all(|(number, child)| {
                let id = inner(number);
                part(child, &id, &id, depth + 1, found)
            })
        }
        BodyStructure::Single { media, subtype, parameters, encoding, octets, message, disposition } => {
            let named = |list: &[(Vec<u8>, Vec<u8>)], wanted: &str| {
                list.iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
                    .map(|(_, v)| v.clone())
            };
            let disposed = disposition.as_ref();
            let name = disposed
                .and_then(|d| {
                    named(&d.parameters, "filename").or_else(|| extended(&d.parameters, "filename"))
                })
                .or_else(|| named(parameters, "name"))
                .or_else(|| extended(parameters, "name"));
            found.push(Part {
                id: id.to_owned(),
                depth,
                media: format!("{}/{}", media.to_ascii_lowercase(), subtype.to_ascii_lowercase()),
                charset: named(parameters, "charset").map(|c| ehlo_core::escape(&c)),
                encoding: Some(encoding.to_ascii_lowercase()).filter(|e| !e.is_empty()),
                size: *octets,
                name: name.map(|n| readable(&n)),
                disposition: disposed.map(|d| d.kind.to_ascii_lowercase()),
            });
            let Some(message) = message else { return true };
            let inner = match &message.1 {
                BodyStructure::Single { .. } => format!("{id}.1"),
                BodyStructure::Multi { .. } => format!("{id}.TEXT"),
            };
            part(&message.1, &inner, id, depth + 1, found)
        }
    }
}

/// A parameter in the form of RFC 2231: `filename*=utf-8''…`, also in pieces.
fn extended(list: &[(Vec<u8>, Vec<u8>)], wanted: &str) -> Option<Vec<u8>> {
    let mut field = b"Content-Disposition: attachment".to_vec();
    for (name, value) in list {
        if !name.to_ascii_lowercase().starts_with(wanted.as_bytes()) {
            continue;
        }
        let value: Vec<u8> =
            value.iter().copied().filter(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n')).collect();
        field.extend_from_slice(b"; ");
        field.extend_from_slice(name);
        // What is percent-encoded must stand without quotes.
        match name.ends_with(b"*") {
            true => field.extend([&b"="[..], &value].concat()),
            false => field.extend([&b"=\""[..], &value, b"\""].concat()),
        }
    }
    field.extend_from_slice(b"\r\n\r\n");
    let field = String::from_utf8_lossy(&field).replace(&format!("; {wanted}"), "; filename");
    let message = MessageParser::default().parse_headers(field.as_bytes())?;
    let found = message.content_disposition()?.attribute("filename")?;
    Some(found.as_bytes().to_vec())
}

/// The parts of a message that is here as a whole.
pub(super) fn parts_of(message: &Message<'_>) -> (Vec<Part>, bool) {
    let mut found = Vec::new();
    let whole = part_of(message, 0, "", 0, &mut found);
    (found, !whole)
}

fn part_of(message: &Message<'_>, at: u32, prefix: &str, depth: usize, found: &mut Vec<Part>) -> bool {
    let Some(part) = message.part(at) else { return true };
    if found.len() >= MOST_PARTS || depth > DEEPEST {
        return false;
    }
    let multipart = part.is_multipart();
    let id = match (at, multipart, prefix) {
        (0, true, "") => String::new(),
        (0, true, prefix) => format!("{prefix}.TEXT"),
        (0, false, "") => "1".to_owned(),
        (0, false, prefix) => format!("{prefix}.1"),
        _ => prefix.to_owned(),
    };
    let kind = part.content_type();
    let media = kind.map_or_else(
        || "text/plain".to_owned(),
        |c| format!("{}/{}", c.ctype(), c.subtype().unwrap_or_default()).to_ascii_lowercase(),
    );
    let text = |text: &str| ehlo_core::escape(text.as_bytes());
    found.push(Part {
        id: id.clone(),
        depth,
        media: text(&media),
        charset: kind.and_then(|c| c.attribute("charset")).map(text),
        encoding: part.content_transfer_encoding().map(|e| text(&e.to_ascii_lowercase())),
        size: (!multipart).then(|| u64::from(part.raw_end_offset().saturating_sub(part.raw_body_offset()))),
        name: part.attachment_name().map(|n| Readable { text: text(n), wire: None }),
        disposition: part.content_disposition().map(|d| text(&d.ctype().to_ascii_lowercase())),
    });
    match &part.body {
        PartType::Multipart(children) => (1u32..).zip(children).all(|(number, child)| {
            let id = match prefix {
                "" => number.to_string(),
                prefix => format!("{prefix}.{number}"),
            };
            part_of(message, *child, &id, depth + 1, found)
        }),
        PartType::Message(inner) => part_of(inner, 0, &id, depth + 1, found),
        _ => true,
    }
}

/// The part of that number: decoded, or as it is.
pub(super) fn part_bytes(message: &Message<'_>, wanted: &str, raw: bool) -> Option<Vec<u8>> {
    find(message, 0, "", wanted, raw, 0)
}

fn find(
    message: &Message<'_>,
    at: u32,
    prefix: &str,
    wanted: &str,
    raw: bool,
    depth: usize,
) -> Option<Vec<u8>> {
    let part = message.part(at).filter(|_| depth <= DEEPEST)?;
    let id = match (at, part.is_multipart(), prefix) {
        (0, true, "") => String::new(),
        (0, true, prefix) => format!("{prefix}.TEXT"),
        (0, false, "") => "1".to_owned(),
        (0, false, prefix) => format!("{prefix}.1"),
        _ => prefix.to_owned(),
    };
    if id.eq_ignore_ascii_case(wanted) {
        let (from, to) = (part.raw_body_offset() as usize, part.raw_end_offset() as usize);
        let as_it_is = || message.raw_message().get(from..to).map(<[u8]>::to_vec);
        return match &part.body {
            _ if raw || part.is_multipart() => as_it_is(),
            PartType::Message(inner) => Some(inner.raw_message().to_vec()),
            _ => Some(part.contents().to_vec()),
        };
    }
    match &part.body {
        PartType::Multipart(children) => (1u32..).zip(children).find_map(|(number, child)| {
            let id = match prefix {
                "" => number.to_string(),
                prefix => format!("{prefix}.{number}"),
            };
            find(message, *child, &id, wanted, raw, depth + 1)
        }),
        PartType::Message(inner) => find(inner, 0, &id, wanted, raw, depth + 1),
        _ => None,
    }
}

/// The part to read: plain text, else HTML, else other text.
pub(super) fn text_part(parts: &[Part]) -> Option<&Part> {
    let readable = |p: &&Part| !p.is_attachment();
    let of = |media: &str| parts.iter().filter(readable).find(|p| p.media == media);
    of("text/plain")
        .or_else(|| of("text/html"))
        .or_else(|| parts.iter().filter(readable).find(|p| p.media.starts_with("text/")))
}

/// The names of what came along.
pub(super) fn attachments(parts: &[Part]) -> Vec<String> {
    parts
        .iter()
        .filter(|p| p.is_attachment())
        .map(|p| p.name.as_ref().map_or_else(|| p.media.clone(), |n| n.text.clone()))
        .collect()
}

/// Text that was read from a part, for people: without markup, each line escaped.
pub(super) fn text(part: &Part, raw: &[u8]) -> String {
    let media = if part.media.is_empty() { "text/plain" } else { &part.media };
    let clean = |text: &str| -> String { text.chars().filter(|c| c.is_ascii_graphic()).collect() };
    let mut message = format!("MIME-Version: 1.0\r\nContent-Type: {}", clean(media)).into_bytes();
    if let Some(charset) = &part.charset {
        message.extend(format!("; charset=\"{}\"", clean(charset).replace(['"', '\\'], "")).into_bytes());
    }
    if let Some(encoding) = &part.encoding {
        message.extend(format!("\r\nContent-Transfer-Encoding: {}", clean(encoding)).into_bytes());
    }
    message.extend_from_slice(b"\r\n\r\n");
    message.extend_from_slice(raw);
    let parsed = MessageParser::default().parse(&message);
    let text = parsed.as_ref().and_then(|m| m.part(0)).and_then(|p| p.text_contents()).map(str::to_owned);
    let text = text.unwrap_or_else(|| String::from_utf8_lossy(raw).into_owned());
    plain(&text, part.media == "text/html")
}

/// The same for text that is decoded already.
pub(super) fn plain(text: &str, is_html: bool) -> String {
    let text = match is_html {
        true => mail_parser::decoders::html::html_to_text(&with_breaks(text)),
        false => text.to_owned(),
    };
    let line = |line: &str| ehlo_core::escape(line.trim_end_matches('\r').replace('\t', "    ").as_bytes());
    text.trim_end().split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Ends a line where a block of HTML ends that the library runs on from.
fn with_breaks(html: &str) -> String {
    const BLOCKS: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6", "tr", "li", "blockquote"];
    let mut out = String::with_capacity(html.len() + html.len() / 16);
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        let name = &rest[at + 2..];
        let length = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        let is_block = BLOCKS.iter().any(|block| name[..length].eq_ignore_ascii_case(block));
        out.push_str(&rest[..at]);
        if is_block {
            out.push_str("<br>");
        }
        out.push_str(&rest[at..at + 2 + length]);
        rest = &rest[at + 2 + length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_decoded_and_the_wire_form_kept() {
        for (raw, text, differs) in [
            (&b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle"[..], "Gr\u{fc}\u{df}e an alle", true),
            (b"=?iso-8859-1?B?R3L832U=?=", "Gr\u{fc}\u{df}e", true),
            ("Grüße".as_bytes(), "Grüße", false),
            (b"plain", "plain", false),
            (b"", "", false),
            (b"\xff\x1b[2J", "\\xff\\x1b[2J", false),
            (b"=?utf-8?q?=1B[2J?=", "\\x1b[2J", true),
        ] {
            let read = readable(raw);
            assert_eq!(
                (read.text.as_str(), read.wire.is_some()),
                (text, differs),
                "{}",
                ehlo_core::escape(raw)
            );
        }
    }

    #[test]
    fn dates_of_both_kinds() {
        assert_eq!(
            internal_date(b"17-Jul-1996 02:44:25 -0700").as_deref(),
            Some("1996-07-17T02:44:25-07:00")
        );
        assert_eq!(internal_date(b" 1-Jan-2026 00:00:00 +0000").as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(
            date(b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)").as_deref(),
            Some("1996-07-17T02:23:25-07:00")
        );
        for none in [&b""[..], b"yesterday", b"\xff", b"32-Jul-1996 02:44:25 -0700"] {
            assert_eq!((internal_date(none), date(none)), (None, None));
        }
    }

    const NESTED: &str = "Subject: x\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>hello\r\n--b--\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ninner\r\n--a\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--a--\r\n";

    #[test]
    fn parts_are_numbered_as_imap_does() {
        let message = MessageParser::default().parse(NESTED).unwrap();
        let (parts, more) = parts_of(&message);
        let ids: Vec<(&str, &str)> = parts.iter().map(|p| (p.id.as_str(), p.media.as_str())).collect();
        assert_eq!(
            ids,
            [
                ("", "multipart/mixed"),
                ("1", "multipart/alternative"),
                ("1.1", "text/plain"),
                ("1.2", "text/html"),
                ("2", "message/rfc822"),
                ("2.1", "text/plain"),
                ("3", "application/pdf"),
            ]
        );
        assert!(!more);
        assert_eq!(text_part(&parts).map(|p| p.id.as_str()), Some("1.1"));
        assert_eq!(part_bytes(&message, "3", false).as_deref(), Some(&b"hello"[..]));
        assert_eq!(
            part_bytes(&message, "3", true).as_deref().map(<[u8]>::trim_ascii),
            Some(&b"aGVsbG8="[..])
        );
        assert_eq!(
            part_bytes(&message, "2.1", false).as_deref().map(<[u8]>::trim_ascii),
            Some(&b"inner"[..])
        );
        assert_eq!(part_bytes(&message, "9", false), None);
        assert_eq!(attachments(&parts), ["message/rfc822", "a.pdf"]);
    }

    #[test]
    fn names_of_files_in_every_form() {
        let list = |pairs: &[(&str, &str)]| -> Vec<(Vec<u8>, Vec<u8>)> {
            pairs.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect()
        };
        let found = extended(&list(&[("filename*", "utf-8''Gr%C3%BC%C3%9Fe.pdf")]), "filename");
        assert_eq!(found.as_deref(), Some("Grüße.pdf".as_bytes()));
        let found = extended(&list(&[("name*0", "long "), ("name*1", "name.pdf")]), "name");
        assert_eq!(found.as_deref(), Some(&b"long name.pdf"[..]));
        assert_eq!(extended(&list(&[("charset", "x")]), "filename"), None);
    }

    #[test]
    fn text_is_made_readable() {
        let part = |media: &str, charset: &str, encoding: &str| Part {
            media: media.into(),
            charset: Some(charset.into()),
            encoding: Some(encoding.into()),
            ..Part::default()
        };
        assert_eq!(
            text(&part("text/plain", "iso-8859-1", "quoted-printable"), b"Gr=FC=DFe=\r\n!\r\n"),
            "Grüße!"
        );
        assert_eq!(text(&part("text/plain", "utf-8", "8bit"), b"a\x1b[2J\r\n\r\nb"), "a\\x1b[2J\n\nb");
        let html = b"<h1>one</h1><p>two</p></\xc3\xbc </";
        assert!(
            text(&part("text/html", "utf-8", "7bit"), html).starts_with("one\n"),
            "{}",
            text(&part("text/html", "utf-8", "7bit"), html)
        );
    }
}

//! The MIME structure of a message, with the places of its parts: what ENVELOPE, BODYSTRUCTURE and sections need.

use super::address::address_list;
use super::{nstring, string};
use mail_parser::{HeaderName, Message as Parsed, MessageParser, MessagePart, MimeHeaders, PartType};
use std::ops::Range;

/// A part of a message.
pub(super) struct Part {
    /// Its header fields with the empty line behind them.
    pub(super) header: Range<usize>,
    /// Its content.
    pub(super) body: Range<usize>,
    kind: Kind,
    fields: Fields,
}

enum Kind {
    Multi(Vec<Part>),
    Message(Box<Part>),
    Leaf,
}

#[derive(Default)]
struct Fields {
    media: String,
    subtype: String,
    parameters: Vec<(String, String)>,
    id: Option<Vec<u8>>,
    description: Option<Vec<u8>>,
    encoding: String,
    disposition: Option<(String, Vec<(String, String)>)>,
    language: Option<Vec<u8>>,
    location: Option<Vec<u8>>,
}

impl Part {
    /// Takes a message apart. What is no MIME is one part of text.
    pub(super) fn read(bytes: &[u8]) -> Part {
        match MessageParser::default().parse(bytes) {
            Some(message) if !message.parts.is_empty() => convert(&message, 0, bytes, 0),
            _ => Part { header: 0..0, body: 0..bytes.len(), kind: Kind::Leaf, fields: Fields::plain_text() },
        }
    }

    /// The part of that number, e.g. `[1, 2]` for `1.2` (RFC 3501 §6.4.5); the part must be a whole message.
    pub(super) fn find(&self, numbers: &[usize]) -> Option<&Part> {
        let Some((&first, rest)) = numbers.split_first() else { return Some(self) };
        let Kind::Multi(parts) = &self.kind else {
            // Every message has a part 1, if it is no multipart.
            let only = (first == 1).then_some(self)?;
            return only.below(rest);
        };
        parts.get(first.checked_sub(1)?)?.below(rest)
    }

    fn below(&self, numbers: &[usize]) -> Option<&Part> {
        match &self.kind {
            _ if numbers.is_empty() => Some(self),
            Kind::Multi(_) => self.find(numbers),
            Kind::Message(inner) => inner.find(numbers),
            Kind::Leaf => None,
        }
    }

    /// The message inside, if it is a MESSAGE/RFC822.
    pub(super) fn message(&self) -> Option<&Part> {
        match &self.kind {
            Kind::Message(inner) => Some(inner),
            _ => None,
        }
    }

    /// BODYSTRUCTURE, or BODY without the extension data.
    pub(super) fn structure(&self, bytes: &[u8], extended: bool) -> Vec<u8> {
        let f = &self.fields;
        let mut out = b"(".to_vec();
        let mut add = |item: Vec<u8>| {
            if out.len() > 1 {
                out.push(b' ');
            }
            out.extend_from_slice(&item);
        };
        if let Kind::Multi(parts) = &self.kind {
            add(parts.iter().map(|p| p.structure(bytes, extended)).collect::<Vec<_>>().concat());
            add(string(f.subtype.as_bytes()));
            if extended {
                add(parameters(&f.parameters));
            }
        } else {
            add(string(f.media.as_bytes()));
            add(string(f.subtype.as_bytes()));
            add(parameters(&f.parameters));
            add(nstring(f.id.as_deref()));
            add(nstring(f.description.as_deref()));
            add(string(f.encoding.as_bytes()));
            add(self.body.len().to_string().into_bytes());
            let lines =
                bytes[self.body.clone()].iter().filter(|&&b| b == b'\n').count().to_string().into_bytes();
            if let Kind::Message(inner) = &self.kind {
                add(inner.envelope(bytes));
                add(inner.structure(bytes, extended));
                add(lines);
            } else if f.media.eq_ignore_ascii_case("text") {
                add(lines);
            }
            if extended {
                add(b"NIL".to_vec());
            }
        }
        if extended {
            add(match &f.disposition {
                Some((kind, values)) => {
                    [b"(", &string(kind.as_bytes())[..], b" ", &parameters(values), b")"].concat()
                }
                None => b"NIL".to_vec(),
            });
            add(nstring(f.language.as_deref()));
            add(nstring(f.location.as_deref()));
        }
        out.push(b')');
        out
    }

    /// ENVELOPE.
    pub(super) fn envelope(&self, bytes: &[u8]) -> Vec<u8> {
        let header = &bytes[self.header.clone()];
        let value = |name: &str| field(header, name);
        let from = value("From");
        // RFC 3501 §7.4.2: without Sender or Reply-To, From stands in.
        let or_from =
            |name: &str| value(name).filter(|v| !v.trim_ascii().is_empty()).or_else(|| from.clone());
        let items = [
            nstring(value("Date").as_deref()),
            nstring(value("Subject").as_deref()),
            address_list(from.as_deref()),
            address_list(or_from("Sender").as_deref()),
            address_list(or_from("Reply-To").as_deref()),
            address_list(value("To").as_deref()),
            address_list(value("Cc").as_deref()),
            address_list(value("Bcc").as_deref()),
            nstring(value("In-Reply-To").as_deref()),
            nstring(value("Message-ID").as_deref()),
        ];
        [&b"("[..], &items.join(&b' '), b")"].concat()
    }
}

impl Fields {
    fn plain_text() -> Fields {
        Fields {
            media: "text".into(),
            subtype: "plain".into(),
            parameters: vec![("charset".into(), "us-ascii".into())],
            encoding: "7bit".into(),
            ..Fields::default()
        }
    }
}

/// The value of a header field, unfolded, without blanks around it; the first if there are several.
pub(super) fn field(header: &[u8], wanted: &str) -> Option<Vec<u8>> {
    let mut fields = fields(header).filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
    fields.next().map(|(name, whole)| {
        let value = &whole[name.len() + 1..];
        let unfolded: Vec<u8> = value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
        unfolded.trim_ascii().to_vec()
    })
}

/// The fields of a header: name, and the whole field with its ending.
pub(super) fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let mut end = 0;
            loop {
                end = rest[end..].iter().position(|&b| b == b'\n').map_or(rest.len(), |n| end + n + 1);
                if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                    break;
                }
            }
            let (whole, after) = rest.split_at(end);
            rest = after;
            if let Some(colon) = whole.iter().position(|&b| b == b':') {
                return Some((whole[..colon].trim_ascii_end(), whole));
            }
        }
    })
}

fn convert(message: &Parsed<'_>, index: usize, bytes: &[u8], depth: usize) -> Part {
    /// Deeper than any real message; a hostile one must not exhaust the stack.
    const DEEPEST: usize = 50;
    let part = &message.parts[index];
    let end = (part.offset_end as usize).min(bytes.len());
    let body_at = (part.offset_body as usize).min(end);
    let header_at = (part.offset_header as usize).min(body_at);
    let mut fields = Fields::of(part, &bytes[header_at..body_at]);
    let kind = match &part.body {
        _ if depth >= DEEPEST => Kind::Leaf,
        PartType::Multipart(children) if !children.is_empty() => Kind::Multi(
            children
                .iter()
                .filter(|&&child| (child as usize) < message.parts.len() && child as usize != index)
                .map(|&child| convert(message, child as usize, bytes, depth + 1))
                .collect(),
        ),
        // A message that was encoded is not here as it is; RFC 2046 §5.2.1 forbids that.
        PartType::Message(inner) if inner.raw_message.len() == bytes.len() && !inner.parts.is_empty() => {
            Kind::Message(Box::new(convert(inner, 0, bytes, depth + 1)))
        }
        _ => Kind::Leaf,
    };
    if matches!(kind, Kind::Leaf) && fields.media.eq_ignore_ascii_case("multipart") {
        // A multipart without parts cannot be written as one.
        fields = Fields::plain_text();
    }
    Part { header: header_at..body_at, body: body_at..end, kind, fields }
}

impl Fields {
    fn of(part: &MessagePart<'_>, header: &[u8]) -> Fields {
        let plain = Fields::plain_text();
        let pairs = |attributes: Option<&[mail_parser::Attribute<'_>]>| -> Vec<(String, String)> {
            attributes.unwrap_or_default().iter().map(|a| (a.name.to_string(), a.value.to_string())).collect()
        };
        let has_type = part.headers.iter().any(|h| h.name == HeaderName::ContentType);
        let (media, subtype, parameters) = match part.content_type() {
            Some(kind) => (
                kind.c_type.to_string(),
                kind.c_subtype.as_deref().unwrap_or("plain").to_owned(),
                pairs(kind.attributes()),
            ),
            None if has_type => ("application".into(), "octet-stream".into(), Vec::new()),
            None => (plain.media, plain.subtype, plain.parameters),
        };
        let encoding = field(header, "Content-Transfer-Encoding").filter(|e| !e.is_empty());
        Fields {
            media,
            subtype,
            parameters,
            id: field(header, "Content-ID"),
            description: field(header, "Content-Description"),
            encoding: encoding.map_or(plain.encoding, |e| ehlo_core::escape(&e)),
            disposition: part.content_disposition().map(|d| (d.c_type.to_string(), pairs(d.attributes()))),
            language: field(header, "Content-Language"),
            location: field(header, "Content-Location"),
        }
    }
}

fn parameters(pairs: &[(String, String)]) -> Vec<u8> {
    if pairs.is_empty() {
        return b"NIL".to_vec();
    }
    let items: Vec<Vec<u8>> =
        pairs.iter().flat_map(|(name, value)| [string(name.as_bytes()), string(value.as_bytes())]).collect();
    [&b"("[..], &items.join(&b' '), b")"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &[u8] = b"From: a@b\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\npre\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n--b1\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@d\r\nSubject: inner\r\n\r\ninner body\r\n--b1--\r\n";

    fn text(range: &Range<usize>) -> &'static str {
        std::str::from_utf8(&MIXED[range.clone()]).unwrap()
    }

    #[test]
    fn parts_are_found_by_number() {
        let root = Part::read(MIXED);
        assert_eq!(text(&root.find(&[1]).unwrap().body), "hello");
        let second = root.find(&[2]).unwrap();
        assert!(text(&second.body).starts_with("From: c@d"));
        assert_eq!(text(&second.message().unwrap().header), "From: c@d\r\nSubject: inner\r\n\r\n");
        assert_eq!(text(&root.find(&[2, 1]).unwrap().body), "inner body");
        assert!(root.find(&[3]).is_none() && root.find(&[0]).is_none() && root.find(&[1, 1]).is_none());
        let plain = Part::read(b"Subject: x\r\n\r\nhi\r\n");
        assert_eq!(plain.find(&[1]).unwrap().body, 14..18);
    }

    #[test]
    fn structure_and_envelope() {
        let root = Part::read(MIXED);
        let shown = String::from_utf8(root.structure(MIXED, true)).unwrap();
        assert_eq!(
            shown,
            concat!(
                r#"(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 0 NIL NIL NIL NIL)"#,
                r#"("message" "rfc822" NIL NIL NIL "7bit" 39 (NIL "inner" ((NIL NIL "c" "d")) ((NIL NIL "c" "d")) ((NIL NIL "c" "d")) NIL NIL NIL NIL NIL)"#,
                r#" ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 0 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) "mixed" ("boundary" "b1") NIL NIL NIL)"#
            )
        );
        assert!(String::from_utf8(root.structure(MIXED, false)).unwrap().ends_with("\"mixed\")"));
    }

    #[test]
    fn anything_has_a_structure() {
        for bytes in [
            &b""[..],
            b"no header at all",
            b"\r\n\r\n",
            b"Content-Type: multipart/mixed\r\n\r\nx",
            b"Content-Type: ;;;\r\n\r\n",
            b"\xff\xfe\0",
        ] {
            let structure = Part::read(bytes).structure(bytes, true);
            assert!(
                structure.starts_with(b"(\"") && structure.ends_with(b")"),
                "{}",
                String::from_utf8_lossy(&structure)
            );
        }
    }

    #[test]
    fn fields_are_unfolded() {
        let header = b"Subject: a\r\n b\r\nX: y\r\nsubject: second\r\n\r\n";
        assert_eq!(field(header, "subject").unwrap(), b"a b");
        assert_eq!(fields(header).count(), 3);
        assert_eq!(field(header, "None"), None);
    }
}

//! The parts of a message, decoded: whether they still say the same when they are encoded otherwise.

use ehlo_core::escape;
use ehlo_core::trip::{BodyChange, PartChange};
use mail_parser::{MessageParser, MessagePart, MimeHeaders as _, PartType};

/// Of a message that has more parts, only so many are compared.
const MOST_PARTS: usize = 200;

/// A part without parts.
#[derive(PartialEq, Eq)]
struct Leaf {
    media: String,
    charset: Option<String>,
    encoding: String,
    name: Option<String>,
    /// What it holds, decoded; lines of text end in LF, whatever they ended in.
    content: Vec<u8>,
}

impl Leaf {
    fn new(part: &MessagePart<'_>) -> Option<Leaf> {
        let content = match &part.body {
            PartType::Multipart(_) => return None,
            PartType::Text(text) | PartType::Html(text) => {
                let unix = text.replace("\r\n", "\n");
                unix.trim_end().as_bytes().to_vec()
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
            PartType::Message(message) => message.raw_message.to_vec(),
        };
        let media = part.content_type().map_or_else(
            || "text/plain".to_owned(),
            |kind| format!("{}/{}", kind.c_type, kind.c_subtype.as_deref().unwrap_or_default()),
        );
        let charset = part.content_type().and_then(|kind| kind.attribute("charset")).map(str::to_lowercase);
        Some(Leaf {
            media: media.to_lowercase(),
            charset,
            encoding: part.content_transfer_encoding().unwrap_or("7bit").to_lowercase(),
            name: part.attachment_name().map(str::to_owned),
            content,
        })
    }

    /// By what it is called.
    fn shown(&self) -> String {
        escape(self.name.as_deref().unwrap_or(&self.media).as_bytes())
    }
}

fn leaves(message: &[u8]) -> Vec<Leaf> {
    let Some(parsed) = MessageParser::default().parse(message) else { return Vec::new() };
    parsed.parts.iter().filter_map(Leaf::new).take(MOST_PARTS).collect()
}

/// Compares the parts. Yields what became of the body, if its parts say the same and were only encoded otherwise.
pub(super) fn compare(sent: &[u8], received: &[u8]) -> (Option<Vec<BodyChange>>, Vec<PartChange>) {
    let (ours, theirs) = (leaves(sent), leaves(received));
    let mut found = Vec::new();
    let mut kinds = Vec::new();
    let mut same = ours.len() == theirs.len() && !ours.is_empty();
    let mut tell = |leaf: &Leaf, what: &str, before: String, after: String| {
        found.push(PartChange { name: leaf.shown(), what: what.to_owned(), sent: before, received: after });
    };
    let pairs = pairs(&ours, &theirs);
    for (leaf, other) in ours.iter().zip(&pairs) {
        let Some(other) = other.map(|at| &theirs[at]) else {
            tell(leaf, "missing", octets(leaf), String::new());
            same = false;
            continue;
        };
        let text = |value: &Option<String>| escape(value.as_deref().unwrap_or_default().as_bytes());
        if leaf.content != other.content {
            tell(leaf, "changed", octets(leaf), octets(other));
            same = false;
        }
        if leaf.encoding != other.encoding {
            tell(leaf, "encoding", escape(leaf.encoding.as_bytes()), escape(other.encoding.as_bytes()));
            kinds.push(BodyChange::Encoding);
        }
        if leaf.charset != other.charset {
            tell(leaf, "charset", text(&leaf.charset), text(&other.charset));
            kinds.push(BodyChange::Charset);
        }
        if leaf.media != other.media {
            tell(leaf, "type", escape(leaf.media.as_bytes()), escape(other.media.as_bytes()));
            same = false;
        }
        if leaf.name != other.name {
            tell(leaf, "name", text(&leaf.name), text(&other.name));
            same = false;
        }
    }
    for (at, leaf) in theirs.iter().enumerate() {
        if !pairs.contains(&Some(at)) {
            tell(leaf, "added", String::new(), octets(leaf));
            same = false;
        }
    }
    kinds.dedup();
    ((same && !kinds.is_empty()).then_some(kinds), found)
}

/// Which part became which: one that holds the same, else one of the same name, else the one in its place.
fn pairs(ours: &[Leaf], theirs: &[Leaf]) -> Vec<Option<usize>> {
    let mut taken = vec![false; theirs.len()];
    let mut found = vec![None; ours.len()];
    let rules: [&dyn Fn(usize, usize) -> bool; 3] = [
        &|a, b| ours[a].content == theirs[b].content && ours[a].name == theirs[b].name,
        &|a, b| ours[a].name.is_some() && ours[a].name == theirs[b].name,
        &|a, b| a == b,
    ];
    for fits in rules {
        for (a, pair) in found.iter_mut().enumerate() {
            if pair.is_none()
                && let Some(b) = (0..theirs.len()).find(|&b| !taken[b] && fits(a, b))
            {
                taken[b] = true;
                *pair = Some(b);
            }
        }
    }
    found
}

fn octets(leaf: &Leaf) -> String {
    leaf.content.len().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(encoding: &str, charset: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    #[test]
    fn what_is_only_encoded_otherwise_says_the_same() {
        let sent = mail("8bit", "utf-8", "Grüße\r\n".as_bytes());
        let quoted = mail("quoted-printable", "utf-8", b"Gr=C3=BC=C3=9Fe\r\n");
        assert_eq!(compare(&sent, &quoted).0, Some(vec![BodyChange::Encoding]));
        let latin = mail("8bit", "iso-8859-1", b"Gr\xfc\xdfe\r\n");
        assert_eq!(compare(&sent, &latin).0, Some(vec![BodyChange::Charset]));
        let other = mail("quoted-printable", "utf-8", b"Gruesse\r\n");
        let (kinds, parts) = compare(&sent, &other);
        assert_eq!(kinds, None);
        let what: Vec<&str> = parts.iter().map(|p| p.what.as_str()).collect();
        assert_eq!(what, ["changed", "encoding"]);
    }

    #[test]
    fn attachments_are_known_by_their_names() {
        let file = |name: &str, content: &str| {
            format!(
                "--b\r\nContent-Type: application/pdf; name={name}\r\nContent-Disposition: attachment; filename={name}\r\n\r\n{content}\r\n"
            )
        };
        let mail = |parts: &[String]| {
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", parts.concat())
                .into_bytes()
        };
        let sent = mail(&[file("a.pdf", "one"), file("b.pdf", "two")]);
        let (_, parts) = compare(&sent, &mail(&[file("b.pdf", "two"), file("c.exe", "x")]));
        let told: Vec<(&str, &str)> = parts.iter().map(|p| (p.name.as_str(), p.what.as_str())).collect();
        assert_eq!(told, [("a.pdf", "missing"), ("c.exe", "added")]);
        let (kinds, parts) = compare(&sent, &mail(&[file("a.pdf", "one"), file("b.pdf", "twx")]));
        assert_eq!((kinds, parts[0].what.as_str()), (None, "changed"));
    }
}

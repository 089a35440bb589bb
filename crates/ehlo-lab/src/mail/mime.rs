//! The parts of a message and their places in it (RFC 2045, RFC 2046): what BODYSTRUCTURE, sections and searches need.
//!
//! One pass over the octets. A message may be anything; what is no MIME is text.

use super::content::{Fields, Unnamed};
use super::header::{begins_field, line_length};
use std::ops::Range;

/// Deeper than any real message; a hostile one must not exhaust the stack.
const DEEPEST: usize = 50;
/// Parts beyond this number are not told apart.
const MOST_PARTS: usize = 10_000;

/// A part of a message, or the message itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its header fields with the empty line behind them.
    pub(crate) header: Range<usize>,
    /// Its content.
    pub(crate) body: Range<usize>,
    pub(super) kind: Kind,
    pub(super) fields: Fields,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Never without a part: see [`Reader::multipart`].
    Multi(Vec<Part>),
    Message(Box<Part>),
    Leaf,
}

impl Part {
    /// Takes a message apart. What is no MIME is one part of text.
    pub(crate) fn read(bytes: &[u8]) -> Part {
        let mut reader = Reader { bytes, at: 0, parts: 0, boundaries: Vec::new() };
        reader.entity(Unnamed::PlainText, 0).0
    }

    /// The place of the header of a message with the empty line behind it, without reading the rest.
    pub(crate) fn header_of(bytes: &[u8]) -> Range<usize> {
        let mut reader = Reader { bytes, at: 0, parts: 0, boundaries: Vec::new() };
        reader.header();
        0..reader.at
    }

    /// The part of that number, e.g. `[1, 2]` for `1.2` (RFC 9051 §6.4.5); the part must be a whole message.
    pub(crate) fn find(&self, numbers: &[usize]) -> Option<&Part> {
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

    /// The message inside, if it is a MESSAGE/RFC822 or MESSAGE/GLOBAL.
    pub(crate) fn message(&self) -> Option<&Part> {
        match &self.kind {
            Kind::Message(inner) => Some(inner),
            _ => None,
        }
    }

    /// The parts of a multipart.
    pub(crate) fn parts(&self) -> &[Part] {
        match &self.kind {
            Kind::Multi(parts) => parts,
            _ => &[],
        }
    }

    /// Type and subtype in small letters, e.g. `("text", "plain")`.
    pub(crate) fn media_type(&self) -> (&str, &str) {
        (&self.fields.media, &self.fields.subtype)
    }

    /// A parameter of the type, e.g. `charset`; as it stands, without quotes.
    pub(crate) fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.fields.parameter(name)
    }

    /// Whether it is to be kept apart from what is shown (RFC 2183 §2.2).
    pub(crate) fn is_attachment(&self) -> bool {
        self.fields.disposition.as_ref().is_some_and(|d| d.word.eq_ignore_ascii_case(b"attachment"))
    }

    /// The Content-Transfer-Encoding in small letters.
    pub(crate) fn encoding(&self) -> &[u8] {
        &self.fields.encoding
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    parts: usize,
    /// Of the multiparts that are open, the outermost first.
    boundaries: Vec<Vec<u8>>,
}

/// Where a part ends, and by what.
#[derive(Clone, Copy)]
struct Stop {
    /// The end of the content; the line end in front of a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
    end: usize,
    /// None at the end of the message.
    delimiter: Option<Delimiter>,
}

#[derive(Clone, Copy)]
struct Delimiter {
    /// Whose boundary it is, as a place in [`Reader::boundaries`].
    level: usize,
    /// `--boundary--`
    closes: bool,
}

impl<'a> Reader<'a> {
    /// Reads a header and its content, up to and with the delimiter behind it.
    fn entity(&mut self, unnamed: Unnamed, depth: usize) -> (Part, Stop) {
        self.parts += 1;
        let header_at = self.at;
        let stop = self.header();
        let header = header_at..stop.map_or(self.at, |stop| stop.end.max(header_at));
        let fields = Fields::of(&self.bytes[header.clone()], unnamed);
        let body_at = header.end;
        let (kind, stop) = match (fields.media.as_str(), fields.subtype.as_str(), stop) {
            // The part has ended within its header.
            ("multipart", _, Some(stop)) => (Kind::Multi(vec![nothing(body_at)]), stop),
            ("message", "rfc822" | "global", Some(stop)) => (Kind::Message(Box::new(nothing(body_at))), stop),
            (_, _, Some(stop)) => (Kind::Leaf, stop),
            _ if depth >= DEEPEST || self.parts >= MOST_PARTS => (Kind::Leaf, self.skip()),
            ("multipart", subtype, None) => {
                let unnamed = if subtype == "digest" { Unnamed::Message } else { Unnamed::PlainText };
                let boundary = fields.parameter("boundary").unwrap_or_default().trim_ascii_end();
                self.multipart(boundary.to_vec(), unnamed, depth)
            }
            // Also where the part claims an encoding, which RFC 2046 §5.2.1 forbids: then it is a message without fields.
            ("message", "rfc822" | "global", None) => {
                let (inner, stop) = self.entity(Unnamed::PlainText, depth + 1);
                (Kind::Message(Box::new(inner)), stop)
            }
            _ => (Kind::Leaf, self.skip()),
        };
        let within = match &kind {
            Kind::Multi(parts) => parts.iter().map(|p| p.body.end).max().unwrap_or(body_at),
            Kind::Message(inner) => inner.body.end,
            Kind::Leaf => body_at,
        };
        let body = body_at..stop.end.max(within);
        let fields = match kind {
            // Beyond the caps no part is told apart, so none may be promised.
            Kind::Leaf if fields.media == "multipart" || is_message(&fields) => Fields {
                media: "application".into(),
                subtype: "octet-stream".into(),
                parameters: Vec::new(),
                ..fields
            },
            _ => fields,
        };
        (Part { header, body, kind, fields }, stop)
    }

    /// Reads header lines up to and with the empty one. Yields what ended the part before that came.
    fn header(&mut self) -> Option<Stop> {
        let from = self.at;
        while self.at < self.bytes.len() {
            let line = self.line();
            if let Some(delimiter) = self.delimiter(line) {
                let end = self.at;
                self.at += line.len();
                return Some(Stop { end, delimiter: Some(delimiter) });
            }
            // A text that nobody put a header in front of; the line of a mailbox file is none of its fields.
            if self.at == from
                && !matches!(line, b"\r\n" | b"\n")
                && !begins_field(line)
                && !line.starts_with(b"From ")
            {
                return None;
            }
            self.at += line.len();
            if matches!(line, b"\r\n" | b"\n") {
                return None;
            }
        }
        Some(Stop { end: self.at, delimiter: None })
    }

    /// Reads the parts of a multipart. One without any is given an empty one, because a multipart without parts cannot
    /// be written in BODYSTRUCTURE (RFC 9051 §9, `body-type-mpart`).
    fn multipart(&mut self, boundary: Vec<u8>, unnamed: Unnamed, depth: usize) -> (Kind, Stop) {
        let mut parts = Vec::new();
        let level = self.boundaries.len();
        if boundary.is_empty() {
            let stop = self.skip();
            return (Kind::Multi(vec![nothing(stop.end)]), stop);
        }
        self.boundaries.push(boundary);
        let mut stop = self.skip();
        while let Some(delimiter) = stop.delimiter.filter(|d| d.level == level) {
            if delimiter.closes {
                self.boundaries.truncate(level);
                stop = self.skip();
                break;
            }
            if self.parts >= MOST_PARTS {
                stop = self.skip();
                continue;
            }
            let (part, next) = self.entity(unnamed, depth + 1);
            parts.push(part);
            stop = next;
        }
        self.boundaries.truncate(level);
        if parts.is_empty() {
            parts.push(nothing(stop.end));
        }
        (Kind::Multi(parts), stop)
    }

    /// Passes over lines up to and with the next delimiter of any open multipart.
    fn skip(&mut self) -> Stop {
        let from = self.at;
        while self.at < self.bytes.len() {
            let line = self.line();
            let start = self.at;
            self.at += line.len();
            if let Some(delimiter) = self.delimiter(line) {
                let before = &self.bytes[from..start];
                let line_end =
                    if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) };
                return Stop { end: start - line_end, delimiter: Some(delimiter) };
            }
        }
        Stop { end: self.at, delimiter: None }
    }

    /// The line that begins here, with its ending.
    fn line(&self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        &rest[..line_length(rest)]
    }

    fn delimiter(&self, line: &[u8]) -> Option<Delimiter> {
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        let found = |closes: bool, level: usize| Some(Delimiter { level, closes });
        for (level, boundary) in self.boundaries.iter().enumerate().rev() {
            match text.strip_prefix(boundary.as_slice()) {
                Some(b"") => return found(false, level),
                Some(b"--") => return found(true, level),
                _ => {}
            }
        }
        // The boundary at the beginning of the line is enough (RFC 2046 §5.1.1); the longest that fits is meant.
        let begun = self.boundaries.iter().enumerate().filter(|(_, b)| text.starts_with(b));
        let (level, boundary) = begun.max_by_key(|(_, b)| b.len())?;
        found(text[boundary.len()..].starts_with(b"--"), level)
    }
}

fn is_message(fields: &Fields) -> bool {
    fields.media == "message" && matches!(fields.subtype.as_str(), "rfc822" | "global")
}

/// An empty text at that place.
fn nothing(at: usize) -> Part {
    Part { header: at..at, body: at..at, kind: Kind::Leaf, fields: Fields::of(b"", Unnamed::PlainText) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIXED: &str = "From: a@b\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\npre\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n--b1\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@d\r\nSubject: inner\r\n\r\ninner body\r\n--b1--\r\n";

    /// The parts with their numbers, types and contents.
    fn shown(message: &str) -> Vec<String> {
        fn walk(part: &Part, number: &str, message: &str, out: &mut Vec<String>) {
            let (media, subtype) = part.media_type();
            let children = match &part.kind {
                Kind::Multi(parts) => parts.iter().collect(),
                Kind::Message(inner) => vec![&**inner],
                Kind::Leaf => {
                    out.push(format!("{number} {media}/{subtype} {:?}", &message[part.body.clone()]));
                    return;
                }
            };
            out.push(format!("{number} {media}/{subtype}"));
            for (index, child) in children.into_iter().enumerate() {
                walk(child, &format!("{number}.{}", index + 1), message, out);
            }
        }
        let mut out = Vec::new();
        walk(&Part::read(message.as_bytes()), "0", message, &mut out);
        out
    }

    #[test]
    fn parts_are_found_by_number() {
        let root = Part::read(MIXED.as_bytes());
        let text = |range: &Range<usize>| &MIXED[range.clone()];
        assert_eq!(text(&root.find(&[1]).unwrap().body), "hello");
        let second = root.find(&[2]).unwrap();
        assert!(text(&second.body).starts_with("From: c@d"));
        assert_eq!(text(&second.message().unwrap().header), "From: c@d\r\nSubject: inner\r\n\r\n");
        assert_eq!(text(&root.find(&[2, 1]).unwrap().body), "inner body");
        assert!(root.find(&[3]).is_none() && root.find(&[0]).is_none() && root.find(&[1, 1]).is_none());
        let plain = Part::read(b"Subject: x\r\n\r\nhi\r\n");
        assert_eq!(plain.find(&[1]).unwrap().body, 14..18);
        assert!(plain.find(&[2]).is_none() && plain.find(&[1, 1]).is_none());
    }

    #[test]
    fn trees_of_parts() {
        let mixed = |boundary: &str, rest: &str| {
            format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n{rest}")
        };
        let inner = "Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\n1\r\n";
        for (message, expected) in [
            // Preamble and epilogue are no parts; a boundary behind the end counts no more.
            (
                mixed("b", "pre\r\n--b\r\n\r\none\r\n--b  \r\n\r\ntwo\r\n\r\n--b--\r\n--b\r\nepilogue"),
                vec!["0 multipart/mixed", "0.1 text/plain \"one\"", "0.2 text/plain \"two\\r\\n\""],
            ),
            // Bare line feeds; the end is missing.
            (mixed("b", "--b\n\none\n--b\n\ntwo\n"), vec!["0 multipart/mixed", "0.1 text/plain \"one\"", "0.2 text/plain \"two\\n\""]),
            // Parts without a header, without a body, without anything.
            (
                mixed("b", "--b\r\nno header\r\n--b\r\nX: y\r\n--b\r\n--b--"),
                vec!["0 multipart/mixed", "0.1 text/plain \"no header\"", "0.2 text/plain \"\"", "0.3 text/plain \"\""],
            ),
            // The boundary of the outer multipart ends the inner one.
            (
                mixed("out", &format!("--out\r\n{inner}--out\r\n\r\n2\r\n--out--")),
                vec!["0 multipart/mixed", "0.1 multipart/alternative", "0.1.1 text/plain \"1\"", "0.2 text/plain \"2\""],
            ),
            // One boundary is the beginning of the other.
            (
                mixed("i", &format!("--i\r\n{inner}--in--\r\n\r\n--i\r\n\r\n2\r\n--i--")),
                vec!["0 multipart/mixed", "0.1 multipart/alternative", "0.1.1 text/plain \"1\"", "0.2 text/plain \"2\""],
            ),
            // Only the beginning of the line has to be the boundary.
            (mixed("b", "--b junk\r\n\r\none\r\n--b-- junk\r\n"), vec!["0 multipart/mixed", "0.1 text/plain \"one\""]),
            (
                "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\none\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b\r\n\r\n--b--".to_owned(),
                vec![
                    "0 multipart/digest",
                    "0.1 message/rfc822",
                    "0.1.1 text/plain \"one\"",
                    "0.2 text/plain \"two\"",
                    "0.3 message/rfc822",
                    "0.3.1 text/plain \"\"",
                ],
            ),
            // The default of a digest is that of its parts only.
            (
                "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\none\r\n--c--\r\n--b--".to_owned(),
                vec!["0 multipart/digest", "0.1 message/rfc822", "0.1.1 multipart/mixed", "0.1.1.1 text/plain \"one\""],
            ),
            ("Content-Type: message/global\r\n\r\nSubject: \u{e4}\r\n\r\nx".to_owned(), vec!["0 message/global", "0.1 text/plain \"x\""]),
            (mixed("", "--\r\n\r\none\r\n--\r\n"), vec!["0 multipart/mixed", "0.1 text/plain \"\""]),
            ("From a@b Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\ny".to_owned(), vec!["0 text/plain \"y\""]),
        ] {
            assert_eq!(shown(&message), expected, "{message}");
        }
    }

    #[test]
    fn hostile_messages_stay_small() {
        // Messages in messages, multiparts in multiparts, and very many parts.
        let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        let structure = Part::read(nested.as_bytes()).structure(nested.as_bytes(), true, false);
        assert!(structure.len() < 20_000 && structure.starts_with(b"(\"message\""));
        let mut boxes = String::new();
        for n in 0..20_000 {
            boxes += &format!("Content-Type: multipart/mixed; boundary=b{n:05}\r\n\r\n--b{n:05}\r\n");
        }
        let structure = Part::read(boxes.as_bytes()).structure(boxes.as_bytes(), true, false);
        assert!(structure.len() < 20_000 && structure.starts_with(b"(((("));
        let many =
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(200_000));
        assert_eq!(Part::read(many.as_bytes()).parts().len(), MOST_PARTS - 1);
    }

    /// Whether all places lie in the message and each part in its parent.
    fn sound(part: &Part, within: &Range<usize>) -> bool {
        let inside = |r: &Range<usize>| within.start <= r.start && r.start <= r.end && r.end <= within.end;
        let children = part.parts().iter().chain(part.message());
        inside(&part.header)
            && inside(&part.body)
            && part.header.end == part.body.start
            && children.into_iter().all(|child| sound(child, &part.body))
    }

    proptest! {
        #[test]
        fn anything_has_parts_and_a_structure(pieces in proptest::collection::vec(0_usize..16, 0..60)) {
            const PIECES: [&str; 16] = [
                "\r\n", "\n", "--a", "--b", "--", "\r\n--a\r\n", "\r\n--b--\r\n", "Content-Type: multipart/mixed; boundary=a\r\n",
                "Content-Type: multipart/digest; boundary=\"b\"\r\n", "Content-Type: message/rfc822\r\n\r\n", "\r\n\r\n", "x: (",
                "\u{e4}\"", ";", "From: a: <b@,", "\0",
            ];
            let message: String = pieces.iter().map(|&n| PIECES[n]).collect();
            let part = Part::read(message.as_bytes());
            prop_assert!(sound(&part, &(0..message.len())), "{message:?} {part:?}");
            prop_assert_eq!((part.header.start, part.body.end), (0, message.len()));
            let structure = part.structure(message.as_bytes(), true, false);
            prop_assert!(structure.starts_with(b"(") && structure.ends_with(b")"));
        }
    }
}

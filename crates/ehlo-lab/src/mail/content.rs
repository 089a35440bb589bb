//! The header fields that describe a part: its type, its encoding, its disposition (RFC 2045, RFC 2183).

use super::header::field;

/// Names and values.
pub(super) type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// A word with parameters, e.g. `attachment; filename=x`. Parameters are as they stand: RFC 2231 is for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameterized {
    pub(super) word: Vec<u8>,
    pub(super) parameters: Parameters,
}

/// What the header of a part says about its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    /// In small letters.
    pub(super) media: String,
    /// In small letters.
    pub(super) subtype: String,
    pub(super) parameters: Parameters,
    pub(super) id: Option<Vec<u8>>,
    pub(super) description: Option<Vec<u8>>,
    /// In small letters; `7bit` where the part says nothing.
    pub(super) encoding: Vec<u8>,
    pub(super) md5: Option<Vec<u8>>,
    pub(super) disposition: Option<Parameterized>,
    pub(super) language: Vec<Vec<u8>>,
    pub(super) location: Option<Vec<u8>>,
}

/// The type of a part that names none (RFC 2045 §5.2, RFC 2046 §5.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unnamed {
    PlainText,
    /// In a multipart/digest.
    Message,
}

impl Fields {
    pub(super) fn of(header: &[u8], unnamed: Unnamed) -> Fields {
        let plain =
            || ("text".to_owned(), "plain".to_owned(), vec![(b"charset".to_vec(), b"us-ascii".to_vec())]);
        let (media, subtype, parameters) = match (field(header, "Content-Type"), unnamed) {
            // RFC 2045 §5.2 recommends the same for a type that cannot be read.
            (Some(value), _) => media_type(&value).unwrap_or_else(plain),
            (None, Unnamed::PlainText) => plain(),
            (None, Unnamed::Message) => ("message".into(), "rfc822".into(), Vec::new()),
        };
        let encoding = field(header, "Content-Transfer-Encoding").map(|e| parameterized(&e).word);
        let disposition = field(header, "Content-Disposition").map(|d| parameterized(&d));
        let language = field(header, "Content-Language").unwrap_or_default();
        let location = field(header, "Content-Location");
        Fields {
            media,
            subtype,
            parameters,
            id: field(header, "Content-ID"),
            description: field(header, "Content-Description"),
            encoding: encoding
                .filter(|e| !e.is_empty())
                .unwrap_or_else(|| b"7bit".to_vec())
                .to_ascii_lowercase(),
            md5: field(header, "Content-MD5").filter(|m| !m.is_empty()),
            disposition: disposition.filter(|d| !d.word.is_empty()),
            language: languages(&language),
            // A URI has no blanks; where there are some, a line was folded (RFC 2557 §4.4).
            location: location.map(|l| l.into_iter().filter(|b| !b.is_ascii_whitespace()).collect()),
        }
    }

    /// A parameter of the type, if it is there.
    pub(super) fn parameter(&self, wanted: &str) -> Option<&[u8]> {
        let found = self.parameters.iter().find(|(name, _)| name == wanted.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }
}

fn media_type(value: &[u8]) -> Option<(String, String, Parameters)> {
    let Parameterized { word, parameters } = parameterized(value);
    let slash = word.iter().position(|&b| b == b'/')?;
    let media = word[..slash].trim_ascii();
    // What follows after a blank is a parameter whose semicolon was forgotten.
    let subtype = word[slash + 1..].trim_ascii_start().split(u8::is_ascii_whitespace).next()?;
    Some((token(media)?, token(subtype)?, parameters))
}

/// A `token` of RFC 2045 §5.1 in small letters.
fn token(bytes: &[u8]) -> Option<String> {
    let valid =
        !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(b));
    valid.then(|| String::from_utf8_lossy(bytes).to_ascii_lowercase())
}

/// Reads `word *(";" name "=" value)` without its comments; what is not of this form is passed over.
pub(super) fn parameterized(value: &[u8]) -> Parameterized {
    let mut cursor = Cursor { bytes: value, at: 0 };
    let word = cursor.until(b";");
    let mut parameters = Vec::new();
    // At a semicolon, or at the end.
    while cursor.next().is_some() {
        let name = cursor.until(b";=");
        if cursor.peek() == Some(b'=') {
            cursor.next();
            let value = cursor.until(b";");
            if !name.is_empty() {
                parameters.push((name.to_ascii_lowercase(), value));
            }
        }
    }
    Parameterized { word, parameters }
}

/// The language tags of a Content-Language field (RFC 3282 §2).
fn languages(value: &[u8]) -> Vec<Vec<u8>> {
    let tags = Cursor { bytes: value, at: 0 }.until(b"");
    tags.split(|&b| b == b',').map(|t| t.trim_ascii().to_vec()).filter(|t| !t.is_empty()).collect()
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// What stands before the first of `ends`, without comments, quotes and the blanks around it.
    fn until(&mut self, ends: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        let mut begun = false;
        // A bracket begins a comment only where a word could begin, as `name=file(1).txt` is not rare.
        let mut blank = true;
        while let Some(byte) = self.peek().filter(|b| !ends.contains(b)) {
            self.at += 1;
            match byte {
                b'"' if !begun => {
                    text = self.quoted();
                    // What follows a quoted string is no part of it.
                    while self.peek().is_some_and(|b| !ends.contains(&b)) {
                        self.at += 1;
                    }
                    return text;
                }
                b'(' if blank => self.comment(),
                byte => {
                    blank = byte.is_ascii_whitespace();
                    begun |= !blank;
                    text.push(byte);
                }
            }
        }
        text.trim_ascii().to_vec()
    }

    fn quoted(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some(byte) = self.next() {
            match byte {
                b'"' => break,
                b'\\' => text.extend(self.next()),
                byte => text.push(byte),
            }
        }
        text
    }

    fn comment(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next() {
                Some(b'(') => depth += 1,
                Some(b')') => depth -= 1,
                Some(b'\\') => drop(self.next()),
                Some(_) => {}
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        let Parameterized { word, parameters } = parameterized(value.as_bytes());
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let pairs = parameters.iter().map(|(n, v)| format!(" {}={}", text(n), text(v)));
        text(&word) + &pairs.collect::<String>()
    }

    #[test]
    fn words_with_parameters() {
        for (value, expected) in [
            ("text/plain; charset=us-ascii (Plain text)", "text/plain charset=us-ascii"),
            ("text/plain; charset=\"us-ascii\"", "text/plain charset=us-ascii"),
            ("a;B=c ;d = \"e;\\\"f\" junk; g", "a b=c d=e;\"f"),
            (
                "attachment; filename*0*=utf-8''%C3%A4; filename*1=b",
                "attachment filename*0*=utf-8''%C3%A4 filename*1=b",
            ),
            ("attachment; filename=file(1).txt", "attachment filename=file(1).txt"),
            ("attachment; filename=two words.txt", "attachment filename=two words.txt"),
            ("(c) inline (c); x=\"\"", "inline x="),
            (";;;", ""),
            ("a; =b; c=", "a c="),
            ("a; b=\"never ended", "a b=never ended"),
            ("", ""),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn types_of_parts() {
        for (header, unnamed, expected) in [
            ("", Unnamed::PlainText, "text/plain us-ascii"),
            ("", Unnamed::Message, "message/rfc822 -"),
            ("Content-Type:\r\n", Unnamed::Message, "text/plain us-ascii"),
            ("Content-Type: nothing\r\n", Unnamed::PlainText, "text/plain us-ascii"),
            ("Content-Type: text/\r\n", Unnamed::PlainText, "text/plain us-ascii"),
            ("Content-Type: Text / HTML; Charset=UTF-8\r\n", Unnamed::PlainText, "text/html UTF-8"),
            ("Content-Type: text/html charset=utf-8\r\n", Unnamed::PlainText, "text/html -"),
            ("content-type: image/svg+xml;\r\n\tcharset=x\r\n", Unnamed::PlainText, "image/svg+xml x"),
        ] {
            let f = Fields::of(header.as_bytes(), unnamed);
            let charset = String::from_utf8_lossy(f.parameter("charset").unwrap_or(b"-")).into_owned();
            assert_eq!(format!("{}/{} {charset}", f.media, f.subtype), expected, "{header}");
        }
    }

    #[test]
    fn fields_beside_the_type() {
        let header = concat!(
            "Content-Transfer-Encoding: Base64 (of course)\r\nContent-ID: <a@b>\r\nContent-MD5: Q2hlY2s=\r\n",
            "Content-Disposition: attachment; filename=a\r\nContent-Language: de (German), en\r\n",
            "Content-Location: http://example.org/\r\n a/b\r\nContent-Description: two\r\n words\r\n\r\n"
        );
        let f = Fields::of(header.as_bytes(), Unnamed::PlainText);
        assert_eq!(f.encoding, b"base64");
        assert_eq!(f.id.unwrap(), b"<a@b>");
        assert_eq!(f.md5.unwrap(), b"Q2hlY2s=");
        assert_eq!(f.language, [&b"de"[..], b"en"]);
        assert_eq!(f.location.unwrap(), b"http://example.org/a/b");
        assert_eq!(f.description.unwrap(), b"two words");
        assert_eq!(f.disposition.unwrap().parameters, [(b"filename".to_vec(), b"a".to_vec())]);
        let none =
            Fields::of(b"Content-Disposition: ;x\r\nContent-Transfer-Encoding:\r\n", Unnamed::PlainText);
        assert_eq!((none.disposition, none.encoding.as_slice()), (None, &b"7bit"[..]));
        assert!(none.language.is_empty() && none.md5.is_none());
    }
}

//! ENVELOPE and BODYSTRUCTURE of a part as they go over the wire (RFC 9051 §7.5.2, §9; RFC 3501 §7.4.2).

use super::address::addresses;
use super::content::Parameterized;
use super::header::field;
use super::mime::{Kind, Part};

impl Part {
    /// BODYSTRUCTURE, or BODY without the extension data. With `utf8`, quoted strings may hold UTF-8 (RFC 9755 §3, RFC 9051 §4.3).
    pub(crate) fn structure(&self, bytes: &[u8], extended: bool, utf8: bool) -> Vec<u8> {
        let mut out = Writer { out: Vec::new(), utf8 };
        self.write_structure(bytes, extended, &mut out);
        out.out
    }

    /// ENVELOPE of a message. With `utf8`, quoted strings may hold UTF-8.
    pub(crate) fn envelope(&self, bytes: &[u8], utf8: bool) -> Vec<u8> {
        let mut out = Writer { out: Vec::new(), utf8 };
        self.write_envelope(bytes, &mut out);
        out.out
    }

    /// The depth is limited by [`Part::read`].
    fn write_structure(&self, bytes: &[u8], extended: bool, out: &mut Writer) {
        let f = &self.fields;
        out.open();
        if let Kind::Multi(parts) = &self.kind {
            for part in parts {
                part.write_structure(bytes, extended, out);
            }
            out.blank().string(f.subtype.as_bytes());
            if extended {
                out.blank().parameters(&f.parameters);
            }
        } else {
            out.string(f.media.as_bytes()).blank().string(f.subtype.as_bytes());
            out.blank().parameters(&f.parameters);
            out.blank().nstring(f.id.as_deref());
            out.blank().nstring(f.description.as_deref());
            out.blank().string(&f.encoding);
            out.blank().number(self.body.len());
            let lines = || bytes[self.body.clone()].iter().filter(|&&b| b == b'\n').count();
            if let Kind::Message(inner) = &self.kind {
                out.blank();
                inner.write_envelope(bytes, out);
                out.blank();
                inner.write_structure(bytes, extended, out);
                out.blank().number(lines());
            } else if f.media == "text" {
                out.blank().number(lines());
            }
            if extended {
                out.blank().nstring(f.md5.as_deref());
            }
        }
        if extended {
            match &f.disposition {
                Some(Parameterized { word, parameters }) => {
                    out.blank().open().string(word).blank().parameters(parameters).close();
                }
                None => drop(out.blank().nil()),
            }
            out.blank().languages(&f.language);
            out.blank().nstring(f.location.as_deref());
        }
        out.close();
    }

    fn write_envelope(&self, bytes: &[u8], out: &mut Writer) {
        let header = &bytes[self.header.clone()];
        let value = |name: &str| field(header, name);
        let from = value("From");
        // Without Sender or Reply-To, or with an empty one, From stands in (RFC 9051 §7.5.2).
        let or_from = |name: &str| value(name).filter(|v| !v.is_empty()).or_else(|| from.clone());
        out.open().nstring(value("Date").as_deref());
        out.blank().nstring(value("Subject").as_deref());
        for list in
            [from.clone(), or_from("Sender"), or_from("Reply-To"), value("To"), value("Cc"), value("Bcc")]
        {
            out.blank().address_list(list.as_deref());
        }
        out.blank().nstring(value("In-Reply-To").as_deref());
        out.blank().nstring(value("Message-ID").as_deref());
        out.close();
    }
}

/// Longer strings go as literals, as a client may limit its lines.
const LONGEST_QUOTED: usize = 1000;

struct Writer {
    out: Vec<u8>,
    utf8: bool,
}

impl Writer {
    fn raw(&mut self, bytes: &[u8]) -> &mut Writer {
        self.out.extend_from_slice(bytes);
        self
    }

    fn open(&mut self) -> &mut Writer {
        self.raw(b"(")
    }

    fn close(&mut self) -> &mut Writer {
        self.raw(b")")
    }

    fn blank(&mut self) -> &mut Writer {
        self.raw(b" ")
    }

    fn nil(&mut self) -> &mut Writer {
        self.raw(b"NIL")
    }

    fn number(&mut self, number: usize) -> &mut Writer {
        self.raw(number.to_string().as_bytes())
    }

    fn nstring(&mut self, bytes: Option<&[u8]>) -> &mut Writer {
        match bytes {
            Some(bytes) => self.string(bytes),
            None => self.nil(),
        }
    }

    /// A quoted string if it can be one, else a literal.
    fn string(&mut self, bytes: &[u8]) -> &mut Writer {
        let text = bytes.is_ascii() || self.utf8 && std::str::from_utf8(bytes).is_ok();
        if !text || bytes.len() > LONGEST_QUOTED || bytes.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
            self.raw(format!("{{{}}}\r\n", bytes.len()).as_bytes());
            // A literal holds no NUL either (RFC 9051 §9, `CHAR8`).
            self.out.extend(bytes.iter().map(|&b| if b == 0 { b'?' } else { b }));
            return self;
        }
        self.raw(b"\"");
        for &byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                self.out.push(b'\\');
            }
            self.out.push(byte);
        }
        self.raw(b"\"")
    }

    fn parameters(&mut self, pairs: &[(Vec<u8>, Vec<u8>)]) -> &mut Writer {
        if pairs.is_empty() {
            return self.nil();
        }
        for (index, (name, value)) in pairs.iter().enumerate() {
            self.raw(if index == 0 { b"(" } else { b" " }).string(name).blank().string(value);
        }
        self.close()
    }

    fn languages(&mut self, tags: &[Vec<u8>]) -> &mut Writer {
        match tags {
            [] => self.nil(),
            [only] => self.string(only),
            several => {
                for (index, tag) in several.iter().enumerate() {
                    self.raw(if index == 0 { b"(" } else { b" " }).string(tag);
                }
                self.close()
            }
        }
    }

    /// NIL if there is none.
    fn address_list(&mut self, field: Option<&[u8]>) -> &mut Writer {
        let list = field.map(addresses).unwrap_or_default();
        if list.is_empty() {
            return self.nil();
        }
        self.open();
        for address in &list {
            self.open().nstring(address.name.as_deref());
            self.blank().nstring(address.route.as_deref());
            self.blank().nstring(address.mailbox.as_deref());
            self.blank().nstring(address.host.as_deref()).close();
        }
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(message: &str) -> String {
        String::from_utf8(Part::read(message.as_bytes()).structure(message.as_bytes(), true, false)).unwrap()
    }

    #[test]
    fn structures_of_single_parts() {
        for (message, expected) in [
            ("", r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)"#),
            ("\r\n", r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)"#),
            (
                "no header\r\nat all",
                r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 17 1 NIL NIL NIL NIL)"#,
            ),
            (
                "Subject: only\r\n",
                r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)"#,
            ),
            (
                "Content-Type: application/x-y; a*0*=utf-8''%C3; a*1=b; c=\"d e\"\r\nContent-MD5: m==\r\nContent-Language: de, en\r\nContent-Location: u\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: BASE64\r\n\r\nAAEC\r\n",
                r#"("application" "x-y" ("a*0*" "utf-8''%C3" "a*1" "b" "c" "d e") NIL NIL "base64" 6 "m==" ("inline" NIL) ("de" "en") "u")"#,
            ),
            (
                "Content-Type: text/html\r\nContent-Language: de\r\nContent-ID: <i@x>\r\nContent-Description: say \"so\"\r\n\r\na\r\nb",
                r#"("text" "html" NIL "<i@x>" "say \"so\"" "7bit" 4 1 NIL NIL "de" NIL)"#,
            ),
        ] {
            assert_eq!(structure(message), expected, "{message}");
        }
    }

    #[test]
    fn structures_of_several_parts() {
        let text = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)"#;
        for (message, expected) in [
            ("Content-Type: multipart/mixed\r\n\r\nx", format!(r#"({text} "mixed" NIL NIL NIL NIL)"#)),
            ("Content-Type: multipart/mixed; boundary=b\r\n", format!(r#"({text} "mixed" ("boundary" "b") NIL NIL NIL)"#)),
            (
                "Content-Type: multipart/x; boundary=b\r\nContent-Language: de\r\n\r\n--b\r\n\r\n--b\r\n--b--\r\n",
                format!(r#"({text}{text} "x" ("boundary" "b") NIL "de" NIL)"#),
            ),
            (
                "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nFrom: <@r:a@b>\r\nSubject: x\r\n\r\none\r\n--b\r\nContent-Type: text/plain\r\n\r\n\r\n--b--\r\n",
                concat!(
                    r#"(("message" "rfc822" NIL NIL NIL "7bit" 33 (NIL "x" ((NIL "@r" "a" "b")) ((NIL "@r" "a" "b")) ((NIL "@r" "a" "b")) NIL NIL NIL NIL NIL) "#,
                    r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)"#,
                    r#"("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "digest" ("boundary" "b") NIL NIL NIL)"#
                )
                .to_owned(),
            ),
        ] {
            assert_eq!(structure(message), expected, "{message}");
        }
    }

    #[test]
    fn body_has_no_extension_data() {
        let message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n";
        let body = String::from_utf8(Part::read(message).structure(message, false, false)).unwrap();
        assert_eq!(body, r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) "mixed")"#);
    }

    #[test]
    fn envelopes() {
        for (header, expected) in [
            ("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
            (
                "Date: today\r\nSubject:\r\nFrom: A <a@b>\r\nSender: \r\nReply-To: c@d\r\nTo: G: e@f;\r\nMessage-ID: <m@x>\r\n",
                r#"("today" "" (("A" NIL "a" "b")) (("A" NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "G" NIL)(NIL NIL "e" "f")(NIL NIL NIL NIL)) NIL NIL NIL "<m@x>")"#,
            ),
            (
                "Subject: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\nFrom: =?utf-8?Q?=C3=A4?= <a@b>\r\n",
                r#"(NIL "=?utf-8?Q?a?= =?utf-8?Q?b?=" (("=?utf-8?Q?=C3=A4?=" NIL "a" "b")) (("=?utf-8?Q?=C3=A4?=" NIL "a" "b")) (("=?utf-8?Q?=C3=A4?=" NIL "a" "b")) NIL NIL NIL NIL NIL)"#,
            ),
        ] {
            let message = [header.as_bytes(), b"\r\n"].concat();
            let shown = String::from_utf8(Part::read(&message).envelope(&message, false)).unwrap();
            assert_eq!(shown, expected, "{header}");
        }
    }

    #[test]
    fn octets_above_127_are_quoted_only_where_that_is_allowed() {
        for (subject, utf8, expected) in [
            (&b"gr\xc3\xbcn"[..], false, &b"{5}\r\ngr\xc3\xbcn"[..]),
            (b"gr\xc3\xbcn", true, b"\"gr\xc3\xbcn\""),
            (b"gr\xfcn", true, b"{4}\r\ngr\xfcn"),
            (b"n\0l", true, b"{3}\r\nn?l"),
            (b"a\"b\\", false, b"\"a\\\"b\\\\\""),
        ] {
            let message = [b"Subject: ", subject, b"\r\n\r\n"].concat();
            let envelope = Part::read(&message).envelope(&message, utf8);
            let expected = [b"(NIL ", expected, b" NIL"].concat();
            assert!(envelope.starts_with(&expected), "{}", String::from_utf8_lossy(&envelope));
        }
    }
}

use super::address::Mailbox;
use super::message::{Encoding, Message, Piece, Source, encoded_length};
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::headers::{Header as _, HeaderType};
use mail_builder::mime::{BodyPart, MimePart};
use std::sync::Arc;

/// The field by which a message can be traced, whatever became of its Message-ID.
pub const TOKEN_FIELD: &str = "X-Ehlo-Test";

/// A header field that a user gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value; an empty one leaves the field out.
    pub value: String,
    /// Whether it stands beside others of its name, and not in their place.
    pub add: bool,
}

/// Why something is no header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldProblem {
    /// It holds CR, LF or NUL, which would make another field of it (CWE-93).
    Injection,
    /// It is not of the form `Name: value` (RFC 5322 §2.2).
    Form,
}

impl FieldProblem {
    /// Its id, as in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            FieldProblem::Injection => "injection",
            FieldProblem::Form => "form",
        }
    }
}

impl Field {
    /// Reads `Name: value`.
    ///
    /// # Errors
    /// A [`FieldProblem`].
    pub fn parse(text: &str, add: bool) -> Result<Field, FieldProblem> {
        if text.contains(['\r', '\n', '\0']) {
            return Err(FieldProblem::Injection);
        }
        let (name, value) = text.split_once(':').ok_or(FieldProblem::Form)?;
        // RFC 5322 §3.6.8: printable ASCII except the colon.
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(FieldProblem::Form);
        }
        Ok(Field { name: name.to_owned(), value: value.trim().to_owned(), add })
    }
}

/// A file that goes with a message.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where it is read from.
    pub source: Arc<dyn Source>,
    /// Its size in octets.
    pub octets: u64,
    /// Its name for the receiver.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Whether it is to be shown in the text, and not offered as a file.
    pub inline: bool,
}

/// What a message is made of.
#[derive(Clone, Debug, Default)]
pub struct Composition {
    /// From.
    pub from: Option<Mailbox>,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Subject; `{token}` and `{number}` are filled in.
    pub subject: String,
    /// The text; the same are filled in. None where there is only HTML.
    pub text: Option<String>,
    /// The same as HTML.
    pub html: Option<String>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Fields that take the place of ours, or stand beside them.
    pub fields: Vec<Field>,
    /// The right side of Message-ID.
    pub host: String,
    /// What X-Mailer says.
    pub mailer: String,
}

impl Composition {
    /// The message as it is at `now` (seconds since 1970), traced by `token`; `number` tells it from others of the run.
    pub fn compose(&self, now: i64, token: &str, number: u64) -> Message {
        let token = format!("{token}-{number}");
        let fill = |text: &str| text.replace("{token}", &token).replace("{number}", &number.to_string());
        let message_id = format!("{token}@{}", self.host);
        let mut fields: Vec<(String, HeaderType<'_>)> = vec![("Date".into(), Date::new(now).into())];
        if let Some(from) = &self.from {
            fields.push(("From".into(), address(from).into()));
        }
        for (name, list) in [("To", &self.to), ("Cc", &self.cc)] {
            if !list.is_empty() {
                let list = list.iter().map(address).collect();
                fields.push((name.into(), Address::new_list(list).into()));
            }
        }
        fields.push(("Subject".into(), Text::new(fill(&self.subject)).into()));
        fields.push(("Message-ID".into(), MessageId::new(message_id.clone()).into()));
        fields.push(("X-Mailer".into(), Raw::new(self.mailer.as_str()).into()));
        fields.push((TOKEN_FIELD.into(), Raw::new(token.clone()).into()));
        fields.push(("MIME-Version".into(), Raw::new("1.0").into()));
        for field in &self.fields {
            let value: HeaderType<'_> = match field.value.is_ascii() {
                // What is ASCII stays as it was given.
                true => Raw::new(field.value.as_str()).into(),
                false => Text::new(field.value.as_str()).into(),
            };
            set(&mut fields, field, value);
        }
        let mut out: Vec<u8> = Vec::new();
        for (name, value) in &fields {
            out.extend_from_slice(format!("{name}: ").as_bytes());
            value.write_header(&mut out, name.len() + 2);
        }
        let ids: Vec<String> =
            (0..self.attachments.len()).map(|n| format!("ehlo-attachment-{token}-{n}")).collect();
        self.body(&token, &fill, &ids).write_part(&mut out);
        let mut message = self.parted(out, &ids);
        let own_id = self.fields.iter().rev().find(|f| f.name.eq_ignore_ascii_case("Message-ID"));
        message.message_id = match own_id {
            Some(field) => Some(field.value.trim_matches(['<', '>']).to_owned()).filter(|id| !id.is_empty()),
            None => Some(message_id),
        };
        message.token = Some(token);
        message
    }

    fn body<'x>(&'x self, token: &str, fill: &dyn Fn(&str) -> String, ids: &[String]) -> MimePart<'x> {
        let text = |media_type: &'static str, text: &String| {
            MimePart::new(media_type, BodyPart::Text(fill(text).into()))
        };
        let several = |kind: &'static str, parts: Vec<MimePart<'x>>| {
            let boundary = format!("=_{}_{token}", &kind[10..]);
            MimePart::new(ContentType::new(kind).attribute("boundary", boundary), parts)
        };
        let mut words: Vec<MimePart<'x>> = Vec::new();
        words.extend(self.text.as_ref().map(|t| text("text/plain", t)));
        words.extend(self.html.as_ref().map(|t| text("text/html", t)));
        let said = match words.len() {
            0 => MimePart::new("text/plain", BodyPart::Text("".into())),
            1 => words.remove(0),
            _ => several("multipart/alternative", words),
        };
        if self.attachments.is_empty() {
            return said;
        }
        let files = self.attachments.iter().zip(ids).map(|(file, id)| {
            let place = if file.inline { "inline" } else { "attachment" };
            // The id holds the place of the file, which is read when the message is sent.
            MimePart::new(
                ContentType::new(file.media_type.as_str()),
                BodyPart::Binary(id.clone().into_bytes().into()),
            )
            .header("Content-Disposition", ContentType::new(place).attribute("filename", file.name.as_str()))
            .transfer_encoding("base64")
        });
        several("multipart/mixed", std::iter::once(said).chain(files).collect())
    }

    /// The message with the files in their places.
    fn parted(&self, written: Vec<u8>, ids: &[String]) -> Message {
        let end = memchr::memmem::find(&written, b"\r\n\r\n").map_or(written.len(), |at| at + 4);
        let mut message = Message { header: written[..end].to_vec(), ..Message::default() };
        let mut rest = &written[end..];
        for (id, file) in ids.iter().zip(&self.attachments) {
            let Some(at) = memchr::memmem::find(rest, id.as_bytes()) else { continue };
            message.body.push(Piece::Octets(rest[..at].into()));
            message.body.push(Piece::Read {
                source: Arc::clone(&file.source),
                skip: 0,
                encoding: Encoding::Base64,
            });
            rest = &rest[at + id.len()..];
            message.attached.0 += file.octets;
            message.attached.1 += encoded_length(file.octets);
        }
        message.body.push(Piece::Octets(rest.into()));
        message
    }
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    Address::new_address(mailbox.name.as_deref(), mailbox.address.as_str())
}

fn set<'x>(fields: &mut Vec<(String, HeaderType<'x>)>, field: &Field, value: HeaderType<'x>) {
    let same = |(name, _): &(String, HeaderType<'x>)| name.eq_ignore_ascii_case(&field.name);
    let at = fields.iter().position(same);
    if field.add {
        fields.push((field.name.clone(), value));
    } else if field.value.is_empty() {
        fields.retain(|entry| !same(entry));
    } else if let Some(at) = at {
        fields[at].1 = value;
    } else {
        fields.push((field.name.clone(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{MessageParser, MimeHeaders as _};
    use std::io::Read as _;

    fn mailbox(text: &str) -> Mailbox {
        super::super::address::mailbox(text).unwrap()
    }

    fn composition() -> Composition {
        Composition {
            from: Some(mailbox("Jörg <joerg@example.test>")),
            to: vec![mailbox("Bob <bob@example.test>"), mailbox("eve@example.test")],
            cc: Vec::new(),
            subject: "Grüße {token}".into(),
            text: Some("Schöne Grüße\n.\nFrom here\n".into()),
            html: None,
            attachments: Vec::new(),
            fields: Vec::new(),
            host: "client.example".into(),
            mailer: "ehlo 0".into(),
        }
    }

    fn whole(message: &Message) -> Vec<u8> {
        let mut out = Vec::new();
        message.reader().unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn a_message_is_well_formed_and_says_what_was_wanted() {
        let message = composition().compose(1_800_000_000, "abc", 3);
        let octets = whole(&message);
        assert!(octets.is_ascii() && !message.measure().unwrap().bare_line_ends);
        let read = MessageParser::default().parse(&octets).unwrap();
        assert_eq!(read.subject(), Some("Grüße abc-3"));
        assert_eq!(read.message_id(), Some("abc-3@client.example"));
        assert_eq!(read.from().unwrap().first().unwrap().name(), Some("Jörg"));
        assert_eq!(read.to().unwrap().iter().count(), 2);
        assert_eq!(read.date().unwrap().to_timestamp(), 1_800_000_000);
        assert_eq!(read.body_text(0).unwrap().replace('\r', ""), "Schöne Grüße\n.\nFrom here\n");
        assert_eq!(read.header_raw(TOKEN_FIELD).map(str::trim), Some("abc-3"));
    }

    #[test]
    fn files_are_read_when_the_message_is_sent() {
        let file = |name: &str, octets: Vec<u8>, media_type: &str| Attachment {
            octets: octets.len() as u64,
            source: Arc::new(octets),
            name: name.into(),
            media_type: media_type.into(),
            inline: false,
        };
        let image: Vec<u8> = (0..100_000u32).map(|n| (n % 256) as u8).collect();
        let composed = Composition {
            html: Some("<p>hi</p>".into()),
            attachments: vec![
                file("Jahresabschluß.png", image.clone(), "image/png"),
                file("note.txt", b"plain\n".to_vec(), "text/plain"),
            ],
            ..composition()
        };
        let message = composed.compose(0, "t", 1);
        let octets = whole(&message);
        assert_eq!(message.measure().unwrap().octets, octets.len() as u64);
        assert_eq!(message.attached.0, 100_006);
        let read = MessageParser::default().parse(&octets).unwrap();
        assert_eq!(read.attachment_count(), 2);
        let first = read.attachment(0).unwrap();
        assert_eq!(first.attachment_name(), Some("Jahresabschluß.png"));
        assert!(first.contents() == image);
        assert_eq!(read.attachment(1).unwrap().contents(), b"plain\n");
        assert_eq!(read.body_html(0).as_deref(), Some("<p>hi</p>"));
    }

    #[test]
    fn fields_of_the_user_win() {
        let field = |text: &str, add| Field::parse(text, add).unwrap();
        let composed = Composition {
            fields: vec![
                field("subject: mine", false),
                field("Date:", false),
                field("X-A: 1", true),
                field("X-A: ü", true),
                field("Message-ID: <x@y>", false),
            ],
            ..composition()
        };
        let message = composed.compose(0, "t", 1);
        assert_eq!(message.message_id.as_deref(), Some("x@y"));
        let octets = whole(&message);
        let read = MessageParser::default().parse(&octets).unwrap();
        assert_eq!(read.subject(), Some("mine"));
        assert!(read.date().is_none());
        assert_eq!(read.headers().iter().filter(|h| h.name() == "X-A").count(), 2);
        assert_eq!(Field::parse("no colon", false), Err(FieldProblem::Form));
        assert_eq!(Field::parse("a b: c", false), Err(FieldProblem::Form));
        assert_eq!(Field::parse("A: b\r\nC: d", false), Err(FieldProblem::Injection));
    }
}

//! The test message: it holds what is known to get lost or altered on the way.

use super::fields::split;
use crate::send::{Composition, Message, Piece};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Read as _};

/// What is sent.
#[derive(Clone, Debug)]
pub enum TripContent {
    /// A message that is composed.
    Composed(Box<TripLetter>),
    /// A message that is given, for all of them; its field for the token is added.
    Given(Message),
}

/// What the composed test message is made of.
#[derive(Clone, Debug, Default)]
pub struct TripLetter {
    /// Addresses, subject and words, as in any message; `{token}` is filled in.
    pub composition: Composition,
    /// What the line that is very long begins with, and so on: a heading for each of the lines that test something.
    pub words: TripWords,
}

/// What stands before the lines that test something.
#[derive(Clone, Debug, Default)]
pub struct TripWords {
    /// Before letters beyond ASCII.
    pub letters: String,
    /// Before lines that begin with dots.
    pub dots: String,
    /// Before a line that ends in blanks.
    pub blanks: String,
    /// Before a line that begins with `From `.
    pub from: String,
    /// Before a long line.
    pub long: String,
    /// The name of the attachment.
    pub file: String,
}

/// As long as a line may be, CR LF not counted (RFC 5322 §2.1.1).
const LONGEST_LINE: usize = 998;

impl TripContent {
    /// The message of that number, as it is sent at `now` (seconds since 1970). `eight_bit`: letters stand as they are.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn message(&self, now: i64, token: &str, number: u64, eight_bit: bool) -> io::Result<Message> {
        match self {
            TripContent::Composed(letter) => Ok(letter.message(now, token, number, eight_bit)),
            TripContent::Given(message) => {
                let token = format!("{token}-{number}");
                let mut message = message.clone();
                let field = format!("{}: {token}\r\n", crate::send::TOKEN_FIELD);
                message.header = [field.as_bytes(), &message.header].concat();
                message.token = Some(token);
                Ok(message)
            }
        }
    }
}

impl TripLetter {
    fn message(&self, now: i64, token: &str, number: u64, eight_bit: bool) -> Message {
        let composition = Composition { text: None, html: None, ..self.composition.clone() };
        let composed = composition.compose(now, token, number);
        let token = composed.token.clone().unwrap_or_default();
        let mut header = Vec::new();
        for field in split(&composed.header).0 {
            if !field.name.to_ascii_lowercase().starts_with(b"content-") {
                header.extend_from_slice(&field.name);
                header.push(b':');
                header.extend_from_slice(&field.raw);
            }
        }
        let boundary = format!("=_trip_{token}");
        header.extend_from_slice(
            format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n").as_bytes(),
        );
        let text = self.text(&token);
        let (encoding, text) = match eight_bit {
            true => ("8bit", text),
            false => ("base64", base64_lines(text.as_bytes())),
        };
        let file: Vec<u8> = (0..=255).collect();
        let name = &self.words.file;
        // RFC 2231 §4; names in ASCII need none of it.
        let parameter = match name.is_ascii() {
            true => format!("filename=\"{name}\""),
            false => {
                let coded: String = name
                    .bytes()
                    .map(|b| match b {
                        b if b.is_ascii_alphanumeric() || b"-._".contains(&b) => (b as char).to_string(),
                        b => format!("%{b:02X}"),
                    })
                    .collect();
                format!("filename*=utf-8''{coded}")
            }
        };
        let body = format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n\
             {text}\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\
             Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; {parameter}\r\n\r\n\
             {}\r\n--{boundary}--\r\n",
            base64_lines(&file)
        );
        Message {
            header,
            body: vec![Piece::Octets(body.into_bytes().into())],
            message_id: composed.message_id,
            token: Some(token),
            attached: (file.len() as u64, 0),
        }
    }

    /// The text, lines ended by CR LF.
    fn text(&self, token: &str) -> String {
        let words = &self.words;
        let intro = self.composition.text.as_deref().unwrap_or_default().replace("{token}", token);
        let long = format!("{} ", words.long);
        let rest = LONGEST_LINE.saturating_sub(long.len());
        let long: String = long.chars().chain("0123456789".chars().cycle().take(rest)).collect();
        let lines = [
            intro.replace("\r\n", "\n").replace('\n', "\r\n"),
            String::new(),
            format!("{} äöü ÄÖÜ ß é ñ ø € — „“ Ж 漢 🙂", words.letters),
            words.dots.clone(),
            ".".into(),
            "..".into(),
            ".x".into(),
            format!("{}   ", words.blanks),
            format!("From {}", words.from),
            long,
        ];
        lines.join("\r\n")
    }
}

/// In lines of 76 (RFC 2045 §6.8).
fn base64_lines(bytes: &[u8]) -> String {
    let coded = STANDARD.encode(bytes);
    let lines: Vec<&str> =
        coded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    lines.join("\r\n")
}

/// All of a message.
///
/// # Errors
/// What the system says.
pub(super) fn whole(message: &Message) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    message.reader()?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::mailbox;
    use mail_parser::{MessageParser, MimeHeaders as _};

    fn letter() -> TripLetter {
        TripLetter {
            composition: Composition {
                from: Some(mailbox("a@b.example").unwrap()),
                to: vec![mailbox("c@d.example").unwrap()],
                subject: "Prüfung {token}".into(),
                text: Some("first\nsecond {token}".into()),
                host: "b.example".into(),
                mailer: "ehlo".into(),
                ..Composition::default()
            },
            words: TripWords { long: "long:".into(), file: "Prüfung.bin".into(), ..TripWords::default() },
        }
    }

    #[test]
    fn the_letter_says_the_same_with_seven_bits_and_with_eight() {
        let mut texts = Vec::new();
        for eight_bit in [true, false] {
            let message = letter().message(1_800_000_000, "t", 1, eight_bit);
            let measured = message.measure().unwrap();
            assert_eq!(measured.eight_bit, eight_bit);
            assert!(!measured.bare_line_ends && !measured.header_eight_bit && measured.ends_in_line);
            assert!(measured.longest_line <= LONGEST_LINE as u64);
            let bytes = whole(&message).unwrap();
            let parsed = MessageParser::default().parse(&bytes).unwrap();
            assert_eq!(parsed.subject(), Some("Prüfung t-1"));
            assert_eq!(parsed.message_id(), Some("t-1@b.example"));
            let file = parsed.attachment(0).unwrap();
            assert_eq!(file.attachment_name(), Some("Prüfung.bin"));
            assert_eq!(file.contents(), (0..=255).collect::<Vec<u8>>());
            texts.push(parsed.body_text(0).unwrap().into_owned());
        }
        assert_eq!(texts[0].trim_end(), texts[1].trim_end());
        assert!(texts[0].contains("second t-1\r\n") && texts[0].contains('漢'));
    }

    #[test]
    fn a_message_that_is_given_gets_its_field() {
        let given = Message { header: b"Subject: x\r\n\r\n".to_vec(), ..Message::default() };
        let message = TripContent::Given(given).message(0, "t", 3, true).unwrap();
        assert_eq!(message.header, b"X-Ehlo-Test: t-3\r\nSubject: x\r\n\r\n");
        assert_eq!(message.token.as_deref(), Some("t-3"));
    }
}

//! Messages that are there already.

use super::compose::Field;
use super::message::{Encoding, Message, Piece, Source, mended};
use mail_builder::headers::Header as _;
use mail_builder::headers::text::Text;
use std::io::{self, Read as _};
use std::sync::Arc;

/// A header that is longer is none.
const LONGEST_HEADER: u64 = 1024 * 1024;

/// What was found in a file.
#[derive(Debug)]
pub struct Eml {
    /// The message.
    pub message: Message,
    /// Whether a line `From …` of a mailbox file stood in front and was left out.
    pub from_line: bool,
    /// Whether line ends were mended in the header.
    pub mended: bool,
}

/// Raw data: sent as they are.
///
/// # Errors
/// What the system says.
pub fn raw(source: Arc<dyn Source>) -> io::Result<Message> {
    source.open()?;
    let piece = Piece::Read { source, skip: 0, encoding: Encoding::AsIs };
    Ok(Message { body: vec![piece], ..Message::default() })
}

/// A message with header and body. `fields` take the place of those in it.
///
/// # Errors
/// What the system says; [`io::ErrorKind::UnexpectedEof`] for one that is empty, and [`io::ErrorKind::InvalidData`]
/// where the header does not end.
pub fn read(source: Arc<dyn Source>, fields: &[Field]) -> io::Result<Eml> {
    let mut begin = Vec::new();
    source.open()?.take(LONGEST_HEADER).read_to_end(&mut begin)?;
    if begin.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let from_line = begin.starts_with(b"From ");
    let start = match from_line {
        true => memchr::memchr(b'\n', &begin).map_or(begin.len(), |at| at + 1),
        false => 0,
    };
    let length = match header_length(&begin[start..]) {
        Some(length) => length,
        None if (begin.len() as u64) < LONGEST_HEADER => begin.len() - start,
        None => return Err(io::ErrorKind::InvalidData.into()),
    };
    let written = &begin[start..start + length];
    let mut header = Vec::new();
    mended(written, false, &mut header);
    let was_mended = header != written;
    while !header.ends_with(b"\r\n\r\n") && header != b"\r\n" {
        header.extend_from_slice(b"\r\n");
    }
    let mut lines = folded(&header);
    for field in fields {
        set(&mut lines, field);
    }
    let value = |name: &str| {
        let found = lines.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        let text = String::from_utf8_lossy(&found.1);
        Some(text.split_once(':')?.1.trim().trim_matches(['<', '>']).to_owned())
    };
    let (message_id, token) = (value("Message-ID"), value(super::compose::TOKEN_FIELD));
    let mut header = lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().concat();
    header.extend_from_slice(b"\r\n");
    let piece = Piece::Read { source, skip: (start + length) as u64, encoding: Encoding::LineEnds };
    let message = Message { header, body: vec![piece], message_id, token, attached: (0, 0) };
    Ok(Eml { message, from_line, mended: was_mended })
}

/// How long the header is, its empty line included.
fn header_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(length) = memchr::memchr(b'\n', &text[at..]) {
        let line = &text[at..at + length];
        at += length + 1;
        if line.is_empty() || line == b"\r" {
            return Some(at);
        }
    }
    None
}

/// The fields with the lines that continue them, each with its name; without the empty line.
pub(super) fn folded(header: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    for line in header.split_inclusive(|b| *b == b'\n') {
        if line == b"\r\n" {
            break;
        }
        match fields.last_mut() {
            Some((_, field)) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                field.extend_from_slice(line);
            }
            _ => {
                let name = line.split(|b| *b == b':').next().unwrap_or_default();
                fields.push((String::from_utf8_lossy(name).trim().to_owned(), line.to_vec()));
            }
        }
    }
    fields
}

fn set(lines: &mut Vec<(String, Vec<u8>)>, field: &Field) {
    let mut line = format!("{}: ", field.name).into_bytes();
    if field.value.is_ascii() {
        line.extend_from_slice(format!("{}\r\n", field.value).as_bytes());
    } else {
        Text::new(field.value.as_str()).write_header(&mut line, field.name.len() + 2);
    }
    let at = lines.iter().position(|(name, _)| name.eq_ignore_ascii_case(&field.name));
    match at {
        _ if field.add => lines.push((field.name.clone(), line)),
        _ if field.value.is_empty() => lines.retain(|(name, _)| !name.eq_ignore_ascii_case(&field.name)),
        Some(at) => lines[at].1 = line,
        None => lines.push((field.name.clone(), line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eml(text: &str, fields: &[&str]) -> (Eml, String) {
        let fields: Vec<Field> = fields.iter().map(|f| Field::parse(f, false).unwrap()).collect();
        let eml = read(Arc::new(text.as_bytes().to_vec()), &fields).unwrap();
        let mut whole = String::new();
        eml.message.reader().unwrap().read_to_string(&mut whole).unwrap();
        (eml, whole)
    }

    #[test]
    fn line_ends_are_mended_and_fields_set() {
        let text = "From joe Mon\nSubject: a\n b\nMessage-ID: <i@x>\n\nbody\n.\n";
        let (eml, whole) = eml(text, &["Subject: c", "X-New: d", "Message-id: <j@x>"]);
        assert!(eml.from_line && eml.mended);
        assert_eq!(whole, "Subject: c\r\nMessage-id: <j@x>\r\nX-New: d\r\n\r\nbody\r\n.\r\n");
        assert_eq!(eml.message.message_id.as_deref(), Some("j@x"));
    }

    #[test]
    fn a_sound_message_is_left_as_it_is() {
        let text = "Subject: a\r\n\tb\r\n\r\nbody\r\n";
        let (eml, whole) = eml(text, &[]);
        assert_eq!(whole, text);
        assert!(!eml.from_line && !eml.mended);
        assert_eq!(super::tests::eml("Subject: only\r\n", &[]).1, "Subject: only\r\n\r\n");
        assert_eq!(super::tests::eml("\r\nbody", &[]).1, "\r\nbody");
    }

    #[test]
    fn an_empty_file_is_no_message() {
        let error = read(Arc::new(Vec::new()), &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}

use super::item::{Item, Text};
use crate::Message;
use crate::dates::imap_date_time;
use crate::mail::decode::decoded;
use crate::mail::header::fields;
use crate::mail::mime::Part;
use crate::mail::preview::preview;
use crate::store::Shown;
use crate::talk::imap::selected::flags;
use crate::talk::imap::text::{quoted, string};

/// The forms of a message that are kept take no more octets than this.
const MOST_SHOWN: usize = 8 * 1024;

/// Writes what is wanted of one message.
pub(super) struct Writer<'a> {
    message: &'a Message,
    bytes: &'a [u8],
    recent: bool,
    utf8: bool,
    structure: Option<Part>,
    /// A part had an encoding that is not known (RFC 3516 §4.3).
    pub(super) undecodable: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(message: &'a Message, bytes: &'a [u8], recent: bool, utf8: bool) -> Writer<'a> {
        Writer { message, bytes, recent, utf8, structure: None, undecodable: false }
    }

    fn structure(&mut self) -> &Part {
        let bytes = self.bytes;
        self.structure.get_or_insert_with(|| Part::read(bytes))
    }

    pub(super) fn write(&mut self, item: &Item, out: &mut Vec<u8>) {
        let message = self.message;
        let text = match item {
            Item::Uid => format!("UID {}", message.uid),
            Item::Flags => format!("FLAGS ({})", flags(message, self.recent)),
            Item::InternalDate => format!("INTERNALDATE \"{}\"", imap_date_time(message.at)),
            Item::Size => format!("RFC822.SIZE {}", message.body.len()),
            Item::ModSeq => format!("MODSEQ ({})", message.modseq),
            Item::EmailId => format!("EMAILID (M{})", message.email_id),
            Item::ThreadId => format!("THREADID (T{})", message.thread_id),
            Item::SaveDate => format!("SAVEDATE \"{}\"", imap_date_time(message.saved)),
            Item::Envelope => {
                out.extend_from_slice(b"ENVELOPE ");
                return self.write_shown(out, |shown| &shown.envelope);
            }
            Item::Structure { extended } => {
                out.extend_from_slice(if *extended { b"BODYSTRUCTURE " } else { b"BODY " });
                return self.write_shown(out, |shown| if *extended { &shown.structure } else { &shown.body });
            }
            Item::Preview => {
                out.extend_from_slice(b"PREVIEW ");
                let bytes = self.bytes;
                let preview = preview(self.structure(), bytes);
                // RFC 8970 §4: a string in UTF-8, whatever was enabled; a literal holds it for all.
                return out.extend_from_slice(&quoted(preview.as_bytes(), self.utf8));
            }
            Item::Section { label, part, text, partial, .. } => {
                out.extend_from_slice(label.as_bytes());
                let bytes = self.bytes;
                return match (part.as_slice(), text) {
                    ([], Text::All) => write_section(Some(bytes), *partial, false, out),
                    (part, text) => {
                        let content = section(self.structure(), part, text, bytes);
                        write_section(content.as_deref(), *partial, false, out);
                    }
                };
            }
            Item::Binary { label, part, partial, .. } => {
                out.extend_from_slice(label.as_bytes());
                let content = self.binary(part);
                return write_section(content.as_deref(), *partial, true, out);
            }
            Item::BinarySize { label, part } => {
                format!("{label} {}", self.binary(part).map_or(0, |content| content.len()))
            }
        };
        out.extend_from_slice(text.as_bytes());
    }

    /// Writes a form of what the message is made of. The forms are made together, and once for each message; those
    /// in UTF-8 and those that are long are not kept.
    fn write_shown(&mut self, out: &mut Vec<u8>, form: impl Fn(&Shown) -> &[u8]) {
        let (message, bytes, utf8) = (self.message, self.bytes, self.utf8);
        if !utf8 && let Some(shown) = message.shown.get() {
            return out.extend_from_slice(form(shown));
        }
        let part = self.structure();
        let shown = Shown {
            envelope: part.envelope(bytes, utf8).into(),
            body: part.structure(bytes, false, utf8).into(),
            structure: part.structure(bytes, true, utf8).into(),
        };
        out.extend_from_slice(form(&shown));
        if !utf8 && shown.envelope.len() + shown.body.len() + shown.structure.len() <= MOST_SHOWN {
            // Another session may have been quicker; what it kept is the same.
            let _ = message.shown.set(shown);
        }
    }

    fn binary(&mut self, numbers: &[usize]) -> Option<Vec<u8>> {
        let bytes = self.bytes;
        if numbers.is_empty() {
            return Some(bytes.to_vec());
        }
        let part = self.structure().find(numbers)?;
        let content = decoded(part, bytes);
        self.undecodable |= content.is_none();
        content
    }
}

fn write_section(content: Option<&[u8]>, partial: Option<(usize, usize)>, binary: bool, out: &mut Vec<u8>) {
    if let Some((from, _)) = partial {
        out.extend_from_slice(format!("<{from}>").as_bytes());
    }
    out.push(b' ');
    let Some(content) = content else { return out.extend_from_slice(b"NIL") };
    let content = match partial {
        Some((from, count)) => {
            let from = from.min(content.len());
            &content[from..from.saturating_add(count).min(content.len())]
        }
        None => content,
    };
    let nul = content.contains(&0);
    if content.is_empty() || content.len() >= 1000 || content.contains(&b'\n') || nul {
        // RFC 3516 §4.2: only a literal8 may hold NUL; where BINARY was not asked for, it stands as it is kept.
        let tilde = if binary && nul { "~" } else { "" };
        out.extend_from_slice(format!("{tilde}{{{}}}\r\n", content.len()).as_bytes());
        out.extend_from_slice(content);
    } else {
        out.extend_from_slice(&string(content));
    }
}

fn section(root: &Part, numbers: &[usize], text: &Text, bytes: &[u8]) -> Option<Vec<u8>> {
    let part = root.find(numbers)?;
    // HEADER and TEXT of a part are those of the message inside it.
    let message = if numbers.is_empty() { Some(root) } else { part.message() };
    Some(match text {
        Text::All => bytes[part.body.clone()].to_vec(),
        Text::Mime => bytes[part.header.clone()].to_vec(),
        Text::Header => bytes[message?.header.clone()].to_vec(),
        Text::Body => bytes[message?.body.clone()].to_vec(),
        Text::Fields { names, not } => {
            let header = &bytes[message?.header.clone()];
            let wanted = |name: &[u8]| names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name)) != *not;
            let mut found: Vec<u8> = fields(header)
                .filter(|(name, _)| wanted(name))
                .flat_map(|(_, whole)| whole.to_vec())
                .collect();
            found.extend_from_slice(b"\r\n");
            found
        }
    })
}

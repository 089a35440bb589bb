//! What ENVELOPE, BODYSTRUCTURE and RFC822.SIZE say agrees with what `mail-parser` reads in the same message. The lab
//! takes messages apart with code of its own.

use crate::corpus::CORPUS;
use crate::session::{Session, lab, responses, wire};
use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder as _;
use imap_codec::imap_types::body::{BasicFields, BodyStructure, SpecificFields};
use imap_codec::imap_types::core::{IString, NString};
use imap_codec::imap_types::envelope::{Address as ImapAddress, Envelope};
use imap_codec::imap_types::fetch::MessageDataItem;
use imap_codec::imap_types::response::{Data, Response};
use mail_parser::{Address, Message, MessageParser, MimeHeaders as _, PartType};

/// Where the two differ with good reason: message, what, reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("nested", "2.size", "the line end behind the last boundary inside counts as inside, as with Dovecot"),
    ("nested", "2.lines", "the same"),
];

/// Differences between the two readings of one message.
struct Compared<'a> {
    name: &'a str,
    problems: Vec<String>,
}

impl Compared<'_> {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, lab: T, parser: T) {
        let excused = DIFFERENCES.iter().any(|(name, part, _)| *name == self.name && *part == what);
        if (lab == parser) == excused {
            let excuse = if excused { "an excuse that is not needed: " } else { "" };
            self.problems
                .push(format!("{}: {excuse}{what}\n  lab    {lab:?}\n  parser {parser:?}", self.name));
        }
    }
}

fn text(value: &IString<'_>) -> String {
    String::from_utf8_lossy(value.as_ref()).into_owned()
}

fn maybe(value: &NString<'_>) -> Option<String> {
    value.0.as_ref().map(text)
}

/// A header as `mail-parser` reads it: the lab gives its raw text away, and so the decoding is not compared but done.
fn read_header(name: &str, raw: &str) -> Message<'static> {
    MessageParser::new().parse(&format!("{name}: {raw}\r\n\r\n")).unwrap().into_owned()
}

/// Addresses with names, `(group)` where one begins.
fn addresses(list: &[ImapAddress<'_>]) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    for address in list {
        let mailbox = maybe(&address.mailbox);
        match (maybe(&address.host), mailbox) {
            (Some(host), Some(mailbox)) => {
                let name = maybe(&address.name).map(|raw| {
                    let read = read_header("Subject", &raw);
                    read.subject().unwrap_or_default().to_owned()
                });
                found.push((name, format!("{mailbox}@{host}")));
            }
            (None, Some(group)) => found.push((Some(group), "(group)".into())),
            // The end of a group.
            (None, None) => {}
            (Some(host), None) => panic!("a host {host} without a mailbox"),
        }
    }
    found
}

fn parsed_addresses(list: Option<&Address<'_>>) -> Vec<(Option<String>, String)> {
    let one = |a: &mail_parser::Addr<'_>| {
        (a.name.as_ref().map(ToString::to_string), a.address.as_deref().unwrap_or_default().to_owned())
    };
    match list {
        None => Vec::new(),
        Some(Address::List(list)) => list.iter().map(one).collect(),
        Some(Address::Group(groups)) => groups
            .iter()
            .flat_map(|group| {
                let head = group.name.as_ref().map(|name| (Some(name.to_string()), "(group)".to_owned()));
                head.into_iter().chain(group.addresses.iter().map(one))
            })
            .collect(),
    }
}

fn compare_envelope(compared: &mut Compared<'_>, at: &str, envelope: &Envelope<'_>, message: &Message<'_>) {
    let subject = maybe(&envelope.subject).map(|raw| read_header("Subject", &raw));
    let subject = subject.as_ref().map(|read| read.subject().unwrap_or_default().replace('\t', " "));
    // RFC 5322 §2.2.3: unfolding leaves the blank as it is; mail-parser makes a space of it.
    compared.same(&format!("{at}subject"), subject, message.subject().map(str::to_owned));
    let date = maybe(&envelope.date).map(|raw| read_header("Date", &raw).date().map(|d| d.to_timestamp()));
    compared.same(&format!("{at}date"), date, message.date().map(|d| Some(d.to_timestamp())));
    let bare = |id: &NString<'_>| maybe(id).map(|id| id.trim_matches(['<', '>']).to_owned());
    compared.same(
        &format!("{at}message-id"),
        bare(&envelope.message_id),
        message.message_id().map(str::to_owned),
    );
    compared.same(
        &format!("{at}in-reply-to"),
        bare(&envelope.in_reply_to),
        message.in_reply_to().as_text().map(str::to_owned),
    );
    // RFC 9051 §7.5.2: where Sender or Reply-To is missing, From stands in.
    for (what, lab, parser) in [
        ("from", &envelope.from, message.from()),
        ("sender", &envelope.sender, message.sender().or(message.from())),
        ("reply-to", &envelope.reply_to, message.reply_to().or(message.from())),
        ("to", &envelope.to, message.to()),
        ("cc", &envelope.cc, message.cc()),
        ("bcc", &envelope.bcc, message.bcc()),
    ] {
        compared.same(&format!("{at}{what}"), addresses(lab), parsed_addresses(parser));
    }
}

/// The types of a part, its parameters and its encoding.
fn compare_basic(
    compared: &mut Compared<'_>,
    at: &str,
    kind: (String, String),
    basic: &BasicFields<'_>,
    part: &mail_parser::MessagePart<'_>,
    raw: &[u8],
) {
    let declared = part.content_type();
    // RFC 2046 §5.1.5: in a digest parts are messages unless they say something else.
    let default = if compared.name == "digest" && !at.contains("inner") {
        ("message", "rfc822")
    } else {
        ("text", "plain")
    };
    let known = declared.map_or_else(
        || (default.0.to_owned(), default.1.to_owned()),
        |t| (t.ctype().to_lowercase(), t.subtype().unwrap_or_default().to_lowercase()),
    );
    compared.same(&format!("{at}type"), kind, known);
    for name in ["charset", "boundary", "format"] {
        let lab = basic.parameter_list.iter().find(|(n, _)| text(n).eq_ignore_ascii_case(name));
        let lab = lab.map(|(_, value)| text(value).to_lowercase());
        let parser = declared.and_then(|t| t.attribute(name)).map(str::to_lowercase);
        // The default is told although it is not there (RFC 2045 §5.2).
        let parser = parser.or_else(|| lab.clone().filter(|v| name == "charset" && v == "us-ascii"));
        compared.same(&format!("{at}{name}"), lab, parser);
    }
    let encoding = part.content_transfer_encoding().unwrap_or("7bit").to_lowercase();
    compared.same(&format!("{at}encoding"), text(&basic.content_transfer_encoding).to_lowercase(), encoding);
    let body = &raw[part.offset_body as usize..part.offset_end as usize];
    compared.same(&format!("{at}size"), basic.size as usize, body.len());
    compared.same(
        &format!("{at}id"),
        maybe(&basic.id).map(|id| id.trim_matches(['<', '>']).to_owned()),
        part.content_id().map(str::to_owned),
    );
    compared.same(
        &format!("{at}description"),
        maybe(&basic.description),
        part.content_description().map(str::to_owned),
    );
}

/// `raw` is the outermost message: places in a message inside it are counted from its beginning.
fn compare_structure(
    compared: &mut Compared<'_>,
    at: &str,
    structure: &BodyStructure<'_>,
    message: &Message<'_>,
    index: usize,
    raw: &[u8],
) {
    let part = &message.parts[index];
    match (structure, &part.body) {
        (BodyStructure::Multi { bodies, subtype, .. }, PartType::Multipart(parts)) => {
            let declared = part.content_type().and_then(|t| t.subtype()).unwrap_or_default();
            compared.same(&format!("{at}subtype"), text(subtype).to_lowercase(), declared.to_lowercase());
            compared.same(&format!("{at}parts"), bodies.as_ref().len(), parts.len());
            for (number, (body, index)) in bodies.as_ref().iter().zip(parts).enumerate() {
                compare_structure(
                    compared,
                    &format!("{at}{}.", number + 1),
                    body,
                    message,
                    usize::try_from(*index).unwrap(),
                    raw,
                );
            }
        }
        (BodyStructure::Single { body, extension_data }, _) => {
            let kind = match &body.specific {
                SpecificFields::Basic { r#type, subtype } => (text(r#type), text(subtype)),
                SpecificFields::Text { subtype, .. } => ("text".into(), text(subtype)),
                SpecificFields::Message { .. } => ("message".into(), "rfc822".into()),
            };
            let kind = (kind.0.to_lowercase(), kind.1.to_lowercase());
            compare_basic(compared, at, kind, &body.basic, part, raw);
            let lines = raw[part.offset_body as usize..part.offset_end as usize].split(|&b| b == b'\n');
            let lines = lines.count() - 1;
            match (&body.specific, &part.body) {
                (SpecificFields::Text { number_of_lines, .. }, _) => {
                    compared.same(&format!("{at}lines"), *number_of_lines as usize, lines);
                }
                (
                    SpecificFields::Message { envelope, body_structure, number_of_lines },
                    PartType::Message(inner),
                ) => {
                    compared.same(&format!("{at}lines"), *number_of_lines as usize, lines);
                    compare_envelope(compared, at, envelope, inner);
                    compare_structure(compared, &format!("{at}inner."), body_structure, inner, 0, raw);
                }
                (_, PartType::Message(_)) => {
                    compared.same(&format!("{at}a message"), false, true);
                }
                _ => {}
            }
            let disposition = extension_data.as_ref().and_then(|e| e.tail.as_ref());
            let disposition = disposition.and_then(|d| d.disposition.as_ref());
            compared.same(
                &format!("{at}disposition"),
                disposition.map(|(kind, _)| text(kind).to_lowercase()),
                part.content_disposition().map(|d| d.ctype().to_lowercase()),
            );
        }
        (BodyStructure::Multi { .. }, _) => compared.same(&format!("{at}a multipart"), true, false),
    }
}

#[test]
fn envelopes_and_structures_are_those_that_mail_parser_reads() {
    let lab = lab();
    let mut session = Session::logged_in(&lab);
    let mut compared = Compared { name: "", problems: Vec::new() };
    let mut seen = 0;
    for (name, source) in CORPUS {
        session.ask(&format!("APPEND INBOX @{name}@"));
        session.ask("SELECT INBOX");
        let said = session.ask("FETCH * (RFC822.SIZE ENVELOPE BODYSTRUCTURE)");
        let raw = wire(source);
        let message = MessageParser::new().parse(&raw).unwrap();
        let response = responses(&said).remove(0);
        let (_, read) = ResponseCodec::default().decode(&response).unwrap();
        let Response::Data(Data::Fetch { items, .. }) = read else {
            panic!("{}", String::from_utf8_lossy(&response))
        };
        compared.name = name;
        for item in items.as_ref() {
            match item {
                MessageDataItem::Rfc822Size(size) => compared.same("octets", *size as usize, raw.len()),
                MessageDataItem::Envelope(envelope) => {
                    compare_envelope(&mut compared, "", envelope, &message);
                }
                MessageDataItem::BodyStructure(structure) => {
                    compare_structure(&mut compared, "", structure, &message, 0, &raw);
                }
                other => panic!("{other:?}"),
            }
            seen += 1;
        }
    }
    assert_eq!(seen, CORPUS.len() * 3);
    let problems = &compared.problems;
    assert!(problems.is_empty(), "{} differences\n{}", problems.len(), problems.join("\n"));
}

use super::{Data, Value};
use crate::Parsed;
use ehlo_core::{Deviation, DeviationKind};

/// ENVELOPE, taken apart (RFC 9051 §7.5.2). Strings are as sent: encoded words stay encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date:`
    pub date: Option<Vec<u8>>,
    /// `Subject:`
    pub subject: Option<Vec<u8>>,
    /// `From:`
    pub from: Vec<Address>,
    /// `Sender:`
    pub sender: Vec<Address>,
    /// `Reply-To:`
    pub reply_to: Vec<Address>,
    /// `To:`
    pub to: Vec<Address>,
    /// `Cc:`
    pub cc: Vec<Address>,
    /// `Bcc:`
    pub bcc: Vec<Address>,
    /// `In-Reply-To:`
    pub in_reply_to: Option<Vec<u8>>,
    /// `Message-ID:`
    pub message_id: Option<Vec<u8>>,
}

/// An address of an envelope; a group begins with a mailbox without host and ends with neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Display name.
    pub name: Option<Vec<u8>>,
    /// Source route, obsolete.
    pub route: Option<Vec<u8>>,
    /// Local part, or the name of a group.
    pub mailbox: Option<Vec<u8>>,
    /// Domain.
    pub host: Option<Vec<u8>>,
}

/// BODYSTRUCTURE, taken apart (RFC 9051 §7.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyStructure {
    /// A part without parts.
    Single {
        /// Media type, upper case.
        media: String,
        /// Media subtype, upper case.
        subtype: String,
        /// Parameters in pairs.
        parameters: Vec<(Vec<u8>, Vec<u8>)>,
        /// Transfer encoding, upper case.
        encoding: String,
        /// Size in octets, encoded.
        octets: Option<u64>,
        /// The message inside, for MESSAGE/RFC822.
        message: Option<Box<(Envelope, BodyStructure)>>,
        /// How it is to be shown, if the server says so (RFC 2183).
        disposition: Option<Disposition>,
    },
    /// Several parts.
    Multi {
        /// The parts.
        parts: Vec<BodyStructure>,
        /// Media subtype, upper case.
        subtype: String,
        /// How it is to be shown, if the server says so (RFC 2183).
        disposition: Option<Disposition>,
    },
}

/// A Content-Disposition, taken apart (RFC 2183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `INLINE`, `ATTACHMENT` or another word, upper case, escaped.
    pub kind: String,
    /// Parameters in pairs.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The items of `* n FETCH (…)` in pairs: name in upper case, escaped, and value.
pub fn fetch_items(data: &Data) -> Parsed<Vec<(String, &Value)>> {
    let mut deviations = Vec::new();
    let items = data.items.first().and_then(Value::list).unwrap_or_default();
    let mut found = Vec::new();
    for pair in items.chunks(2) {
        match (pair[0].astring(), pair.get(1)) {
            (Some(name), Some(value)) => found.push((ehlo_core::escape(&name.to_ascii_uppercase()), value)),
            _ => deviations.push(Deviation::new(DeviationKind::MissingItem, pair[0].span)),
        }
    }
    Parsed::new(found, deviations)
}

/// Reads an ENVELOPE.
pub fn envelope(value: &Value) -> Parsed<Envelope> {
    let mut deviations = Vec::new();
    let items = value.list().unwrap_or_default();
    if items.len() < 10 {
        deviations.push(Deviation::new(DeviationKind::MissingItem, value.span));
    }
    let string = |n: usize| items.get(n).and_then(Value::nstring).map(<[u8]>::to_vec);
    let mut addresses = |n: usize| -> Vec<Address> {
        let Some(list) = items.get(n) else { return Vec::new() };
        let Some(list) = list.list() else {
            deviations.push(Deviation::new(DeviationKind::MissingItem, list.span));
            return Vec::new();
        };
        list.iter().map(|item| address(item, &mut deviations)).collect()
    };
    let envelope = Envelope {
        date: string(0),
        subject: string(1),
        from: addresses(2),
        sender: addresses(3),
        reply_to: addresses(4),
        to: addresses(5),
        cc: addresses(6),
        bcc: addresses(7),
        in_reply_to: string(8),
        message_id: string(9),
    };
    Parsed::new(envelope, deviations)
}

fn address(value: &Value, deviations: &mut Vec<Deviation>) -> Address {
    let items = value.list().unwrap_or_default();
    if items.len() != 4 {
        deviations.push(Deviation::new(DeviationKind::MissingItem, value.span));
    }
    let string = |n: usize| items.get(n).and_then(Value::nstring).map(<[u8]>::to_vec);
    Address { name: string(0), route: string(1), mailbox: string(2), host: string(3) }
}

/// Reads a BODY or BODYSTRUCTURE. The lexer bounds the depth, so this may recurse.
pub fn body_structure(value: &Value) -> Parsed<BodyStructure> {
    let mut deviations = Vec::new();
    let structure = read_structure(value, &mut deviations);
    Parsed::new(structure, deviations)
}

fn read_structure(value: &Value, deviations: &mut Vec<Deviation>) -> BodyStructure {
    let items = value.list().unwrap_or_default();
    let upper = |n: usize| {
        items
            .get(n)
            .and_then(Value::nstring)
            .map_or(String::new(), |s| ehlo_core::escape(&s.to_ascii_uppercase()))
    };
    let parts = items.iter().take_while(|i| matches!(i.kind, super::ValueKind::List(_))).count();
    if parts > 0 {
        if items.len() == parts {
            deviations.push(Deviation::new(DeviationKind::MissingItem, value.span));
        }
        let children = items[..parts].iter().map(|part| read_structure(part, deviations)).collect();
        // body-ext-mpart = body-fld-param [SP body-fld-dsp …]
        let disposition = items.get(parts + 2).and_then(disposition);
        return BodyStructure::Multi { parts: children, subtype: upper(parts), disposition };
    }
    if items.len() < 7 {
        deviations.push(Deviation::new(DeviationKind::MissingItem, value.span));
    }
    let (media, subtype) = (upper(0), upper(1));
    let message = (media == "MESSAGE" && (subtype == "RFC822" || subtype == "GLOBAL") && items.len() > 8)
        .then(|| {
            let inner = envelope(&items[7]);
            deviations.extend(inner.deviations);
            Box::new((inner.value, read_structure(&items[8], deviations)))
        });
    // body-ext-1part = body-fld-md5 [SP body-fld-dsp …], behind what the media type brings.
    let extension = match (media.as_str(), subtype.as_str()) {
        ("TEXT", _) => 8,
        ("MESSAGE", "RFC822" | "GLOBAL") => 10,
        _ => 7,
    };
    BodyStructure::Single {
        media,
        subtype,
        parameters: items.get(2).map(pairs).unwrap_or_default(),
        encoding: upper(5),
        octets: items.get(6).and_then(Value::number),
        message,
        disposition: items.get(extension + 1).and_then(disposition),
    }
}

fn disposition(value: &Value) -> Option<Disposition> {
    let [kind, rest @ ..] = value.list()? else { return None };
    let kind = ehlo_core::escape(&kind.nstring()?.to_ascii_uppercase());
    Some(Disposition { kind, parameters: rest.first().map(pairs).unwrap_or_default() })
}

/// Parameters: names and values in turn.
fn pairs(value: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pair = |pair: &[Value]| Some((pair[0].nstring()?.to_vec(), pair[1].nstring()?.to_vec()));
    value.list().unwrap_or_default().chunks_exact(2).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::{ResponseKind, parse_response};
    use crate::{Framer, FramerEvent, FramerMode};

    fn data(text: &str) -> Data {
        let mut framer = Framer::new(FramerMode::ImapResponses, &ehlo_core::Limits::default());
        framer.push(text.as_bytes());
        framer.push(b"\r\n");
        let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no unit") };
        match parse_response(&unit).value.kind {
            ResponseKind::Data(data) => data,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_envelope_has_ten_items() {
        let data = data(
            r#"* 1 FETCH (ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700" {7}
minutes (("Terry Gray" NIL "gray" "example.edu")) NIL NIL ((NIL NIL "group" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)) NIL NIL NIL "<x@y>") UID 3)"#
                .replace('\n', "\r\n")
                .as_str(),
        );
        let items = fetch_items(&data);
        assert_eq!(items.value[0].0, "ENVELOPE");
        assert_eq!(items.value[1].1.number(), Some(3));
        let read = envelope(items.value[0].1);
        assert!(read.deviations.is_empty());
        assert_eq!(read.value.subject.as_deref(), Some(&b"minutes"[..]));
        assert_eq!(read.value.from[0].host.as_deref(), Some(&b"example.edu"[..]));
        assert_eq!(read.value.to.len(), 3);
        assert_eq!(read.value.message_id.as_deref(), Some(&b"<x@y>"[..]));
    }

    #[test]
    fn structures_of_structures() {
        let data = data(concat!(
            r#"* 3 FETCH (BODYSTRUCTURE ((("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 22 1 NIL NIL NIL NIL)"#,
            r#"("text" "html" NIL NIL NIL "7bit" 15 1 NIL NIL NIL NIL) "alternative" ("boundary" "b2") NIL NIL NIL)"#,
            r#"("message" "rfc822" NIL NIL NIL "7bit" 90 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" NIL NIL NIL "7bit" 12 1) 5)"#,
            r#" "mixed" ("boundary" "b1") NIL NIL NIL))"#
        ));
        let items = fetch_items(&data).value;
        let read = body_structure(items[0].1);
        assert!(read.deviations.is_empty(), "{:?}", read.deviations);
        let BodyStructure::Multi { parts, subtype, .. } = read.value else { panic!() };
        assert_eq!(subtype, "MIXED");
        let BodyStructure::Multi { parts: inner, .. } = &parts[0] else { panic!() };
        assert_eq!(inner.len(), 2);
        let BodyStructure::Single { message: Some(message), octets, .. } = &parts[1] else { panic!() };
        assert_eq!((message.0.subject.as_deref(), *octets), (Some(&b"inner"[..]), Some(90)));
    }

    #[test]
    fn missing_items_are_told() {
        let data = data("* 1 FETCH (ENVELOPE (NIL NIL x) BODYSTRUCTURE (\"text\" \"plain\") BODY)");
        let items = fetch_items(&data);
        assert_eq!(items.deviations.len(), 1);
        assert_eq!(envelope(items.value[0].1).deviations.len(), 2);
        assert_eq!(body_structure(items.value[1].1).deviations.len(), 1);
    }
}

use super::{Data, Response, ResponseKind, Value};
use ehlo_core::Span;

/// A folder as LIST or LSUB names it (RFC 9051 §7.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// Its attributes, as sent.
    pub attributes: Vec<Vec<u8>>,
    /// The hierarchy delimiter; none for a flat name.
    pub delimiter: Option<Vec<u8>>,
    /// Its name on the wire.
    pub name: Vec<u8>,
}

/// A namespace (RFC 2342 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceItem {
    /// `personal`, `other`, `shared`.
    pub kind: &'static str,
    /// The prefix of names in it.
    pub prefix: Vec<u8>,
    /// The hierarchy delimiter.
    pub delimiter: Option<Vec<u8>>,
}

/// The capabilities that a response lists, with their bytes: untagged data, or the code of a status response.
pub fn capabilities(response: &Response) -> Option<Vec<(&[u8], Span)>> {
    let items = match &response.kind {
        ResponseKind::Data(data) if data.name == "CAPABILITY" => &data.items,
        ResponseKind::Status(status) => &status.code.as_ref().filter(|code| code.name == "CAPABILITY")?.args,
        _ => return None,
    };
    Some(items.iter().filter_map(|item| item.astring().map(|bytes| (bytes, item.span))).collect())
}

/// The folder that `* LIST` or `* LSUB` names.
pub fn list_item(data: &Data) -> Option<ListItem> {
    let [attributes, delimiter, name, ..] = data.items.as_slice() else { return None };
    let attributes = attributes.list()?.iter().filter_map(Value::astring).map(<[u8]>::to_vec).collect();
    Some(ListItem {
        attributes,
        delimiter: delimiter.nstring().map(<[u8]>::to_vec),
        name: name.astring()?.to_vec(),
    })
}

/// What STATUS says of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusItems {
    /// The mailbox, as on the wire.
    pub name: Vec<u8>,
    /// Items (upper case) and their numbers.
    pub items: Vec<(String, u64)>,
}

/// The items of `* STATUS` (RFC 9051 §7.3.4).
pub fn status_items(data: &Data) -> Option<StatusItems> {
    let [name, items, ..] = data.items.as_slice() else { return None };
    let pairs = items.list()?.chunks_exact(2).filter_map(|pair| {
        let key = String::from_utf8_lossy(pair[0].astring()?).to_ascii_uppercase();
        Some((key, pair[1].number()?))
    });
    Some(StatusItems { name: name.astring()?.to_vec(), items: pairs.collect() })
}

/// The namespaces of `* NAMESPACE`.
pub fn namespaces(data: &Data) -> Vec<NamespaceItem> {
    let mut found = Vec::new();
    for (kind, group) in ["personal", "other", "shared"].into_iter().zip(&data.items) {
        for item in group.list().unwrap_or_default() {
            let Some([prefix, delimiter, ..]) = item.list() else { continue };
            if let Some(prefix) = prefix.astring() {
                let delimiter = delimiter.nstring().map(<[u8]>::to_vec);
                found.push(NamespaceItem { kind, prefix: prefix.to_vec(), delimiter });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse_response;
    use crate::{Framer, FramerEvent, FramerMode};

    fn response(text: &str) -> Response {
        let mut framer = Framer::new(FramerMode::ImapResponses, &ehlo_core::Limits::default());
        framer.push(text.as_bytes());
        framer.push(b"\r\n");
        let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no unit") };
        parse_response(&unit).value
    }

    fn data(text: &str) -> Data {
        match response(text).kind {
            ResponseKind::Data(data) => data,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn capabilities_stand_in_two_places() {
        let names =
            |r: &Response| capabilities(r).map(|c| c.iter().map(|(n, _)| n.to_vec()).collect::<Vec<_>>());
        let expected = Some(vec![b"IMAP4rev1".to_vec(), b"AUTH=PLAIN".to_vec()]);
        assert_eq!(names(&response("* CAPABILITY IMAP4rev1 AUTH=PLAIN")), expected);
        assert_eq!(names(&response("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")), expected);
        assert_eq!(names(&response("* OK ready")), None);
    }

    #[test]
    fn folders_and_their_counts() {
        let item = list_item(&data(r#"* LIST (\HasNoChildren \Sent) "/" "Mit Leerzeichen""#)).unwrap();
        assert_eq!((item.attributes.len(), item.name.as_slice()), (2, &b"Mit Leerzeichen"[..]));
        assert_eq!(list_item(&data("* LIST () NIL x")).unwrap().delimiter, None);
        assert_eq!(list_item(&data("* LIST (")), None);
        let status = status_items(&data("* STATUS Gesendet (MESSAGES 1 UNSEEN 0)")).unwrap();
        assert_eq!(status.name, b"Gesendet");
        assert_eq!(status.items, [("MESSAGES".into(), 1), ("UNSEEN".into(), 0)]);
    }

    #[test]
    fn three_groups_of_namespaces() {
        let found = namespaces(&data(r#"* NAMESPACE (("" "/")) NIL (("Public/" "/")("x" NIL))"#));
        assert_eq!(found.iter().map(|n| n.kind).collect::<Vec<_>>(), ["personal", "shared", "shared"]);
        assert_eq!(found[2].delimiter, None);
    }
}

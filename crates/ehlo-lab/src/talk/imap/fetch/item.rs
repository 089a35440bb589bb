use crate::talk::imap::refusal::{Refusal, bad};
use ehlo_wire::imap::{Value, ValueKind};

/// What is wanted of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    Envelope,
    Structure {
        extended: bool,
    },
    ModSeq,
    EmailId,
    ThreadId,
    SaveDate,
    Preview,
    Section {
        label: String,
        part: Vec<usize>,
        text: Text,
        partial: Option<(usize, usize)>,
        peek: bool,
    },
    /// A part without its encoding (RFC 3516 §4.2).
    Binary {
        label: String,
        part: Vec<usize>,
        partial: Option<(usize, usize)>,
        peek: bool,
    },
    BinarySize {
        label: String,
        part: Vec<usize>,
    },
}

/// Which text of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    All,
    Header,
    Fields { names: Vec<String>, not: bool },
    Body,
    Mime,
}

impl Item {
    /// Whether reading it marks the message as seen.
    pub(super) fn marks_seen(&self) -> bool {
        matches!(self, Item::Section { peek: false, .. } | Item::Binary { peek: false, .. })
    }

    /// Whether it tells what the message is made of, for which its bytes are needed once.
    pub(super) fn needs_structure(&self) -> bool {
        matches!(self, Item::Envelope | Item::Structure { .. })
    }

    /// Whether the bytes of the message are needed for it.
    pub(super) fn needs_body(&self) -> bool {
        matches!(self, Item::Preview | Item::Section { .. } | Item::Binary { .. } | Item::BinarySize { .. })
    }
}

/// Reads the items: one, a macro, or several in brackets.
pub(super) fn items(args: &[Value]) -> Result<Vec<Item>, Refusal> {
    let list = match args {
        [Value { kind: ValueKind::List(list), .. }] => list,
        [one] => {
            if let Some(items) = one.astring().and_then(macro_items) {
                return Ok(items);
            }
            args
        }
        [preview, Value { kind: ValueKind::List(_), .. }] if preview.is_atom("PREVIEW") => args,
        _ => return bad("items are wanted: one, or several in brackets"),
    };
    let mut found = Vec::new();
    let mut rest = list.iter().peekable();
    while let Some(value) = rest.next() {
        let ValueKind::Atom(word) = &value.kind else { return bad("an item is an atom") };
        let item = item(&String::from_utf8_lossy(word))?;
        if item == Item::Preview
            && let Some(modifiers) = rest.next_if(|v| matches!(v.kind, ValueKind::List(_)))
        {
            // RFC 8970 §3.2: LAZY asks for what is at hand; here all is.
            match modifiers.list() {
                Some([lazy]) if lazy.is_atom("LAZY") => {}
                _ => return bad("PREVIEW has one modifier, LAZY"),
            }
        }
        if !found.contains(&item) {
            found.push(item);
        }
    }
    if found.is_empty() { bad("an item is wanted") } else { Ok(found) }
}

/// RFC 3501 §6.4.5: a macro stands alone.
fn macro_items(word: &[u8]) -> Option<Vec<Item>> {
    let mut items = vec![Item::Flags, Item::InternalDate, Item::Size];
    match word.to_ascii_uppercase().as_slice() {
        b"FAST" => {}
        b"ALL" => items.push(Item::Envelope),
        b"FULL" => items.extend([Item::Envelope, Item::Structure { extended: false }]),
        _ => return None,
    }
    Some(items)
}

fn item(word: &str) -> Result<Item, Refusal> {
    let section = |label: &str, text, peek| Item::Section {
        label: label.into(),
        part: Vec::new(),
        text,
        partial: None,
        peek,
    };
    Ok(match word.to_ascii_uppercase().as_str() {
        "UID" => Item::Uid,
        "FLAGS" => Item::Flags,
        "INTERNALDATE" => Item::InternalDate,
        "RFC822.SIZE" => Item::Size,
        "ENVELOPE" => Item::Envelope,
        "BODY" => Item::Structure { extended: false },
        "BODYSTRUCTURE" => Item::Structure { extended: true },
        "MODSEQ" => Item::ModSeq,
        "EMAILID" => Item::EmailId,
        "THREADID" => Item::ThreadId,
        "SAVEDATE" => Item::SaveDate,
        "PREVIEW" => Item::Preview,
        "RFC822" => section("RFC822", Text::All, false),
        "RFC822.HEADER" => section("RFC822.HEADER", Text::Header, true),
        "RFC822.TEXT" => section("RFC822.TEXT", Text::Body, false),
        _ => return sectioned(word).map_or_else(|| bad("there is no such item"), Ok),
    })
}

/// `BODY[…]<…>`, `BODY.PEEK[…]<…>`, `BINARY[…]<…>`, `BINARY.PEEK[…]<…>`, `BINARY.SIZE[…]`
fn sectioned(word: &str) -> Option<Item> {
    let open = word.find('[')?;
    let close = word.rfind(']')?;
    let name = word[..open].to_ascii_uppercase();
    let inner = word.get(open + 1..close)?;
    let partial = partial(&word[close + 1..])?;
    let (part, rest) = numbers(inner)?;
    match name.as_str() {
        "BODY" | "BODY.PEEK" => {
            let text = text(rest, !part.is_empty())?;
            let label = format!("BODY[{}]", shown(inner));
            Some(Item::Section { label, part, text, partial, peek: name == "BODY.PEEK" })
        }
        "BINARY" | "BINARY.PEEK" if rest.is_empty() => {
            let label = format!("BINARY[{inner}]");
            Some(Item::Binary { label, part, partial, peek: name == "BINARY.PEEK" })
        }
        "BINARY.SIZE" if rest.is_empty() && partial.is_none() => {
            Some(Item::BinarySize { label: format!("BINARY.SIZE[{inner}]"), part })
        }
        _ => None,
    }
}

/// The keyword of a section in upper case, the names of fields as they came.
fn shown(inner: &str) -> String {
    match inner.split_once(' ') {
        Some((keyword, names)) => format!("{} {names}", keyword.to_ascii_uppercase()),
        None => inner.to_ascii_uppercase(),
    }
}

/// `<from.count>`; none inside if nothing stands there, none outside if it is something else.
#[expect(clippy::option_option, reason = "nothing there and something wrong are two things")]
fn partial(text: &str) -> Option<Option<(usize, usize)>> {
    if text.is_empty() {
        return Some(None);
    }
    let (from, count) = text.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
    let number = |word: &str| word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok()).flatten();
    Some(Some((number(from)?, number(count).filter(|n| *n > 0)?)))
}

/// The numbers of a part, and what stands behind them.
fn numbers(inner: &str) -> Option<(Vec<usize>, &str)> {
    let mut part = Vec::new();
    let mut rest = inner;
    while rest.starts_with(|c: char| c.is_ascii_digit()) {
        let (number, after) = match rest.split_once('.') {
            Some((_, "")) => return None,
            Some(pair) => pair,
            None => (rest, ""),
        };
        part.push(number.parse().ok().filter(|n| *n > 0)?);
        rest = after;
    }
    Some((part, rest))
}

fn text(rest: &str, of_part: bool) -> Option<Text> {
    let upper = rest.to_ascii_uppercase();
    let (keyword, names) = match upper.split_once(' ') {
        Some((keyword, names)) => (keyword, Some(names.trim().strip_prefix('(')?.strip_suffix(')')?)),
        None => (upper.as_str(), None),
    };
    let names =
        names.map(|n| n.split_whitespace().map(|w| w.trim_matches('"').to_owned()).collect::<Vec<_>>());
    Some(match (keyword, names) {
        ("", None) => Text::All,
        ("HEADER", None) => Text::Header,
        ("TEXT", None) => Text::Body,
        ("MIME", None) if of_part => Text::Mime,
        ("HEADER.FIELDS", Some(names)) if !names.is_empty() => Text::Fields { names, not: false },
        ("HEADER.FIELDS.NOT", Some(names)) if !names.is_empty() => Text::Fields { names, not: true },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let read = sectioned;
        assert!(matches!(read("BODY[]"), Some(Item::Section { text: Text::All, peek: false, .. })));
        assert!(
            matches!(read("body.peek[1.2.MIME]<0.10>"), Some(Item::Section { text: Text::Mime, partial: Some((0, 10)), peek: true, ref part, .. }) if part == &[1, 2])
        );
        assert!(
            matches!(read("BODY[HEADER.FIELDS (Date From)]"), Some(Item::Section { text: Text::Fields { ref names, not: false }, ref label, .. }) if names == &["DATE", "FROM"] && label == "BODY[HEADER.FIELDS (Date From)]")
        );
        assert!(matches!(read("BINARY.SIZE[2]"), Some(Item::BinarySize { ref part, .. }) if part == &[2]));
        assert!(matches!(read("BINARY[1]<0.5>"), Some(Item::Binary { peek: false, .. })));
        for bad in [
            "BODY[MIME]",
            "BODY[0]",
            "BODY[X]",
            "BODY[1.]",
            "BODY[]<0>",
            "BODY[]<0.0>",
            "BODY[]<+1.2>",
            "BODY[",
            "X[]",
            "BODY[HEADER.FIELDS ()]",
            "BODY[]x",
            "BINARY[TEXT]",
            "BINARY.SIZE[1]<0.1>",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn macros_stand_alone() {
        use ehlo_core::{Side, Span};
        let span = Span::new(Side::Client, 0, 0);
        let atom = |text: &str| Value { kind: ValueKind::Atom(text.into()), span };
        assert_eq!(items(&[atom("fast")]).unwrap().len(), 3);
        let list = Value { kind: ValueKind::List(vec![atom("FAST"), atom("UID")]), span };
        assert!(items(&[list]).is_err());
    }
}

use super::messages::{named, sequence_set};
use super::mime::{Part, fields};
use super::selected::Selected;
use super::{Answer, Refusal, bad, string};
use crate::Message;
use crate::context::Context;
use crate::dates::imap_date_time;
use ehlo_wire::imap::{Value, ValueKind};

/// What is wanted of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    Envelope,
    Structure { extended: bool },
    Section { label: String, part: Vec<usize>, text: Text, partial: Option<(usize, usize)>, peek: bool },
}

/// Which text of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    All,
    Header,
    Fields { names: Vec<String>, not: bool },
    Body,
    Mime,
}

pub(super) fn fetch(
    selected: &mut Selected,
    uid: bool,
    args: &[Value],
    account: &str,
    out: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Answer {
    let [set, wanted @ ..] = args else { return bad("a set of messages and items are wanted") };
    let messages = named(selected, uid, &sequence_set(set)?)?;
    let mut items = items(wanted)?;
    if uid && !items.contains(&Item::Uid) {
        items.insert(0, Item::Uid);
    }
    // Reading a body marks the message as seen (RFC 3501 §6.4.5), unless asked to peek or open for reading only.
    let marks = !selected.read_only && items.iter().any(|i| matches!(i, Item::Section { peek: false, .. }));
    for (number, identifier) in messages {
        let message = cx.lab.store().with(account, |boxes| {
            let seen = ["\\Seen".to_owned()];
            let newly_seen = marks
                && boxes.flag(&selected.folder, identifier, &crate::store::FlagChange::Add(&seen)).ok()?;
            Some((boxes.folders.get(&selected.folder)?.by_uid(identifier)?.clone(), newly_seen))
        });
        let Some((message, newly_seen)) = message.flatten() else { continue };
        let tell_flags = newly_seen && !items.contains(&Item::Flags);
        let recent = selected.is_recent(identifier);
        if newly_seen || items.contains(&Item::Flags) {
            selected.told(identifier, &message.flags);
        }
        out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
        let mut structure = None;
        let flags = tell_flags.then_some(&Item::Flags);
        for (index, item) in items.iter().chain(flags).enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            write_item(item, &message, recent, &mut structure, out);
        }
        out.extend_from_slice(b")\r\n");
        if newly_seen {
            cx.lab.store().announce();
        }
    }
    Ok("OK done".into())
}

fn write_item(item: &Item, message: &Message, recent: bool, structure: &mut Option<Part>, out: &mut Vec<u8>) {
    let bytes = message.body.read().unwrap_or_default();
    let bytes: &[u8] = &bytes;
    let text = match item {
        Item::Uid => format!("UID {}", message.uid),
        Item::Flags => {
            let recent = if recent { " \\Recent" } else { "" };
            format!("FLAGS ({})", format!("{}{recent}", message.flags.join(" ")).trim_start())
        }
        Item::InternalDate => format!("INTERNALDATE \"{}\"", imap_date_time(message.at)),
        Item::Size => format!("RFC822.SIZE {}", bytes.len()),
        Item::Envelope => {
            let part = structure.get_or_insert_with(|| Part::read(bytes));
            out.extend_from_slice(b"ENVELOPE ");
            return out.extend_from_slice(&part.envelope(bytes));
        }
        Item::Structure { extended } => {
            let part = structure.get_or_insert_with(|| Part::read(bytes));
            out.extend_from_slice(if *extended { b"BODYSTRUCTURE " } else { b"BODY " });
            return out.extend_from_slice(&part.structure(bytes, *extended));
        }
        Item::Section { label, part, text, partial, .. } => {
            out.extend_from_slice(label.as_bytes());
            if let Some((from, _)) = partial {
                out.extend_from_slice(format!("<{from}>").as_bytes());
            }
            out.push(b' ');
            let content = match (part.as_slice(), text) {
                ([], Text::All) => Some(bytes.to_vec()),
                (part, text) => {
                    let root = structure.get_or_insert_with(|| Part::read(bytes));
                    section(root, part, text, bytes)
                }
            };
            let Some(content) = content else { return out.extend_from_slice(b"NIL") };
            let content = match partial {
                Some((from, count)) => {
                    let from = (*from).min(content.len());
                    &content[from..from.saturating_add(*count).min(content.len())]
                }
                None => &content[..],
            };
            let literal = content.contains(&b'\n') || content.is_empty();
            return match literal {
                true => {
                    out.extend_from_slice(format!("{{{}}}\r\n", content.len()).as_bytes());
                    out.extend_from_slice(content);
                }
                false => out.extend_from_slice(&string(content)),
            };
        }
    };
    out.extend_from_slice(text.as_bytes());
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

fn items(args: &[Value]) -> Result<Vec<Item>, Refusal> {
    let list = match args {
        [Value { kind: ValueKind::List(list), .. }] => list,
        [_] => args,
        _ => return bad("items are wanted: one, or several in brackets"),
    };
    let mut found = Vec::new();
    for value in list {
        let Some(word) = value.astring() else { return bad("an item is an atom") };
        let word = String::from_utf8_lossy(word).into_owned();
        let upper = word.to_ascii_uppercase();
        let section = |label: &str, text, peek| Item::Section {
            label: label.into(),
            part: Vec::new(),
            text,
            partial: None,
            peek,
        };
        match upper.as_str() {
            "ALL" => found.extend([Item::Flags, Item::InternalDate, Item::Size, Item::Envelope]),
            "FAST" => found.extend([Item::Flags, Item::InternalDate, Item::Size]),
            "FULL" => found.extend([
                Item::Flags,
                Item::InternalDate,
                Item::Size,
                Item::Envelope,
                Item::Structure { extended: false },
            ]),
            "UID" => found.push(Item::Uid),
            "FLAGS" => found.push(Item::Flags),
            "INTERNALDATE" => found.push(Item::InternalDate),
            "RFC822.SIZE" => found.push(Item::Size),
            "ENVELOPE" => found.push(Item::Envelope),
            "BODY" => found.push(Item::Structure { extended: false }),
            "BODYSTRUCTURE" => found.push(Item::Structure { extended: true }),
            "RFC822" => found.push(section("RFC822", Text::All, false)),
            "RFC822.HEADER" => found.push(section("RFC822.HEADER", Text::Header, true)),
            "RFC822.TEXT" => found.push(section("RFC822.TEXT", Text::Body, false)),
            _ => match body_section(&word) {
                Some(item) => found.push(item),
                None => return bad("there is no such item"),
            },
        }
    }
    if found.is_empty() { bad("an item is wanted") } else { Ok(found) }
}

/// `BODY[…]<…>` or `BODY.PEEK[…]<…>`
fn body_section(word: &str) -> Option<Item> {
    let open = word.find('[')?;
    let close = word.rfind(']')?;
    let peek = match word[..open].to_ascii_uppercase().as_str() {
        "BODY" => false,
        "BODY.PEEK" => true,
        _ => return None,
    };
    let inner = word.get(open + 1..close)?;
    let partial = match word[close + 1..].strip_prefix('<') {
        None if word[close + 1..].is_empty() => None,
        None => return None,
        Some(rest) => {
            let (from, count) = rest.strip_suffix('>')?.split_once('.')?;
            Some((from.parse().ok()?, count.parse().ok().filter(|n| *n > 0)?))
        }
    };
    let mut part = Vec::new();
    let mut rest = inner;
    while rest.starts_with(|c: char| c.is_ascii_digit()) {
        let (number, after) = rest.split_once('.').unwrap_or((rest, ""));
        part.push(number.parse().ok().filter(|n| *n > 0)?);
        rest = after;
    }
    let upper = rest.to_ascii_uppercase();
    let (keyword, names) = match upper.split_once(' ') {
        Some((keyword, names)) => (keyword, Some(names.trim().strip_prefix('(')?.strip_suffix(')')?)),
        None => (upper.as_str(), None),
    };
    let names =
        names.map(|n| n.split_whitespace().map(|w| w.trim_matches('"').to_owned()).collect::<Vec<_>>());
    let text = match (keyword, names) {
        ("", None) => Text::All,
        ("HEADER", None) => Text::Header,
        ("TEXT", None) => Text::Body,
        ("MIME", None) if !part.is_empty() => Text::Mime,
        ("HEADER.FIELDS", Some(names)) if !names.is_empty() => Text::Fields { names, not: false },
        ("HEADER.FIELDS.NOT", Some(names)) if !names.is_empty() => Text::Fields { names, not: true },
        _ => return None,
    };
    Some(Item::Section { label: format!("BODY[{inner}]"), part, text, partial, peek })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let read = |word: &str| body_section(word);
        assert!(matches!(read("BODY[]"), Some(Item::Section { text: Text::All, peek: false, .. })));
        assert!(
            matches!(read("body.peek[1.2.MIME]<0.10>"), Some(Item::Section { text: Text::Mime, partial: Some((0, 10)), peek: true, ref part, .. }) if part == &[1, 2])
        );
        assert!(
            matches!(read("BODY[HEADER.FIELDS (Date From)]"), Some(Item::Section { text: Text::Fields { ref names, not: false }, .. }) if names == &["DATE", "FROM"])
        );
        for bad in [
            "BODY[MIME]",
            "BODY[0]",
            "BODY[X]",
            "BODY[]<0>",
            "BODY[]<0.0>",
            "BODY[",
            "X[]",
            "BODY[HEADER.FIELDS ()]",
            "BODY[]x",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

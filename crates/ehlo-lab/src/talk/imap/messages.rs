use super::selected::Selected;
use super::{Answer, Refusal, bad, folder_name, no};
use crate::Message;
use crate::context::Context;
use crate::dates::parse_imap_date_time;
use ehlo_wire::imap::{SequenceSet, Value, ValueKind};

/// The most flags of one message.
const MOST_FLAGS: usize = 100;

pub(super) fn sequence_set(value: &Value) -> Result<SequenceSet, Refusal> {
    match value.astring().and_then(SequenceSet::parse) {
        Some(set) => Ok(set),
        None => bad("a set of messages is wanted, e.g. 1:3,7"),
    }
}

/// The messages that a set names, as number and identifier.
pub(super) fn named(selected: &Selected, uid: bool, set: &SequenceSet) -> Result<Vec<(u32, u32)>, Refusal> {
    // A number that no message has is an error; an identifier that none has is not (RFC 3501 §6.4.8).
    if !uid && (set.exceeds(selected.len()) || selected.len() == 0) {
        return bad("there is no such message");
    }
    let largest = if uid { selected.largest_uid() } else { selected.len() };
    let wanted = |&(number, id): &(u32, u32)| set.contains(if uid { id } else { number }, largest);
    Ok(selected.numbered().filter(wanted).collect())
}

pub(super) fn append(account: &str, args: &[Value], cx: &mut Context<'_>) -> Answer {
    let (Some(name), Some(message)) = (args.first(), args.last().filter(|_| args.len() > 1)) else {
        return bad("a mailbox name and a message are wanted");
    };
    let folder = folder_name(name)?;
    let ValueKind::Literal(bytes) = &message.kind else { return bad("the message must be a literal") };
    let mut flags = Vec::new();
    let mut at = cx.now;
    for argument in &args[1..args.len() - 1] {
        match &argument.kind {
            ValueKind::List(list) => flags = flag_list(list)?,
            ValueKind::Quoted(text) => match parse_imap_date_time(&String::from_utf8_lossy(text)) {
                Some(time) => at = time,
                None => return bad("the date is not of the form 17-Jul-1996 02:44:25 -0700"),
            },
            _ => return bad("flags in brackets, a date in quotes, and a literal are wanted"),
        }
    }
    let mut message = Message::new(bytes.clone(), at);
    message.flags = flags;
    let added = cx.lab.store().with(account, |boxes| {
        let uid = boxes.append(&folder, vec![message]).ok()?;
        Some((boxes.folders.get(&folder)?.validity, uid[0]))
    });
    cx.lab.store().announce();
    match added.flatten() {
        Some((validity, uid)) => Ok(format!("OK [APPENDUID {validity} {uid}] done")),
        None => no("[TRYCREATE] there is no such mailbox"),
    }
}

pub(super) fn copy(
    selected: &Selected,
    uid: bool,
    args: &[Value],
    account: &str,
    cx: &mut Context<'_>,
) -> Answer {
    let [set, name] = args else { return bad("a set of messages and a mailbox name are wanted") };
    let wanted = named(selected, uid, &sequence_set(set)?)?;
    let target = folder_name(name)?;
    let copied = cx.lab.store().with(account, |boxes| {
        let source = boxes.folders.get(&selected.folder)?;
        let messages: Vec<Message> =
            wanted.iter().filter_map(|&(_, uid)| source.by_uid(uid).cloned()).collect();
        let from: Vec<String> = messages.iter().map(|m| m.uid.to_string()).collect();
        let to: Vec<String> = boxes.append(&target, messages).ok()?.iter().map(ToString::to_string).collect();
        Some((boxes.folders.get(&target)?.validity, from.join(","), to.join(",")))
    });
    cx.lab.store().announce();
    match copied.flatten() {
        None => no("[TRYCREATE] there is no such mailbox"),
        Some((_, from, _)) if from.is_empty() => Ok("OK nothing to copy".into()),
        Some((validity, from, to)) => Ok(format!("OK [COPYUID {validity} {from} {to}] done")),
    }
}

pub(super) fn store(
    selected: &mut Selected,
    uid: bool,
    args: &[Value],
    account: &str,
    out: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Answer {
    let [set, item, flags @ ..] = args else { return bad("a set, an item and flags are wanted") };
    let wanted = named(selected, uid, &sequence_set(set)?)?;
    let item = item.astring().map_or(String::new(), |i| String::from_utf8_lossy(i).to_ascii_uppercase());
    let (item, silent) = match item.strip_suffix(".SILENT") {
        Some(item) => (item.to_owned(), true),
        None => (item, false),
    };
    let flags = match flags {
        [Value { kind: ValueKind::List(list), .. }] => flag_list(list)?,
        list => flag_list(list)?,
    };
    if !matches!(item.as_str(), "FLAGS" | "+FLAGS" | "-FLAGS") {
        return bad("FLAGS, +FLAGS or -FLAGS is wanted");
    }
    if selected.read_only {
        return no("the mailbox is open for reading only");
    }
    for (number, identifier) in wanted {
        let now = cx.lab.store().with(account, |boxes| {
            let change = match item.as_str() {
                "FLAGS" => crate::store::FlagChange::Set(&flags),
                "+FLAGS" => crate::store::FlagChange::Add(&flags),
                _ => crate::store::FlagChange::Remove(&flags),
            };
            boxes.flag(&selected.folder, identifier, &change).ok()?;
            Some(boxes.folders.get(&selected.folder)?.by_uid(identifier)?.flags.clone())
        });
        let Some(now) = now.flatten() else { continue };
        selected.told(identifier, &now);
        if !silent {
            let recent = if selected.is_recent(identifier) { " \\Recent" } else { "" };
            let uid = if uid { format!("UID {identifier} ") } else { String::new() };
            let flags = format!("{}{recent}", now.join(" "));
            out.extend_from_slice(
                format!("* {number} FETCH ({uid}FLAGS ({}))\r\n", flags.trim_start()).as_bytes(),
            );
        }
    }
    cx.lab.store().announce();
    Ok("OK done".into())
}

/// Takes away what is marked `\Deleted`; the client is told by the next sync.
pub(super) fn expunge(selected: &Selected, only: Option<&SequenceSet>, account: &str, cx: &Context<'_>) {
    let largest = selected.largest_uid();
    let gone = cx.lab.store().with(account, |boxes| {
        let Some(mailbox) = boxes.folders.get(&selected.folder) else { return false };
        let gone: Vec<u32> = mailbox
            .messages
            .iter()
            .filter(|m| m.has("\\Deleted") && only.is_none_or(|set| set.contains(m.uid, largest)))
            .map(|m| m.uid)
            .collect();
        let _ = boxes.remove(&selected.folder, &gone);
        !gone.is_empty()
    });
    if gone == Some(true) {
        cx.lab.store().announce();
    }
}

/// Flags and keywords; `\Recent` cannot be set (RFC 3501 §2.3.2).
fn flag_list(list: &[Value]) -> Result<Vec<String>, Refusal> {
    let mut flags = Vec::new();
    for value in list {
        let Some(flag) = value.astring().and_then(|f| std::str::from_utf8(f).ok()) else {
            return bad("flags are atoms");
        };
        let system = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
        if flag.starts_with('\\') && !system.iter().any(|s| s.eq_ignore_ascii_case(flag)) {
            return bad("there is no such system flag");
        }
        if flag.is_empty() || !flag.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"]".contains(&b)) {
            return bad("a keyword is an atom");
        }
        flags.push(flag.to_owned());
    }
    flags.truncate(MOST_FLAGS);
    Ok(flags)
}

use super::refusal::{Answer, Refusal, bad, no};
use super::select::still_there;
use super::selected::{FLAGS, Selected, flags};
use super::sets::{Wanted, compact};
use super::{Enabled, Imap, Run};
use crate::context::Context;
use crate::store::{FlagChange, Mailboxes};
use ehlo_wire::imap::{Value, ValueKind};

/// The most flags of one message.
const MOST_FLAGS: usize = 100;

/// What STORE is to do.
struct Change {
    /// RFC 7162 §3.1.3
    unchanged_since: Option<u64>,
    how: How,
    silent: bool,
    flags: Vec<String>,
}

#[derive(Clone, Copy)]
enum How {
    Set,
    Add,
    Remove,
}

pub(super) fn store(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let uid = run.uid;
    let answer = carry_out(imap, run, cx);
    imap.sync(&mut run.out, uid, cx);
    answer
}

fn carry_out(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [set, rest @ ..] = run.args else { return bad("a set, an item and flags are wanted") };
    let wanted = Wanted::read(set)?;
    let mut change = change(rest)?;
    if change.unchanged_since.is_some() {
        imap.enabled.condstore = true;
    }
    let enabled = imap.enabled;
    let Some(selected) = &mut imap.selected else { return bad("select a mailbox first") };
    let named = wanted.named(selected, run.uid)?;
    if selected.read_only {
        return no("the mailbox is open for reading only");
    }
    let asked = change.flags.len();
    change.flags.retain(|flag| selected.may_change(flag));
    if change.flags.is_empty() && (asked > 0 || !selected.may('w')) {
        return no("[NOPERM] you may not change these flags");
    }
    let account = selected.place.account.clone();
    let done = cx.lab.store().with(&account, |boxes| apply(selected, boxes, &named, &change, run, enabled));
    cx.lab.store().announce();
    let (modified, missing) = done.unwrap_or(Ok((Vec::new(), false)))?;
    if !modified.is_empty() {
        return Ok(format!("OK [MODIFIED {}] these had changed", compact(modified)));
    }
    if missing && !run.uid {
        return no("[EXPUNGEISSUED] some of the messages are gone");
    }
    Ok("OK done".into())
}

/// Yields which messages had changed, by number or identifier, and whether some are gone.
fn apply(
    selected: &mut Selected,
    boxes: &mut Mailboxes,
    named: &[(u32, u32)],
    change: &Change,
    run: &mut Run<'_>,
    enabled: Enabled,
) -> Result<(Vec<u32>, bool), Refusal> {
    still_there(selected, boxes)?;
    let mailbox = selected.place.mailbox.clone();
    let (mut modified, mut missing) = (Vec::new(), false);
    for &(number, uid) in named {
        let before = boxes.folders.get(&mailbox).and_then(|m| m.by_uid(uid)).map(|m| m.modseq);
        let Some(before) = before else {
            missing = true;
            continue;
        };
        if change.unchanged_since.is_some_and(|since| before > since) {
            modified.push(if run.uid { uid } else { number });
            continue;
        }
        let kept: Vec<String>;
        let flag_change = match change.how {
            How::Add => FlagChange::Add(&change.flags),
            How::Remove => FlagChange::Remove(&change.flags),
            How::Set => {
                kept = replaced(selected, boxes, uid, &change.flags);
                FlagChange::Set(&kept)
            }
        };
        boxes.flag(&mailbox, uid, &flag_change)?;
        let Some(held) = boxes.folders.get(&mailbox) else { continue };
        selected.tell_keywords(held, &mut run.out);
        let Some(message) = held.by_uid(uid) else { continue };
        // What the client did not know of is told, also if it asked for silence.
        selected.told(uid, message.modseq);
        let recent = selected.is_recent(uid) && !enabled.rev2;
        let mut pairs = Vec::new();
        if run.uid || enabled.qresync {
            pairs.push(format!("UID {uid}"));
        }
        if !change.silent {
            pairs.push(format!("FLAGS ({})", flags(message, recent)));
        }
        if enabled.condstore {
            pairs.push(format!("MODSEQ ({})", message.modseq));
        }
        if !change.silent || enabled.condstore {
            run.tell(&format!("* {number} FETCH ({})", pairs.join(" ")));
        }
    }
    Ok((modified, missing))
}

/// The flags that a message has when all that may be changed are replaced.
fn replaced(selected: &Selected, boxes: &Mailboxes, uid: u32, flags: &[String]) -> Vec<String> {
    let mailbox = boxes.folders.get(&selected.place.mailbox);
    let now = mailbox.and_then(|m| m.by_uid(uid)).map_or(&[][..], |m| &m.flags);
    now.iter().filter(|flag| !selected.may_change(flag)).chain(flags).cloned().collect()
}

fn change(args: &[Value]) -> Result<Change, Refusal> {
    let (modifiers, rest) = match args {
        [Value { kind: ValueKind::List(modifiers), .. }, rest @ ..] => (Some(modifiers.as_slice()), rest),
        rest => (None, rest),
    };
    let unchanged_since = match modifiers {
        None => None,
        Some([word, value]) if word.is_atom("UNCHANGEDSINCE") => match value.number() {
            Some(number) if i64::try_from(number).is_ok() => Some(number),
            _ => return bad("UNCHANGEDSINCE wants a number"),
        },
        Some(_) => return bad("the modifier is (UNCHANGEDSINCE number)"),
    };
    let [item, list @ ..] = rest else { return bad("an item and flags are wanted") };
    let item = item.astring().map_or(String::new(), |i| String::from_utf8_lossy(i).to_ascii_uppercase());
    let (item, silent) = match item.strip_suffix(".SILENT") {
        Some(item) => (item.to_owned(), true),
        None => (item, false),
    };
    let how = match item.as_str() {
        "FLAGS" => How::Set,
        "+FLAGS" => How::Add,
        "-FLAGS" => How::Remove,
        _ => return bad("FLAGS, +FLAGS or -FLAGS is wanted"),
    };
    let flags = match list {
        [] => return bad("flags are wanted"),
        [Value { kind: ValueKind::List(list), .. }] => flag_list(list)?,
        list => flag_list(list)?,
    };
    Ok(Change { unchanged_since, how, silent, flags })
}

pub(super) fn expunge(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let Some(selected) = &imap.selected else { return bad("select a mailbox first") };
    let only = match (run.uid, run.args) {
        (false, []) => None,
        (true, [set]) => Some(Wanted::read(set)?),
        _ => return bad("EXPUNGE, or UID EXPUNGE with a set of identifiers"),
    };
    if selected.read_only {
        return no("the mailbox is open for reading only");
    }
    if !selected.may('e') {
        return no("[NOPERM] you may not expunge");
    }
    let gone =
        cx.lab.store().with(&selected.place.account, |boxes| remove_deleted(selected, boxes, only.as_ref()));
    cx.lab.store().announce();
    gone.unwrap_or(Ok(()))?;
    imap.sync(&mut run.out, true, cx);
    let highest = imap.selected.as_ref().filter(|_| imap.enabled.condstore).and_then(|selected| {
        let place = &selected.place;
        cx.lab
            .store()
            .with(&place.account, |boxes| boxes.folders.get(&place.mailbox).map(|m| m.highest_modseq()))
    });
    // RFC 7162 §3.2.7: how far the client is now.
    Ok(match highest.flatten() {
        Some(highest) => format!("OK [HIGHESTMODSEQ {highest}] done"),
        None => "OK done".into(),
    })
}

/// Takes away what is marked `\Deleted`; the client is told by the next sync.
pub(super) fn remove_deleted(
    selected: &Selected,
    boxes: &mut Mailboxes,
    only: Option<&Wanted>,
) -> Result<(), Refusal> {
    if !selected.holds(boxes) {
        return Ok(());
    }
    let Some(mailbox) = boxes.folders.get(&selected.place.mailbox) else { return Ok(()) };
    // A message that came while nobody was told can be marked by another session: it goes, too (RFC 3501 §6.4.3).
    let largest = mailbox.messages.last().map_or(0, |m| m.uid);
    let wanted = |uid: u32| match only {
        None => true,
        Some(Wanted::Saved) => selected.saved.binary_search(&uid).is_ok(),
        Some(Wanted::Set(set)) => set.contains(uid, largest),
    };
    let gone: Vec<u32> =
        mailbox.messages.iter().filter(|m| m.has("\\Deleted") && wanted(m.uid)).map(|m| m.uid).collect();
    boxes.remove(&selected.place.mailbox, &gone)?;
    Ok(())
}

/// Flags and keywords; `\Recent` cannot be set (RFC 3501 §2.3.2).
pub(super) fn flag_list(list: &[Value]) -> Result<Vec<String>, Refusal> {
    let mut found: Vec<String> = Vec::new();
    for value in list {
        let flag = match &value.kind {
            ValueKind::Atom(flag) => std::str::from_utf8(flag).ok(),
            ValueKind::Nil => Some("NIL"),
            _ => None,
        };
        let Some(flag) = flag else { return bad("flags are atoms") };
        if flag.starts_with('\\') && !FLAGS.iter().any(|s| s.eq_ignore_ascii_case(flag)) {
            return bad("there is no such system flag");
        }
        let keyword = flag.strip_prefix('\\').unwrap_or(flag);
        if keyword.is_empty() || !keyword.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b))
        {
            return bad("a keyword is an atom");
        }
        if !found.iter().any(|f| f.eq_ignore_ascii_case(flag)) {
            found.push(flag.to_owned());
        }
    }
    if found.len() > MOST_FLAGS {
        return no("[LIMIT] there are too many flags");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::{Side, Span};

    fn atom(text: &str) -> Value {
        Value { kind: ValueKind::Atom(text.into()), span: Span::new(Side::Client, 0, 0) }
    }

    #[test]
    fn flags_are_atoms() {
        assert_eq!(flag_list(&[atom("\\Seen"), atom("$Junk"), atom("\\SEEN")]).unwrap().len(), 2);
        for bad in ["\\Recent", "\\", "a]", "\\*", "a\\b"] {
            assert!(flag_list(&[atom(bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn store_wants_flags() {
        assert!(change(&[atom("+FLAGS")]).is_err());
        assert!(change(&[atom("+FLAGS.SILENT"), atom("\\Seen")]).unwrap().silent);
        assert!(change(&[atom("FLOGS"), atom("\\Seen")]).is_err());
    }
}

//! FETCH (RFC 9051 §6.4.5) with CONDSTORE, QRESYNC, BINARY, OBJECTID, SAVEDATE and PREVIEW.

mod item;
mod write;

use super::folders::mark_seen;
use super::refusal::{Answer, Refusal, bad, no};
use super::select::{still_there, vanished};
use super::sets::Wanted;
use super::{Imap, Run};
use crate::Message;
use crate::context::Context;
use ehlo_wire::imap::{Value, ValueKind};
use item::Item;
use std::sync::Arc;
use write::Writer;

/// What stands behind the items (RFC 7162 §3.1.4, §3.2.6).
#[derive(Default)]
struct Modifiers {
    changed_since: Option<u64>,
    vanished: bool,
}

/// A message with its bytes, and whether it was just marked as seen; none inside if it has not changed, none outside
/// if it is gone.
type Found = Option<Option<(Message, Arc<[u8]>, bool)>>;

pub(super) fn fetch(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let uid = run.uid;
    let answer = carry_out(imap, run, cx);
    imap.sync(&mut run.out, uid, cx);
    answer
}

fn carry_out(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [set, rest @ ..] = run.args else { return bad("a set of messages and items are wanted") };
    let wanted = Wanted::read(set)?;
    let (items_given, modifiers) = split(rest)?;
    let modifiers = read_modifiers(modifiers)?;
    let mut items = item::items(items_given)?;
    if modifiers.vanished && !(run.uid && imap.enabled.qresync && modifiers.changed_since.is_some()) {
        return bad("VANISHED needs UID FETCH, CHANGEDSINCE and ENABLE QRESYNC");
    }
    if modifiers.changed_since.is_some() || items.contains(&Item::ModSeq) {
        if !imap.enabled.condstore {
            imap.enabled.condstore = true;
            imap.tell_modseq(&mut run.out, cx);
        }
        if !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
    }
    if run.uid && !items.contains(&Item::Uid) {
        items.insert(0, Item::Uid);
    }
    let (enabled, utf8) = (imap.enabled, imap.utf8());
    let Some(selected) = &mut imap.selected else { return bad("select a mailbox first") };
    let named = wanted.named(selected, run.uid)?;
    let place = selected.place.clone();
    if let Some(since) = modifiers.changed_since.filter(|_| modifiers.vanished) {
        let gone = cx.lab.store().with(&place.account, |boxes| {
            let mailbox = boxes.folders.get(&place.mailbox)?;
            let asked = match &wanted {
                Wanted::Set(set) => Some(set),
                Wanted::Saved => None,
            };
            Some(vanished(mailbox, since, asked))
        });
        if let Some(gone) = gone.flatten().filter(|gone| !gone.is_empty()) {
            run.tell(&format!("* VANISHED (EARLIER) {gone}"));
        }
    }
    // Reading a body marks the message as seen (RFC 9051 §6.4.5), unless asked to peek or open for reading only.
    let marks = !selected.read_only && selected.may('s') && items.iter().any(Item::marks_seen);
    let (needs_body, needs_structure) =
        (items.iter().any(Item::needs_body), items.iter().any(Item::needs_structure));
    let (mut missing, mut undecodable) = (false, false);
    for (number, identifier) in named {
        let found = cx.lab.store().with(&place.account, |boxes| -> Result<Found, Refusal> {
            still_there(selected, boxes)?;
            let message = boxes.folders.get(&place.mailbox).and_then(|m| m.by_uid(identifier));
            let Some(message) = message else { return Ok(None) };
            if modifiers.changed_since.is_some_and(|since| message.modseq <= since) {
                return Ok(Some(None));
            }
            let newly_seen = marks && boxes.flag(&place.mailbox, identifier, &mark_seen())?;
            let message = boxes.folders.get(&place.mailbox).and_then(|m| m.by_uid(identifier)).cloned();
            let Some(message) = message else { return Ok(None) };
            let known = !utf8 && message.shown.get().is_some();
            let bytes = match needs_body || (needs_structure && !known) {
                true => message.body.read().map_err(|e| Refusal::from(crate::StoreError::from(e)))?,
                false => Arc::from(&b""[..]),
            };
            Ok(Some(Some((message, bytes, newly_seen))))
        });
        let Some(found) = found.unwrap_or(Ok(None))? else {
            missing = true;
            continue;
        };
        let Some((message, bytes, newly_seen)) = found else { continue };
        let tells_flags = newly_seen || items.contains(&Item::Flags);
        if tells_flags {
            selected.told(identifier, message.modseq);
        }
        let recent = selected.is_recent(identifier) && !enabled.rev2;
        let mut writer = Writer::new(&message, &bytes, recent, utf8);
        run.out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
        let extra_flags = (newly_seen && !items.contains(&Item::Flags)).then_some(&Item::Flags);
        let extra_modseq =
            (tells_flags && enabled.condstore && !items.contains(&Item::ModSeq)).then_some(&Item::ModSeq);
        for (index, item) in items.iter().chain(extra_flags).chain(extra_modseq).enumerate() {
            if index > 0 {
                run.out.push(b' ');
            }
            writer.write(item, &mut run.out);
        }
        run.out.extend_from_slice(b")\r\n");
        undecodable |= writer.undecodable;
    }
    if undecodable {
        return no("[UNKNOWN-CTE] the encoding of a part is not known");
    }
    if missing && !run.uid {
        return no("[EXPUNGEISSUED] some of the messages are gone");
    }
    Ok("OK done".into())
}

/// The items, and the modifiers behind them.
fn split(args: &[Value]) -> Result<(&[Value], &[Value]), Refusal> {
    match args {
        // PREVIEW alone may have a modifier of its own; CHANGEDSINCE is told from it by its name.
        [preview, Value { kind: ValueKind::List(list), .. }]
            if preview.is_atom("PREVIEW") && !list.first().is_some_and(|w| w.is_atom("CHANGEDSINCE")) =>
        {
            Ok((args, &[]))
        }
        [items @ .., Value { kind: ValueKind::List(modifiers), .. }] if !items.is_empty() => {
            Ok((items, modifiers))
        }
        items => Ok((items, &[])),
    }
}

fn read_modifiers(list: &[Value]) -> Result<Modifiers, Refusal> {
    let mut modifiers = Modifiers::default();
    let mut rest = list.iter();
    while let Some(word) = rest.next() {
        if word.is_atom("CHANGEDSINCE") {
            match rest.next().and_then(Value::number) {
                Some(number) if i64::try_from(number).is_ok() => modifiers.changed_since = Some(number),
                _ => return bad("CHANGEDSINCE wants a number"),
            }
        } else if word.is_atom("VANISHED") {
            modifiers.vanished = true;
        } else {
            return bad("the modifiers are CHANGEDSINCE number and VANISHED");
        }
    }
    Ok(modifiers)
}

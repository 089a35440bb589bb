use super::name::{OTHERS, Place, folder_name, place, unfit};
use super::refusal::{Answer, bad, no, nonexistent};
use super::{Imap, Run};
use crate::context::Context;
use crate::store::{FlagChange, Mailboxes, SPECIAL_USE};
use ehlo_wire::imap::{Value, ValueKind};

/// The most mailboxes of an account.
const MOST_MAILBOXES: usize = 10_000;

pub(super) fn create(imap: &Imap, run: &Run<'_>, cx: &Context<'_>) -> Answer {
    let (name, special_use) = match run.args {
        [name] => (name, None),
        [name, Value { kind: ValueKind::List(parameters), .. }] => (name, Some(parameters)),
        _ => return bad("a mailbox name is wanted, and perhaps (USE (…))"),
    };
    let name = folder_name(name, imap.utf8())?;
    if let Some(why) = unfit(&name) {
        return no(why);
    }
    let special_use = match special_use.map(Vec::as_slice) {
        None => None,
        Some([word, Value { kind: ValueKind::List(uses), .. }]) if word.is_atom("USE") => {
            match uses.as_slice() {
                [] => None,
                [one] => match SPECIAL_USE.iter().find(|(_, known)| one.is_atom(known)) {
                    Some((_, known)) => Some(*known),
                    // RFC 6154 §5.3
                    None => return no("[USEATTR] there is no such use here"),
                },
                _ => return no("[USEATTR] a mailbox has one use"),
            }
        }
        Some(_) => return bad("the parameter is (USE (…))"),
    };
    let user = imap.user();
    let place = Place::named(&name, user);
    if format!("{name}/") == OTHERS || (name.starts_with(OTHERS) && place.mailbox.is_empty()) {
        return no("[CANNOT] below this name stand the mailboxes of others");
    }
    let made = cx.lab.store().with(&place.account, |boxes| {
        if !place.rights(user, boxes).contains('k') {
            return no("[NOPERM] you may not make mailboxes there");
        }
        if boxes.folders.len() >= MOST_MAILBOXES {
            return no("[LIMIT] there are too many mailboxes");
        }
        // RFC 6154 §3: one mailbox has a use, lest clients do not know which to take.
        if let Some(wanted) = special_use
            && boxes.folders.values().any(|m| m.attributes.special_use.as_deref() == Some(wanted))
        {
            return no("[USEATTR] another mailbox has this use");
        }
        if !boxes.create(&place.mailbox, special_use)? {
            return no("[ALREADYEXISTS] there is such a mailbox already");
        }
        superior(boxes, &place.mailbox)?;
        let id = boxes.folders.get(&place.mailbox).map_or(0, |m| m.attributes.id);
        Ok(format!("OK [MAILBOXID (F{id})] done"))
    });
    made.unwrap_or_else(|| no("[NOPERM] there is no such account"))
}

/// RFC 3501 §6.3.3: superior names are made as well.
fn superior(boxes: &mut Mailboxes, name: &str) -> Result<(), crate::StoreError> {
    for (at, _) in name.match_indices('/') {
        boxes.create(&name[..at], None)?;
    }
    Ok(())
}

pub(super) fn delete(imap: &mut Imap, run: &Run<'_>, cx: &Context<'_>) -> Answer {
    let [name] = run.args else { return bad("a mailbox name is wanted") };
    let user = imap.user().to_owned();
    let place = place(name, &user, imap.utf8())?;
    if place.mailbox == "INBOX" {
        return no("[CANNOT] the inbox stays");
    }
    let below = format!("{}/", place.mailbox);
    let answer = cx.lab.store().with(&place.account, |boxes| {
        if !boxes.folders.contains_key(&place.mailbox) {
            return nonexistent();
        }
        match place.rights(&user, boxes) {
            rights if rights.contains('x') => {}
            rights if rights.contains('l') => return no("[NOPERM] you may not delete it"),
            _ => return nonexistent(),
        }
        if boxes.folders.keys().any(|n| n.starts_with(&below)) {
            return no("[HASCHILDREN] there are mailboxes below it");
        }
        boxes.delete(&place.mailbox)?;
        Ok("OK done".into())
    });
    let answer = answer.unwrap_or_else(nonexistent)?;
    // Nothing is left that could be open.
    if imap.selected.as_ref().is_some_and(|s| s.place == place) {
        imap.selected = None;
    }
    Ok(answer)
}

pub(super) fn rename(imap: &mut Imap, run: &Run<'_>, cx: &Context<'_>) -> Answer {
    let [from, to] = run.args else { return bad("two mailbox names are wanted") };
    let user = imap.user().to_owned();
    let from = place(from, &user, imap.utf8())?;
    let to_name = folder_name(to, imap.utf8())?;
    if let Some(why) = unfit(&to_name) {
        return no(why);
    }
    let to = Place::named(&to_name, &user);
    if from.account != to.account || to.mailbox.is_empty() {
        return no("[CANNOT] a mailbox stays with its account");
    }
    if format!("{to_name}/") == OTHERS {
        return no("[CANNOT] below this name stand the mailboxes of others");
    }
    let answer = cx.lab.store().with(&from.account, |boxes| {
        if !boxes.folders.contains_key(&from.mailbox) {
            return nonexistent();
        }
        if boxes.folders.contains_key(&to.mailbox) {
            return no("[ALREADYEXISTS] there is such a mailbox already");
        }
        if to.mailbox.starts_with(&format!("{}/", from.mailbox)) && from.mailbox != "INBOX" {
            return no("[CANNOT] a mailbox cannot be moved there");
        }
        if !from.rights(&user, boxes).contains('x') || !to.rights(&user, boxes).contains('k') {
            return no("[NOPERM] you may not move it");
        }
        if from.mailbox == "INBOX" {
            move_inbox(boxes, &to.mailbox)?;
        } else {
            boxes.rename(&from.mailbox, &to.mailbox)?;
        }
        superior(boxes, &to.mailbox)?;
        Ok("OK done".into())
    });
    answer.unwrap_or_else(nonexistent)
}

/// RFC 3501 §6.3.5: the messages move, the inbox stays, and so do the mailboxes below it.
fn move_inbox(boxes: &mut Mailboxes, to: &str) -> Result<(), crate::StoreError> {
    boxes.create(to, None)?;
    let moved = boxes.folders.get("INBOX").map_or(Vec::new(), |inbox| inbox.messages.clone());
    let uids: Vec<u32> = moved.iter().map(|m| m.uid).collect();
    boxes.append(to, moved)?;
    boxes.remove("INBOX", &uids)
}

pub(super) fn subscribe(imap: &Imap, run: &Run<'_>, on: bool, cx: &Context<'_>) -> Answer {
    let [name] = run.args else { return bad("a mailbox name is wanted") };
    let name = folder_name(name, imap.utf8())?;
    if on && let Some(why) = unfit(&name) {
        return no(why);
    }
    let done = cx.lab.store().with(imap.user(), |boxes| {
        let mut names = boxes.subscribed.clone();
        names.retain(|n| *n != name);
        if on {
            if names.len() >= MOST_MAILBOXES {
                return no("[LIMIT] there are too many subscriptions");
            }
            names.push(name);
        }
        boxes.set_subscribed(names)?;
        Ok("OK done".into())
    });
    done.unwrap_or_else(nonexistent)
}

/// `\Seen` as a change, which reading makes.
pub(super) fn mark_seen() -> FlagChange<'static> {
    static SEEN: std::sync::LazyLock<[String; 1]> = std::sync::LazyLock::new(|| ["\\Seen".to_owned()]);
    FlagChange::Add(&*SEEN)
}

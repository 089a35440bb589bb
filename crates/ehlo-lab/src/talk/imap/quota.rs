use super::name::{place, rights, wire};
use super::refusal::{Answer, Refusal, bad, no, nonexistent};
use super::text::string;
use super::{Imap, Run};
use crate::context::Context;
use crate::store::Quota;
use ehlo_wire::imap::Value;

/// GETQUOTA (RFC 9208 §4.1.2): each account has one root.
pub(super) fn get(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [root] = run.args else { return bad("the name of a quota root is wanted") };
    known(root, imap)?;
    say(imap.user(), run, cx);
    Ok("OK done".into())
}

/// GETQUOTAROOT (RFC 9208 §4.1.3)
pub(super) fn root(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name] = run.args else { return bad("a mailbox name is wanted") };
    let place = place(name, imap.user(), imap.utf8())?;
    let user = imap.user();
    let seen = cx.lab.store().with(&place.account, |boxes| {
        boxes.folders.get(&place.mailbox).is_some_and(|m| rights(&place, user, m).contains('r'))
    });
    if seen != Some(true) {
        return nonexistent();
    }
    run.out.extend_from_slice(b"* QUOTAROOT ");
    run.out.extend_from_slice(&wire(&place.name(user), imap.utf8()));
    // The root of another account is nobody else's business.
    if place.account == user {
        run.out.push(b' ');
        run.out.extend_from_slice(&root_of(user));
        run.tell("");
        say(user, run, cx);
    } else {
        run.tell("");
    }
    Ok("OK done".into())
}

/// SETQUOTA (RFC 9208 §4.1.4). In a lab everybody sets his own: that is how one tries what a full mailbox does.
pub(super) fn set(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [root, list] = run.args else { return bad("a quota root and a list of limits are wanted") };
    let Some(list) = list.list().filter(|l| l.len() % 2 == 0) else {
        return bad("limits are pairs of a resource and a number");
    };
    known(root, imap)?;
    let mut quota = Quota::default();
    for pair in list.chunks(2) {
        let Some(limit) = pair[1].number() else { return bad("a limit is a number") };
        match &pair[0] {
            name if name.is_atom("STORAGE") => quota.storage = Some(limit),
            name if name.is_atom("MESSAGE") => quota.messages = Some(limit),
            name if Value::astring(name).is_some() => return no("[CANNOT] there is no such resource"),
            _ => return bad("a resource is an atom"),
        }
    }
    cx.lab.store().with(imap.user(), |boxes| boxes.quota = quota);
    say(imap.user(), run, cx);
    Ok("OK done".into())
}

/// The name of the root of an account, for the wire.
fn root_of(user: &str) -> Vec<u8> {
    string(format!("#user/{user}").as_bytes())
}

fn known(root: &Value, imap: &Imap) -> Result<(), Refusal> {
    match root.astring() {
        Some(name) if name == format!("#user/{}", imap.user()).as_bytes() => Ok(()),
        Some(_) => no("[NONEXISTENT] there is no such quota root"),
        None => bad("the name of a quota root is a string"),
    }
}

fn say(user: &str, run: &mut Run<'_>, cx: &Context<'_>) {
    let state = cx.lab.store().with(user, |boxes| (boxes.quota, boxes.usage()));
    let Some((quota, (storage, messages))) = state else { return };
    let mut parts = Vec::new();
    // What nobody has limited is limited by the store: an empty list is against the grammar (RFC 9208 §7).
    let storage_limit =
        quota.storage.or_else(|| quota.messages.is_none().then(|| cx.lab.store().limit() / 1024));
    if let Some(limit) = storage_limit {
        parts.push(format!("STORAGE {storage} {limit}"));
    }
    if let Some(limit) = quota.messages {
        parts.push(format!("MESSAGE {messages} {limit}"));
    }
    run.out.extend_from_slice(b"* QUOTA ");
    run.out.extend_from_slice(&root_of(user));
    run.tell(&format!(" ({})", parts.join(" ")));
}

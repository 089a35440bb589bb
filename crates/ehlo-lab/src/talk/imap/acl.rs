use super::name::{ALL_RIGHTS, Place, place, rights, wire};
use super::refusal::{Answer, Refusal, bad, no, nonexistent};
use super::text::astring;
use super::{Imap, Run};
use crate::context::Context;
use ehlo_wire::imap::Value;

/// The longest identifier, in octets, and the most of a mailbox.
const LONGEST: usize = 200;
const MOST: usize = 100;

/// GETACL (RFC 4314 §3.3)
pub(super) fn get(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name] = run.args else { return bad("a mailbox name is wanted") };
    let place = administered(name, imap, cx)?;
    let given = cx
        .lab
        .store()
        .with(&place.account, |boxes| boxes.folders.get(&place.mailbox).map(|m| m.attributes.rights.clone()));
    let Some(given) = given.flatten() else { return nonexistent() };
    let mut line = b"* ACL ".to_vec();
    line.extend_from_slice(&wire(&place.name(imap.user()), imap.utf8()));
    let owner = (place.account.clone(), ALL_RIGHTS.to_owned());
    for (who, rights) in [owner].into_iter().chain(given) {
        line.push(b' ');
        line.extend_from_slice(&astring(who.as_bytes()));
        line.extend_from_slice(format!(" {rights}").as_bytes());
    }
    line.extend_from_slice(b"\r\n");
    run.out.extend_from_slice(&line);
    Ok("OK done".into())
}

/// SETACL (RFC 4314 §3.1)
pub(super) fn set(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name, who, change] = run.args else {
        return bad("a mailbox name, an identifier and rights are wanted");
    };
    let who = identifier(who)?;
    let change = text(change)?;
    let (sign, wanted) = match change.strip_prefix('+') {
        Some(wanted) => ('+', wanted),
        None => match change.strip_prefix('-') {
            Some(wanted) => ('-', wanted),
            None => ('=', change.as_str()),
        },
    };
    // RFC 4314 §2.1.1: c and d are old names for what several rights say today.
    let wanted: String = wanted.chars().flat_map(modern).collect();
    if let Some(unknown) = wanted.chars().find(|&r| !ALL_RIGHTS.contains(r)) {
        return bad(format!("there is no right {:?}", unknown));
    }
    let place = administered(name, imap, cx)?;
    if who == place.account {
        return match sign {
            '+' => Ok("OK the owner has all rights".into()),
            _ => no("[CANNOT] the owner has all rights"),
        };
    }
    change_rights(&place, &who, cx, |now| {
        let holds = |right: char| match sign {
            '+' => now.contains(right) || wanted.contains(right),
            '-' => now.contains(right) && !wanted.contains(right),
            _ => wanted.contains(right),
        };
        ALL_RIGHTS.chars().filter(|&r| holds(r)).collect()
    })
}

/// DELETEACL (RFC 4314 §3.2)
pub(super) fn delete(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name, who] = run.args else { return bad("a mailbox name and an identifier are wanted") };
    let who = identifier(who)?;
    let place = administered(name, imap, cx)?;
    if who == place.account {
        return no("[CANNOT] the owner has all rights");
    }
    change_rights(&place, &who, cx, |_| String::new())
}

/// LISTRIGHTS (RFC 4314 §3.4)
pub(super) fn list_rights(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name, who] = run.args else { return bad("a mailbox name and an identifier are wanted") };
    let who = identifier(who)?;
    let place = administered(name, imap, cx)?;
    let mut line = b"* LISTRIGHTS ".to_vec();
    line.extend_from_slice(&wire(&place.name(imap.user()), imap.utf8()));
    line.push(b' ');
    line.extend_from_slice(&astring(who.as_bytes()));
    let rights = if who == place.account {
        // What is always granted, in one word; nothing else can be.
        ALL_RIGHTS.to_owned()
    } else {
        let each: String = ALL_RIGHTS.chars().map(|r| format!(" {r}")).collect();
        format!("\"\"{each}")
    };
    line.extend_from_slice(format!(" {rights}\r\n").as_bytes());
    run.out.extend_from_slice(&line);
    Ok("OK done".into())
}

/// MYRIGHTS (RFC 4314 §3.5)
pub(super) fn my_rights(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name] = run.args else { return bad("a mailbox name is wanted") };
    let user = imap.user();
    let place = place(name, user, imap.utf8())?;
    let mine = mine(&place, user, cx)?;
    // RFC 4314 §4: any of these shows that there is something.
    if !mine.contains(['l', 'r', 'i', 'k', 'x', 'a']) {
        return nonexistent();
    }
    run.out.extend_from_slice(b"* MYRIGHTS ");
    run.out.extend_from_slice(&wire(&place.name(user), imap.utf8()));
    run.tell(&format!(" {mine}"));
    Ok("OK done".into())
}

fn mine(place: &Place, user: &str, cx: &Context<'_>) -> Result<String, Refusal> {
    let rights = cx.lab.store().with(&place.account, |boxes| {
        boxes.folders.get(&place.mailbox).map(|mailbox| rights(place, user, mailbox))
    });
    rights.flatten().map_or_else(nonexistent, Ok)
}

/// The mailbox, if the user may administer it.
fn administered(name: &Value, imap: &Imap, cx: &Context<'_>) -> Result<Place, Refusal> {
    let place = place(name, imap.user(), imap.utf8())?;
    match mine(&place, imap.user(), cx)? {
        mine if mine.contains('a') => Ok(place),
        mine if mine.contains('l') => no("[NOPERM] you may not administer it"),
        _ => nonexistent(),
    }
}

fn change_rights(place: &Place, who: &str, cx: &Context<'_>, change: impl FnOnce(&str) -> String) -> Answer {
    let done = cx.lab.store().with(&place.account, |boxes| {
        let Some(mailbox) = boxes.folders.get(&place.mailbox) else { return nonexistent() };
        let mut attributes = mailbox.attributes.clone();
        let now = attributes.rights.remove(who).unwrap_or_default();
        let then = change(&now);
        if !then.is_empty() {
            if attributes.rights.len() >= MOST {
                return no("[LIMIT] there are too many entries");
            }
            attributes.rights.insert(who.to_owned(), then);
        }
        boxes.describe(&place.mailbox, attributes)?;
        Ok("OK done".into())
    });
    done.unwrap_or_else(nonexistent)
}

fn modern(right: char) -> impl Iterator<Item = char> {
    let (old, one): (&str, Option<char>) = match right {
        'c' => ("kx", None),
        'd' => ("xte", None),
        right => ("", Some(right)),
    };
    old.chars().chain(one)
}

fn text(value: &Value) -> Result<String, Refusal> {
    match value.astring().and_then(|t| std::str::from_utf8(t).ok()) {
        Some(text) => Ok(text.to_owned()),
        None => bad("a string in UTF-8 is wanted"),
    }
}

fn identifier(value: &Value) -> Result<String, Refusal> {
    let who = text(value)?;
    if who.is_empty() || who.len() > LONGEST || who.chars().any(char::is_control) {
        return bad("an identifier is wanted");
    }
    Ok(who)
}

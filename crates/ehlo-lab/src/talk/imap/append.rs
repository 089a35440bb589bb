use super::name::{Place, place, rights};
use super::refusal::{Answer, Refusal, bad, no};
use super::sets::compact;
use super::store::flag_list;
use super::{Imap, Run};
use crate::Message;
use crate::context::Context;
use crate::dates::parse_imap_date_time;
use ehlo_wire::imap::{Value, ValueKind};

/// APPEND (RFC 9051 §6.3.12), with several messages (RFC 3502), binary ones (RFC 3516) and `UTF8 (…)`
/// (RFC 6855 §4). All or none.
pub(super) fn append(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name, rest @ ..] = run.args else { return bad("a mailbox name and a message are wanted") };
    let user = imap.user().to_owned();
    let place = place(name, &user, imap.utf8())?;
    let mut messages = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        let (message, behind) = one(rest, cx)?;
        messages.push(message);
        rest = behind;
    }
    if messages.is_empty() {
        return bad("a message is wanted");
    }
    if messages.iter().any(|m| m.body.len() > cx.settings.largest_message) {
        return no("[TOOBIG] the message is too large");
    }
    let added = cx.lab.store().with(&place.account, |boxes| {
        let Some(mailbox) = boxes.folders.get(&place.mailbox) else { return missing() };
        let rights = rights(&place, &user, mailbox);
        if !rights.contains('i') {
            return if rights.contains('l') {
                no("[NOPERM] you may not put anything there")
            } else {
                missing()
            };
        }
        for message in &mut messages {
            // RFC 4314 §4: flags that the user may not set are left out.
            message.flags.retain(|flag| match flag.to_ascii_lowercase().as_str() {
                "\\seen" => rights.contains('s'),
                "\\deleted" => rights.contains('t'),
                _ => rights.contains('w'),
            });
        }
        let validity = mailbox.validity;
        let uids = boxes.append(&place.mailbox, std::mem::take(&mut messages))?;
        Ok(format!("OK [APPENDUID {validity} {}] done", compact(uids)))
    });
    cx.lab.store().announce();
    let answer = added.unwrap_or_else(missing);
    imap.sync(&mut run.out, true, cx);
    answer
}

/// Why a message of this size cannot be put there; none if it can.
pub(super) fn refused(place: &Place, user: &str, size: u64, cx: &Context<'_>) -> Option<Refusal> {
    let fits = cx.lab.store().with(&place.account, |boxes| {
        let Some(mailbox) = boxes.folders.get(&place.mailbox) else { return missing() };
        if !rights(place, user, mailbox).contains('i') {
            return no("[NOPERM] you may not put anything there");
        }
        boxes.has_room(size, 1)?;
        Ok(String::new())
    });
    fits.unwrap_or_else(missing).err()
}

fn missing() -> Answer {
    no("[TRYCREATE] there is no such mailbox")
}

/// One message, and what stands behind it.
fn one<'a>(args: &'a [Value], cx: &Context<'_>) -> Result<(Message, &'a [Value]), Refusal> {
    let mut flags = Vec::new();
    let mut at = cx.now;
    let mut rest = args;
    if let [Value { kind: ValueKind::List(list), .. }, behind @ ..] = rest {
        flags = flag_list(list)?;
        rest = behind;
    }
    if let [Value { kind: ValueKind::Quoted(text), .. }, behind @ ..] = rest {
        match parse_imap_date_time(&String::from_utf8_lossy(text)) {
            Some(time) => at = time,
            None => return bad("the date is not of the form 17-Jul-1996 02:44:25 -0700"),
        }
        rest = behind;
    }
    let (bytes, rest) = match rest {
        [Value { kind: ValueKind::Literal(bytes), .. }, behind @ ..] => {
            if bytes.contains(&0) {
                return bad("a NUL is fine only in a literal8");
            }
            (bytes, behind)
        }
        [Value { kind: ValueKind::Literal8(bytes), .. }, behind @ ..] => (bytes, behind),
        [word, Value { kind: ValueKind::List(list), .. }, behind @ ..] if word.is_atom("UTF8") => {
            match list.as_slice() {
                [Value { kind: ValueKind::Literal8(bytes), .. }] => (bytes, behind),
                _ => return bad("UTF8 wants a literal8 in brackets"),
            }
        }
        _ => return bad("flags in brackets, a date in quotes, and a message as a literal are wanted"),
    };
    if bytes.is_empty() {
        return no("[CANNOT] the message is empty");
    }
    let mut message = Message::new(bytes.clone(), at);
    message.saved = cx.now;
    message.flags = flags;
    Ok((message, rest))
}

use super::name::{Place, place, rights, wire};
use super::refusal::{Answer, Refusal, bad, no, nonexistent};
use super::{Imap, Run};
use crate::context::Context;
use crate::store::Mailbox;
use ehlo_wire::imap::Value;

/// What STATUS tells (RFC 9051 §6.3.11 and its extensions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    /// RFC 9208 §4.2.2
    DeletedStorage,
    /// RFC 8438
    Size,
    /// RFC 7162 §3.1.7
    HighestModSeq,
    /// RFC 8474 §4.3
    MailboxId,
    /// RFC 7889 §3.1
    AppendLimit,
}

const ITEMS: &[(&str, Item)] = &[
    ("MESSAGES", Item::Messages),
    ("RECENT", Item::Recent),
    ("UIDNEXT", Item::UidNext),
    ("UIDVALIDITY", Item::UidValidity),
    ("UNSEEN", Item::Unseen),
    ("DELETED", Item::Deleted),
    ("DELETED-STORAGE", Item::DeletedStorage),
    ("SIZE", Item::Size),
    ("HIGHESTMODSEQ", Item::HighestModSeq),
    ("MAILBOXID", Item::MailboxId),
    ("APPENDLIMIT", Item::AppendLimit),
];

pub(super) fn status(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [name, list] = run.args else { return bad("a mailbox name and a list of items are wanted") };
    let user = imap.user().to_owned();
    let place = place(name, &user, imap.utf8())?;
    let items = items(list)?;
    let allowed = cx.lab.store().with(&place.account, |boxes| {
        let Some(mailbox) = boxes.folders.get(&place.mailbox) else { return nonexistent() };
        match rights(&place, &user, mailbox) {
            rights if rights.contains('r') => Ok(()),
            rights if rights.contains('l') => no("[NOPERM] you may not read it"),
            _ => nonexistent(),
        }
    });
    allowed.unwrap_or_else(nonexistent)?;
    if items.contains(&Item::HighestModSeq) && !imap.enabled.condstore {
        // RFC 7162 §3.1: asking for it turns CONDSTORE on.
        imap.enabled.condstore = true;
        imap.tell_modseq(&mut run.out, cx);
    }
    match line(&place, &wire(&place.name(&user), imap.utf8()), &items, cx) {
        Some(line) => run.out.extend_from_slice(&line),
        None => return nonexistent(),
    }
    Ok("OK done".into())
}

/// Reads the items in brackets.
pub(super) fn items(list: &Value) -> Result<Vec<Item>, Refusal> {
    let Some(words) = list.list().filter(|l| !l.is_empty()) else { return bad("a list of items is wanted") };
    let item = |word: &Value| ITEMS.iter().find(|(name, _)| word.is_atom(name)).map(|(_, item)| *item);
    match words.iter().map(item).collect() {
        Some(items) => Ok(items),
        None => bad("there is no such status item"),
    }
}

/// The response; none if there is no such mailbox.
pub(super) fn line(place: &Place, wire: &[u8], items: &[Item], cx: &Context<'_>) -> Option<Vec<u8>> {
    let pairs = cx.lab.store().with(&place.account, |boxes| {
        // What cannot be looked at now is told as it was.
        let _ = boxes.look(&place.mailbox);
        let mailbox = boxes.folders.get(&place.mailbox)?;
        Some(items.iter().map(|&item| pair(item, mailbox, cx)).collect::<Vec<_>>().join(" "))
    })??;
    let mut line = b"* STATUS ".to_vec();
    line.extend_from_slice(wire);
    line.extend_from_slice(format!(" ({pairs})\r\n").as_bytes());
    Some(line)
}

fn pair(item: Item, mailbox: &Mailbox, cx: &Context<'_>) -> String {
    let name = ITEMS.iter().find(|(_, i)| *i == item).map_or("", |(name, _)| name);
    let deleted = || mailbox.messages.iter().filter(|m| m.has("\\Deleted"));
    let number = match item {
        Item::Messages => mailbox.messages.len() as u64,
        Item::Recent => mailbox.messages.iter().filter(|m| m.uid >= mailbox.recent_from).count() as u64,
        Item::UidNext => u64::from(mailbox.next_uid),
        Item::UidValidity => u64::from(mailbox.validity),
        Item::Unseen => mailbox.unseen() as u64,
        Item::Deleted => deleted().count() as u64,
        Item::DeletedStorage => deleted().map(|m| m.body.len() as u64).sum(),
        Item::Size => mailbox.size(),
        Item::HighestModSeq => mailbox.highest_modseq(),
        Item::AppendLimit => cx.settings.largest_message as u64,
        Item::MailboxId => return format!("{name} (F{})", mailbox.attributes.id),
    };
    format!("{name} {number}")
}

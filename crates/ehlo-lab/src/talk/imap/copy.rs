use super::name::{place, rights};
use super::refusal::{Answer, Refusal, bad, no};
use super::select::still_there;
use super::selected::Selected;
use super::sets::{Wanted, compact};
use super::{Imap, Run};
use crate::Message;
use crate::context::Context;
use crate::store::Mailboxes;

/// COPY (RFC 9051 §6.4.7) and MOVE (RFC 6851). All or none.
pub(super) fn copy(imap: &mut Imap, run: &mut Run<'_>, moves: bool, cx: &Context<'_>) -> Answer {
    let answer = carry_out(imap, run, moves, cx);
    // A MOVE by number tells its expunges itself, behind COPYUID.
    imap.sync(&mut run.out, true, cx);
    answer
}

fn carry_out(imap: &mut Imap, run: &mut Run<'_>, moves: bool, cx: &Context<'_>) -> Answer {
    let [set, name] = run.args else { return bad("a set of messages and a mailbox name are wanted") };
    let user = imap.user().to_owned();
    let target = place(name, &user, imap.utf8())?;
    let Some(selected) = &imap.selected else { return bad("select a mailbox first") };
    let wanted = Wanted::read(set)?.named(selected, run.uid)?;
    if moves && selected.read_only {
        return no("the mailbox is open for reading only");
    }
    if moves && !(selected.may('t') && selected.may('e')) {
        return no("[NOPERM] you may not take anything away");
    }
    let source = selected.place.clone();
    let uids: Vec<u32> = wanted.iter().map(|&(_, uid)| uid).collect();
    let copied = cx.lab.store().with_two(&source.account, &target.account, |boxes, other| {
        let messages = messages(selected, boxes, &uids, run.uid, cx.now)?;
        let from: Vec<u32> = messages.iter().map(|m| m.uid).collect();
        let owner = match &other {
            Some(other) => &**other,
            None => &*boxes,
        };
        let Some(mailbox) = owner.folders.get(&target.mailbox) else {
            return no("[TRYCREATE] there is no such mailbox");
        };
        match rights(&target, &user, mailbox) {
            rights if rights.contains('i') => {}
            rights if rights.contains('l') => return no("[NOPERM] you may not put anything there"),
            _ => return no("[TRYCREATE] there is no such mailbox"),
        }
        let validity = mailbox.validity;
        if from.is_empty() {
            return Ok(None);
        }
        let to = match other {
            Some(other) => other.append(&target.mailbox, messages)?,
            None => boxes.append(&target.mailbox, messages)?,
        };
        let code = format!("[COPYUID {validity} {} {}]", compact(from.iter().copied()), compact(to));
        if moves {
            boxes.remove(&source.mailbox, &from)?;
        }
        Ok(Some(code))
    });
    cx.lab.store().announce();
    match copied.unwrap_or_else(|| no("[TRYCREATE] there is no such mailbox"))? {
        None => Ok("OK there was nothing to do".into()),
        Some(code) if moves => {
            // RFC 6851 §4.3: COPYUID comes before the expunges.
            run.tell(&format!("* OK {code} this is where they are now"));
            Ok("OK done".into())
        }
        Some(code) => Ok(format!("OK {code} done")),
    }
}

/// The messages to copy. One that is gone ends a command by numbers; identifiers may be gone (RFC 2180 §4.4).
fn messages(
    selected: &Selected,
    boxes: &mut Mailboxes,
    uids: &[u32],
    by_uid: bool,
    now: i64,
) -> Result<Vec<Message>, Refusal> {
    still_there(selected, boxes)?;
    let Some(mailbox) = boxes.folders.get(&selected.place.mailbox) else { return Ok(Vec::new()) };
    let found: Vec<Message> = uids
        .iter()
        .filter_map(|&uid| mailbox.by_uid(uid))
        .map(|m| Message { saved: now, ..m.clone() })
        .collect();
    if found.len() < uids.len() && !by_uid {
        return no("[EXPUNGEISSUED] some of the messages are gone");
    }
    Ok(found)
}

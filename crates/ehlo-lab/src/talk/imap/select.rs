use super::name::place;
use super::refusal::{Answer, Refusal, bad, no, nonexistent};
use super::selected::{FLAGS, Selected, changed};
use super::sets::{known_uids, ranges};
use super::{Enabled, Imap, Run, name};
use crate::context::Context;
use crate::store::{Mailbox, Mailboxes};
use ehlo_wire::imap::{SequenceSet, Value, ValueKind};

/// What a client that comes back knows of a mailbox (RFC 7162 §3.2.5).
struct Remembered {
    validity: u64,
    modseq: u64,
    known: Option<SequenceSet>,
}

impl Imap {
    pub(super) fn select(&mut self, run: &mut Run<'_>, examine: bool, cx: &Context<'_>) -> Answer {
        let (name, parameters) = match run.args {
            [name] => (name, None),
            [name, Value { kind: ValueKind::List(parameters), .. }] => (name, Some(parameters.as_slice())),
            _ => return bad("a mailbox name is wanted, and perhaps parameters in brackets"),
        };
        let remembered = self.select_parameters(parameters)?;
        let user = self.user().to_owned();
        let place = place(name, &user, self.utf8())?;
        // RFC 9051 §6.3.2: a SELECT that fails leaves nothing open; one that succeeds says where the old one ends.
        if self.selected.take().is_some() {
            run.tell("* OK [CLOSED] the other mailbox is closed");
        }
        let (enabled, utf8) = (self.enabled, self.utf8());
        let account = place.account.clone();
        let opened = cx.lab.store().with(&account, |boxes| {
            let Some(mailbox) = boxes.folders.get(&place.mailbox) else { return nonexistent() };
            let rights = name::rights(&place, &user, mailbox);
            if !rights.contains('r') {
                return if rights.contains('l') { no("[NOPERM] you may not read it") } else { nonexistent() };
            }
            boxes.look(&place.mailbox)?;
            let read_only = examine || !rights.contains(['s', 'w', 'i', 't', 'e']);
            let Some(selected) = Selected::open(boxes, place.clone(), rights, read_only) else {
                return nonexistent();
            };
            if let Some(mailbox) = boxes.folders.get(&place.mailbox) {
                introduce(&selected, mailbox, enabled, &name::wire(&place.name(&user), utf8), &mut run.out);
                if let Some(remembered) = remembered {
                    catch_up(&selected, mailbox, &remembered, enabled, &mut run.out);
                }
            }
            Ok(selected)
        });
        let selected = opened.unwrap_or_else(nonexistent)?;
        let answer = if selected.read_only { "OK [READ-ONLY] done" } else { "OK [READ-WRITE] done" };
        self.selected = Some(selected);
        Ok(answer.into())
    }

    fn select_parameters(&mut self, parameters: Option<&[Value]>) -> Result<Option<Remembered>, Refusal> {
        let Some(parameters) = parameters else { return Ok(None) };
        let mut remembered = None;
        let mut rest = parameters.iter();
        while let Some(parameter) = rest.next() {
            if parameter.is_atom("CONDSTORE") {
                self.enabled.condstore = true;
            } else if parameter.is_atom("QRESYNC") {
                if !self.enabled.qresync {
                    return bad("say ENABLE QRESYNC first");
                }
                let list = rest.next().and_then(Value::list).unwrap_or_default();
                remembered = Some(remember(list)?);
            } else {
                return bad("there is no such parameter");
            }
        }
        match parameters {
            [] => bad("parameters are missing in the brackets"),
            _ => Ok(remembered),
        }
    }

    pub(super) fn close(&mut self, run: &Run<'_>, cx: &Context<'_>) -> Answer {
        if !run.args.is_empty() {
            return bad("CLOSE has no arguments");
        }
        let Some(selected) = self.selected.take() else { return bad("select a mailbox first") };
        if !selected.read_only && selected.may('e') {
            let gone = cx
                .lab
                .store()
                .with(&selected.place.account, |boxes| super::store::remove_deleted(&selected, boxes, None));
            gone.unwrap_or(Ok(()))?;
        }
        Ok("OK done".into())
    }

    pub(super) fn unselect(&mut self, run: &Run<'_>) -> Answer {
        if !run.args.is_empty() {
            return bad("UNSELECT has no arguments");
        }
        self.selected = None;
        Ok("OK done".into())
    }
}

fn remember(list: &[Value]) -> Result<Remembered, Refusal> {
    let wanted = "QRESYNC wants (UIDVALIDITY MODSEQ [known-UIDs] [(numbers UIDs)])";
    let [validity, modseq, rest @ ..] = list else { return bad(wanted) };
    let (Some(validity), Some(modseq)) = (validity.number(), modseq.number()) else { return bad(wanted) };
    if validity == 0 || modseq == 0 || modseq > i64::MAX as u64 {
        return bad(wanted);
    }
    let (known, matches) = match rest {
        [] => (None, None),
        [Value { kind: ValueKind::List(pairs), .. }] => (None, Some(pairs)),
        [known] => (Some(known), None),
        [known, Value { kind: ValueKind::List(pairs), .. }] => (Some(known), Some(pairs)),
        _ => return bad(wanted),
    };
    if let Some(pairs) = matches {
        // They would only make what is told about vanished messages shorter.
        let [numbers, uids] = pairs.as_slice() else { return bad(wanted) };
        known_uids(numbers)?;
        known_uids(uids)?;
    }
    Ok(Remembered { validity, modseq, known: known.map(known_uids).transpose()? })
}

fn introduce(selected: &Selected, mailbox: &Mailbox, enabled: Enabled, name: &[u8], out: &mut Vec<u8>) {
    let mut text = selected.flags_line();
    let may = |flag: &&&str| selected.may_change(flag);
    let mut permanent: Vec<&str> = Vec::new();
    if !selected.read_only {
        permanent.extend(FLAGS.iter().filter(may));
        if selected.may('w') {
            permanent.extend(selected.keywords().iter().map(String::as_str));
            permanent.push("\\*");
        }
    }
    text += &format!("* OK [PERMANENTFLAGS ({})] these stay\r\n", permanent.join(" "));
    text += &format!("* {} EXISTS\r\n", selected.len());
    // IMAP4rev2 knows neither of the two (RFC 9051, Appendix E).
    if !enabled.rev2 {
        text += &format!("* {} RECENT\r\n", selected.recent());
        if let Some(first) = mailbox.messages.iter().position(|m| !m.has("\\Seen")) {
            text += &format!("* OK [UNSEEN {}] the first unseen one\r\n", first + 1);
        }
    }
    text += &format!("* OK [UIDVALIDITY {}] identifiers are valid\r\n", mailbox.validity);
    text += &format!("* OK [UIDNEXT {}] the next one\r\n", mailbox.next_uid);
    text += &format!("* OK [HIGHESTMODSEQ {}] the last change\r\n", mailbox.highest_modseq());
    text += &format!("* OK [MAILBOXID (F{})] it keeps this when it is renamed\r\n", mailbox.attributes.id);
    out.extend_from_slice(text.as_bytes());
    if enabled.rev2 {
        out.extend_from_slice(b"* LIST () \"/\" ");
        out.extend_from_slice(name);
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 7162 §3.2.5.1: what vanished and what changed since the client was last here.
fn catch_up(
    selected: &Selected,
    mailbox: &Mailbox,
    remembered: &Remembered,
    enabled: Enabled,
    out: &mut Vec<u8>,
) {
    if remembered.validity != u64::from(mailbox.validity) {
        return;
    }
    let known = |uid: u32| remembered.known.as_ref().is_none_or(|set| set.contains(uid, u32::MAX));
    let vanished = vanished(mailbox, remembered.modseq, remembered.known.as_ref());
    if !vanished.is_empty() {
        out.extend_from_slice(format!("* VANISHED (EARLIER) {vanished}\r\n").as_bytes());
    }
    for (number, uid) in selected.numbered().filter(|&(_, uid)| known(uid)) {
        if let Some(message) = mailbox.by_uid(uid).filter(|m| m.modseq > remembered.modseq) {
            let recent = selected.is_recent(uid) && !enabled.rev2;
            out.extend_from_slice(&changed(number, message, recent, enabled, true));
        }
    }
}

/// The identifiers that vanished behind `modseq`, as a set, as far as `known` holds them.
pub(super) fn vanished(mailbox: &Mailbox, modseq: u64, known: Option<&SequenceSet>) -> String {
    let gone = mailbox.vanished_since(modseq);
    match known {
        None => ranges(gone),
        Some(set) => ranges(set.overlap(&gone)),
    }
}

/// Whether the mailboxes hold the one that is open, for those who change it.
pub(super) fn still_there(selected: &Selected, boxes: &Mailboxes) -> Result<(), Refusal> {
    if selected.holds(boxes) { Ok(()) } else { nonexistent() }
}

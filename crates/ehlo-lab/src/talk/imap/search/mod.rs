//! SEARCH (RFC 9051 §6.4.4) with ESEARCH, SEARCHRES, WITHIN, CONDSTORE, OBJECTID and SAVEDATE.

mod candidate;
mod key;
mod options;

use super::refusal::{Answer, Refusal, bad, no};
use super::sets::compact;
use super::{Imap, Run};
use crate::Message;
use crate::context::Context;
use candidate::Candidate;
use ehlo_wire::imap::Value;
pub(super) use key::Key;
pub(super) use options::{Options, Wish};

/// A message that was found.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) number: u32,
    pub(super) message: Message,
}

impl Hit {
    /// What is told of it.
    pub(super) fn told(&self, uid: bool) -> u32 {
        if uid { self.message.uid } else { self.number }
    }
}

pub(super) fn search(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let uid = run.uid;
    let answer = carry_out(imap, run, cx);
    imap.sync(&mut run.out, uid, cx);
    answer
}

fn carry_out(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let (options, rest) = Options::read(run.args)?;
    let utf8 = imap.enabled.utf8;
    let outcome = charset(rest, utf8).and_then(|rest| {
        let key = key::read(rest)?;
        Ok((find(imap, &key, cx)?, key))
    });
    let (hits, key) = match outcome {
        Ok(found) => found,
        Err(refusal) => {
            // RFC 5182 §2.1: a SEARCH with SAVE that fails leaves nothing saved when the answer is NO.
            if let (true, Refusal::No(_), Some(selected)) = (options.save, &refusal, &mut imap.selected) {
                selected.saved.clear();
            }
            return Err(refusal);
        }
    };
    finish(imap, run, options, &hits, key.uses_modseq());
    Ok("OK done".into())
}

/// Tells and saves what was found, in the order given.
pub(super) fn finish(imap: &mut Imap, run: &mut Run<'_>, options: Options, hits: &[Hit], modseq: bool) {
    if modseq {
        imap.enabled.condstore = true;
    }
    let mut options = options;
    // RFC 9051 §6.4.4: IMAP4rev2 answers by ESEARCH always.
    if imap.enabled.rev2 && options.wishes.is_none() {
        options.wishes = Some(vec![Wish::All]);
    }
    if let (true, Some(selected)) = (options.save, &mut imap.selected) {
        selected.saved = options.saved(hits);
    }
    match &options.wishes {
        None => {
            let list: String = hits.iter().map(|hit| format!(" {}", hit.told(run.uid))).collect();
            let highest = hits.iter().map(|h| h.message.modseq).max().filter(|_| modseq);
            let highest = highest.map_or(String::new(), |h| format!(" (MODSEQ {h})"));
            run.tell(&format!("* {}{list}{highest}", options.verb));
        }
        Some(wishes) => {
            if let Some(line) = esearch(wishes, hits, run, modseq, options.save) {
                run.tell(&line);
            }
        }
    }
}

/// RFC 4731 §3.1, RFC 7162 §3.1.10
fn esearch(wishes: &[Wish], hits: &[Hit], run: &Run<'_>, modseq: bool, save: bool) -> Option<String> {
    // RFC 5182 §2.1: whoever only saves is told nothing.
    if wishes.is_empty() && save {
        return None;
    }
    let told: Vec<u32> = hits.iter().map(|hit| hit.told(run.uid)).collect();
    let mut line = format!("* ESEARCH (TAG \"{}\")", run.tag);
    if run.uid {
        line += " UID";
    }
    let mut shown: Vec<&Hit> = Vec::new();
    for wish in wishes {
        match wish {
            Wish::Min => {
                let first = if run.uid || !told.is_empty() { hits.first() } else { None };
                if let Some(hit) = first {
                    line += &format!(" MIN {}", hit.told(run.uid));
                    shown.push(hit);
                }
            }
            Wish::Max => {
                if let Some(hit) = hits.last() {
                    line += &format!(" MAX {}", hit.told(run.uid));
                    shown.push(hit);
                }
            }
            Wish::Count => {
                line += &format!(" COUNT {}", hits.len());
                shown.extend(hits);
            }
            Wish::All if told.is_empty() => {}
            Wish::All => {
                line += &format!(" ALL {}", compact(told.iter().copied()));
                shown.extend(hits);
            }
        }
    }
    if modseq && let Some(highest) = shown.iter().map(|h| h.message.modseq).max() {
        line += &format!(" MODSEQ {highest}");
    }
    Some(line)
}

/// Takes `CHARSET name` off.
pub(super) fn charset(args: &[Value], utf8: bool) -> Result<&[Value], Refusal> {
    match args {
        // RFC 6855 §3: behind ENABLE UTF8=ACCEPT all is UTF-8, and nobody says so.
        [word, ..] if utf8 && word.is_atom("CHARSET") => {
            bad("CHARSET has no place behind ENABLE UTF8=ACCEPT")
        }
        [word, name, rest @ ..] if word.is_atom("CHARSET") => {
            known_charset(name)?;
            Ok(rest)
        }
        rest => Ok(rest),
    }
}

pub(super) fn known_charset(name: &Value) -> Result<(), Refusal> {
    let Some(name) = name.astring() else { return bad("the name of a charset is wanted") };
    if [&b"UTF-8"[..], b"US-ASCII"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
        Ok(())
    } else {
        no("[BADCHARSET (US-ASCII UTF-8)] this charset is not supported")
    }
}

/// What fits, in the order of the mailbox.
pub(super) fn find(imap: &Imap, key: &Key, cx: &Context<'_>) -> Result<Vec<Hit>, Refusal> {
    let Some(selected) = &imap.selected else { return bad("select a mailbox first") };
    let place = &selected.place;
    // Copied, so that nobody waits while texts are searched.
    let snapshot = cx.lab.store().with(&place.account, |boxes| -> Result<Vec<Hit>, Refusal> {
        super::select::still_there(selected, boxes)?;
        let Some(mailbox) = boxes.folders.get(&place.mailbox) else { return Ok(Vec::new()) };
        Ok(selected
            .numbered()
            .filter_map(|(number, uid)| Some(Hit { number, message: mailbox.by_uid(uid)?.clone() }))
            .collect::<Vec<_>>())
    });
    let snapshot = snapshot.unwrap_or(Ok(Vec::new()))?;
    let whole = candidate::Whole {
        selected,
        largest_number: selected.len(),
        largest_uid: selected.largest_uid(),
        now: cx.now,
    };
    Ok(snapshot
        .into_iter()
        .filter(|hit| Candidate::new(hit.number, &hit.message, &whole).fits(key))
        .collect())
}

/// Reads conditions, for SORT and THREAD.
pub(super) fn conditions(args: &[Value]) -> Result<Key, Refusal> {
    key::read(args)
}

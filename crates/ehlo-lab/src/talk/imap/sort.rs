//! SORT and THREAD (RFC 5256), SORT=DISPLAY (RFC 5957), ESORT (RFC 5267 §3).

use super::refusal::{Answer, Refusal, bad, no};
use super::search::{Hit, Options, conditions, find, finish, known_charset};
use super::{Imap, Run};
use crate::context::Context;
use crate::mail::sort::{SortKey, sort as put_in_order, sortable};
use crate::mail::thread::{Algorithm, encode, thread as put_in_trees, threadable};
use ehlo_wire::imap::{Value, ValueKind};
use std::collections::HashMap;

pub(super) fn sort(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let uid = run.uid;
    let answer = sorted(imap, run, cx);
    imap.sync(&mut run.out, uid, cx);
    answer
}

fn sorted(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let (options, rest) = Options::read(run.args)?;
    let [Value { kind: ValueKind::List(keys), .. }, charset, rest @ ..] = rest else {
        return bad("SORT wants (keys) charset conditions");
    };
    let keys = sort_keys(keys)?;
    known_charset(charset)?;
    let key = conditions(rest)?;
    let hits = find(imap, &key, cx)?;
    let mut order: Vec<_> = hits
        .iter()
        .map(|hit| {
            let m = &hit.message;
            let bytes = m.body.read().unwrap_or_default();
            sortable(hit.number, m.uid, &bytes, m.at, m.body.len() as u64)
        })
        .collect();
    put_in_order(&mut order, &keys);
    let mut by_uid: HashMap<u32, Hit> = hits.into_iter().map(|hit| (hit.message.uid, hit)).collect();
    let hits: Vec<Hit> = order.iter().filter_map(|s| by_uid.remove(&s.uid)).collect();
    finish(imap, run, Options { verb: "SORT", ..options }, &hits, key.uses_modseq());
    Ok("OK done".into())
}

fn sort_keys(list: &[Value]) -> Result<Vec<(SortKey, bool)>, Refusal> {
    let mut keys = Vec::new();
    let mut reverse = false;
    for word in list {
        let key = match word.astring().map(<[u8]>::to_ascii_uppercase).unwrap_or_default().as_slice() {
            b"REVERSE" if !reverse => {
                reverse = true;
                continue;
            }
            b"ARRIVAL" => SortKey::Arrival,
            b"CC" => SortKey::Cc,
            b"DATE" => SortKey::Date,
            b"FROM" => SortKey::From,
            b"SIZE" => SortKey::Size,
            b"SUBJECT" => SortKey::Subject,
            b"TO" => SortKey::To,
            b"DISPLAYFROM" => SortKey::DisplayFrom,
            b"DISPLAYTO" => SortKey::DisplayTo,
            _ => return bad("there is no such sort key"),
        };
        keys.push((key, std::mem::take(&mut reverse)));
    }
    if keys.is_empty() || reverse || keys.len() > 100 { bad("sort keys are wanted") } else { Ok(keys) }
}

pub(super) fn thread(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let uid = run.uid;
    let answer = threaded(imap, run, cx);
    imap.sync(&mut run.out, uid, cx);
    answer
}

fn threaded(imap: &Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [algorithm, charset, rest @ ..] = run.args else {
        return bad("THREAD wants algorithm charset conditions");
    };
    let how = match algorithm {
        a if a.is_atom("ORDEREDSUBJECT") => Algorithm::OrderedSubject,
        a if a.is_atom("REFERENCES") => Algorithm::References,
        _ => return bad("there is no such algorithm"),
    };
    known_charset(charset)?;
    let key = conditions(rest)?;
    let hits = find(imap, &key, cx)?;
    if hits.len() > 1_000_000 {
        return no("[LIMIT] there are too many messages");
    }
    let messages: Vec<_> = hits
        .iter()
        .map(|hit| {
            let bytes = hit.message.body.read().unwrap_or_default();
            threadable(hit.told(run.uid), &bytes, hit.message.at)
        })
        .collect();
    let trees = encode(&put_in_trees(&messages, how));
    let blank = if trees.is_empty() { "" } else { " " };
    run.tell(&format!("* THREAD{blank}{trees}"));
    Ok("OK done".into())
}

use super::name::{OTHERS, Place, decoded, matches, rights, wire};
use super::refusal::{Answer, Refusal, bad, no};
use super::status;
use super::{Imap, Run};
use crate::context::Context;
use ehlo_wire::imap::Value;
use std::collections::{BTreeMap, BTreeSet};

/// So many patterns of one command are followed.
const MOST_PATTERNS: usize = 100;

/// RFC 2342
pub(super) fn namespace(run: &mut Run<'_>) -> Answer {
    if !run.args.is_empty() {
        return bad("NAMESPACE has no arguments");
    }
    run.tell(&format!("* NAMESPACE ((\"\" \"/\")) ((\"{OTHERS}\" \"/\")) NIL"));
    Ok("OK done".into())
}

/// What is asked for (RFC 5258 §3, RFC 5819, RFC 6154 §3, RFC 8440).
#[derive(Default)]
struct Question {
    patterns: Vec<String>,
    only_subscribed: bool,
    only_special: bool,
    recursive: bool,
    tell_subscribed: bool,
    tell_rights: bool,
    status: Option<Vec<status::Item>>,
    extended: bool,
}

/// A mailbox, or a name above or beside one.
#[derive(Clone, Debug, Default)]
struct Entry {
    exists: bool,
    selectable: bool,
    special_use: Option<String>,
    rights: String,
}

pub(super) fn list(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let Some(question) = question(run.args, imap.utf8())? else {
        run.tell("* LIST (\\Noselect) \"/\" \"\"");
        return Ok("OK done".into());
    };
    if question.status.as_ref().is_some_and(|items| items.contains(&status::Item::HighestModSeq)) {
        imap.enabled.condstore = true;
    }
    let (user, utf8) = (imap.user().to_owned(), imap.utf8());
    let names = names(&user, cx);
    let subscribed = subscribed(&user, cx);
    let mut all = names.clone();
    if question.only_subscribed {
        for name in &subscribed {
            all.entry(name.clone()).or_default();
        }
    }
    if question.recursive {
        add_parents(&mut all);
    }
    let fits = |name: &str, entry: &Entry| {
        (!question.only_subscribed || subscribed.contains(name))
            && (!question.only_special || entry.special_use.is_some())
    };
    for (name, entry) in all.iter().filter(|(name, _)| question.patterns.iter().any(|p| matches(p, name))) {
        let below = below(&all, name).any(|(name, entry)| fits(name, entry));
        let childinfo = question.recursive && below;
        if !fits(name, entry) && !childinfo {
            continue;
        }
        let mut attributes = attributes(name, entry, &names, question.extended);
        if (question.only_subscribed || question.tell_subscribed) && subscribed.contains(name) {
            attributes.push("\\Subscribed".into());
        }
        let mut line = format!("* LIST ({}) \"/\" ", attributes.join(" ")).into_bytes();
        line.extend_from_slice(&wire(name, utf8));
        if childinfo {
            line.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
        }
        line.extend_from_slice(b"\r\n");
        run.out.extend_from_slice(&line);
        // RFC 8440 §3: the rights come as a response of their own.
        if question.tell_rights && entry.selectable {
            run.out.extend_from_slice(b"* MYRIGHTS ");
            run.out.extend_from_slice(&wire(name, utf8));
            run.tell(&format!(" {}", entry.rights));
        }
        if let Some(items) = question.status.as_ref().filter(|_| entry.selectable) {
            let place = Place::named(name, &user);
            if let Some(line) = status::line(&place, &wire(name, utf8), items, cx) {
                run.out.extend_from_slice(&line);
            }
        }
    }
    Ok("OK done".into())
}

pub(super) fn lsub(imap: &mut Imap, run: &mut Run<'_>, cx: &Context<'_>) -> Answer {
    let [reference, pattern] = run.args else { return bad("a reference and a pattern are wanted") };
    let (Some(reference), Some(pattern)) = (reference.astring(), pattern.astring()) else {
        return bad("a reference and a pattern are wanted");
    };
    let (user, utf8) = (imap.user().to_owned(), imap.utf8());
    let Some(pattern) = decoded(&[reference, pattern].concat(), utf8) else {
        return no("[CANNOT] the pattern cannot be decoded");
    };
    let subscribed = subscribed(&user, cx);
    let names = names(&user, cx);
    let mut told: BTreeMap<&str, bool> =
        subscribed.iter().filter(|name| matches(&pattern, name)).map(|name| (name.as_str(), true)).collect();
    // RFC 3501 §6.3.9: with %, a name above a subscribed one that does not fit itself is told with \Noselect.
    if pattern.ends_with('%') {
        for name in &subscribed {
            for (at, _) in name.match_indices('/') {
                if matches(&pattern, &name[..at]) {
                    told.entry(&name[..at]).or_insert(false);
                }
            }
        }
    }
    for (name, itself) in told {
        let noselect = !itself || !names.get(name).is_some_and(|e| e.selectable);
        let attributes = if noselect { "\\Noselect" } else { "" };
        run.out.extend_from_slice(format!("* LSUB ({attributes}) \"/\" ").as_bytes());
        run.out.extend_from_slice(&wire(name, utf8));
        run.out.extend_from_slice(b"\r\n");
    }
    Ok("OK done".into())
}

fn attributes(name: &str, entry: &Entry, names: &BTreeMap<String, Entry>, extended: bool) -> Vec<String> {
    let children = below(names, name).next().is_some();
    let mut found = Vec::new();
    match (entry.exists, entry.selectable) {
        (false, _) if extended => found.push("\\NonExistent".to_owned()),
        (_, false) => found.push("\\Noselect".to_owned()),
        _ => {}
    }
    found.push(if children { "\\HasChildren" } else { "\\HasNoChildren" }.to_owned());
    found.extend(entry.special_use.clone());
    found
}

/// The entries below a name.
fn below<'a>(
    all: &'a BTreeMap<String, Entry>,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a Entry)> + use<'a> {
    let prefix = format!("{name}/");
    let from = prefix.clone();
    all.range(from..).take_while(move |(name, _)| name.starts_with(&prefix))
}

fn add_parents(all: &mut BTreeMap<String, Entry>) {
    let parents: BTreeSet<String> = all
        .keys()
        .flat_map(|name| name.match_indices('/').map(|(at, _)| name[..at].to_owned()).collect::<Vec<_>>())
        .collect();
    for name in parents {
        all.entry(name).or_default();
    }
}

fn subscribed(user: &str, cx: &Context<'_>) -> BTreeSet<String> {
    cx.lab.store().with(user, |boxes| boxes.subscribed.iter().cloned().collect()).unwrap_or_default()
}

/// All that the user can see: his mailboxes, and those of others that they let him see, with the names above them.
fn names(user: &str, cx: &Context<'_>) -> BTreeMap<String, Entry> {
    let mut found = BTreeMap::new();
    for account in cx.lab.store().accounts() {
        cx.lab.store().with(&account, |boxes| {
            for (mailbox, held) in &boxes.folders {
                if account != user && held.attributes.rights.is_empty() {
                    continue;
                }
                let place = Place { account: account.clone(), mailbox: mailbox.clone() };
                let rights = rights(&place, user, held);
                if rights.contains('l') {
                    let special_use = held.attributes.special_use.clone().filter(|_| account == user);
                    let entry = Entry { exists: true, selectable: true, special_use, rights };
                    found.insert(place.name(user), entry);
                }
            }
        });
    }
    let others: Vec<String> = found.keys().filter(|name| name.starts_with(OTHERS)).cloned().collect();
    for name in others {
        for (at, _) in name.match_indices('/') {
            found.entry(name[..at].to_owned()).or_insert_with(|| Entry { exists: true, ..Entry::default() });
        }
    }
    found
}

/// Reads the arguments; none if only the delimiter is asked for.
fn question(args: &[Value], utf8: bool) -> Result<Option<Question>, Refusal> {
    let mut question = Question::default();
    let mut args = args;
    if let [Value { kind: ehlo_wire::imap::ValueKind::List(options), .. }, rest @ ..] = args {
        question.extended = true;
        selection(options, &mut question)?;
        args = rest;
    }
    let (reference, patterns, rest) = match args {
        [reference, patterns, rest @ ..] => (reference, patterns, rest),
        _ => return bad("a reference and a pattern are wanted"),
    };
    match rest {
        [] => {}
        [word, options] if word.is_atom("RETURN") => {
            question.extended = true;
            let Some(options) = options.list() else { return bad("RETURN wants options in brackets") };
            returned(options, &mut question)?;
        }
        _ => return bad("behind the pattern only RETURN (…) may stand"),
    }
    let Some(reference) = reference.astring() else { return bad("a reference is wanted") };
    let patterns: Vec<&[u8]> = match &patterns.kind {
        ehlo_wire::imap::ValueKind::List(list) if !list.is_empty() && list.len() <= MOST_PATTERNS => {
            question.extended = true;
            match list.iter().map(Value::astring).collect::<Option<Vec<_>>>() {
                Some(patterns) => patterns,
                None => return bad("a pattern is a string"),
            }
        }
        _ => match patterns.astring() {
            // RFC 3501 §6.3.8: this asks for the delimiter.
            Some(b"") if !question.extended => return Ok(None),
            Some(pattern) => vec![pattern],
            None => return bad("a pattern is wanted"),
        },
    };
    for pattern in patterns.into_iter().filter(|p| !p.is_empty()) {
        match decoded(&[reference, pattern].concat(), utf8) {
            Some(pattern) => question.patterns.push(pattern),
            None => return no("[CANNOT] the pattern cannot be decoded"),
        }
    }
    Ok(Some(question))
}

fn selection(options: &[Value], question: &mut Question) -> Result<(), Refusal> {
    for option in options {
        match option {
            o if o.is_atom("SUBSCRIBED") => question.only_subscribed = true,
            o if o.is_atom("SPECIAL-USE") => question.only_special = true,
            o if o.is_atom("RECURSIVEMATCH") => question.recursive = true,
            // There is no other server to ask.
            o if o.is_atom("REMOTE") => {}
            _ => return bad("there is no such selection option"),
        }
    }
    // RFC 5258 §3.1: RECURSIVEMATCH needs something that it repeats.
    if question.recursive && !question.only_subscribed && !question.only_special {
        return bad("RECURSIVEMATCH does not stand alone");
    }
    Ok(())
}

fn returned(options: &[Value], question: &mut Question) -> Result<(), Refusal> {
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match option {
            o if o.is_atom("SUBSCRIBED") => question.tell_subscribed = true,
            o if o.is_atom("CHILDREN") || o.is_atom("SPECIAL-USE") => {}
            o if o.is_atom("MYRIGHTS") => question.tell_rights = true,
            o if o.is_atom("STATUS") => match rest.next() {
                Some(items) => question.status = Some(status::items(items)?),
                None => return bad("STATUS wants items in brackets"),
            },
            _ => return bad("there is no such return option"),
        }
    }
    Ok(())
}

use super::{Answer, bad, folder_name, no, string};
use crate::context::Context;
use crate::store::{Mailboxes, SPECIAL_USE};
use ehlo_wire::imap::{Value, decode_mutf7, encode_mutf7};

pub(super) fn create(account: &str, args: &[Value], cx: &mut Context<'_>) -> Answer {
    let [name] = args else { return bad("a mailbox name is wanted") };
    let name = folder_name(name)?;
    if name.is_empty() || name.starts_with('/') || name.contains("//") || name.contains(['*', '%']) {
        return no("[CANNOT] no mailbox can have this name");
    }
    let new = cx.lab.store().with(account, |boxes| {
        if !boxes.create(&name, None).unwrap_or(false) {
            return false;
        }
        // RFC 3501 §6.3.3: superior names are made as well.
        for (at, _) in name.match_indices('/') {
            let _ = boxes.create(&name[..at], None);
        }
        true
    });
    if new == Some(true) {
        Ok("OK done".into())
    } else {
        no("[ALREADYEXISTS] there is such a mailbox already")
    }
}

pub(super) fn delete(account: &str, args: &[Value], cx: &mut Context<'_>) -> Answer {
    let [name] = args else { return bad("a mailbox name is wanted") };
    let name = folder_name(name)?;
    if name == "INBOX" {
        return no("[CANNOT] the inbox stays");
    }
    let below = format!("{name}/");
    let answer = cx.lab.store().with(account, |boxes| {
        if boxes.folders.keys().any(|n| n.starts_with(&below)) {
            return no("[HASCHILDREN] there are mailboxes below it");
        }
        match boxes.delete(&name) {
            Ok(()) => Ok("OK done".into()),
            Err(_) => no("[NONEXISTENT] there is no such mailbox"),
        }
    });
    answer.unwrap_or_else(|| no("there is no such account"))
}

pub(super) fn rename(account: &str, args: &[Value], cx: &mut Context<'_>) -> Answer {
    let [from, to] = args else { return bad("two mailbox names are wanted") };
    let (from, to) = (folder_name(from)?, folder_name(to)?);
    let answer = cx.lab.store().with(account, |boxes| {
        if !boxes.folders.contains_key(&from) {
            return no("[NONEXISTENT] there is no such mailbox");
        }
        if boxes.folders.contains_key(&to) {
            return no("[ALREADYEXISTS] there is such a mailbox already");
        }
        if to.is_empty() || to.starts_with(&format!("{from}/")) {
            return no("[CANNOT] a mailbox cannot be moved there");
        }
        if from == "INBOX" {
            // RFC 3501 §6.3.5: the messages move, the inbox stays.
            let _ = boxes.create(&to, None);
            let moved = boxes.folders.get("INBOX").map_or(Vec::new(), |i| i.messages.clone());
            let uids: Vec<u32> = moved.iter().map(|m| m.uid).collect();
            let _ = boxes.append(&to, moved);
            let _ = boxes.remove("INBOX", &uids);
        } else {
            let _ = boxes.rename(&from, &to);
        }
        for (at, _) in to.match_indices('/') {
            let _ = boxes.create(&to[..at], None);
        }
        Ok("OK done".into())
    });
    cx.lab.store().announce();
    answer.unwrap_or_else(|| no("there is no such account"))
}

pub(super) fn subscribe(account: &str, args: &[Value], on: bool, cx: &mut Context<'_>) -> Answer {
    let [name] = args else { return bad("a mailbox name is wanted") };
    let name = folder_name(name)?;
    cx.lab.store().with(account, |boxes| {
        boxes.subscribed.retain(|n| *n != name);
        if on {
            boxes.subscribed.push(name);
        }
    });
    Ok("OK done".into())
}

pub(super) fn list(
    account: &str,
    args: &[Value],
    verb: &str,
    out: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Answer {
    let [reference, pattern] = args else { return bad("a reference and a pattern are wanted") };
    let (Some(reference), Some(pattern)) = (reference.astring(), pattern.astring()) else {
        return bad("a reference and a pattern are wanted");
    };
    if pattern.is_empty() {
        // RFC 3501 §6.3.8: this asks for the delimiter.
        out.extend_from_slice(format!("* {verb} (\\Noselect) \"/\" \"\"\r\n").as_bytes());
        return Ok("OK done".into());
    }
    let wire = [reference, pattern].concat();
    let Some(pattern) = decode_mutf7(&wire) else {
        return no("[CANNOT] the pattern is not in modified UTF-7");
    };
    cx.lab.store().with(account, |boxes| {
        let names: Vec<String> = match verb {
            "LSUB" => boxes.subscribed.clone(),
            _ => boxes.folders.keys().cloned().collect(),
        };
        for name in names.iter().filter(|name| matches(&pattern, name)) {
            let attributes = attributes(boxes, name, verb == "LIST");
            let head = format!("* {verb} ({attributes}) \"/\" ");
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(&string(encode_mutf7(name).as_bytes()));
            out.extend_from_slice(b"\r\n");
        }
    });
    Ok("OK done".into())
}

pub(super) fn status(account: &str, args: &[Value], out: &mut Vec<u8>, cx: &mut Context<'_>) -> Answer {
    let [name, items] = args else { return bad("a mailbox name and a list of items are wanted") };
    let folder = folder_name(name)?;
    let Some(items) = items.list() else { return bad("a list of items is wanted") };
    let wanted: Vec<String> = items
        .iter()
        .filter_map(Value::astring)
        .map(|item| String::from_utf8_lossy(item).to_ascii_uppercase())
        .collect();
    let pairs = cx.lab.store().with(account, |boxes| {
        let mailbox = boxes.folders.get(&folder)?;
        let number = |item: &String| {
            Some(match item.as_str() {
                "MESSAGES" => mailbox.messages.len() as u64,
                "RECENT" => mailbox.messages.iter().filter(|m| m.uid >= mailbox.recent_from).count() as u64,
                "UIDNEXT" => u64::from(mailbox.next_uid),
                "UIDVALIDITY" => u64::from(mailbox.validity),
                "UNSEEN" => mailbox.unseen() as u64,
                _ => return None,
            })
        };
        Some(
            wanted.iter().map(|item| number(item).map(|n| format!("{item} {n}"))).collect::<Option<Vec<_>>>(),
        )
    });
    match pairs.flatten() {
        None => no("[NONEXISTENT] there is no such mailbox"),
        Some(None) => bad("there is no such status item"),
        Some(Some(pairs)) => {
            out.extend_from_slice(b"* STATUS ");
            out.extend_from_slice(&string(encode_mutf7(&folder).as_bytes()));
            out.extend_from_slice(format!(" ({})\r\n", pairs.join(" ")).as_bytes());
            Ok("OK done".into())
        }
    }
}

fn attributes(boxes: &Mailboxes, name: &str, special: bool) -> String {
    let below = format!("{name}/");
    let children = boxes.folders.keys().any(|n| n.starts_with(&below));
    let mut found = vec![if children { "\\HasChildren" } else { "\\HasNoChildren" }];
    if !boxes.folders.contains_key(name) {
        found.push("\\Noselect");
    }
    if special {
        found.extend(SPECIAL_USE.iter().filter(|(folder, _)| *folder == name).map(|(_, use_)| *use_));
    }
    found.join(" ")
}

/// `*` stands for anything, `%` for anything without a delimiter (RFC 3501 §6.3.8). Linear in both.
fn matches(pattern: &str, name: &str) -> bool {
    let inbox = name == "INBOX";
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // reached[i]: the pattern so far can stand for the first i characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for &p in &pattern {
        let mut next = vec![false; name.len() + 1];
        for i in 0..=name.len() {
            next[i] = match p {
                '*' => reached[i] || (i > 0 && next[i - 1]),
                '%' => reached[i] || (i > 0 && next[i - 1] && name[i - 1] != '/'),
                p => {
                    i > 0
                        && reached[i - 1]
                        && (name[i - 1] == p || (inbox && name[i - 1].eq_ignore_ascii_case(&p)))
                }
            };
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("a/%", "a/b", true),
            ("a%b", "axxb", true),
            ("%/%", "a/b/c", false),
            ("*c", "a/b/c", true),
            ("inbox", "INBOX", true),
            ("junk", "Junk", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}

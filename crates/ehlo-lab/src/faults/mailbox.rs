//! Faults of what IMAP and POP3 say about mailboxes and messages.

use super::reply::{
    Piece, Status, balanced, body, map_literal_sizes, map_number, map_responses, map_text, pieces, responses,
    split_last, status,
};
use super::rule::{NOTHING, Rule, duration, number, replace};
use super::{FaultAction, Moment, Point, seconds};
use ehlo_core::Protocol;

const IMAP: &str = "imap";
const POP3: &str = "pop3";

/// Sizes are one too large: RFC822.SIZE, and the numbers of STAT and LIST.
pub(super) static SIZE: Rule = Rule::on("size-wrong", "size", NOTHING, |moment, _| match moment.protocol() {
    Protocol::Imap => replace(moment, map_number(Protocol::Imap, moment.reply, "RFC822.SIZE ", |n| n + 1)),
    Protocol::Pop3 if matches!(moment.command, "STAT" | "LIST") && status_good(moment) => {
        let change = |line: &[u8]| {
            let text = String::from_utf8_lossy(body(line)).into_owned();
            let Some((head, last)) = text.rsplit_once(' ') else { return line.to_vec() };
            match last.parse::<u64>() {
                Ok(size) => format!("{head} {}\r\n", size + 1).into_bytes(),
                Err(_) => line.to_vec(),
            }
        };
        replace(moment, map_responses(Protocol::Pop3, moment.reply, change))
    }
    _ => FaultAction::Pass,
});

/// Literals are announced shorter than they are.
pub(super) static LITERAL_SHORT: Rule = Rule::on("literal-short", "size", number("1"), |moment, bytes| {
    let bytes = bytes.parse().unwrap_or(1);
    literals(moment, |n| n.saturating_sub(bytes))
});

/// Literals are announced longer than they are.
pub(super) static LITERAL_LONG: Rule = Rule::on("literal-long", "size", number("1"), |moment, bytes| {
    let bytes = bytes.parse().unwrap_or(1);
    literals(moment, |n| n.saturating_add(bytes))
});

fn literals(moment: &Moment<'_>, change: impl Fn(usize) -> usize) -> FaultAction {
    match moment.protocol() {
        Protocol::Imap | Protocol::Sieve => replace(moment, map_literal_sizes(moment.reply, change)),
        _ => FaultAction::Pass,
    }
}

/// The connection is closed in the middle of a literal or of a message.
pub(super) static CLOSE_IN_LITERAL: Rule =
    Rule::on("close-in-message", "size", NOTHING, |moment, _| match half_of_message(moment) {
        Some(half) => FaultAction::Close { say: half },
        None => FaultAction::Pass,
    });

/// A literal or a message begins and never ends.
pub(super) static ENDLESS_LITERAL: Rule =
    Rule::on("message-endless", "size", NOTHING, |moment, _| match half_of_message(moment) {
        Some(half) => FaultAction::Stall { say: half },
        None => FaultAction::Pass,
    });

/// A reply up to the middle of the first literal (IMAP, ManageSieve) or of the message (POP3), if it has one.
fn half_of_message(moment: &Moment<'_>) -> Option<Vec<u8>> {
    match moment.protocol() {
        Protocol::Imap | Protocol::Sieve => {
            let pieces = pieces(Protocol::Imap, moment.reply);
            let (Piece::Text(text), Piece::Literal(literal)) = (pieces.first()?, pieces.get(1)?) else {
                return None;
            };
            Some([text, &literal[..literal.len() / 2]].concat())
        }
        Protocol::Pop3 if matches!(moment.command, "RETR" | "TOP") && status_good(moment) => {
            Some(moment.reply[..moment.reply.len() / 2].to_vec())
        }
        _ => None,
    }
}

/// Every SELECT says another UIDVALIDITY.
pub(super) static UIDVALIDITY: Rule = Rule::on("uidvalidity-changing", IMAP, NOTHING, |moment, _| {
    if !moment.reply.windows(11).any(|w| w == b"UIDVALIDITY") {
        return FaultAction::Pass;
    }
    let times = u64::try_from(moment.notes.count("times")).unwrap_or(0);
    imap(moment, |reply| map_number(Protocol::Imap, reply, "UIDVALIDITY ", |n| n + times))
});

/// UIDNEXT is one that is given already.
pub(super) static UIDNEXT: Rule = Rule::on("uidnext-wrong", IMAP, NOTHING, |moment, _| {
    imap(moment, |reply| map_number(Protocol::Imap, reply, "UIDNEXT ", |n| n.saturating_sub(1).max(1)))
});

/// UIDs fall from message to message.
pub(super) static UIDS_FALLING: Rule = Rule::on("uids-falling", IMAP, NOTHING, |moment, _| {
    imap(moment, |reply| {
        map_responses(Protocol::Imap, reply, |line| match is_data(line, "FETCH") {
            true => map_number(Protocol::Imap, line, "UID ", |n| 1_000_000u64.saturating_sub(n)),
            false => line.to_vec(),
        })
    })
});

/// EXISTS is one too many.
pub(super) static EXISTS: Rule = Rule::on("exists-wrong", IMAP, NOTHING, |moment, _| {
    imap(moment, |reply| map_responses(Protocol::Imap, reply, |line| numbered(line, "EXISTS", |n| n + 1)))
});

/// EXPUNGE comes while FETCH, STORE or SEARCH is answered, which RFC 3501 §7.4.1 forbids.
pub(super) static EXPUNGE: Rule = Rule::on("expunge-early", IMAP, NOTHING, |moment, _| {
    if !matches!(moment.command, "FETCH" | "STORE" | "SEARCH") {
        return FaultAction::Pass;
    }
    imap(moment, |reply| {
        let (before, last) = split_last(Protocol::Imap, reply);
        [before, b"* 1 EXPUNGE\r\n", last].concat()
    })
});

/// FETCH answers with the number of the next message.
pub(super) static OTHER_MESSAGE: Rule = Rule::on("fetch-other", IMAP, NOTHING, |moment, _| {
    imap(moment, |reply| map_responses(Protocol::Imap, reply, |line| numbered(line, "FETCH", |n| n + 1)))
});

/// FETCH answers, but says nothing of any message.
pub(super) static FETCH_EMPTY: Rule = Rule::on("fetch-empty", IMAP, NOTHING, |moment, _| {
    imap(moment, |reply| {
        map_responses(Protocol::Imap, reply, |line| match is_data(line, "FETCH") {
            true => Vec::new(),
            false => line.to_vec(),
        })
    })
});

/// IDLE never tells anything.
pub(super) static IDLE_SILENT: Rule = Rule::on("idle-silent", IMAP, NOTHING, |moment, _| {
    if moment.command != "IDLE" {
        return FaultAction::Pass;
    }
    match moment.point {
        Point::Push => FaultAction::Replace(Vec::new()),
        // What has happened before is left out as well.
        _ => imap(moment, |reply| {
            map_responses(Protocol::Imap, reply, |line| match line.starts_with(b"* ") {
                true => Vec::new(),
                false => line.to_vec(),
            })
        }),
    }
});

/// IDLE ends by BYE after a time.
pub(super) static IDLE_BYE: Rule =
    Rule::on("idle-bye", IMAP, duration("2"), |moment, time| match seconds(Some(time)) {
        Some(after)
            if moment.command == "IDLE" && status(Protocol::Imap, moment.reply) == Status::Continue =>
        {
            FaultAction::CloseLater { after, say: b"* BYE idle for too long\r\n".to_vec() }
        }
        _ => FaultAction::Pass,
    });

/// Mailbox names that are not in ASCII are no modified UTF-7 (RFC 3501 §5.1.3): one such mailbox is always there.
pub(super) static MUTF7: Rule = Rule::on("mutf7-broken", IMAP, NOTHING, |moment, _| {
    if !matches!(moment.command, "LIST" | "LSUB" | "XLIST") {
        return FaultAction::Pass;
    }
    imap(moment, |reply| {
        let (before, last) = split_last(Protocol::Imap, reply);
        let line = format!("* {} () \"/\" \"Entw&APw\"\r\n", moment.command);
        [before, line.as_bytes(), last].concat()
    })
});

/// INTERNALDATE is no date.
pub(super) static DATES: Rule = Rule::on("date-broken", IMAP, NOTHING, |moment, _| {
    imap(moment, |reply| {
        map_text(Protocol::Imap, reply, |text| {
            quoted_behind(text, "INTERNALDATE ", "32-Foo-2026 25:61:61 +9999")
        })
    })
});

/// Changes the quoted string behind a word.
fn quoted_behind(text: &str, word: &str, new: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, behind) = rest.split_at(at + word.len());
        out.push_str(before);
        rest = match behind.strip_prefix('"').and_then(|b| b.split_once('"')) {
            Some((_, behind)) => {
                out.push_str(&format!("\"{new}\""));
                behind
            }
            None => behind,
        };
    }
    out + rest
}

/// The lists in BODYSTRUCTURE and ENVELOPE are NIL where none may be.
pub(super) static STRUCTURE: Rule = Rule::on("structure-broken", IMAP, NOTHING, |moment, _| {
    imap(moment, |reply| {
        let mut reply = reply.to_vec();
        for word in ["BODYSTRUCTURE ", "BODY ", "ENVELOPE "] {
            let mut from = 0;
            while let Some(at) = find(&reply[from..], format!(" {word}(").as_bytes())
                .or_else(|| find(&reply[from..], format!("({word}(").as_bytes()))
            {
                let open = from + at + 1 + word.len();
                from = open + 1;
                if let Some(end) = balanced(&reply, open) {
                    reply.splice(open..end, *b"(NIL NIL)");
                }
            }
        }
        reply
    })
});

/// The tagged reply bears another tag.
pub(super) static TAG_WRONG: Rule =
    Rule::on("tag-wrong", IMAP, NOTHING, |moment, _| tagged(moment, |tag, rest| format!("{tag}X {rest}")));

/// The tagged reply bears no tag.
pub(super) static TAG_MISSING: Rule =
    Rule::on("tag-missing", IMAP, NOTHING, |moment, _| tagged(moment, |_, rest| rest.to_owned()));

/// The tagged reply never comes, though everything else does.
pub(super) static TAGGED_MISSING: Rule =
    Rule::on("tagged-missing", IMAP, super::rule::stage("NOOP"), |moment, stage| {
        match super::rule::at(moment, stage) {
            true => tagged(moment, |_, _| String::new()),
            false => FaultAction::Pass,
        }
    });

fn tagged(moment: &Moment<'_>, change: impl Fn(&str, &str) -> String) -> FaultAction {
    if matches!(moment.tag, "*" | "+" | "") {
        return FaultAction::Pass;
    }
    imap(moment, |reply| {
        let (before, last) = split_last(Protocol::Imap, reply);
        let text = String::from_utf8_lossy(last);
        match text.split_once(' ') {
            Some((tag, rest)) => [before, change(tag, rest).as_bytes()].concat(),
            None => reply.to_vec(),
        }
    })
}

/// Lines of messages that begin with a dot are sent as they are (RFC 1939 §3 wants a second dot).
pub(super) static STUFFING: Rule = Rule::on("stuffing-missing", POP3, NOTHING, |moment, _| {
    listing(moment, |lines| lines.into_iter().map(|l| l.strip_prefix(b".").unwrap_or(l).to_vec()).collect())
});

/// The dot that ends a message or a list does not come.
pub(super) static TERMINATOR: Rule = Rule::on("terminator-missing", POP3, NOTHING, |moment, _| {
    if moment.protocol() != Protocol::Pop3 {
        return FaultAction::Pass;
    }
    match moment.reply.strip_suffix(b"\r\n.\r\n") {
        Some(rest) => FaultAction::Replace([rest, b"\r\n"].concat()),
        None => FaultAction::Pass,
    }
});

/// Every UIDL says other identifiers.
pub(super) static UIDL: Rule = Rule::on("uidl-changing", POP3, NOTHING, |moment, _| {
    if moment.protocol() != Protocol::Pop3 || moment.command != "UIDL" || !status_good(moment) {
        return FaultAction::Pass;
    }
    let times = moment.notes.count("times");
    let change = |line: &[u8]| {
        let text = String::from_utf8_lossy(body(line)).into_owned();
        let words = text.split(' ').count();
        let changed = match (text.starts_with("+OK"), words) {
            (true, 3) | (false, 2) => format!("{text}.{times}\r\n"),
            _ => return line.to_vec(),
        };
        changed.into_bytes()
    };
    replace(moment, map_responses(Protocol::Pop3, moment.reply, change))
});

/// The first UIDL names two messages alike.
pub(super) static UIDL_DOUBLE: Rule = Rule::on("uidl-double", POP3, NOTHING, |moment, _| {
    if moment.command != "UIDL" {
        return FaultAction::Pass;
    }
    listing(moment, |lines| {
        let first = lines.first().map(|l| String::from_utf8_lossy(l).into_owned()).unwrap_or_default();
        let id = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let number = |l: &[u8]| String::from_utf8_lossy(l).split(' ').next().unwrap_or_default().to_owned();
        lines.into_iter().map(|l| format!("{} {id}", number(l)).into_bytes()).collect()
    })
});

/// Changes the lines between the first and the dot.
fn listing(moment: &Moment<'_>, change: impl Fn(Vec<&[u8]>) -> Vec<Vec<u8>>) -> FaultAction {
    if moment.protocol() != Protocol::Pop3 || !moment.reply.ends_with(b"\r\n.\r\n") {
        return FaultAction::Pass;
    }
    let all = responses(Protocol::Pop3, moment.reply);
    let Some((first, rest)) = all.split_first() else { return FaultAction::Pass };
    let Some((last, lines)) = rest.split_last() else { return FaultAction::Pass };
    let mut out = first.to_vec();
    for line in change(lines.iter().map(|l| body(l)).collect()) {
        out.extend_from_slice(&line);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(last);
    replace(moment, out)
}

/// The timestamp of APOP is none: it has no `@` and is not closed (RFC 1939 §7).
pub(super) static APOP_MALFORMED: Rule = Rule::on("apop-malformed", POP3, NOTHING, |moment, _| {
    if moment.protocol() != Protocol::Pop3 || moment.point != Point::Greeting {
        return FaultAction::Pass;
    }
    let text = String::from_utf8_lossy(moment.reply);
    match text.rsplit_once(" <") {
        Some((head, stamp)) => {
            let stamp = stamp.split('@').next().unwrap_or_default();
            FaultAction::Replace(format!("{head} <{stamp}\r\n").into_bytes())
        }
        None => FaultAction::Pass,
    }
});

/// The timestamp of APOP is the same in every greeting, so that a digest can be used again.
pub(super) static APOP_FIXED: Rule = Rule::setting("apop-fixed", POP3, NOTHING, |settings, _| {
    settings.apop_stamp = Some(format!("<1896.697170952@{}>", settings.host_name));
});

fn imap(moment: &Moment<'_>, change: impl FnOnce(&[u8]) -> Vec<u8>) -> FaultAction {
    if moment.protocol() != Protocol::Imap || moment.reply.is_empty() {
        return FaultAction::Pass;
    }
    replace(moment, change(moment.reply))
}

fn status_good(moment: &Moment<'_>) -> bool {
    status(moment.protocol(), moment.reply) == Status::Good
}

/// Whether a response is `* N NAME`.
fn is_data(line: &[u8], name: &str) -> bool {
    let mut words = line.split(|&b| b == b' ' || b == b'\r');
    words.next() == Some(b"*")
        && words.next().is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
        && words.next().is_some_and(|w| w.eq_ignore_ascii_case(name.as_bytes()))
}

/// Changes the number of `* N NAME`.
fn numbered(line: &[u8], name: &str, change: impl Fn(u64) -> u64) -> Vec<u8> {
    if !is_data(line, name) {
        return line.to_vec();
    }
    let digits = line[2..].iter().take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(&line[2..2 + digits]).ok().and_then(|n| n.parse().ok());
    match number {
        Some(number) => [b"* ", change(number).to_string().as_bytes(), &line[2 + digits..]].concat(),
        None => line.to_vec(),
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_with_numbers() {
        assert_eq!(numbered(b"* 3 EXISTS\r\n", "EXISTS", |n| n + 1), b"* 4 EXISTS\r\n");
        assert_eq!(numbered(b"* 3 FETCH (UID 3)\r\n", "FETCH", |n| n + 1), b"* 4 FETCH (UID 3)\r\n");
        for other in [&b"* OK 3 EXISTS\r\n"[..], b"a 3 EXISTS\r\n", b"* 3 RECENT\r\n", b"*", b""] {
            assert_eq!(numbered(other, "EXISTS", |n| n + 1), other);
        }
        assert_eq!(quoted_behind("a INTERNALDATE \"x\" b", "INTERNALDATE ", "y"), "a INTERNALDATE \"y\" b");
    }
}

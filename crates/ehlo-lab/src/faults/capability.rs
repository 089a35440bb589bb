//! Faults of lists of capabilities.

use super::reply::{keyword, map_capabilities, refusal};
use super::rule::{NOTHING, Rule, replace, word};
use super::scope::is_command;
use super::{FaultAction, Moment};
use ehlo_core::Protocol;

const FAMILY: &str = "capability";
const NAME: &str = "the name of a capability, with its parameters if it is to have some";

/// A capability is not listed, but works.
pub(super) static HIDDEN: Rule =
    Rule::on("capability-hidden", FAMILY, word("PIPELINING", NAME), |moment, name| {
        let mut found = false;
        let reply = map_capabilities(moment, moment.reply, |mut words| {
            let before = words.len();
            words.retain(|w| !w.eq_ignore_ascii_case(name) && !keyword(w).eq_ignore_ascii_case(name));
            found |= words.len() < before;
            words
        });
        if found { FaultAction::Replace(reply) } else { FaultAction::Pass }
    });

/// A capability is listed that is none of the server's; whatever belongs to it is unknown.
pub(super) static INVENTED: Rule =
    Rule::on("capability-invented", FAMILY, word("XFROBNICATE 5", NAME), |moment, name| {
        replace(moment, with(moment, name))
    });

/// A capability is listed, but the command that belongs to it is refused.
pub(super) static REFUSED: Rule = Rule::around(
    "capability-refused",
    FAMILY,
    word("STARTTLS", "the name of a capability"),
    |moment, name| {
        let name = keyword(name);
        let meant =
            COMMANDS.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, command)| *command);
        if !meant.chain([name]).any(|command| is_command(command, moment.command)) {
            return FaultAction::Pass;
        }
        let text = "this command is not supported";
        FaultAction::Replace(match moment.protocol() {
            Protocol::Smtp | Protocol::Lmtp => format!("502 5.5.1 {text}\r\n").into_bytes(),
            Protocol::Imap => format!("{} BAD {text}\r\n", moment.tag).into_bytes(),
            Protocol::Pop3 => format!("-ERR {text}\r\n").into_bytes(),
            Protocol::Sieve => refusal(moment, false, text),
        })
    },
    |moment, name| replace(moment, with(moment, name)),
);

/// Capabilities whose command has another name.
const COMMANDS: &[(&str, &str)] = &[
    ("CHUNKING", "BDAT"),
    ("SASL", "AUTH"),
    ("SASL", "AUTHENTICATE"),
    ("SASL-IR", "AUTHENTICATE"),
    ("CHILDREN", "LIST"),
    ("METADATA", "GETMETADATA"),
    ("METADATA", "SETMETADATA"),
    ("ACL", "GETACL"),
    ("ACL", "SETACL"),
    ("QUOTA", "GETQUOTA"),
    ("QUOTA", "GETQUOTAROOT"),
    ("COMPRESS=DEFLATE", "COMPRESS"),
];

fn with(moment: &Moment<'_>, name: &str) -> Vec<u8> {
    map_capabilities(moment, moment.reply, |mut words| {
        let listed = |w: &String| match moment.protocol() {
            Protocol::Imap => w.eq_ignore_ascii_case(name),
            _ => keyword(w).eq_ignore_ascii_case(keyword(name)),
        };
        if !words.iter().any(listed) {
            words.push(match moment.protocol() {
                Protocol::Sieve => format!("\"{}\"", name.replace(' ', "\" \"")),
                _ => name.to_owned(),
            });
        }
        words
    })
}

/// The list of capabilities is empty.
pub(super) static EMPTY: Rule = Rule::on("capabilities-empty", FAMILY, NOTHING, |moment, _| {
    let empty = map_capabilities(moment, moment.reply, |words| match moment.protocol() {
        // Without a protocol there is no list at all (RFC 9051 §7.2.2).
        Protocol::Imap => words.into_iter().filter(|w| w.starts_with("IMAP4")).collect(),
        _ => Vec::new(),
    });
    replace(moment, empty)
});

/// The names of capabilities are in lower case, which is the same (RFC 5321 §2.4, RFC 9051 §9).
pub(super) static LOWER_CASE: Rule = Rule::on("capabilities-lower-case", FAMILY, NOTHING, |moment, _| {
    let lower =
        map_capabilities(moment, moment.reply, |words| words.iter().map(|w| w.to_lowercase()).collect());
    replace(moment, lower)
});

/// EHLO is not known: HELO is needed.
pub(super) static EHLO_REFUSED: Rule =
    Rule::before("ehlo-refused", FAMILY, NOTHING, |moment, _| match moment.command {
        "EHLO" => FaultAction::Replace(b"502 5.5.1 command not implemented\r\n".to_vec()),
        _ => FaultAction::Pass,
    });

//! The texts of a persona.

use crate::Moment;
use crate::dates::rfc5322;
use crate::faults::reply::{Status, body, split_last, status};
use ehlo_core::Protocol;
use std::collections::BTreeMap;

/// The greeting, unless the lab does not greet as usual.
pub(super) fn greeting(moment: &Moment<'_>, text: Option<&str>) -> Vec<u8> {
    let usual =
        status(moment.protocol(), moment.reply) == Status::Good && !moment.reply.starts_with(b"* PREAUTH");
    match text {
        Some(text) if usual => {
            // The timestamp of APOP is part of what is computed (RFC 1939 §7).
            let said = String::from_utf8_lossy(moment.reply);
            let stamp = said.trim_end().rsplit(' ').next().filter(|w| w.starts_with('<')).unwrap_or_default();
            let code = taken_apart(moment.protocol(), &said).map_or(String::new(), |(_, _, text)| code(text));
            let text = text.replace("{stamp}", stamp);
            let text = filled(moment, text.trim_end(), "", &code);
            format!("{}\r\n", text.trim_end()).into_bytes()
        }
        _ => moment.reply.to_vec(),
    }
}

/// The answer to EHLO with another first line.
pub(super) fn hello(moment: &Moment<'_>, text: &str, reply: Vec<u8>) -> Vec<u8> {
    let is_hello =
        matches!(moment.command, "EHLO" | "LHLO") && status(moment.protocol(), &reply) == Status::Good;
    let Some(end) = reply.iter().position(|&b| b == b'\n').filter(|_| is_hello) else { return reply };
    let (first, rest) = reply.split_at(end + 1);
    let said = String::from_utf8_lossy(body(first)).into_owned();
    // The lab says `HOST greets CLIENT [ADDRESS]`.
    let client = said.split_once(" greets ").and_then(|(_, c)| c.split(' ').next()).unwrap_or("there");
    let text = filled(moment, &text.replace("{client}", client), "", "");
    [said.get(..4).unwrap_or("250 ").as_bytes(), text.as_bytes(), b"\r\n", rest].concat()
}

/// The reply as the persona says it; none if it has no text for it.
pub(super) fn reply(moment: &Moment<'_>, texts: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut found = false;
    for line in lines(moment) {
        let said = String::from_utf8_lossy(body(line));
        let (head, status, text) = taken_apart(moment.protocol(), &said)?;
        let said_of = |command: &str| texts.get(&format!("{command} {status}"));
        match said_of(moment.command).or_else(|| said_of("*")) {
            Some(words) => {
                found = true;
                let blank = if words.is_empty() { "" } else { " " };
                let words = filled(moment, words, text, &code(text));
                out.extend_from_slice(format!("{head}{status}{blank}{words}\r\n").as_bytes());
            }
            None => out.extend_from_slice(line),
        }
    }
    let rest: usize = lines(moment).iter().map(|l| l.len()).sum();
    if moment.protocol() == Protocol::Pop3 {
        out.extend_from_slice(&moment.reply[rest..]);
    } else {
        out.splice(0..0, moment.reply[..moment.reply.len() - rest].iter().copied());
    }
    found.then_some(out)
}

/// The lines of a reply that may have texts: the last one; the first one in POP3, and in IMAP BYE as well.
fn lines<'a>(moment: &Moment<'a>) -> Vec<&'a [u8]> {
    let (before, last) = split_last(moment.protocol(), moment.reply);
    match moment.protocol() {
        Protocol::Pop3 => moment.reply.split_inclusive(|&b| b == b'\n').take(1).collect(),
        Protocol::Imap if before.starts_with(b"* BYE") && moment.command == "LOGOUT" => vec![before, last],
        // The list of EHLO is no text.
        Protocol::Smtp | Protocol::Lmtp if !before.is_empty() => Vec::new(),
        _ => vec![last],
    }
}

/// What stands before the status, the status, and the text behind it.
fn taken_apart(protocol: Protocol, line: &str) -> Option<(String, &str, &str)> {
    match protocol {
        Protocol::Smtp | Protocol::Lmtp => {
            Some((String::new(), line.get(..3)?, line.get(4..).unwrap_or_default()))
        }
        Protocol::Imap => {
            let (tag, rest) = line.split_once(' ')?;
            let (status, text) = rest.split_once(' ').unwrap_or((rest, ""));
            Some((format!("{tag} "), status, text))
        }
        Protocol::Pop3 | Protocol::Sieve => {
            let (status, text) = line.split_once(' ').unwrap_or((line, ""));
            Some((String::new(), status, text))
        }
    }
}

/// The response code at the beginning of a text, with its brackets and the blank behind it.
fn code(text: &str) -> String {
    match (text.starts_with('['), text.find(']')) {
        (true, Some(end)) => format!("{} ", &text[..=end]),
        _ => String::new(),
    }
}

fn filled(moment: &Moment<'_>, words: &str, text: &str, code: &str) -> String {
    let last = text.rsplit(' ').next().unwrap_or_default();
    let recipient = moment.recipient.unwrap_or_default();
    let address = if moment.command == "MAIL" { moment.sender.unwrap_or_default() } else { recipient };
    words
        .replace("{host}", moment.host_name)
        .replace("{peer}", moment.peer)
        .replace("{date}", &rfc5322(moment.now))
        .replace("{user}", moment.account.unwrap_or_default())
        .replace("{address}", address)
        .replace("{code}", code)
        .replace("{last}", last)
        .replace("{text}", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_line() {
        assert_eq!(taken_apart(Protocol::Smtp, "250 2.1.0 OK"), Some((String::new(), "250", "2.1.0 OK")));
        assert_eq!(taken_apart(Protocol::Imap, "a OK done"), Some(("a ".into(), "OK", "done")));
        assert_eq!(taken_apart(Protocol::Pop3, "+OK"), Some((String::new(), "+OK", "")));
        assert_eq!(taken_apart(Protocol::Smtp, "2"), None);
        assert_eq!(code("[AUTH] no"), "[AUTH] ");
        assert_eq!(code("no [AUTH]"), "");
    }
}

use crate::syntax::{LineKind, lines, prefix};
use ehlo_core::Protocol;

/// Makes a script of a recorded transcript: tags become `%`, what a server invents anew each time becomes a wildcard,
/// and what only says how it went becomes a comment. What a POP3 server reads out of messages is left out: their dates
/// and identifiers are new each time.
pub fn record(transcript: &str, title: &str) -> String {
    let all = lines(transcript);
    let connects: Vec<&str> = all.iter().filter_map(|l| l.body().strip_prefix("C connect ")).collect();
    let first = connects.first().and_then(|url| scheme(url));
    let mut out = format!("title: {}\n", ehlo_core::escape(title.as_bytes()));
    if let Some((_, protocol)) = first {
        out.push_str(&format!("protocol: {}\n", protocol.id()));
    }
    let mut tags: Vec<String> = Vec::new();
    let mut protocol = first.map_or(Protocol::Smtp, |(_, p)| p);
    let mut reading = Reading::Nothing;
    for line in &all {
        let body = line.body();
        if protocol == Protocol::Pop3 && reading.passes_over(body) {
            continue;
        }
        match line.kind {
            LineKind::Field | LineKind::Blank => {}
            LineKind::Step => out.push_str(&format!("\n{body}\n")),
            LineKind::Dialogue => {
                let Some(found) = prefix(body) else { continue };
                let (head, payload) = body.split_at(found.length);
                let told = match found.side {
                    'C' if protocol == Protocol::Imap => sent(payload, &mut tags),
                    'S' if protocol == Protocol::Imap => expected(payload, &tags),
                    _ => payload.to_owned(),
                };
                out.push_str(format!("{} {told}", head.trim_end()).trim_end());
                out.push('\n');
            }
            LineKind::Verb => {
                if let Some(url) = body.strip_prefix("C connect ") {
                    let Some((scheme, spoken)) = scheme(url) else { continue };
                    protocol = spoken;
                    tags.clear();
                    // One connection to the usual service needs no words.
                    if connects.len() > 1 || scheme != spoken.id() {
                        out.push_str(&format!("C connect {scheme}\n"));
                    }
                } else if body == "C close" || body.starts_with("C tls") {
                    // Names of the recorded server do not belong into a test.
                    out.push_str(&format!("{}\n", if body == "C close" { body } else { "C tls" }));
                } else {
                    out.push_str(&format!("{body}\n"));
                }
            }
            _ => out.push_str(&format!("{body}\n")),
        }
    }
    crate::format(&out)
}

/// Where a POP3 session is in what is read out of messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Nothing,
    /// It was asked for.
    Asked,
    /// It comes.
    Comes,
}

impl Reading {
    /// Takes a line of the transcript; whether it is of a message.
    fn passes_over(&mut self, body: &str) -> bool {
        if let Some(command) = body.strip_prefix("C: ") {
            let verb = command.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let reads =
                matches!(verb.as_str(), "RETR" | "TOP") || verb == "UIDL" && command.len() == verb.len();
            *self = if reads { Reading::Asked } else { Reading::Nothing };
            return false;
        }
        match (*self, body.strip_prefix("S: ")) {
            (Reading::Asked, Some(status)) => {
                *self = if status.starts_with("+OK") { Reading::Comes } else { Reading::Nothing };
                false
            }
            (Reading::Comes, Some(".")) => {
                *self = Reading::Nothing;
                true
            }
            (Reading::Comes, _) => body.starts_with("S:") || body.starts_with("S raw "),
            _ => false,
        }
    }
}

fn scheme(url: &str) -> Option<(String, Protocol)> {
    let scheme = url.split("://").next()?.split("+unix").next()?;
    let protocol = match scheme {
        "smtp" | "submission" | "submissions" | "smtps" => Protocol::Smtp,
        "lmtp" => Protocol::Lmtp,
        "pop3" | "pop3s" => Protocol::Pop3,
        "imap" | "imaps" => Protocol::Imap,
        "sieve" => Protocol::Sieve,
        _ => return None,
    };
    Some((scheme.to_owned(), protocol))
}

/// A command with `%` for its tag.
fn sent(payload: &str, tags: &mut Vec<String>) -> String {
    let Some((tag, rest)) = payload.split_once(' ') else { return payload.to_owned() };
    let good = !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !good || !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return payload.to_owned();
    }
    tags.push(tag.to_owned());
    format!("% {rest}")
}

/// A response with `%` for a tag, and wildcards for numbers that are new each time.
fn expected(payload: &str, tags: &[String]) -> String {
    let mut text = match payload.split_once(' ') {
        Some((tag, rest)) if tags.iter().any(|t| t == tag) => format!("% {rest}"),
        _ => payload.to_owned(),
    };
    for code in ["UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ", "APPENDUID", "COPYUID", "MODSEQ"] {
        text = volatile(&text, &format!("[{code} "), ']');
    }
    text = volatile(&text, "(MODSEQ (", ')');
    text = volatile(&text, "[MAILBOXID (", ')');
    text
}

/// The numbers between `open` and `close` as wildcards.
fn volatile(text: &str, open: &str, close: char) -> String {
    let Some(at) = text.find(open) else { return text.to_owned() };
    let from = at + open.len();
    let Some(length) = text[from..].find(close) else { return text.to_owned() };
    let words: Vec<String> = text[from..from + length]
        .split(' ')
        .map(|word| match word.bytes().all(|b| b.is_ascii_digit()) {
            true => "{{:num}}".to_owned(),
            false => "{{:any}}".to_owned(),
        })
        .collect();
    format!("{}{}{}", &text[..from], words.join(" "), &text[from + length..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_becomes_a_test() {
        let transcript = "format: 1\ntitle: ehlo run\n\n== imap://mail.example.org (0)\n# 192.0.2.1:143\n\
            C connect imap://mail.example.org\nS: * OK ready\nC: e1 SELECT INBOX\nS: * 3 EXISTS\n\
            S: * OK [UIDVALIDITY 1795516824] ok\nS: e1 OK [READ-WRITE] done\nC close\n";
        let expected = "title: a test\nprotocol: imap\n\n== imap://mail.example.org (0)\n# 192.0.2.1:143\n\
            S: * OK ready\nC: % SELECT INBOX\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY {{:num}}] ok\n\
            S: % OK [READ-WRITE] done\nC close\n";
        assert_eq!(record(transcript, "a test"), expected);
        assert!(crate::parse("x", expected, &crate::NoFiles).is_ok());
    }

    #[test]
    fn messages_that_were_read_are_left_out() {
        let transcript = "format: 1\ntitle: x\n\n== pop3://mail.example.org (0)\nC connect pop3://mail.example.org\n\
            S: +OK\nC: LIST\nS: +OK\nS: 1 20\nS: .\nC: retr 1\nS: +OK 20 octets\nS: Subject: x\nS raw \"\\tx\\r\\n\"\nS:\nS: .\n\
            C: RETR 2\nS: -ERR none\nC: UIDL 1\nS: +OK 1 abc\nC: QUIT\nS: +OK\n";
        let script = record(transcript, "x");
        let kept = "C: LIST\nS: +OK\nS: 1 20\nS: .\nC: retr 1\nS: +OK 20 octets\nC: RETR 2\nS: -ERR none\n\
            C: UIDL 1\nS: +OK 1 abc\nC: QUIT\nS: +OK\n";
        assert!(script.ends_with(kept), "{script}");
    }
}

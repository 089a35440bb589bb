use ehlo_core::escape;
use ehlo_core::facts::GreetingKind;
use ehlo_wire::{Reply, imap, pop3, sieve};

/// What kind of greeting it is, the name that the server gives itself, its code (SMTP), and the timestamp for APOP
/// without brackets (POP3).
pub type ReadGreeting = (GreetingKind, Option<String>, Option<u16>, Option<String>);

/// Reads a greeting.
pub fn read_greeting(reply: &Reply) -> ReadGreeting {
    match reply {
        Reply::Smtp(reply) => {
            let kind = match reply.code {
                Some(220) => GreetingKind::Ready,
                Some(400..=599) => GreetingKind::Refused,
                _ => GreetingKind::Other,
            };
            // A refusal may begin with an enhanced code or with prose; only a name is a name.
            let host = reply.lines.first().and_then(|l| own_name(&l.text)).filter(|_| reply.code.is_some());
            (kind, host, reply.code, None)
        }
        Reply::Pop3(response) => {
            let kind = match response.status {
                pop3::Status::Ok => GreetingKind::Ready,
                pop3::Status::Err => GreetingKind::Refused,
                _ => GreetingKind::Other,
            };
            let stamp = pop3::apop_stamp(&response.text).map(|(s, _)| escape(s));
            (kind, None, None, stamp.map(|s| s.trim_matches(['<', '>']).to_owned()))
        }
        Reply::Imap(response) => {
            let kind = match response.status().filter(|s| s.tag.is_none()).map(|s| s.kind) {
                Some(imap::StatusKind::Ok) => GreetingKind::Ready,
                Some(imap::StatusKind::Preauth) => GreetingKind::Preauth,
                Some(imap::StatusKind::Bye) => GreetingKind::Refused,
                _ => GreetingKind::Other,
            };
            (kind, None, None, None)
        }
        Reply::Sieve(response) => {
            let kind = match response.status {
                Some(sieve::Status::Ok) => GreetingKind::Ready,
                Some(sieve::Status::No | sieve::Status::Bye) => GreetingKind::Refused,
                None => GreetingKind::Other,
            };
            (kind, None, None, None)
        }
    }
}

/// The first word, if it may be meant as the server's name: with `220` whatever stands there, otherwise a domain.
fn own_name(text: &[u8]) -> Option<String> {
    let mut words = text.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let is_enhanced = |w: &[u8]| w.len() >= 5 && w.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let word = words.find(|w| !is_enhanced(w))?;
    Some(escape(word))
}

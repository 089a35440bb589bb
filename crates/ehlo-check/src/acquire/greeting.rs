use ehlo_core::facts::{GreetingFacts, GreetingKind, Said, Spoken};
use ehlo_core::{Evidence, Side, Tick, escape};
use ehlo_dialogue::{Dialogue, Turn};
use ehlo_wire::{Reply, imap, pop3, sieve, spoken};
use std::net::IpAddr;

/// What a greeting says. `since` is when the server could begin to speak.
pub(super) fn greeting_facts(dialogue: &mut Dialogue, turn: &Turn, since: Tick) -> Option<GreetingFacts> {
    let reply = turn.replies.first()?;
    let span = reply.span();
    let transcript = dialogue.transcript();
    let at = Evidence::bytes(turn.transcript, span);
    let time = |offset| transcript.time_of(Side::Server, offset).unwrap_or(since).since(since);
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let raw = transcript.visible(span);
    let first_line = raw.split(|&b| b == b'\n').next().unwrap_or_default();
    let (kind, host, code, apop_stamp) = read(reply);
    let facts = GreetingFacts {
        kind,
        spoken: spoken(&raw),
        host,
        text: escape(first_line.strip_suffix(b"\r").unwrap_or(first_line)),
        code,
        apop_stamp,
        first_byte_us: micros(time(span.from)),
        last_byte_us: micros(time(span.to.saturating_sub(1))),
        more_followed: false,
        at,
    };
    Some(GreetingFacts { more_followed: !dialogue.take_unasked().is_empty(), ..facts })
}

type Read = (GreetingKind, Option<String>, Option<u16>, Option<String>);

fn read(reply: &Reply) -> Read {
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

/// What is spoken, if it is plainly another protocol than the one expected.
pub(super) fn other_protocol(facts: &GreetingFacts, expected: ehlo_core::Protocol) -> Option<Spoken> {
    use ehlo_core::Protocol;
    let fits = match (expected, facts.spoken) {
        (_, Spoken::Unknown | Spoken::Silence) => true,
        (Protocol::Smtp | Protocol::Lmtp, spoken) => spoken == Spoken::Smtp,
        (Protocol::Pop3, spoken) => spoken == Spoken::Pop3,
        (Protocol::Imap, spoken) => spoken == Spoken::Imap,
        (Protocol::Sieve, spoken) => spoken == Spoken::Sieve,
    };
    (!fits).then_some(facts.spoken)
}

/// An address that stands in the first line of an EHLO reply: ours, as the server sees it.
pub(super) fn echoed_address(turn: &Turn) -> Option<Said> {
    let Some(Reply::Smtp(reply)) = turn.last() else { return None };
    let line = reply.lines.first()?;
    let text = String::from_utf8_lossy(&line.text);
    let address = text
        .split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
        .map(|word| word.trim_matches(|c| c == '.'))
        .filter(|word| word.matches('.').count() == 3 || word.matches(':').count() >= 2)
        .filter_map(|word| word.parse::<IpAddr>().ok())
        // The name that we gave comes first, and may be an address, too: "Hello [192.0.2.1] [198.51.100.7]".
        .next_back()?;
    Some(Said { text: address.to_string(), at: Evidence::bytes(turn.transcript, line.text_span) })
}

use ehlo_core::facts::{GreetingFacts, Said, Spoken};
use ehlo_core::{Evidence, Side, Tick, escape};
use ehlo_dialogue::{Dialogue, Turn, read_greeting};
use ehlo_wire::{Reply, spoken};
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
    let (kind, host, code, apop_stamp) = read_greeting(reply);
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

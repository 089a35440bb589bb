use crate::Context;
use ehlo_core::Protocol;
use ehlo_wire::sasl::mechanism;

/// What becomes of the secret that a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// It holds none, or it is safe.
    None,
    /// It is derived from the password and goes out in the clear: worth a word.
    Hashed,
    /// It is as good as the password and would go out in the clear.
    Clear,
    /// It would go to a server that is not known to be the right one.
    Unverified,
}

/// What a line would give away.
pub(crate) fn exposure(context: &Context, line: &[u8]) -> Exposure {
    if context.no_secrets || context.tls == Some(true) || context.secrets(line).is_empty() {
        return Exposure::None;
    }
    let sent = sent_by(context, line);
    // The name of a user is no password: LOGIN asks for it first.
    if sent.mechanism.as_deref() == Some("LOGIN") && sent.is_name {
        return Exposure::None;
    }
    if context.tls == Some(false) {
        return Exposure::Unverified;
    }
    let equivalent = match sent.mechanism.as_deref() {
        Some("APOP") => false,
        Some(name) => mechanism(name).is_none_or(|m| m.meta().password_equivalent),
        None => true,
    };
    match (equivalent, context.insecure_auth) {
        (false, _) => Exposure::Hashed,
        (true, true) => Exposure::None,
        (true, false) => Exposure::Clear,
    }
}

/// By which way of logging in a line sends its secret.
struct Sent {
    mechanism: Option<String>,
    /// It is the first thing that the client says in the exchange.
    is_name: bool,
}

fn sent_by(context: &Context, line: &[u8]) -> Sent {
    if context.state().authenticating {
        return Sent { mechanism: context.mechanism.clone(), is_name: context.answers == 0 };
    }
    let text = String::from_utf8_lossy(line);
    let mut words = text.split(' ').map(|w| w.trim_matches('"').to_ascii_uppercase());
    let first = words.next().unwrap_or_default();
    let verb = match (context.protocol, crate::has_tag(&text)) {
        (Some(Protocol::Imap), true) => words.next().unwrap_or_default(),
        _ => first,
    };
    match verb.as_str() {
        "AUTH" | "AUTHENTICATE" => Sent { mechanism: words.next(), is_name: true },
        "APOP" => Sent { mechanism: Some("APOP".to_owned()), is_name: false },
        _ => Sent { mechanism: None, is_name: false },
    }
}

/// The mechanism that a line asks for, if it begins a login by SASL.
pub(crate) fn begins(protocol: Option<Protocol>, line: &[u8]) -> Option<(String, bool)> {
    let text = String::from_utf8_lossy(line);
    let words: Vec<String> =
        text.split(' ').filter(|w| !w.is_empty()).map(|w| w.trim_matches('"').to_ascii_uppercase()).collect();
    let at = match protocol? {
        Protocol::Smtp | Protocol::Lmtp | Protocol::Pop3 => (words.first()? == "AUTH").then_some(0)?,
        Protocol::Sieve => (words.first()? == "AUTHENTICATE").then_some(0)?,
        Protocol::Imap => words.iter().take(2).position(|w| w == "AUTHENTICATE")?,
    };
    let mechanism = words.get(at + 1)?.clone();
    Some((mechanism, words.len() > at + 2))
}

/// Whether a line tries a login, whatever the protocol calls it.
pub(crate) fn tries_login(protocol: Option<Protocol>, line: &[u8]) -> bool {
    if begins(protocol, line).is_some() {
        return true;
    }
    let text = String::from_utf8_lossy(line);
    let mut words = text.split(' ').map(str::to_ascii_uppercase);
    match protocol {
        Some(Protocol::Pop3) => words.next().is_some_and(|w| w == "PASS" || w == "APOP"),
        Some(Protocol::Imap) => words.take(2).any(|w| w == "LOGIN"),
        _ => false,
    }
}

/// Whether a line may be an answer in base64 that nobody asked for. Some commands look like one: `STARTTLS`, `NOOP`.
pub(crate) fn looks_encoded(protocol: Option<Protocol>, line: &str) -> bool {
    let line = line.trim();
    line.len() >= 4
        && !line.contains(' ')
        && crate::decode(line.as_bytes()).is_some()
        && !crate::verbs(protocol).iter().any(|verb| verb.name.eq_ignore_ascii_case(line))
}

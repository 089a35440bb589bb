use super::super::capabilities::{ask, line};
use super::super::main_dialogue::greet;
use super::super::probes::probe;
use super::super::service::Service;
use super::super::starttls::{is_ready, start_tls};
use ehlo_core::facts::{Answered, ConnectionFacts, Moment, ProbeFacts, ProbeId};
use ehlo_core::{Failure, Protocol, Stage};
use ehlo_dialogue::Dialogue;
use ehlo_wire::{Command, imap, pop3, sieve};

/// The made-up user and password: no secret, and no account anywhere.
const NOBODY: &str = "ehlo-probe";

/// Mechanisms that may be begun before TLS, the likeliest to be taken there first. None is carried through.
const MECHANISMS: &[&str] = &["CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "PLAIN", "LOGIN"];

/// Begins a login before TLS, and looks whether it goes on inside (RFC 9051 §6.2.1, RFC 2595 §4, RFC 5804 §2.2). No
/// credentials are sent.
pub(super) async fn carry_over(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    if !greet(service, dialogue, facts, Moment::Plain).await? || !is_ready(facts) {
        return Ok(());
    }
    ask(service, dialogue, facts, Moment::Plain).await?;
    if !begin_login(service, dialogue, facts).await? {
        return Ok(());
    }
    start_tls(service, dialogue, facts).await?;
    if facts.tls.is_none() {
        return Ok(());
    }
    let tag = dialogue.tag();
    // What is only for those who are logged in; in POP3 the password comes first.
    let asked = match service.protocol() {
        Protocol::Pop3 => vec![format!("PASS {NOBODY}"), "STAT".to_owned()],
        Protocol::Sieve => vec!["LISTSCRIPTS".to_owned()],
        _ => vec!["STATUS INBOX (MESSAGES)".to_owned()],
    };
    for text in asked {
        let turn = dialogue.say(line(command(service.protocol(), &tag, &text))).await?;
        let detail = text.split(' ').next().map(str::to_owned);
        facts.probes.push(ProbeFacts { detail, ..probe(ProbeId::LoginFromBeforeTls, &turn) });
    }
    if service.protocol() == Protocol::Pop3 {
        // How this server answers when certainly nobody has said USER; twice, so that chance has no say.
        for _ in 0..2 {
            let turn = dialogue.say(line(pop3::command(&format!("PASS {NOBODY}")))).await?;
            facts.probes.push(probe(ProbeId::PassWithoutUser, &turn));
        }
    }
    Ok(())
}

/// Begins a login and does not end it: USER without PASS, or a challenge that is answered by `*`. Whether it was begun.
async fn begin_login(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<bool, Failure> {
    let protocol = service.protocol();
    let tag = dialogue.tag();
    let offered = facts.capabilities.last().map(|list| list.mechanisms(protocol)).unwrap_or_default();
    let mechanism = MECHANISMS.iter().find(|name| offered.iter().any(|(other, _)| other == **name));
    let mechanism = mechanism.copied().unwrap_or("PLAIN");
    let text = match protocol {
        Protocol::Pop3 => format!("USER {NOBODY}"),
        Protocol::Sieve => format!("AUTHENTICATE \"{mechanism}\""),
        _ => format!("AUTHENTICATE {mechanism}"),
    };
    let turn = dialogue.say(line(command(protocol, &tag, &text))).await?;
    let answer = turn.answered();
    facts.probes.push(ProbeFacts { detail: Some(text), ..probe(ProbeId::LoginBeforeTls, &turn) });
    if protocol == Protocol::Pop3 {
        return Ok(answer == Answered::Accepted);
    }
    if answer == Answered::Continue {
        let star = if protocol == Protocol::Sieve { "\"*\"\r\n" } else { "*\r\n" };
        dialogue.say(Command::raw(Stage::Auth, star)).await?;
    }
    Ok(answer == Answered::Continue)
}

fn command(protocol: Protocol, tag: &str, text: &str) -> Result<Command, ehlo_wire::BadArgument> {
    match protocol {
        Protocol::Pop3 => pop3::command(text),
        Protocol::Sieve => sieve::command(text),
        _ => imap::command(tag, text),
    }
}

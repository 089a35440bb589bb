use super::super::capabilities::line;
use super::super::probes::probe;
use super::super::service::Service;
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Failure, Protocol, Stage};
use ehlo_dialogue::{Dialogue, Turn};
use ehlo_wire::sasl::Kind;
use ehlo_wire::sasl::decode::{decode, from_base64};
use ehlo_wire::{Command, imap, pop3, sieve};

/// NEGOTIATE_MESSAGE (MS-NLMP §2.2.1.1) without names: Unicode, target and NTLM are asked for. No secret.
const NEGOTIATE: &str = "TlRMTVNTUAABAAAABQIAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The names in a challenge.
const NAMES: &[&str] = &[
    "TargetName",
    "MsvAvNbComputerName",
    "MsvAvNbDomainName",
    "MsvAvDnsComputerName",
    "MsvAvDnsDomainName",
    "MsvAvDnsTreeName",
];

/// Begins a login by NTLM, reads the challenge, and cancels. No credentials are sent.
pub(super) async fn ask(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
) -> Result<(), Failure> {
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    let tag = dialogue.tag();
    let command = match service.protocol() {
        Protocol::Imap => imap::command(&tag, "AUTHENTICATE NTLM"),
        Protocol::Pop3 => pop3::command("AUTH NTLM"),
        Protocol::Sieve => sieve::command("AUTHENTICATE \"NTLM\""),
        Protocol::Smtp | Protocol::Lmtp => Command::line(Stage::Auth, "AUTH NTLM"),
    };
    let turn = dialogue.say(line(command)).await?;
    if turn.answered() != Answered::Continue {
        facts.probes.push(probe(ProbeId::NtlmChallenge, &turn));
        return Ok(());
    }
    let quoted = service.protocol() == Protocol::Sieve;
    let say = |text: &str| {
        let text = if quoted { format!("\"{text}\"\r\n") } else { format!("{text}\r\n") };
        Command::raw(Stage::Auth, text)
    };
    let turn = dialogue.say(say(NEGOTIATE)).await?;
    let mut names: Vec<String> = Vec::new();
    if let Some(challenge) = challenge(dialogue, &turn) {
        for field in decode(Kind::NtlmChallenge, &challenge).fields {
            if NAMES.contains(&field.name.as_str()) && !names.contains(&field.value) {
                names.push(field.value);
            }
        }
    }
    let detail = Some(names.join("; "));
    facts.probes.push(ProbeFacts { detail, ..probe(ProbeId::NtlmChallenge, &turn) });
    if turn.answered() == Answered::Continue {
        dialogue.say(say("*")).await?;
    }
    Ok(())
}

/// The challenge in an answer, out of base64.
fn challenge(dialogue: &Dialogue, turn: &Turn) -> Option<Vec<u8>> {
    let bytes = dialogue.transcript().visible(turn.last()?.span());
    let is_border = |b: &u8| matches!(b, b' ' | b'"' | b'\r' | b'\n');
    let mut words = bytes.split(is_border).filter(|word| !word.is_empty());
    from_base64(words.next_back()?)
}

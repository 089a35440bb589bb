use super::greeting::echoed_address;
use super::service::Service;
use ehlo_core::facts::{Answered, Capability, CapabilityFacts, ConnectionFacts, Moment, Said};
use ehlo_core::{Deviation, Evidence, Failure, Protocol, Span, TranscriptId, escape};
use ehlo_dialogue::{Dialogue, Turn};
use ehlo_wire::{Reply, imap, pop3, sieve, smtp};
use std::net::IpAddr;

/// Asks the server what it can do.
pub(super) async fn ask(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    moment: Moment,
) -> Result<(), Failure> {
    match service.protocol() {
        Protocol::Smtp | Protocol::Lmtp => ask_smtp(service, dialogue, facts, moment).await,
        Protocol::Pop3 => {
            let turn = dialogue.say(line(pop3::command("CAPA"))).await?;
            let mut found = started(moment, &turn);
            if let Some(Reply::Pop3(response)) = turn.last()
                && response.status == pop3::Status::Ok
            {
                let capa = pop3::capa(response);
                note(dialogue, facts, capa.deviations);
                for c in capa.value {
                    if c.name == "IMPLEMENTATION" {
                        let text = escape(&c.args.join(&b' '));
                        facts.identity.push(Said { text, at: Evidence::bytes(turn.transcript, c.span) });
                    }
                    found.list.push(capability(turn.transcript, c.name, &c.args, c.span));
                }
            } else {
                found.refused = Some(turn.shown());
            }
            facts.capabilities.push(found);
            Ok(())
        }
        Protocol::Imap => {
            let tag = dialogue.tag();
            let turn = dialogue.say(line(imap::command(&tag, "CAPABILITY"))).await?;
            let mut found = started(moment, &turn);
            for reply in &turn.replies {
                if let Reply::Imap(response) = reply
                    && response.data("CAPABILITY").is_some()
                {
                    found.list.extend(from_imap(turn.transcript, response));
                }
            }
            if turn.answered() != Answered::Accepted {
                found.refused = Some(turn.shown());
            }
            facts.capabilities.push(found);
            Ok(())
        }
        Protocol::Sieve => {
            let turn = dialogue.say(line(sieve::command("CAPABILITY"))).await?;
            let mut found = started(moment, &turn);
            match turn.last() {
                Some(Reply::Sieve(response)) if turn.answered() == Answered::Accepted => {
                    found.list = from_sieve(turn.transcript, response);
                }
                _ => found.refused = Some(turn.shown()),
            }
            facts.capabilities.push(found);
            Ok(())
        }
    }
}

/// The capabilities that a greeting or the answer to a login lists unasked.
pub(super) fn unasked(turn: &Turn, moment: Moment) -> Option<CapabilityFacts> {
    let mut found = started(moment, turn);
    found.unasked = true;
    for reply in &turn.replies {
        match reply {
            Reply::Imap(response) => found.list.extend(from_imap(turn.transcript, response)),
            Reply::Sieve(response) => {
                found.list.extend(from_sieve(turn.transcript, response));
            }
            _ => {}
        }
    }
    (!found.list.is_empty()).then_some(found)
}

async fn ask_smtp(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    moment: Moment,
) -> Result<(), Failure> {
    let helo = &service.options.helo.clone().unwrap_or_else(|| address_literal(dialogue.local()));
    let command = match service.protocol() {
        Protocol::Lmtp => smtp::lhlo_command(helo),
        _ => smtp::ehlo_command(helo),
    };
    let turn = dialogue.say(line(command)).await?;
    let mut found = started(moment, &turn);
    let Some(Reply::Smtp(reply)) = turn.last() else { return Ok(()) };
    if turn.answered() == Answered::Accepted {
        let ehlo = smtp::ehlo(reply);
        note(dialogue, facts, ehlo.deviations);
        found.host = ehlo.value.host.as_deref().map(escape);
        for k in ehlo.value.keywords {
            found.list.push(capability(turn.transcript, k.name, &k.args, k.span));
        }
        facts.echoed_address = facts.echoed_address.take().or_else(|| echoed_address(&turn));
    } else {
        found.refused = Some(turn.shown());
        if service.protocol() == Protocol::Smtp && matches!(reply.code, Some(500..=504)) {
            // RFC 5321 §3.2: a server without extensions is greeted with HELO.
            let turn = dialogue.say(line(smtp::helo_command(helo))).await?;
            found.helo_only = turn.answered() == Answered::Accepted;
        }
    }
    facts.capabilities.push(found);
    Ok(())
}

/// Our address as a name (RFC 5321 §4.1.3): what a client without a proper name says.
fn address_literal(local: Option<IpAddr>) -> String {
    match local.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(v4)) => format!("[{v4}]"),
        Some(IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
        None => "localhost".into(),
    }
}

fn started(moment: Moment, turn: &Turn) -> CapabilityFacts {
    let whole = turn.replies.iter().map(Reply::span).reduce(Span::join);
    let nothing = Span::new(ehlo_core::Side::Server, 0, 0);
    CapabilityFacts {
        moment,
        unasked: false,
        list: Vec::new(),
        refused: None,
        host: None,
        helo_only: false,
        at: Evidence::bytes(turn.transcript, whole.unwrap_or(nothing)),
    }
}

fn from_imap(transcript: TranscriptId, response: &imap::Response) -> Vec<Capability> {
    imap::capabilities(response)
        .unwrap_or_default()
        .into_iter()
        .map(|(word, span)| Capability {
            name: escape(&word.to_ascii_uppercase()),
            args: Vec::new(),
            at: Evidence::bytes(transcript, span),
        })
        .collect()
}

fn from_sieve(transcript: TranscriptId, response: &sieve::Response) -> Vec<Capability> {
    let one = |(name, value, span): (String, Option<&[u8]>, Span)| {
        let words = value.unwrap_or_default().split(|&b| b == b' ').filter(|w| !w.is_empty());
        capability(transcript, name, &words.map(<[u8]>::to_vec).collect::<Vec<_>>(), span)
    };
    response.capabilities().map(one).collect()
}

fn capability(transcript: TranscriptId, name: String, args: &[Vec<u8>], span: Span) -> Capability {
    Capability { name, args: args.iter().map(|a| escape(a)).collect(), at: Evidence::bytes(transcript, span) }
}

/// What is wrong with a list is only seen here, behind the reply; the connection's facts take it up.
fn note(_dialogue: &Dialogue, facts: &mut ConnectionFacts, deviations: Vec<Deviation>) {
    facts.deviations.extend(deviations);
}

/// Our own commands hold nothing that could break out of a line, except a name given by the user, which the command
/// line has checked.
pub(super) fn line(command: Result<ehlo_wire::Command, ehlo_wire::BadArgument>) -> ehlo_wire::Command {
    command.unwrap_or_else(|_| ehlo_wire::Command::raw(ehlo_core::Stage::Command, "NOOP\r\n"))
}

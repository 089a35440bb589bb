use super::super::capabilities::line;
use super::super::probes::probe;
use super::super::service::Service;
use super::super::starttls::answered_by;
use super::message::{message, token};
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Anchor, Failure, Span, Stage, escape};
use ehlo_dialogue::{Arrival, Dialogue};
use ehlo_wire::{Command, smtp};
use std::time::Duration;
use tokio::time::Instant;

/// How long a server may take to answer a command that may be none.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a message may take to the user's own mailbox.
const ON_THE_WAY: Duration = Duration::from_secs(60);

/// Where the LF stands that has no CR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the end of a command.
    Command,
    /// In a message that goes out by DATA.
    Data,
    /// In a message that goes out by BDAT (RFC 3030), where no dot is looked for.
    Chunk,
}

impl Place {
    /// All of them, each on a connection of its own: a server may hang up over any.
    pub(super) const ALL: [Place; 3] = [Place::Command, Place::Data, Place::Chunk];
}

/// Sends LF without CR (RFC 5321 §2.3.8): in a command that changes nothing, or in a message to the user's own mailbox,
/// where it is looked at again.
pub(super) async fn send(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
    place: Place,
) -> Result<(), Failure> {
    let Some(to) = service.options.extra.own_mailbox.clone() else { return Ok(()) };
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    if place == Place::Command {
        return command(service, dialogue, facts).await;
    }
    for command in [smtp::mail_from("", &[]), Command::line(Stage::Rcpt, format!("RCPT TO:<{to}>"))] {
        let turn = dialogue.say(line(command)).await?;
        if turn.answered() != Answered::Accepted {
            facts.probes.push(ProbeFacts { detail: Some(to), ..probe(ProbeId::RcptUnknown, &turn) });
            return Ok(());
        }
    }
    let token = token(service, dialogue);
    let text = with_bare_lf(service, &to, &token);
    let (way, bytes) = match place {
        Place::Chunk => ("BDAT", [format!("BDAT {} LAST\r\n", text.len()).into_bytes(), text].concat()),
        _ => {
            let turn = dialogue.say(line(smtp::simple("DATA"))).await?;
            if turn.answered() != Answered::Continue {
                let refused =
                    ProbeFacts { detail: Some("DATA".into()), ..probe(ProbeId::BareLfMessage, &turn) };
                facts.probes.push(refused);
                return Ok(());
            }
            ("DATA", [&text[..], b".\r\n"].concat())
        }
    };
    // A server may complain before all of it is here; what counts is its answer.
    dialogue.judge_no_replies();
    let sent = dialogue.write(&bytes).await?;
    let until = Instant::now() + service.options.connection.limits.data_end;
    let (found, failure) = answer(service, dialogue, ProbeId::BareLfMessage, sent, until).await;
    let taken = found.answer == Answered::Accepted;
    facts.probes.push(ProbeFacts { detail: Some(way.to_owned()), ..found });
    if let Some(failure) = failure {
        return Err(failure);
    }
    if let (true, Some(inbox)) = (taken, &service.options.extra.inbox) {
        let arrived = inbox.arrived(&token, ON_THE_WAY).await;
        facts.probes.push(how_it_came(arrived, &token, way, dialogue.evidence(Anchor::Bytes(sent))));
    }
    Ok(())
}

/// A command that ends in LF alone.
async fn command(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    dialogue.judge_no_replies();
    let sent = dialogue.write(b"NOOP\n").await?;
    let until = Instant::now() + PATIENCE;
    let (found, failure) = answer(service, dialogue, ProbeId::BareLfCommand, sent, until).await;
    let waits = found.answer == Answered::Silence;
    facts.probes.push(found);
    if let Some(failure) = failure {
        return Err(failure);
    }
    if waits {
        // So that what follows is a command of its own.
        dialogue.write(b"\r\n").await?;
        let _ = dialogue.arrival((Instant::now() + PATIENCE).min(service.deadline)).await;
    }
    Ok(())
}

/// Waits for the answer to what was sent.
async fn answer(
    service: &Service,
    dialogue: &mut Dialogue,
    id: ProbeId,
    sent: Span,
    until: Instant,
) -> (ProbeFacts, Option<Failure>) {
    let at = vec![dialogue.evidence(Anchor::Bytes(sent))];
    let mut found = ProbeFacts { id, answer: Answered::Silence, reply: None, detail: None, at, took_us: 0 };
    match dialogue.arrival(until.min(service.deadline)).await {
        Arrival::Reply(arrived) => {
            found.answer = arrived.reply.answered();
            found.reply = Some(arrived.reply.shown());
            found.at.push(arrived.at);
        }
        Arrival::TimedOut => {}
        Arrival::Closed(_) => found.answer = Answered::Closed,
        Arrival::Failed(failure) => {
            found.answer = answered_by(&failure);
            return (found, Some(failure));
        }
    }
    (found, None)
}

/// A message with one LF in its text that has no CR, between two lines that are known again.
fn with_bare_lf(service: &Service, to: &str, token: &str) -> Vec<u8> {
    let host = service.options.connection.helo.as_deref().unwrap_or("ehlo.invalid");
    let now = service.options.connection.now;
    let mut text = message(now, "", to, host, token, "what becomes of LF without CR").into_bytes();
    text.extend_from_slice(format!("{token} above\n{token} below\r\n").as_bytes());
    text
}

/// What became of the LF.
fn how_it_came(
    arrived: Result<Option<Vec<u8>>, String>,
    token: &str,
    way: &str,
    at: ehlo_core::Evidence,
) -> ProbeFacts {
    let (above, below) = (format!("{token} above"), format!("{token} below"));
    let (answer, reply) = match arrived {
        Ok(None) => (Answered::Silence, None),
        Err(what) => (Answered::Nonsense, Some(escape(what.as_bytes()))),
        Ok(Some(message)) => {
            let holds = |ends: &str| {
                let wanted = format!("{above}{ends}{below}");
                message.windows(wanted.len()).any(|window| window == wanted.as_bytes())
            };
            match (holds("\n"), holds("\r\n")) {
                (true, _) => (Answered::Accepted, None),
                (false, true) => (Answered::Refused, None),
                (false, false) => (Answered::Nonsense, None),
            }
        }
    };
    let detail = Some(way.to_owned());
    ProbeFacts { id: ProbeId::BareLfArrived, answer, reply, detail, at: vec![at], took_us: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::{EntryId, Evidence, TranscriptId};

    #[test]
    fn what_became_of_it() {
        let at = Evidence { transcript: TranscriptId(0), anchor: Anchor::Entry(EntryId(0)) };
        for (message, answer) in [
            (Ok(Some("x\r\nt above\nt below\r\n")), Answered::Accepted),
            (Ok(Some("x\r\nt above\r\nt below\r\n")), Answered::Refused),
            (Ok(Some("x\r\nt above t below\r\n")), Answered::Nonsense),
            (Ok(Some("")), Answered::Nonsense),
            (Ok(None), Answered::Silence),
            (Err("no".to_owned()), Answered::Nonsense),
        ] {
            let arrived = message.clone().map(|m| m.map(|text| text.as_bytes().to_vec()));
            let found = how_it_came(arrived, "t", "DATA", at);
            assert_eq!(found.answer, answer, "{message:?}");
        }
    }
}

use super::super::service::Service;
use super::super::starttls::answered_by;
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Anchor, Failure};
use ehlo_dialogue::{Arrival, Dialogue};
use std::time::Duration;
use tokio::time::Instant;

/// How long both answers may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends two commands in one segment where the second must wait for the answer to the first (RFC 2920 §3.1), and looks
/// whether both are carried out. No mail is sent: there is never a recipient.
pub(super) async fn send_too_early(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
) -> Result<(), Failure> {
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    let listed = facts.capabilities.last();
    let extended = listed.is_some_and(|c| !c.helo_only);
    let offered = listed.is_some_and(|c| c.has("PIPELINING"));
    let name = service.options.connection.helo.clone().unwrap_or_else(|| "[127.0.0.1]".to_owned());
    let hello = if extended { "EHLO" } else { "HELO" };
    // What follows is against the rules, so answers out of step are no fault of the server.
    dialogue.judge_no_replies();
    let mut pairs = vec![(hello, format!("{hello} {name}\r\nNOOP\r\n"))];
    if !offered {
        pairs.push(("MAIL", "MAIL FROM:<>\r\nRSET\r\n".to_owned()));
    }
    // Without a recipient no message can follow, whatever the answer to DATA is.
    pairs.push(("DATA", "DATA\r\nNOOP\r\n".to_owned()));
    for (verb, segment) in pairs {
        let found = both(service, dialogue, verb, &segment).await?;
        let goes_on = found.answer == Answered::Accepted;
        facts.probes.push(found);
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Sends a segment of two commands; how the second was taken.
async fn both(
    service: &Service,
    dialogue: &mut Dialogue,
    verb: &str,
    segment: &str,
) -> Result<ProbeFacts, Failure> {
    let sent = dialogue.write(segment.as_bytes()).await?;
    let mut found = ProbeFacts {
        id: ProbeId::NotAwaited,
        answer: Answered::Silence,
        reply: None,
        detail: Some(verb.to_owned()),
        at: vec![dialogue.evidence(Anchor::Bytes(sent))],
        took_us: 0,
    };
    let until = (Instant::now() + PATIENCE).min(service.deadline);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        match dialogue.arrival(until).await {
            Arrival::Reply(arrived) => {
                let answer = arrived.reply.answered();
                found.reply = Some(arrived.reply.shown());
                found.at.push(arrived.at);
                answers.push(answer);
                // DATA is refused in any case, since there is no recipient; if it is not, nothing more may be said.
                let over = verb != "DATA" && matches!(answer, Answered::Refused | Answered::Later);
                if over || answer == Answered::Continue {
                    break;
                }
            }
            Arrival::TimedOut => break,
            Arrival::Closed(_) => {
                answers.push(Answered::Closed);
                break;
            }
            Arrival::Failed(failure) => {
                answers.push(answered_by(&failure));
                break;
            }
        }
    }
    found.answer = match answers.as_slice() {
        [_, second] => *second,
        [first] if *first != Answered::Accepted => *first,
        _ => Answered::Silence,
    };
    Ok(found)
}

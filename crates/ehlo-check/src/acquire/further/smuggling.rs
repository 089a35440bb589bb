use super::super::capabilities::line;
use super::super::probes::probe;
use super::super::service::Service;
use super::message::{message, token};
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Anchor, Failure, Stage};
use ehlo_dialogue::{Arrival, Dialogue};
use ehlo_wire::{Command, smtp};
use std::time::Duration;
use tokio::time::Instant;

/// How long a server may take to answer what must not be an end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a second answer may take behind the real end.
const SOON: Duration = Duration::from_secs(1);

/// What must not end a message, and its name (RFC 5321 §4.1.1.4: only CR LF dot CR LF does).
pub(super) const FAKES: &[(&str, &[u8])] = &[
    ("LF.LF", b"\n.\n"),
    ("LF.CRLF", b"\n.\r\n"),
    ("CRLF.LF", b"\r\n.\n"),
    ("CR.CR", b"\r.\r"),
    ("CR.LF", b"\r.\n"),
    ("LF.CR", b"\n.\r"),
    ("CR.CRLF", b"\r.\r\n"),
    ("CRLF.CR", b"\r\n.\r"),
    ("CRLF NUL.CRLF", b"\r\n\0.\r\n"),
    ("CRLF.NUL CRLF", b"\r\n.\0\r\n"),
];

/// Sends a message to the user's own mailbox with one of these in its middle, and counts the answers (CVE-2023-51764,
/// CVE-2023-51765, CVE-2023-51766). Nothing stands behind it that could be smuggled.
pub(super) async fn send_fake(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
    (name, fake): (&'static str, &'static [u8]),
) -> Result<(), Failure> {
    let Some(to) = service.options.extra.own_mailbox.clone() else { return Ok(()) };
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    for command in [
        smtp::mail_from("", &[]),
        Command::line(Stage::Rcpt, format!("RCPT TO:<{to}>")),
        smtp::simple("DATA"),
    ] {
        let turn = dialogue.say(line(command)).await?;
        if !matches!(turn.answered(), Answered::Accepted | Answered::Continue) {
            let refused = ProbeFacts { detail: Some(to), ..probe(ProbeId::RcptUnknown, &turn) };
            facts.probes.push(refused);
            return Ok(());
        }
    }
    let token = token(service, dialogue);
    let host = service.options.connection.helo.as_deref().unwrap_or("ehlo.invalid");
    let now = service.options.connection.now;
    let what = format!("whether {name} ends a message");
    let text = message(now, "", &to, host, &token, &what);
    let text = text.trim_end().as_bytes();
    dialogue.judge_no_replies();
    let sent = dialogue.write(&[text, fake].concat()).await?;
    let at = dialogue.evidence(Anchor::Bytes(sent));
    let mut found = ProbeFacts {
        id: ProbeId::FakeEndOfData,
        answer: Answered::Silence,
        reply: None,
        detail: Some(name.to_owned()),
        at: vec![at],
        took_us: 0,
    };
    let mut over = true;
    match dialogue.arrival((Instant::now() + PATIENCE).min(service.deadline)).await {
        Arrival::Reply(arrived) => {
            found.answer = arrived.reply.answered();
            found.reply = Some(arrived.reply.shown());
            found.at.push(arrived.at);
        }
        Arrival::Closed(_) => found.answer = Answered::Closed,
        Arrival::Failed(failure) => {
            facts.probes.push(found);
            return Err(failure);
        }
        Arrival::TimedOut => over = false,
    }
    if over {
        // Whoever has answered waits for commands, or for nobody.
        facts.probes.push(found);
        return Ok(());
    }
    let sent = dialogue.write(b"\r\n.\r\n").await?;
    let mut real = ProbeFacts {
        id: ProbeId::RealEndOfData,
        answer: Answered::Silence,
        reply: None,
        detail: Some(name.to_owned()),
        at: vec![dialogue.evidence(Anchor::Bytes(sent))],
        took_us: 0,
    };
    let until = (Instant::now() + service.options.connection.limits.data_end).min(service.deadline);
    if let Arrival::Reply(arrived) = dialogue.arrival(until).await {
        real.answer = arrived.reply.answered();
        real.reply = Some(arrived.reply.shown());
        real.at.push(arrived.at);
        // One message has one answer.
        let accepted = real.answer == Answered::Accepted;
        if let Arrival::Reply(second) = dialogue.arrival((Instant::now() + SOON).min(service.deadline)).await
            && accepted
        {
            found.answer = Answered::Accepted;
            found.reply = Some(second.reply.shown());
            found.at.push(second.at);
        }
    }
    facts.probes.push(found);
    facts.probes.push(real);
    Ok(())
}

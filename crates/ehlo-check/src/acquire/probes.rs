use super::capabilities::{ask, line};
use super::main_dialogue::{close, greet};
use super::service::Service;
use super::starttls::{answered_by, is_ready};
use ehlo_core::facts::{Answered, ConnectionFacts, Moment, ProbeFacts, ProbeId, Purpose, Spoken};
use ehlo_core::{Address, Failure, Protocol, Role, Stage, Transcript};
use ehlo_dialogue::{Dialogue, Turn};
use ehlo_wire::{Command, imap, pop3, sieve, smtp};
use std::time::Duration;

/// The made-up user and password of probes: no secret, and no account anywhere.
const NOBODY: &str = "ehlo-probe";

/// How long a server may think about text where a handshake was due.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether passwords would be taken without TLS. Nothing secret is sent.
pub(super) async fn ask_in_clear(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    if !service.role().takes_logins() || service.job.endpoint.path.is_some() {
        return Ok(());
    }
    let tag = dialogue.tag();
    let command = match service.protocol() {
        Protocol::Imap => imap::command(&tag, "AUTHENTICATE PLAIN"),
        Protocol::Pop3 => pop3::command("AUTH PLAIN"),
        Protocol::Sieve => sieve::command("AUTHENTICATE \"PLAIN\""),
        _ => Command::line(Stage::Auth, "AUTH PLAIN"),
    };
    let turn = dialogue.say(line(command)).await?;
    let more = turn.answered() == Answered::Continue;
    facts.probes.push(probe(ProbeId::PlainAuthInClear, &turn));
    if more {
        let star = if service.protocol() == Protocol::Sieve { "\"*\"\r\n" } else { "*\r\n" };
        dialogue.say(Command::raw(Stage::Auth, star)).await?;
    }
    match service.protocol() {
        Protocol::Pop3 => {
            let turn = dialogue.say(line(pop3::command(&format!("USER {NOBODY}")))).await?;
            facts.probes.push(probe(ProbeId::UserInClear, &turn));
        }
        Protocol::Imap if facts.capabilities.last().is_some_and(|c| c.has("LOGINDISABLED")) => {
            let tag = dialogue.tag();
            let turn = dialogue.say(line(imap::command(&tag, &format!("LOGIN {NOBODY} {NOBODY}")))).await?;
            facts.probes.push(probe(ProbeId::LoginInClear, &turn));
        }
        _ => {}
    }
    Ok(())
}

/// Whether submission takes mail for strangers without a login. No mail is sent.
pub(super) async fn ask_without_login(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    if service.role() != Role::Submission {
        return Ok(());
    }
    // The null reverse-path is the sender that no check of senders refuses (RFC 5321 §4.5.5).
    let turn = dialogue.say(line(smtp::mail_from("", &[]))).await?;
    let accepted = turn.answered() == Answered::Accepted;
    facts.probes.push(probe(ProbeId::MailWithoutAuth, &turn));
    if accepted {
        // A documentation domain (RFC 2606 §3): nobody's mailbox, and outside of every server we look at.
        let turn = dialogue.say(line(smtp::rcpt_to("postmaster@example.com", &[]))).await?;
        facts.probes.push(probe(ProbeId::RcptWithoutAuth, &turn));
        dialogue.say(line(smtp::simple("RSET"))).await?;
    }
    Ok(())
}

/// Whether STARTTLS is taken once more where TLS is on already: the last question of a dialogue, because a server that
/// agrees waits for a handshake.
pub(super) async fn ask_twice(dialogue: &mut Dialogue, facts: &mut ConnectionFacts) {
    let command = dialogue.starttls_command();
    facts.probes.push(match dialogue.say_within(command, PATIENCE).await {
        Ok(turn) => probe(ProbeId::StartTlsInsideTls, &turn),
        Err(failure) => ProbeFacts {
            id: ProbeId::StartTlsInsideTls,
            answer: answered_by(&failure),
            reply: None,
            at: vec![dialogue.failure_evidence()],
            detail: None,
            took_us: 0,
        },
    });
}

/// Types on in the clear after STARTTLS was accepted (howto.md, steps 5, 12, 20).
pub(super) async fn cleartext_after_starttls(
    service: &Service,
    address: Address,
    mut dialogue: Dialogue,
) -> (ConnectionFacts, Transcript) {
    let mut facts = ConnectionFacts::new(Purpose::CleartextAfterStartTls, dialogue.transcript().id, address);
    let result = type_on(service, &mut dialogue, &mut facts).await;
    close(dialogue, facts, result.err()).await
}

async fn type_on(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    if !greet(service, dialogue, facts, Moment::Plain).await? || !is_ready(facts) {
        return Ok(());
    }
    if matches!(service.protocol(), Protocol::Smtp | Protocol::Lmtp) {
        // STARTTLS before EHLO is no fair question to SMTP; POP3 and IMAP take it at once.
        ask(service, dialogue, facts, Moment::Plain).await?;
    }
    let ask_for_tls = dialogue.starttls_command();
    let turn = dialogue.say(ask_for_tls).await?;
    // Without consent there is no "after"; bytes that somebody put there would be taken for an answer.
    if !dialogue.state().tls_next || dialogue.has_injected_bytes() {
        return Ok(());
    }
    let accepted = turn.evidence();
    let tag = dialogue.tag();
    let next = match service.protocol() {
        Protocol::Imap => imap::command(&tag, "NOOP"),
        // POP3 has no NOOP before the login.
        Protocol::Pop3 => pop3::command("CAPA"),
        Protocol::Sieve => sieve::command("NOOP"),
        _ => smtp::simple("NOOP"),
    };
    let found = match dialogue.say_in_clear(line(next), PATIENCE).await {
        Ok(turn) => {
            let mut found = probe(ProbeId::CleartextAfterStartTls, &turn);
            found.at.splice(0..0, accepted);
            // A TLS alert may hold a byte that looks like the end of a line.
            let first_bytes = turn.last().map(|reply| dialogue.transcript().visible(reply.span()));
            if first_bytes.is_some_and(|bytes| ehlo_wire::spoken(&bytes) == Spoken::Tls) {
                found.answer = Answered::TlsAlert;
            }
            found
        }
        Err(failure) => ProbeFacts {
            id: ProbeId::CleartextAfterStartTls,
            answer: answered_by(&failure),
            reply: None,
            at: accepted.into_iter().chain([dialogue.failure_evidence()]).collect(),
            detail: None,
            took_us: 0,
        },
    };
    facts.probes.push(found);
    Ok(())
}

pub(super) fn probe(id: ProbeId, turn: &Turn) -> ProbeFacts {
    ProbeFacts {
        id,
        answer: turn.answered(),
        reply: Some(turn.shown()),
        at: turn.evidence(),
        detail: None,
        took_us: u64::try_from(turn.took.as_micros()).unwrap_or(u64::MAX),
    }
}

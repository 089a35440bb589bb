use super::capabilities::{ask, unasked};
use super::main_dialogue::{close, greet};
use super::service::Service;
use ehlo_core::facts::{Answered, ConnectionFacts, GreetingKind, Moment, Purpose, StartTlsFacts};
use ehlo_core::{Address, Cause, Failure, Protocol, Stage, TlsMode, Transcript};
use ehlo_dialogue::Dialogue;
use std::time::Duration;

/// How long a ManageSieve server may take to say what it can do after the handshake (RFC 5804 §2.2).
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the last list of capabilities offers TLS inside the session.
pub(super) fn offered(facts: &ConnectionFacts, protocol: Protocol) -> bool {
    facts.capabilities.last().is_some_and(|c| c.starttls(protocol).is_some())
}

/// Asks for TLS, whether it is offered or not, and does the handshake.
pub(super) async fn start_tls(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    let protocol = service.protocol();
    let offered = offered(facts, protocol);
    if facts.capabilities.last().is_some_and(|c| c.helo_only) || service.job.endpoint.path.is_some() {
        return Ok(());
    }
    let command = dialogue.starttls_command();
    let turn = match dialogue.say(command).await {
        Ok(turn) => turn,
        Err(failure) => {
            let answer = answered_by(&failure);
            let at = dialogue.failure_evidence();
            facts.starttls =
                Some(StartTlsFacts { offered, answer, reply: None, failure: Some(failure.clone()), at });
            return Err(failure);
        }
    };
    let mut found = StartTlsFacts {
        offered,
        answer: turn.answered(),
        reply: Some(turn.shown()),
        failure: None,
        at: turn.answer().unwrap_or_else(|| dialogue.failure_evidence()),
    };
    // Only the one right answer lets a handshake follow (`checks.md` §3 row 2).
    if dialogue.state().tls_next {
        match dialogue.upgrade().await {
            Ok(tls) => {
                facts.tls = Some(tls);
                if protocol == Protocol::Sieve {
                    // Not to say it again is a fault, but no reason to stop looking.
                    let said = dialogue.capabilities_after_tls(PATIENCE).await;
                    match said {
                        Ok(Some(turn)) => facts.capabilities.extend(unasked(&turn, Moment::Tls)),
                        Ok(None) => {}
                        Err(failure) => {
                            facts.starttls = Some(found);
                            return Err(failure);
                        }
                    }
                }
            }
            Err(failure) => found.failure = Some(failure),
        }
    }
    let failure = found.failure.clone();
    facts.starttls = Some(found);
    failure.map_or(Ok(()), Err)
}

/// How a server took a command that was never answered.
pub(super) fn answered_by(failure: &Failure) -> Answered {
    match failure.cause {
        Cause::TimedOut { .. } | Cause::Deadline { .. } => Answered::Silence,
        Cause::TlsAlert { .. } => Answered::TlsAlert,
        Cause::TooLarge { .. } => Answered::Nonsense,
        _ => Answered::Closed,
    }
}

/// The same service at another address: greeting, capabilities, certificate.
pub(super) async fn look_at_other_address(
    service: &Service,
    address: Address,
    mut dialogue: Dialogue,
) -> (ConnectionFacts, Transcript) {
    let mut facts = ConnectionFacts::new(Purpose::OtherAddress, dialogue.transcript().id, address);
    let result = look(service, &mut dialogue, &mut facts).await;
    close(dialogue, facts, result.err()).await
}

async fn look(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    let implicit = service.tls_mode() == TlsMode::Implicit;
    if implicit {
        facts.tls = Some(dialogue.upgrade().await?);
    }
    let moment = if implicit { Moment::Tls } else { Moment::Plain };
    if !greet(service, dialogue, facts, moment).await? {
        return Ok(());
    }
    ask(service, dialogue, facts, moment).await?;
    if !implicit && offered(facts, service.protocol()) {
        start_tls(service, dialogue, facts).await?;
        if facts.tls.is_some() {
            ask(service, dialogue, facts, Moment::Tls).await?;
        }
    }
    Ok(())
}

/// Says a TLS hello to a port that stays silent: a port with TLS from the first byte waits for one.
pub(super) async fn tls_on_silence(
    service: &Service,
    address: Address,
    mut dialogue: Dialogue,
) -> (ConnectionFacts, Transcript) {
    let mut facts = ConnectionFacts::new(Purpose::TlsOnSilence, dialogue.transcript().id, address);
    let attempt = tokio::time::timeout(Duration::from_secs(10), async {
        facts.tls = Some(dialogue.upgrade().await?);
        greet(service, &mut dialogue, &mut facts, Moment::Tls).await
    })
    .await;
    let failure = match attempt {
        Ok(result) => result.err(),
        Err(_) => Some(Failure::new(Stage::Handshake, Cause::TimedOut { waited_ms: 10_000 })),
    };
    close(dialogue, facts, failure).await
}

/// Whether a dialogue got a greeting with which it can go on.
pub(super) fn is_ready(facts: &ConnectionFacts) -> bool {
    facts.greeting.as_ref().is_some_and(|g| g.kind == GreetingKind::Ready)
}

use super::super::capabilities::ask;
use super::super::main_dialogue::greet;
use super::super::service::Service;
use super::super::starttls::{is_ready, start_tls};
use ehlo_core::facts::{ConnectionFacts, Moment};
use ehlo_core::{Failure, TlsMode};
use ehlo_dialogue::Dialogue;

/// Leads a dialogue to where commands can be given, inside TLS if the main dialogue had it; whether it came so far.
pub(super) async fn begin(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
) -> Result<bool, Failure> {
    let implicit = service.tls_mode() == TlsMode::Implicit;
    if implicit {
        facts.tls = Some(dialogue.upgrade().await?);
    }
    let moment = if implicit { Moment::Tls } else { Moment::Plain };
    if !greet(service, dialogue, facts, moment).await? || !is_ready(facts) {
        return Ok(false);
    }
    ask(service, dialogue, facts, moment).await?;
    if !implicit && with_tls {
        start_tls(service, dialogue, facts).await?;
        if facts.tls.is_none() {
            return Ok(false);
        }
        ask(service, dialogue, facts, Moment::Tls).await?;
    }
    Ok(true)
}

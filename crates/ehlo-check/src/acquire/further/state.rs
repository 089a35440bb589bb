use super::super::capabilities::{ask, line};
use super::super::main_dialogue::greet;
use super::super::probes::probe;
use super::super::service::Service;
use super::super::starttls::{is_ready, start_tls};
use ehlo_core::Failure;
use ehlo_core::facts::{Answered, ConnectionFacts, Moment, ProbeId};
use ehlo_dialogue::Dialogue;
use ehlo_wire::smtp;

/// Nobody's mailbox, and outside of every server we look at (RFC 2606 §3).
const NOBODY: &str = "postmaster@example.com";

/// Begins a mail transaction before TLS and looks whether it goes on inside (RFC 3207 §4.2). No mail is sent.
pub(super) async fn carry_over(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    if !greet(service, dialogue, facts, Moment::Plain).await? || !is_ready(facts) {
        return Ok(());
    }
    ask(service, dialogue, facts, Moment::Plain).await?;
    let mail = dialogue.say(line(smtp::mail_from("", &[]))).await?;
    let begun = mail.answered() == Answered::Accepted;
    facts.probes.push(probe(ProbeId::MailBeforeTls, &mail));
    if !begun {
        return Ok(());
    }
    start_tls(service, dialogue, facts).await?;
    if facts.tls.is_none() {
        return Ok(());
    }
    let turn = dialogue.say(line(smtp::rcpt_to(NOBODY, &[]))).await?;
    facts.probes.push(probe(ProbeId::RcptFromBeforeTls, &turn));
    // How this server answers when there is certainly no transaction.
    dialogue.say(line(smtp::simple("RSET"))).await?;
    let turn = dialogue.say(line(smtp::rcpt_to(NOBODY, &[]))).await?;
    facts.probes.push(probe(ProbeId::RcptWithoutMail, &turn));
    Ok(())
}

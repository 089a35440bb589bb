use super::super::capabilities::line;
use super::super::probes::probe;
use super::super::service::Service;
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Failure, Protocol, Role, Stage};
use ehlo_dialogue::Dialogue;
use ehlo_wire::{Command, smtp};

/// Asks what a server tells about addresses, and which it must take (RFC 5321 §3.5, §4.5.1). No mail is sent.
pub(super) async fn ask_about_addresses(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
) -> Result<(), Failure> {
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    // Nobody has this one, and nobody can guess it.
    let nobody = format!("ehlo-probe-{}", dialogue.tag());
    if service.protocol() != Protocol::Lmtp {
        for (id, command) in [
            (ProbeId::VrfyUnknown, format!("VRFY {nobody}")),
            (ProbeId::VrfyPostmaster, "VRFY postmaster".to_owned()),
            (ProbeId::ExpnUnknown, format!("EXPN {nobody}")),
            (ProbeId::ExpnPostmaster, "EXPN postmaster".to_owned()),
        ] {
            let turn = dialogue.say(line(Command::line(Stage::Command, command))).await?;
            facts.probes.push(probe(id, &turn));
        }
    }
    if service.role() == Role::Submission {
        return Ok(());
    }
    let turn = dialogue.say(line(smtp::mail_from("", &[]))).await?;
    let accepted = turn.answered() == Answered::Accepted;
    facts.probes.push(probe(ProbeId::MailNullSender, &turn));
    if !accepted {
        return Ok(());
    }
    let mut wanted = Vec::new();
    if service.role() == Role::Mx {
        // RFC 5321 §4.5.1: without a domain, too.
        wanted.push((ProbeId::RcptPostmaster, "postmaster".to_owned()));
    }
    let domain = service.options.extra.own_mailbox.as_deref().and_then(|a| Some(a.rsplit_once('@')?.1));
    if let Some(domain) = domain {
        wanted.push((ProbeId::RcptPostmaster, format!("postmaster@{domain}")));
        wanted.push((ProbeId::RcptUnknown, format!("{nobody}@{domain}")));
    }
    for (id, recipient) in wanted {
        let command = Command::line(Stage::Rcpt, format!("RCPT TO:<{recipient}>"));
        let turn = dialogue.say(line(command)).await?;
        facts.probes.push(ProbeFacts { detail: Some(recipient), ..probe(id, &turn) });
    }
    dialogue.say(line(smtp::simple("RSET"))).await?;
    Ok(())
}

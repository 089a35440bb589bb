use super::super::capabilities::line;
use super::super::probes::probe;
use super::super::service::Service;
use super::message::{message, token};
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Address, Failure, Stage, escape};
use ehlo_dialogue::Dialogue;
use ehlo_wire::{Command, smtp};
use std::time::Duration;

/// So many patterns on one connection: servers slow down whoever makes many errors, or hang up.
pub(super) const EACH: usize = 8;

/// How long a message may take to the mailbox outside.
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to hand over mail for somewhere else: reverse-path and forward-path, without brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    from: String,
    to: String,
}

impl Pattern {
    pub(super) fn shown(&self) -> String {
        escape(format!("MAIL FROM:<{}> RCPT TO:<{}>", self.from, self.to).as_bytes())
    }
}

/// The ways by which servers that are no relay for the plain address let themselves be talked into it: senders that
/// belong to the server, and recipients with a route in them (RFC 5321 appendix C and F.2).
pub(super) fn patterns(to: &str, host: &str, ip: &str) -> Vec<Pattern> {
    let (user, domain) = to.rsplit_once('@').unwrap_or((to, "example.com"));
    let own = format!("ehlo-probe@{host}");
    let senders = [String::new(), "ehlo-probe@example.com".into(), own.clone(), format!("ehlo-probe@[{ip}]")];
    let recipients = [
        format!("{user}%{domain}@[{ip}]"),
        format!("{user}%{domain}@{host}"),
        format!("\"{user}@{domain}\""),
        format!("\"{user}%{domain}\""),
        format!("{user}@{domain}@[{ip}]"),
        format!("\"{user}@{domain}\"@[{ip}]"),
        format!("{user}@{domain}@{host}"),
        format!("@[{ip}]:{user}@{domain}"),
        format!("@{host}:{user}@{domain}"),
        format!("{domain}!{user}"),
        format!("{domain}!{user}@[{ip}]"),
        format!("{domain}!{user}@{host}"),
    ];
    let plain = senders.into_iter().map(|from| Pattern { from, to: to.to_owned() });
    plain.chain(recipients.into_iter().map(|to| Pattern { from: own.clone(), to })).collect()
}

/// Tries patterns, and ends before DATA. Whoever takes one is asked no further.
pub(super) async fn try_patterns(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
    patterns: &[Pattern],
) -> Result<(), Failure> {
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    for pattern in patterns {
        let answer = offer(dialogue, facts, pattern).await?;
        dialogue.say(line(smtp::simple("RSET"))).await?;
        if answer == Answered::Accepted {
            return Ok(());
        }
    }
    Ok(())
}

/// MAIL, and RCPT if that is accepted.
async fn offer(
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    pattern: &Pattern,
) -> Result<Answered, Failure> {
    let mail = Command::line(Stage::Mail, format!("MAIL FROM:<{}>", pattern.from));
    let mut turn = dialogue.say(line(mail)).await?;
    let begun = turn.answered() == Answered::Accepted;
    if begun {
        let rcpt = Command::line(Stage::Rcpt, format!("RCPT TO:<{}>", pattern.to));
        turn = dialogue.say(line(rcpt)).await?;
    }
    // MAIL alone proves nothing, whatever becomes of it.
    let answer =
        if begun || turn.answered() != Answered::Accepted { turn.answered() } else { Answered::Refused };
    let shown = Some(pattern.shown());
    facts.probes.push(ProbeFacts { answer, detail: shown, ..probe(ProbeId::RelayPattern, &turn) });
    Ok(answer)
}

/// Sends a message by a pattern that was taken, and looks whether it arrives.
pub(super) async fn prove(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
    pattern: &Pattern,
) -> Result<(), Failure> {
    let extra = &service.options.extra;
    let (Some(outside), Some(to)) = (&extra.outside, &extra.relay_to) else { return Ok(()) };
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    if offer(dialogue, facts, pattern).await? != Answered::Accepted {
        return Ok(());
    }
    let turn = dialogue.say(line(smtp::simple("DATA"))).await?;
    if turn.answered() != Answered::Continue {
        facts.probes.push(probe(ProbeId::RelayedMail, &turn));
        return Ok(());
    }
    let token = token(service, dialogue);
    let host = service.options.connection.helo.as_deref().unwrap_or("ehlo.invalid");
    let now = service.options.connection.now;
    let text = message(now, &pattern.from, to, host, &token, "whether it forwards mail of strangers");
    let turn = dialogue.say(Command::raw(Stage::Data, format!("{text}.\r\n"))).await?;
    let mut found = probe(ProbeId::RelayedMail, &turn);
    if turn.answered() == Answered::Accepted {
        found.answer = match outside.arrived(&token, PATIENCE).await {
            Ok(Some(_)) => Answered::Accepted,
            Ok(None) => Answered::Silence,
            Err(what) => {
                found.detail = Some(escape(what.as_bytes()));
                Answered::Nonsense
            }
        };
    }
    facts.probes.push(found);
    Ok(())
}

/// The names that patterns are made with: what the server calls itself, and where it is.
pub(super) fn names(service: &Service, address: &Address, main: &ConnectionFacts) -> (String, String) {
    let said = main.greeting.as_ref().and_then(|g| g.host.clone());
    let is_name = |name: &String| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')) && name.contains('.')
    };
    let host = said.filter(is_name).unwrap_or_else(|| service.job.endpoint.host.clone());
    let ip = match address {
        Address::Ip(address) if address.is_ipv6() => format!("IPv6:{}", address.ip()),
        Address::Ip(address) => address.ip().to_string(),
        Address::Unix(_) => "127.0.0.1".to_owned(),
    };
    (host, ip)
}

/// Where mail is to be relayed to: an address of the user, or nobody's.
pub(super) fn target(service: &Service) -> String {
    let given = service.options.extra.relay_to.clone();
    given.unwrap_or_else(|| "postmaster@example.com".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_patterns_on_two_connections() {
        let patterns = patterns("me@outside.example", "mx.example", "192.0.2.1");
        assert_eq!(patterns.len(), 2 * EACH);
        assert_eq!(patterns[0].shown(), "MAIL FROM:<> RCPT TO:<me@outside.example>");
        assert_eq!(patterns[12].to, "@mx.example:me@outside.example");
        let mut different: Vec<String> = patterns.iter().map(Pattern::shown).collect();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 16);
    }
}

use super::super::capabilities::{ask, line};
use super::super::probes::probe;
use super::super::service::Service;
use super::relay::names;
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, LoginResult, Moment, ProbeFacts, ProbeId};
use ehlo_core::{Failure, Stage, escape};
use ehlo_dialogue::{Dialogue, Offered};
use ehlo_wire::{Command, smtp};

/// Logs in and says MAIL with addresses that are not the account's (RFC 6409 §6.1). RCPT is said as well, since many
/// servers judge the sender only then, and RSET instead of DATA. No mail is sent.
pub(super) async fn forge(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    with_tls: bool,
    main: &ConnectionFacts,
) -> Result<(), Failure> {
    let Some(credentials) = &service.options.credentials else { return Ok(()) };
    if !begin(service, dialogue, facts, with_tls).await? {
        return Ok(());
    }
    let offered = Offered::from_capabilities(service.protocol(), facts.capabilities.last(), None);
    let login = dialogue.login(credentials, &offered, &service.options.login).await;
    let failed = match &login.result {
        LoginResult::Failed { failure } => Some(failure.clone()),
        _ => None,
    };
    let accepted = login.result == LoginResult::Accepted;
    facts.login = Some(login);
    if let Some(failure) = failed {
        return Err(failure);
    }
    if !accepted {
        return Ok(());
    }
    ask(service, dialogue, facts, Moment::Login).await?;
    let (host, _) = names(service, &facts.address, main);
    let own_mailbox = service.options.extra.own_mailbox.as_deref();
    let candidates = own_addresses(&credentials.user, own_mailbox, &host);
    let to = own_mailbox.unwrap_or(&candidates[0]).to_owned();
    // The account's own address shows how this server answers when all is well. Which of these it is, is not known.
    let mut own = candidates[0].clone();
    for candidate in &candidates {
        if offer(dialogue, facts, ProbeId::OwnSender, candidate, &to).await? == Answered::Accepted {
            own.clone_from(candidate);
            break;
        }
    }
    for other in foreign_addresses(&own, &dialogue.tag()) {
        offer(dialogue, facts, ProbeId::ForeignSender, &other, &to).await?;
    }
    Ok(())
}

/// MAIL and RCPT; the answer to the last of them, then RSET.
async fn offer(
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    id: ProbeId,
    from: &str,
    to: &str,
) -> Result<Answered, Failure> {
    let mail = Command::line(Stage::Mail, format!("MAIL FROM:<{from}>"));
    let mut turn = dialogue.say(line(mail)).await?;
    let mut at = turn.evidence();
    if turn.answered() == Answered::Accepted {
        let rcpt = Command::line(Stage::Rcpt, format!("RCPT TO:<{to}>"));
        turn = dialogue.say(line(rcpt)).await?;
        at.extend(turn.evidence());
    }
    let detail = Some(escape(from.as_bytes()));
    let answer = turn.answered();
    facts.probes.push(ProbeFacts { detail, at, ..probe(id, &turn) });
    dialogue.say(line(smtp::simple("RSET"))).await?;
    Ok(answer)
}

/// What the account's own address may be, the likeliest first; at least one.
fn own_addresses(user: &str, own_mailbox: Option<&str>, host: &str) -> Vec<String> {
    let fits =
        |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\'));
    let (local, domain) = match user.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => (local, Some(domain)),
        _ => (user, None),
    };
    let domains = [domain, own_mailbox.and_then(|a| Some(a.rsplit_once('@')?.1)), Some(host)];
    let mut found: Vec<String> = match fits(local) && !local.is_empty() {
        true => domains.into_iter().flatten().filter(|d| fits(d)).map(|d| format!("{local}@{d}")).collect(),
        false => Vec::new(),
    };
    if let Some(own) = own_mailbox {
        let at = found.len().min(1);
        found.insert(at, own.to_owned());
    }
    if found.is_empty() {
        found.push(format!("postmaster@{host}"));
    }
    let mut known = std::collections::BTreeSet::new();
    found.retain(|address| known.insert(address.to_ascii_lowercase()));
    found
}

/// Addresses that are not the account's: of somebody in the same domain, and of another domain.
fn foreign_addresses(own: &str, token: &str) -> Vec<String> {
    let domain = own.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut others = vec![format!("ehlo-probe-{token}@{domain}"), format!("postmaster@{domain}")];
    // A documentation domain (RFC 2606 §3): it is certainly not the account's.
    others.push("ehlo-probe@example.com".to_owned());
    others.retain(|other| !other.eq_ignore_ascii_case(own));
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_addresses_are_tried() {
        for (user, mailbox, own) in [
            ("alice", None, &["alice@mx.example"][..]),
            ("alice@a.example", None, &["alice@a.example", "alice@mx.example"]),
            ("alice", Some("al@a.example"), &["alice@a.example", "al@a.example", "alice@mx.example"]),
            ("alice@a.example", Some("Alice@a.example"), &["alice@a.example", "alice@mx.example"]),
            ("a lice", None, &["postmaster@mx.example"]),
            ("a<b@c", Some("al@a.example"), &["al@a.example"]),
        ] {
            assert_eq!(own_addresses(user, mailbox, "mx.example"), own, "{user}");
            let others = foreign_addresses(own[0], "t1");
            assert!(others.len() >= 2 && others.iter().all(|other| !own.contains(&other.as_str())));
            let domain = own[0].rsplit_once('@').unwrap().1;
            assert_eq!(others[0], format!("ehlo-probe-t1@{domain}"));
        }
    }
}

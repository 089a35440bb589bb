use super::super::capabilities::{ask, line};
use super::super::main_dialogue::close;
use super::super::probes::probe;
use super::super::service::Service;
use super::relay::names;
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, LoginResult, Moment, ProbeFacts, ProbeId};
use ehlo_core::{Address, Failure, Stage, Transcript, escape};
use ehlo_dialogue::{Dialogue, Offered};
use ehlo_wire::{Command, smtp};

/// Logs in and says MAIL with addresses that are not the account's (RFC 6409 §6.1). RCPT is said as well, since many
/// servers judge the sender only then, and RSET instead of DATA. No mail is sent.
pub(super) async fn forge(
    service: &Service,
    address: Address,
    mut dialogue: Dialogue,
    with_tls: bool,
    main: &ConnectionFacts,
) -> (ConnectionFacts, Transcript) {
    let purpose = crate::Question::Sender.purpose();
    let mut facts = ConnectionFacts::new(purpose, dialogue.transcript().id, address);
    let result = talk(service, &mut dialogue, &mut facts, with_tls, main).await;
    close(dialogue, facts, result.err()).await
}

async fn talk(
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
    let (own, others) = senders(&credentials.user, own_mailbox, &host, &dialogue.tag());
    // The account's own address shows how this server answers when all is well.
    offer(dialogue, facts, ProbeId::OwnSender, &own, &own).await?;
    for other in others {
        offer(dialogue, facts, ProbeId::ForeignSender, &other, &own).await?;
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
) -> Result<(), Failure> {
    let mail = Command::line(Stage::Mail, format!("MAIL FROM:<{from}>"));
    let mut turn = dialogue.say(line(mail)).await?;
    let mut at = turn.evidence();
    if turn.answered() == Answered::Accepted {
        let rcpt = Command::line(Stage::Rcpt, format!("RCPT TO:<{to}>"));
        turn = dialogue.say(line(rcpt)).await?;
        at.extend(turn.evidence());
    }
    let detail = Some(escape(from.as_bytes()));
    facts.probes.push(ProbeFacts { detail, at, ..probe(id, &turn) });
    dialogue.say(line(smtp::simple("RSET"))).await?;
    Ok(())
}

/// The account's own address, and addresses that are not its own: of somebody in the same domain, and of another domain.
fn senders(user: &str, own_mailbox: Option<&str>, host: &str, token: &str) -> (String, Vec<String>) {
    let fits =
        |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\'));
    let whole = |text: &&str| text.rsplit_once('@').is_some_and(|(l, d)| !l.is_empty() && !d.is_empty());
    let own = own_mailbox.or(Some(user).filter(whole)).filter(|a| fits(a)).map(str::to_owned);
    let local = if fits(user) && !user.contains('@') { user } else { "postmaster" };
    let own = own.unwrap_or_else(|| format!("{local}@{host}"));
    let domain = own.rsplit_once('@').map_or(host, |(_, domain)| domain).to_owned();
    let mut others = vec![format!("ehlo-probe-{token}@{domain}"), format!("postmaster@{domain}")];
    // A documentation domain (RFC 2606 §3): it is certainly not the account's.
    others.push("ehlo-probe@example.com".to_owned());
    others.retain(|other| !other.eq_ignore_ascii_case(&own));
    (own, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_addresses_are_tried() {
        for (user, mailbox, own) in [
            ("alice", None, "alice@mx.example"),
            ("alice@a.example", None, "alice@a.example"),
            ("alice", Some("al@a.example"), "al@a.example"),
            ("a lice", None, "postmaster@mx.example"),
            ("a<b@c", None, "postmaster@mx.example"),
        ] {
            let (found, others) = senders(user, mailbox, "mx.example", "t1");
            assert_eq!(found, own);
            assert!(others.len() >= 2 && !others.contains(&found), "{others:?}");
            let domain = own.rsplit_once('@').unwrap().1;
            assert_eq!(others[0], format!("ehlo-probe-t1@{domain}"));
        }
    }
}

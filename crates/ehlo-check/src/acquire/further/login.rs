//! Logins of the account beyond the one of the main dialogue. Each is led on a connection of its own.

use super::super::capabilities::line;
use super::super::probes::probe;
use super::super::said::{binding_mismatch, scram_iterations, server_proof};
use super::super::service::Service;
use super::super::starttls::answered_by;
use super::session::begin;
use ehlo_core::facts::{Answered, ConnectionFacts, LoginResult, ProbeFacts, ProbeId};
use ehlo_core::{Failure, Protocol, Secret};
use ehlo_dialogue::{BindingChoice, Dialogue, Login, LoginOptions, Offered};
use ehlo_wire::sasl::{Credentials, Trouble};
use ehlo_wire::{imap, pop3, sieve, smtp};

/// A login, and why.
pub(super) struct Attempt {
    /// What it is to show; none if what the server says on the way is all.
    pub(super) shows: Option<ProbeId>,
    /// The mechanism, or the protocol's own way.
    pub(super) way: String,
    pub(super) binding: BindingChoice,
}

/// Leads a dialogue to the login, and through it.
pub(super) async fn log_in(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    attempt: Attempt,
) -> Result<(), Failure> {
    let result = talk(service, dialogue, facts, attempt).await;
    facts.probes.extend(server_proof(dialogue));
    facts.probes.extend(binding_mismatch(dialogue));
    result
}

async fn talk(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    attempt: Attempt,
) -> Result<(), Failure> {
    let Some(credentials) = &service.options.credentials else { return Ok(()) };
    if !begin(service, dialogue, facts, true).await? {
        return Ok(());
    }
    let credentials = match attempt.shows {
        Some(id @ (ProbeId::KnownUser | ProbeId::UnknownUser)) => {
            let tag = dialogue.tag();
            let turn = dialogue.say(quick(service.protocol(), &tag)).await?;
            facts.probes.push(probe(ProbeId::BeforeOracle, &turn));
            made_up(credentials, id, dialogue)
        }
        _ => credentials.clone(),
    };
    let mut options = LoginOptions { mechanism: Some(attempt.way), ..service.options.login.clone() };
    options.details.binding = attempt.binding;
    let stamp = facts.greeting.as_ref().and_then(|g| g.apop_stamp.as_deref());
    let offered = Offered::from_capabilities(service.protocol(), facts.capabilities.last(), stamp);
    let login = dialogue.login_in_detail(&credentials, &offered, &options).await;
    facts.probes.extend(scram_iterations(dialogue, &login));
    if let Some(id) = attempt.shows
        && let Some(answer) = answer(service.protocol(), &login)
    {
        let detail = match id {
            ProbeId::KnownUser | ProbeId::UnknownUser => Some(credentials.user.clone()),
            _ => bound_by(dialogue, attempt.binding),
        };
        // What the mechanism itself says tells more than the answer behind it.
        let reply = match &login.trouble {
            Some(Trouble::Server { text }) => Some(text.clone()),
            _ => login.facts.reply.clone(),
        };
        facts.probes.push(ProbeFacts {
            id,
            answer,
            reply,
            detail,
            at: login.facts.at.clone(),
            took_us: login.facts.took_us,
        });
    }
    let failure = match &login.facts.result {
        LoginResult::Failed { failure } => Some(failure.clone()),
        _ => None,
    };
    facts.login = Some(login.facts);
    failure.map_or(Ok(()), Err)
}

/// A command that every server answers without thinking.
fn quick(protocol: Protocol, tag: &str) -> ehlo_wire::Command {
    line(match protocol {
        Protocol::Imap => imap::command(tag, "NOOP"),
        // POP3 has no NOOP before the login.
        Protocol::Pop3 => pop3::command("CAPA"),
        Protocol::Sieve => sieve::command("NOOP"),
        Protocol::Smtp | Protocol::Lmtp => smtp::simple("NOOP"),
    })
}

/// The name of the account, or one in the same domain that nobody has, with a password that nobody has.
fn made_up(account: &Credentials, id: ProbeId, dialogue: &mut Dialogue) -> Credentials {
    let mut nobody = format!("ehlo-probe-{}", dialogue.tag());
    if let Some((_, domain)) = account.user.rsplit_once('@') {
        nobody.push('@');
        nobody.push_str(domain);
    }
    let user = if id == ProbeId::KnownUser { account.user.clone() } else { nobody };
    let password = Secret::new(format!("ehlo-probe-{}", dialogue.tag()));
    Credentials { user, password, authzid: String::new() }
}

/// The kind of binding that a login was tied by.
fn bound_by(dialogue: &Dialogue, choice: BindingChoice) -> Option<String> {
    let kind = match choice {
        BindingChoice::Only(kind) => kind,
        BindingChoice::Best | BindingChoice::Wrong => dialogue.bindings().first()?.kind,
    };
    Some(kind.name().to_owned())
}

/// How the server took a login; none if none was sent.
fn answer(protocol: Protocol, login: &Login) -> Option<Answered> {
    Some(match &login.facts.result {
        LoginResult::NotSent { .. } => return None,
        LoginResult::Accepted => Answered::Accepted,
        LoginResult::Failed { failure } => answered_by(failure),
        LoginResult::Refused => match &login.trouble {
            None | Some(Trouble::Server { .. } | Trouble::BindingMismatch) => {
                let reply = login.facts.reply.as_deref().unwrap_or_default();
                if is_for_now(protocol, reply) { Answered::Later } else { Answered::Refused }
            }
            // We have given it up, or do not believe it.
            Some(_) => Answered::Nonsense,
        },
    })
}

/// Whether an answer, escaped, says that nobody gets in for now, so that nothing follows from it: `4yz` (RFC 4954 §6),
/// `[UNAVAILABLE]`, `[INUSE]`, `[LIMIT]` (RFC 5530 §3), `[IN-USE]`, `[LOGIN-DELAY]` (RFC 2449 §8.1), `[SYS/TEMP]`
/// (RFC 3206 §4), `(TRYLATER)` (RFC 5804 §1.3).
fn is_for_now(protocol: Protocol, reply: &str) -> bool {
    // A code counts in its place only: what stands in the text is nothing but text.
    let at = match protocol {
        Protocol::Smtp | Protocol::Lmtp => {
            let digits = reply.get(..3).unwrap_or_default();
            return digits.starts_with('4') && digits.bytes().all(|b| b.is_ascii_digit());
        }
        Protocol::Pop3 | Protocol::Sieve => 1,
        Protocol::Imap => 2,
    };
    let code = reply.split(' ').nth(at).unwrap_or_default().to_ascii_uppercase();
    ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]", "(TRYLATER)"]
        .contains(&code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_for_now_only() {
        for (protocol, reply, for_now) in [
            (Protocol::Smtp, "454 4.7.0 later", true),
            (Protocol::Smtp, "535 5.7.8 no", false),
            (Protocol::Smtp, "4ever", false),
            (Protocol::Smtp, "é", false),
            (Protocol::Imap, "e1 NO [UNAVAILABLE] later", true),
            (Protocol::Imap, "e1 NO [limit] slow down", true),
            (Protocol::Imap, "e1 NO [AUTHENTICATIONFAILED] no", false),
            (Protocol::Imap, "e1 NO no [LIMIT]", false),
            (Protocol::Pop3, "-ERR [SYS/TEMP] later", true),
            (Protocol::Pop3, "-ERR", false),
            (Protocol::Sieve, "NO (TRYLATER) \"later\"", true),
        ] {
            assert_eq!(is_for_now(protocol, reply), for_now, "{protocol:?} {reply}");
        }
    }
}

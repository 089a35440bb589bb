use super::account::look_around;
use super::capabilities::{ask, line, unasked};
use super::greeting::{greeting_facts, other_protocol};
use super::probes::{ask_in_clear, ask_twice, ask_without_login};
use super::said::{early_data, referral, scram_iterations, server_proof};
use super::service::Service;
use super::starttls::{is_ready, offered, start_tls};
use ehlo_core::facts::{ConnectionFacts, GreetingKind, LoginResult, Moment, Purpose, Said};
use ehlo_core::{
    Address, Cause, Deviation, EntryKind, Evidence, Failure, Protocol, ServiceStep, Side, Span, Stage,
    TlsMode, Transcript, escape,
};
use ehlo_dialogue::{Dialogue, Offered};
use ehlo_wire::imap::ValueKind;
use ehlo_wire::{Reply, imap};
use std::sync::Arc;
use tokio::sync::{OwnedMutexGuard, oneshot};

/// Leads the main dialogue. `starttls_offered` is told as soon as STARTTLS is seen, so that the probe that needs a
/// connection of its own can begin.
pub(super) async fn lead(
    service: &Service,
    address: Address,
    mut dialogue: Dialogue,
    starttls_offered: oneshot::Sender<()>,
) -> (ConnectionFacts, Transcript) {
    let mut facts = ConnectionFacts::new(Purpose::Main, dialogue.transcript().id, address);
    // Held until QUIT has been answered: only then does the server let go of the maildrop.
    let mut maildrop = None;
    let result = talk(service, &mut dialogue, &mut facts, starttls_offered, &mut maildrop).await;
    let came_through = result.is_ok() && dialogue.failure().is_none();
    if came_through && facts.tls.is_some() && is_ready(&facts) {
        ask_twice(&mut dialogue, &mut facts).await;
    }
    if service.protocol() == Protocol::Imap {
        facts.probes.extend(referral(&dialogue));
    }
    facts.probes.extend(server_proof(&dialogue));
    let (mut facts, transcript) = close(dialogue, facts, result.err()).await;
    if came_through {
        // Whoever hangs up over the last question has answered everything before it.
        facts.failure = None;
    }
    (facts, transcript)
}

/// Ends a dialogue and takes down how.
pub(super) async fn close(
    dialogue: Dialogue,
    mut facts: ConnectionFacts,
    failure: Option<Failure>,
) -> (ConnectionFacts, Transcript) {
    facts.failure = failure.or_else(|| dialogue.failure().cloned());
    facts.local = dialogue.local().map(|ip| ip.to_string());
    let came = dialogue.transcript().sent_by(Side::Server);
    if facts.greeting.is_none()
        && facts.failure.as_ref().is_some_and(|f| f.stage == Stage::Greeting)
        && came > 0
    {
        let span = Span::new(Side::Server, 0, came);
        let text = escape(&dialogue.transcript().visible(Span::new(Side::Server, 0, came.min(200))));
        facts.partial_greeting = Some(Said { text, at: Evidence::bytes(facts.transcript, span) });
    }
    // What was found wrong with capability lists is in the facts already; the transcript should tell it too.
    let of_lists = std::mem::take(&mut facts.deviations);
    let (mut transcript, of_replies) = dialogue.finish().await;
    let last = transcript.entries.last().map_or(ehlo_core::Tick(0), |e| e.tick);
    for deviation in &of_lists {
        transcript.push(last, EntryKind::Deviation { deviation: deviation.clone() });
    }
    let mut all: Vec<Deviation> = of_replies.into_iter().chain(of_lists).collect();
    all.dedup();
    facts.deviations = all;
    (facts, transcript)
}

async fn talk(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    starttls_offered: oneshot::Sender<()>,
    maildrop: &mut Option<OwnedMutexGuard<()>>,
) -> Result<(), Failure> {
    let implicit = service.tls_mode() == TlsMode::Implicit;
    if implicit {
        service.tell(ServiceStep::Tls);
        facts.tls = Some(dialogue.upgrade().await?);
    }
    let moment = if implicit { Moment::Tls } else { Moment::Plain };
    if !greet(service, dialogue, facts, moment).await? {
        return Ok(());
    }
    ask(service, dialogue, facts, moment).await?;
    if !implicit {
        let offered = offered(facts, service.protocol());
        if offered {
            // The other side may have given up waiting; that is its affair.
            let _ = starttls_offered.send(());
        }
        service.tell(ServiceStep::Probe);
        ask_in_clear(service, dialogue, facts).await?;
        service.tell(ServiceStep::Tls);
        start_tls(service, dialogue, facts).await?;
        if facts.tls.is_some() {
            ask(service, dialogue, facts, Moment::Tls).await?;
        }
    }
    identify(service, dialogue, facts).await?;
    if service.protocol() == Protocol::Imap {
        facts.probes.extend(early_data(dialogue));
    }
    ask_without_login(service, dialogue, facts).await?;
    if service.protocol() == Protocol::Pop3 && service.options.credentials.is_some() {
        // Whose turn does not come in time tries all the same; the server then says what it thinks of it.
        let turn = Arc::clone(&service.turns.maildrop).lock_owned();
        *maildrop = tokio::time::timeout_at(service.deadline, turn).await.ok();
    }
    log_in(service, dialogue, facts).await
}

/// Waits for the greeting; whether the dialogue can go on.
pub(super) async fn greet(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
    moment: Moment,
) -> Result<bool, Failure> {
    service.tell(ServiceStep::Greet);
    // The last thing that happened: the connection was made, or TLS came about.
    let since = dialogue.transcript().entries.last().map_or(service.clock.now(), |e| e.tick);
    let turn = dialogue.greeting().await?;
    facts.greeting = greeting_facts(dialogue, &turn, since);
    facts.capabilities.extend(unasked(&turn, moment));
    if let Some(implementation) = facts.capabilities.last().and_then(|c| c.get("IMPLEMENTATION")) {
        facts.identity.push(Said { text: implementation.args.join(" "), at: implementation.at });
    }
    let Some(greeting) = &facts.greeting else { return Ok(false) };
    if let Some(spoken) = other_protocol(greeting, service.protocol()) {
        let cause = Cause::OtherProtocol { spoken: spoken.id().to_owned() };
        return Err(Failure::new(Stage::Greeting, cause).at(greeting.at.anchor));
    }
    match greeting.kind {
        // Whatever an unencrypted PREAUTH session says may be an attacker's words: close at once (RFC 9051 §7.1.4).
        GreetingKind::Preauth if moment == Moment::Plain => Ok(false),
        GreetingKind::Ready | GreetingKind::Preauth | GreetingKind::Other => Ok(true),
        GreetingKind::Refused => {
            let code = greeting.code.map_or_else(|| greeting.text.clone(), |c| c.to_string());
            Err(Failure::new(Stage::Greeting, Cause::Rejected { code }).at(greeting.at.anchor))
        }
    }
}

/// Asks an IMAP server what it is (RFC 2971), without saying what we are.
async fn identify(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    let has_id = facts.capabilities.last().is_some_and(|c| c.has("ID"));
    if service.protocol() != Protocol::Imap || !has_id {
        return Ok(());
    }
    let tag = dialogue.tag();
    let turn = dialogue.say(line(imap::command(&tag, "ID NIL"))).await?;
    for reply in &turn.replies {
        let Reply::Imap(response) = reply else { continue };
        let Some(fields) = response.data("ID").and_then(|d| d.items.first()) else { continue };
        if let ValueKind::List(items) = &fields.kind {
            let words: Vec<String> = items.iter().filter_map(|i| i.nstring()).map(escape).collect();
            let pairs: Vec<String> = words.chunks(2).map(|pair| pair.join("=")).collect();
            let at = Evidence::bytes(turn.transcript, fields.span);
            facts.identity.push(Said { text: pairs.join(" "), at });
        }
    }
    Ok(())
}

async fn log_in(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    let (Some(credentials), true) = (&service.options.credentials, service.role().takes_logins()) else {
        return Ok(());
    };
    service.tell(ServiceStep::Login);
    let stamp = facts.greeting.as_ref().and_then(|g| g.apop_stamp.as_deref());
    let offered = Offered::from_capabilities(service.protocol(), facts.capabilities.last(), stamp);
    let login = dialogue.login_in_detail(credentials, &offered, &service.options.login).await;
    facts.probes.extend(scram_iterations(dialogue, &login));
    let login = login.facts;
    let accepted = login.result == LoginResult::Accepted;
    let failure = match &login.result {
        LoginResult::Failed { failure } => Some(failure.clone()),
        _ => None,
    };
    facts.login = Some(login);
    if let Some(failure) = failure {
        return Err(failure);
    }
    if accepted {
        ask(service, dialogue, facts, Moment::Login).await?;
        facts.account = look_around(service, dialogue, facts).await?;
    }
    Ok(())
}

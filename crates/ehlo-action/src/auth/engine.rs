use super::plan::{Has, Planned, Situation, offer, plan, safest, with};
use super::transient::{is_transient, turned_away};
use crate::session::{self, NotOpened, Target};
use ehlo_core::auth::{
    AuthAttempt, AuthField, AuthMessage, AuthReport, AuthResult, AuthService, AuthTrouble, NotTried,
};
use ehlo_core::facts::{CapabilityFacts, LoginResult, TlsFacts};
use ehlo_core::{
    Address, Anchor, EntryId, EntryKind, Event, Evidence, Failure, Masker, Protocol, Secret, ServiceStep,
    Span, Stage, Transcript, escape,
};
use ehlo_dialogue::{Clock, ConnectionOptions, Login, LoginOptions, Offered};
use ehlo_wire::sasl::{Credentials, Needs, Told, Trouble, mechanism};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// So many logins may fail; then nothing more is tried. Servers lock out accounts and addresses that fail more often.
pub const MOST_FAILURES: u32 = 3;

/// Transcripts of one service are numbered from here; no service has as many.
const TRANSCRIPTS_EACH: u32 = 256;

/// How the ways to log in are tried.
#[derive(Clone)]
pub struct AuthOptions {
    /// How connections are made.
    pub connection: ConnectionOptions,
    /// Who wants in. The password may be empty if there is a token or a certificate.
    pub credentials: Credentials,
    /// What mechanisms that want a token take in place of the password.
    pub token: Option<Secret<String>>,
    /// Under which conditions secrets may go out.
    pub login: LoginOptions,
    /// Only these ways; every one if none is named.
    pub only: Vec<String>,
    /// Try what is not offered as well.
    pub all: bool,
    /// Try a wrong password, too.
    pub wrong: bool,
}

/// What was seen of a service before the first login.
struct Looked {
    service: AuthService,
    transcript: Transcript,
    /// Where it answered.
    address: Option<Address>,
    before_tls: Option<Offered>,
    inside_tls: Option<Offered>,
    verified: bool,
    binds: bool,
}

/// What all that is tried shares.
struct Trial {
    options: Arc<AuthOptions>,
    clock: Clock,
    masker: Masker,
    end: Instant,
    events: UnboundedSender<Event>,
    failures: u32,
    stopped: bool,
    transcripts: Vec<Transcript>,
}

/// Tries the ways to log in at `targets`. What they offer is asked of all of them at once; logins follow one after
/// another, so that no two sessions want the same maildrop (RFC 1939 §4) and failures can be counted.
pub async fn run(
    targets: Vec<Target>,
    options: Arc<AuthOptions>,
    events: UnboundedSender<Event>,
) -> AuthReport {
    let started = Instant::now();
    let clock = Clock::start();
    let masker = masker(&options);
    let end = started + options.connection.limits.total;
    tell(&events, Event::RunStarted { services: targets.iter().map(|t| t.url.clone()).collect() });
    let mut looks = tokio::task::JoinSet::new();
    for (index, target) in (0u32..).zip(targets.iter().cloned()) {
        let (options, masker, events) = (Arc::clone(&options), masker.clone(), events.clone());
        looks.spawn(async move {
            tell(&events, Event::Step { service: target.url.clone(), step: ServiceStep::Greet });
            (index, look(index, &target, &options, &masker, clock, end).await)
        });
    }
    let mut looked = Vec::new();
    while let Some(task) = looks.join_next().await {
        match task {
            Ok(found) => looked.push(found),
            // Nobody aborts these tasks, so it is a panic, and that is ours.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    looked.sort_by_key(|(index, _)| *index);

    let mut trial =
        Trial { options, clock, masker, end, events, failures: 0, stopped: false, transcripts: Vec::new() };
    let mut services = Vec::new();
    for ((index, looked), target) in looked.into_iter().zip(&targets) {
        services.push((trial.try_all(index, looked, target).await, target));
    }
    // Wrong passwords come last: what they count must not keep the right one from being tried.
    if trial.options.wrong {
        for (index, ((service, planned, address), target)) in (0u32..).zip(&mut services) {
            if let (Some(safest), Some(address)) = (safest(planned), address.as_ref()) {
                let id = index * TRANSCRIPTS_EACH + TRANSCRIPTS_EACH - 1;
                service.wrong = Some(trial.attempt(id, safest, target, address, true).await);
            }
        }
    }
    trial.transcripts.sort_by_key(|t| t.id);
    AuthReport {
        user: trial.options.credentials.user.clone(),
        services: services.into_iter().map(|((service, ..), _)| service).collect(),
        stopped: trial.stopped,
        took_us: micros(started.elapsed()),
        transcripts: trial.transcripts,
    }
}

/// Asks a service what it offers.
async fn look(
    index: u32,
    target: &Target,
    options: &AuthOptions,
    masker: &Masker,
    clock: Clock,
    end: Instant,
) -> Looked {
    let protocol = target.endpoint.scheme.protocol();
    let transcript =
        session::transcript(target, index * TRANSCRIPTS_EACH, "what it offers", &options.connection.limits);
    let id = transcript.id;
    let mut looked = Looked {
        service: AuthService {
            url: target.url.clone(),
            protocol,
            explicit: target.endpoint.explicit,
            before_tls: None,
            inside_tls: None,
            attempts: Vec::new(),
            wrong: None,
            failure: None,
            transcript: Some(id),
        },
        transcript: Transcript::new(id, "", 0),
        address: None,
        before_tls: None,
        inside_tls: None,
        verified: false,
        binds: false,
    };
    let deadline = end.min(Instant::now() + options.connection.limits.service);
    let among = match options.connection.addresses(&target.endpoint, target.addresses.as_deref()).await {
        Ok(among) => among,
        Err(failure) => {
            let mut transcript = transcript;
            let entry = transcript.push(clock.now(), EntryKind::Failure { failure: failure.clone() });
            looked.service.failure = Some(failure.at(Anchor::Entry(entry)));
            looked.transcript = transcript;
            return looked;
        }
    };
    match session::open(target, &among, &options.connection, masker, clock, deadline, transcript).await {
        Ok((session, address)) => {
            let stamp = session.apop_stamp.as_deref();
            let offered = |list: &Option<CapabilityFacts>| {
                list.as_ref().map(|list| Offered::from_capabilities(protocol, Some(list), stamp))
            };
            looked.before_tls = offered(&session.before_tls);
            looked.inside_tls = offered(&session.inside_tls);
            looked.verified = session.tls().is_some_and(TlsFacts::is_verified);
            looked.binds = session.dialogue.can_bind();
            looked.address = Some(address);
            looked.transcript = session.dialogue.finish().await.0;
        }
        Err(NotOpened { failure, transcript, before_tls }) => {
            looked.before_tls =
                before_tls.map(|list| Offered::from_capabilities(protocol, Some(&list), None));
            looked.service.failure = Some(failure);
            looked.transcript = transcript;
        }
    }
    looked.service.before_tls = looked.before_tls.as_ref().map(|o| offer(protocol, o));
    looked.service.inside_tls = looked.inside_tls.as_ref().map(|o| offer(protocol, o));
    looked
}

impl Trial {
    /// Tries every way at a service with the right password.
    async fn try_all(
        &mut self,
        index: u32,
        looked: Looked,
        target: &Target,
    ) -> (AuthService, Vec<Planned>, Option<Address>) {
        let Looked { mut service, transcript, address, before_tls, inside_tls, verified, binds } = looked;
        self.transcripts.push(transcript);
        let mut planned = Vec::new();
        if service.failure.is_none() {
            let situation = Situation {
                protocol: service.protocol,
                before_tls: before_tls.as_ref(),
                inside_tls: inside_tls.as_ref(),
                verified,
                binds,
                has: Has {
                    password: !self.options.credentials.password.expose().is_empty(),
                    token: self.options.token.is_some(),
                    certificate: self.options.connection.identity.is_some(),
                },
                only: &self.options.only,
                all: self.options.all && (target.endpoint.explicit || service.offers_login()),
                login: &self.options.login,
            };
            planned = plan(&situation);
            // A port of a host that offers no login is none that was asked about.
            if !target.endpoint.explicit && !service.offers_login() {
                planned.clear();
            }
        }
        if let Some(address) = &address {
            for (ordinal, way) in (1u32..).zip(&planned) {
                tell(&self.events, Event::Step { service: target.url.clone(), step: ServiceStep::Login });
                let id = index * TRANSCRIPTS_EACH + ordinal.min(TRANSCRIPTS_EACH - 2);
                let attempt = self.attempt(id, way, target, address, false).await;
                service.attempts.push(attempt);
            }
        }
        tell(&self.events, Event::ServiceAcquired { service: target.url.clone() });
        (service, planned, address)
    }

    /// Tries one way on a connection of its own.
    async fn attempt(
        &mut self,
        id: u32,
        planned: &Planned,
        target: &Target,
        address: &Address,
        wrong: bool,
    ) -> AuthAttempt {
        let mut attempt = AuthAttempt {
            way: planned.way.clone(),
            initial_response: planned.initial_response,
            offered_before_tls: planned.offered_before_tls,
            offered_inside_tls: planned.offered_inside_tls,
            result: AuthResult::Refused,
            reply: None,
            took_us: 0,
            trouble: None,
            messages: Vec::new(),
            at: Vec::new(),
            transcript: None,
        };
        let not_tried = match &planned.skip {
            Some(why) => Some(why.clone()),
            None if self.failures >= MOST_FAILURES => {
                self.stopped = true;
                Some(NotTried::Stopped)
            }
            None if Instant::now() >= self.end => Some(NotTried::Deadline),
            None => None,
        };
        if let Some(why) = not_tried {
            attempt.result = AuthResult::NotTried { why };
            return attempt;
        }
        let transcript =
            session::transcript(target, id, &label(planned, wrong), &self.options.connection.limits);
        attempt.transcript = Some(transcript.id);
        let transcript = self.log_in(&mut attempt, planned, target, address, wrong, transcript).await;
        self.transcripts.push(transcript);
        attempt
    }

    async fn log_in(
        &mut self,
        attempt: &mut AuthAttempt,
        planned: &Planned,
        target: &Target,
        address: &Address,
        wrong: bool,
        transcript: Transcript,
    ) -> Transcript {
        let options = Arc::clone(&self.options);
        let protocol = target.endpoint.scheme.protocol();
        let deadline = self.end.min(Instant::now() + options.connection.limits.service);
        let id = transcript.id;
        let among = std::slice::from_ref(address);
        let opened =
            session::open(target, among, &options.connection, &self.masker, self.clock, deadline, transcript);
        let mut session = match opened.await {
            Ok((session, _)) => session,
            Err(NotOpened { failure, transcript, .. }) => {
                let anchor = failure.at.unwrap_or(Anchor::Entry(EntryId(0)));
                attempt.at.push(Evidence { transcript: id, anchor });
                attempt.result = broken(failure);
                return transcript;
            }
        };
        let stamp = session.apop_stamp.clone();
        let offered = Offered::from_capabilities(protocol, session.capabilities(), stamp.as_deref());
        // What is offered may differ from one connection to the next; what was planned is tried all the same.
        let offered = with(offered, &planned.way);
        let login = LoginOptions {
            mechanism: Some(planned.way.clone()),
            initial_response: planned.initial_response,
            ..options.login.clone()
        };
        let mut credentials = options.credentials.clone();
        let takes_token = mechanism(&planned.way).is_some_and(|m| m.meta().needs == Needs::Token);
        if wrong {
            credentials.password = wrong_password(options.connection.seed);
        } else if let Some(token) = options.token.as_ref().filter(|_| takes_token) {
            credentials.password = token.clone();
        }
        let Login { facts, trouble, messages } =
            session.dialogue.login_in_detail(&credentials, &offered, &login).await;
        attempt.took_us = facts.took_us;
        attempt.at = facts.at;
        attempt.reply = facts.reply;
        attempt.result = match facts.result {
            LoginResult::Accepted => AuthResult::Accepted,
            LoginResult::Refused => refused(protocol, attempt.reply.as_deref(), trouble.as_ref()),
            LoginResult::Failed { failure } => broken(failure),
            LoginResult::NotSent { failure } => AuthResult::NotTried {
                why: match failure.cause {
                    ehlo_core::Cause::UnsafeForSecret { why } => NotTried::Unsafe { why },
                    _ => NotTried::NotOffered,
                },
            },
        };
        attempt.trouble = trouble.as_ref().map(told);
        attempt.messages = messages.into_iter().map(|(at, message)| taken(at, message)).collect();
        if counts(&attempt.result) {
            self.failures += 1;
        }
        // The server lets go of a maildrop when QUIT has been answered, not before.
        session.dialogue.finish().await.0
    }
}

/// What a server that says no means by it, or that said yes and is not believed.
fn refused(protocol: Protocol, reply: Option<&str>, trouble: Option<&Trouble>) -> AuthResult {
    match reply {
        _ if trouble.is_some_and(|t| matches!(t, Trouble::WrongServerProof | Trouble::NoServerProof)) => {
            AuthResult::Unproven
        }
        // What the server complains of is its refusal; everything else we stumbled over ourselves.
        _ if trouble.is_some_and(|t| !matches!(t, Trouble::Server { .. })) => AuthResult::GivenUp,
        Some(reply) if is_transient(protocol, reply) => AuthResult::Unavailable,
        _ => AuthResult::Refused,
    }
}

fn broken(failure: Failure) -> AuthResult {
    if turned_away(&failure) { AuthResult::Unavailable } else { AuthResult::Broken { failure } }
}

/// Whether the server may have taken it for a wrong password.
fn counts(result: &AuthResult) -> bool {
    match result {
        // Servers count a login that the client gives up as well.
        AuthResult::Refused | AuthResult::GivenUp | AuthResult::Unproven => true,
        AuthResult::Broken { failure } => failure.stage == Stage::Auth,
        _ => false,
    }
}

fn told(trouble: &Trouble) -> AuthTrouble {
    let values = trouble.values().into_iter().map(|(name, value)| (name.to_owned(), value));
    AuthTrouble { id: trouble.id().to_owned(), values: values.collect() }
}

/// A message as plain data; a field that is secret has no value.
fn taken(at: Span, message: Told) -> AuthMessage {
    let field = |field: ehlo_wire::sasl::decode::Field| AuthField {
        value: field.shown().map(str::to_owned),
        bytes: field.at.len() as u64,
        name: field.name,
    };
    let mut flaws: Vec<String> = Vec::new();
    for flaw in &message.decoded.flaws {
        if !flaws.iter().any(|known| known == flaw.kind.id()) {
            flaws.push(flaw.kind.id().to_owned());
        }
    }
    AuthMessage {
        from: message.from,
        at,
        kind: message.decoded.kind.id().to_owned(),
        fields: message.decoded.fields.into_iter().map(field).collect(),
        flaws,
    }
}

/// What a server may not be shown to have sent back: every secret of the run, also as it is shown when escaped.
fn masker(options: &AuthOptions) -> Masker {
    let wrong = options.wrong.then(|| wrong_password(options.connection.seed));
    let mut masker = Masker::new();
    for secret in
        [Some(&options.credentials.password), options.token.as_ref(), wrong.as_ref()].into_iter().flatten()
    {
        masker.learn(secret.expose().as_bytes());
        masker.learn(escape(secret.expose().as_bytes()).as_bytes());
    }
    masker
}

/// A password that nobody has.
fn wrong_password(seed: u64) -> Secret<String> {
    Secret::new(format!("wrong-{:016x}", seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn label(planned: &Planned, wrong: bool) -> String {
    let initial = match planned.initial_response {
        Some(true) => " with initial response",
        Some(false) => " without initial response",
        None => "",
    };
    format!("{}{initial}{}", planned.way, if wrong { ", wrong password" } else { "" })
}

/// Nobody has to listen.
fn tell(events: &UnboundedSender<Event>, event: Event) {
    let _ = events.send(event);
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

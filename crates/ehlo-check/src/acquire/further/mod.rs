//! Questions that need connections of their own, one after the other and behind the main dialogue: only when a usual
//! session has come about does it mean anything that an unusual one fails.
//!
//! Each dialogue is led on the heap: one after the other they would otherwise all have their place on the stack.

mod bare_lf;
mod injection;
mod login;
mod login_state;
mod message;
mod ntlm;
mod pipelining;
mod policy;
mod relay;
mod sender;
mod session;
mod smuggling;
mod state;

use super::main_dialogue::close;
use super::service::Service;
use crate::Question;
use crate::question::{bound_scram, scram};
use bare_lf::Place;
use ehlo_core::facts::{Answered, ConnectionFacts, LoginResult, ProbeFacts, ProbeId, ServiceFacts};
use ehlo_core::{Address, Failure, Protocol, Transcript};
use ehlo_dialogue::{BindingChoice, Dialogue};
use ehlo_wire::sasl::BindingKind;
use injection::Way;
use login::Attempt;
use tokio::time::Instant;

/// Further transcripts of a service are numbered from here.
const FIRST: u32 = 900;

/// Those of further logins from here.
const FIRST_LOGIN: u32 = 960;

/// So many logins may fail in a run; then no further one that is to fail is tried (`checks.md` §3 row 28).
const MOST_FAILURES: u32 = 3;

type Found = Vec<(ConnectionFacts, Transcript)>;

/// What further connections are made with.
struct Asker<'a> {
    service: &'a Service,
    address: &'a Address,
    /// Whether TLS came about in the main dialogue.
    with_tls: bool,
    next: u32,
    found: Found,
}

/// A further dialogue, and what is seen in it. On the heap, as all that is done with it: whoever asks would otherwise hold
/// it on the stack once for each question that there is.
struct Led {
    dialogue: Dialogue,
    facts: ConnectionFacts,
}

/// Asks what is wanted and makes sense here.
pub(super) async fn ask_further(service: &Service, address: &Address, facts: &ServiceFacts) -> Found {
    let Some(main) = facts.main() else { return Vec::new() };
    let with_tls = main.tls.is_some();
    let mut asker = Asker { service, address, with_tls, next: FIRST, found: Vec::new() };
    for &question in &service.asks {
        if !question.is_askable(&service.job.endpoint, main) {
            continue;
        }
        match question {
            // Last of all.
            Question::Binding | Question::Scram | Question::Oracle => {}
            Question::Injection => Box::pin(asker.inject(question, &[Way::Together])).await,
            Question::InjectionApart => {
                Box::pin(asker.inject(question, &[Way::Apart, Way::ApartBareLf])).await
            }
            Question::State => {
                if let Some(mut led) = asker.open(question).await {
                    let Led { dialogue, facts } = &mut *led;
                    let result = match service.protocol() {
                        Protocol::Smtp | Protocol::Lmtp => {
                            Box::pin(state::carry_over(service, dialogue, facts)).await
                        }
                        _ => Box::pin(login_state::carry_over(service, dialogue, facts)).await,
                    };
                    asker.close(led, result).await;
                }
            }
            Question::Pipelining => {
                if let Some(mut led) = asker.open(question).await {
                    let Led { dialogue, facts } = &mut *led;
                    let result =
                        Box::pin(pipelining::send_too_early(service, dialogue, facts, with_tls)).await;
                    asker.close(led, result).await;
                }
            }
            Question::Sender => {
                if let Some(mut led) = asker.open(question).await {
                    let Led { dialogue, facts } = &mut *led;
                    let result = Box::pin(sender::forge(service, dialogue, facts, with_tls, main)).await;
                    asker.close(led, result).await;
                }
            }
            Question::BareLf => {
                let chunks = main.capabilities.iter().any(|list| list.has("CHUNKING"));
                for place in Place::ALL.into_iter().filter(|place| chunks || *place != Place::Chunk) {
                    let Some(mut led) = asker.open(question).await else { break };
                    let Led { dialogue, facts } = &mut *led;
                    let result = Box::pin(bare_lf::send(service, dialogue, facts, with_tls, place)).await;
                    asker.close(led, result).await;
                }
            }
            Question::Policy => {
                if let Some(mut led) = asker.open(question).await {
                    let Led { dialogue, facts } = &mut *led;
                    let result =
                        Box::pin(policy::ask_about_addresses(service, dialogue, facts, with_tls)).await;
                    asker.close(led, result).await;
                }
            }
            Question::Ntlm => {
                if let Some(mut led) = asker.open(question).await {
                    let Led { dialogue, facts } = &mut *led;
                    let result = Box::pin(ntlm::ask(service, dialogue, facts, with_tls)).await;
                    asker.close(led, result).await;
                }
            }
            Question::Relay => Box::pin(asker.relay(main)).await,
            Question::Smuggling => {
                for &fake in smuggling::FAKES {
                    let Some(mut led) = asker.open(question).await else { break };
                    let Led { dialogue, facts } = &mut *led;
                    let result =
                        Box::pin(smuggling::send_fake(service, dialogue, facts, with_tls, fake)).await;
                    let taken = led.facts.probe(ProbeId::FakeEndOfData).is_some();
                    asker.close(led, result).await;
                    if !taken {
                        break;
                    }
                }
            }
        }
    }
    asker.found
}

/// Logs in as often as was allowed. `failures` are the logins that have failed in this run.
pub(super) async fn ask_by_login(service: &Service, facts: &ServiceFacts, failures: &mut u32) -> Found {
    let Some(main) = facts.main() else { return Vec::new() };
    let (address, endpoint) = (&main.address, &service.job.endpoint);
    let mut asker = Asker { service, address, with_tls: true, next: FIRST_LOGIN, found: Vec::new() };
    for &question in service.asks.iter().filter(|q| q.is_by_login()) {
        // Nobody is locked out of the lab.
        let may_fail = service.job.lab || *failures + question.failures() <= MOST_FAILURES;
        if !question.is_askable(endpoint, main) || !may_fail {
            continue;
        }
        let before = asker.found.len();
        match question {
            Question::Binding => Box::pin(asker.bind(bound_scram(endpoint, main))).await,
            Question::Scram => {
                let told = |(c, _): &(ConnectionFacts, _)| c.probe(ProbeId::ScramIterations).is_some();
                if let (Some(way), false) = (scram(endpoint, main), asker.found.iter().any(told)) {
                    asker.log_in(question, None, way, BindingChoice::Best).await;
                }
            }
            Question::Oracle => {
                let way = main.login.as_ref().map(|l| l.mechanism.as_str()).unwrap_or_default();
                // A server may take more time for each further failure: the account comes first, so that it cannot seem
                // slow because of that.
                for who in [ProbeId::KnownUser, ProbeId::UnknownUser] {
                    asker.log_in(question, Some(who), way, BindingChoice::Best).await;
                }
            }
            _ => {}
        }
        let tried = asker.found[before..].iter().filter_map(|(c, _)| c.login.as_ref());
        let failed = tried.filter(|login| login.result == LoginResult::Refused).count();
        *failures += u32::try_from(failed).unwrap_or(u32::MAX);
    }
    asker.found
}

impl Asker<'_> {
    /// Logs in once; what the login was to show.
    async fn log_in(
        &mut self,
        question: Question,
        shows: Option<ProbeId>,
        way: &str,
        binding: BindingChoice,
    ) -> Option<ProbeFacts> {
        let mut led = self.open(question).await?;
        let Led { dialogue, facts } = &mut *led;
        let attempt = Attempt { shows, way: way.to_owned(), binding };
        let result = Box::pin(login::log_in(self.service, dialogue, facts, attempt)).await;
        let shown = shows.and_then(|id| led.facts.probe(id).cloned());
        self.close(led, result).await;
        shown
    }

    /// Two logins: one that is tied to this connection, and one that is tied to another.
    async fn bind(&mut self, way: Option<&str>) {
        let Some(way) = way else { return };
        let bound = self.log_in(Question::Binding, Some(ProbeId::BoundLogin), way, BindingChoice::Best).await;
        let Some(bound) = bound else { return };
        // RFC 5802 §7, `server-error-value`.
        let unsupported = bound.reply.as_deref() == Some("unsupported-channel-binding-type");
        let (shows, binding) = match bound.answer {
            Answered::Accepted => (ProbeId::WronglyBoundLogin, BindingChoice::Wrong),
            // A server that does not know this kind may know the other one (RFC 5929 §4).
            Answered::Refused if unsupported => {
                (ProbeId::BoundLogin, BindingChoice::Only(BindingKind::TlsServerEndPoint))
            }
            _ => return,
        };
        self.log_in(Question::Binding, Some(shows), way, binding).await;
    }

    /// One more connection; none if it does not come about, or there is no time for it.
    async fn open(&mut self, question: Question) -> Option<Box<Led>> {
        if Instant::now() >= self.service.deadline {
            return None;
        }
        let ordinal = self.next;
        self.next += 1;
        match Box::pin(self.service.another(self.address, ordinal, question.purpose())).await? {
            Ok(dialogue) => {
                let id = dialogue.transcript().id;
                let facts = ConnectionFacts::new(question.purpose(), id, self.address.clone());
                Some(Box::new(Led { dialogue, facts }))
            }
            Err(failed) => {
                self.found.push(failed);
                None
            }
        }
    }

    /// Ends a dialogue, however far it came, and keeps what it was good for.
    async fn close(&mut self, led: Box<Led>, result: Result<(), Failure>) {
        let Led { dialogue, facts } = *led;
        self.found.push(Box::pin(close(dialogue, facts, result.err())).await);
    }

    async fn inject(&mut self, question: Question, ways: &[Way]) {
        for &way in ways {
            let Some(mut led) = self.open(question).await else { return };
            let Led { dialogue, facts } = &mut *led;
            let result = Box::pin(injection::inject(self.service, dialogue, facts, way)).await;
            self.close(led, result).await;
        }
    }

    async fn relay(&mut self, main: &ConnectionFacts) {
        let (service, address, with_tls) = (self.service, self.address, self.with_tls);
        let (host, ip) = relay::names(service, address, main);
        let patterns = relay::patterns(&relay::target(service), &host, &ip);
        let mut taken = None;
        for some in patterns.chunks(relay::EACH) {
            let Some(mut led) = self.open(Question::Relay).await else { return };
            let Led { dialogue, facts } = &mut *led;
            let result = Box::pin(relay::try_patterns(service, dialogue, facts, with_tls, some)).await;
            let accepted = led.facts.probes.iter().find(|p| p.answer == Answered::Accepted);
            let shown = accepted.and_then(|p| p.detail.as_deref());
            taken = patterns.iter().find(|p| Some(p.shown().as_str()) == shown);
            self.close(led, result).await;
            if taken.is_some() {
                break;
            }
        }
        if let (Some(pattern), true) = (taken, service.options.extra.outside.is_some())
            && let Some(mut led) = self.open(Question::Relay).await
        {
            let Led { dialogue, facts } = &mut *led;
            let result = Box::pin(relay::prove(service, dialogue, facts, with_tls, pattern)).await;
            self.close(led, result).await;
        }
    }
}

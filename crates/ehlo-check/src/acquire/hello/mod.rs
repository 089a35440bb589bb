//! Asks by hand-made hellos what a service would take: each on a connection of its own, which ends as soon as the
//! server has chosen or refused.

mod groups;
mod list;
mod odd;
mod old_versions;
mod one;
mod plan;
mod prove;
mod strictness;

pub(crate) use plan::suites_of;

use super::service::Service;
use crate::Pace;
use ehlo_core::facts::{
    Answered, ConnectionFacts, HelloAnswer, HelloFacts, HelloQuestion, TlsProbeFacts, TlsProbeMode,
};
use ehlo_core::{Address, Cause, Role, ServiceStep, Stage, TlsMode, Transcript};
use ehlo_wire::tls::{Alert, Suite, Version};
use one::{Asked, one};
use plan::Ask;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait before a server is asked again that has had enough.
const GAP: Duration = Duration::from_secs(2);

/// Asks one service at one address.
struct Prober<'a> {
    service: &'a Arc<Service>,
    address: Address,
    mode: TlsProbeMode,
    /// How many connections may be open at once.
    lanes: usize,
    next_ordinal: u32,
    /// Whether the main dialogue has a session.
    has_session: bool,
    /// Whether suites with Diffie-Hellman in a finite field are asked about apart.
    split: bool,
    /// What was answered by a choice.
    answered: Option<Ask>,
    facts: TlsProbeFacts,
    connections: Vec<(ConnectionFacts, Transcript)>,
    /// The server has had enough, or our time is up.
    stopped: bool,
}

/// Whether it makes sense to ask by hand: there is a session, or the server said no to what our own client offers, as one
/// does that knows only what is old. A server that falls silent, hangs up or talks nonsense is left alone.
pub(super) fn is_askable(service: &Service, main: &ConnectionFacts) -> bool {
    let said_no = match main.failure.as_ref().filter(|f| f.stage == Stage::Handshake).map(|f| &f.cause) {
        Some(Cause::TlsAlert { .. }) => true,
        // What rustls says when a server chooses what it does not know.
        Some(Cause::TlsFailed { detail }) => detail.starts_with("peer is incompatible"),
        _ => false,
    };
    let began = service.tls_mode() == TlsMode::Implicit
        || main.starttls.as_ref().is_some_and(|s| s.answer == Answered::Accepted);
    began && (main.tls.is_some() || said_no) && service.job.endpoint.path.is_none()
}

/// Asks everything that `mode` asks; transcripts are numbered from `ordinal`.
pub(super) async fn probe(
    service: &Arc<Service>,
    address: Address,
    mode: TlsProbeMode,
    ordinal: u32,
    has_session: bool,
) -> (TlsProbeFacts, Vec<(ConnectionFacts, Transcript)>) {
    service.tell(ServiceStep::Tls);
    let lanes = match (service.role(), service.tls_mode()) {
        (Role::Mx, _) => 1,
        (_, TlsMode::Implicit) => 4,
        _ => 2,
    };
    let lanes = service.options.pace.max_conn.map_or(lanes, |most| lanes.min(most.get()));
    let budget = service.options.pace.budget.clamp(1, Pace::MOST);
    let mut prober = Prober {
        service,
        address,
        mode,
        lanes,
        next_ordinal: ordinal,
        has_session,
        split: false,
        answered: None,
        // The main dialogue has done one.
        facts: TlsProbeFacts {
            mode,
            hellos: Vec::new(),
            chains: Vec::new(),
            handshakes: 1,
            budget,
            truncated: false,
        },
        connections: Vec::new(),
        stopped: false,
    };
    prober.prove().await;
    if mode >= TlsProbeMode::List {
        prober.look_for_weak_curves().await;
        prober.list_suites().await;
        prober.ask_by_other_names().await;
        prober.list_newest().await;
    }
    if mode >= TlsProbeMode::Deep {
        prober.look_for_orders().await;
        prober.ask_oddly().await;
    }
    prober.settle().await;
    prober.facts.hellos.sort_by_key(|h| h.question);
    (prober.facts, prober.connections)
}

impl Prober<'_> {
    fn chosen_suites(&self) -> Vec<Suite> {
        let chosen = self.facts.hellos.iter().filter_map(HelloFacts::chosen).filter(|c| c.offered);
        chosen.map(|c| Suite(c.suite)).collect()
    }

    fn chosen_in(&self, version: Version) -> Vec<Suite> {
        let chosen = self.facts.hellos.iter().filter_map(HelloFacts::chosen);
        chosen.filter(|c| c.offered && c.version == version.0).map(|c| Suite(c.suite)).collect()
    }

    fn is_refused(&self, question: HelloQuestion) -> bool {
        // That a server hangs up is settled in the end.
        let mut of = self.facts.hellos.iter().filter(|h| h.question == question);
        of.any(|h| h.is_refused() || h.is_wordless())
    }

    fn refused_for_its_version(&self, question: HelloQuestion) -> bool {
        let name = Alert::PROTOCOL_VERSION.name().unwrap_or_default();
        let mut of = self.facts.hellos.iter().filter(|h| h.question == question);
        of.any(|h| matches!(&h.answer, HelloAnswer::Refused { alert } if alert == name))
    }

    /// Asks several questions, as many at once as the server bears. What brought no answer is asked once more. On the heap:
    /// whoever asks would otherwise hold all of it on the stack, once for each question that he may ask.
    fn ask_all(&mut self, asks: Vec<Ask>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.ask_each(asks))
    }

    async fn ask_each(&mut self, asks: Vec<Ask>) {
        let mut waiting: std::collections::VecDeque<(Ask, u32)> = asks.into_iter().map(|a| (a, 1)).collect();
        while !waiting.is_empty() && !self.stopped {
            let room = usize::try_from(self.facts.budget.saturating_sub(self.facts.handshakes)).unwrap_or(0);
            if room == 0 {
                self.facts.truncated = true;
                self.stopped = true;
                return;
            }
            let now = waiting.len().min(self.lanes).min(room);
            let mut tasks = tokio::task::JoinSet::new();
            for (place, (ask, attempt)) in waiting.drain(..now).enumerate() {
                let (service, address) = (Arc::clone(self.service), self.address.clone());
                let ordinal = self.next_ordinal;
                self.next_ordinal += 1;
                tasks.spawn(async move { (place, attempt, one(&service, address, ask, ordinal).await) });
            }
            let mut found = super::service::all(tasks).await;
            found.sort_by_key(|(place, ..)| *place);
            let mut enough = false;
            for (_, attempt, asked) in found {
                let Asked { ask, answer, connection, transcript, at, chain, begun } = asked;
                self.facts.handshakes += u32::from(begun);
                let (failed, limited, over) = match &answer {
                    HelloAnswer::None { failure, rate_limited } => {
                        (true, *rate_limited, matches!(failure.cause, Cause::Deadline { .. }))
                    }
                    _ => (false, false, false),
                };
                enough |= limited;
                let id = connection.transcript;
                self.connections.push((connection, transcript));
                self.take_down(&answer, &chain);
                let hello = HelloFacts {
                    question: ask.question,
                    version: ask.version.0,
                    suites: ask.suites.iter().map(|s| s.0).collect(),
                    alpn: ask.alpn.map(str::to_owned),
                    answer,
                    attempts: attempt,
                    transcript: id,
                    at,
                };
                // Who hangs up will do so again.
                if failed && attempt == 1 && !over && !hello.is_wordless() {
                    // Who has had enough is asked the same again before anything else, so that we soon know.
                    match limited {
                        true => waiting.push_front((ask, 2)),
                        false => waiting.push_back((ask, 2)),
                    }
                    continue;
                }
                self.stopped |= (limited && attempt > 1) || over;
                if hello.chosen().is_some_and(|c| c.offered) {
                    self.answered = Some(ask);
                }
                self.facts.hellos.push(hello);
            }
            if enough {
                self.lanes = (self.lanes / 2).max(1);
                if Instant::now() + GAP < self.service.deadline {
                    tokio::time::sleep(GAP).await;
                }
            }
        }
    }
}

//! Questions that need connections of their own, one after the other and behind the main dialogue: only when a usual
//! session has come about does it mean anything that an unusual one fails.
//!
//! Each dialogue is led on the heap: one after the other they would otherwise all have their place on the stack.

mod bare_lf;
mod injection;
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

use super::service::Service;
use crate::Question;
use bare_lf::Place;
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeId, ServiceFacts};
use ehlo_core::{Address, Protocol, Transcript};
use ehlo_dialogue::Dialogue;
use injection::Way;
use tokio::time::Instant;

/// Further transcripts of a service are numbered from here.
const FIRST: u32 = 900;

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
            Question::Injection => Box::pin(asker.inject(question, &[Way::Together])).await,
            Question::InjectionApart => {
                Box::pin(asker.inject(question, &[Way::Apart, Way::ApartBareLf])).await
            }
            Question::State => {
                if let Some(dialogue) = asker.open(question).await {
                    let smtp = matches!(service.protocol(), Protocol::Smtp | Protocol::Lmtp);
                    asker.found.push(match smtp {
                        true => Box::pin(state::carry_over(service, address.clone(), dialogue)).await,
                        false => Box::pin(login_state::carry_over(service, address.clone(), dialogue)).await,
                    });
                }
            }
            Question::Pipelining => {
                if let Some(dialogue) = asker.open(question).await {
                    let led =
                        Box::pin(pipelining::send_too_early(service, address.clone(), dialogue, with_tls))
                            .await;
                    asker.found.push(led);
                }
            }
            Question::Sender => {
                if let Some(dialogue) = asker.open(question).await {
                    let led =
                        Box::pin(sender::forge(service, address.clone(), dialogue, with_tls, main)).await;
                    asker.found.push(led);
                }
            }
            Question::BareLf => {
                let chunks = main.capabilities.iter().any(|list| list.has("CHUNKING"));
                for place in Place::ALL.into_iter().filter(|place| chunks || *place != Place::Chunk) {
                    let Some(dialogue) = asker.open(question).await else { break };
                    let led =
                        Box::pin(bare_lf::send(service, address.clone(), dialogue, with_tls, place)).await;
                    asker.found.push(led);
                }
            }
            Question::Policy => {
                if let Some(dialogue) = asker.open(question).await {
                    let led =
                        Box::pin(policy::ask_about_addresses(service, address.clone(), dialogue, with_tls))
                            .await;
                    asker.found.push(led);
                }
            }
            Question::Ntlm => {
                if let Some(dialogue) = asker.open(question).await {
                    asker.found.push(Box::pin(ntlm::ask(service, address.clone(), dialogue, with_tls)).await);
                }
            }
            Question::Relay => Box::pin(asker.relay(main)).await,
            Question::Smuggling => {
                for &fake in smuggling::FAKES {
                    let Some(dialogue) = asker.open(question).await else { break };
                    let led =
                        Box::pin(smuggling::send_fake(service, address.clone(), dialogue, with_tls, fake))
                            .await;
                    let taken = led.0.probe(ProbeId::FakeEndOfData).is_some();
                    asker.found.push(led);
                    if !taken {
                        break;
                    }
                }
            }
        }
    }
    asker.found
}

impl Asker<'_> {
    /// One more connection; none if it does not come about, or there is no time for it.
    async fn open(&mut self, question: Question) -> Option<Dialogue> {
        if Instant::now() >= self.service.deadline {
            return None;
        }
        let ordinal = self.next;
        self.next += 1;
        match Box::pin(self.service.another(self.address, ordinal, question.purpose())).await? {
            Ok(dialogue) => Some(dialogue),
            Err(failed) => {
                self.found.push(failed);
                None
            }
        }
    }

    async fn inject(&mut self, question: Question, ways: &[Way]) {
        for &way in ways {
            let Some(dialogue) = self.open(question).await else { return };
            let led = Box::pin(injection::inject(self.service, self.address.clone(), dialogue, way)).await;
            self.found.push(led);
        }
    }

    async fn relay(&mut self, main: &ConnectionFacts) {
        let (service, address, with_tls) = (self.service, self.address, self.with_tls);
        let (host, ip) = relay::names(service, address, main);
        let patterns = relay::patterns(&relay::target(service), &host, &ip);
        let mut taken = None;
        for some in patterns.chunks(relay::EACH) {
            let Some(dialogue) = self.open(Question::Relay).await else { return };
            let led = Box::pin(relay::try_patterns(service, address.clone(), dialogue, with_tls, some)).await;
            let accepted = led.0.probes.iter().find(|p| p.answer == Answered::Accepted);
            taken = accepted.and_then(|p| p.detail.clone());
            self.found.push(led);
            if taken.is_some() {
                break;
            }
        }
        if let (Some(shown), true) = (taken, service.options.extra.outside.is_some())
            && let Some(dialogue) = self.open(Question::Relay).await
        {
            let led =
                Box::pin(relay::prove(service, address.clone(), dialogue, with_tls, &shown, &patterns)).await;
            self.found.push(led);
        }
    }
}

//! Questions that need connections of their own, one after the other and behind the main dialogue: only when a usual
//! session has come about does it mean anything that an unusual one fails.

mod injection;
mod state;

use super::service::Service;
use crate::Question;
use ehlo_core::facts::{ConnectionFacts, ServiceFacts};
use ehlo_core::{Address, Transcript};
use tokio::time::Instant;

/// Further transcripts of a service are numbered from here.
const FIRST: u32 = 900;

/// Asks what is wanted and makes sense here.
pub(super) async fn ask_further(
    service: &Service,
    address: &Address,
    facts: &ServiceFacts,
) -> Vec<(ConnectionFacts, Transcript)> {
    let mut found = Vec::new();
    let Some(main) = facts.main() else { return found };
    for (ordinal, &question) in (FIRST..).zip(Question::ALL) {
        if !service.asks.contains(&question) || !question.is_askable(&service.job.endpoint, main) {
            continue;
        }
        if Instant::now() >= service.deadline {
            break;
        }
        let purpose = question.purpose();
        found.extend(match service.another(address, ordinal, purpose).await {
            Some(Ok(dialogue)) => Some(match question {
                Question::Injection => injection::inject(service, address.clone(), dialogue, false).await,
                Question::InjectionApart => injection::inject(service, address.clone(), dialogue, true).await,
                Question::State => state::carry_over(service, address.clone(), dialogue).await,
            }),
            Some(Err(failed)) => Some(failed),
            None => None,
        });
    }
    found
}

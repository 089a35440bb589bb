//! Exact lists of suites and groups.

use super::Prober;
use super::plan::{self, Ask, MOST_SUITES};
use ehlo_core::facts::{ChosenFacts, HelloQuestion, TlsProbeMode};
use ehlo_wire::tls::{Group, Suite, Version};

impl Prober<'_> {
    /// The exact list of suites in TLS 1.2: what was chosen is left out of the next hello, until nothing is chosen.
    pub(super) async fn list_suites(&mut self) {
        let deep = self.mode >= TlsProbeMode::Deep;
        let known: Vec<Suite> = self.chosen_in(Version::TLS12);
        let none: Vec<Suite> = self
            .facts
            .hellos
            .iter()
            .filter(|h| h.version == Version::TLS12.0 && !h.asks_for_more_than_suites())
            .filter(|h| h.alpn.is_none() && (h.is_refused() || h.is_wordless()))
            .flat_map(|h| h.suites.iter().map(|s| Suite(*s)))
            .collect();
        let mut pool: Vec<Suite> = Suite::askable()
            .filter(|s| !s.is_tls13() && (deep || !s.is_exotic()))
            .filter(|s| !known.contains(s) && !none.contains(s))
            .collect();
        pool.sort_by_key(|s| (!s.is_recommended(), s.is_finite_field()));
        // Where nothing hides behind Diffie-Hellman in a finite field, one list saves a handshake.
        let split = self.split;
        let (finite, others): (Vec<Suite>, Vec<Suite>) =
            pool.into_iter().partition(|s| split && s.is_finite_field());
        for mut left in [others, finite] {
            while !left.is_empty() {
                // What was chosen makes room for the next one, so that only those that are refused cost a hello of their own.
                let offered: Vec<Suite> = left.iter().copied().take(MOST_SUITES).collect();
                let ask = Ask::new(HelloQuestion::Suites, Version::TLS12, offered.clone());
                match self.next_choice(ask).await {
                    Some(chosen) if chosen.version == Version::TLS12.0 => {
                        left.retain(|s| s.0 != chosen.suite)
                    }
                    _ => left.retain(|s| !offered.contains(s)),
                }
            }
        }
    }

    /// The exact lists of suites and groups in TLS 1.3: without a key share the server names what it wants, and neither
    /// side computes anything.
    pub(super) async fn list_newest(&mut self) {
        let mut suites: Vec<Suite> = Suite::askable().filter(|s| s.is_tls13()).collect();
        let all = suites.clone();
        let mut wanted = plan::groups();
        while !suites.is_empty() {
            let ask = Ask::new(HelloQuestion::Suites, Version::TLS13, suites.clone());
            match self.next_choice(ask).await {
                Some(chosen) => {
                    suites.retain(|s| s.0 != chosen.suite);
                    let group = chosen.group.as_deref().and_then(Group::named);
                    wanted.retain(|g| Some(*g) != group);
                }
                None if suites.len() == all.len() => return,
                None => break,
            }
        }
        self.list_groups(wanted, &all).await;
    }

    /// Asks once, and yields what was chosen of what was offered.
    pub(super) async fn next_choice(&mut self, ask: Ask) -> Option<ChosenFacts> {
        if self.stopped {
            return None;
        }
        self.ask_all(vec![ask]).await;
        let last = self.facts.hellos.last()?;
        last.chosen().filter(|c| c.offered).cloned()
    }
}

//! Key exchange groups, and whose order counts.

use super::Prober;
use super::plan::{self, Ask};
use ehlo_core::facts::HelloQuestion;
use ehlo_wire::tls::{Group, KeyExchange, Suite, Version};

impl Prober<'_> {
    /// The exact list of groups in TLS 1.3, `wanted` being those that were not chosen yet: without a key share the server
    /// names the one that it likes best (HelloRetryRequest, RFC 8446 §4.1.4).
    pub(super) async fn list_groups(&mut self, mut wanted: Vec<Group>, suites: &[Suite]) {
        while !wanted.is_empty() {
            let mut ask = Ask::new(HelloQuestion::Groups, Version::TLS13, suites.to_vec());
            ask.groups.clone_from(&wanted);
            let group = self.next_choice(ask).await.and_then(|c| Group::named(c.group.as_deref()?));
            let Some(group) = group.filter(|g| wanted.contains(g)) else { return };
            wanted.retain(|g| *g != group);
        }
    }

    /// Which curves are taken that should not be: there are none in TLS 1.3, so only servers with TLS 1.2 are asked.
    pub(super) async fn look_for_weak_curves(&mut self) {
        let of_tls12 = self.chosen_in(Version::TLS12);
        if !of_tls12.iter().any(|s| s.key_exchange() == KeyExchange::Ecdhe) {
            return;
        }
        let mut wanted: Vec<Group> = Group::ALL.iter().copied().filter(|g| g.is_weak_curve()).collect();
        while !wanted.is_empty() {
            let mut ask = plan::on_curves();
            ask.groups.clone_from(&wanted);
            let group = self.next_choice(ask).await.and_then(|c| Group::named(c.group.as_deref()?));
            let Some(group) = group.filter(|g| wanted.contains(g)) else { return };
            wanted.retain(|g| *g != group);
        }
    }

    /// Whether the server chooses by its own order or by the client's: suites in TLS 1.2 with the best in front and with
    /// the best at the end, groups in TLS 1.3 the other way round.
    pub(super) async fn look_for_orders(&mut self) {
        let mut suites = self.chosen_in(Version::TLS12);
        suites.sort_by_key(|s| (plan::flaws(*s), s.0));
        suites.dedup();
        if suites.len() > 1 {
            self.next_choice(Ask::new(HelloQuestion::Order, Version::TLS12, suites.clone())).await;
            suites.reverse();
            self.next_choice(Ask::new(HelloQuestion::Order, Version::TLS12, suites)).await;
        }
        let newest = self.chosen_in(Version::TLS13);
        let chosen =
            self.facts.hellos.iter().filter_map(|h| h.chosen()).filter(|c| c.version == Version::TLS13.0);
        let groups: Vec<Group> = chosen.filter_map(|c| Group::named(c.group.as_deref()?)).collect();
        if groups.iter().any(|g| *g != groups[0]) {
            let mut ask = Ask::new(HelloQuestion::Order, Version::TLS13, newest);
            ask.groups.reverse();
            self.next_choice(ask).await;
        }
    }
}

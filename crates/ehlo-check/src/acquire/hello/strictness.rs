//! How strict a server is with what is not meant for it: an application protocol that it does not speak, and a server name
//! that it does not have. And which certificates come to light meanwhile.

use super::Prober;
use super::plan::{Ask, recommended};
use ehlo_core::facts::{HelloAnswer, HelloQuestion};
use ehlo_wire::tls::{Suite, Version};

/// What browsers ask for, and no mail server speaks.
const FOREIGN: &str = "http/1.1";

/// A name that nobody can have (RFC 6761 §6.4).
const NOBODY: &str = "ehlo-probe.invalid";

/// The most chains that are kept of one service.
const MOST_CHAINS: usize = 16;

/// The server name that a hello asks for; `own` is that of the service.
pub(super) fn name(question: HelloQuestion, own: Option<String>) -> Option<String> {
    match question {
        HelloQuestion::NoName => None,
        HelloQuestion::UnknownName => Some(NOBODY.to_owned()),
        _ => own,
    }
}

impl Prober<'_> {
    /// Asks for the recommended suites, and for a protocol that is not spoken here: who is not strict overlooks it, so that
    /// one hello answers both. Who does not choose is asked again without it, since nobody knows which of the two he minds.
    pub(super) async fn ask_recommended(&mut self) {
        let plain = Ask::new(HelloQuestion::Recommended, Version::TLS12, recommended());
        self.ask_all(vec![Ask { alpn: Some(FOREIGN), ..plain.clone() }]).await;
        let last = self.facts.hellos.iter().rfind(|h| h.question == HelloQuestion::Recommended);
        if last.is_some_and(|h| h.chosen().is_none()) {
            self.ask_all(vec![plain]).await;
        }
    }

    /// Asks once more for what showed a certificate, without a name and under the name of nobody. What TLS 1.3 shows is
    /// encrypted, so there is nothing to ask where nothing older is taken.
    pub(super) async fn ask_by_other_names(&mut self) {
        let shown = |question: Option<HelloQuestion>| {
            self.facts.hellos.iter().find(|h| {
                question.is_none_or(|q| h.question == q)
                    && h.chosen().is_some_and(|c| c.offered && c.certificate.is_some())
            })
        };
        let Some(shown) = shown(Some(HelloQuestion::Recommended)).or_else(|| shown(None)) else { return };
        let version = Version(shown.version);
        let suites: Vec<Suite> = shown.suites.iter().map(|s| Suite(*s)).collect();
        let ask = |question| Ask::new(question, version, suites.clone());
        let asks = vec![ask(HelloQuestion::NoName), ask(HelloQuestion::UnknownName)];
        self.ask_all(asks).await;
    }

    /// Keeps the certificates that came with an answer, if they are new.
    pub(super) fn take_down(&mut self, answer: &HelloAnswer, chain: &[Vec<u8>]) {
        let HelloAnswer::Chosen(chosen) = answer else { return };
        let Some(certificate) = &chosen.certificate else { return };
        let known = |of: &ehlo_core::facts::ShownChain| of.leaf().is_some_and(|l| l.sha256 == *certificate);
        if self.facts.chains.len() < MOST_CHAINS && !self.facts.chains.iter().any(known) {
            self.facts.chains.push(self.service.describe_chain(chain));
        }
    }
}

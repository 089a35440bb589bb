//! How strict a server is with what is not meant for it: an application protocol that it does not speak.

use super::Prober;
use super::plan::{Ask, recommended};
use ehlo_core::facts::{HelloFacts, HelloQuestion};
use ehlo_wire::tls::Version;

/// What browsers ask for, and no mail server speaks.
const FOREIGN: &str = "http/1.1";

impl Prober<'_> {
    /// Asks for the recommended suites, and for a protocol that is not spoken here: who is not strict overlooks it, so that
    /// one hello answers both. Who does not choose is asked again without it, since nobody knows which of the two he minds.
    pub(super) async fn ask_recommended(&mut self) {
        let plain = Ask::new(HelloQuestion::Recommended, Version::TLS12, recommended());
        self.ask_all(vec![Ask { alpn: Some(FOREIGN), ..plain.clone() }]).await;
        let last = self.facts.hellos.iter().rfind(|h| h.question == HelloQuestion::Recommended);
        if last.is_some_and(|h: &HelloFacts| h.chosen().is_none()) {
            self.ask_all(vec![plain]).await;
        }
    }
}

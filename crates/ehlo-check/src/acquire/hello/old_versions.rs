//! How old a version is taken.

use super::Prober;
use super::plan::{self, Ask};
use ehlo_core::facts::{HelloFacts, HelloQuestion, TlsProbeMode};
use ehlo_wire::tls::Version;

impl Prober<'_> {
    /// How old a version is taken; and what only servers know that take old ones.
    pub(super) async fn go_down(&mut self) {
        let Some(highest) = self.oldest_chosen(HelloQuestion::OldVersion) else {
            let refused = self.is_refused(HelloQuestion::OldVersion);
            if self.mode >= TlsProbeMode::List || !refused {
                self.ask_all(vec![Ask::new(HelloQuestion::Ssl2, Version::SSL2, Vec::new())]).await;
            }
            return;
        };
        let mut below = highest;
        while below > Version::SSL3 && !self.stopped {
            self.ask_all(vec![plan::of_old_versions(HelloQuestion::OldVersion, Version(below.0 - 1))]).await;
            match self.oldest_chosen(HelloQuestion::OldVersion) {
                Some(version) if version < below => below = version,
                _ => break,
            }
        }
        let mut asks = vec![Ask::new(HelloQuestion::Ssl2, Version::SSL2, Vec::new())];
        let newer =
            self.facts.hellos.iter().filter_map(HelloFacts::chosen).any(|c| c.version >= Version::TLS12.0);
        if newer {
            asks.push(plan::of_old_versions(HelloQuestion::Fallback, highest));
        }
        self.ask_all(asks).await;
    }
}

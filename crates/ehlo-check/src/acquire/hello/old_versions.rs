//! How old a version is taken.

use super::Prober;
use super::plan::{self, Ask};
use ehlo_core::facts::{HelloFacts, HelloQuestion, TlsProbeMode};
use ehlo_wire::tls::{Suite, SuiteClass, Version};

impl Prober<'_> {
    /// Some servers do not refuse an old version, but stumble over it: OpenSSL 3 finds no signature that it may make there,
    /// and says `internal_error`. What they would take may hide behind what they stumble over, so each kind of key
    /// exchange is offered alone; and if they stumble over each, each older version.
    pub(super) async fn look_behind_stumbles(&mut self) {
        if !self.stumbles_over(HelloQuestion::OldVersion) || self.stopped {
            return;
        }
        // Suites are named once for all versions: who takes none without a certificate in TLS 1.2 has none.
        let anonymous = self.chosen_suites().iter().any(|s| s.is(SuiteClass::Anonymous));
        self.ask_all(plan::old_kinds(anonymous)).await;
        if self.oldest_chosen(&[HelloQuestion::OldKind]).is_some() {
            return;
        }
        for version in [Version::TLS10, Version::SSL3] {
            let stumbles = self.facts.hellos.iter().rfind(|h| h.question == HelloQuestion::OldVersion);
            if stumbles.is_none_or(|h| h.stumbled().is_none()) || self.stopped {
                return;
            }
            self.ask_all(vec![plan::of_old_versions(HelloQuestion::OldVersion, version)]).await;
        }
    }

    /// How old a version is taken; and what only servers know that take old ones.
    pub(super) async fn go_down(&mut self) {
        let old = [HelloQuestion::OldVersion, HelloQuestion::OldKind];
        let Some(highest) = self.oldest_chosen(&old) else {
            let refused = self.is_refused(HelloQuestion::OldVersion);
            if self.mode >= TlsProbeMode::List || !refused {
                self.ask_all(vec![Ask::new(HelloQuestion::Ssl2, Version::SSL2, Vec::new())]).await;
            }
            return;
        };
        let suites = self.suites_for_old_versions();
        let mut below = highest;
        while below > Version::SSL3 && !self.stopped {
            let ask = Ask::new(HelloQuestion::OldVersion, Version(below.0 - 1), suites.clone());
            self.ask_all(vec![ask]).await;
            match self.oldest_chosen(&old) {
                Some(version) if version < below => below = version,
                _ => break,
            }
        }
        let mut asks = vec![Ask::new(HelloQuestion::Ssl2, Version::SSL2, Vec::new())];
        let newer =
            self.facts.hellos.iter().filter_map(HelloFacts::chosen).any(|c| c.version >= Version::TLS12.0);
        if newer {
            asks.push(Ask::new(HelloQuestion::Fallback, highest, suites));
        }
        self.ask_all(asks).await;
    }

    /// What to offer in old versions: all, or the one kind over which the server does not stumble.
    fn suites_for_old_versions(&self) -> Vec<Suite> {
        let mut kinds = self.facts.hellos.iter().filter(|h| h.question == HelloQuestion::OldKind);
        match kinds.find(|h| h.chosen().is_some()) {
            Some(kind) => kind.suites.iter().map(|s| Suite(*s)).collect(),
            None => plan::of_old_versions(HelloQuestion::OldVersion, Version::TLS11).suites,
        }
    }

    fn oldest_chosen(&self, questions: &[HelloQuestion]) -> Option<Version> {
        let of = self.facts.hellos.iter().filter(|h| questions.contains(&h.question));
        of.filter_map(HelloFacts::chosen).map(|c| Version(c.version)).min()
    }
}

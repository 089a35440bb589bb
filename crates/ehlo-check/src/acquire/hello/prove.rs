//! Proves what is not taken, and looks closer only where something is.

use super::Prober;
use super::plan::{self, Ask, BROKEN, DATED};
use ehlo_core::Role;
use ehlo_core::facts::{HelloAnswer, HelloFacts, HelloQuestion};
use ehlo_wire::tls::{Suite, SuiteClass, Version};

impl Prober<'_> {
    /// Proves what is not taken, and looks closer only where something is.
    pub(super) async fn prove(&mut self) {
        let old = plan::of_old_versions(HelloQuestion::OldVersion, Version::TLS11);
        self.ask_all(vec![old]).await;
        let weak = [BROKEN, DATED].concat();
        // Who hangs up does not say why. Servers without parameters for Diffie-Hellman stumble over such suites, and others
        // that they would take hide behind them.
        self.split = self.facts.hellos.iter().any(HelloFacts::is_wordless);
        if !self.split {
            let dated = self.of_classes(HelloQuestion::Dated, DATED);
            self.ask_all(vec![dated]).await;
            self.split = self.stumbles_over(HelloQuestion::Dated);
        }
        if self.split {
            // What is left without them fits into one hello.
            let weak = self.of_classes(HelloQuestion::Weak, &weak);
            self.ask_all(vec![weak]).await;
        }
        let nothing_old = (self.refused_for_its_version(HelloQuestion::Dated)
            || self.refused_for_its_version(HelloQuestion::Weak))
            && self.facts.hellos.iter().all(|h| h.chosen().is_none());
        if nothing_old && self.has_session && !self.stopped && self.is_refused(HelloQuestion::OldVersion) {
            // A server answers with its highest version up to the one that is offered: there is none below TLS 1.3.
            return;
        }
        let (broken, anonymous) = match self.service.role() {
            // MTAs may take suites without a certificate on purpose: they are asked about apart.
            Role::Mx => {
                let others: Vec<_> = BROKEN.iter().copied().filter(|c| *c != SuiteClass::Anonymous).collect();
                (others, vec![SuiteClass::Anonymous])
            }
            _ => (BROKEN.to_vec(), Vec::new()),
        };
        let mut asks = vec![plan::signed()];
        if self.split {
            asks.push(self.of_classes(HelloQuestion::FiniteField, &weak));
        } else {
            asks.insert(0, self.of_classes(HelloQuestion::Broken, &broken));
            if !anonymous.is_empty() {
                asks.push(plan::of_classes(HelloQuestion::Anonymous, &anonymous));
            }
        }
        self.ask_all(asks).await;
        self.eliminate(HelloQuestion::Weak, &weak).await;
        self.eliminate(HelloQuestion::FiniteField, &weak).await;
        self.eliminate(HelloQuestion::Broken, &broken).await;
        self.eliminate(HelloQuestion::Dated, DATED).await;
        if !anonymous.is_empty() {
            self.eliminate_anonymous(&broken).await;
        }
        self.look_behind_stumbles().await;
        // Behind those that should be refused: who answers this one has not hung up on them because he had enough.
        self.ask_recommended().await;
        self.go_down().await;
    }

    /// The question by which members of `classes` are looked for. On an MX suites without a certificate have a hello of
    /// their own, or stand beside those with Diffie-Hellman in a finite field where these have one.
    pub(super) fn of_classes(&self, question: HelloQuestion, classes: &[SuiteClass]) -> Ask {
        let mut ask = plan::of_classes(question, classes);
        let anonymous_apart = self.service.role() == Role::Mx && question != HelloQuestion::Anonymous;
        let apart = |suite: &Suite| {
            (self.split && suite.is_finite_field()) || (anonymous_apart && suite.is(SuiteClass::Anonymous))
        };
        let wanted = question == HelloQuestion::FiniteField;
        ask.suites.retain(|suite| apart(suite) == wanted);
        ask
    }

    pub(super) fn stumbles_over(&self, question: HelloQuestion) -> bool {
        self.facts.hellos.iter().any(|h| h.question == question && h.stumbled().is_some())
    }

    /// Which of `classes` are taken, as long as the server takes any: each hello leaves out what is known.
    async fn eliminate(&mut self, question: HelloQuestion, classes: &[SuiteClass]) {
        loop {
            let last = self.facts.hellos.iter().rfind(|h| h.question == question);
            // Who chooses what was not offered would do so for ever.
            if last.and_then(HelloFacts::chosen).is_none_or(|c| !c.offered) {
                return;
            }
            let seen = self.chosen_suites();
            let open: Vec<_> =
                classes.iter().copied().filter(|class| !seen.iter().any(|s| s.is(*class))).collect();
            if open.is_empty() || self.stopped {
                return;
            }
            let ask = self.of_classes(question, &open);
            if ask.suites.is_empty() {
                return;
            }
            self.ask_all(vec![ask]).await;
        }
    }

    /// Of the suites without a certificate, which have a hello of their own on an MX, those that are broken in another way
    /// as well: they hide behind the one that was chosen.
    async fn eliminate_anonymous(&mut self, others: &[SuiteClass]) {
        let mut first = true;
        while !self.stopped {
            let last = self.facts.hellos.iter().rfind(|h| h.question == HelloQuestion::Anonymous);
            if last.and_then(HelloFacts::chosen).is_none() {
                return;
            }
            let seen = self.chosen_suites();
            let open: Vec<SuiteClass> =
                others.iter().copied().filter(|class| !seen.iter().any(|s| s.is(*class))).collect();
            let mut ask = plan::of_classes(HelloQuestion::Anonymous, &[SuiteClass::Anonymous]);
            ask.suites.retain(|s| open.iter().any(|class| s.is(*class)));
            if ask.suites.is_empty() || (!first && last.is_some_and(|h| h.suites.len() == ask.suites.len())) {
                return;
            }
            first = false;
            self.ask_all(vec![ask]).await;
        }
    }

    /// Servers that refuse by hanging up look like servers that have had enough, and one that stumbles over all that is old
    /// may have trouble of another kind. One that answers afterwards what it answered before has none.
    pub(super) async fn settle(&mut self) {
        let old = [HelloQuestion::OldVersion, HelloQuestion::OldKind];
        let doubtful =
            |h: &HelloFacts| h.is_wordless() || (old.contains(&h.question) && h.stumbled().is_some());
        let Some(last) = self.facts.hellos.iter().rposition(doubtful) else { return };
        let answers = |hellos: &[HelloFacts]| hellos.iter().any(|h| h.chosen().is_some());
        if !answers(&self.facts.hellos[last + 1..]) {
            let mut ask = self.answered.clone().unwrap_or_else(|| {
                Ask::new(
                    HelloQuestion::Control,
                    Version::TLS13,
                    Suite::askable().filter(|s| s.is_tls13()).collect(),
                )
            });
            ask.question = HelloQuestion::Control;
            self.ask_all(vec![ask]).await;
        }
        if answers(&self.facts.hellos[last + 1..]) {
            for hello in self.facts.hellos.iter_mut().filter(|h| h.is_wordless()) {
                hello.answer = HelloAnswer::HungUp;
            }
        }
    }
}

//! Proves what is not taken, and looks closer only where something is.

use super::Prober;
use super::plan::{self, Ask, BROKEN, DATED, recommended};
use ehlo_core::Role;
use ehlo_core::facts::{HelloAnswer, HelloFacts, HelloQuestion};
use ehlo_wire::tls::{Suite, SuiteClass, Version};

impl Prober<'_> {
    /// Proves what is not taken, and looks closer only where something is.
    pub(super) async fn prove(&mut self) {
        let old = plan::of_old_versions(HelloQuestion::OldVersion, Version::TLS11);
        self.ask_all(vec![old]).await;
        // Who hangs up does not say why. Servers without parameters for Diffie-Hellman stumble over such suites, and others
        // that they would take hide behind them.
        self.split = self.facts.hellos.iter().any(HelloFacts::is_wordless);
        let dated = self.of_classes(HelloQuestion::Dated, DATED);
        self.ask_all(vec![dated]).await;
        if !self.split && self.is_answered_by_another_alert(HelloQuestion::Dated) {
            self.split = true;
            let dated = self.of_classes(HelloQuestion::Dated, DATED);
            self.ask_all(vec![dated]).await;
        }
        let nothing_old = self.refused_for_its_version(HelloQuestion::Dated)
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
        let mut asks = vec![self.of_classes(HelloQuestion::Broken, &broken), plan::signed()];
        let finite = [BROKEN, DATED].concat();
        if self.split {
            asks.push(self.of_classes(HelloQuestion::FiniteField, &finite));
        } else if !anonymous.is_empty() {
            asks.push(plan::of_classes(HelloQuestion::Anonymous, &anonymous));
        }
        self.ask_all(asks).await;
        self.eliminate(HelloQuestion::FiniteField, &finite).await;
        self.eliminate(HelloQuestion::Broken, &broken).await;
        self.eliminate(HelloQuestion::Dated, DATED).await;
        if !anonymous.is_empty() {
            self.eliminate_anonymous(&broken).await;
        }
        // Behind those that should be refused: who answers this one has not hung up on them because he had enough.
        self.ask_all(vec![Ask::new(HelloQuestion::Recommended, Version::TLS12, recommended())]).await;
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

    fn is_answered_by_another_alert(&self, question: HelloQuestion) -> bool {
        let mut of = self.facts.hellos.iter().filter(|h| h.question == question);
        of.any(|h| matches!(h.answer, HelloAnswer::Refused { .. }) && !h.is_refused())
    }

    /// Which of `classes` are taken, as long as the server takes any: each hello leaves out what is known.
    async fn eliminate(&mut self, question: HelloQuestion, classes: &[SuiteClass]) {
        loop {
            let last = self.facts.hellos.iter().rfind(|h| h.question == question);
            if last.and_then(HelloFacts::chosen).is_none() {
                return;
            }
            let seen = self.chosen_suites();
            let open: Vec<_> =
                classes.iter().copied().filter(|class| !seen.iter().any(|s| s.is(*class))).collect();
            if open.is_empty() || self.stopped {
                return;
            }
            let ask = self.of_classes(question, &open);
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

    /// Servers that refuse by hanging up look like servers that have had enough. One that answers afterwards what it answered
    /// before had not.
    pub(super) async fn settle(&mut self) {
        let Some(last) = self.facts.hellos.iter().rposition(HelloFacts::is_wordless) else { return };
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

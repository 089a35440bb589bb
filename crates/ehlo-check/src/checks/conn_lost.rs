use super::port_speaks_other::{is_silent, spoken_instead};
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::ConnectionFacts;
use ehlo_core::{Cause, Severity, Stage, TlsMode};

/// Whether the server keeps up the dialogue until we end it.
pub(super) struct ConnLost;

impl Check for ConnLost {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "conn-lost",
            group: "transport",
            severity: Severity::High,
            references: &["RFC 5321 §4.1.1.10", "RFC 5321 §4.5.3.2"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(failure) = &main.failure else {
            return vec![Verdict::pass("held").at(main.greeting.as_ref().map(|g| g.at))];
        };
        if let Some((refusal, at)) = facts.went_over_capabilities() {
            let code = refusal.split(' ').next().unwrap_or_default();
            let stage = Stage::Capabilities.id();
            return vec![Verdict::fail("farewell").with("code", code).with("stage", stage).at([at])];
        }
        if is_told_elsewhere(facts, main) {
            return Vec::new();
        }
        let cause = &failure.cause;
        let verdict = match cause {
            // Whoever hangs up on a client that wants to log in unencrypted or to send without login may do so.
            Cause::Rejected { .. } | Cause::Reset | Cause::Closed
                if is_during_a_probe(main, failure.stage) =>
            {
                Verdict::info("probe")
            }
            // Our own deadline for the whole service passed: that says nothing about a single answer.
            Cause::Deadline { .. } => return vec![facts.not_reached()],
            Cause::TimedOut { .. } if main.partial_greeting.is_some() => Verdict::fail("greeting-unfinished"),
            Cause::TimedOut { .. } => Verdict::fail("silence"),
            Cause::TooLarge { .. } => Verdict::fail("too-large"),
            Cause::Rejected { code } => Verdict::fail("farewell").with("code", code),
            Cause::Reset => Verdict::fail("reset"),
            Cause::Closed => Verdict::fail("closed"),
            _ => Verdict::fail("failed"),
        };
        vec![verdict.with("stage", failure.stage.id()).at(facts.where_it_ended())]
    }
}

/// Whether the failure met something that only a tester does: trying out what should be refused.
fn is_during_a_probe(main: &ConnectionFacts, stage: Stage) -> bool {
    main.login.is_none() && !matches!(stage, Stage::Greeting | Stage::Capabilities)
}

/// Whether another check is about this very failure.
fn is_told_elsewhere(facts: &Judging<'_>, main: &ConnectionFacts) -> bool {
    // A port without a word, or with the words of another protocol.
    spoken_instead(facts).is_some()
        || (main.greeting.is_none() && is_silent(main))
        // A refusal instead of a greeting.
        || main.greeting.as_ref().is_some_and(|_| main.failure.as_ref().is_some_and(|f| f.stage == Stage::Greeting))
        // A hang-up before the first word, which counts as not reachable.
        || super::conn_reachable::hung_up_at_once(main)
        // TLS that does not come about, at once or after STARTTLS.
        || (facts.tls_mode() == TlsMode::Implicit && main.tls.is_none())
        || main.starttls.as_ref().is_some_and(|s| s.failure.is_some())
}

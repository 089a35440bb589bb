use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::HelloQuestion;

/// Whether anything is there that is recommended: a fresh key on a curve, with AEAD.
pub(super) struct SuiteAeadFsMissing;

impl Check for SuiteAeadFsMissing {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "suite-aead-fs-missing",
            group: "tls",
            severity: Severity::High,
            references: &["RFC 9325 §4.2"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        // Our own sessions are of that kind, all of them.
        if let Some(tls) = facts.main().and_then(|m| m.tls.as_ref()) {
            return vec![Verdict::pass("offered").with("suite", &tls.suite).at(tls.at)];
        }
        let Some(asked) = hello::of(probe, HelloQuestion::Recommended).last() else {
            return vec![hello::open(probe)];
        };
        vec![match asked.chosen().filter(|c| c.offered) {
            Some(chosen) => {
                Verdict::pass("offered").with("suite", &chosen.suite_name).at(asked.at.iter().copied())
            }
            None if asked.is_refused() => Verdict::fail("missing").at(asked.at.iter().copied()),
            None => hello::open(probe),
        }]
    }
}

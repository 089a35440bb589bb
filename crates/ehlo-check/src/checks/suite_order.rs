use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::HelloQuestion;
use ehlo_wire::tls::{Suite, SuiteClass, Version};

/// Whether a client that asks for the worst first gets it.
pub(super) struct SuiteOrder;

impl Check for SuiteOrder {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "suite-order",
            group: "tls",
            severity: Severity::Low,
            references: &["NCSC-NL TLS 2025", "RFC 9325 §4.2.1"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        // It is asked with --deep only, and only where there are several suites to choose from.
        let asked: Vec<_> =
            hello::of(probe, HelloQuestion::Order).filter(|h| h.version == Version::TLS12.0).collect();
        let [best_first, best_last] = asked[..] else { return Vec::new() };
        let (Some(one), Some(other)) = (best_first.chosen(), best_last.chosen()) else {
            return vec![hello::open(probe)];
        };
        let is_weak = |suite: u16| SuiteClass::ALL.iter().any(|class| Suite(suite).is(*class));
        let verdict = if one.suite == other.suite {
            Verdict::pass("own").with("suite", &one.suite_name)
        } else if is_weak(other.suite) && !is_weak(one.suite) {
            Verdict::warn("client").with("suite", &other.suite_name).with("better", &one.suite_name)
        } else {
            Verdict::pass("no-worse").with("suite", &one.suite_name).with("other", &other.suite_name)
        };
        vec![verdict.at(best_first.at.iter().chain(&best_last.at).copied())]
    }
}

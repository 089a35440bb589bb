use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{HelloAnswer, HelloFacts, HelloQuestion};

/// What a question is odd in, in the words of the wire.
fn oddity(question: HelloQuestion) -> &'static str {
    match question {
        HelloQuestion::GreaseSuites => "GREASE in cipher_suites",
        HelloQuestion::GreaseGroups => "GREASE in supported_groups",
        HelloQuestion::GreaseExtensions => "GREASE in extensions",
        HelloQuestion::GreaseVersions => "GREASE in supported_versions",
        HelloQuestion::EmptyLast => "last extension = 0 bytes",
        HelloQuestion::ManySuites => "cipher_suites > 128",
        HelloQuestion::MiddleLength => "length = 256..511",
        HelloQuestion::TwoRecords => "ClientHello = 2 records",
        _ => "legacy_version = 0x0305",
    }
}

/// Whether hellos are answered that are unusual and yet right.
pub(super) struct TlsIntolerance;

impl Check for TlsIntolerance {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-intolerance",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 8701 §2", "RFC 8446 §4.2", "RFC 7685 §1"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        // It is asked with --deep only.
        let asked: Vec<&HelloFacts> = probe.hellos.iter().filter(|h| h.question.is_odd()).collect();
        if asked.is_empty() {
            return Vec::new();
        }
        let ended = |h: &&&HelloFacts| matches!(h.answer, HelloAnswer::Refused { .. } | HelloAnswer::HungUp);
        let names = |of: &[&HelloFacts]| {
            let names: Vec<&str> = of.iter().map(|h| oddity(h.question)).collect();
            names.join(", ")
        };
        let aborted: Vec<&HelloFacts> = asked.iter().filter(ended).copied().collect();
        if !aborted.is_empty() {
            let at = aborted.iter().flat_map(|h| h.at.iter().copied());
            return vec![Verdict::fail("aborts").with("what", names(&aborted)).at(at)];
        }
        if asked.iter().any(|h| h.chosen().is_none_or(|c| !c.offered)) {
            return vec![hello::open(probe)];
        }
        let at = asked.iter().flat_map(|h| h.at.iter().copied());
        vec![Verdict::pass("tolerant").with("what", names(&asked)).at(at)]
    }
}

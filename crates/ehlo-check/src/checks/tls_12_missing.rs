use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::facts::HelloQuestion;
use ehlo_core::{Role, Severity};
use ehlo_wire::tls::Version;

/// Whether TLS 1.2 is there for those who know nothing newer.
pub(super) struct Tls12Missing;

impl Check for Tls12Missing {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-12-missing",
            group: "tls",
            severity: Severity::Low,
            references: &["RFC 9325 §3.1.1"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        if let Some(tls) = facts.main().and_then(|m| m.tls.as_ref()).filter(|t| t.version == "TLSv1.2") {
            return vec![Verdict::pass("offered").at(tls.at)];
        }
        if let Some((hello, _)) = hello::chosen(probe).find(|(_, c)| c.version == Version::TLS12.0) {
            return vec![Verdict::pass("offered").at(hello.at.iter().copied())];
        }
        let refused = |question| {
            hello::of(probe, question)
                .any(|h| h.is_refused() || h.chosen().is_some_and(|c| c.version < Version::TLS12.0))
        };
        let all = refused(HelloQuestion::Recommended)
            && (refused(HelloQuestion::Weak)
                || (refused(HelloQuestion::Broken) && refused(HelloQuestion::Dated)));
        if !hello::only_newest(probe) && !all {
            return vec![hello::open(probe)];
        }
        let asked = probe.hellos.iter().filter(|h| h.version == Version::TLS12.0 && h.is_refused());
        let at = asked.flat_map(|h| h.at.iter().copied());
        // A sender that knows no TLS 1.3 delivers in the clear; a mail program that does not says that it cannot.
        let verdict = match facts.role() {
            Role::Mx | Role::Lmtp => Verdict::warn("missing"),
            Role::Submission | Role::Access => Verdict::info("missing"),
        };
        vec![verdict.at(at)]
    }
}

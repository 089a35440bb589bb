use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::HelloQuestion;
use ehlo_wire::tls::Version;

/// Whether a version is taken that nobody may speak any more. The three differ in a number.
pub(super) struct OldVersion {
    meta: CheckMeta,
    version: Version,
}

const META: CheckMeta = CheckMeta { group: "tls", manner: Manner::Active, ..CheckMeta::DEFAULT };

pub(super) static SSL3: OldVersion = OldVersion {
    meta: CheckMeta {
        id: "tls-ssl3",
        severity: Severity::Critical,
        references: &["RFC 7568 §3", "RFC 9325 §3.1.1"],
        exploitable: true,
        ..META
    },
    version: Version::SSL3,
};

pub(super) static TLS_10: OldVersion = OldVersion {
    meta: CheckMeta {
        id: "tls-10",
        severity: Severity::High,
        severity_mx: Some(Severity::Medium),
        references: &["RFC 8996 §4", "RFC 9325 §3.1.1"],
        ..META
    },
    version: Version::TLS10,
};

pub(super) static TLS_11: OldVersion = OldVersion {
    meta: CheckMeta {
        id: "tls-11",
        severity: Severity::High,
        severity_mx: Some(Severity::Medium),
        references: &["RFC 8996 §5", "RFC 9325 §3.1.1"],
        ..META
    },
    version: Version::TLS11,
};

impl Check for OldVersion {
    fn meta(&self) -> &'static CheckMeta {
        match self.version {
            Version::SSL3 => &SSL3.meta,
            Version::TLS10 => &TLS_10.meta,
            _ => &TLS_11.meta,
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        if let Some((hello, chosen)) = hello::chosen(probe).find(|(_, c)| c.version == self.version.0) {
            let verdict = Verdict::fail("taken").with("suite", &chosen.suite_name);
            return vec![verdict.at(hello.at.iter().copied())];
        }
        // A server answers with its highest version up to the one that is offered: a refusal, or an older choice, says
        // that this one is not there.
        let proof = hello::of(probe, HelloQuestion::OldVersion)
            .filter(|h| h.version >= self.version.0)
            .find(|h| h.is_refused() || h.chosen().is_some_and(|c| c.offered && c.version < self.version.0));
        let older = hello::of(probe, HelloQuestion::OldKind)
            .find(|h| h.chosen().is_some_and(|c| c.offered && c.version < self.version.0));
        if let Some(hello) = proof.or(older) {
            return vec![Verdict::pass("refused").at(hello.at.iter().copied())];
        }
        vec![match hello::stumbles(probe, self.version) {
            Some((alert, proof)) => {
                let at = proof.iter().flat_map(|h| h.at.iter().copied());
                Verdict::pass("stumbles").with("alert", alert).at(at)
            }
            None => hello::open(probe),
        }]
    }
}

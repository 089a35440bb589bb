use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the certificate is still valid.
pub(super) struct CertExpired;

impl Check for CertExpired {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-expired",
            group: "cert",
            severity: Severity::Critical,
            severity_mx: Some(Severity::Medium),
            references: &["RFC 5280 §6.1.3", "RFC 8314 §5.3"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        if leaf.certificate.not_before == leaf.certificate.not_after || leaf.certificate.unreadable.is_some()
        {
            return Vec::new();
        }
        let dated = |verdict: Verdict| {
            verdict
                .with("until", cert::date(leaf.certificate.not_after))
                .with("now", cert::date(facts.run.now))
                .with("days", (facts.run.now - leaf.certificate.not_after).abs() / cert::DAY)
                .at(leaf.at)
        };
        if leaf.certificate.not_after >= facts.run.now {
            return vec![dated(Verdict::pass("valid"))];
        }
        let verdict = dated(cert::bad(facts, "expired"));
        // Renewed on disk, but this service still shows the old one?
        vec![match cert::newer_elsewhere(facts, &leaf) {
            Some((url, until)) => verdict.with("elsewhere", url).with("elsewhere-until", until),
            None => verdict,
        }]
    }
}

use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the certificate is renewed in time.
pub(super) struct CertExpiring;

impl Check for CertExpiring {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-expiring",
            group: "cert",
            severity: Severity::Medium,
            references: &["CA/Browser Forum SC-081v3"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        let left = leaf.certificate.not_after - facts.run.now;
        if left < 0 {
            // Expired already: that is said elsewhere.
            return Vec::new();
        }
        // A third of the lifetime or 14 days, whichever is smaller: by then a renewal should have happened.
        let soon = (leaf.certificate.lifetime() / 3).min(14 * cert::DAY);
        let verdict = match left {
            left if left < 2 * cert::DAY => Verdict::fail("within-hours"),
            left if left < soon => Verdict::warn("soon"),
            _ => Verdict::pass("in-time"),
        };
        let verdict = verdict
            .with("until", cert::date(leaf.certificate.not_after))
            .with("days", left / cert::DAY)
            .with("hours", left / 3600)
            .with("now", cert::date(facts.run.now))
            .at(leaf.at);
        vec![match cert::newer_elsewhere(facts, &leaf) {
            Some((url, until)) if left < soon => {
                verdict.with("elsewhere", url).with("elsewhere-until", until)
            }
            _ => verdict,
        }]
    }
}

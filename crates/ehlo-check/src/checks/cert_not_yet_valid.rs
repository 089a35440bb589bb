use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the certificate is valid already.
pub(super) struct CertNotYetValid;

impl Check for CertNotYetValid {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-not-yet-valid",
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
        let verdict = match leaf.certificate.not_before > facts.run.now {
            true => cert::bad(facts, "not-yet"),
            false => Verdict::pass("valid"),
        };
        let from = cert::date(leaf.certificate.not_before);
        vec![verdict.with("from", from).with("now", cert::date(facts.run.now)).at(leaf.at)]
    }
}

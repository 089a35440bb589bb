use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the certificates are signed by hashes that hold.
pub(super) struct CertSigWeak;

impl Check for CertSigWeak {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-sig-weak",
            group: "cert",
            severity: Severity::High,
            references: &["RFC 8446 §4.4.2.4", "CA/Browser Forum BR §7.1.3.2"],
            severity_mx: Some(Severity::Medium),
            exploitable: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        let verdict = match cert::weakly_signed(&leaf) {
            Some(c) => cert::bad(facts, "weak").with("signature", &c.signature).with("subject", &c.subject),
            None => Verdict::pass("strong").with("signature", &leaf.certificate.signature),
        };
        vec![verdict.at(leaf.at)]
    }
}

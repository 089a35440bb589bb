use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the certificate bears the name by which clients know the server.
pub(super) struct CertNameMismatch;

impl Check for CertNameMismatch {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-name-mismatch",
            group: "cert",
            severity: Severity::Critical,
            severity_mx: Some(Severity::Medium),
            references: &["RFC 7817 §3", "RFC 9525 §6.3"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        // A certificate without any names is told elsewhere.
        if leaf.certificate.names.is_empty() {
            return Vec::new();
        }
        let wanted = leaf.tls.names.wanted.join(", ");
        let names = cert::shortened(&leaf.certificate.names);
        let verdict = match &leaf.tls.names.matched {
            Some(name) => Verdict::pass("matches").with("name", name),
            None if leaf.tls.pinned => Verdict::info("pinned"),
            None => {
                let nearest = cert::nearest(&leaf.tls.names.wanted, &leaf.certificate.names);
                cert::bad(facts, "mismatch").with("nearest", nearest)
            }
        };
        vec![verdict.with("wanted", wanted).with("names", names).at(leaf.at)]
    }
}

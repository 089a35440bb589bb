use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the certificate signed itself.
pub(super) struct CertSelfSigned;

impl Check for CertSelfSigned {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-self-signed",
            group: "cert",
            severity: Severity::High,
            severity_mx: Some(Severity::Info),
            references: &["RFC 7817 §3", "RFC 7672 §3.1"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        let untrusted = leaf.tls.path.error_at_mid_life.is_some() && !leaf.tls.pinned;
        let verdict = match leaf.certificate.self_signed && untrusted {
            true => cert::untrusted(facts, "self-signed"),
            false => Verdict::pass("signed-by-other"),
        };
        vec![
            verdict
                .with("subject", &leaf.certificate.subject)
                .with("issuer", &leaf.certificate.issuer)
                .at(leaf.at),
        ]
    }
}

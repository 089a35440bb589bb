use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::{Severity, Why};

/// Whether an authority that is trusted signed the certificate.
pub(super) struct CertUnknownCa;

impl Check for CertUnknownCa {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-unknown-ca",
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
        // One that signed itself, and one whose issuer is only missing, are told elsewhere.
        if leaf.certificate.self_signed || cert::missing_issuer(facts, &leaf).is_some() {
            return Vec::new();
        }
        let last = leaf.tls.chain.last().unwrap_or(leaf.certificate);
        let verdict = match &leaf.tls.path.error_at_mid_life {
            _ if leaf.tls.pinned => Verdict::pass("pinned"),
            // There is no moment at which all certificates of the chain are valid, so that the path could be tried.
            Some(_) if leaf.tls.path.dates_in_the_way => Verdict::inconclusive(Why::Unclear),
            // Nobody verifies such a signature any more, so the path breaks off there, whoever made it.
            Some(_) if cert::weakly_signed(&leaf).is_some() => Verdict::inconclusive(Why::Unclear),
            None => Verdict::pass("known").with("roots", leaf.tls.path.trusted_by.join(", ")),
            Some(error) => cert::untrusted(facts, "unknown").with("error", error),
        };
        vec![verdict.with("issuer", &last.issuer).at(leaf.at)]
    }
}

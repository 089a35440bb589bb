use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the server proved that it holds the key of its certificate.
pub(super) struct CertKeyProof;

/// Shorter RSA keys are not accepted by the verifier, so that nothing is proved with them (RFC 9325 §4.5).
const SHORTEST_RSA: u32 = 2048;

impl Check for CertKeyProof {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-key-proof",
            group: "cert",
            severity: Severity::Critical,
            references: &["RFC 8446 §4.4.3", "RFC 9325 §4.5"],
            function: true,
            exploitable: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        let key = format!("{} {}", leaf.certificate.key, leaf.certificate.key_bits);
        let is_short = leaf.certificate.key == "RSA" && leaf.certificate.key_bits < SHORTEST_RSA;
        let verdict = match &leaf.tls.signature_failure {
            None => Verdict::pass("proven"),
            // The signature may be right; it is the key that nobody should believe.
            Some(_) if is_short => {
                cert::bad(facts, "key-too-short").severity(Severity::High).exploitable(false)
            }
            Some(error) => Verdict::fail("not-proven").with("error", error),
        };
        vec![verdict.with("key", key).at(leaf.at)]
    }
}

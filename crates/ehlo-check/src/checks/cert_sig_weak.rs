use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

fn is_weak(signature: &str) -> bool {
    let name = signature.to_ascii_lowercase();
    // RSA with MD2 and MD5, and SHA-1 by the names that older authorities used (OIDs of RFC 3279 and OIW).
    name.contains("md5")
        || name.ends_with("sha1")
        || name.contains("sha1with")
        || ["1.2.840.113549.1.1.2", "1.3.14.3.2.29", "1.2.840.10040.4.3"].contains(&name.as_str())
}

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
        // The signature of a root is looked at by nobody: it is trusted as it is.
        let weak = leaf.tls.chain.iter().find(|c| is_weak(&c.signature) && !(c.self_signed && c.is_ca));
        let verdict = match weak {
            Some(c) => cert::bad(facts, "weak").with("signature", &c.signature).with("subject", &c.subject),
            None => Verdict::pass("strong").with("signature", &leaf.certificate.signature),
        };
        vec![verdict.at(leaf.at)]
    }
}

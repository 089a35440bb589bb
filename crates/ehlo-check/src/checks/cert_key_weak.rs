use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::CertificateFacts;

/// Shorter RSA keys can be factored by whoever can afford it.
const SHORTEST_RSA: u32 = 2048;

/// Shorter ones are to go (NCSC-NL; BSI TR-02102-2 demands 3000).
const LONG_RSA: u32 = 3072;

/// Shorter keys on curves are as weak as RSA 1024.
const SHORTEST_EC: u32 = 224;

/// Shorter ones are to go (BSI TR-02102-2; NCSC-NL names the curve secp224r1).
const LONG_EC: u32 = 250;

/// Whether the key of a certificate is too short.
pub(super) fn is_weak(certificate: &CertificateFacts) -> bool {
    // Where the size is not known nothing is said of it.
    let bits = certificate.key_bits;
    match certificate.key.as_str() {
        _ if bits == 0 => false,
        "RSA" | "RSA-PSS" => bits < SHORTEST_RSA,
        key if key.starts_with("EC ") => bits < SHORTEST_EC,
        _ => false,
    }
}

/// Long enough today, but by several authorities to be replaced.
fn is_short(certificate: &CertificateFacts) -> bool {
    let bits = certificate.key_bits;
    match certificate.key.as_str() {
        _ if bits == 0 => false,
        "RSA" | "RSA-PSS" => bits < LONG_RSA,
        key if key.starts_with("EC ") => bits < LONG_EC,
        _ => false,
    }
}

/// Whether the keys of the certificates are long enough.
pub(super) struct CertKeyWeak;

impl Check for CertKeyWeak {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-key-weak",
            group: "cert",
            severity: Severity::High,
            references: &["RFC 9325 §4.5", "NIST SP 800-57 part 1"],
            severity_mx: Some(Severity::Medium),
            exploitable: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        let weak = leaf.tls.chain.iter().find(|c| is_weak(c) && !c.self_signed);
        let weak = weak.or(Some(leaf.certificate).filter(|c| is_weak(c)));
        let name = |c: &CertificateFacts| format!("{} {}", c.key, c.key_bits);
        let verdict = match weak {
            Some(c) => cert::bad(facts, "weak").with("key", name(c)).with("subject", &c.subject),
            None if is_short(leaf.certificate) => {
                Verdict::info("short").severity(Severity::Info).with("key", name(leaf.certificate))
            }
            None => Verdict::pass("strong").with("key", name(leaf.certificate)),
        };
        vec![verdict.at(leaf.at)]
    }
}

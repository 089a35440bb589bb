use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Mechanisms that protect nothing TLS does not, and cost something: a password that must be stored in the clear, or a
/// challenge that helps guessing it.
const WEAK: &[&str] =
    &["CRAM-MD5", "DIGEST-MD5", "NTLM", "KERBEROS_V4", "ANONYMOUS", "SKEY", "OTP", "GSS-SPNEGO"];

/// Whether mechanisms are offered that are no longer to be used.
pub(super) struct AuthWeakMech;

impl Check for AuthWeakMech {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-weak-mech",
            group: "auth",
            severity: Severity::Low,
            references: &["RFC 6331", "RFC 6151", "RFC 4505 §5"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main().filter(|_| facts.takes_logins()) else { return Vec::new() };
        let mut weak = Vec::new();
        let mut old = Vec::new();
        let mut at = Vec::new();
        let mut any = false;
        for list in &main.capabilities {
            for (name, capability) in list.mechanisms(facts.protocol()) {
                any = true;
                let into = match name.as_str() {
                    _ if WEAK.contains(&name.as_str()) => &mut weak,
                    "LOGIN" => &mut old,
                    _ => continue,
                };
                if !into.contains(&name) {
                    into.push(name);
                    at.push(capability.at);
                }
            }
        }
        let verdict = match (weak.is_empty(), old.is_empty()) {
            (false, _) => Verdict::warn("weak").with("mechanisms", weak.join(", ")),
            (true, false) => Verdict::info("login"),
            (true, true) if any => Verdict::pass("none"),
            (true, true) => return Vec::new(),
        };
        vec![verdict.at(at)]
    }
}

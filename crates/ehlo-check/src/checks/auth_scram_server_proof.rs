use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{LoginResult, ProbeId};

/// Whether the server proves that it knows the password.
pub(super) struct AuthScramServerProof;

impl Check for AuthScramServerProof {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-scram-server-proof",
            group: "auth",
            severity: Severity::High,
            references: &["RFC 5802 §3", "RFC 5802 §5"],
            exploitable: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(login) = main.login.as_ref().filter(|l| l.mechanism.starts_with("SCRAM-")) else {
            return Vec::new();
        };
        let verdict = match (main.probe(ProbeId::ServerProof), &login.result) {
            (Some(proof), _) => {
                let what = proof.detail.clone().unwrap_or_default();
                let message = if what == "no-server-proof" { "missing" } else { "wrong" };
                return vec![Verdict::fail(message).with("mechanism", &login.mechanism).at(proof.at.clone())];
            }
            (None, LoginResult::Accepted) => Verdict::pass("right"),
            // Whoever is not let in is not owed a proof.
            (None, _) => return Vec::new(),
        };
        vec![verdict.with("mechanism", &login.mechanism).at(login.at.iter().copied())]
    }
}

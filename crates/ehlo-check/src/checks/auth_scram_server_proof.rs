use crate::{Check, CheckMeta, Judging, Question, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{LoginResult, ProbeId, Purpose};

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
        // Further logins are believed no more than the first one.
        let purposes = [Purpose::Main, Question::Scram.purpose(), Question::Binding.purpose()];
        let logins = || {
            let connections = purposes.iter().flat_map(|&purpose| facts.service.of(purpose));
            connections
                .filter_map(|c| Some((c, c.login.as_ref()?)))
                .filter(|(_, login)| login.mechanism.starts_with("SCRAM-"))
        };
        let unproven = logins().find_map(|(c, login)| Some((c.probe(ProbeId::ServerProof)?, login)));
        if let Some((proof, login)) = unproven {
            let missing = proof.detail.as_deref() == Some("no-server-proof");
            let message = if missing { "missing" } else { "wrong" };
            return vec![Verdict::fail(message).with("mechanism", &login.mechanism).at(proof.at.clone())];
        }
        // Whoever is not let in is not owed a proof.
        let proven = logins().find(|(_, login)| login.result == LoginResult::Accepted);
        let right = |mechanism: &str| Verdict::pass("right").with("mechanism", mechanism);
        let verdict = proven.map(|(_, login)| right(&login.mechanism).at(login.at.iter().copied()));
        verdict.into_iter().collect()
    }
}

use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::LoginResult;
use ehlo_core::{Severity, Why};

/// Whether the login with the given account succeeds.
pub(super) struct AuthLogin;

impl Check for AuthLogin {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-login",
            group: "auth",
            severity: Severity::High,
            references: &["RFC 4954 §6", "RFC 9051 §7.1", "RFC 3206"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(login) = &main.login else { return Vec::new() };
        let verdict = match &login.result {
            LoginResult::Accepted => Verdict::pass("accepted"),
            LoginResult::Refused => Verdict::fail("refused"),
            // Nothing was sent, or the dialogue broke off; both are told elsewhere.
            LoginResult::NotSent { .. } => Verdict::inconclusive(Why::Unclear),
            LoginResult::Failed { .. } => Verdict::inconclusive(Why::Failure),
        };
        let reply = login.reply.clone().unwrap_or_default();
        vec![verdict.with("mechanism", &login.mechanism).with("reply", reply).at(login.at.iter().copied())]
    }
}

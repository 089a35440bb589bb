use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::Moment;
use ehlo_core::{Protocol, Role, Severity};

/// Whether passwords are asked for before TLS.
pub(super) struct PlaintextAuthOffered;

impl Check for PlaintextAuthOffered {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "plaintext-auth-offered",
            group: "auth",
            severity: Severity::High,
            references: &["RFC 4954 §4", "RFC 9051 §11.7", "RFC 2595 §2.3", "RFC 8314 §4.1"],
            exploitable: true,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.role() == Role::Lmtp || !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let asked = main.capabilities.iter().rfind(|c| c.moment == Moment::Plain && !c.unasked);
        let Some(list) = asked.or(main.capabilities_at(Moment::Plain)) else {
            return vec![facts.not_reached()];
        };
        let protocol = facts.protocol();
        let mechanisms = list.mechanisms(protocol);
        let clear: Vec<_> = mechanisms.iter().filter(|(name, _)| sends_the_password(name)).collect();
        let mut offered: Vec<String> = clear.iter().map(|(name, _)| name.clone()).collect();
        let mut at: Vec<_> = clear.iter().map(|(_, capability)| capability.at).collect();
        if protocol == Protocol::Pop3
            && let Some(user) = list.get("USER")
        {
            offered.push("USER".into());
            at.push(user.at);
        }
        if offered.is_empty() {
            return vec![Verdict::pass("not-offered").at([list.at])];
        }
        vec![Verdict::fail("offered").with("mechanisms", offered.join(" ")).at(at)]
    }
}

/// Mechanisms whose messages are as good as the password.
fn sends_the_password(name: &str) -> bool {
    matches!(name, "PLAIN" | "LOGIN" | "XOAUTH2" | "OAUTHBEARER")
}

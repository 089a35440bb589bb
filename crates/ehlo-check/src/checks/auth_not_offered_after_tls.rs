use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::Moment;
use ehlo_core::{Protocol, Role, Severity};

/// Whether users can log in inside TLS.
pub(super) struct AuthNotOfferedAfterTls;

impl Check for AuthNotOfferedAfterTls {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-not-offered-after-tls",
            group: "auth",
            severity: Severity::Medium,
            references: &["RFC 6409 §4.3", "RFC 5804 §1.7"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        // POP3 and IMAP have login commands of their own.
        if facts.role() != Role::Submission && facts.protocol() != Protocol::Sieve {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        if main.tls.is_none() {
            // Whether TLS comes about at all is told elsewhere; without it there is no "after".
            let offered = main.starttls.as_ref().is_some_and(|s| s.offered);
            return if offered { vec![facts.not_reached()] } else { Vec::new() };
        }
        let Some(list) = main.capabilities_at(Moment::Tls) else { return vec![facts.not_reached()] };
        let mechanisms: Vec<String> =
            list.mechanisms(facts.protocol()).into_iter().map(|(name, _)| name).collect();
        if !mechanisms.is_empty() {
            return vec![Verdict::pass("offered").with("mechanisms", mechanisms.join(" ")).at([list.at])];
        }
        if facts.capabilities_unknown() {
            return vec![facts.not_reached()];
        }
        // With credentials at hand somebody wants to log in, and cannot.
        let verdict =
            if facts.run.credentials_given { Verdict::fail("missing") } else { Verdict::warn("missing") };
        vec![verdict.at([list.at])]
    }
}

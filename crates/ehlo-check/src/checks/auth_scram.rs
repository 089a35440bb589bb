use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::Moment;

/// Whether a login is possible that does not give the password away.
pub(super) struct AuthScram;

impl Check for AuthScram {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-scram",
            group: "auth",
            severity: Severity::Info,
            references: &["RFC 5802", "RFC 7677 §4"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main().filter(|_| facts.takes_logins()) else { return Vec::new() };
        let Some(list) = main.capabilities.iter().rfind(|c| c.moment != Moment::Login) else {
            return Vec::new();
        };
        let names: Vec<String> =
            list.mechanisms(facts.protocol()).into_iter().map(|(name, _)| name).collect();
        if names.is_empty() || main.tls.is_none() {
            return Vec::new();
        }
        let good = |name: &&String| name.starts_with("SCRAM-SHA-256") || name.starts_with("SCRAM-SHA-512");
        let found: Vec<&String> = names.iter().filter(good).collect();
        let bound = found.iter().any(|name| name.ends_with("-PLUS"));
        let verdict = match (found.is_empty(), bound) {
            (true, _) => Verdict::info("none"),
            (false, false) => Verdict::info("not-bound"),
            (false, true) => Verdict::pass("bound"),
        };
        let shown: Vec<&str> = found.iter().map(|s| s.as_str()).collect();
        vec![verdict.with("mechanisms", shown.join(", ")).at([list.at])]
    }
}

use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::{Role, Severity};

/// Whether logins are offered on the port for other servers.
pub(super) struct AuthOnMx;

impl Check for AuthOnMx {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-on-mx",
            group: "auth",
            severity: Severity::Low,
            references: &["RFC 6409 §3", "RFC 8314 §3.3"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.role() != Role::Mx {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        if main.capabilities.is_empty() {
            return vec![facts.not_reached()];
        }
        for list in &main.capabilities {
            let mechanisms = list.mechanisms(facts.protocol());
            if let Some((_, capability)) = mechanisms.first() {
                let names: Vec<&str> = mechanisms.iter().map(|(name, _)| name.as_str()).collect();
                return vec![
                    Verdict::warn("offered")
                        .with("mechanisms", names.join(" "))
                        .with("moment", list.moment.id())
                        .at([capability.at]),
                ];
            }
        }
        vec![Verdict::pass("not-offered").at(main.capabilities.iter().map(|c| c.at))]
    }
}

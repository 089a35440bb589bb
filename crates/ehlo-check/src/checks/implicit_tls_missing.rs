use crate::Manner;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the service has a port with TLS from the first byte beside it.
pub(super) struct ImplicitTlsMissing;

impl Check for ImplicitTlsMissing {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "implicit-tls-missing",
            group: "transport",
            severity: Severity::Medium,
            references: &["RFC 8314 §3.1", "RFC 9051 §11.2"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(sibling) = facts.service.endpoint.scheme.implicit_sibling() else { return Vec::new() };
        if !facts.service.is_reachable() {
            return Vec::new();
        }
        // A single URL says nothing about the rest of the host.
        let Some(found) = facts.siblings().find(|s| s.endpoint.scheme == sibling) else { return Vec::new() };
        let at = found.addresses.iter().map(|a| a.at);
        let verdict = match found.is_reachable() {
            true => Verdict::pass("there"),
            false => Verdict::warn("missing"),
        };
        vec![verdict.with("scheme", sibling).with("port", found.endpoint.port).at(at)]
    }
}

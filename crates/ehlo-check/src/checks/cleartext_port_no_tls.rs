use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether a port for logins can be used without any TLS only.
pub(super) struct CleartextPortNoTls;

impl Check for CleartextPortNoTls {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cleartext-port-no-tls",
            group: "transport",
            severity: Severity::High,
            references: &["RFC 8314 §4.1", "RFC 9051 §11.2"],
            exploitable: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !facts.takes_logins() || !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(list) = main.capabilities.first() else { return vec![facts.not_reached()] };
        let offered = main.starttls.as_ref().map_or(list.starttls(facts.protocol()).is_some(), |s| s.offered);
        if facts.capabilities_unknown() {
            return vec![facts.not_reached()];
        }
        let port = facts.service.endpoint.port;
        if offered {
            let at = list.starttls(facts.protocol()).map(|c| c.at);
            return vec![Verdict::info("starttls").with("port", port).at(at)];
        }
        vec![Verdict::fail("no-tls").with("port", port).at([list.at])]
    }
}

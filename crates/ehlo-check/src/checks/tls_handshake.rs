use super::port_speaks_other::spoken_instead;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::{Cause, Severity, TlsMode};

/// Whether TLS comes about on a port where it begins with the first byte.
pub(super) struct TlsHandshake;

impl Check for TlsHandshake {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-handshake",
            group: "transport",
            severity: Severity::High,
            references: &["RFC 8314 §3"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.tls_mode() != TlsMode::Implicit || spoken_instead(facts).is_some() {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        if let Some(tls) = &main.tls {
            return vec![
                Verdict::pass("works")
                    .with("version", &tls.version)
                    .with("ms", tls.took_us.div_ceil(1000))
                    .at(tls.at),
            ];
        }
        let verdict = match main.failure.as_ref().map(|f| &f.cause) {
            Some(Cause::TlsAlert { alert }) => Verdict::fail("alert").with("alert", alert),
            Some(Cause::TlsFailed { detail }) => Verdict::fail("failed").with("detail", detail),
            Some(Cause::TimedOut { .. } | Cause::Deadline { .. }) => Verdict::fail("silence"),
            Some(Cause::NotTls { .. }) => Verdict::fail("text"),
            _ => Verdict::fail("closed"),
        };
        vec![verdict.at(facts.where_it_ended())]
    }
}

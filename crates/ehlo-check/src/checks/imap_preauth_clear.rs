use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::GreetingKind;
use ehlo_core::{Protocol, Severity, TlsMode};

/// Whether the server logs strangers in before TLS.
pub(super) struct ImapPreauthClear;

impl Check for ImapPreauthClear {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "imap-preauth-clear",
            group: "imap",
            severity: Severity::Critical,
            references: &["RFC 9051 §7.1.4"],
            exploitable: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.protocol() != Protocol::Imap
            || facts.tls_mode() == TlsMode::Implicit
            || facts.service.endpoint.path.is_some()
        {
            return Vec::new();
        }
        let Some(greeting) = facts.main().and_then(|m| m.greeting.as_ref()) else {
            return facts.main().map(|_| facts.not_reached()).into_iter().collect();
        };
        let verdict = match greeting.kind {
            GreetingKind::Preauth => Verdict::fail("preauth"),
            _ => Verdict::pass("no-preauth"),
        };
        vec![verdict.with("text", &greeting.text).at([greeting.at])]
    }
}

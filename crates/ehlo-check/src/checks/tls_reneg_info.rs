use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_wire::tls::Version;

/// Whether renegotiation is safe (RFC 5746).
pub(super) struct TlsRenegInfo;

impl Check for TlsRenegInfo {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-reneg-info",
            group: "tls",
            severity: Severity::High,
            references: &["RFC 5746 §3.6", "RFC 9325 §3.5"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let seen: Vec<_> = hello::chosen(probe).filter(|(_, c)| c.version < Version::TLS13.0).collect();
        if let Some((hello, chosen)) = seen.iter().find(|(_, c)| !c.renegotiation_info) {
            let verdict = Verdict::fail("missing");
            return vec![verdict.with("version", &chosen.version_name).at(hello.at.iter().copied())];
        }
        match seen.first() {
            Some((hello, _)) => vec![Verdict::pass("known").at(hello.at.iter().copied())],
            // TLS 1.3 knows no renegotiation.
            None if hello::only_newest(probe) => Vec::new(),
            None => vec![hello::open(probe)],
        }
    }
}

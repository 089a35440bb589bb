use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_wire::tls::Version;

/// Whether keys are tied to the whole handshake (RFC 7627).
pub(super) struct TlsEms;

impl Check for TlsEms {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-ems",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 7627 §5", "RFC 9325 §3.5"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let seen: Vec<_> = hello::chosen(probe).filter(|(_, c)| c.version == Version::TLS12.0).collect();
        if let Some((hello, chosen)) = seen.iter().find(|(_, c)| !c.extended_master_secret) {
            let verdict = match facts.takes_logins() {
                true => Verdict::fail("missing"),
                false => Verdict::warn("missing"),
            };
            return vec![verdict.with("version", &chosen.version_name).at(hello.at.iter().copied())];
        }
        match seen.first() {
            Some((hello, _)) => vec![Verdict::pass("known").at(hello.at.iter().copied())],
            // TLS 1.3 ties them in any case.
            None if hello::only_newest(probe) || hello::chosen(probe).next().is_some() => Vec::new(),
            None => vec![hello::open(probe)],
        }
    }
}

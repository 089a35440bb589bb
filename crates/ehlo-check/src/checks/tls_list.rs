use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::TlsProbeMode;
use ehlo_wire::tls::Version;

/// What is taken, exactly: only where that was asked for.
pub(super) struct TlsList;

impl Check for TlsList {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-list",
            group: "tls",
            severity: Severity::Info,
            references: &["RFC 9325 §4.2"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts).filter(|p| p.mode >= TlsProbeMode::List) else {
            return Vec::new();
        };
        let mut verdicts = Vec::new();
        for version in Version::ALL.iter().rev() {
            let of: Vec<_> = hello::chosen(probe).filter(|(_, c)| c.version == version.0).collect();
            if of.is_empty() {
                continue;
            }
            let suites = hello::names(of.iter().map(|(_, c)| c.suite_name.as_str()));
            let groups = hello::names(of.iter().filter_map(|(_, c)| c.group.as_deref()));
            // Below TLS 1.2 nobody counts: that a version is there is the finding.
            let message = if *version < Version::TLS12 { "some" } else { "all" };
            let message = if probe.truncated { "cut-off" } else { message };
            let verdict = Verdict::info(message)
                .with("version", version)
                .with("suites", suites)
                .with("groups", if groups.is_empty() { "-".to_owned() } else { groups })
                .with("handshakes", probe.handshakes);
            verdicts.push(verdict.at(of.iter().flat_map(|(h, _)| h.at.iter().copied()).take(4)));
        }
        if verdicts.is_empty() { vec![hello::open(probe)] } else { verdicts }
    }
}

use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_wire::tls::Version;

/// Whether the server takes part in heartbeats, of which nothing is asked beyond that.
pub(super) struct TlsHeartbeat;

impl Check for TlsHeartbeat {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-heartbeat",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 6520 §2", "BSI TR-02102-2", "CVE-2014-0160"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        // SSL 3.0 knows no extensions, and TLS 1.3 answers them where nobody sees it.
        let asked = |version: u16| (Version::TLS10.0..=Version::TLS12.0).contains(&version);
        let seen: Vec<_> =
            hello::chosen(probe).filter(|(h, c)| asked(h.version) && asked(c.version)).collect();
        if let Some((hello, chosen)) = seen.iter().find(|(_, c)| c.heartbeat) {
            let verdict = Verdict::warn("answered");
            return vec![verdict.with("version", &chosen.version_name).at(hello.at.iter().copied())];
        }
        match seen.first() {
            Some((hello, _)) => vec![Verdict::pass("unanswered").at(hello.at.iter().copied())],
            None if hello::only_newest(probe) => Vec::new(),
            None => vec![hello::open(probe)],
        }
    }
}

use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_wire::tls::Version;

/// Whether TLS compresses before it encrypts.
pub(super) struct TlsCompression;

impl Check for TlsCompression {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-compression",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 9325 §3.3", "CVE-2012-4929"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let seen: Vec<_> = hello::chosen(probe).filter(|(_, c)| c.version < Version::TLS13.0).collect();
        if let Some((hello, chosen)) = seen.iter().find(|(_, c)| c.compression != 0) {
            let verdict = Verdict::fail("compresses").with("suite", &chosen.suite_name);
            return vec![verdict.at(hello.at.iter().copied())];
        }
        match seen.first() {
            Some((hello, _)) => vec![Verdict::pass("none").at(hello.at.iter().copied())],
            // TLS 1.3 knows no compression.
            None if hello::only_newest(probe) => Vec::new(),
            None => vec![hello::open(probe)],
        }
    }
}

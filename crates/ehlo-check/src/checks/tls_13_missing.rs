use super::hello;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether TLS 1.3 is there.
pub(super) struct Tls13Missing;

impl Check for Tls13Missing {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-13-missing",
            group: "tls",
            severity: Severity::Low,
            references: &["RFC 9325 §3.1.1"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        match facts.main().and_then(|m| m.tls.as_ref()) {
            Some(tls) if tls.version == "TLSv1.3" => vec![Verdict::pass("offered").at(tls.at)],
            Some(tls) => vec![Verdict::warn("missing").with("version", &tls.version).at(tls.at)],
            // Without a session of ours a choice by hand is the newest that is known.
            None => {
                let newest = hello::chosen(probe).max_by_key(|(_, c)| c.version);
                let Some((hello, chosen)) = newest else { return vec![hello::open(probe)] };
                let verdict = Verdict::warn("missing").with("version", &chosen.version_name);
                vec![verdict.at(hello.at.iter().copied())]
            }
        }
    }
}

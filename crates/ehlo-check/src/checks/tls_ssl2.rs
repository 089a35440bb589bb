use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{HelloAnswer, HelloQuestion};

/// Whether SSL 2.0 is spoken.
pub(super) struct TlsSsl2;

impl Check for TlsSsl2 {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-ssl2",
            group: "tls",
            severity: Severity::Critical,
            references: &["RFC 6176 §3", "CVE-2016-0800"],
            exploitable: true,
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        // It is asked only where something older than TLS 1.2 may be there, or exact lists are wanted.
        let Some(hello) = hello::of(probe, HelloQuestion::Ssl2).next() else { return Vec::new() };
        let verdict = match &hello.answer {
            HelloAnswer::Ssl2 { ciphers } => Verdict::fail("taken").with("ciphers", ciphers.join(", ")),
            HelloAnswer::Refused { .. } | HelloAnswer::HungUp | HelloAnswer::Chosen(_) => {
                Verdict::pass("refused")
            }
            HelloAnswer::None { .. } => return vec![hello::open(probe)],
        };
        vec![verdict.at(hello.at.iter().copied())]
    }
}

use super::injected;
use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::Severity;

/// Whether a command that comes in the clear behind STARTTLS, apart from it, is carried out inside TLS.
pub(super) struct StarttlsInjectionSplit;

impl Check for StarttlsInjectionSplit {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-injection-split",
            group: "starttls",
            severity: Severity::High,
            references: &["RFC 9051 §6.2.1", "RFC 3207 §4.2", "RFC 2595 §4", "CVE-2021-38542"],
            exploitable: true,
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        injected::judge(facts, Question::InjectionApart)
    }
}

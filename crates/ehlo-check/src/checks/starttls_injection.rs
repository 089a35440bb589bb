use super::injected;
use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::Severity;

/// Whether a command that comes in the clear together with STARTTLS is carried out inside TLS.
pub(super) struct StarttlsInjection;

impl Check for StarttlsInjection {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-injection",
            group: "starttls",
            severity: Severity::Critical,
            references: &["RFC 9051 §6.2.1", "RFC 3207 §4.2", "RFC 2595 §4", "CVE-2011-0411"],
            exploitable: true,
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        injected::judge(facts, Question::Injection)
    }
}

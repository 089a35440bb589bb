use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{Answered, ProbeId};

/// Whether the challenge of NTLM tells names of the inside.
pub(super) struct AuthNtlmLeak;

impl Check for AuthNtlmLeak {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-ntlm-leak",
            group: "auth",
            severity: Severity::Medium,
            references: &["MS-NLMP §2.2.1.2"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let asked = facts.service.of(Question::Ntlm.purpose()).next();
        let Some(probe) = asked.and_then(|c| c.probe(ProbeId::NtlmChallenge)) else { return Vec::new() };
        let told = probe.detail.clone().unwrap_or_default();
        let main = facts.main();
        let host = facts.service.endpoint.host.to_ascii_lowercase();
        let said =
            main.and_then(|m| m.greeting.as_ref()?.host.clone()).unwrap_or_default().to_ascii_lowercase();
        // What anybody knows: the names under which the server is reached, and parts of them.
        let known = |word: &str| {
            let word = word.to_ascii_lowercase();
            [&host, &said].into_iter().any(|name| {
                *name == word
                    || name.split('.').next() == Some(&word)
                    || name.split_once('.').is_some_and(|(_, domain)| domain == word)
            })
        };
        let inside: Vec<&str> = told.split("; ").filter(|word| !word.is_empty() && !known(word)).collect();
        let verdict = match (probe.answer, inside.is_empty()) {
            (Answered::Continue, false) => Verdict::warn("tells").with("names", inside.join(", ")),
            (Answered::Continue, true) => Verdict::pass("known"),
            _ => Verdict::pass("refused"),
        };
        vec![verdict.at(probe.at.iter().copied())]
    }
}

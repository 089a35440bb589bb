use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeFacts, ProbeId};
use ehlo_core::{Severity, Why};

/// Whether mail for the postmaster is taken.
pub(super) struct SmtpPostmaster;

impl Check for SmtpPostmaster {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-postmaster",
            group: "smtp",
            severity: Severity::Low,
            references: &["RFC 5321 §4.5.1", "RFC 2142 §5"],
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(asked) = facts.service.of(Question::Policy.purpose()).next() else { return Vec::new() };
        let probes: Vec<_> = asked.probes.iter().filter(|p| p.id == ProbeId::RcptPostmaster).collect();
        let reply = |p: &ProbeFacts| p.reply.clone().unwrap_or_default();
        let address = |p: &ProbeFacts| p.detail.clone().unwrap_or_default();
        let Some(first) = probes.first() else { return Vec::new() };
        let refused = probes.iter().find(|p| p.answer == Answered::Refused);
        let verdict = match refused.or(probes.iter().find(|p| p.answer != Answered::Accepted)) {
            Some(p) if p.answer == Answered::Refused => {
                Verdict::warn("refused").with("address", address(p)).with("reply", reply(p)).at(p.at.clone())
            }
            // Greylisting and the like: another attempt would tell.
            Some(p) => Verdict::inconclusive(Why::Unclear).at(p.at.clone()),
            None => Verdict::pass("taken").with("address", address(first)).at(first.at.clone()),
        };
        vec![verdict]
    }
}

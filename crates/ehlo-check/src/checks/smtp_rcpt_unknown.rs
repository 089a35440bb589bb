use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeId};
use ehlo_core::{Severity, Why};

/// Whether mail for nobody is refused at once.
pub(super) struct SmtpRcptUnknown;

impl Check for SmtpRcptUnknown {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-rcpt-unknown",
            group: "smtp",
            severity: Severity::Low,
            references: &["RFC 5321 §3.3", "RFC 5321 §6.2"],
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(asked) = facts.service.of(Question::Policy.purpose()).next() else { return Vec::new() };
        let Some(rcpt) = asked.probe(ProbeId::RcptUnknown) else { return Vec::new() };
        let verdict = match rcpt.answer {
            Answered::Accepted => Verdict::warn("taken"),
            Answered::Refused => Verdict::pass("refused"),
            Answered::Later => Verdict::info("later"),
            _ => Verdict::inconclusive(Why::Unclear),
        };
        let address = rcpt.detail.clone().unwrap_or_default();
        let reply = rcpt.reply.clone().unwrap_or_default();
        vec![verdict.with("address", address).with("reply", reply).at(rcpt.at.clone())]
    }
}

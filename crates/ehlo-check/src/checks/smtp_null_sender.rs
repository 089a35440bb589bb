use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeId};
use ehlo_core::{Severity, Why};

/// Whether delivery reports are taken.
pub(super) struct SmtpNullSender;

impl Check for SmtpNullSender {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-null-sender",
            group: "smtp",
            severity: Severity::Low,
            references: &["RFC 5321 §4.5.5", "RFC 5321 §6.1"],
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(asked) = facts.service.of(Question::Policy.purpose()).next() else { return Vec::new() };
        let Some(mail) = asked.probe(ProbeId::MailNullSender) else { return Vec::new() };
        let reply = mail.reply.clone().unwrap_or_default();
        let verdict = match mail.answer {
            Answered::Accepted => Verdict::pass("taken"),
            // That it takes TLS or a login is another matter.
            Answered::Refused if reply.starts_with("530") => Verdict::inconclusive(Why::Unclear),
            Answered::Refused => Verdict::warn("refused"),
            _ => Verdict::inconclusive(Why::Unclear),
        };
        vec![verdict.with("reply", reply).at(mail.at.clone())]
    }
}

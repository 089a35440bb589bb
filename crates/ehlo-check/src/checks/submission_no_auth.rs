use crate::Manner;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::{Answered, ProbeId};
use ehlo_core::{Role, Severity, Why};

/// Whether strangers can send mail without a login.
pub(super) struct SubmissionNoAuth;

impl Check for SubmissionNoAuth {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "submission-no-auth",
            group: "smtp",
            severity: Severity::Critical,
            references: &["RFC 6409 §4.3"],
            exploitable: true,
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.role() != Role::Submission {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(mail) = main.probe(ProbeId::MailWithoutAuth) else { return vec![facts.not_reached()] };
        let rcpt = main.probe(ProbeId::RcptWithoutAuth);
        let last = rcpt.unwrap_or(mail);
        let at: Vec<_> = mail.at.iter().chain(rcpt.iter().flat_map(|p| &p.at)).copied().collect();
        let command = if rcpt.is_some() { "RCPT" } else { "MAIL" };
        let verdict = match (rcpt.is_some(), last.answer) {
            (true, Answered::Accepted) => Verdict::fail("accepted"),
            (_, Answered::Refused | Answered::Later) => Verdict::pass("refused"),
            _ => Verdict::inconclusive(Why::Unclear),
        };
        vec![verdict.with("command", command).with("reply", last.reply.clone().unwrap_or_default()).at(at)]
    }
}

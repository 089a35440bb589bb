use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{Answered, ProbeFacts, ProbeId};

/// Whether strangers can ask who has a mailbox.
pub(super) struct SmtpVrfyExpn;

impl Check for SmtpVrfyExpn {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-vrfy-expn",
            group: "smtp",
            severity: Severity::Low,
            references: &["RFC 5321 §3.5.3", "RFC 5321 §7.3"],
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(asked) = facts.service.of(Question::Policy.purpose()).next() else { return Vec::new() };
        let answer = |id| asked.probe(id);
        let (Some(unknown), Some(known)) = (answer(ProbeId::VrfyUnknown), answer(ProbeId::VrfyPostmaster))
        else {
            return Vec::new();
        };
        let code = |p: &ProbeFacts| p.reply.clone().unwrap_or_default().chars().take(3).collect::<String>();
        let reply = |p: &ProbeFacts| p.reply.clone().unwrap_or_default();
        // An error for one, and none for the other.
        let refused = |p: &ProbeFacts| p.answer == Answered::Refused;
        if refused(unknown) && known.answer == Answered::Accepted {
            let at = unknown.at.iter().chain(&known.at).copied();
            return vec![
                Verdict::warn("vrfy-tells")
                    .with("unknown", reply(unknown))
                    .with("known", reply(known))
                    .at(at),
            ];
        }
        if let Some(list) = answer(ProbeId::ExpnPostmaster).filter(|p| code(p) == "250") {
            return vec![Verdict::warn("expn-tells").with("reply", reply(list)).at(list.at.clone())];
        }
        vec![Verdict::pass("same").with("reply", reply(unknown)).at(unknown.at.clone())]
    }
}

use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// Whether an account may send with addresses of others.
pub(super) struct SubmissionSenderForge;

impl Check for SubmissionSenderForge {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "submission-sender-forge",
            group: "smtp",
            severity: Severity::Medium,
            references: &["RFC 6409 §6.1"],
            manner: Manner::OptIn,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(asked) = facts.service.of(Question::Sender.purpose()).next() else { return Vec::new() };
        let foreign = || asked.probes.iter().filter(|p| p.id == ProbeId::ForeignSender);
        let reply = |p: &ProbeFacts| p.reply.clone().unwrap_or_default();
        let at = foreign().flat_map(|p| &p.at).copied();
        let taken: Vec<&ProbeFacts> = foreign().filter(|p| p.answer == Answered::Accepted).collect();
        if let Some(last) = taken.last() {
            let addresses: Vec<&str> = taken.iter().filter_map(|p| p.detail.as_deref()).collect();
            let at = taken.iter().flat_map(|p| &p.at).copied();
            return vec![
                Verdict::warn("taken")
                    .with("addresses", addresses.join(", "))
                    .with("reply", reply(last))
                    .at(at),
            ];
        }
        let Some(last) = foreign().next_back() else {
            let limited = asked.greeting.as_ref().is_some_and(|g| g.code == Some(421));
            let why = if limited { Why::RateLimited } else { Why::Failure };
            let at = asked.failure.as_ref().and_then(|f| f.at);
            let at = at.map(|anchor| Evidence { transcript: asked.transcript, anchor });
            return vec![Verdict::inconclusive(why).at(at)];
        };
        // Who takes nothing at all, not even from the account itself, has said nothing about others.
        let own = || asked.probes.iter().filter(|p| p.id == ProbeId::OwnSender);
        let own_taken = own().any(|p| p.answer == Answered::Accepted);
        match own_taken && foreign().all(|p| p.answer == Answered::Refused) {
            true => vec![
                Verdict::pass("refused").with("count", foreign().count()).with("reply", reply(last)).at(at),
            ],
            false => {
                let at = own().flat_map(|p| &p.at).copied().chain(at);
                vec![Verdict::inconclusive(Why::Unclear).at(at)]
            }
        }
    }
}

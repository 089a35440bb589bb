use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// Whether commands are taken that should have waited for an answer.
pub(super) struct SmtpUnauthPipelining;

impl Check for SmtpUnauthPipelining {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-unauth-pipelining",
            group: "smtp",
            severity: Severity::Low,
            references: &["RFC 2920 §3.1"],
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(asked) = facts.service.of(Question::Pipelining.purpose()).next() else { return Vec::new() };
        let probes = || asked.probes.iter().filter(|p| p.id == ProbeId::NotAwaited);
        let verb = |p: &ProbeFacts| p.detail.clone().unwrap_or_default();
        let reply = |p: Option<&ProbeFacts>| p.and_then(|p| p.reply.clone()).unwrap_or_default();
        let at = probes().flat_map(|p| &p.at).copied();
        let last = probes().next_back();
        let taken: Vec<String> = probes().filter(|p| p.answer == Answered::Accepted).map(verb).collect();
        if !taken.is_empty() {
            return vec![
                Verdict::warn("taken").with("commands", taken.join(", ")).with("reply", reply(last)).at(at),
            ];
        }
        match last {
            Some(last) => vec![match last.answer {
                Answered::Refused | Answered::Later => Verdict::pass("refused")
                    .with("command", verb(last))
                    .with("reply", reply(Some(last)))
                    .at(at),
                Answered::Closed => Verdict::pass("closed").with("command", verb(last)).at(at),
                _ => Verdict::inconclusive(Why::Unclear).at(at),
            }],
            None => {
                let limited = asked.greeting.as_ref().is_some_and(|g| g.code == Some(421));
                let why = if limited { Why::RateLimited } else { Why::Failure };
                let at = asked.failure.as_ref().and_then(|f| f.at);
                let at = at.map(|anchor| Evidence { transcript: asked.transcript, anchor });
                vec![Verdict::inconclusive(why).at(at)]
            }
        }
    }
}

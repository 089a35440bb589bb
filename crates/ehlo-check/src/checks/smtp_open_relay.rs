use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ProbeFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// So many ways are tried.
const PATTERNS: usize = 16;

/// Whether strangers can have mail forwarded to somewhere else.
pub(super) struct SmtpOpenRelay;

impl Check for SmtpOpenRelay {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-open-relay",
            group: "smtp",
            severity: Severity::Critical,
            references: &["RFC 5321 §7.9", "RFC 2505 §2.1", "RFC 5321 §F.2"],
            exploitable: true,
            manner: Manner::OptIn,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let tried: Vec<_> = facts.service.of(Question::Relay.purpose()).collect();
        let Some(first) = tried.first() else { return Vec::new() };
        let probes = || tried.iter().flat_map(|c| &c.probes);
        let proof = probes().find(|p| p.id == ProbeId::RelayedMail);
        let taken = probes().find(|p| p.id == ProbeId::RelayPattern && p.answer == Answered::Accepted);
        let shown = |p: &ProbeFacts| p.detail.clone().unwrap_or_default();
        let reply = |p: &ProbeFacts| p.reply.clone().unwrap_or_default();
        if let Some(taken) = taken {
            let at = taken.at.iter().chain(proof.iter().flat_map(|p| &p.at)).copied();
            let verdict = match proof.map(|p| p.answer) {
                Some(Answered::Accepted) => Verdict::fail("proven"),
                Some(Answered::Silence) => Verdict::warn("not-arrived").severity(Severity::Medium),
                _ => Verdict::warn("suspected"),
            };
            return vec![verdict.with("pattern", shown(taken)).with("reply", reply(taken)).at(at)];
        }
        let mut asked = probes().filter(|p| p.id == ProbeId::RelayPattern);
        let refused = asked.clone().filter(|p| p.answer == Answered::Refused).count();
        let last = asked.next_back();
        match last {
            // All sixteen were refused, and not for now only.
            Some(last) if refused == PATTERNS => vec![
                Verdict::pass("refused")
                    .with("count", refused)
                    .with("reply", reply(last))
                    .at(last.at.clone()),
            ],
            _ => {
                let failed = tried.iter().rev().find_map(|c| Some((c.transcript, c.failure.as_ref()?.at?)));
                let at = failed.map(|(transcript, anchor)| Evidence { transcript, anchor });
                let limited = first.greeting.as_ref().is_some_and(|g| g.code == Some(421));
                let why = match (limited, at) {
                    (true, _) => Why::RateLimited,
                    (false, Some(_)) => Why::Failure,
                    (false, None) => Why::Unclear,
                };
                vec![Verdict::inconclusive(why).at(at.or(last.and_then(|l| l.at.first().copied())))]
            }
        }
    }
}

use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// Whether a login can be tied to the TLS connection, and whether the server looks.
pub(super) struct AuthChannelBinding;

impl Check for AuthChannelBinding {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "auth-channel-binding",
            group: "auth",
            severity: Severity::Medium,
            references: &["RFC 5802 §6", "RFC 9266", "RFC 5929 §4"],
            exploitable: true,
            manner: Manner::OptIn,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let tried: Vec<_> = facts.service.of(Question::Binding.purpose()).collect();
        if tried.is_empty() {
            return Vec::new();
        }
        let bound: Vec<_> = tried.iter().filter_map(|c| c.probe(ProbeId::BoundLogin)).collect();
        let wrong = tried.iter().find_map(|c| c.probe(ProbeId::WronglyBoundLogin));
        let mismatch = tried.iter().find_map(|c| c.probe(ProbeId::BindingMismatch));
        let mechanism = tried.iter().find_map(|c| c.login.as_ref()).map(|l| l.mechanism.clone());
        let shown = |verdict: Verdict, probe: &ProbeFacts| {
            verdict
                .with("mechanism", mechanism.clone().unwrap_or_default())
                .with("kind", kind(probe))
                .with("reply", probe.reply.clone().unwrap_or_default())
        };
        let Some(last) = bound.last() else {
            return vec![Verdict::inconclusive(Why::Failure).at(where_it_ended(&tried))];
        };
        let verdict = match (last.answer, wrong.map(|w| w.answer)) {
            // By another kind than the one for TLS 1.3, which was refused before: there is no third login for trying what
            // is wrong.
            (Answered::Accepted, _) if bound.len() > 1 => {
                shown(Verdict::warn("certificate-only"), last).with("refused", kind(bound[0]))
            }
            (Answered::Accepted, Some(Answered::Accepted)) => shown(Verdict::fail("any"), last),
            (Answered::Accepted, Some(Answered::Refused)) => shown(Verdict::pass("noticed"), last),
            (Answered::Accepted, None) => Verdict::inconclusive(Why::Failure).at(where_it_ended(&tried)),
            (Answered::Refused, _) if mismatch.is_some() => shown(Verdict::fail("mismatch"), last),
            (Answered::Refused, _) => shown(Verdict::warn("refused"), last),
            // Neither yes nor no: later, silence, the end of the connection, a server that does not prove itself.
            _ => Verdict::inconclusive(Why::Unclear),
        };
        let at = bound.iter().copied().chain(wrong).flat_map(|p| &p.at).copied();
        vec![verdict.at(at).at(mismatch.iter().flat_map(|p| &p.at).copied())]
    }
}

fn kind(probe: &ProbeFacts) -> String {
    probe.detail.clone().unwrap_or_default()
}

/// Where the last of the connections broke off.
fn where_it_ended(tried: &[&ConnectionFacts]) -> Option<Evidence> {
    let failed = tried.iter().rev().find_map(|c| Some((c.transcript, c.failure.as_ref()?.at?)));
    failed.map(|(transcript, anchor)| Evidence { transcript, anchor })
}

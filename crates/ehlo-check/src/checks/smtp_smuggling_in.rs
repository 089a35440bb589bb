use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::{Answered, ConnectionFacts, ProbeId};
use ehlo_core::{Evidence, Severity, Why};

/// So many sequences are tried.
const FAKES: usize = 10;

/// Whether something else than the end of data ends a message.
pub(super) struct SmtpSmugglingIn;

impl Check for SmtpSmugglingIn {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-smuggling-in",
            group: "smtp",
            severity: Severity::Critical,
            references: &[
                "RFC 5321 §2.3.8",
                "RFC 5321 §4.1.1.4",
                "CVE-2023-51764",
                "CVE-2023-51765",
                "CVE-2023-51766",
            ],
            exploitable: true,
            manner: Manner::OptIn,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let tried: Vec<_> = facts.service.of(Question::Smuggling.purpose()).collect();
        if tried.is_empty() {
            return Vec::new();
        }
        let fakes: Vec<_> = tried.iter().filter_map(|c| c.probe(ProbeId::FakeEndOfData)).collect();
        let taken: Vec<_> = fakes.iter().filter(|p| p.answer == Answered::Accepted).collect();
        if !taken.is_empty() {
            let names: Vec<&str> = taken.iter().filter_map(|p| p.detail.as_deref()).collect();
            let at = taken.iter().flat_map(|p| &p.at).copied();
            return vec![Verdict::fail("ends").with("sequences", names.join(", ")).at(at)];
        }
        let at = fakes.iter().flat_map(|p| &p.at).copied();
        // Refused at once, or taken as text behind which the real end was answered.
        let settled = |c: &&&ConnectionFacts| {
            let fake = c.probe(ProbeId::FakeEndOfData).map(|p| p.answer);
            let real = c.probe(ProbeId::RealEndOfData).map(|p| p.answer);
            let answered = real.is_some_and(|r| !matches!(r, Answered::Silence | Answered::Closed));
            matches!(fake, Some(Answered::Refused | Answered::Closed)) || answered
        };
        if tried.iter().filter(settled).count() == FAKES {
            return vec![Verdict::pass("text").with("count", FAKES).at(at)];
        }
        let refused = tried.iter().find_map(|c| c.probe(ProbeId::RcptUnknown));
        let failed = tried.iter().find_map(|c| Some((c.transcript, c.failure.as_ref()?.at?)));
        let failed = failed.map(|(transcript, anchor)| Evidence { transcript, anchor });
        let why = if refused.is_some() { Why::Unclear } else { Why::Failure };
        vec![Verdict::inconclusive(why).at(refused.iter().flat_map(|p| &p.at).copied().chain(failed))]
    }
}

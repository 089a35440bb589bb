use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::facts::{Answered, ProbeId};
use ehlo_core::{Severity, Why};

/// Whether STARTTLS is taken once more where TLS is on already.
pub(super) struct StarttlsTwice;

impl Check for StarttlsTwice {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-twice",
            group: "starttls",
            severity: Severity::Low,
            references: &["RFC 3207 §4.2", "RFC 9051 §6.2.1", "RFC 2595 §3", "RFC 2595 §4"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(probe) = main.probe(ProbeId::StartTlsInsideTls) else { return Vec::new() };
        let reply = probe.reply.clone().unwrap_or_default();
        let verdict = match probe.answer {
            Answered::Accepted => Verdict::warn("accepted"),
            Answered::Refused | Answered::Later => Verdict::pass("refused"),
            // Rude, but no second handshake.
            Answered::Closed | Answered::TlsAlert => Verdict::pass("closed"),
            _ => Verdict::inconclusive(Why::Unclear),
        };
        vec![verdict.with("reply", reply).at(probe.at.iter().copied())]
    }
}

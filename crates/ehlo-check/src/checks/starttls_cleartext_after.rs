use crate::Manner;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::{Answered, ProbeId, Purpose};
use ehlo_core::{Evidence, Severity, Why};

/// Whether text is still taken after STARTTLS was accepted.
pub(super) struct StarttlsCleartextAfter;

impl Check for StarttlsCleartextAfter {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-cleartext-after",
            group: "starttls",
            severity: Severity::High,
            references: &["RFC 3207 §4", "RFC 9051 §6.2.1", "RFC 2595 §4"],
            exploitable: true,
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(connection) = facts.service.of(Purpose::CleartextAfterStartTls).next() else {
            let offered = facts.main().and_then(|m| m.starttls.as_ref()).is_some_and(|s| s.offered);
            return if offered { vec![Verdict::inconclusive(Why::Failure)] } else { Vec::new() };
        };
        let Some(probe) = connection.probe(ProbeId::CleartextAfterStartTls) else {
            let limited = connection.greeting.as_ref().is_some_and(|g| g.code == Some(421));
            let refused = facts
                .main()
                .and_then(|m| m.starttls.as_ref())
                .is_some_and(|s| s.answer != Answered::Accepted);
            // Where STARTTLS is never accepted there is nothing after it.
            if refused {
                return Vec::new();
            }
            let why = if limited { Why::RateLimited } else { Why::Failure };
            let at = connection.failure.as_ref().and_then(|f| f.at);
            let at = at.map(|anchor| Evidence { transcript: connection.transcript, anchor });
            return vec![Verdict::inconclusive(why).at(at)];
        };
        let reply = probe.reply.clone().unwrap_or_default();
        let about_tls = ["tls", "ssl", "handshake"].iter().any(|w| reply.to_lowercase().contains(w));
        let verdict = match probe.answer {
            Answered::Closed => Verdict::pass("closed"),
            Answered::TlsAlert => Verdict::pass("alert"),
            Answered::Silence => Verdict::pass("silent"),
            Answered::Refused | Answered::Later if about_tls => Verdict::pass("refused"),
            _ => Verdict::fail("answered"),
        };
        vec![verdict.with("reply", reply).at(probe.at.iter().copied())]
    }
}

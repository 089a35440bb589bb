use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::Answered;
use ehlo_core::{Cause, Evidence, Severity};

/// Whether TLS comes about when it is asked for.
pub(super) struct StarttlsWorks;

impl Check for StarttlsWorks {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-works",
            group: "starttls",
            severity: Severity::High,
            references: &["RFC 3207 §4", "RFC 5804 §2.2"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(starttls) = main.starttls.as_ref().filter(|s| s.offered) else {
            let offered = main.capabilities.iter().any(|c| c.starttls(facts.protocol()).is_some());
            return if offered { vec![facts.not_reached()] } else { Vec::new() };
        };
        let function = facts.takes_logins();
        let told = |message| Verdict::fail(message).function(function).at([starttls.at]);
        let reply = starttls.reply.clone().unwrap_or_default();
        let verdict = match (&starttls.failure, starttls.answer) {
            (Some(failure), Answered::Accepted) => {
                let at = failure.at.map(|anchor| Evidence { transcript: main.transcript, anchor });
                match &failure.cause {
                    Cause::InjectedBeforeTls { .. } => told("injected").exploitable(true).at(at),
                    Cause::TlsAlert { alert } => told("handshake-alert").with("alert", alert).at(at),
                    Cause::NotTls { .. } => told("handshake-text").at(at),
                    Cause::TimedOut { .. } | Cause::Deadline { .. } => told("handshake-silence").at(at),
                    Cause::TlsFailed { detail } => told("handshake-failed").with("detail", detail).at(at),
                    _ => told("handshake-closed").at(at),
                }
            }
            (Some(_), Answered::Silence) => told("silence"),
            (Some(_), _) => told("closed"),
            (None, Answered::Accepted) if main.tls.is_some() => {
                let tls = main.tls.as_ref();
                let version = tls.map_or("", |t| t.version.as_str());
                return vec![
                    Verdict::pass("works")
                        .with("version", version)
                        .at([starttls.at])
                        .at(tls.and_then(|t| t.at)),
                ];
            }
            (None, Answered::Later) => told("later").with("reply", reply),
            (None, Answered::Continue | Answered::Accepted | Answered::Nonsense) => {
                told("nonsense").with("reply", reply)
            }
            (None, _) => told("refused").with("reply", reply),
        };
        vec![verdict]
    }
}

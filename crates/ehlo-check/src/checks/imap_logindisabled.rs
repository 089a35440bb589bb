use crate::Manner;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::{Answered, Moment, ProbeId};
use ehlo_core::{Protocol, Severity};

/// Whether LOGIN is switched off before TLS, and said to be.
pub(super) struct ImapLogindisabled;

impl Check for ImapLogindisabled {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "imap-logindisabled",
            group: "imap",
            severity: Severity::High,
            references: &["RFC 2595 §3.2", "RFC 9051 §6.2.3"],
            exploitable: true,
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.protocol() != Protocol::Imap || !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let asked = main.capabilities.iter().rfind(|c| c.moment == Moment::Plain && !c.unasked);
        let Some(list) = asked else { return vec![facts.not_reached()] };
        let Some(shown) = list.get("LOGINDISABLED") else {
            return vec![Verdict::fail("missing").at([list.at])];
        };
        match main.probe(ProbeId::LoginInClear) {
            None => vec![Verdict::pass("shown").at([shown.at])],
            // A server that looks the user up has taken the password into account.
            Some(probe) if looked_up(probe.answer, probe.reply.as_deref().unwrap_or_default()) => vec![
                Verdict::warn("processed")
                    .with("reply", probe.reply.clone().unwrap_or_default())
                    .exploitable(false)
                    .at([shown.at])
                    .at(probe.at.iter().copied()),
            ],
            Some(probe) => vec![
                Verdict::pass("enforced")
                    .with("reply", probe.reply.clone().unwrap_or_default())
                    .at([shown.at])
                    .at(probe.at.iter().copied()),
            ],
        }
    }
}

fn looked_up(answer: Answered, reply: &str) -> bool {
    answer == Answered::Accepted || reply.to_ascii_uppercase().contains("[AUTHENTICATIONFAILED]")
}

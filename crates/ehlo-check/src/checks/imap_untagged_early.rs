use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::ProbeId;
use ehlo_core::{Protocol, Severity};

/// Whether nothing is said of mailboxes before the login.
pub(super) struct ImapUntaggedEarly;

impl Check for ImapUntaggedEarly {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "imap-untagged-early",
            group: "imap",
            severity: Severity::Medium,
            references: &["RFC 9051 §11.3"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.protocol() != Protocol::Imap {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        if main.greeting.is_none() {
            return vec![facts.not_reached()];
        }
        match main.probe(ProbeId::EarlyData) {
            Some(early) => {
                let kind = early.detail.clone().unwrap_or_default();
                // Some servers greet with an alert on purpose.
                let verdict = match kind.as_str() {
                    "ALERT" => Verdict::warn("alert"),
                    _ => Verdict::fail("data").exploitable(true),
                };
                let reply = early.reply.clone().unwrap_or_default();
                vec![verdict.with("kind", kind).with("reply", reply).at(early.at.clone())]
            }
            None => vec![Verdict::pass("nothing")],
        }
    }
}

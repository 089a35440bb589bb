use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::ProbeId;
use ehlo_core::{Protocol, Severity};

/// Whether the server sends clients elsewhere.
pub(super) struct ImapReferral;

impl Check for ImapReferral {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "imap-referral",
            group: "imap",
            severity: Severity::Medium,
            references: &["RFC 2221 §4", "RFC 2221 §6", "RFC 2193 §6"],
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
        match main.probe(ProbeId::Referral) {
            Some(referral) => {
                let url = referral.detail.clone().unwrap_or_default();
                vec![Verdict::warn("refers").with("url", url).at(referral.at.clone())]
            }
            None => vec![Verdict::pass("none")],
        }
    }
}

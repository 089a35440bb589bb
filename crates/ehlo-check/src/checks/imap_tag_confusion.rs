use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::{DeviationKind, Evidence, Protocol, Severity};

/// Whether the server completes only commands that were given.
pub(super) struct ImapTagConfusion;

impl Check for ImapTagConfusion {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "imap-tag-confusion",
            group: "imap",
            severity: Severity::Medium,
            references: &["RFC 9051 §2.2.1"],
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
        match main.deviations.iter().find(|d| d.kind == DeviationKind::UnknownTag) {
            Some(deviation) => {
                vec![Verdict::fail("unknown").at([Evidence::bytes(main.transcript, deviation.span)])]
            }
            None => vec![Verdict::pass("known")],
        }
    }
}

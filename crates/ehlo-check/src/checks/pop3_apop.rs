use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::{Protocol, Severity};

/// Whether APOP is offered.
pub(super) struct Pop3Apop;

impl Check for Pop3Apop {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "pop3-apop",
            group: "pop3",
            severity: Severity::Low,
            references: &["RFC 1939 §7", "CVE-2007-1558"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.protocol() != Protocol::Pop3 {
            return Vec::new();
        }
        let Some(greeting) = facts.main().and_then(|m| m.greeting.as_ref()) else {
            return facts.main().map(|_| facts.not_reached()).into_iter().collect();
        };
        let verdict = match &greeting.apop_stamp {
            Some(stamp) => Verdict::warn("offered").with("stamp", stamp),
            None => Verdict::pass("not-offered"),
        };
        vec![verdict.at([greeting.at])]
    }
}

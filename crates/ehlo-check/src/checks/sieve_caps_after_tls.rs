use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::Moment;
use ehlo_core::{Protocol, Severity};

/// Whether a ManageSieve server says again what it can do when TLS is on.
pub(super) struct SieveCapsAfterTls;

impl Check for SieveCapsAfterTls {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "sieve-caps-after-tls",
            group: "starttls",
            severity: Severity::Medium,
            references: &["RFC 5804 §2.2"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.protocol() != Protocol::Sieve || !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main().filter(|m| m.tls.is_some()) else { return Vec::new() };
        let said = main.capabilities.iter().find(|list| list.moment == Moment::Tls && list.unasked);
        match said {
            Some(list) => vec![Verdict::pass("said").at([list.at])],
            None => vec![Verdict::fail("not-said").at(main.tls.as_ref().and_then(|tls| tls.at))],
        }
    }
}

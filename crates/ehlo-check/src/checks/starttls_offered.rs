use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::is_masked_keyword;

/// Whether TLS is offered inside the session.
pub(super) struct StarttlsOffered;

impl Check for StarttlsOffered {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-offered",
            group: "starttls",
            severity: Severity::High,
            references: &["RFC 3207 §4", "RFC 9051 §6.2.1", "RFC 2595 §4", "RFC 5804 §2.2"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(list) = main.capabilities.iter().find(|c| !c.unasked).or(main.capabilities.first()) else {
            return vec![facts.not_reached()];
        };
        if let Some(offer) = list.starttls(facts.protocol()) {
            return vec![Verdict::pass("offered").with("keyword", &offer.name).at([offer.at])];
        }
        if facts.capabilities_unknown() {
            return vec![facts.not_reached()];
        }
        // A firewall that masks words it does not know leaves a trace.
        let masked = list.list.iter().find(|c| is_masked_keyword(&c.name));
        let verdict = match masked {
            Some(word) => Verdict::fail("masked").with("word", &word.name).at([word.at]),
            None => Verdict::fail("missing"),
        };
        vec![verdict.at([list.at])]
    }
}

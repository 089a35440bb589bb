use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{HelloFacts, HelloQuestion};
use ehlo_wire::tls::{Group, Version};

/// Whether keys can be agreed on that a quantum computer of the future will not find out from what is recorded today.
pub(super) struct KexPqHybrid;

impl Check for KexPqHybrid {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "kex-pq-hybrid",
            group: "tls",
            severity: Severity::Info,
            references: &["BSI TR-02102-2", "draft-ietf-tls-ecdhe-mlkem §3"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let is_one = |name: &str| Group::named(name).is_some_and(Group::is_post_quantum);
        let taken: Vec<_> =
            hello::chosen(probe).filter(|(_, c)| c.group.as_deref().is_some_and(is_one)).collect();
        if !taken.is_empty() {
            let groups = hello::names(taken.iter().filter_map(|(_, c)| c.group.as_deref()));
            let at = taken.iter().flat_map(|(h, _)| h.at.iter().copied());
            return vec![Verdict::pass("offered").with("groups", groups).at(at)];
        }
        if let Some(tls) = facts.main().and_then(|m| m.tls.as_ref())
            && let Some(group) = tls.group.as_deref().filter(|g| is_one(g))
        {
            return vec![Verdict::pass("offered").with("groups", group).at(tls.at)];
        }
        // Groups are asked for only where exact lists are wanted. Each that was not taken stands in the last hello; with
        // TLS 1.2 alone there are none.
        let newest = hello::chosen(probe).any(|(_, c)| c.version == Version::TLS13.0);
        let last = hello::of(probe, HelloQuestion::Groups).last();
        let Some(last) = last.filter(|h| newest && HelloFacts::is_refused(h)) else { return Vec::new() };
        vec![Verdict::info("missing").at(last.at.iter().copied())]
    }
}

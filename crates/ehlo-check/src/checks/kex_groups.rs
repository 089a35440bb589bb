use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{HelloQuestion, TlsProbeMode};
use ehlo_wire::tls::Version;

/// Which groups keys are agreed on with: the one of our own session, or all of TLS 1.3 where lists are wanted.
pub(super) struct KexGroups;

impl Check for KexGroups {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "kex-groups",
            group: "tls",
            severity: Severity::Info,
            references: &["RFC 8446 §4.2.7", "BSI TR-02102-2"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let newest: Vec<_> = hello::chosen(probe)
            .filter(|(h, c)| h.question != HelloQuestion::Order && c.version == Version::TLS13.0)
            .filter_map(|(h, c)| Some((h, c.group.as_deref()?)))
            .collect();
        if probe.mode >= TlsProbeMode::List
            && let Some((_, preferred)) = newest.first()
        {
            let mut order = hello::of(probe, HelloQuestion::Order).filter_map(|h| h.chosen());
            let reversed = order.find(|c| c.version == Version::TLS13.0).and_then(|c| c.group.as_deref());
            let message = match reversed {
                Some(group) if group == *preferred => "own-order",
                Some(_) => "client-order",
                None => "listed",
            };
            let groups = hello::names(newest.iter().map(|(_, group)| *group));
            let verdict = Verdict::info(message).with("groups", groups).with("preferred", preferred);
            return vec![verdict.at(newest.iter().flat_map(|(h, _)| h.at.iter().copied()).take(4))];
        }
        let Some(tls) = facts.main().and_then(|m| m.tls.as_ref()) else { return Vec::new() };
        let Some(group) = &tls.group else { return Vec::new() };
        vec![Verdict::pass("negotiated").with("group", group).with("version", &tls.version).at(tls.at)]
    }
}

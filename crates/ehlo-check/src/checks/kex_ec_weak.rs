use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::HelloQuestion;
use ehlo_wire::tls::{Group, Version};

/// Whether curves are taken that are too small, or over a binary field.
pub(super) struct KexEcWeak;

impl Check for KexEcWeak {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "kex-ec-weak",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 8422 §5.1.1", "NCSC-NL TLS 2025"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let is_weak = |name: &str| Group::named(name).is_some_and(Group::is_weak_curve);
        let taken: Vec<_> = hello::chosen(probe)
            .filter(|(_, c)| c.version < Version::TLS13.0 && c.group.as_deref().is_some_and(is_weak))
            .collect();
        if !taken.is_empty() {
            let curves = hello::names(taken.iter().filter_map(|(_, c)| c.group.as_deref()));
            let verdict = Verdict::fail("taken").with("curves", curves);
            return vec![verdict.at(taken.iter().flat_map(|(h, _)| h.at.iter().copied()))];
        }
        // It is asked only where exact lists are wanted and there is TLS 1.2 with curves.
        let Some(hello) = hello::of(probe, HelloQuestion::WeakGroups).last() else { return Vec::new() };
        let verdict = match hello.chosen() {
            // It does not look at what is offered, and takes something better.
            Some(chosen) => Verdict::pass("otherwise").with("group", chosen.group.as_deref().unwrap_or("-")),
            None if hello.is_refused() => Verdict::pass("refused"),
            None => return vec![hello::open(probe)],
        };
        vec![verdict.at(hello.at.iter().copied())]
    }
}

use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{HelloAnswer, HelloQuestion};

/// Whether somebody in between can push a client down to an older version unseen.
pub(super) struct TlsFallbackScsv;

impl Check for TlsFallbackScsv {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-fallback-scsv",
            group: "tls",
            severity: Severity::Low,
            references: &["RFC 7507 §3"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        // It is asked only where a newer and an older version are there.
        let Some(hello) = hello::of(probe, HelloQuestion::Fallback).next() else { return Vec::new() };
        let verdict = match hello.chosen() {
            Some(chosen) => Verdict::fail("ignored").with("version", &chosen.version_name),
            None if hello.answer == HelloAnswer::HungUp => Verdict::pass("hung-up"),
            None if hello.is_refused() => Verdict::pass("noticed").with("alert", hello::alert(hello)),
            None => return vec![hello::open(probe)],
        };
        vec![verdict.at(hello.at.iter().copied())]
    }
}

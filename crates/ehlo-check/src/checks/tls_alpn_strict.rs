use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::facts::{HelloAnswer, HelloQuestion};
use ehlo_core::{Severity, Why};

/// Whether the server selects an application protocol that it does not speak.
pub(super) struct TlsAlpnStrict;

impl Check for TlsAlpnStrict {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-alpn-strict",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 9325 §3.8", "RFC 7301 §3.2"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let Some(asked) = probe.hellos.iter().find(|h| h.alpn.is_some()) else {
            // What TLS 1.3 answers is encrypted.
            return if hello::only_newest(probe) { Vec::new() } else { vec![hello::open(probe)] };
        };
        let taken_without =
            || hello::of(probe, HelloQuestion::Recommended).any(|h| h.alpn.is_none() && h.chosen().is_some());
        let protocol = asked.alpn.as_deref().unwrap_or_default();
        let verdict = match &asked.answer {
            HelloAnswer::Chosen(chosen) if !chosen.offered => return vec![hello::open(probe)],
            HelloAnswer::Chosen(chosen) => match &chosen.alpn {
                Some(_) => Verdict::warn("selected"),
                None => Verdict::pass("unanswered"),
            },
            HelloAnswer::Refused { alert } if alert == "no_application_protocol" => Verdict::pass("refused"),
            // With the same suites it is taken as soon as the protocol is left out.
            HelloAnswer::Refused { alert } if taken_without() => {
                Verdict::pass("refused-otherwise").with("alert", alert)
            }
            HelloAnswer::HungUp if taken_without() => Verdict::pass("hung-up"),
            HelloAnswer::Refused { .. } | HelloAnswer::HungUp => Verdict::inconclusive(Why::Unclear),
            _ => return vec![hello::open(probe)],
        };
        vec![verdict.with("protocol", protocol).at(asked.at.iter().copied())]
    }
}

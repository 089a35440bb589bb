use super::cert;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// Whether the server sends the certificates between its own and the root.
pub(super) struct CertChainIncomplete;

impl Check for CertChainIncomplete {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-chain-incomplete",
            group: "cert",
            severity: Severity::High,
            references: &["RFC 8446 §4.4.2"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(leaf) = cert::leaf(facts) else { return cert::no_leaf(facts) };
        if leaf.certificate.self_signed {
            return Vec::new();
        }
        match cert::missing_issuer(facts, &leaf) {
            Some((issuer, known_from)) => {
                let message = match known_from {
                    cert::KnownFrom::Given => "known-from-given",
                    cert::KnownFrom::Service(_) => "known-from-service",
                    cert::KnownFrom::Url(_) => "named-by-url",
                };
                let place = match known_from {
                    cert::KnownFrom::Given => String::new(),
                    cert::KnownFrom::Service(place) | cert::KnownFrom::Url(place) => place,
                };
                let verdict =
                    if facts.takes_logins() { Verdict::fail(message) } else { Verdict::warn(message) };
                vec![verdict.with("issuer", issuer).with("place", place).at(leaf.at)]
            }
            None if leaf.tls.path.error_at_mid_life.is_none() => {
                vec![Verdict::pass("complete").with("certificates", leaf.tls.chain.len()).at(leaf.at)]
            }
            // No path, and nothing known about why: that is an unknown authority.
            None => Vec::new(),
        }
    }
}

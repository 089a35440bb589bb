use super::cert_key_weak::is_weak;
use super::{cert, hello};
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::facts::{CertificateFacts, HelloFacts, HelloQuestion, NameMatch, PathFacts, ShownChain};
use ehlo_core::{Role, Severity};
use ehlo_wire::tls::Version;

/// Whether the certificates that other clients are shown are as good as the one that ours is shown: many servers have one
/// for each type of key, and renew only one of them.
pub(super) struct CertVariants;

impl Check for CertVariants {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "cert-variants",
            group: "tls",
            severity: Severity::High,
            severity_mx: Some(Severity::Medium),
            references: &["RFC 9325 §3.9", "RFC 5280 §6.1.3", "RFC 9525 §6.3"],
            function: true,
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        // Other names may bring other certificates, which nobody expects to be valid for this one.
        let named =
            |h: &HelloFacts| !matches!(h.question, HelloQuestion::NoName | HelloQuestion::UnknownName);
        let shown: Vec<(&ShownChain, &HelloFacts)> = probe
            .chains
            .iter()
            .filter_map(|chain| {
                let leaf = chain.leaf()?;
                let of = |h: &&HelloFacts| {
                    let certificate = h.chosen().and_then(|c| c.certificate.as_ref());
                    named(h) && certificate.is_some_and(|c| *c == leaf.sha256)
                };
                Some((chain, probe.hellos.iter().find(of)?))
            })
            .collect();
        if shown.is_empty() {
            // Suites without a certificate show none, and TLS 1.3 encrypts it.
            let chosen = hello::chosen(probe).any(|(_, c)| c.version < Version::TLS13.0);
            return if chosen || hello::only_newest(probe) { Vec::new() } else { vec![hello::open(probe)] };
        }
        let main = facts.main().and_then(|m| m.tls.as_ref());
        let main_leaf = main.and_then(|tls| tls.chain.first());
        let known = match (main, main_leaf) {
            (Some(tls), Some(leaf)) => wrong(facts.run.now, leaf, &tls.names, &tls.path, tls.pinned),
            _ => Vec::new(),
        };
        let mut verdicts = Vec::new();
        for (chain, hello) in &shown {
            let Some(leaf) = chain.leaf().filter(|l| main_leaf.is_none_or(|m| m.sha256 != l.sha256)) else {
                continue;
            };
            for what in wrong(facts.run.now, leaf, &chain.names, &chain.path, chain.pinned) {
                // What the main certificate has, too, is told of that one.
                if !known.contains(&what) {
                    let verdict = verdict(facts, what, chain, leaf);
                    verdicts.push(verdict.at(hello.at.iter().copied()));
                }
            }
        }
        if verdicts.is_empty() {
            let mut all: Vec<&CertificateFacts> = main_leaf.into_iter().collect();
            let leaves = shown.iter().filter_map(|(chain, _)| chain.leaf());
            all.extend(leaves.filter(|l| main_leaf.is_none_or(|m| m.sha256 != l.sha256)));
            let verdict = Verdict::pass(if all.len() > 1 { "good" } else { "one" });
            let keys = all.iter().map(|c| key(c)).collect::<Vec<_>>().join(", ");
            verdicts
                .push(verdict.with("keys", keys).at(shown.iter().flat_map(|(_, h)| h.at.iter().copied())));
        }
        verdicts
    }
}

/// What can be wrong with a certificate, and makes clients refuse it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Expired,
    NotYetValid,
    Mismatch,
    SelfSigned,
    Untrusted,
    Weak,
}

fn wrong(now: i64, leaf: &CertificateFacts, names: &NameMatch, path: &PathFacts, pinned: bool) -> Vec<Wrong> {
    if leaf.unreadable.is_some() {
        return Vec::new();
    }
    let untrusted = path.error_at_mid_life.is_some() && !path.dates_in_the_way && !pinned;
    [
        (leaf.not_after < now, Wrong::Expired),
        (leaf.not_before > now, Wrong::NotYetValid),
        (names.matched.is_none() && !pinned, Wrong::Mismatch),
        (untrusted && leaf.self_signed, Wrong::SelfSigned),
        (untrusted && !leaf.self_signed, Wrong::Untrusted),
        (is_weak(leaf), Wrong::Weak),
    ]
    .into_iter()
    .filter_map(|(is, what)| is.then_some(what))
    .collect()
}

/// As the checks of the main certificate say it.
fn verdict(facts: &Judging<'_>, what: Wrong, chain: &ShownChain, leaf: &CertificateFacts) -> Verdict {
    let between_servers = matches!(facts.role(), Role::Mx | Role::Lmtp);
    let graver = if between_servers { Severity::Medium } else { Severity::Critical };
    let trusted = if between_servers { Severity::Info } else { Severity::High };
    let verdict = match what {
        Wrong::Expired => {
            let verdict = cert::bad(facts, "expired").severity(graver);
            verdict.with("until", cert::date(leaf.not_after)).with("now", cert::date(facts.run.now))
        }
        Wrong::NotYetValid => {
            let verdict = cert::bad(facts, "not-yet-valid").severity(graver);
            verdict.with("from", cert::date(leaf.not_before)).with("now", cert::date(facts.run.now))
        }
        Wrong::Mismatch => {
            let verdict = cert::bad(facts, "mismatch").severity(graver);
            verdict.with("wanted", chain.names.wanted.join(", ")).with("names", cert::shortened(&leaf.names))
        }
        Wrong::SelfSigned => cert::untrusted(facts, "self-signed").severity(trusted),
        Wrong::Untrusted => {
            let error = chain.path.error_at_mid_life.as_deref().unwrap_or_default();
            cert::untrusted(facts, "untrusted").severity(trusted).with("error", error)
        }
        // Who can factor it is not shut out by it.
        Wrong::Weak => cert::bad(facts, "weak").function(false).exploitable(true),
    };
    verdict.with("key", key(leaf)).with("subject", &leaf.subject)
}

/// Type and size of a key in words, e.g. `RSA 2048`, `EC P-256`.
fn key(certificate: &CertificateFacts) -> String {
    match certificate.key.starts_with("RSA") {
        true => format!("{} {}", certificate.key, certificate.key_bits),
        false => certificate.key.clone(),
    }
}

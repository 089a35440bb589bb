//! What the checks of certificates share.

use crate::{Judging, Verdict};
use ehlo_core::Evidence;
pub(super) use ehlo_core::date;
use ehlo_core::facts::{CertificateFacts, TlsFacts};

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;

/// The server's own certificate, with the session it was shown in.
pub(super) struct Leaf<'a> {
    pub(super) tls: &'a TlsFacts,
    pub(super) certificate: &'a CertificateFacts,
    pub(super) at: Option<Evidence>,
}

/// Where the issuer that the server does not send is known from.
pub(super) enum KnownFrom {
    /// The user gave it.
    Given,
    /// Another service of the run sends it.
    Service(String),
    /// The certificate says where it can be had.
    Url(String),
}

pub(super) fn leaf<'a>(facts: &Judging<'a>) -> Option<Leaf<'a>> {
    let tls = facts.main()?.tls.as_ref()?;
    let certificate = tls.chain.first()?;
    Some(Leaf { tls, certificate, at: tls.at })
}

/// Without a certificate there is nothing to judge, unless there should have been one.
pub(super) fn no_leaf(facts: &Judging<'_>) -> Vec<Verdict> {
    let implicit = facts.tls_mode() == ehlo_core::TlsMode::Implicit;
    let offered = facts.main().and_then(|m| m.starttls.as_ref()).is_some_and(|s| s.offered);
    if facts.main().is_some() && (implicit || offered) { vec![facts.not_reached()] } else { Vec::new() }
}

/// A certificate that clients of users refuse, and other servers mostly do not care about (RFC 7672 §1.3.1).
pub(super) fn bad(facts: &Judging<'_>, message: &'static str) -> Verdict {
    if facts.takes_logins() { Verdict::fail(message) } else { Verdict::warn(message) }
}

/// The same for one that nobody knows: normal between servers.
pub(super) fn untrusted(facts: &Judging<'_>, message: &'static str) -> Verdict {
    if facts.takes_logins() { Verdict::fail(message) } else { Verdict::info(message) }
}

/// The issuer's name, if the chain ends too early and it is known who is missing.
pub(super) fn missing_issuer(facts: &Judging<'_>, leaf: &Leaf<'_>) -> Option<(String, KnownFrom)> {
    if leaf.tls.pinned {
        return None;
    }
    let last = leaf.tls.chain.last()?;
    if leaf.tls.path.completed_by_given {
        return Some((last.issuer.clone(), KnownFrom::Given));
    }
    if leaf.tls.path.error_at_mid_life.is_none() || last.self_signed || last.subject == last.issuer {
        return None;
    }
    let is_issuer = |c: &&CertificateFacts| {
        c.subject == last.issuer
            && c.is_ca
            && match (&c.subject_key_id, &last.authority_key_id) {
                (Some(subject), Some(authority)) => subject == authority,
                _ => true,
            }
    };
    for service in &facts.run.services {
        let chain = service.main().and_then(|m| m.tls.as_ref()).map(|t| &t.chain[..]).unwrap_or_default();
        if chain.iter().skip(1).any(|c| is_issuer(&c)) {
            return Some((last.issuer.clone(), KnownFrom::Service(service.url.clone())));
        }
    }
    let url = last.issuer_urls.first()?;
    Some((last.issuer.clone(), KnownFrom::Url(url.clone())))
}

/// The first certificate of the chain that is signed by a hash that does not hold. The signature of a root is looked at by
/// nobody: it is trusted as it is.
pub(super) fn weakly_signed<'a>(leaf: &Leaf<'a>) -> Option<&'a CertificateFacts> {
    leaf.tls.chain.iter().find(|c| is_weak_signature(&c.signature) && !(c.self_signed && c.is_ca))
}

fn is_weak_signature(signature: &str) -> bool {
    let name = signature.to_ascii_lowercase();
    // RSA with MD2 and MD5, and SHA-1 by the names that older authorities used (OIDs of RFC 3279 and OIW).
    name.contains("md5")
        || name.ends_with("sha1")
        || name.contains("sha1with")
        || ["1.2.840.113549.1.1.2", "1.3.14.3.2.29", "1.2.840.10040.4.3"].contains(&name.as_str())
}

/// Another service of the same host that shows a certificate for the same names with a later end.
pub(super) fn newer_elsewhere(facts: &Judging<'_>, leaf: &Leaf<'_>) -> Option<(String, String)> {
    let same_name = |c: &CertificateFacts| c.names.iter().any(|n| leaf.certificate.names.contains(n));
    facts
        .siblings()
        .filter_map(|s| Some((s, s.main()?.tls.as_ref()?.chain.first()?)))
        .filter(|(_, c)| c.not_after > leaf.certificate.not_after && same_name(c))
        .max_by_key(|(_, c)| c.not_after)
        .map(|(s, c)| (s.url.clone(), date(c.not_after)))
}

/// The name in the certificate that has most labels in common with a wanted one, from the right.
pub(super) fn nearest(wanted: &[String], names: &[String]) -> String {
    let common = |a: &str, b: &str| {
        a.to_ascii_lowercase()
            .rsplit('.')
            .zip(b.to_ascii_lowercase().rsplit('.'))
            .take_while(|(x, y)| x == y)
            .count()
    };
    let best = |name: &&String| wanted.iter().map(|w| common(w, name)).max().unwrap_or(0);
    names.iter().max_by_key(best).cloned().unwrap_or_default()
}

/// A list of names that fits into a sentence.
pub(super) fn shortened(names: &[String]) -> String {
    const MOST: usize = 6;
    match names.len() {
        n if n > MOST => format!("{}, … ({n})", names[..MOST].join(", ")),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        let names = ["other.invalid", "smtp.example.org", "example.com"].map(str::to_owned);
        assert_eq!(nearest(&["mail.example.org".to_owned()], &names), "smtp.example.org");
    }
}

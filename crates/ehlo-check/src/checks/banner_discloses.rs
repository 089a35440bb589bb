use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::Said;

/// Whether the server tells strangers which version of what it runs.
pub(super) struct BannerDiscloses;

impl Check for BannerDiscloses {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "banner-discloses",
            group: "transport",
            severity: Severity::Low,
            references: &["RFC 5321 §7.5", "RFC 2971 §3.3", "RFC 2449 §6.9"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(greeting) = &main.greeting else { return vec![facts.not_reached()] };
        let text = match (&greeting.host, greeting.code) {
            // The name of the host is no disclosure, even if it has digits.
            (Some(host), _) => greeting.text.replacen(host.as_str(), "", 1),
            _ => greeting.text.clone(),
        };
        let said = std::iter::once(Said { text, at: greeting.at }).chain(main.identity.iter().cloned());
        let mut products = Vec::new();
        for said in said {
            if let Some(version) = version_in(&said.text) {
                return vec![
                    Verdict::warn("version").with("text", &said.text).with("version", version).at([said.at]),
                ];
            }
            if let Some(product) = product_in(&said.text) {
                products.push((product, said));
            }
        }
        match products.into_iter().next() {
            Some((product, said)) => {
                vec![Verdict::info("product").with("text", &said.text).with("product", product).at([said.at])]
            }
            None => vec![Verdict::pass("nothing").at([greeting.at])],
        }
    }
}

/// Names under which mail servers and systems are known.
const PRODUCTS: &[&str] = &[
    "Postfix",
    "Exim",
    "Sendmail",
    "qmail",
    "OpenSMTPD",
    "Dovecot",
    "Cyrus",
    "Courier",
    "Exchange",
    "Microsoft",
    "Zimbra",
    "hMailServer",
    "MailEnable",
    "MDaemon",
    "Kerio",
    "Stalwart",
    "Haraka",
    "chasquid",
    "James",
    "Maddy",
    "Mox",
    "Gimap",
    "Debian",
    "Ubuntu",
    "CentOS",
    "Red Hat",
    "FreeBSD",
    "Windows",
];

fn product_in(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    PRODUCTS.iter().copied().find(|p| {
        let name = p.to_lowercase();
        lower.match_indices(&name).any(|(at, _)| {
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            edge(lower[..at].chars().next_back()) && edge(lower[at + name.len()..].chars().next())
        })
    })
}

/// A version number: digits, a dot, digits, standing alone or behind a `v`. Dates, times, addresses and names of RFCs
/// are none.
fn version_in(text: &str) -> Option<String> {
    let mut words =
        text.split(|c: char| c.is_whitespace() || "()[]<>,;\"'/=".contains(c)).filter(|w| !w.is_empty());
    let mut next = "";
    loop {
        let before = std::mem::replace(&mut next, words.next()?);
        let word = next.strip_prefix(['v', 'V']).unwrap_or(next);
        if !word.starts_with(|c: char| c.is_ascii_digit()) || word.contains([':', '@']) {
            continue;
        }
        let number = word.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        let number = number.trim_end_matches('.');
        let parts: Vec<&str> = number.split('.').collect();
        // Four small numbers are an address, unless the word before says that they are a version.
        let named = before.eq_ignore_ascii_case("version") || product_in(before).is_some();
        let is_address = !named && number.parse::<std::net::Ipv4Addr>().is_ok();
        let is_date = parts.len() == 3
            && parts[2].len() == 4
            && (parts[2].starts_with("19") || parts[2].starts_with("20"));
        // `2.example.org` is a host.
        let is_host = word[number.len()..].starts_with(|c: char| c == '.' || c.is_alphabetic());
        if (2..=5).contains(&parts.len())
            && parts.iter().all(|p| !p.is_empty())
            && !is_address
            && !is_date
            && !is_host
        {
            return Some(word.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_what_looks_like_them() {
        for (text, version) in [
            ("ESMTP Exim 4.96 Fri, 01 Jan 2027 10:11:12 +0000", Some("4.96")),
            ("ESMTP Postfix (Debian/GNU)", None),
            ("Cyrus IMAP v3.6.1-Debian-3.6.1-4 server ready", Some("3.6.1-Debian-3.6.1-4")),
            ("Microsoft ESMTP MAIL Service, Version: 10.0.20348.1 ready", Some("10.0.20348.1")),
            ("ready at 24.11.2026", None),
            ("greets client [192.0.2.1]", None),
            ("* OK [CAPABILITY IMAP4rev1] ready", None),
            ("see RFC 5321 and 2026", None),
            ("name=Dovecot version=2.3.19.1", Some("2.3.19.1")),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn products_stand_alone() {
        assert_eq!(product_in("ESMTP Postfix (Debian/GNU)"), Some("Postfix"));
        assert_eq!(product_in("Dovecot ready."), Some("Dovecot"));
        assert_eq!(product_in("postfixed mail"), None);
        assert_eq!(product_in("ehlo lab"), None);
    }
}

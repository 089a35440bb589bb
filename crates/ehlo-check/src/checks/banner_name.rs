use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::GreetingKind;
use ehlo_core::{Role, Severity, Why};

/// Whether the name that an MX gives itself is a proper one.
pub(super) struct BannerName;

impl Check for BannerName {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "banner-name",
            group: "transport",
            severity: Severity::Low,
            references: &["RFC 5321 §4.1.4", "RFC 5321 §4.2"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.role() != Role::Mx {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let ready = main.greeting.as_ref().is_some_and(|g| g.kind == GreetingKind::Ready);
        if !ready || super::port_speaks_other::spoken_instead(facts).is_some() {
            return vec![facts.not_reached()];
        }
        let names = &facts.service.names;
        let Some(first) = names.first() else {
            return vec![Verdict::warn("no-name").at(main.greeting.as_ref().map(|g| g.at))];
        };
        if let Some(other) = names.get(1) {
            return vec![
                Verdict::warn("two-names")
                    .with("name", &first.name)
                    .with("other", &other.name)
                    .at([first.at, other.at]),
            ];
        }
        let told = |message| Verdict::warn(message).with("name", &first.name).at([first.at]);
        if !is_fqdn(&first.name) {
            return vec![told("not-qualified")];
        }
        if first.failure.as_ref().is_some_and(|f| f.cause.is_transient()) {
            return vec![Verdict::inconclusive(Why::NoDns).with("name", &first.name).at([first.at])];
        }
        if first.addresses.is_empty() {
            return vec![told("no-address")];
        }
        let leaf = main.tls.as_ref().and_then(|t| t.chain.first().zip(t.at));
        if let Some((leaf, at)) = leaf
            && !leaf.names.iter().any(|n| bears(n, &first.name))
        {
            return vec![told("not-in-certificate").with("names", leaf.names.join(", ")).at([at])];
        }
        vec![Verdict::pass("proper").with("name", &first.name).at([first.at])]
    }
}

/// Two or more labels of letters, digits and hyphens, the last not all digits.
fn is_fqdn(name: &str) -> bool {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    let good = |l: &&str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    labels.len() >= 2
        && labels.iter().all(good)
        && !labels[labels.len() - 1].bytes().all(|b| b.is_ascii_digit())
}

fn bears(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.trim_end_matches('.').to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(_, tail)| tail == rest),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proper_names() {
        for (name, proper) in [
            ("mail.example.org", true),
            ("MAIL.example.org.", true),
            ("localhost", false),
            ("mail_1.example.org", false),
            ("192.0.2.1", false),
            ("-a.example.org", false),
            ("", false),
        ] {
            assert_eq!(is_fqdn(name), proper, "{name}");
        }
        assert!(bears("*.example.org", "MX1.example.org") && !bears("*.example.org", "a.b.example.org"));
    }
}

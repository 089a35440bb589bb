use super::{cert, hello};
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::facts::{HelloAnswer, HelloFacts, HelloQuestion, TlsProbeFacts, TlsProbeMode};
use ehlo_core::{Role, Severity};

/// First labels of hosts that browsers log in to. Names that serve mail programs by HTTP (`autoconfig`, `autodiscover`,
/// `mta-sts`) are not among them: there is no session that anybody could steal.
const WEB: &[&str] = &[
    "www", "web", "webmail", "http", "https", "app", "api", "portal", "login", "sso", "shop", "blog",
    "cloud", "intranet", "wiki", "git",
];

/// What a certificate covers beside the mail host.
#[derive(Default)]
struct Covers {
    /// Hosts of web sites.
    web: Vec<String>,
    /// Names under which a web site may be: wildcards, and the domain itself.
    maybe: Vec<String>,
}

fn covers(names: &[String], wanted: &[String]) -> Covers {
    let mut found = Covers::default();
    for name in names.iter().map(|n| n.to_ascii_lowercase()) {
        let own = |w: &String| w.eq_ignore_ascii_case(&name);
        if wanted.iter().any(own) {
            continue;
        }
        let first = name.split('.').next().unwrap_or_default();
        let above = |w: &String| w.to_ascii_lowercase().strip_suffix(&name).is_some_and(|w| w.ends_with('.'));
        if WEB.contains(&first) {
            found.web.push(name);
        } else if first == "*" || wanted.iter().any(above) {
            found.maybe.push(name);
        }
    }
    found
}

/// Whether who asks for no name, or for that of nobody, is shown a certificate that is valid for web sites.
pub(super) struct TlsSniStrict;

impl Check for TlsSniStrict {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "tls-sni-strict",
            group: "tls",
            severity: Severity::Medium,
            references: &["RFC 9325 §3.7", "RFC 7672 §8.1"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        if probe.mode < TlsProbeMode::List {
            return vec![Verdict::not_asked("not-asked")];
        }
        let nameless = hello::of(probe, HelloQuestion::NoName).next();
        let unknown = hello::of(probe, HelloQuestion::UnknownName).next();
        let (Some(nameless), Some(unknown)) = (nameless, unknown) else {
            // Certificates are encrypted in TLS 1.3: there was nothing to ask.
            let shown = hello::chosen(probe).any(|(_, c)| c.certificate.is_some());
            return if shown { vec![hello::open(probe)] } else { Vec::new() };
        };
        let at = || [nameless, unknown].into_iter().flat_map(|h| h.at.iter().copied());
        // Opportunistic senders name nobody, and fall back to no encryption at all.
        if facts.role() == Role::Mx && is_refusal(nameless) {
            return vec![Verdict::warn("mx-wants-name").with("alert", hello::alert(nameless)).at(at())];
        }
        let mut widest = Covers::default();
        for hello in [nameless, unknown] {
            match certificate(probe, hello) {
                Some((names, wanted)) => {
                    let found = covers(names, wanted);
                    let new = |known: &Vec<String>, found: Vec<String>| {
                        found.into_iter().filter(|n| !known.contains(n)).collect::<Vec<_>>()
                    };
                    let (web, maybe) = (new(&widest.web, found.web), new(&widest.maybe, found.maybe));
                    widest.web.extend(web);
                    widest.maybe.extend(maybe);
                }
                None if is_refusal(hello) => {}
                None => return vec![hello::open(probe)],
            }
        }
        let verdict = if !widest.web.is_empty() {
            Verdict::warn("web-names").with("names", cert::shortened(&widest.web))
        } else if !widest.maybe.is_empty() {
            Verdict::info("wide").with("names", cert::shortened(&widest.maybe))
        } else if is_refusal(nameless) && is_refusal(unknown) {
            Verdict::pass("refused")
        } else {
            Verdict::pass("narrow")
        };
        vec![verdict.at(at())]
    }
}

/// Any alert will do: `unrecognized_name`, `missing_extension`, `access_denied`.
fn is_refusal(hello: &HelloFacts) -> bool {
    matches!(hello.answer, HelloAnswer::Refused { .. } | HelloAnswer::HungUp)
}

/// The names of the certificate that was shown, and the wanted ones.
fn certificate<'a>(probe: &'a TlsProbeFacts, hello: &HelloFacts) -> Option<(&'a [String], &'a [String])> {
    let shown = hello.chosen()?.certificate.as_ref()?;
    let chain = probe.chains.iter().find(|c| c.leaf().is_some_and(|l| l.sha256 == *shown))?;
    Some((&chain.leaf()?.names, &chain.names.wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_as_a_name_of_the_web() {
        let wanted = ["mail.example.org".to_owned()];
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            let found = covers(&names, &wanted);
            (found.web.join(" "), found.maybe.join(" "))
        };
        let of = |names: &[&str]| -> (String, String) { of(names) };
        let says = |web: &str, maybe: &str| (web.to_owned(), maybe.to_owned());
        assert_eq!(of(&["mail.example.org", "imap.example.org", "MAIL.example.ORG"]), says("", ""));
        assert_eq!(
            of(&["WWW.example.org", "webmail.example.org"]),
            says("www.example.org webmail.example.org", "")
        );
        assert_eq!(of(&["*.example.org", "example.org"]), says("", "*.example.org example.org"));
        assert_eq!(
            of(&["autoconfig.example.org", "mta-sts.example.org", "wwwhost.example.org"]),
            says("", "")
        );
        // It is the web host itself that is looked at.
        assert!(covers(&["www.example.org".into()], &["www.example.org".into()]).web.is_empty());
    }
}

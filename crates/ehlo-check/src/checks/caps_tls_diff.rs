use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{CapabilityFacts, Moment};
use ehlo_wire::sasl::{Needs, mechanism};

/// Whether the list of capabilities changes with TLS as it should.
pub(super) struct CapsTlsDiff;

impl Check for CapsTlsDiff {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "caps-tls-diff",
            group: "starttls",
            severity: Severity::Info,
            references: &["RFC 3207 §4.2", "RFC 5804 §2.2"],
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main().filter(|m| m.tls.is_some()) else { return Vec::new() };
        let asked = |moment| main.capabilities.iter().rfind(|c| c.moment == moment && !c.unasked);
        let (Some(plain), Some(tls)) = (asked(Moment::Plain), asked(Moment::Tls)) else {
            return vec![facts.not_reached()];
        };
        let at = [plain.at, tls.at];
        if tls.refused.is_some() && plain.refused.is_none() {
            return vec![Verdict::warn("refused-in-tls").at(at)];
        }
        let (before, after) = (plain.words(), tls.words());
        let lost: Vec<&str> = before.iter().filter(|w| !after.contains(w)).map(String::as_str).collect();
        let gained: Vec<&str> = after.iter().filter(|w| !before.contains(w)).map(String::as_str).collect();
        // Some mechanisms exist inside TLS only: that they are missing before it says nothing about the server.
        let mechanisms = |list: &CapabilityFacts| {
            let names = list.mechanisms(facts.protocol()).into_iter().map(|(name, _)| name);
            let mut names: Vec<String> = names.filter(|name| !needs_tls(name)).collect();
            names.sort();
            names
        };
        let (auth_before, auth_after) = (mechanisms(plain), mechanisms(tls));
        let verdict = if !auth_before.is_empty() && auth_before == auth_after && facts.takes_logins() {
            Verdict::warn("same-logins").with("mechanisms", auth_after.join(" "))
        } else if let Some(missing) = missing_in_tls(&lost, tls) {
            Verdict::warn("missing").with("words", missing)
        } else {
            Verdict::pass("differs")
        };
        vec![verdict.with("lost", lost.join(", ")).with("gained", gained.join(", ")).at(at)]
    }
}

/// Whether a mechanism ties the login to the TLS connection, or wants a certificate of the client.
fn needs_tls(name: &str) -> bool {
    let meta = mechanism(name).map(|m| m.meta());
    meta.is_some_and(|meta| meta.binds || meta.needs == Needs::Certificate)
}

/// What is listed before TLS and not inside it, though it has nothing to do with TLS.
fn missing_in_tls(lost: &[&str], tls: &CapabilityFacts) -> Option<String> {
    let about_tls = |w: &&&str| {
        let name = w.split(' ').next().unwrap_or_default();
        // A changed argument (SIZE, for example) is no loss.
        let gone = !tls.has(name);
        gone && !matches!(
            name.split('=').next(),
            Some("STARTTLS" | "STLS" | "LOGINDISABLED" | "AUTH" | "SASL" | "USER")
        )
    };
    let missing: Vec<&str> = lost.iter().filter(about_tls).copied().collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

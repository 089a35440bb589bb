use super::View;
use crate::layout::{block, shorten};
use ehlo_core::facts::{ServiceFacts, TlsFacts};

/// Seconds in a day.
const DAY: i64 = 86_400;

impl View<'_> {
    /// Which certificates are shown where: one entry for each certificate.
    pub(super) fn certificates(&self) -> String {
        let (texts, paint, columns) = (self.options.texts, self.options.paint, self.options.columns);
        let mut groups: Vec<(&TlsFacts, Vec<&ServiceFacts>)> = Vec::new();
        for service in &self.report.facts.services {
            let Some(tls) = service.main().and_then(|m| m.tls.as_ref()) else { continue };
            let digest = |tls: &TlsFacts| tls.chain.first().map(|c| c.sha256.clone());
            match groups
                .iter_mut()
                .find(|(known, _)| digest(known) == digest(tls) && known.chain.len() == tls.chain.len())
            {
                Some((_, services)) => services.push(service),
                None => groups.push((tls, vec![service])),
            }
        }
        let secured: usize = groups.iter().map(|(_, services)| services.len()).sum();
        let mut out = String::new();
        for (tls, services) in &groups {
            let Some(leaf) = tls.chain.first() else { continue };
            let names = if leaf.names.is_empty() { &leaf.subject } else { &leaf.names.join(", ") };
            // Whole days that are left, or that have passed.
            let days = (leaf.not_after - self.report.facts.now) / DAY;
            let expired = leaf.not_after < self.report.facts.now;
            let until = date(leaf.not_after);
            let life = match days {
                days if expired => texts.say("cert-expired", &[("until", &until), ("days", &-days)]),
                days => texts.say("cert-until", &[("until", &until), ("days", &days)]),
            };
            let trusted = match (&tls.path.error_now, tls.pinned) {
                (_, true) => texts.ui("cert-pinned"),
                (None, _) => {
                    let by: Vec<String> =
                        tls.path.trusted_by.iter().map(|t| texts.ui(&format!("roots-{t}"))).collect();
                    texts.say("cert-trusted", &[("by", &by.join(", "))])
                }
                (Some(_), _) => texts.ui("cert-not-trusted"),
            };
            let chain = texts.say("cert-chain", &[("count", &tls.chain.len())]);
            let issuer = texts.say("cert-issuer", &[("issuer", &common_name(&leaf.issuer))]);
            let head = shorten(&texts.say("cert-head", &[("names", names)]), columns.saturating_sub(3));
            out.push_str(&format!("   {}\n", paint.strong(&head)));
            let text = [life, leaf.key.clone() + &bits(leaf.key_bits, &leaf.key), issuer, chain, trusted]
                .join(" · ");
            out.push_str(&block("", &text, 5, columns));
            let shown = match services.len() {
                n if n == secured && n > 1 => texts.say("cert-shown-by-all", &[("count", &n)]),
                _ => {
                    let urls: Vec<String> = services.iter().map(|s| self.name(s)).collect();
                    texts.say("cert-shown-by", &[("services", &urls.join(", "))])
                }
            };
            out.push_str(&block("", &shown, 5, columns));
        }
        out
    }
}

fn bits(bits: u32, key: &str) -> String {
    if bits > 0 && key.starts_with("RSA") { format!(" {bits}") } else { String::new() }
}

/// The common name of a distinguished name, or the whole of it.
fn common_name(name: &str) -> &str {
    name.split(", ").find_map(|part| part.strip_prefix("CN=")).unwrap_or(name)
}

/// `2026-11-24`
pub(super) fn date(unix: i64) -> String {
    ehlo_core::date(unix)
}

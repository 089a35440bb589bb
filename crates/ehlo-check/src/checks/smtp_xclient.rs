use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::{Protocol, Severity};

/// Whether strangers are offered what is meant for neighbours.
pub(super) struct SmtpXclient;

impl Check for SmtpXclient {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-xclient",
            group: "smtp",
            severity: Severity::High,
            references: &["RFC 5321 §F.1", "RFC 1985"],
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        if !matches!(facts.protocol(), Protocol::Smtp) {
            return Vec::new();
        }
        let find = |names: &[&str]| {
            main.capabilities.iter().flat_map(|c| &c.list).find(|c| names.contains(&c.name.as_str()))
        };
        if main.capabilities.iter().all(|c| c.list.is_empty()) {
            return Vec::new();
        }
        if let Some(found) = find(&["XCLIENT"]) {
            return vec![Verdict::fail("offered").with("name", &found.name).exploitable(true).at([found.at])];
        }
        if let Some(found) = find(&["XFORWARD", "TURN", "DEBUG", "WIZ"]) {
            return vec![
                Verdict::warn("more").with("name", &found.name).severity(Severity::Medium).at([found.at]),
            ];
        }
        match find(&["ETRN"]) {
            Some(found) => vec![Verdict::info("etrn").with("name", &found.name).at([found.at])],
            None => vec![Verdict::pass("none")],
        }
    }
}

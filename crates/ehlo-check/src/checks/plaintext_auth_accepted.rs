use crate::Manner;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::{Answered, ProbeId};

/// Whether passwords are taken before TLS.
pub(super) struct PlaintextAuthAccepted;

impl Check for PlaintextAuthAccepted {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "plaintext-auth-accepted",
            group: "auth",
            severity: Severity::High,
            references: &["RFC 4954 §6", "RFC 9051 §11.7"],
            exploitable: true,
            manner: Manner::Active,
            vantage: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !facts.takes_logins() || !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(main) = facts.main() else { return Vec::new() };
        let asked: Vec<_> = [ProbeId::PlainAuthInClear, ProbeId::UserInClear]
            .iter()
            .filter_map(|&id| main.probe(id))
            .collect();
        if asked.is_empty() {
            return vec![facts.not_reached()];
        }
        let taken = asked.iter().find(|p| match p.id {
            ProbeId::PlainAuthInClear => p.answer == Answered::Continue,
            // RFC 1939 §7: +OK to USER asks for the password.
            _ => matches!(p.answer, Answered::Accepted | Answered::Continue),
        });
        let shown = taken.unwrap_or(&asked[0]);
        let command = if shown.id == ProbeId::UserInClear { "USER" } else { "AUTH PLAIN" };
        let verdict = if taken.is_some() { Verdict::fail("taken") } else { Verdict::pass("refused") };
        let reply = shown.reply.clone().unwrap_or_default();
        vec![verdict.with("command", command).with("reply", reply).at(shown.at.iter().copied())]
    }
}

use crate::{Check, CheckMeta, Judging, Manner, Question, Verdict};
use ehlo_core::facts::ProbeId;
use ehlo_core::{Role, Severity};

/// Whether an MX takes mail inside TLS only.
pub(super) struct MxRequiresTls;

impl Check for MxRequiresTls {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "mx-requires-tls",
            group: "starttls",
            severity: Severity::Info,
            references: &["RFC 3207 §4"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.role() != Role::Mx || !Question::State.is_for(&facts.service.endpoint) {
            return Vec::new();
        }
        let asked = facts.service.of(Question::State.purpose()).next();
        let Some(mail) = asked.and_then(|c| c.probe(ProbeId::MailBeforeTls)) else { return Vec::new() };
        let reply = mail.reply.clone().unwrap_or_default();
        let verdict =
            if reply.starts_with("530") { Verdict::warn("required") } else { Verdict::pass("optional") };
        vec![verdict.with("reply", reply).at(mail.at.clone())]
    }
}

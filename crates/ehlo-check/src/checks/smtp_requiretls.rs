use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::Moment;

/// Whether REQUIRETLS is offered inside TLS only.
pub(super) struct SmtpRequiretls;

impl Check for SmtpRequiretls {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "smtp-requiretls",
            group: "smtp",
            severity: Severity::Info,
            references: &["RFC 8689 §2"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let place = |moment| main.capabilities_at(moment).and_then(|c| c.get("REQUIRETLS"));
        match (place(Moment::Plain), place(Moment::Tls)) {
            (Some(clear), _) => vec![Verdict::warn("in-clear").at([clear.at])],
            (None, Some(inside)) => vec![Verdict::pass("inside").at([inside.at])],
            (None, None) => Vec::new(),
        }
    }
}

use crate::Manner;
use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::Answered;

/// Whether STARTTLS works though it is not offered: somebody may have taken it out of the list.
pub(super) struct StarttlsAcceptsUnadvertised;

impl Check for StarttlsAcceptsUnadvertised {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-accepts-unadvertised",
            group: "starttls",
            severity: Severity::Medium,
            references: &["RFC 3207 §6"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if !facts.starttls_matters() {
            return Vec::new();
        }
        let Some(starttls) = facts.main().and_then(|m| m.starttls.as_ref()).filter(|s| !s.offered) else {
            return Vec::new();
        };
        let reply = starttls.reply.clone().unwrap_or_default();
        let verdict = match starttls.answer {
            Answered::Accepted => Verdict::warn("accepted"),
            _ => Verdict::pass("refused"),
        };
        vec![verdict.with("reply", reply).at([starttls.at])]
    }
}

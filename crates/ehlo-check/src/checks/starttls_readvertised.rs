use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::Moment;
use ehlo_core::{Protocol, Severity};

/// Whether STARTTLS is still listed inside TLS.
pub(super) struct StarttlsReadvertised;

impl Check for StarttlsReadvertised {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "starttls-readvertised",
            group: "starttls",
            severity: Severity::Low,
            references: &["RFC 3207 §4.2", "RFC 9051 §6.2.1", "RFC 5804 §2.2"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main().filter(|m| m.tls.is_some()) else { return Vec::new() };
        let Some(list) = main.capabilities_at(Moment::Tls) else { return vec![facts.not_reached()] };
        match list.starttls(facts.protocol()) {
            None => vec![Verdict::pass("gone").at([list.at])],
            // RFC 3207 §4.2 says MUST NOT; RFC 9051 and RFC 2595 only that it makes no sense.
            Some(again) if matches!(facts.protocol(), Protocol::Smtp | Protocol::Lmtp) => {
                vec![Verdict::fail("again").at([again.at])]
            }
            Some(again) => vec![Verdict::warn("again").at([again.at])],
        }
    }
}

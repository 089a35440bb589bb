use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::{ConnectionFacts, Purpose, Spoken};
use ehlo_core::{Cause, Protocol, Severity, TlsMode};

/// Whether the port speaks what it should.
pub(super) struct PortSpeaksOther;

impl Check for PortSpeaksOther {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "port-speaks-other",
            group: "transport",
            severity: Severity::Medium,
            references: &["RFC 8314 §3"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let expected = facts.protocol().id();
        if let Some((spoken, text)) = spoken_instead(facts) {
            let message = match (facts.tls_mode(), spoken) {
                (TlsMode::StartTls, Spoken::Tls) => "tls-on-text-port",
                (TlsMode::Implicit, spoken) if is_expected(spoken, facts.protocol()) => "text-on-tls-port",
                _ => "other-protocol",
            };
            let tls = facts.service.of(Purpose::TlsOnSilence).find_map(|c| c.tls.as_ref()).and_then(|t| t.at);
            return vec![
                Verdict::fail(message)
                    .with("spoken", spoken.id())
                    .with("expected", expected)
                    .with("text", text)
                    .at(main.greeting.as_ref().map(|g| g.at))
                    .at(facts.where_it_ended())
                    .at(tls),
            ];
        }
        if let Some(partial) = &main.partial_greeting
            && is_expected(ehlo_wire::spoken(partial.text.as_bytes()), facts.protocol())
        {
            return vec![Verdict::pass("as-expected").with("expected", expected).at([partial.at])];
        }
        match &main.greeting {
            Some(greeting) => vec![Verdict::pass("as-expected").with("expected", expected).at([greeting.at])],
            None if is_silent(main) => {
                vec![Verdict::fail("silence").with("expected", expected).at(facts.where_it_ended())]
            }
            None => vec![facts.not_reached()],
        }
    }
}

/// What is spoken instead of the expected protocol, and its first words.
pub(super) fn spoken_instead(facts: &Judging<'_>) -> Option<(Spoken, String)> {
    let main = facts.main()?;
    if facts.service.of(Purpose::TlsOnSilence).any(|c| c.tls.is_some()) {
        return Some((Spoken::Tls, String::new()));
    }
    match main.failure.as_ref().map(|f| &f.cause) {
        Some(Cause::OtherProtocol { .. }) => main.greeting.as_ref().map(|g| (g.spoken, g.text.clone())),
        // A word of a text protocol is the same when it is escaped.
        Some(Cause::NotTls { first }) if main.starttls.is_none() => {
            Some((ehlo_wire::spoken(first.as_bytes()), first.clone()))
        }
        _ => None,
    }
}

fn is_expected(spoken: Spoken, protocol: Protocol) -> bool {
    matches!(
        (spoken, protocol),
        (Spoken::Smtp, Protocol::Smtp | Protocol::Lmtp)
            | (Spoken::Pop3, Protocol::Pop3)
            | (Spoken::Imap, Protocol::Imap)
            | (Spoken::Sieve, Protocol::Sieve)
    )
}

/// Whether not one byte came before the wait for the greeting was over.
pub(super) fn is_silent(main: &ConnectionFacts) -> bool {
    main.partial_greeting.is_none()
        && matches!(
            main.failure.as_ref().map(|f| &f.cause),
            Some(Cause::TimedOut { .. } | Cause::Deadline { .. })
        )
}

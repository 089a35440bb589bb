use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::ConnectionFacts;
use ehlo_core::{Anchor, Cause, EntryId, Evidence, Failure, Severity, Stage, TranscriptId};

/// Whether a connection can be made to every address.
pub(super) struct ConnReachable;

impl Check for ConnReachable {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "conn-reachable",
            group: "transport",
            severity: Severity::High,
            references: &["RFC 5321 §4.5.3.2"],
            function: true,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if let Some(failure) = &facts.service.failure {
            let anchor = failure.at.unwrap_or(Anchor::Entry(EntryId(0)));
            let message = if matches!(failure.cause, Cause::TimedOut { .. }) {
                "resolver-silent"
            } else {
                "no-address"
            };
            return vec![
                Verdict::fail(message)
                    .with("host", ehlo_core::escape(facts.service.endpoint.host.as_bytes()))
                    .at([Evidence { transcript: first_transcript(facts), anchor }]),
            ];
        }
        if let Some(main) = facts.main().filter(|m| hung_up_at_once(m)) {
            // Accepted by the system and thrown out at once: for whoever wants to talk that is no connection.
            return vec![Verdict::fail("reset").with("addresses", &main.address).at(facts.where_it_ended())];
        }
        if facts.service.is_reachable() {
            let good = facts.service.addresses.iter().filter(|a| a.failure.is_none());
            let fastest = good.clone().filter_map(|a| a.connect_us).min().unwrap_or(0);
            return vec![
                Verdict::pass("reachable")
                    .with(
                        "addresses",
                        good.clone().map(|a| a.address.to_string()).collect::<Vec<_>>().join(", "),
                    )
                    .with("ms", fastest.div_ceil(1000))
                    .at(good.map(|a| a.at)),
            ];
        }
        let Some(first) = facts.service.addresses.first() else { return Vec::new() };
        let message = match first.failure.as_ref().map(|f| &f.cause) {
            Some(Cause::Refused) => "refused",
            Some(Cause::TimedOut { .. } | Cause::Deadline { .. }) => "timed-out",
            Some(Cause::Reset | Cause::Closed) => "reset",
            Some(Cause::Unreachable { .. }) => "unreachable",
            _ => "failed",
        };
        let addresses: Vec<String> = facts.service.addresses.iter().map(|a| a.address.to_string()).collect();
        vec![
            Verdict::fail(message).with("addresses", addresses.join(", ")).at(facts
                .service
                .addresses
                .iter()
                .map(|a| a.at)),
        ]
    }
}

/// Whether the connection ended before the server had said anything.
pub(super) fn hung_up_at_once(main: &ConnectionFacts) -> bool {
    let ended = |f: &Failure| f.stage == Stage::Greeting && matches!(f.cause, Cause::Reset | Cause::Closed);
    main.greeting.is_none()
        && main.partial_greeting.is_none()
        && main.tls.is_none()
        && main.starttls.is_none()
        && main.failure.as_ref().is_some_and(ended)
}

/// The transcript of a service to which no connection was made: the number that its first dialogue would have.
fn first_transcript(facts: &Judging<'_>) -> TranscriptId {
    let index = facts.run.services.iter().position(|s| s.url == facts.service.url).unwrap_or(0);
    TranscriptId(u32::try_from(index).unwrap_or(0) * crate::acquire::TRANSCRIPTS_EACH)
}

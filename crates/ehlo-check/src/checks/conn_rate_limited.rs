use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::ConnectionFacts;
use ehlo_core::{Cause, Evidence, Severity, Stage};

/// Whether the server turned us away after several connections.
pub(super) struct ConnRateLimited;

impl Check for ConnRateLimited {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "conn-rate-limited",
            group: "transport",
            severity: Severity::Info,
            references: &["RFC 5321 §3.8"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        if facts.main().is_none() {
            return Vec::new();
        }
        let turned_away: Vec<(usize, &ConnectionFacts)> =
            (1..).zip(&facts.service.connections).filter(|(_, c)| is_turned_away(c)).collect();
        let Some((number, first)) = turned_away.first() else {
            return vec![Verdict::pass("not-limited").with("connections", facts.service.connections.len())];
        };
        let anchor = first.failure.as_ref().and_then(|f| f.at);
        let at = first.greeting.as_ref().map(|g| g.at);
        let at = at.or(anchor.map(|anchor| Evidence { transcript: first.transcript, anchor }));
        let reply = first.greeting.as_ref().map_or(String::new(), |g| g.text.clone());
        vec![Verdict::info("limited").with("connection", number).with("reply", reply).at(at)]
    }
}

/// `421` as a greeting, or a connection that ended without one though an earlier one was answered.
fn is_turned_away(connection: &ConnectionFacts) -> bool {
    match (&connection.greeting, &connection.failure) {
        (Some(greeting), _) => greeting.code == Some(421),
        (None, Some(failure)) => {
            failure.stage == Stage::Greeting
                && matches!(failure.cause, Cause::Reset | Cause::Closed)
                && connection.purpose != ehlo_core::facts::Purpose::Main
        }
        (None, None) => false,
    }
}

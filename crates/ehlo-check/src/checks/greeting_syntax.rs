use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::{GreetingKind, Spoken};
use ehlo_core::{Anchor, Deviation, Severity, Side};

/// Whether the greeting is what the protocol says.
pub(super) struct GreetingSyntax;

impl Check for GreetingSyntax {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "greeting-syntax",
            group: "transport",
            severity: Severity::Medium,
            references: &["RFC 5321 §4.2", "RFC 9051 §7.1", "RFC 1939 §4"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(greeting) = &main.greeting else { return vec![facts.not_reached()] };
        // Another protocol is another check's affair.
        if super::port_speaks_other::spoken_instead(facts).is_some() {
            return Vec::new();
        }
        let told = |message| Verdict::fail(message).with("text", &greeting.text).at([greeting.at]);
        match greeting.kind {
            GreetingKind::Other => return vec![told("not-a-greeting").function(true)],
            GreetingKind::Refused if greeting.code == Some(421) => return vec![facts.not_reached()],
            GreetingKind::Refused => return vec![told("refused").function(true).severity(Severity::High)],
            GreetingKind::Ready | GreetingKind::Preauth => {}
        }
        if greeting.spoken == Spoken::Unknown {
            return vec![told("not-a-greeting").function(true)];
        }
        if greeting.more_followed {
            return vec![told("more-followed")];
        }
        let Anchor::Bytes(span) = greeting.at.anchor else { return Vec::new() };
        let inside =
            |d: &&Deviation| d.span.side == Side::Server && d.span.from >= span.from && d.span.to <= span.to;
        match main.deviations.iter().find(inside) {
            Some(deviation) => vec![told("deviates").with("rule", deviation.kind.id())],
            None => vec![Verdict::pass("well-formed").with("text", &greeting.text).at([greeting.at])],
        }
    }
}

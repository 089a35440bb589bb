use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;

/// How long the greeting takes.
pub(super) struct GreetingLatency;

impl Check for GreetingLatency {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "greeting-latency",
            group: "transport",
            severity: Severity::Low,
            references: &["RFC 5321 §4.5.3.2.1"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(greeting) = facts.main().and_then(|m| m.greeting.as_ref()) else {
            return facts.main().map(|_| facts.not_reached()).into_iter().collect();
        };
        let ms = greeting.last_byte_us.div_ceil(1000);
        let first_ms = greeting.first_byte_us.div_ceil(1000);
        let seconds = |s: u64| s * 1_000_000;
        let verdict = match greeting.last_byte_us {
            // RFC 5321 §4.5.3.2.1: clients wait five minutes.
            us if us > seconds(300) => Verdict::fail("too-late"),
            us if us > seconds(10) => Verdict::warn("slow"),
            us if us > seconds(6) => Verdict::info("delayed"),
            _ => Verdict::pass("prompt"),
        };
        vec![verdict.with("ms", ms).with("first-ms", first_ms).at([greeting.at])]
    }
}

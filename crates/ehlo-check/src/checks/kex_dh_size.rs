use super::hello;
use crate::{Check, CheckMeta, Judging, Manner, Verdict};
use ehlo_core::Severity;
use ehlo_wire::tls::{KeyExchange, Suite};

/// Whether the prime of Diffie-Hellman is large enough.
pub(super) struct KexDhSize;

/// Below this it can be broken in advance by those who can afford it (CVE-2015-4000).
const LEAST: u32 = 2048;
/// What is asked for the years to come (BSI TR-02102-2).
const ENOUGH: u32 = 3000;

impl Check for KexDhSize {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "kex-dh-size",
            group: "tls",
            severity: Severity::High,
            references: &["RFC 9325 §4.5", "BSI TR-02102-2", "CVE-2015-4000"],
            manner: Manner::Active,
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let Some(probe) = hello::answers(facts) else { return Vec::new() };
        let finite =
            |suite: u16| matches!(Suite(suite).key_exchange(), KeyExchange::Dhe | KeyExchange::DhAnon);
        let seen = hello::chosen(probe).filter(|(_, c)| finite(c.suite));
        // Where there is no such key exchange its size is no question.
        let smallest = seen.filter_map(|(h, c)| Some((h, c, c.key_bits?))).min_by_key(|(.., bits)| *bits);
        let Some((hello, chosen, bits)) = smallest else { return Vec::new() };
        let verdict = match bits {
            bits if bits < LEAST => Verdict::fail("small"),
            bits if bits < ENOUGH => Verdict::warn("short").severity(Severity::Low),
            _ => Verdict::pass("large"),
        };
        vec![verdict.with("bits", bits).with("suite", &chosen.suite_name).at(hello.at.iter().copied())]
    }
}

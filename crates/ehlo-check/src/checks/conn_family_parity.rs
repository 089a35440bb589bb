use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::facts::{ConnectionFacts, Moment, Purpose};
use ehlo_core::{Family, Outcome, Why};

/// Whether IPv4 and IPv6 (and all addresses) say the same.
pub(super) struct ConnFamilyParity;

impl Check for ConnFamilyParity {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "conn-family-parity",
            group: "transport",
            references: &["RFC 8305 §1"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        let addresses = &facts.service.addresses;
        if addresses.len() < 2 || !facts.service.is_reachable() {
            return Vec::new();
        }
        let mut verdicts = Vec::new();
        for dead in addresses.iter().filter(|a| a.failure.is_some()) {
            let family = if dead.address.family() == Family::V6 { "IPv6" } else { "IPv4" };
            verdicts.push(
                Verdict::warn("one-dead").with("address", &dead.address).with("family", family).at([dead.at]),
            );
        }
        let Some(main) = facts.main() else { return verdicts };
        for other in facts.service.of(Purpose::OtherAddress) {
            verdicts.extend(compare(main, other));
        }
        if verdicts.is_empty() {
            let all: Vec<String> = addresses.iter().map(|a| a.address.to_string()).collect();
            verdicts.push(
                Verdict::pass("same").with("addresses", all.join(", ")).at(addresses.iter().map(|a| a.at)),
            );
        }
        verdicts
    }
}

fn compare(main: &ConnectionFacts, other: &ConnectionFacts) -> Option<Verdict> {
    let at = |c: &ConnectionFacts| c.greeting.as_ref().map(|g| g.at);
    if other.failure.is_some() && main.failure.is_none() {
        let anchor = other.failure.as_ref().and_then(|f| f.at)?;
        let place = ehlo_core::Evidence { transcript: other.transcript, anchor };
        let limited = other.greeting.as_ref().is_some_and(|g| g.code == Some(421));
        let verdict = match limited {
            true => Verdict::inconclusive(Why::RateLimited),
            false => Verdict::warn("one-fails"),
        };
        return Some(verdict.with("address", &other.address).at([place]));
    }
    let differing = if greeting(main) != greeting(other) {
        "greeting"
    } else if words(main, Moment::Plain) != words(other, Moment::Plain)
        || words(main, Moment::Tls) != words(other, Moment::Tls)
    {
        "capabilities"
    } else if leaf(main) != leaf(other) {
        "certificate"
    } else {
        return None;
    };
    let verdict = Verdict::warn(match differing {
        "greeting" => "greeting-differs",
        "capabilities" => "capabilities-differ",
        _ => "certificate-differs",
    });
    debug_assert!(verdict.outcome == Outcome::Warn);
    Some(verdict.with("address", &main.address).with("other", &other.address).at(at(main)).at(at(other)))
}

/// The greeting without what differs each time: numbers, and the timestamp of APOP.
fn greeting(connection: &ConnectionFacts) -> Option<String> {
    let text = &connection.greeting.as_ref()?.text;
    let without_stamp = match (text.find('<'), text.rfind('>')) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to + 1..]),
        _ => text.clone(),
    };
    Some(without_stamp.chars().filter(|c| !c.is_ascii_digit()).collect())
}

fn words(connection: &ConnectionFacts, moment: Moment) -> Option<Vec<String>> {
    connection.capabilities_at(moment).map(|c| c.words())
}

fn leaf(connection: &ConnectionFacts) -> Option<&str> {
    connection.tls.as_ref()?.chain.first().map(|c| c.sha256.as_str())
}

use crate::{Check, CheckMeta, Judging, Verdict};
use ehlo_core::Severity;
use ehlo_core::facts::Vantage;
use std::net::IpAddr;

/// Whether the server sees clients by their own addresses, or all by that of something in between.
pub(super) struct ConnClientAddress;

impl Check for ConnClientAddress {
    fn meta(&self) -> &'static CheckMeta {
        &CheckMeta {
            id: "conn-client-address",
            group: "transport",
            severity: Severity::Medium,
            references: &["RFC 5321 §4.1.1.1"],
            ..CheckMeta::DEFAULT
        }
    }

    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict> {
        // Only SMTP servers say it, and not all of them.
        let Some(main) = facts.main() else { return Vec::new() };
        let (Some(echoed), Some(local)) = (&main.echoed_address, &main.local) else { return Vec::new() };
        let (Ok(seen), Ok(ours)) = (echoed.text.parse::<IpAddr>(), local.parse::<IpAddr>()) else {
            return Vec::new();
        };
        let verdict = if seen.to_canonical() == ours.to_canonical() {
            Verdict::pass("own")
        } else if is_inside(seen) && facts.service.vantage == Vantage::Outside {
            // We come from far away, and the server sees a neighbour: so it does for everybody.
            Verdict::warn("hidden")
        } else {
            Verdict::info("translated")
        };
        vec![verdict.with("seen", &echoed.text).with("local", local).at([echoed.at])]
    }
}

fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || (v6.segments()[0] & 0xfe00) == 0xfc00 || (v6.segments()[0] & 0xffc0) == 0xfe80
        }
    }
}

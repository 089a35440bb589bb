//! Faults of the greeting and of what a server says about itself.

use super::{Acts, Fault, FaultAction, FaultMeta, Moment, Point, refusal, seconds};
use crate::Settings;
use ehlo_core::Protocol;
use std::time::Duration;

const FAMILY: &str = "greeting";

/// The greeting comes late.
pub(super) struct GreetingDelay;

impl Fault for GreetingDelay {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "greeting-delay", family: FAMILY, acts: Acts::Replies, example: Some("8") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        seconds(argument).map(drop).ok_or("a number of seconds")
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        match (moment.point, seconds(argument)) {
            (Point::Greeting, Some(time)) => FaultAction::Delay(time),
            _ => FaultAction::Pass,
        }
    }
}

/// The greeting comes byte by byte, one a second.
pub(super) struct GreetingDrip;

impl Fault for GreetingDrip {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "greeting-drip", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        match moment.point {
            Point::Greeting => FaultAction::Split { portion: 1, gap: Duration::from_secs(1) },
            _ => FaultAction::Pass,
        }
    }
}

/// The greeting is this line.
pub(super) struct GreetingText;

impl Fault for GreetingText {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "greeting-text", family: FAMILY, acts: Acts::Replies, example: Some("hello there") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        argument.map(drop).ok_or("a line")
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        match moment.point {
            Point::Greeting => {
                FaultAction::Replace(format!("{}\r\n", argument.unwrap_or_default()).into_bytes())
            }
            _ => FaultAction::Pass,
        }
    }
}

/// The greeting is a refusal.
pub(super) struct GreetingRefused;

impl Fault for GreetingRefused {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "greeting-refused", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.point != Point::Greeting {
            return FaultAction::Pass;
        }
        let text = format!("{} no service for you", moment.host_name);
        FaultAction::Close { say: refusal(moment.service.scheme.protocol(), 554, &text) }
    }
}

/// There are two greetings.
pub(super) struct GreetingTwice;

impl Fault for GreetingTwice {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "greeting-twice", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        match moment.point {
            Point::Greeting => FaultAction::Replace([moment.reply, moment.reply].concat()),
            _ => FaultAction::Pass,
        }
    }
}

/// The greeting ends in LF alone.
pub(super) struct GreetingBareLf;

impl Fault for GreetingBareLf {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "greeting-bare-lf", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        match moment.point {
            Point::Greeting => {
                FaultAction::Replace(moment.reply.iter().copied().filter(|&b| b != b'\r').collect())
            }
            _ => FaultAction::Pass,
        }
    }
}

/// The greeting has several lines, which SMTP allows.
pub(super) struct GreetingMultiLine;

impl Fault for GreetingMultiLine {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "greeting-multi-line", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        let smtp = matches!(moment.service.scheme.protocol(), Protocol::Smtp | Protocol::Lmtp);
        if moment.point != Point::Greeting || !smtp {
            return FaultAction::Pass;
        }
        let text = String::from_utf8_lossy(moment.reply);
        let first = text.trim_end().replacen(' ', "-", 1);
        FaultAction::Replace(
            format!("{first}\r\n220-all that is done here is seen\r\n220 welcome\r\n").into_bytes(),
        )
    }
}

/// The server gives itself this name.
pub(super) struct BannerName;

impl Fault for BannerName {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "banner-name", family: FAMILY, acts: Acts::Settings, example: Some("localhost") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        argument.map(drop).ok_or("a name")
    }

    fn configure(&self, settings: &mut Settings, argument: Option<&str>) {
        settings.host_name = argument.unwrap_or_default().to_owned();
    }
}

/// The server says this about itself.
pub(super) struct BannerText;

impl Fault for BannerText {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta {
            id: "banner-text",
            family: FAMILY,
            acts: Acts::Settings,
            example: Some("Exim 4.96 Debian"),
        }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        argument.map(drop).ok_or("a text")
    }

    fn configure(&self, settings: &mut Settings, argument: Option<&str>) {
        settings.banner = argument.unwrap_or_default().to_owned();
    }
}

/// A firewall inspects SMTP: it masks the greeting and every word of EHLO that it does not know (`failures.md` N13).
pub(super) struct FirewallMasked;

impl Fault for FirewallMasked {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "firewall-masked", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.service.scheme.protocol() != Protocol::Smtp || moment.tls {
            return FaultAction::Pass;
        }
        match (moment.point, moment.command) {
            (Point::Greeting, _) => FaultAction::Replace(masked_greeting(moment.reply)),
            (Point::Capabilities, _) => FaultAction::Replace(masked_keywords(moment.reply)),
            (_, "STARTTLS") => FaultAction::Replace(b"500 #5.5.1 command not recognized\r\n".to_vec()),
            _ => FaultAction::Pass,
        }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.starttls_honoured = false;
    }
}

fn masked_greeting(greeting: &[u8]) -> Vec<u8> {
    let text = greeting.strip_suffix(b"\r\n").unwrap_or(greeting);
    let mut masked = text.get(..4).unwrap_or(text).to_vec();
    masked.resize(text.len(), b'*');
    masked.extend_from_slice(b"\r\n");
    masked
}

fn masked_keywords(reply: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(reply);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in lines.iter_mut().skip(1) {
        // What another fault has put here may be anything.
        let (Some(head), Some(word)) = (line.get(..4), line.get(4..)) else { continue };
        if !["SIZE", "8BITMIME"].iter().any(|k| word.starts_with(k)) {
            *line = format!("{head}{}A", "X".repeat(line.len().saturating_sub(5).max(7)));
        }
    }
    lines.join("\r\n").into_bytes().into_iter().chain(*b"\r\n").collect()
}

/// The answer to EHLO names this address as the client's.
pub(super) struct EchoAddress;

impl Fault for EchoAddress {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "echo-address", family: FAMILY, acts: Acts::Settings, example: Some("172.17.0.1") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        argument.and_then(|a| a.parse::<std::net::IpAddr>().ok()).map(drop).ok_or("an address")
    }

    fn configure(&self, settings: &mut Settings, argument: Option<&str>) {
        settings.echoed_address = argument.map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_firewall_leaves() {
        assert_eq!(masked_greeting(b"220 lab.test\r\n"), b"220 ********\r\n");
        let masked = masked_keywords(b"250-lab.test\r\n250-SIZE 5\r\n250-STARTTLS\r\n250 DSN\r\n");
        assert_eq!(masked, b"250-lab.test\r\n250-SIZE 5\r\n250-XXXXXXXA\r\n250 XXXXXXXA\r\n");
    }
}

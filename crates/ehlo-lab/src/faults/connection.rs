//! Faults of the connection as such.

use super::{Acts, Fault, FaultAction, FaultMeta, Moment, Point, refusal};
use crate::Settings;

const FAMILY: &str = "connection";

/// Nothing listens at the port.
pub(super) struct Refused;

impl Fault for Refused {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "connection-refused", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.listening = false;
    }
}

/// The connection is accepted and reset at once.
pub(super) struct AcceptReset;

impl Fault for AcceptReset {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "connection-reset", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.point == Point::Accept { FaultAction::Reset } else { FaultAction::Pass }
    }
}

/// After so many connections the greeting is a refusal.
pub(super) struct Limit;

impl Fault for Limit {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "connection-limit", family: FAMILY, acts: Acts::Replies, example: Some("1") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        argument.and_then(|a| a.parse::<u64>().ok()).map(drop).ok_or("a number of connections")
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        let limit = argument.and_then(|a| a.parse().ok()).unwrap_or(u64::MAX);
        if moment.point != Point::Greeting || moment.connection <= limit {
            return FaultAction::Pass;
        }
        let text = format!("4.7.0 {} too many connections from you", moment.host_name);
        FaultAction::Close { say: refusal(moment.service.scheme.protocol(), 421, &text) }
    }
}

/// Another protocol is spoken behind the port.
pub(super) struct SpeaksOther;

impl Fault for SpeaksOther {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "speaks-other", family: FAMILY, acts: Acts::Replies, example: Some("ssh") }
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        greeting_of(argument.unwrap_or_default()).map(drop).ok_or("smtp, pop3, imap, sieve, http or ssh")
    }

    fn on(&self, moment: &Moment<'_>, argument: Option<&str>) -> FaultAction {
        match greeting_of(argument.unwrap_or_default()) {
            Some(say) if moment.point == Point::Greeting => FaultAction::Close { say: say.to_vec() },
            _ => FaultAction::Pass,
        }
    }
}

fn greeting_of(name: &str) -> Option<&'static [u8]> {
    Some(match name {
        "smtp" => b"220 lab.test ESMTP\r\n",
        "pop3" => b"+OK ready\r\n",
        "imap" => b"* OK ready\r\n",
        "sieve" => b"\"IMPLEMENTATION\" \"lab\"\r\nOK\r\n",
        "http" => b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "ssh" => b"SSH-2.0-OpenSSH_9.2\r\n",
        _ => return None,
    })
}

/// TLS begins when it should not, and does not when it should.
pub(super) struct TlsSwapped;

impl Fault for TlsSwapped {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "tls-swapped", family: FAMILY, acts: Acts::Settings, example: None }
    }

    fn configure(&self, settings: &mut Settings, _: Option<&str>) {
        settings.implicit_tls = !settings.implicit_tls;
    }
}

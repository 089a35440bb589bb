//! What a server does that wants to harm its clients.

use super::{Acts, Fault, FaultAction, FaultMeta, Moment, Point};
use ehlo_core::Protocol;

const FAMILY: &str = "hostile";

/// The greeting is a line that does not end.
pub(super) struct EndlessLine;

impl Fault for EndlessLine {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "hostile-endless-line", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.point != Point::Greeting {
            return FaultAction::Pass;
        }
        let mut line = moment.reply.strip_suffix(b"\r\n").unwrap_or(moment.reply).to_vec();
        line.resize(4 * 1024 * 1024, b'x');
        FaultAction::Replace(line)
    }
}

/// The list of capabilities does not end.
pub(super) struct EndlessReply;

impl Fault for EndlessReply {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "hostile-endless-reply", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        if moment.point != Point::Capabilities {
            return FaultAction::Pass;
        }
        let line: &[u8] = match moment.service.scheme.protocol() {
            Protocol::Imap => b"* OK still alive\r\n",
            Protocol::Pop3 => b"X-MORE\r\n",
            Protocol::Sieve => b"\"X-MORE\" \"\"\r\n",
            _ => b"250-X-MORE\r\n",
        };
        let head: &[u8] = if moment.service.scheme.protocol() == Protocol::Pop3 { b"+OK\r\n" } else { b"" };
        FaultAction::Replace([head, &line.repeat(200_000)].concat())
    }
}

/// A literal of four gigabytes is announced where capabilities are due (IMAP, ManageSieve).
pub(super) struct HugeLiteral;

impl Fault for HugeLiteral {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "hostile-literal", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        let evil: &[u8] = match (moment.point, moment.service.scheme.protocol()) {
            (Point::Capabilities, Protocol::Imap) => b"* CAPABILITY IMAP4rev1 {4294967295}\r\nabc",
            (Point::Capabilities, Protocol::Sieve) => b"\"IMPLEMENTATION\" {4294967295}\r\nabc",
            _ => return FaultAction::Pass,
        };
        FaultAction::Replace(evil.to_vec())
    }
}

/// The greeting tries to take over the terminal.
pub(super) struct Escapes;

impl Fault for Escapes {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "hostile-escapes", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}]8;;http://evil.invalid\u{7}click\u{1b}]8;;\u{7}\u{9b}31m\u{202e}txet\u{2066}\u{200b}";
        match moment.point {
            Point::Greeting | Point::Capabilities => {
                FaultAction::Replace(spiked(moment.reply, evil.as_bytes()))
            }
            _ => FaultAction::Pass,
        }
    }
}

/// The greeting holds NUL and bytes that are not UTF-8.
pub(super) struct Binary;

impl Fault for Binary {
    fn meta(&self) -> &FaultMeta {
        &FaultMeta { id: "hostile-binary", family: FAMILY, acts: Acts::Replies, example: None }
    }

    fn on(&self, moment: &Moment<'_>, _: Option<&str>) -> FaultAction {
        match moment.point {
            Point::Greeting | Point::Capabilities => {
                FaultAction::Replace(spiked(moment.reply, b"\0\xff\xfe\xc3(\x80\x01\x7f"))
            }
            _ => FaultAction::Pass,
        }
    }
}

/// Puts bytes at the end of every line.
fn spiked(reply: &[u8], evil: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in reply.split_inclusive(|&b| b == b'\n') {
        let body = line.strip_suffix(b"\r\n").unwrap_or(line);
        out.extend_from_slice(body);
        if body != b"." {
            out.push(b' ');
            out.extend_from_slice(evil);
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_dot_stays() {
        assert_eq!(spiked(b"+OK\r\nTOP\r\n.\r\n", b"!"), b"+OK !\r\nTOP !\r\n.\r\n");
    }
}

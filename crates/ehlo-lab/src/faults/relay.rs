//! What a mail server must not do for strangers.

use super::rule::{NOTHING, Rule, may_take, takes};
use crate::settings::{BareLineEnds, Relays};

const FAMILY: &str = "policy";

/// Mail for others is taken from strangers (RFC 2505 §2.1).
pub(super) static OPEN: Rule = Rule::setting(
    "open-relay",
    FAMILY,
    may_take("routes", "routes, arrives, or nothing", |a| matches!(a, "routes" | "arrives")),
    |settings, argument| {
        settings.relays = match argument {
            "routes" => Relays::Routes,
            "arrives" => Relays::Arriving,
            _ => Relays::Everything,
        };
    },
);

/// VRFY and EXPN tell who is here (RFC 5321 §7.3).
pub(super) static TELLS: Rule =
    Rule::setting("addresses-told", FAMILY, NOTHING, |settings, _| settings.tells_addresses = true);

/// Something else ends a message as well (RFC 5321 §4.1.1.4, CVE-2023-51764).
pub(super) static FAKE_END: Rule = Rule::setting(
    "fake-end",
    FAMILY,
    takes("LF.LF", "characters with CR, LF and NUL by name, e.g. LF.CRLF", |a| spelled(a).is_some()),
    |settings, argument| settings.fake_end = spelled(argument),
);

/// Commands are taken that come together with one whose answer they must wait for (RFC 2920 §3.1).
pub(super) static LAX: Rule =
    Rule::setting("pipelining-lax", FAMILY, NOTHING, |settings, _| settings.pipelining_lax = true);

/// Messages with CR or LF without the other are taken (RFC 5321 §2.3.8).
pub(super) static BARE_LINE_ENDS: Rule = Rule::setting(
    "bare-line-ends-taken",
    FAMILY,
    may_take("normalised", "normalised, or nothing", |a| a == "normalised"),
    |settings, argument| {
        settings.bare_line_ends = match argument {
            "normalised" => BareLineEnds::Normalised,
            _ => BareLineEnds::Kept,
        };
    },
);

/// An account may send with its own address only (RFC 6409 §6.1).
pub(super) static OWN_SENDER_ONLY: Rule =
    Rule::setting("own-sender-only", FAMILY, NOTHING, |settings, _| settings.own_sender_only = true);

/// `CRLF.NUL CRLF` as bytes.
fn spelled(name: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let (byte, length): (u8, usize) = match rest {
            _ if rest.starts_with("CR") => (b'\r', 2),
            _ if rest.starts_with("LF") => (b'\n', 2),
            _ if rest.starts_with("NUL") => (0, 3),
            _ if rest.starts_with('.') => (b'.', 1),
            _ if rest.starts_with(' ') => {
                rest = &rest[1..];
                continue;
            }
            _ => return None,
        };
        out.push(byte);
        rest = &rest[length..];
    }
    (!out.is_empty()).then_some(out)
}

//! Faults of handshakes and of the end of TLS.

use super::rule::{NOTHING, Rule};
use crate::settings::Handshake;

const FAMILY: &str = "tls";

/// The connection is closed when the client begins the handshake.
pub(super) static CLOSED: Rule = Rule::setting("handshake-closed", FAMILY, NOTHING, |settings, _| {
    settings.handshake = Handshake::Closed;
});

/// The handshake is never answered.
pub(super) static STALLED: Rule = Rule::setting("handshake-stalled", FAMILY, NOTHING, |settings, _| {
    settings.handshake = Handshake::Stalled;
});

/// TLS ends without close_notify, as if somebody had cut it off (RFC 8446 §6.1).
pub(super) static NO_CLOSE_NOTIFY: Rule = Rule::setting("tls-truncated", FAMILY, NOTHING, |settings, _| {
    settings.close_notify = false;
});

use super::{Ask, plain};
use crate::Value;
use crate::machine::Seen;
use ehlo_core::facts::TlsFacts;

fn of(seen: &Seen, part: impl Fn(&TlsFacts) -> Option<String>) -> Value {
    seen.tls.as_deref().and_then(part).map_or(Value::None, Value::text)
}

/// `TLSv1.3`, `TLSv1.2`, or `none`.
pub(super) static VERSION: Ask = plain("tls.version", |seen, _| of(seen, |t| Some(t.version.clone())));
/// The cipher suite.
pub(super) static CIPHER: Ask = plain("tls.cipher", |seen, _| of(seen, |t| Some(t.suite.clone())));
/// The key exchange group.
pub(super) static GROUP: Ask = plain("tls.group", |seen, _| of(seen, |t| t.group.clone()));
/// The application protocol that was agreed on.
pub(super) static ALPN: Ask = plain("tls.alpn", |seen, _| of(seen, |t| t.alpn.clone()));
/// Whether an earlier session was taken up again. We never offer one, so that each test sees a whole handshake.
pub(super) static RESUMED: Ask = plain("tls.resumed", |seen, _| of(seen, |_| Some("no".into())));

use super::{Ask, plain};
use crate::Value;

/// The address of the server.
pub(super) static IP: Ask = plain("conn.ip", |seen, _| {
    match seen.address.as_deref().map(|a| (a, a.parse::<std::net::SocketAddr>())) {
        Some((_, Ok(address))) => Value::text(address.ip().to_string()),
        // A Unix socket.
        Some((other, Err(_))) => Value::text(other),
        None => Value::None,
    }
});

use super::{Ask, plain};
use crate::Value;

/// The address of the server.
pub(super) static IP: Ask = plain("conn.ip", |seen, _| seen.address.clone().map_or(Value::None, Value::text));

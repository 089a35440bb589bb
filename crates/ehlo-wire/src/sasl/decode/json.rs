use super::fields::{FlawKind, Reader};
use ehlo_core::escape;
use serde_json::Value;

/// The error of OAuth: an object whose values are texts (RFC 7628 §3.2.2).
pub(super) fn error(reader: &mut Reader<'_>) {
    let bytes = reader.bytes;
    // The reader of JSON has a limit for what is nested, so that it cannot be driven out of its stack.
    let Ok(Value::Object(object)) = serde_json::from_slice(bytes) else {
        reader.flaw(FlawKind::NotJson, bytes);
        return reader.text("text", bytes);
    };
    for (name, value) in &object {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        reader.add(&escape(name.as_bytes()), escape(value.as_bytes()), false, bytes);
    }
    if !object.contains_key("status") {
        reader.flaw(FlawKind::Missing, bytes);
    }
}

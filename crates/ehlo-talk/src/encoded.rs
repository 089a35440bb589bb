use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What base64 stands for; none if it is not base64.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim_ascii()).ok()
}

/// Base64 in one piece, however long: a line break would end the command (RFC 4954 §4).
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    STANDARD.encode(bytes).into_bytes()
}

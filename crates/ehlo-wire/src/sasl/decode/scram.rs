use super::super::scram::{Gs2, unescaped};
use super::fields::{FlawKind, Reader};
use super::{Kind, simple};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::escape;

pub(super) fn client_first(reader: &mut Reader<'_>) {
    let rest = simple::gs2(reader, reader.bytes);
    attributes(reader, Kind::ScramClientFirst, rest);
}

/// The attributes of a message (RFC 5802 §5.1).
pub(super) fn attributes(reader: &mut Reader<'_>, kind: Kind, bytes: &[u8]) {
    for part in bytes.split(|&b| b == b',') {
        let [letter, b'=', value @ ..] = part else {
            reader.flaw(FlawKind::Unreadable, part);
            continue;
        };
        let name = match letter {
            b'n' => "username",
            b'r' => "nonce",
            b's' => "salt",
            b'i' => "iteration-count",
            b'c' => "channel-binding",
            b'p' => "proof",
            b'v' => "verifier",
            b'e' => "server-error",
            b'm' => "reserved-mext",
            _ => "extension",
        };
        if name != "extension" && reader.has(name) {
            reader.flaw(FlawKind::Repeated, part);
        }
        match letter {
            b'n' => match unescaped(value) {
                Some(user) => reader.add(name, escape(user.as_bytes()), false, value),
                None => {
                    reader.flaw(FlawKind::Unreadable, value);
                    reader.text(name, value);
                }
            },
            b'c' => bound(reader, value),
            // By a proof of either side, and what was said before, passwords can be guessed.
            b'p' => reader.secret(name, value),
            b's' | b'v' => {
                if STANDARD.decode(value).is_err() {
                    reader.flaw(FlawKind::NotBase64, value);
                }
                match letter {
                    b's' => reader.text(name, value),
                    _ => reader.secret(name, value),
                }
            }
            b'i' => {
                if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
                    reader.flaw(FlawKind::Unreadable, value);
                }
                reader.text(name, value);
            }
            _ if name == "extension" => reader.text(name, part),
            _ => reader.text(name, value),
        }
    }
    let needed: &[&str] = match kind {
        Kind::ScramClientFirst => &["username", "nonce"],
        Kind::ScramServerFirst => &["nonce", "salt", "iteration-count"],
        Kind::ScramClientFinal => &["channel-binding", "nonce", "proof"],
        _ => &[],
    };
    let complete = if kind == Kind::ScramServerFinal {
        reader.has("verifier") || reader.has("server-error")
    } else {
        needed.iter().all(|name| reader.has(name)) || reader.has("server-error")
    };
    if !complete {
        reader.flaw(FlawKind::Missing, bytes);
    }
}

/// What is bound: the header once more, and the data.
fn bound(reader: &mut Reader<'_>, value: &[u8]) {
    let Ok(bytes) = STANDARD.decode(value) else {
        reader.flaw(FlawKind::NotBase64, value);
        return reader.text("channel-binding", value);
    };
    match Gs2::parse(&bytes) {
        Some(gs2) => {
            reader.add("channel-binding", escape(gs2.header), false, value);
            if !gs2.rest.is_empty() {
                reader.add("channel-binding-data", super::super::hex(gs2.rest), false, value);
            }
        }
        None => {
            reader.flaw(FlawKind::Unreadable, value);
            reader.add("channel-binding", escape(&bytes), false, value);
        }
    }
}

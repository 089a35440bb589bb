use super::super::scram::Gs2;
use super::fields::{FlawKind, Reader};
use ehlo_core::escape;

pub(super) fn plain(reader: &mut Reader<'_>) {
    // RFC 4616 §2: a password holds no NUL, but what stands behind one must not be shown either.
    let mut parts = reader.bytes.splitn(3, |&b| b == 0);
    for name in ["authzid", "authcid"] {
        match parts.next() {
            Some(part) => reader.text(name, part),
            None => reader.flaw(FlawKind::Missing, reader.bytes),
        }
    }
    match parts.next() {
        Some(part) => {
            if part.contains(&0) {
                reader.flaw(FlawKind::Unknown, part);
            }
            reader.secret("passwd", part);
        }
        None => reader.flaw(FlawKind::Missing, reader.bytes),
    }
}

/// Most servers make the challenge of random digits, the time and their name, as RFC 2195 §2 suggests.
pub(super) fn cram_challenge(reader: &mut Reader<'_>) {
    let bytes = reader.bytes;
    reader.text("challenge", bytes);
    let inner = bytes.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">"));
    let Some((left, host)) = inner.and_then(|inner| split_last(inner, b'@')) else {
        reader.flaw(FlawKind::Unreadable, bytes);
        return;
    };
    // "a presumptively arbitrary string of random digits, a timestamp" (RFC 2195 §2); with other parts between them it
    // cannot be told what is what.
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if let Some((random, time)) = split_last(left, b'.')
        && digits(random)
        && digits(time)
    {
        reader.text("random", random);
        reader.text("timestamp", time);
    }
    reader.text("host", host);
}

pub(super) fn cram_response(reader: &mut Reader<'_>) {
    let bytes = reader.bytes;
    let Some((user, digest)) = split_last(bytes, b' ') else {
        reader.flaw(FlawKind::Missing, bytes);
        return reader.secret("digest", bytes);
    };
    reader.text("user", user);
    if digest.len() != 32 || !digest.iter().all(u8::is_ascii_hexdigit) {
        reader.flaw(FlawKind::Unreadable, digest);
    }
    reader.secret("digest", digest);
}

pub(super) fn xoauth2(reader: &mut Reader<'_>) {
    let bytes = reader.bytes;
    if !bytes.ends_with(b"\x01\x01") {
        reader.flaw(FlawKind::Unfinished, bytes);
    }
    pairs(reader, bytes);
    if !reader.has("user") || !reader.has("token") {
        reader.flaw(FlawKind::Missing, bytes);
    }
}

pub(super) fn oauthbearer(reader: &mut Reader<'_>) {
    let bytes = reader.bytes;
    // The answer to an error is one byte and holds nothing.
    if bytes == b"\x01" {
        return;
    }
    let (header, rest) = bytes.split_at(bytes.iter().position(|&b| b == 1).unwrap_or(bytes.len()));
    gs2(reader, header);
    if !rest.ends_with(b"\x01\x01") {
        reader.flaw(FlawKind::Unfinished, rest);
    }
    pairs(reader, rest);
    if !reader.has("token") {
        reader.flaw(FlawKind::Missing, bytes);
    }
}

/// Tells the header of GS2; yields what follows it.
pub(super) fn gs2<'a>(reader: &mut Reader<'_>, bytes: &'a [u8]) -> &'a [u8] {
    let Some(gs2) = Gs2::parse(bytes) else {
        reader.flaw(FlawKind::Unreadable, bytes);
        return bytes;
    };
    let flag = bytes.split(|&b| b == b',').next().unwrap_or_default();
    reader.text("gs2-cbind-flag", flag);
    if let Some(authzid) = &gs2.authzid {
        let part = &bytes[flag.len() + 1..gs2.header.len() - 1];
        reader.add("authzid", escape(authzid.as_bytes()), false, part);
    }
    gs2.rest
}

/// `key=value`, each ended by a byte 1.
fn pairs(reader: &mut Reader<'_>, bytes: &[u8]) {
    for part in bytes.split(|&b| b == 1).filter(|part| !part.is_empty()) {
        let Some(at) = part.iter().position(|&b| b == b'=') else {
            // Nobody knows what it is; it may be a token whose key was forgotten.
            reader.flaw(FlawKind::Unreadable, part);
            reader.secret("unknown", part);
            continue;
        };
        let (key, value) = (&part[..at], &part[at + 1..]);
        if key != b"auth" {
            reader.text(&escape(&key[..key.len().min(64)]), value);
            continue;
        }
        match value.iter().position(|&b| b == b' ') {
            Some(blank) => {
                reader.text("scheme", &value[..blank]);
                reader.secret("token", &value[blank + 1..]);
            }
            None => {
                reader.flaw(FlawKind::Unreadable, value);
                reader.secret("token", value);
            }
        }
    }
}

fn split_last(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = bytes.iter().rposition(|&b| b == at)?;
    Some((&bytes[..index], &bytes[index + 1..]))
}

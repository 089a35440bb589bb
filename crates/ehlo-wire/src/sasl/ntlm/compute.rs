use super::message::wide;
use ehlo_core::Secret;
use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest as _, Md4};
use md5::Md5;

/// Seconds from 1601, where Windows begins to count, to 1970.
const EPOCH: i64 = 11_644_473_600;

/// NTOWFv2 (MS-NLMP §3.3.2): what stands for the password.
pub(super) fn key(user: &str, domain: &str, password: &Secret<String>) -> Secret<Vec<u8>> {
    let password = Secret::new(wide(password.expose()));
    let hash = Secret::new(Md4::digest(password.expose()).to_vec());
    Secret::new(hmac(hash.expose(), &[&wide(&user.to_uppercase()), &wide(domain)]))
}

/// What a client signs besides the server's challenge: `temp` of MS-NLMP §3.3.2.
pub(super) fn signed(time: &[u8; 8], client_challenge: &[u8; 8], info: &[u8]) -> Vec<u8> {
    [&[1, 1, 0, 0, 0, 0, 0, 0], &time[..], client_challenge, &[0; 4], info, &[0; 4]].concat()
}

/// NTProofStr.
pub(super) fn proof(key: &Secret<Vec<u8>>, challenge: &[u8], signed: &[u8]) -> Vec<u8> {
    hmac(key.expose(), &[challenge, signed])
}

/// LMv2 response.
pub(super) fn lm(key: &Secret<Vec<u8>>, challenge: &[u8], client_challenge: &[u8; 8]) -> Vec<u8> {
    let mut out = hmac(key.expose(), &[challenge, client_challenge]);
    out.extend_from_slice(client_challenge);
    out
}

/// The code over all three messages, the third with an empty place for it (MS-NLMP §3.1.5.1.2). No other session key is
/// exchanged, so the base key is the exported one.
pub(super) fn mic(key: &Secret<Vec<u8>>, proof: &[u8], messages: [&[u8]; 3]) -> Vec<u8> {
    let session = Secret::new(hmac(key.expose(), &[proof]));
    hmac(session.expose(), &messages)
}

/// The time as Windows counts it: in tenths of microseconds since 1601.
pub(super) fn file_time(now: i64) -> [u8; 8] {
    now.saturating_add(EPOCH).saturating_mul(10_000_000).max(0).to_le_bytes()
}

/// HMAC takes a key of any length (RFC 2104 §2), so it never fails.
pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

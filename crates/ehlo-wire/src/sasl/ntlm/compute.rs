use super::message::wide;
use des::Des;
use des::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use ehlo_core::Secret;
use hmac::{Hmac, Mac};
use md4::{Digest as _, Md4};
use md5::Md5;

/// Seconds from 1601, where Windows begins to count, to 1970.
const EPOCH: i64 = 11_644_473_600;

/// NTOWFv2 (MS-NLMP §3.3.2): what stands for the password.
pub(super) fn key(user: &str, domain: &str, password: &Secret<String>) -> Secret<Vec<u8>> {
    let hash = key_v1(password);
    Secret::new(hmac(hash.expose(), &[&wide(&user.to_uppercase()), &wide(domain)]))
}

/// NTOWFv1 (MS-NLMP §3.3.1).
pub(super) fn key_v1(password: &Secret<String>) -> Secret<Vec<u8>> {
    let password = Secret::new(wide(password.expose()));
    Secret::new(Md4::digest(password.expose()).to_vec())
}

/// Both responses of version 1 (MS-NLMP §3.3.1): LM and NT. `client_challenge` is given where the stronger form was
/// agreed on; without it no response of LAN Manager is made, which is weaker still.
pub(super) fn v1(
    key: &Secret<Vec<u8>>,
    challenge: &[u8; 8],
    client_challenge: Option<&[u8; 8]>,
) -> (Vec<u8>, Vec<u8>) {
    match client_challenge {
        Some(client) => {
            let digest = Md5::new().chain_update(challenge).chain_update(client).finalize();
            let mut short = [0; 8];
            short.copy_from_slice(&digest[..8]);
            ([&client[..], &[0; 16]].concat(), desl(key.expose(), short))
        }
        None => {
            let nt = desl(key.expose(), *challenge);
            (nt.clone(), nt)
        }
    }
}

/// DESL (MS-NLMP §6): three times DES, with seven bytes of the key each.
fn desl(key: &[u8], data: [u8; 8]) -> Vec<u8> {
    let long = Secret::new([key, &[0; 21]].concat());
    long.expose()[..21]
        .chunks(7)
        .flat_map(|part| {
            let mut block = Array::from(data);
            Des::new(&Array::from(spread(part))).encrypt_block(&mut block);
            <[u8; 8]>::from(block)
        })
        .collect()
}

/// Seven bytes as eight of seven bits; DES does not look at the last bit.
fn spread(part: &[u8]) -> [u8; 8] {
    let all = part.iter().fold(0_u64, |all, &byte| (all << 8) | u64::from(byte));
    let mut out = [0; 8];
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = u8::try_from((all >> (49 - 7 * index)) & 0x7f).unwrap_or(0) << 1;
    }
    out
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

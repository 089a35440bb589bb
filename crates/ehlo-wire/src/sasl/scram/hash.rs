use ehlo_core::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Digest as _;

/// The hash that a mechanism is named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    /// H(text) (RFC 5802 §2.2).
    pub(super) fn hash(self, text: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => sha1::Sha1::digest(text).to_vec(),
            Hash::Sha256 => sha2::Sha256::digest(text).to_vec(),
            Hash::Sha512 => sha2::Sha512::digest(text).to_vec(),
        }
    }

    /// HMAC(key, text).
    pub(super) fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => mac(Hmac::<sha1::Sha1>::new_from_slice(key).ok(), text),
            Hash::Sha256 => mac(Hmac::<sha2::Sha256>::new_from_slice(key).ok(), text),
            Hash::Sha512 => mac(Hmac::<sha2::Sha512>::new_from_slice(key).ok(), text),
        }
    }

    /// Hi(password, salt, iterations): PBKDF2 with one block of output.
    pub(super) fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Secret<Vec<u8>> {
        let mut out = vec![0; self.length()];
        match self {
            Hash::Sha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, salt, iterations, &mut out),
            Hash::Sha256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, iterations, &mut out),
            Hash::Sha512 => pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password, salt, iterations, &mut out),
        }
        Secret::new(out)
    }

    fn length(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha512 => 64,
        }
    }
}

/// HMAC takes a key of any length (RFC 2104 §2), so there is always one.
fn mac<M: Mac>(mac: Option<M>, text: &[u8]) -> Vec<u8> {
    let Some(mut mac) = mac else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// What both sides compute from the password (RFC 5802 §3).
pub(super) struct Keys {
    hash: Hash,
    client: Secret<Vec<u8>>,
    server: Secret<Vec<u8>>,
}

impl Keys {
    pub(super) fn new(hash: Hash, password: &[u8], salt: &[u8], iterations: u32) -> Keys {
        let salted = hash.salted(password, salt, iterations);
        Keys {
            hash,
            client: Secret::new(hash.hmac(salted.expose(), b"Client Key")),
            server: Secret::new(hash.hmac(salted.expose(), b"Server Key")),
        }
    }

    /// StoredKey, by which a server knows the client's key when it sees it.
    pub(super) fn stored(&self) -> Vec<u8> {
        self.hash.hash(self.client.expose())
    }

    /// ClientProof over an AuthMessage.
    pub(super) fn proof(&self, message: &[u8]) -> Vec<u8> {
        xor(self.client.expose(), &self.hash.hmac(&self.stored(), message))
    }

    /// ServerSignature over an AuthMessage.
    pub(super) fn signature(&self, message: &[u8]) -> Vec<u8> {
        self.hash.hmac(self.server.expose(), message)
    }
}

/// Bytes of `a` and `b` combined, as many as the shorter one has.
pub(super) fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

//! SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, and none of them says it.

mod client;
mod hash;
mod message;
mod server;
#[cfg(test)]
mod tests;

use super::{
    ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, ServerGiven, ServerSide,
};
use hash::Hash;
pub(super) use message::{Gs2, escaped, unescaped};

/// SCRAM with one hash, with or without channel binding.
pub(super) struct Scram {
    hash: Hash,
    meta: MechanismMeta,
}

pub(super) static SCRAM_SHA_1: Scram = Scram::new(Hash::Sha1, "SCRAM-SHA-1", false, "RFC 5802");
pub(super) static SCRAM_SHA_1_PLUS: Scram = Scram::new(Hash::Sha1, "SCRAM-SHA-1-PLUS", true, "RFC 5802");
pub(super) static SCRAM_SHA_256: Scram = Scram::new(Hash::Sha256, "SCRAM-SHA-256", false, "RFC 7677");
pub(super) static SCRAM_SHA_256_PLUS: Scram =
    Scram::new(Hash::Sha256, "SCRAM-SHA-256-PLUS", true, "RFC 7677");
pub(super) static SCRAM_SHA_512: Scram =
    Scram::new(Hash::Sha512, "SCRAM-SHA-512", false, "draft-melnikov-scram-sha-512");
pub(super) static SCRAM_SHA_512_PLUS: Scram =
    Scram::new(Hash::Sha512, "SCRAM-SHA-512-PLUS", true, "draft-melnikov-scram-sha-512");

impl Scram {
    const fn new(hash: Hash, name: &'static str, binds: bool, reference: &'static str) -> Scram {
        let meta = MechanismMeta {
            name,
            client_first: true,
            password_equivalent: false,
            needs: Needs::Password,
            // Whoever chooses without being asked does not know what TLS has to bind to.
            automatic: !binds,
            binds,
            reference,
        };
        Scram { hash, meta }
    }
}

impl Mechanism for Scram {
    fn meta(&self) -> &'static MechanismMeta {
        match (self.hash, self.meta.binds) {
            (Hash::Sha1, false) => &SCRAM_SHA_1.meta,
            (Hash::Sha1, true) => &SCRAM_SHA_1_PLUS.meta,
            (Hash::Sha256, false) => &SCRAM_SHA_256.meta,
            (Hash::Sha256, true) => &SCRAM_SHA_256_PLUS.meta,
            (Hash::Sha512, false) => &SCRAM_SHA_512.meta,
            (Hash::Sha512, true) => &SCRAM_SHA_512_PLUS.meta,
        }
    }

    fn steps(&self) -> &'static [Message] {
        const {
            &[
                Message::client(Kind::ScramClientFirst),
                Message::server(Kind::ScramServerFirst),
                Message::client(Kind::ScramClientFinal),
                Message::server(Kind::ScramServerFinal),
            ]
        }
    }

    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide> {
        Box::new(client::Client::new(self.hash, self.meta.binds, credentials, given))
    }

    fn server(&self, given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(server::Server::new(self.hash, self.meta.binds, given))
    }
}

//! NTLM (MS-NLMP, and MS-SMTPNTLM, MS-POP3 §2, MS-OXIMAP §2 for how mail carries it): the login of Windows without a
//! domain controller. Version 2 is spoken; version 1, which gives the password away to whoever listens, is
//! sent only if that is asked for, and no server here takes it.

mod client;
mod compute;
mod message;
mod server;
#[cfg(test)]
mod tests;

use super::{
    ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, ServerGiven, ServerSide,
};
pub(super) use message::{
    Authenticate, Challenge, FLAGS, Negotiate, SIGNATURE, UNICODE, V1_RESPONSE, pairs, split_v2,
};

/// NTLM.
pub(super) struct Ntlm;

impl Mechanism for Ntlm {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "NTLM",
            client_first: true,
            password_equivalent: false,
            needs: Needs::Password,
            // Others can pass the login on while it goes on, so nobody should be led into it.
            automatic: false,
            binds: false,
            reference: "Microsoft MS-NLMP",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const {
            &[
                Message::client(Kind::NtlmNegotiate),
                Message::server(Kind::NtlmChallenge),
                Message::client(Kind::NtlmAuthenticate),
            ]
        }
    }

    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide> {
        Box::new(client::Client::new(credentials, given))
    }

    fn server(&self, given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(server::Server::new(given))
    }
}

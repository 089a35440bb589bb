//! SASL (RFC 4422): mechanisms of both sides, one file each, and the exchange that carries them in SMTP, LMTP, POP3,
//! IMAP and ManageSieve. [`decode`] takes their messages apart. Outside SASL: the digest of APOP.

mod anonymous;
mod apop;
mod cram_md5;
pub mod decode;
mod digest_md5;
mod end_point;
mod exchange;
mod external;
mod given;
mod login;
mod ntlm;
mod oauthbearer;
mod plain;
mod scram;
mod told;
mod trouble;
mod xoauth2;

pub use apop::{apop_digest, apop_verify};
pub use decode::Kind;
pub use end_point::server_end_point;
pub use exchange::{Exchange, Step};
pub use given::{
    BindingKind, ChannelBinding, Given, ITERATION_CAP, PasswordForm, ScramFlaws, ServerGiven, saslprep,
    service_name,
};
pub use told::Told;
pub use trouble::Trouble;

use ehlo_core::{Secret, Side};

/// A mechanism.
pub trait Mechanism: Sync {
    /// What is known about it.
    fn meta(&self) -> &'static MechanismMeta;
    /// Its messages, in order, if all goes well; [`decode::decode`] takes each apart.
    fn steps(&self) -> &'static [Message];
    /// The client's side.
    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide>;
    /// The server's side.
    fn server(&self, given: &ServerGiven) -> Box<dyn ServerSide>;
    /// Whether the client can send its first message with the command: always if it speaks first, and in LOGIN, where
    /// programs do it though the server would ask.
    fn may_lead(&self) -> bool {
        self.meta().client_first
    }
}

/// What is known about a mechanism.
#[derive(Clone, Copy, Debug)]
pub struct MechanismMeta {
    /// Its name in the registry.
    pub name: &'static str,
    /// Whether the client speaks first, so that it can send an initial response.
    pub client_first: bool,
    /// Whether what is sent is as good as the password.
    pub password_equivalent: bool,
    /// What the user must have.
    pub needs: Needs,
    /// Whether it is used without having been asked for: a password that is at hand is enough for it.
    pub automatic: bool,
    /// Whether it ties the login to the TLS connection (RFC 5056).
    pub binds: bool,
    /// Where it is defined.
    pub reference: &'static str,
}

/// What a user must have for a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A password.
    Password,
    /// A token of a web login, in place of the password.
    Token,
    /// A certificate of his own in the TLS handshake.
    Certificate,
    /// Nothing.
    Nothing,
}

/// One message of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sends it.
    pub from: Side,
    /// What it is.
    pub kind: Kind,
}

impl Message {
    const fn client(kind: Kind) -> Message {
        Message { from: Side::Client, kind }
    }

    const fn server(kind: Kind) -> Message {
        Message { from: Side::Server, kind }
    }
}

/// Who wants in, and with what.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user whose password this is (authentication identity).
    pub user: String,
    /// The password, or the token that stands in its place.
    pub password: Secret<String>,
    /// The user to act as (authorization identity); empty for the same.
    pub authzid: String,
}

/// What a client sends. All of it is secret: even a nonce or a digest helps whoever guesses passwords. Which parts can
/// be used again as they are, [`decode::decode`] tells.
pub type Answer = Result<Secret<Vec<u8>>, Trouble>;

/// The client's side of a mechanism.
pub trait ClientSide: Send {
    /// The first message, if the client speaks first.
    ///
    /// # Errors
    /// [`Trouble`] if there is none.
    fn initial(&mut self) -> Answer;

    /// The answer to a challenge.
    ///
    /// # Errors
    /// [`Trouble`] if the challenge makes no sense or is not to be answered, so that the exchange must be cancelled.
    fn respond(&mut self, challenge: &[u8]) -> Answer;

    /// Takes note that the server let the client in, with the data that it sent along, if any.
    ///
    /// # Errors
    /// [`Trouble`] if that is not to be believed: the server owes a proof.
    fn accepted(&mut self, _data: Option<&[u8]>) -> Result<(), Trouble> {
        Ok(())
    }

    /// What the server complained of, if the mechanism has a place for it.
    fn complaint(&self) -> Option<&Trouble> {
        None
    }
}

/// The server's side of a mechanism.
pub trait ServerSide: Send {
    /// The first challenge, if the server speaks first.
    fn initial(&mut self) -> Option<Vec<u8>>;
    /// Takes a response.
    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict;
}

/// Where a server finds passwords.
pub trait Passwords {
    /// The password of `user`.
    fn password(&self, user: &str) -> Option<Secret<String>>;
    /// Whether any password is right for `user`: a server for trying may let everybody in.
    fn any_password(&self, _user: &str) -> bool {
        false
    }
}

/// What a server makes of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on with this challenge.
    Challenge(Vec<u8>),
    /// Let in.
    Accepted {
        /// Whose password was right.
        user: String,
        /// Whom he wants to be; empty for himself.
        authzid: String,
    },
    /// Not let in.
    Refused,
    /// Not understood.
    Malformed,
}

/// All mechanisms, the best first: what to use where several are offered and the line is safe. PLAIN leads, because
/// inside a verified TLS connection it is the one that works with every way in which a server keeps passwords.
pub static MECHANISMS: &[&dyn Mechanism] = &[
    &plain::Plain,
    &login::Login,
    &scram::SCRAM_SHA_512_PLUS,
    &scram::SCRAM_SHA_512,
    &scram::SCRAM_SHA_256_PLUS,
    &scram::SCRAM_SHA_256,
    &scram::SCRAM_SHA_1_PLUS,
    &scram::SCRAM_SHA_1,
    &cram_md5::CramMd5,
    &digest_md5::DigestMd5,
    &ntlm::Ntlm,
    &oauthbearer::OauthBearer,
    &xoauth2::Xoauth2,
    &external::External,
    &anonymous::Anonymous,
];

/// The mechanism of that name. One that a server offers and that is none of [`MECHANISMS`] (GSSAPI and others) can be
/// named and explained, but not tried.
pub fn mechanism(name: &str) -> Option<&'static dyn Mechanism> {
    MECHANISMS.iter().copied().find(|m| m.meta().name.eq_ignore_ascii_case(name))
}

/// What can be said of a mechanism that a server names.
#[derive(Clone, Copy)]
pub enum Standing {
    /// It can be tried.
    Tested(&'static dyn Mechanism),
    /// It is offered, and not tested: nothing here speaks it.
    OfferedOnly,
}

/// What can be said of the mechanism of that name.
pub fn standing(name: &str) -> Standing {
    mechanism(name).map_or(Standing::OfferedOnly, Standing::Tested)
}

/// Compares in a time that does not depend on where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    pub(crate) struct One;

    impl Passwords for One {
        fn password(&self, user: &str) -> Option<Secret<String>> {
            (user == "benutzername").then(|| "passwort".into())
        }
    }

    pub(crate) fn credentials(user: &str, password: &str, authzid: &str) -> Credentials {
        Credentials { user: user.into(), password: password.into(), authzid: authzid.into() }
    }

    fn bindings() -> Vec<ChannelBinding> {
        vec![ChannelBinding { kind: BindingKind::TlsExporter, data: vec![7; 32] }]
    }

    pub(crate) fn given() -> Given {
        Given {
            random: [1; 32],
            now: 1_800_000_000,
            service: "imap",
            host: "lab.test".into(),
            port: Some(143),
            bindings: bindings(),
            plus_offered: true,
            ..Given::default()
        }
    }

    pub(crate) fn server_given() -> ServerGiven {
        ServerGiven {
            challenge: "<1.2@lab.test>".into(),
            random: [2; 32],
            salt_seed: [3; 32],
            now: 1_800_000_000,
            host: "lab.test".into(),
            bindings: bindings(),
            plus_offered: true,
            certificate: None,
            ntlm_v1: false,
            scram: ScramFlaws::default(),
        }
    }

    /// Lets both sides of a mechanism talk.
    pub(crate) fn talk(mechanism: &dyn Mechanism, credentials: &Credentials) -> Verdict {
        let mut client = mechanism.client(credentials, &given());
        let mut server = mechanism.server(&server_given());
        let mut challenge = server.initial();
        let mut response = mechanism.meta().client_first.then(|| client.initial().unwrap());
        for _ in 0..8 {
            let answer = match response.take() {
                Some(response) => response,
                None => client.respond(&challenge.take().unwrap_or_default()).unwrap(),
            };
            match server.respond(answer.expose(), &One) {
                Verdict::Challenge(next) => challenge = Some(next),
                accepted @ Verdict::Accepted { .. } => {
                    client.accepted(None).unwrap();
                    return accepted;
                }
                other => return other,
            }
        }
        panic!("no end")
    }

    #[test]
    fn both_sides_of_every_mechanism_agree() {
        let by_password = |m: &&&dyn Mechanism| matches!(m.meta().needs, Needs::Password | Needs::Token);
        for &mechanism in MECHANISMS.iter().filter(by_password) {
            let name = mechanism.meta().name;
            let good = Verdict::Accepted { user: "benutzername".into(), authzid: String::new() };
            assert_eq!(talk(mechanism, &credentials("benutzername", "passwort", "")), good, "{name}");
            assert_eq!(
                talk(mechanism, &credentials("benutzername", "falsch", "")),
                Verdict::Refused,
                "{name}"
            );
            assert_eq!(talk(mechanism, &credentials("niemand", "passwort", "")), Verdict::Refused, "{name}");
        }
    }

    #[test]
    fn servers_survive_nonsense() {
        for &mechanism in MECHANISMS.iter().filter(|m| m.meta().needs != Needs::Nothing) {
            for nonsense in [&b""[..], b"\0", b"\0\0\0\0", b"\xff\xfe", b" ", b"a b c", &[b'x'; 5000]] {
                let mut server = mechanism.server(&server_given());
                let mut last = server.respond(nonsense, &One);
                for _ in 0..4 {
                    if matches!(last, Verdict::Challenge(_)) {
                        last = server.respond(nonsense, &One);
                    }
                }
                assert!(matches!(last, Verdict::Refused | Verdict::Malformed), "{}", mechanism.meta().name);
            }
        }
    }
}

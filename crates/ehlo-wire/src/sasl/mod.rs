//! SASL (RFC 4422): mechanisms of both sides, one file each, and the exchange that carries them in SMTP, LMTP, POP3
//! and IMAP. Outside SASL: the digest of APOP.

mod apop;
mod cram_md5;
mod exchange;
mod login;
mod plain;

pub use apop::{apop_digest, apop_verify};
pub use exchange::{Exchange, Step};

use ehlo_core::Secret;

/// A mechanism.
pub trait Mechanism: Sync {
    /// What is known about it.
    fn meta(&self) -> &'static MechanismMeta;
    /// The client's side.
    fn client(&self, credentials: &Credentials) -> Box<dyn ClientSide>;
    /// The server's side. `challenge` is unique and unpredictable text of the form `<…@…>`, for mechanisms that need
    /// such a thing.
    fn server(&self, challenge: &str) -> Box<dyn ServerSide>;
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
    /// Where it is defined.
    pub reference: &'static str,
}

/// Who wants in, and with what.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user whose password this is (authentication identity).
    pub user: String,
    /// The password.
    pub password: Secret<String>,
    /// The user to act as (authorization identity); empty for the same.
    pub authzid: String,
}

/// The client's side of a mechanism.
pub trait ClientSide: Send {
    /// The first message, if the client speaks first.
    fn initial(&mut self) -> Option<Secret<Vec<u8>>>;
    /// The answer to a challenge; `None` if the challenge makes no sense, so that the exchange must be cancelled.
    fn respond(&mut self, challenge: &[u8]) -> Option<Secret<Vec<u8>>>;
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

/// All mechanisms, the best first: what to use where several are offered and the line is safe.
pub static MECHANISMS: &[&dyn Mechanism] = &[&plain::Plain, &login::Login, &cram_md5::CramMd5];

/// The mechanism of that name.
pub fn mechanism(name: &str) -> Option<&'static dyn Mechanism> {
    MECHANISMS.iter().copied().find(|m| m.meta().name.eq_ignore_ascii_case(name))
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

    /// Lets both sides of a mechanism talk.
    pub(crate) fn talk(mechanism: &dyn Mechanism, credentials: &Credentials) -> Verdict {
        let mut client = mechanism.client(credentials);
        let mut server = mechanism.server("<1.2@lab.test>");
        let mut challenge = server.initial();
        let mut response = if mechanism.meta().client_first { client.initial() } else { None };
        for _ in 0..8 {
            let answer = match response.take() {
                Some(response) => response,
                None => client.respond(&challenge.take().unwrap_or_default()).unwrap(),
            };
            match server.respond(answer.expose(), &One) {
                Verdict::Challenge(next) => challenge = Some(next),
                other => return other,
            }
        }
        panic!("no end")
    }

    #[test]
    fn both_sides_of_every_mechanism_agree() {
        for &mechanism in MECHANISMS {
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
        for &mechanism in MECHANISMS {
            for nonsense in [&b""[..], b"\0", b"\0\0\0\0", b"\xff\xfe", b" ", b"a b c", &[b'x'; 5000]] {
                let mut server = mechanism.server("<1@x>");
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

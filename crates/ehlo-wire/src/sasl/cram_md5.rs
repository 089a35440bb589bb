use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, PasswordForm,
    Passwords, ServerGiven, ServerSide, Trouble, Verdict, hex, same,
};
use ehlo_core::Secret;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

/// CRAM-MD5 (RFC 2195): the challenge under HMAC-MD5 with the password as key.
pub(super) struct CramMd5;

impl Mechanism for CramMd5 {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "CRAM-MD5",
            client_first: false,
            password_equivalent: false,
            needs: Needs::Password,
            automatic: true,
            binds: false,
            reference: "RFC 2195",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const { &[Message::server(Kind::CramChallenge), Message::client(Kind::CramResponse)] }
    }

    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client { credentials: credentials.clone(), form: given.password_form, answered: false })
    }

    fn server(&self, given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server { challenge: given.challenge.clone() })
    }
}

struct Client {
    credentials: Credentials,
    form: PasswordForm,
    answered: bool,
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        Err(Trouble::Over)
    }

    fn respond(&mut self, challenge: &[u8]) -> Answer {
        if std::mem::replace(&mut self.answered, true) {
            return Err(Trouble::Over);
        }
        let password = Secret::new(self.form.bytes(self.credentials.password.expose(), false)?);
        let mut answer = self.form.bytes(&self.credentials.user, false)?;
        answer.push(b' ');
        answer.extend_from_slice(digest(password.expose(), challenge).as_bytes());
        Ok(Secret::new(answer))
    }
}

struct Server {
    challenge: String,
}

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        Some(self.challenge.clone().into_bytes())
    }

    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        // The user name may hold blanks; the digest does not.
        let Some((user, given)) = std::str::from_utf8(response).ok().and_then(|r| r.rsplit_once(' ')) else {
            return Verdict::Malformed;
        };
        if passwords.any_password(user) {
            return Verdict::Accepted { user: user.to_owned(), authzid: String::new() };
        }
        let Some(known) = passwords.password(user) else { return Verdict::Refused };
        let expected = digest(known.expose().as_bytes(), self.challenge.as_bytes());
        if same(expected.as_bytes(), given.to_ascii_lowercase().as_bytes()) {
            Verdict::Accepted { user: user.to_owned(), authzid: String::new() }
        } else {
            Verdict::Refused
        }
    }
}

fn digest(password: &[u8], challenge: &[u8]) -> String {
    // HMAC takes a key of any length (RFC 2104 §2), so this cannot fail.
    match Hmac::<Md5>::new_from_slice(password) {
        Ok(mut mac) => {
            mac.update(challenge);
            hex(&mac.finalize().into_bytes())
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::credentials;
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 2195 §2
        let mut client = CramMd5.client(&credentials("tim", "tanstaaftanstaaf", ""), &Given::default());
        let response = client.respond(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
        assert_eq!(response.expose(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(client.respond(b"<again>").unwrap_err(), Trouble::Over);
    }
}

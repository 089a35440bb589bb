use super::{ClientSide, Credentials, Mechanism, MechanismMeta, Passwords, ServerSide, Verdict, same};
use ehlo_core::Secret;

/// PLAIN (RFC 4616): authorization identity, user and password, separated by NUL.
pub(super) struct Plain;

impl Mechanism for Plain {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta { name: "PLAIN", client_first: true, password_equivalent: true, reference: "RFC 4616" }
    }

    fn client(&self, credentials: &Credentials) -> Box<dyn ClientSide> {
        Box::new(Client(credentials.clone()))
    }

    fn server(&self, _challenge: &str) -> Box<dyn ServerSide> {
        Box::new(Server)
    }
}

struct Client(Credentials);

impl ClientSide for Client {
    fn initial(&mut self) -> Option<Secret<Vec<u8>>> {
        let Credentials { user, password, authzid } = &self.0;
        Some(Secret::new(format!("{authzid}\0{user}\0{}", password.expose()).into_bytes()))
    }

    fn respond(&mut self, _challenge: &[u8]) -> Option<Secret<Vec<u8>>> {
        self.initial()
    }
}

struct Server;

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        let fields: Vec<&[u8]> = response.split(|&b| b == 0).collect();
        let [authzid, user, password] = fields[..] else { return Verdict::Malformed };
        let (Ok(authzid), Ok(user)) = (std::str::from_utf8(authzid), std::str::from_utf8(user)) else {
            return Verdict::Malformed;
        };
        if user.is_empty() {
            return Verdict::Malformed;
        }
        let accepted = || Verdict::Accepted { user: user.to_owned(), authzid: authzid.to_owned() };
        if passwords.any_password(user) {
            return accepted();
        }
        match passwords.password(user) {
            Some(known) if same(known.expose().as_bytes(), password) => accepted(),
            _ => Verdict::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{credentials, talk};
    use super::*;

    #[test]
    fn the_fields_of_the_how_to() {
        // howto.md, step 8: YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==
        let mut client = Plain.client(&credentials("benutzername", "passwort", "benutzername"));
        assert_eq!(client.initial().unwrap().expose(), b"benutzername\0benutzername\0passwort");
    }

    #[test]
    fn an_authorization_identity_is_passed_on() {
        let verdict = talk(&Plain, &credentials("benutzername", "passwort", "alice"));
        assert_eq!(verdict, Verdict::Accepted { user: "benutzername".into(), authzid: "alice".into() });
    }
}

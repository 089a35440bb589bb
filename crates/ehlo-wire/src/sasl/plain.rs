use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, PasswordForm,
    Passwords, ServerGiven, ServerSide, Trouble, Verdict, same,
};
use ehlo_core::Secret;

/// PLAIN (RFC 4616): authorization identity, user and password, separated by NUL.
pub(super) struct Plain;

impl Mechanism for Plain {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "PLAIN",
            client_first: true,
            password_equivalent: true,
            needs: Needs::Password,
            automatic: true,
            binds: false,
            reference: "RFC 4616",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const { &[Message::client(Kind::Plain)] }
    }

    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client { credentials: credentials.clone(), form: given.password_form, sent: false })
    }

    fn server(&self, _given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server)
    }
}

struct Client {
    credentials: Credentials,
    form: PasswordForm,
    sent: bool,
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        if std::mem::replace(&mut self.sent, true) {
            return Err(Trouble::Over);
        }
        let Credentials { user, password, authzid } = &self.credentials;
        // RFC 4616 §2 leaves it to the server to prepare both.
        let bytes = |text: &str| self.form.bytes(text, false).map(Secret::new);
        let (authzid, user, password) = (bytes(authzid)?, bytes(user)?, bytes(password.expose())?);
        Ok(Secret::new([authzid.expose(), user.expose(), password.expose()].map(Vec::as_slice).join(&0)))
    }

    fn respond(&mut self, _challenge: &[u8]) -> Answer {
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
        let mut client =
            Plain.client(&credentials("benutzername", "passwort", "benutzername"), &Given::default());
        assert_eq!(client.initial().unwrap().expose(), b"benutzername\0benutzername\0passwort");
    }

    #[test]
    fn the_example_of_the_rfc_and_other_forms() {
        // RFC 4616 §4
        let mut client = Plain.client(&credentials("Kurt", "xipj3plmq", "Ursel"), &Given::default());
        assert_eq!(client.initial().unwrap().expose(), b"Ursel\0Kurt\0xipj3plmq");
        assert_eq!(client.respond(b"").unwrap_err(), Trouble::Over);
        let old = Given { password_form: PasswordForm::Latin1, ..Given::default() };
        let mut client = Plain.client(&credentials("j\u{f6}rg", "\u{e4}", ""), &old);
        assert_eq!(client.initial().unwrap().expose(), b"\0j\xf6rg\0\xe4");
    }

    #[test]
    fn an_authorization_identity_is_passed_on() {
        let verdict = talk(&Plain, &credentials("benutzername", "passwort", "alice"));
        assert_eq!(verdict, Verdict::Accepted { user: "benutzername".into(), authzid: "alice".into() });
    }
}

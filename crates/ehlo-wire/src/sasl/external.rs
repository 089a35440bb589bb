use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, Passwords,
    ServerGiven, ServerSide, Trouble, Verdict,
};
use ehlo_core::Secret;

/// EXTERNAL (RFC 4422 Appendix A): who it is, the certificate of the client has said already.
pub(super) struct External;

impl Mechanism for External {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "EXTERNAL",
            client_first: true,
            password_equivalent: false,
            needs: Needs::Certificate,
            automatic: false,
            binds: false,
            reference: "RFC 4422",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const { &[Message::client(Kind::External)] }
    }

    fn client(&self, credentials: &Credentials, _given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client { authzid: credentials.authzid.clone(), sent: false })
    }

    fn server(&self, given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server { certificate: given.certificate.clone() })
    }
}

struct Client {
    authzid: String,
    sent: bool,
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        if std::mem::replace(&mut self.sent, true) {
            return Err(Trouble::Over);
        }
        Ok(Secret::new(self.authzid.clone().into_bytes()))
    }

    fn respond(&mut self, _challenge: &[u8]) -> Answer {
        self.initial()
    }
}

struct Server {
    certificate: Option<String>,
}

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn respond(&mut self, response: &[u8], _passwords: &dyn Passwords) -> Verdict {
        // RFC 4422 A.1: the authorization identity in UTF-8, without NUL.
        let Some(authzid) = std::str::from_utf8(response).ok().filter(|text| !text.contains('\0')) else {
            return Verdict::Malformed;
        };
        match &self.certificate {
            Some(user) => Verdict::Accepted { user: user.clone(), authzid: authzid.to_owned() },
            None => Verdict::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{One, credentials};
    use super::*;

    #[test]
    fn the_certificate_says_who_it_is() {
        let given = ServerGiven { certificate: Some("alice".into()), ..ServerGiven::default() };
        let mut client =
            External.client(&credentials("x", "never sent", "fred@example.com"), &Given::default());
        let first = client.initial().unwrap();
        assert_eq!(first.expose(), b"fred@example.com");
        assert_eq!(
            External.server(&given).respond(first.expose(), &One),
            Verdict::Accepted { user: "alice".into(), authzid: "fred@example.com".into() }
        );
        assert_eq!(External.server(&ServerGiven::default()).respond(b"", &One), Verdict::Refused);
        assert_eq!(External.server(&given).respond(b"a\0b", &One), Verdict::Malformed);
    }
}

use super::xoauth2::bearer;
use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, Passwords,
    ServerGiven, ServerSide, Trouble, Verdict, same, scram,
};
use ehlo_core::{Secret, escape};

/// OAUTHBEARER (RFC 7628): a token of a web login in place of the password.
pub(super) struct OauthBearer;

impl Mechanism for OauthBearer {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "OAUTHBEARER",
            client_first: true,
            password_equivalent: true,
            needs: Needs::Token,
            automatic: false,
            binds: false,
            reference: "RFC 7628",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const { &[Message::client(Kind::OauthBearer)] }
    }

    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client {
            credentials: credentials.clone(),
            host: given.host.clone(),
            port: given.port,
            sent: false,
            complaint: None,
        })
    }

    fn server(&self, _given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server { refused: false })
    }
}

struct Client {
    credentials: Credentials,
    host: String,
    port: Option<u16>,
    sent: bool,
    complaint: Option<Trouble>,
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        if std::mem::replace(&mut self.sent, true) {
            return Err(Trouble::Over);
        }
        let Credentials { user, password, authzid } = &self.credentials;
        let who = if authzid.is_empty() { user } else { authzid };
        if [who, password.expose(), &self.host].iter().any(|text| text.contains('\x01')) {
            return Err(Trouble::Unprepared);
        }
        // RFC 7628 §3.1; the header is that of GS2 (RFC 5801 §4).
        let mut message = format!("n,a={},\x01", scram::escaped(who));
        if !self.host.is_empty() {
            message.push_str(&format!("host={}\x01", self.host));
        }
        if let Some(port) = self.port {
            message.push_str(&format!("port={port}\x01"));
        }
        message.push_str(&format!("auth=Bearer {}\x01\x01", password.expose()));
        Ok(Secret::new(message.into_bytes()))
    }

    fn respond(&mut self, challenge: &[u8]) -> Answer {
        if !self.sent && challenge.is_empty() {
            return self.initial();
        }
        if self.complaint.is_some() {
            return Err(Trouble::Over);
        }
        // RFC 7628 §3.2.3: the client answers an error with one byte, so that the server can say no.
        self.sent = true;
        self.complaint = Some(Trouble::Server { text: escape(challenge) });
        Ok(Secret::new(vec![1]))
    }

    fn complaint(&self) -> Option<&Trouble> {
        self.complaint.as_ref()
    }
}

struct Server {
    refused: bool,
}

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        if self.refused {
            return if response == b"\x01" { Verdict::Refused } else { Verdict::Malformed };
        }
        let Some((user, token)) = parts(response) else { return Verdict::Malformed };
        let right = !user.is_empty()
            && (passwords.any_password(&user)
                || passwords.password(&user).is_some_and(|known| same(known.expose().as_bytes(), token)));
        if right {
            return Verdict::Accepted { user, authzid: String::new() };
        }
        self.refused = true;
        Verdict::Challenge(br#"{"status":"invalid_token","scope":"mail"}"#.to_vec())
    }
}

/// The user of the header, who may be missing (the token would have to say), and the token.
fn parts(response: &[u8]) -> Option<(String, &[u8])> {
    let (header, rest) = response.split_at(response.iter().position(|&b| b == 1)?);
    let header = scram::Gs2::parse(header)?;
    if header.rest != b"" {
        return None;
    }
    let fields = rest.strip_prefix(b"\x01")?.strip_suffix(b"\x01\x01")?;
    let mut token = None;
    for field in fields.split(|&b| b == 1) {
        // RFC 7628 §3.1: keys are letters; those that nobody knows are passed over.
        let at = field.iter().position(|&b| b == b'=')?;
        let (key, value) = (&field[..at], &field[at + 1..]);
        if key.is_empty() || !key.iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        if key == b"auth" {
            token = Some(bearer(value)?);
        }
    }
    Some((header.authzid.unwrap_or_default(), token?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{One, credentials};
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7628 §4.1
        let who = credentials("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "");
        let given = Given { host: "server.example.com".into(), port: Some(143), ..Given::default() };
        let mut client = OauthBearer.client(&who, &given);
        assert_eq!(
            client.initial().unwrap().expose(),
            b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
              auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
        );
        // §4.3: {"status":"invalid_token",…} is answered with one byte.
        assert_eq!(client.respond(b"{\"status\":\"invalid_token\"}").unwrap().expose(), b"\x01");
        assert!(
            matches!(client.complaint(), Some(Trouble::Server { text }) if text.contains("invalid_token"))
        );
    }

    #[test]
    fn header_and_fields_are_read() {
        let read = |bytes: &[u8]| parts(bytes).map(|(user, token)| (user, token.to_vec()));
        assert_eq!(read(b"n,a=a=2Cb,\x01auth=bearer t\x01x=\x01\x01"), Some(("a,b".into(), b"t".to_vec())));
        assert_eq!(read(b"y,,\x01auth=Bearer t\x01\x01"), Some((String::new(), b"t".to_vec())));
        for bad in [
            &b"n,,auth=Bearer t\x01\x01"[..],
            b"n,,\x01auth=Bearer t\x01",
            b"n,,\x01host=x\x01\x01",
            b"n,,\x01=x\x01auth=Bearer t\x01\x01",
            b"n,,x\x01auth=Bearer t\x01\x01",
        ] {
            assert_eq!(read(bad), None, "{}", escape(bad));
        }
        let mut server = OauthBearer.server(&ServerGiven::default());
        let asked = server.respond(b"n,a=benutzername,\x01auth=Bearer no\x01\x01", &One);
        assert!(matches!(asked, Verdict::Challenge(_)));
        assert_eq!(server.respond(b"\x01", &One), Verdict::Refused);
    }
}

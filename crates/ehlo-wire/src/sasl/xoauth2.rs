use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, Passwords,
    ServerGiven, ServerSide, Trouble, Verdict, same,
};
use ehlo_core::{Secret, escape};

/// XOAUTH2, as Google and Microsoft define it: a token of a web login in place of the password.
pub(super) struct Xoauth2;

impl Mechanism for Xoauth2 {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "XOAUTH2",
            client_first: true,
            password_equivalent: true,
            needs: Needs::Token,
            automatic: false,
            binds: false,
            reference: "Gmail XOAUTH2 Protocol",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const { &[Message::client(Kind::Xoauth2)] }
    }

    fn client(&self, credentials: &Credentials, _given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client { credentials: credentials.clone(), sent: false, complaint: None })
    }

    fn server(&self, _given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server { refused: false })
    }
}

struct Client {
    credentials: Credentials,
    sent: bool,
    complaint: Option<Trouble>,
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        if std::mem::replace(&mut self.sent, true) {
            return Err(Trouble::Over);
        }
        let Credentials { user, password, .. } = &self.credentials;
        // What separates the fields must not stand in them.
        if user.contains('\x01') || password.expose().contains('\x01') {
            return Err(Trouble::Unprepared);
        }
        Ok(Secret::new(format!("user={user}\x01auth=Bearer {}\x01\x01", password.expose()).into_bytes()))
    }

    fn respond(&mut self, challenge: &[u8]) -> Answer {
        if !self.sent && challenge.is_empty() {
            return self.initial();
        }
        if self.complaint.is_some() {
            return Err(Trouble::Over);
        }
        // The challenge says in JSON what is wrong; an empty answer lets the server say no.
        self.sent = true;
        self.complaint = Some(Trouble::Server { text: escape(challenge) });
        Ok(Secret::new(Vec::new()))
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
            return if response.is_empty() { Verdict::Refused } else { Verdict::Malformed };
        }
        let Some((user, token)) = parts(response) else { return Verdict::Malformed };
        let right = passwords.any_password(user)
            || passwords.password(user).is_some_and(|known| same(known.expose().as_bytes(), token));
        if right {
            return Verdict::Accepted { user: user.to_owned(), authzid: String::new() };
        }
        self.refused = true;
        Verdict::Challenge(
            br#"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#.to_vec(),
        )
    }
}

/// User and token.
fn parts(response: &[u8]) -> Option<(&str, &[u8])> {
    let rest = response.strip_suffix(b"\x01\x01")?;
    let mut fields = rest.split(|&b| b == 1);
    let (user, auth) = (fields.next()?.strip_prefix(b"user=")?, fields.next()?.strip_prefix(b"auth=")?);
    if fields.next().is_some() || user.is_empty() {
        return None;
    }
    Some((std::str::from_utf8(user).ok()?, bearer(auth)?))
}

/// The token of `Bearer …` (RFC 6750 §2.1); the scheme in any case (RFC 9110 §11.1).
pub(super) fn bearer(auth: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = auth.split_at_checked(7)?;
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{One, credentials};
    use super::*;

    #[test]
    fn the_example_of_google() {
        let who = credentials("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg", "");
        let mut client = Xoauth2.client(&who, &Given::default());
        assert_eq!(
            client.initial().unwrap().expose(),
            b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
        );
        assert_eq!(client.complaint(), None);
        assert_eq!(client.respond(b"{\"status\":\"400\"}").unwrap().expose(), b"");
        assert_eq!(client.complaint(), Some(&Trouble::Server { text: "{\"status\":\"400\"}".into() }));
        assert_eq!(client.respond(b"again").unwrap_err(), Trouble::Over);
    }

    #[test]
    fn a_wrong_token_is_told_in_json() {
        let mut server = Xoauth2.server(&ServerGiven::default());
        let Verdict::Challenge(json) = server.respond(b"user=benutzername\x01auth=Bearer x\x01\x01", &One)
        else {
            panic!()
        };
        assert!(json.starts_with(b"{\"status\":\"401\""));
        assert_eq!(server.respond(b"", &One), Verdict::Refused);
        for bad in
            [&b"user=a\x01auth=Bearer \x01\x01"[..], b"user=a\x01auth=Basic x\x01\x01", b"user=a\x01\x01"]
        {
            assert_eq!(Xoauth2.server(&ServerGiven::default()).respond(bad, &One), Verdict::Malformed);
        }
    }
}

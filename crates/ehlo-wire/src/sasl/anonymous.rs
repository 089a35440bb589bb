use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, Passwords,
    ServerGiven, ServerSide, Trouble, Verdict,
};
use ehlo_core::Secret;

/// ANONYMOUS (RFC 4505): nobody in particular, with a word about who it is.
pub(super) struct Anonymous;

/// Whom a server takes the nameless for.
const NOBODY: &str = "anonymous";

/// The longest trace that is taken, in characters (RFC 4505 §2).
const TRACE: usize = 255;

impl Mechanism for Anonymous {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "ANONYMOUS",
            client_first: true,
            password_equivalent: false,
            needs: Needs::Nothing,
            automatic: false,
            binds: false,
            reference: "RFC 4505",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const { &[Message::client(Kind::Anonymous)] }
    }

    fn client(&self, credentials: &Credentials, _given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client { trace: credentials.user.clone(), sent: false })
    }

    fn server(&self, _given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server)
    }
}

struct Client {
    trace: String,
    sent: bool,
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        if std::mem::replace(&mut self.sent, true) {
            return Err(Trouble::Over);
        }
        Ok(Secret::new(self.trace.clone().into_bytes()))
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

    fn respond(&mut self, response: &[u8], _passwords: &dyn Passwords) -> Verdict {
        match std::str::from_utf8(response) {
            Ok(trace) if trace.chars().count() <= TRACE => {
                Verdict::Accepted { user: NOBODY.to_owned(), authzid: String::new() }
            }
            _ => Verdict::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{One, credentials, talk};
    use super::*;

    #[test]
    fn the_trace_is_sent_and_nobody_gets_in() {
        // RFC 4505 §3
        let mut client = Anonymous.client(&credentials("sirhc", "never sent", ""), &Given::default());
        assert_eq!(client.initial().unwrap().expose(), b"sirhc");
        assert_eq!(client.respond(b"").unwrap_err(), Trouble::Over);
        let verdict = talk(&Anonymous, &credentials("sirhc", "", ""));
        assert_eq!(verdict, Verdict::Accepted { user: "anonymous".into(), authzid: String::new() });
        let mut server = Anonymous.server(&ServerGiven::default());
        assert_eq!(server.respond(b"\xff", &One), Verdict::Malformed);
        assert_eq!(server.respond(&[b'x'; 256], &One), Verdict::Malformed);
    }
}

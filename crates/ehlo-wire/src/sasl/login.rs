use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, PasswordForm,
    Passwords, ServerGiven, ServerSide, Trouble, Verdict, same,
};
use ehlo_core::Secret;

/// LOGIN: user and password, each after a prompt. Never standardised, offered everywhere.
pub(super) struct Login;

impl Mechanism for Login {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "LOGIN",
            // The user name may be sent at once; most servers take it, and none offers to say so.
            client_first: false,
            password_equivalent: true,
            needs: Needs::Password,
            automatic: true,
            binds: false,
            reference: "draft-murchison-sasl-login",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const {
            &[
                Message::server(Kind::LoginPrompt),
                Message::client(Kind::LoginUser),
                Message::server(Kind::LoginPrompt),
                Message::client(Kind::LoginPassword),
            ]
        }
    }

    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client { credentials: credentials.clone(), form: given.password_form, asked: 0, led: false })
    }

    fn server(&self, _given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server { user: None })
    }

    fn may_lead(&self) -> bool {
        true
    }
}

struct Client {
    credentials: Credentials,
    form: PasswordForm,
    /// How many messages were sent.
    asked: usize,
    /// Whether the name went with the command, and no answer came yet.
    led: bool,
}

/// Whether a prompt asks for the name of the user.
fn names_user(prompt: &[u8]) -> bool {
    prompt.to_ascii_lowercase().windows(4).any(|word| word == b"user")
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        self.asked += 1;
        self.led = true;
        self.form.bytes(&self.credentials.user, false).map(Secret::new)
    }

    fn respond(&mut self, challenge: &[u8]) -> Answer {
        // The prompts have many spellings (`Username:`, `User Name\0`, none at all); only their order counts. But a
        // server that did not take the name which came with the command asks for it again, and must not get the
        // password in its place.
        let again = self.led && self.asked == 1 && names_user(challenge);
        self.led = false;
        self.asked += usize::from(!again);
        match self.asked {
            1 => self.form.bytes(&self.credentials.user, false).map(Secret::new),
            2 => self.form.bytes(self.credentials.password.expose(), false).map(Secret::new),
            _ => Err(Trouble::Over),
        }
    }
}

struct Server {
    user: Option<String>,
}

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        Some(b"Username:".to_vec())
    }

    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        match self.user.take() {
            None => match String::from_utf8(response.to_vec()) {
                Ok(user) if !user.is_empty() => {
                    self.user = Some(user);
                    Verdict::Challenge(b"Password:".to_vec())
                }
                _ => Verdict::Malformed,
            },
            Some(user) if passwords.any_password(&user) => Verdict::Accepted { user, authzid: String::new() },
            Some(user) => match passwords.password(&user) {
                Some(known) if same(known.expose().as_bytes(), response) => {
                    Verdict::Accepted { user, authzid: String::new() }
                }
                _ => Verdict::Refused,
            },
        }
    }
}

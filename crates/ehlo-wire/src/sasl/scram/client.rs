use super::super::given::latin1;
use super::super::{Answer, ClientSide, Credentials, Given, PasswordForm, Trouble, same};
use super::hash::{Hash, Keys};
use super::message::{attributes, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::{Secret, escape};

pub(super) struct Client {
    hash: Hash,
    binds: bool,
    credentials: Credentials,
    given: Given,
    nonce: String,
    state: State,
    complaint: Option<Trouble>,
}

enum State {
    Begin,
    /// The first message is out.
    First {
        /// What comes back as `c`: the header and the data of the binding.
        bound: Vec<u8>,
        bare: Vec<u8>,
    },
    /// The proof is out; this signature is due.
    Final(Secret<Vec<u8>>),
    Proven,
    Failed,
}

impl Client {
    pub(super) fn new(hash: Hash, binds: bool, credentials: &Credentials, given: &Given) -> Client {
        Client {
            hash,
            binds,
            credentials: credentials.clone(),
            given: given.clone(),
            // Base64 has no comma, which would end the attribute (RFC 5802 §5.1, `r`).
            nonce: STANDARD.encode(&given.random[..18]),
            state: State::Begin,
            complaint: None,
        }
    }

    #[cfg(test)]
    pub(super) fn with_nonce(mut self, nonce: &str) -> Client {
        self.nonce = nonce.to_owned();
        self
    }

    /// Takes the server-first-message; yields the client-final-message and the signature that is due.
    fn prove(&self, bound: &[u8], bare: &[u8], challenge: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
        let wrong = |what| Trouble::NotUnderstood { what };
        let attributes = attributes(challenge).ok_or_else(|| wrong("server-first-message"))?;
        // RFC 5802 §5.1: an unknown mandatory extension ends the exchange; a server may complain at once.
        match attributes[..] {
            [(b'm', _), ..] => return Err(Trouble::MandatoryExtension),
            [(b'e', text), ..] => return Err(complaint(text)),
            _ => {}
        }
        let [(b'r', nonce), (b's', salt), (b'i', iterations), ..] = attributes[..] else {
            return Err(wrong("server-first-message"));
        };
        // The server adds to the nonce; one that adds nothing could repeat an old dialogue.
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(self.nonce.as_bytes()) {
            return Err(Trouble::ForeignNonce);
        }
        let salt = STANDARD.decode(salt).map_err(|_| wrong("salt"))?;
        if salt.is_empty() {
            return Err(wrong("salt"));
        }
        let iterations = self.iterations(iterations)?;
        let password = self.password()?;
        let keys = Keys::new(self.hash, password.expose(), &salt, iterations);
        let mut last = format!("c={},r=", STANDARD.encode(bound)).into_bytes();
        last.extend_from_slice(nonce);
        let message = [bare, challenge, &last].map(<[u8]>::to_vec).join(&b',');
        let proof = keys.proof(&message);
        last.extend_from_slice(format!(",p={}", STANDARD.encode(proof)).as_bytes());
        Ok((last, keys.signature(&message)))
    }

    fn iterations(&self, text: &[u8]) -> Result<u32, Trouble> {
        let wrong = Trouble::NotUnderstood { what: "iteration-count" };
        if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
            return Err(wrong);
        }
        // A number that does not fit is merely enormous.
        let asked =
            std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(u64::MAX);
        let cap = self.given.iteration_cap;
        match u32::try_from(asked) {
            Ok(0) => Err(wrong),
            Ok(asked) if asked <= cap => Ok(asked),
            _ => Err(Trouble::TooManyIterations { asked, cap }),
        }
    }

    fn password(&self) -> Result<Secret<Vec<u8>>, Trouble> {
        let text = self.credentials.password.expose();
        self.given.password_form.bytes(text, true).map(Secret::new)
    }

    /// Compares what the server sends at last with the signature that is due.
    fn check(&mut self, data: &[u8]) -> Result<(), Trouble> {
        let State::Final(due) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(Trouble::Over);
        };
        let wrong = Trouble::NotUnderstood { what: "server-final-message" };
        match attributes(data).as_deref() {
            Some([(b'e', text), ..]) => {
                let trouble = complaint(text);
                self.complaint = Some(trouble.clone());
                Err(trouble)
            }
            Some([(b'v', signature), ..]) => {
                let signature = STANDARD.decode(signature).map_err(|_| wrong)?;
                if !same(&signature, due.expose()) {
                    return Err(Trouble::WrongServerProof);
                }
                self.state = State::Proven;
                Ok(())
            }
            _ => Err(wrong),
        }
    }
}

/// What a server says is wrong (RFC 5802 §7, `server-error-value`).
fn complaint(text: &[u8]) -> Trouble {
    match text {
        b"channel-bindings-dont-match" => Trouble::BindingMismatch,
        other => Trouble::Server { text: escape(other) },
    }
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        let State::Begin = self.state else { return Err(Trouble::Over) };
        let authzid = &self.credentials.authzid;
        let (header, binding) = header(self.binds, &self.given.bindings, self.given.plus_offered, authzid)
            .ok_or(Trouble::NoBinding)?;
        // RFC 5802 §5.1: the name is prepared by SASLprep, and then `,` and `=` are escaped. Neither escape is touched
        // by ISO 8859-1.
        let user = &self.credentials.user;
        let user = match self.given.password_form {
            PasswordForm::Prepared => super::escaped(&super::super::saslprep(user)?).into_bytes(),
            PasswordForm::Raw => super::escaped(user).into_bytes(),
            PasswordForm::Latin1 => latin1(&super::escaped(user)).ok_or(Trouble::Unprepared)?,
        };
        let bare = [b"n=", &user[..], b",r=", self.nonce.as_bytes()].concat();
        let mut bound = header.clone().into_bytes();
        bound.extend(binding.iter().flat_map(|binding| &binding.data));
        let message = [header.as_bytes(), &bare].concat();
        self.state = State::First { bound, bare };
        Ok(Secret::new(message))
    }

    fn respond(&mut self, challenge: &[u8]) -> Answer {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Begin => {
                self.state = State::Begin;
                self.initial()
            }
            State::First { bound, bare } => {
                let (last, signature) = self.prove(&bound, &bare, challenge)?;
                self.state = State::Final(Secret::new(signature));
                Ok(Secret::new(last))
            }
            last @ State::Final(_) => {
                self.state = last;
                self.check(challenge).map(|()| Secret::new(Vec::new()))
            }
            State::Proven | State::Failed => Err(Trouble::Over),
        }
    }

    fn accepted(&mut self, data: Option<&[u8]>) -> Result<(), Trouble> {
        match (&self.state, data) {
            (State::Proven, _) => Ok(()),
            (State::Final(_), Some(data)) => self.check(data),
            _ => Err(Trouble::NoServerProof),
        }
    }

    fn complaint(&self) -> Option<&Trouble> {
        self.complaint.as_ref()
    }
}

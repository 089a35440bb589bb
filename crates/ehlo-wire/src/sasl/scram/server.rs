use super::super::{
    ChannelBinding, ITERATION_CAP, Passwords, ServerGiven, ServerSide, Verdict, same, saslprep,
};
use super::hash::{Hash, Keys, xor};
use super::message::{Flag, Gs2, attributes, unescaped};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How often the password is hashed (RFC 7677 §4: at least 4096).
const ITERATIONS: u32 = 4096;

pub(super) struct Server {
    hash: Hash,
    binds: bool,
    given: ServerGiven,
    state: State,
}

enum State {
    Begin,
    /// The challenge is out.
    Challenged(Challenged),
    /// The signature is out; an empty response is due.
    Signed {
        user: String,
        authzid: String,
    },
    /// The error is out; whatever comes, the answer is no.
    Complained,
    Over,
}

struct Challenged {
    user: String,
    authzid: String,
    /// What must come back as `c`.
    bound: Vec<u8>,
    /// How much of it is the header, which must be right whatever the connection.
    header: usize,
    bare: Vec<u8>,
    nonce: Vec<u8>,
    salt: Vec<u8>,
    challenge: Vec<u8>,
}

impl Server {
    pub(super) fn new(hash: Hash, binds: bool, given: &ServerGiven) -> Server {
        Server { hash, binds, given: given.clone(), state: State::Begin }
    }

    /// How often the password is to be hashed.
    fn iterations(&self) -> u32 {
        self.given.scram.iterations.unwrap_or(ITERATIONS)
    }

    /// The binding that a client's flag demands; the outer none if client and server do not agree.
    fn binding(&self, flag: &Flag) -> Option<Option<&ChannelBinding>> {
        match flag {
            Flag::By(_) if self.binds && self.given.scram.any_binding => Some(None),
            Flag::By(name) if self.binds => {
                self.given.bindings.iter().find(|b| b.kind.name().as_bytes() == name).map(Some)
            }
            // RFC 5802 §6: a client that says `y` saw no offer although there was one.
            Flag::Yes if !self.binds && !self.given.plus_offered => Some(None),
            Flag::No if !self.binds => Some(None),
            _ => None,
        }
    }

    fn first(&mut self, response: &[u8]) -> Verdict {
        let Some(gs2) = Gs2::parse(response) else { return Verdict::Malformed };
        let Some(attributes) = attributes(gs2.rest) else { return Verdict::Malformed };
        let [(b'n', user), (b'r', client_nonce), ..] = attributes[..] else { return Verdict::Malformed };
        let Some(user) = unescaped(user).filter(|user| !user.is_empty()) else { return Verdict::Malformed };
        if client_nonce.is_empty() {
            return Verdict::Malformed;
        }
        let Some(binding) = self.binding(&gs2.flag) else {
            // RFC 5802 §7: a client that knows another kind may try again.
            if self.binds && matches!(gs2.flag, Flag::By(_)) && !self.given.bindings.is_empty() {
                self.state = State::Complained;
                return Verdict::Challenge(b"e=unsupported-channel-binding-type".to_vec());
            }
            return Verdict::Refused;
        };
        let mut bound = gs2.header.to_vec();
        bound.extend(binding.iter().flat_map(|binding| &binding.data));
        let nonce = [client_nonce, STANDARD.encode(&self.given.random[..18]).as_bytes()].concat();
        // Who does not exist has a salt, too, so that a challenge tells nobody who does.
        let mut salt = self.hash.hmac(&self.given.salt_seed, user.as_bytes());
        salt.truncate(16);
        let mut challenge = [b"r=", &nonce[..]].concat();
        let iterations = self.iterations();
        challenge.extend_from_slice(format!(",s={},i={iterations}", STANDARD.encode(&salt)).as_bytes());
        self.state = State::Challenged(Challenged {
            user,
            authzid: gs2.authzid.unwrap_or_default(),
            header: gs2.header.len(),
            bound,
            bare: gs2.rest.to_vec(),
            nonce,
            salt,
            challenge: challenge.clone(),
        });
        Verdict::Challenge(challenge)
    }

    fn last(&mut self, state: Challenged, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        let Some(attributes) = attributes(response) else { return Verdict::Malformed };
        let (Some((b'c', bound)), Some((b'r', nonce)), Some((b'p', proof))) =
            (attributes.first().copied(), attributes.get(1).copied(), attributes.last().copied())
        else {
            return Verdict::Malformed;
        };
        let (Ok(bound), Ok(proof)) = (STANDARD.decode(bound), STANDARD.decode(proof)) else {
            return Verdict::Malformed;
        };
        let iterations = self.iterations();
        if iterations > ITERATION_CAP {
            return Verdict::Refused;
        }
        let any = self.binds && self.given.scram.any_binding;
        let tied = same(&bound, &state.bound)
            || any
                && bound.get(..state.header).is_some_and(|header| same(header, &state.bound[..state.header]));
        let agreed = tied && same(nonce, &state.nonce);
        let without_proof = &response[..response.len() - ",p=".len() - STANDARD.encode(&proof).len()];
        let message = [&state.bare[..], &state.challenge, without_proof].map(<[u8]>::to_vec).join(&b',');
        // The password of nobody is never right, but takes as long to find wrong.
        let known = passwords.password(&state.user);
        let exists = known.is_some();
        let text = known.unwrap_or_else(|| "".into());
        let prepared = saslprep(text.expose()).unwrap_or_else(|_| text.expose().as_str().into());
        let keys = Keys::new(self.hash, prepared.as_bytes(), &state.salt, iterations);
        let stored = keys.stored();
        let client_key = xor(&proof, &self.hash.hmac(&stored, &message));
        let proven = proof.len() == stored.len() && same(&self.hash.hash(&client_key), &stored) && exists;
        // Whoever lets in anybody cannot prove that he knows the password, and a careful client notices.
        if agreed && (passwords.any_password(&state.user) || proven) {
            if self.given.scram.no_proof {
                return Verdict::Accepted { user: state.user, authzid: state.authzid };
            }
            let signature = format!("v={}", STANDARD.encode(keys.signature(&message)));
            self.state = State::Signed { user: state.user, authzid: state.authzid };
            return Verdict::Challenge(signature.into_bytes());
        }
        // RFC 5802 §7: of all that can be wrong, this is what an honest client has to know.
        if proven && !tied {
            self.state = State::Complained;
            return Verdict::Challenge(b"e=channel-bindings-dont-match".to_vec());
        }
        Verdict::Refused
    }
}

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => self.first(response),
            State::Challenged(challenged) => self.last(challenged, response, passwords),
            State::Signed { user, authzid } if response.is_empty() => Verdict::Accepted { user, authzid },
            State::Complained => Verdict::Refused,
            State::Signed { .. } | State::Over => Verdict::Malformed,
        }
    }
}

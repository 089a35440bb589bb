use super::super::{Passwords, ServerGiven, ServerSide, Verdict, same};
use super::compute;
use super::message::{
    ALWAYS_SIGN, AV_FLAGS, AV_MIC, AV_TIMESTAMP, Authenticate, Challenge, EXTENDED_SESSION_SECURITY, MIC,
    NTLM, Negotiate, OEM, REQUEST_TARGET, TARGET_INFO, TARGET_TYPE_SERVER, UNICODE, attribute, pairs,
    split_v2, wide,
};
use ehlo_core::Secret;

pub(super) struct Server {
    given: ServerGiven,
    state: State,
}

enum State {
    Begin,
    Challenged { negotiate: Vec<u8>, challenge: Vec<u8>, nonce: [u8; 8] },
    Over,
}

impl Server {
    pub(super) fn new(given: &ServerGiven) -> Server {
        Server { given: given.clone(), state: State::Begin }
    }

    fn challenge(&mut self, response: &[u8]) -> Verdict {
        let Some(message) = Negotiate::parse(response) else { return Verdict::Malformed };
        let mut nonce = [0; 8];
        nonce.copy_from_slice(&self.given.random[..8]);
        let short = self.given.host.split('.').next().unwrap_or_default().to_uppercase();
        let (domain, host) = (self.given.host.split_once('.').map_or("", |(_, rest)| rest), &self.given.host);
        let mut info = Vec::new();
        for (id, text) in [(2, short.as_str()), (1, &short), (4, domain), (3, host)] {
            attribute(&mut info, id, &wide(text));
        }
        attribute(&mut info, AV_TIMESTAMP, &compute::file_time(self.given.now));
        attribute(&mut info, 0, b"");
        let asked = message.flags & (REQUEST_TARGET | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY);
        let unicode = message.flags & UNICODE != 0;
        let charset = if unicode { UNICODE } else { OEM };
        let flags = asked | charset | NTLM | TARGET_INFO | TARGET_TYPE_SERVER;
        let target = if unicode { wide(&short) } else { short.into_bytes() };
        let challenge = Challenge::write(&target, flags, &nonce, &info);
        let negotiate = response.to_vec();
        self.state = State::Challenged { negotiate, challenge: challenge.clone(), nonce };
        Verdict::Challenge(challenge)
    }

    fn check(
        &self,
        negotiate: &[u8],
        challenge: &[u8],
        nonce: [u8; 8],
        response: &[u8],
        passwords: &dyn Passwords,
    ) -> Verdict {
        let Some(message) = Authenticate::parse(response) else { return Verdict::Malformed };
        let (Some(user), Some(domain), Some(nt)) = (message.user, message.domain, message.nt) else {
            return Verdict::Malformed;
        };
        let text = |bytes: &[u8]| match message.flags & UNICODE {
            0 => Some(bytes.iter().map(|&b| char::from(b)).collect()),
            _ => narrow(bytes),
        };
        let (Some(user), Some(domain)) = (text(user), text(domain)) else { return Verdict::Malformed };
        // Nobody in particular (MS-NLMP §3.2.5.1.2) is nobody here.
        if user.is_empty() {
            return Verdict::Refused;
        }
        if passwords.any_password(&user) {
            return Verdict::Accepted { user, authzid: String::new() };
        }
        let Some(password) = passwords.password(&user) else { return Verdict::Refused };
        let Some(v2) = split_v2(nt) else {
            // It gives the password away. A response of LAN Manager alone is weaker still, and never taken.
            let right = self.given.ntlm_v1 && version_1(&message, nt, &nonce, &password);
            return if right { Verdict::Accepted { user, authzid: String::new() } } else { Verdict::Refused };
        };
        let key = compute::key(&user, &domain, &password);
        if !same(&compute::proof(&key, &nonce, v2.signed), v2.proof) {
            return Verdict::Refused;
        }
        let (list, _) = pairs(v2.info);
        let announced = list.iter().any(|(id, value)| {
            *id == AV_FLAGS && <[u8; 4]>::try_from(*value).is_ok_and(|v| u32::from_le_bytes(v) & AV_MIC != 0)
        });
        if announced {
            let Some(given) = message.mic else { return Verdict::Refused };
            let mut empty = response.to_vec();
            empty[MIC].fill(0);
            let expected = compute::mic(&key, v2.proof, [negotiate, challenge, &empty]);
            if !same(&expected, given) {
                return Verdict::Refused;
            }
        }
        Verdict::Accepted { user, authzid: String::new() }
    }
}

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => self.challenge(response),
            State::Challenged { negotiate, challenge, nonce } => {
                self.check(&negotiate, &challenge, nonce, response, passwords)
            }
            State::Over => Verdict::Malformed,
        }
    }
}

/// Whether a response of version 1 is right (MS-NLMP §3.3.1), with and without a challenge of the client.
fn version_1(message: &Authenticate<'_>, nt: &[u8], nonce: &[u8; 8], password: &Secret<String>) -> bool {
    let of_client = match message.flags & EXTENDED_SESSION_SECURITY {
        0 => None,
        _ => match message.lm.and_then(|lm| lm.first_chunk::<8>()) {
            Some(challenge) => Some(challenge),
            None => return false,
        },
    };
    same(&compute::v1(&compute::key_v1(password), nonce, of_client).1, nt)
}

/// Text that was UTF-16, little end first.
fn narrow(bytes: &[u8]) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}

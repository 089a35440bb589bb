use super::super::given::latin1;
use super::super::{Answer, ClientSide, Credentials, Given, Trouble};
use super::compute;
use super::message::{
    ALWAYS_SIGN, AV_FLAGS, AV_MIC, AV_TIMESTAMP, Authenticate, Challenge, EXTENDED_SESSION_SECURITY, MIC,
    NTLM, Negotiate, OEM, REQUEST_TARGET, TARGET_INFO, UNICODE, attribute, pairs, wide,
};
use ehlo_core::Secret;

/// What this client can do.
const ABILITIES: u32 =
    UNICODE | OEM | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY | TARGET_INFO;

/// The longest user name, domain and description of a target that is taken: together they must fit into headers of two
/// bytes.
const LONGEST: usize = 16 * 1024;

pub(super) struct Client {
    user: String,
    domain: String,
    credentials: Credentials,
    given: Given,
    negotiate: Vec<u8>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Begin,
    Negotiated,
    Over,
}

impl Client {
    pub(super) fn new(credentials: &Credentials, given: &Given) -> Client {
        // `DOMAIN\user`; a name with an at sign stands as it is, with an empty domain (MS-NLMP §3.3.2, User).
        let (domain, user) = credentials.user.split_once('\\').unwrap_or(("", &credentials.user));
        Client {
            user: user.to_owned(),
            domain: domain.to_owned(),
            credentials: credentials.clone(),
            given: given.clone(),
            negotiate: Negotiate::write(ABILITIES),
            state: State::Begin,
        }
    }

    fn authenticate(&self, bytes: &[u8]) -> Answer {
        let wrong = |what| Trouble::NotUnderstood { what };
        let challenge = Challenge::parse(bytes).ok_or_else(|| wrong("CHALLENGE_MESSAGE"))?;
        // Who describes no target cannot take version 2 (MS-NLMP §3.1.5.1.2).
        let info = match challenge.info {
            Some(info) => info.ok_or_else(|| wrong("TargetInfo"))?,
            None if self.given.ntlm_v1 => return self.authenticate_v1(&challenge),
            None => return Err(Trouble::OnlyNtlmV1),
        };
        if info.len() > LONGEST || self.credentials.user.len() > LONGEST {
            return Err(Trouble::TooLarge { limit: LONGEST });
        }
        let (list, _) = pairs(info);
        let server_time = list
            .iter()
            .find(|(id, _)| *id == AV_TIMESTAMP)
            .and_then(|(_, value)| <[u8; 8]>::try_from(*value).ok());
        let mut client_challenge = [0; 8];
        client_challenge.copy_from_slice(&self.given.random[..8]);
        let mut described = Vec::new();
        let mut av_flags = 0;
        for (id, value) in &list {
            match (*id, server_time) {
                (AV_FLAGS, Some(_)) => av_flags = <[u8; 4]>::try_from(*value).map_or(0, u32::from_le_bytes),
                _ => attribute(&mut described, *id, value),
            }
        }
        // A server that says its time expects a MIC (MS-NLMP §3.1.5.1.2).
        if server_time.is_some() {
            attribute(&mut described, AV_FLAGS, &(av_flags | AV_MIC).to_le_bytes());
        }
        attribute(&mut described, 0, b"");
        let time = server_time.unwrap_or_else(|| compute::file_time(self.given.now));
        let key = compute::key(&self.user, &self.domain, &self.credentials.password);
        let signed = compute::signed(&time, &client_challenge, &described);
        let proof = compute::proof(&key, &challenge.challenge, &signed);
        let nt = [&proof[..], &signed].concat();
        let lm = match server_time {
            Some(_) => vec![0; 24],
            None => compute::lm(&key, &challenge.challenge, &client_challenge),
        };
        let mut out = self.message(&challenge, &lm, &nt)?;
        if server_time.is_some() {
            let mic = compute::mic(&key, &proof, [&self.negotiate, bytes, &out]);
            out[MIC].copy_from_slice(&mic);
        }
        Ok(Secret::new(out))
    }

    /// The answer of version 1, which is asked for.
    fn authenticate_v1(&self, challenge: &Challenge<'_>) -> Answer {
        let mut client_challenge = [0; 8];
        client_challenge.copy_from_slice(&self.given.random[..8]);
        let stronger = challenge.flags & EXTENDED_SESSION_SECURITY != 0;
        let key = compute::key_v1(&self.credentials.password);
        let (lm, nt) = compute::v1(&key, &challenge.challenge, stronger.then_some(&client_challenge));
        self.message(challenge, &lm, &nt).map(Secret::new)
    }

    /// The last message, without its MIC.
    fn message(&self, challenge: &Challenge<'_>, lm: &[u8], nt: &[u8]) -> Result<Vec<u8>, Trouble> {
        let unicode = challenge.flags & UNICODE != 0;
        let flags = ABILITIES & challenge.flags & if unicode { !OEM } else { !0 };
        let text = |text: &str| {
            if unicode { Ok(wide(text)) } else { latin1(text).ok_or(Trouble::Unprepared) }
        };
        Ok(Authenticate::write(flags, lm, nt, &text(&self.domain)?, &text(&self.user)?))
    }
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        if self.state != State::Begin {
            return Err(Trouble::Over);
        }
        self.state = State::Negotiated;
        Ok(Secret::new(self.negotiate.clone()))
    }

    fn respond(&mut self, challenge: &[u8]) -> Answer {
        match self.state {
            State::Begin => self.initial(),
            State::Negotiated => {
                self.state = State::Over;
                self.authenticate(challenge)
            }
            State::Over => Err(Trouble::Over),
        }
    }
}

use super::decode::directives::{Directive, directives};
use super::given::latin1;
use super::{
    Answer, ClientSide, Credentials, Given, Kind, Mechanism, MechanismMeta, Message, Needs, PasswordForm,
    Passwords, ServerGiven, ServerSide, Trouble, Verdict, hex, same,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::Secret;
use md5::{Digest as _, Md5};

/// DIGEST-MD5 (RFC 2831; obsolete by RFC 6331): the digest of HTTP, with proof of both sides. Of the layers of
/// protection only the empty one (`auth`) is spoken, as TLS does that work today.
pub(super) struct DigestMd5;

impl Mechanism for DigestMd5 {
    fn meta(&self) -> &'static MechanismMeta {
        &MechanismMeta {
            name: "DIGEST-MD5",
            client_first: false,
            password_equivalent: false,
            needs: Needs::Password,
            automatic: true,
            binds: false,
            reference: "RFC 2831",
        }
    }

    fn steps(&self) -> &'static [Message] {
        const {
            &[
                Message::server(Kind::DigestChallenge),
                Message::client(Kind::DigestResponse),
                Message::server(Kind::DigestProof),
            ]
        }
    }

    fn client(&self, credentials: &Credentials, given: &Given) -> Box<dyn ClientSide> {
        Box::new(Client {
            credentials: credentials.clone(),
            cnonce: STANDARD.encode(&given.random[..18]),
            given: given.clone(),
            state: State::Begin,
        })
    }

    fn server(&self, given: &ServerGiven) -> Box<dyn ServerSide> {
        Box::new(Server {
            host: given.host.clone(),
            nonce: STANDARD.encode(&given.random[..18]),
            state: ServerState::Begin,
        })
    }
}

/// All that the digest is made of (RFC 2831 §2.1.2.1).
struct Ingredients<'a> {
    user: Vec<u8>,
    realm: Vec<u8>,
    password: &'a Secret<Vec<u8>>,
    nonce: &'a [u8],
    cnonce: &'a [u8],
    nc: &'a [u8],
    uri: &'a [u8],
    authzid: &'a [u8],
}

impl Ingredients<'_> {
    /// The digest that a client sends, or the one that the server answers with.
    fn digest(&self, of_client: bool) -> String {
        let secret = Secret::new([&self.user[..], &self.realm, self.password.expose()].join(&b':'));
        let mut a1 = Md5::digest(secret.expose()).to_vec();
        for part in [self.nonce, self.cnonce] {
            a1.push(b':');
            a1.extend_from_slice(part);
        }
        if !self.authzid.is_empty() {
            a1.push(b':');
            a1.extend_from_slice(self.authzid);
        }
        let a1 = Secret::new(hex(&Md5::digest(Secret::new(a1).expose())));
        let method: &[u8] = if of_client { b"AUTHENTICATE" } else { b"" };
        let a2 = hex(&Md5::digest([method, self.uri].join(&b':')));
        let all = [a1.expose().as_bytes(), self.nonce, self.nc, self.cnonce, b"auth", a2.as_bytes()];
        hex(&Md5::digest(all.join(&b':')))
    }
}

struct Client {
    credentials: Credentials,
    given: Given,
    cnonce: String,
    state: State,
}

enum State {
    Begin,
    /// This proof of the server is due.
    Answered(Secret<String>),
    Proven,
    Failed,
}

impl Client {
    fn answer(&self, challenge: &[u8]) -> Result<(Vec<u8>, String), Trouble> {
        let wrong = |what| Trouble::NotUnderstood { what };
        let (list, flaws) = directives(challenge);
        if list.is_empty() || flaws.iter().any(|flaw| flaw.breaks()) {
            return Err(wrong("digest-challenge"));
        }
        // RFC 2831 §2.1.1: none or several of these end the exchange. A missing algorithm is let pass: it can be no
        // other.
        let one = |name: &'static str| match &all(&list, name)[..] {
            [value] => Ok(value.clone()),
            _ => Err(wrong(name)),
        };
        let nonce = one("nonce")?;
        if list.iter().any(|d| d.is("algorithm")) && !one("algorithm")?.eq_ignore_ascii_case(b"md5-sess") {
            return Err(wrong("algorithm"));
        }
        let qop = all(&list, "qop");
        let auth = |v: &Vec<u8>| {
            v.split(|&b| b == b',' || b == b' ' || b == b'\t').any(|q| q.eq_ignore_ascii_case(b"auth"))
        };
        if !qop.is_empty() && !qop.iter().any(auth) {
            return Err(wrong("qop"));
        }
        let utf8 = all(&list, "charset").iter().any(|v| v.eq_ignore_ascii_case(b"utf-8"));
        let realms = all(&list, "realm");
        let wanted = self.given.realm.as_ref().map(|realm| realm.as_bytes());
        let realm = match wanted {
            Some(wanted) if realms.is_empty() || realms.iter().any(|r| r == wanted) => Some(wanted.to_vec()),
            Some(_) => return Err(wrong("realm")),
            None => realms.first().cloned(),
        };
        let form = self.given.password_form;
        // RFC 2831 §2.1.2: without `charset` everything is ISO 8859-1.
        let utf8 = utf8 && form != PasswordForm::Latin1;
        let prepared = |text: &str| -> Result<Vec<u8>, Trouble> {
            let bytes =
                if form == PasswordForm::Latin1 { text.as_bytes().to_vec() } else { form.bytes(text, true)? };
            let text = std::str::from_utf8(&bytes).map_err(|_| Trouble::Unprepared)?;
            if utf8 { Ok(bytes) } else { latin1(text).ok_or(Trouble::Unprepared) }
        };
        let user = prepared(&self.credentials.user)?;
        let password = Secret::new(prepared(self.credentials.password.expose())?);
        let authzid = self.credentials.authzid.as_bytes();
        let uri = format!("{}/{}", self.given.service, self.given.host).into_bytes();
        let hashed = |bytes: &[u8]| {
            if utf8 && form == PasswordForm::Prepared { narrowed(bytes) } else { bytes.to_vec() }
        };
        let hashed_password = Secret::new(hashed(password.expose()));
        let ingredients = Ingredients {
            user: hashed(&user),
            realm: hashed(realm.as_deref().unwrap_or_default()),
            password: &hashed_password,
            nonce: &nonce,
            cnonce: self.cnonce.as_bytes(),
            nc: b"00000001",
            uri: &uri,
            authzid,
        };
        let mut out: Vec<u8> = Vec::new();
        if utf8 {
            out.extend_from_slice(b"charset=utf-8,");
        }
        quoted(&mut out, "username", &user);
        if let Some(realm) = &realm {
            quoted(&mut out, "realm", realm);
        }
        quoted(&mut out, "nonce", &nonce);
        out.extend_from_slice(b"nc=00000001,");
        quoted(&mut out, "cnonce", self.cnonce.as_bytes());
        quoted(&mut out, "digest-uri", &uri);
        out.extend_from_slice(format!("response={},qop=auth", ingredients.digest(true)).as_bytes());
        if !authzid.is_empty() {
            out.push(b',');
            quoted(&mut out, "authzid", authzid);
            out.pop();
        }
        Ok((out, ingredients.digest(false)))
    }

    fn check(&mut self, data: &[u8]) -> Result<(), Trouble> {
        let State::Answered(due) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(Trouble::Over);
        };
        let (list, _) = directives(data);
        match &all(&list, "rspauth")[..] {
            [proof] if same(&proof.to_ascii_lowercase(), due.expose().as_bytes()) => {
                self.state = State::Proven;
                Ok(())
            }
            [_] => Err(Trouble::WrongServerProof),
            _ => Err(Trouble::NotUnderstood { what: "rspauth" }),
        }
    }
}

impl ClientSide for Client {
    fn initial(&mut self) -> Answer {
        Err(Trouble::Over)
    }

    fn respond(&mut self, challenge: &[u8]) -> Answer {
        match self.state {
            State::Begin => {
                self.state = State::Failed;
                let (answer, due) = self.answer(challenge)?;
                self.state = State::Answered(Secret::new(due));
                Ok(Secret::new(answer))
            }
            State::Answered(_) => self.check(challenge).map(|()| Secret::new(Vec::new())),
            State::Proven | State::Failed => Err(Trouble::Over),
        }
    }

    fn accepted(&mut self, data: Option<&[u8]>) -> Result<(), Trouble> {
        match (&self.state, data) {
            (State::Proven, _) => Ok(()),
            (State::Answered(_), Some(data)) => self.check(data),
            _ => Err(Trouble::NoServerProof),
        }
    }
}

struct Server {
    host: String,
    nonce: String,
    state: ServerState,
}

enum ServerState {
    Begin,
    Proven { user: String, authzid: String },
    Over,
}

impl Server {
    fn check(&mut self, response: &[u8], passwords: &dyn Passwords) -> Option<Verdict> {
        let (list, flaws) = directives(response);
        if flaws.iter().any(|flaw| flaw.breaks()) {
            return None;
        }
        let one = |name: &str| match &all(&list, name)[..] {
            [value] => Some(value.clone()),
            _ => None,
        };
        let optional = |name: &str, default: &[u8]| match &all(&list, name)[..] {
            [] => Some(default.to_vec()),
            [value] => Some(value.clone()),
            _ => None,
        };
        let wide = !all(&list, "charset").is_empty();
        let user = one("username").filter(|user| !user.is_empty())?;
        let name = if wide { String::from_utf8(user.clone()).ok()? } else { widened(&user) };
        let (nonce, cnonce, nc) = (one("nonce")?, one("cnonce")?, one("nc")?);
        let (uri, given) = (one("digest-uri")?, one("response")?);
        let (realm, authzid) = (optional("realm", b"")?, optional("authzid", b"")?);
        let authzid_text = String::from_utf8(authzid.clone()).ok()?;
        let qop = optional("qop", b"auth")?;
        // RFC 2831 §2.1.2: this dialogue, for the first time, without a layer, and for a server like this one.
        let fits = nonce == self.nonce.as_bytes()
            && nc == b"00000001"
            && qop.eq_ignore_ascii_case(b"auth")
            && uri.contains(&b'/')
            && (realm.is_empty() || realm == self.host.as_bytes());
        if !fits {
            return Some(Verdict::Refused);
        }
        let known = passwords.password(&name);
        let exists = known.is_some();
        let text = known.unwrap_or_else(|| "".into());
        let prepared = super::saslprep(text.expose()).unwrap_or_else(|_| text.expose().as_str().into());
        let utf8 = Secret::new(prepared.as_bytes().to_vec());
        let narrow = Secret::new(narrowed(prepared.as_bytes()));
        // Clients disagree on whether what fits into ISO 8859-1 is hashed in it; both are taken.
        for (password, narrow_names) in [(&narrow, true), (&utf8, false)] {
            let bytes = |text: &[u8]| if narrow_names && wide { narrowed(text) } else { text.to_vec() };
            let ingredients = Ingredients {
                user: bytes(&user),
                realm: bytes(&realm),
                password,
                nonce: &nonce,
                cnonce: &cnonce,
                nc: &nc,
                uri: &uri,
                authzid: &authzid,
            };
            let right = exists && same(ingredients.digest(true).as_bytes(), &given.to_ascii_lowercase());
            if right || (!narrow_names && passwords.any_password(&name)) {
                self.state = ServerState::Proven { user: name, authzid: authzid_text };
                let proof = format!("rspauth={}", ingredients.digest(false));
                return Some(Verdict::Challenge(proof.into_bytes()));
            }
        }
        Some(Verdict::Refused)
    }
}

impl ServerSide for Server {
    fn initial(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        quoted(&mut out, "realm", self.host.as_bytes());
        quoted(&mut out, "nonce", self.nonce.as_bytes());
        out.extend_from_slice(b"qop=\"auth\",charset=utf-8,algorithm=md5-sess");
        Some(out)
    }

    fn respond(&mut self, response: &[u8], passwords: &dyn Passwords) -> Verdict {
        match std::mem::replace(&mut self.state, ServerState::Over) {
            ServerState::Begin => self.check(response, passwords).unwrap_or(Verdict::Malformed),
            ServerState::Proven { user, authzid } if response.is_empty() => {
                Verdict::Accepted { user, authzid }
            }
            ServerState::Proven { .. } | ServerState::Over => Verdict::Malformed,
        }
    }
}

/// The values of all directives of that name.
fn all(list: &[Directive<'_>], name: &str) -> Vec<Vec<u8>> {
    list.iter().filter(|d| d.is(name)).map(|d| d.value.clone()).collect()
}

/// Appends a directive with its value in quotes, and a comma.
fn quoted(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    for &byte in value {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.extend_from_slice(b"\",");
}

/// UTF-8 in ISO 8859-1, if that has all its characters; else as it is (RFC 2831 §2.1.2.1).
fn narrowed(bytes: &[u8]) -> Vec<u8> {
    std::str::from_utf8(bytes).ok().and_then(latin1).unwrap_or_else(|| bytes.to_vec())
}

/// ISO 8859-1 as text.
fn widened(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

#[cfg(test)]
#[path = "digest_md5_tests.rs"]
mod tests;

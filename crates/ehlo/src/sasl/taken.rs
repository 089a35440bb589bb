//! Messages of mechanisms taken apart: which one it is, its fields, and what is wrong with it.

use super::blob::{Blob, Sender};
use super::faults::{Fault, of_text, with_nuls};
use super::token;
use ehlo_core::escape;
use ehlo_wire::sasl::Kind;
use ehlo_wire::sasl::decode::{FlawKind, decode, recognise};

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name: one that is explained (a key below `sasl-field/`), or the one that the protocol has.
    pub(crate) name: String,
    /// Its value, escaped.
    pub(crate) value: String,
    /// The value in ISO 8859-1, if it is not UTF-8 and readable so.
    pub(crate) latin1: Option<String>,
    /// How long it is.
    pub(crate) bytes: usize,
    /// Whether it is a password or as good as one.
    pub(crate) secret: bool,
}

/// A blob that was recognised, or was not.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// What it is: a key below `sasl-kind/`.
    pub(crate) kind: &'static str,
    /// Its parts.
    pub(crate) fields: Vec<Field>,
    /// What is wrong with how it was made.
    pub(crate) faults: Vec<Fault>,
    /// Which rules of its mechanism it breaks.
    pub(crate) flaws: Vec<FlawKind>,
    /// From when its token is good, in seconds since 1970.
    not_before: Option<i64>,
    /// When its token expires, in seconds since 1970.
    expires: Option<i64>,
}

impl Taken {
    fn new(kind: &'static str, fields: Vec<Field>) -> Taken {
        Taken { kind, fields, faults: Vec::new(), flaws: Vec::new(), not_before: None, expires: None }
    }

    /// Adds what its token says.
    fn holds(&mut self, claims: token::Claims) {
        self.fields.extend(claims.fields);
        (self.not_before, self.expires) = (claims.not_before, claims.expires);
    }

    /// Whether nothing is wrong with it.
    pub(crate) fn is_good(&self) -> bool {
        self.kind != "nothing" && self.faults.is_empty() && self.flaws.is_empty()
    }
}

impl Field {
    /// A field that may be seen; `value` is escaped.
    pub(super) fn shown(name: &str, value: &str, bytes: usize) -> Field {
        Field { name: name.to_owned(), value: value.to_owned(), latin1: None, bytes, secret: false }
    }
}

fn field(name: &str, value: &[u8], secret: bool) -> Field {
    let latin1 = match std::str::from_utf8(value) {
        Ok(_) => None,
        Err(_) => Some(value.iter().map(|b| char::from(*b)).collect::<String>())
            .filter(|text| !text.chars().any(char::is_control))
            // A soft hyphen would not be seen.
            .map(|text| escape(text.as_bytes())),
    };
    Field { name: name.to_owned(), value: escape(value), latin1, bytes: value.len(), secret }
}

/// What the answers of LOGIN are, if they follow their prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing is known.
    #[default]
    Unknown,
    /// The name was asked for.
    Name,
    /// The password was asked for.
    Password,
}

/// Takes the blobs of a text apart, in order. `now`, in seconds since 1970, tells whether a token has expired.
pub(crate) fn take_apart(blobs: &[Blob], now: i64) -> Vec<Taken> {
    let mut asked = Asked::Unknown;
    let mut taken = Vec::with_capacity(blobs.len());
    for blob in blobs {
        let Some(bytes) = &blob.bytes else {
            taken.push(Taken { faults: blob.faults.clone(), ..Taken::new("nothing", Vec::new()) });
            asked = Asked::Unknown;
            continue;
        };
        let mechanism = blob.mechanism.as_deref().unwrap_or_default();
        let what = match mechanism {
            "LOGIN" => Asked::Name,
            _ => asked,
        };
        let mut found = one(bytes, blob.sender, mechanism, what);
        asked = next(&found, what);
        of_time(&mut found, now);
        found.faults.splice(0..0, blob.faults.iter().copied());
        taken.push(found);
    }
    taken
}

/// Whether a token is good at `now`.
fn of_time(found: &mut Taken, now: i64) {
    if found.expires.is_some_and(|end| end <= now) {
        found.faults.push(Fault::TokenExpired);
    }
    if found.not_before.is_some_and(|begin| begin > now) {
        found.faults.push(Fault::TokenEarly);
    }
}

fn next(found: &Taken, asked: Asked) -> Asked {
    match (found.kind, asked) {
        ("prompt-name", _) => Asked::Name,
        ("prompt-password", _) | ("login-user", _) => Asked::Password,
        _ => Asked::Unknown,
    }
}

/// Takes one message apart.
pub(crate) fn one(bytes: &[u8], sender: Sender, mechanism: &str, asked: Asked) -> Taken {
    if bytes.is_empty() {
        return Taken::new("empty", Vec::new());
    }
    // What a server says was not spoilt by the shell of a client.
    let (meant, faults) = match sender {
        Sender::Server => (bytes.to_vec(), Vec::new()),
        _ => of_text(bytes),
    };
    // An answer is what was asked for, whatever it looks like.
    let is_answer = asked != Asked::Unknown && sender != Sender::Server;
    let recognised = || {
        let found = server(bytes, sender).or_else(|| structured(&meant)).or_else(|| bare_token(&meant));
        found.or_else(|| plain(&meant, mechanism))
    };
    let found = if is_answer { None } else { recognised() };
    if let Some(mut found) = found {
        let is_text = !found.kind.starts_with("ntlm") && found.kind != "host-name";
        if is_text {
            found.faults.splice(0..0, faults);
        }
        return found;
    }
    let is_text = std::str::from_utf8(&meant).is_ok_and(|t| !t.chars().any(char::is_control));
    let latin1 = || meant.iter().all(|b| *b >= 0xa0 || (0x20..0x7f).contains(b));
    let (kind, fields) = match asked {
        Asked::Name => ("login-user", vec![field("authcid", &meant, false)]),
        Asked::Password => ("login-password", vec![field("passwd", &meant, true)]),
        Asked::Unknown if is_text || latin1() => ("text", vec![field("text", &meant, false)]),
        Asked::Unknown => ("bytes", vec![field("bytes", &meant, false)]),
    };
    let mut faults = if kind == "bytes" { Vec::new() } else { faults };
    if kind == "text"
        && sender != Sender::Server
        && let Some(inner) = base64_of_text(&meant)
    {
        faults.push(Fault::Twice);
        // What is inside may be a password, and must not be shown in any form.
        let inner = one(&inner, sender, mechanism, asked);
        if inner.kind != "text" {
            faults.extend(&inner.faults);
            return Taken { faults, ..inner };
        }
    }
    if kind == "login-user" && base64_of_text(&meant).is_some() {
        faults.push(Fault::Twice);
    }
    Taken { faults, ..Taken::new(kind, fields) }
}

fn server(bytes: &[u8], sender: Sender) -> Option<Taken> {
    let simple = |kind, fields| Some(Taken::new(kind, fields));
    let text = String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ', ':']).to_ascii_lowercase();
    // Without a colon it may be somebody's name.
    let asks = sender == Sender::Server || bytes.ends_with(b":") || bytes.ends_with(b"\0");
    if asks && matches!(text.as_str(), "username" | "user name" | "user" | "login") {
        return simple("prompt-name", vec![field("text", bytes, false)]);
    }
    if asks && matches!(text.as_str(), "password" | "passwort" | "pass") {
        return simple("prompt-password", vec![field("text", bytes, false)]);
    }
    host_name(bytes).and_then(|name| simple("host-name", vec![field("host", name.as_bytes(), false)]))
}

/// A host name in UTF-16, as Microsoft's IMAP and POP3 servers greet with it.
fn host_name(bytes: &[u8]) -> Option<String> {
    if bytes.len() < 8 || bytes.len() > 512 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [low, 0] if low.is_ascii_alphanumeric() || matches!(low, b'.' | b'-') => Some(char::from(*low)),
        _ => None,
    });
    units.collect::<Option<String>>().filter(|name| name.contains('.'))
}

/// Messages that show by their form what they are.
fn structured(bytes: &[u8]) -> Option<Taken> {
    // PLAIN has ways of going wrong that people know, and that are told apart below; what asks was recognised above.
    let kind = recognise(bytes).filter(|kind| !matches!(kind, Kind::Plain | Kind::LoginPrompt))?;
    let decoded = decode(kind, bytes);
    let token = decoded
        .fields
        .iter()
        .find(|f| f.name == "token")
        .and_then(|f| token::claims(bytes.get(f.at.clone())?));
    let fields = decoded.fields.iter().map(|f| Field {
        name: f.name.clone(),
        value: f.value.clone(),
        latin1: None,
        bytes: f.at.len(),
        secret: f.secret,
    });
    let mut flaws: Vec<FlawKind> = Vec::new();
    for flaw in &decoded.flaws {
        if !flaws.contains(&flaw.kind) {
            flaws.push(flaw.kind);
        }
    }
    let mut taken = Taken { flaws, ..Taken::new(kind.id(), fields.collect()) };
    if let Some(claims) = token {
        taken.holds(claims);
    }
    Some(taken)
}

/// A token alone.
fn bare_token(bytes: &[u8]) -> Option<Taken> {
    let claims = token::claims(bytes)?;
    let mut taken = Taken::new("token", vec![field("token", bytes, true)]);
    taken.holds(claims);
    Some(taken)
}

/// PLAIN, also where it went wrong.
fn plain(bytes: &[u8], mechanism: &str) -> Option<Taken> {
    let written = with_nuls(bytes);
    let has_nul = bytes.contains(&0);
    if !has_nul && written.is_none() && mechanism != "PLAIN" {
        return None;
    }
    let is_binary = bytes.iter().any(|b| *b < 0x20 && *b != 0 && *b != b'\n' && *b != b'\r');
    if is_binary && mechanism != "PLAIN" {
        return None;
    }
    let mut faults = Vec::new();
    let whole = match written.filter(|_| !has_nul) {
        Some(nuls) => {
            faults.push(Fault::LiteralNul);
            nuls
        }
        None => bytes.to_vec(),
    };
    let parts: Vec<&[u8]> = whole.split(|&b| b == 0).collect();
    let fields = match parts[..] {
        [one] => {
            faults.push(Fault::NoNul);
            vec![field("whole", one, true)]
        }
        [user, password] => {
            faults.push(Fault::OneNul);
            vec![field("authcid", user, false), field("passwd", password, true)]
        }
        [authzid, user, password] => {
            if user.is_empty() {
                faults.push(Fault::NoUser);
            }
            if password.is_empty() {
                faults.push(Fault::NoPassword);
            }
            let mut fields = vec![field("authcid", user, false), field("passwd", password, true)];
            if !authzid.is_empty() {
                fields.insert(0, field("authzid", authzid, false));
            }
            fields
        }
        _ => {
            faults.push(Fault::ManyNuls);
            let last = parts.len() - 1;
            // Any but the first two may be the password.
            let named = parts.iter().enumerate().map(|(at, p)| field("part", p, at >= 2 || at == last));
            named.collect()
        }
    };
    Some(Taken { faults, ..Taken::new("plain", fields) })
}

/// The bytes of which `text` is itself base64, if they are readable: then it was encoded twice. Short words are base64
/// by chance.
fn base64_of_text(text: &[u8]) -> Option<Vec<u8>> {
    let (bytes, faults) = super::blob::decode(text);
    let ends = text.ends_with(b"=") || text.len() >= 12;
    let readable =
        |bytes: &[u8]| bytes.iter().all(|b| (0x20..0x7f).contains(b) || matches!(b, 0 | 1 | b'\n' | b'\r'));
    bytes.filter(|bytes| faults.is_empty() && ends && bytes.len() >= 3 && readable(bytes))
}

#[cfg(test)]
mod tests {
    use super::super::blob;
    use super::*;

    fn of(text: &str) -> Vec<Taken> {
        take_apart(&blob::read(text.as_bytes()), 0)
    }

    fn raw(bytes: &[u8]) -> Taken {
        one(bytes, Sender::Unknown, "", Asked::Unknown)
    }

    #[test]
    fn messages_are_recognised() {
        for (bytes, kind, names) in [
            (&b"\0user\0pw"[..], "plain", "authcid passwd"),
            (b"a\0user\0pw", "plain", "authzid authcid passwd"),
            (b"Username:", "prompt-name", "text"),
            (b"User Name\0", "prompt-name", "text"),
            (b"Password:", "prompt-password", "text"),
            (b"<1896.697170952@postoffice.example>", "cram-challenge", "challenge random timestamp host"),
            (b"tim b913a602c7eda7a495b4e6e7334d3890", "cram-response", "user digest"),
            (b"n,,n=user,r=abc", "scram-client-first", "gs2-cbind-flag username nonce"),
            (b"p=tls-exporter,,n=user,r=abc", "scram-client-first", "gs2-cbind-flag username nonce"),
            (b"r=abcdef,s=QSXCRQ==,i=4096", "scram-server-first", "nonce salt iteration-count"),
            (b"c=biws,r=abc,p=v0X8vw==", "scram-client-final", "channel-binding nonce proof"),
            (b"v=rmF9pg==", "scram-server-final", "verifier"),
            (b"e=invalid-proof", "scram-server-final", "server-error"),
            (
                br#"realm="x",nonce="y",qop="auth",charset=utf-8"#,
                "digest-challenge",
                "realm nonce qop charset",
            ),
            (br#"username="c",nonce="y",response=d388"#, "digest-response", "username nonce response"),
            (b"rspauth=ea40", "digest-proof", "rspauth"),
            (b"user=u@x\x01auth=Bearer tok\x01\x01", "xoauth2", "user scheme token"),
            (
                b"n,a=u@x,\x01host=h\x01auth=Bearer tok\x01\x01",
                "oauthbearer",
                "gs2-cbind-flag authzid host scheme token",
            ),
            (br#"{"status":"400","schemes":"Bearer"}"#, "oauth-error", "schemes status"),
            (b"m\0x\0.\0e\0x\0", "host-name", "host"),
            (b"user", "text", "text"),
            (b"\x01\x02\x03", "bytes", "bytes"),
            (b"", "empty", ""),
        ] {
            let taken = raw(bytes);
            let found: Vec<&str> = taken.fields.iter().map(|f| f.name.as_str()).collect();
            assert_eq!((taken.kind, found.join(" ").as_str()), (kind, names), "{}", bytes.escape_ascii());
            assert_eq!(taken.faults, [], "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_as_good_as_a_password_is_secret() {
        for bytes in [
            &b"\0user\0geheim"[..],
            b"user\0geheim",
            br"\0user\0geheim",
            b"a\0b\0geheim\0d",
            b"-ne \\0user\\0geheim\n",
            b"user=u\x01auth=Bearer geheim\x01\x01",
            b"c=biws,r=abc,p=geheim",
            b"response=geheim,nonce=x",
            // \0user\0geheim, encoded twice
            b"AHVzZXIAZ2VoZWlt",
        ] {
            let open: Vec<Field> = raw(bytes).fields.into_iter().filter(|f| !f.secret).collect();
            let leaked = open.iter().any(|f| f.value.contains("geheim") || f.value.contains("Z2VoZWlt"));
            assert!(!leaked, "{}: {open:?}", bytes.escape_ascii());
        }
        let bad = one(b"usergeheim", Sender::Client, "PLAIN", Asked::Unknown);
        assert!(bad.fields[0].secret && bad.faults == [Fault::NoNul]);
    }

    #[test]
    fn a_token_tells_when_it_expires() {
        // {"alg":"none"}.{"exp":1000}.
        let taken =
            |now| take_apart(&blob::read(b"eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDB9.c2ln"), now).remove(0);
        assert_eq!((taken(999).kind, taken(999).faults), ("token", vec![]));
        assert_eq!(taken(1000).faults, [Fault::TokenExpired]);
        assert!(taken(0).fields[0].secret && taken(0).fields[1].value == "1970-01-01T00:16:40Z");
    }

    #[test]
    fn layouts_that_went_wrong() {
        for (bytes, faults) in [
            (&b"\0user\0pw\n"[..], vec![Fault::NewlineEnd]),
            (b"user\0pw", vec![Fault::OneNul]),
            (b"a\0b\0c\0d", vec![Fault::ManyNuls]),
            (br"\0user\0pw", vec![Fault::LiteralNul]),
            (b"-ne \\0user\\0pw\n", vec![Fault::NewlineEnd, Fault::EchoOption, Fault::LiteralNul]),
            (b"\0\0pw", vec![Fault::NoUser]),
            (b"\0user\0", vec![Fault::NoPassword]),
            (b"\0user\0p\xe4ss", vec![Fault::NotUtf8]),
            (b"user\r\n", vec![Fault::CrlfEnd]),
            (b"dXNlcm5hbWU=", vec![Fault::Twice]),
            (b"AHVzZXIAcHc=", vec![Fault::Twice]),
            (b"AHVzZXIAcHcK", vec![Fault::Twice, Fault::NewlineEnd]),
        ] {
            assert_eq!(raw(bytes).faults, faults, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_answers_of_login_follow_their_prompts() {
        let taken = of("334 VXNlcm5hbWU6\nYmVudXR6ZXJuYW1l\n334 UGFzc3dvcmQ6\ncGFzc3dvcnQ=\n");
        let kinds: Vec<&str> = taken.iter().map(|t| t.kind).collect();
        assert_eq!(kinds, ["prompt-name", "login-user", "prompt-password", "login-password"]);
        assert!(taken[3].fields[0].secret);
        assert_eq!(raw(b"Password").kind, "text");
        assert_eq!(of("AUTH LOGIN YmVudXR6ZXJuYW1l\ncGFzc3dvcnQ=\n")[1].kind, "login-password");
    }
}

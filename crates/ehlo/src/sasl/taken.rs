//! Messages of mechanisms taken apart: which one it is, its fields, and what is wrong with it.

use super::blob::{Blob, Sender};
use super::faults::{Fault, of_text, with_nuls};

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name: one of ours (a key below `sasl-field/`), or the one that the protocol has.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: Vec<u8>,
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
    /// What is wrong.
    pub(crate) faults: Vec<Fault>,
}

fn field(name: &str, value: &[u8], secret: bool) -> Field {
    Field { name: name.to_owned(), value: value.to_vec(), secret }
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

/// Takes the blobs of a text apart, in order.
pub(crate) fn take_apart(blobs: &[Blob]) -> Vec<Taken> {
    let mut asked = Asked::Unknown;
    let mut taken = Vec::with_capacity(blobs.len());
    for blob in blobs {
        let Some(bytes) = &blob.bytes else {
            taken.push(Taken { kind: "nothing", fields: Vec::new(), faults: blob.faults.clone() });
            asked = Asked::Unknown;
            continue;
        };
        let mechanism = blob.mechanism.as_deref().unwrap_or_default();
        let now = match mechanism {
            "LOGIN" => Asked::Name,
            _ => asked,
        };
        let mut found = one(bytes, blob.sender, mechanism, now);
        asked = next(&found, now);
        found.faults.splice(0..0, blob.faults.iter().copied());
        taken.push(found);
    }
    taken
}

fn next(found: &Taken, asked: Asked) -> Asked {
    match (found.kind, asked) {
        ("prompt-name", _) => Asked::Name,
        ("prompt-password", _) | ("login-name", _) => Asked::Password,
        _ => Asked::Unknown,
    }
}

/// Takes one message apart.
pub(crate) fn one(bytes: &[u8], sender: Sender, mechanism: &str, asked: Asked) -> Taken {
    let simple = |kind, fields| Taken { kind, fields, faults: Vec::new() };
    if bytes.is_empty() {
        return simple("empty", Vec::new());
    }
    // What a server says was not spoilt by the shell of a client.
    let (meant, faults) = match sender {
        Sender::Server => (bytes.to_vec(), Vec::new()),
        _ => of_text(bytes),
    };
    let found = server(bytes, sender)
        .or_else(|| structured(&meant))
        .or_else(|| plain(&meant, mechanism))
        .or_else(|| words(&meant));
    if let Some(mut found) = found {
        let is_text = !matches!(found.kind, "ntlm" | "host-name");
        if is_text {
            found.faults.splice(0..0, faults);
        }
        return found;
    }
    let is_text = std::str::from_utf8(&meant).is_ok_and(|t| !t.chars().any(char::is_control));
    let latin1 = || meant.iter().all(|b| *b >= 0xa0 || (0x20..0x7f).contains(b));
    let (kind, fields) = match asked {
        Asked::Name => ("login-name", vec![field("user", &meant, false)]),
        Asked::Password => ("login-password", vec![field("password", &meant, true)]),
        Asked::Unknown if is_text || latin1() => ("text", vec![field("text", &meant, false)]),
        Asked::Unknown => ("bytes", vec![field("bytes", &meant, false)]),
    };
    let mut faults = if kind == "bytes" { Vec::new() } else { faults };
    if kind == "text" && sender != Sender::Server && is_base64_of_text(&meant) {
        faults.push(Fault::Twice);
    }
    Taken { kind, fields, faults }
}

fn server(bytes: &[u8], sender: Sender) -> Option<Taken> {
    let simple = |kind, fields| Some(Taken { kind, fields, faults: Vec::new() });
    let text = String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ', ':']).to_ascii_lowercase();
    if matches!(text.as_str(), "username" | "user name" | "user" | "login") {
        return simple("prompt-name", vec![field("text", bytes, false)]);
    }
    if matches!(text.as_str(), "password" | "passwort" | "pass") {
        return simple("prompt-password", vec![field("text", bytes, false)]);
    }
    if sender == Sender::Client {
        return None;
    }
    if bytes.starts_with(b"<") && bytes.ends_with(b">") && bytes.contains(&b'@') {
        return simple("cram-challenge", vec![field("challenge", bytes, false)]);
    }
    if let Some(json) = serde_json::from_slice::<serde_json::Value>(bytes).ok().filter(|j| j.is_object()) {
        let fields = json.as_object().into_iter().flatten().map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            field(name, value.as_bytes(), false)
        });
        return simple("oauth-error", fields.collect());
    }
    host_name(bytes).and_then(|name| simple("host-name", vec![field("host", name.as_bytes(), false)]))
}

/// A host name in UTF-16, as Microsoft's IMAP and POP3 servers greet with it.
fn host_name(bytes: &[u8]) -> Option<String> {
    if bytes.len() < 8 || bytes.len() > 512 || bytes.len() % 2 != 0 {
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
    let simple = |kind, fields| Some(Taken { kind, fields, faults: Vec::new() });
    if bytes.starts_with(b"NTLMSSP\0") {
        let number = bytes.get(8..12).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        return simple("ntlm", vec![field("type", number.to_string().as_bytes(), false)]);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    if let Some(parts) = separated(text, "auth=Bearer ") {
        let kind = if text.starts_with("user=") { "xoauth2" } else { "oauthbearer" };
        return simple(kind, parts);
    }
    let attributes = |text: &str, secret: &str| -> Option<Vec<Field>> {
        let part = |part: &str| {
            let (name, value) = part.split_once('=')?;
            (name.len() == 1).then(|| field(name, value.as_bytes(), secret.contains(name)))
        };
        text.split(',').map(part).collect()
    };
    let gs2 = |text: &str| -> Option<usize> {
        let flag = ["n,", "y,", "p="].iter().any(|f| text.starts_with(f));
        let first = text.find(',')?;
        let second = text[first + 1..].find(',')? + first + 2;
        flag.then_some(second)
    };
    if let Some(at) = gs2(text)
        && let Some(mut fields) = attributes(&text[at..], "")
        && text[at..].starts_with("n=")
    {
        fields.insert(0, field("gs2", &text.as_bytes()[..at], false));
        return simple("scram-client-first", fields);
    }
    let kind = match text {
        t if t.starts_with("r=") && t.contains(",s=") && t.contains(",i=") => "scram-server-first",
        t if t.starts_with("c=") && t.contains(",r=") && t.contains(",p=") => "scram-client-final",
        t if t.starts_with("v=") || (t.starts_with("e=") && !t.contains(' ')) => "scram-server-final",
        _ => return digest(text),
    };
    attributes(text, "pv").and_then(|fields| simple(kind, fields))
}

/// Fields that end in `\x01`, one of which begins with `lead` (XOAUTH2, RFC 7628 §3.1).
fn separated(text: &str, lead: &str) -> Option<Vec<Field>> {
    let parts: Vec<&str> = text.split('\u{1}').filter(|p| !p.is_empty()).collect();
    parts.iter().find(|p| p.starts_with(lead))?;
    let one = |part: &&str| match part.strip_prefix(lead) {
        Some(token) => field("token", token.as_bytes(), true),
        None => match part.split_once('=').filter(|_| !part.contains(',')) {
            Some((name, value)) => field(name, value.as_bytes(), false),
            None => field("gs2", part.as_bytes(), false),
        },
    };
    Some(parts.iter().map(one).collect())
}

/// Directives of DIGEST-MD5 (RFC 2831 §2.1).
fn digest(text: &str) -> Option<Taken> {
    let mut fields = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return None;
        }
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        fields.push(field(name, value.as_bytes(), matches!(name, "response" | "rspauth")));
        rest = next.trim_start().trim_start_matches(',').trim_start();
    }
    let has = |name: &str| fields.iter().any(|f| f.name == name);
    let kind = match () {
        () if has("rspauth") => "digest-proof",
        () if has("response") && has("nonce") => "digest-response",
        () if has("nonce") => "digest-challenge",
        () => return None,
    };
    Some(Taken { kind, fields, faults: Vec::new() })
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
            vec![field("user", user, false), field("password", password, true)]
        }
        [authzid, user, password] => {
            if user.is_empty() {
                faults.push(Fault::NoUser);
            }
            if password.is_empty() {
                faults.push(Fault::NoPassword);
            }
            let mut fields = vec![field("user", user, false), field("password", password, true)];
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
    Some(Taken { kind: "plain", fields, faults })
}

/// `user digest`, as CRAM-MD5 answers.
fn words(bytes: &[u8]) -> Option<Taken> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (user, digest) = text.rsplit_once(' ')?;
    let is_digest = digest.len() == 32 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    is_digest.then(|| Taken {
        kind: "cram-response",
        fields: vec![field("user", user.as_bytes(), false), field("digest", digest.as_bytes(), true)],
        faults: Vec::new(),
    })
}

/// Whether `text` is itself base64 of readable text: then it was encoded twice. Short words are base64 by chance.
fn is_base64_of_text(text: &[u8]) -> bool {
    let (Some(bytes), faults) = super::blob::decode(text) else { return false };
    let ends = text.ends_with(b"=") || text.len() >= 12;
    let readable = |bytes: &[u8]| bytes.iter().all(|b| (0x20..0x7f).contains(b) || *b == 0);
    faults.is_empty() && ends && bytes.len() >= 3 && readable(&bytes)
}

#[cfg(test)]
mod tests {
    use super::super::blob;
    use super::*;

    fn of(text: &str) -> Vec<Taken> {
        take_apart(&blob::read(text.as_bytes()))
    }

    fn raw(bytes: &[u8]) -> Taken {
        one(bytes, Sender::Unknown, "", Asked::Unknown)
    }

    #[test]
    fn messages_are_recognised() {
        for (bytes, kind, names) in [
            (&b"\0user\0pw"[..], "plain", "user password"),
            (b"a\0user\0pw", "plain", "authzid user password"),
            (b"Username:", "prompt-name", "text"),
            (b"User Name\0", "prompt-name", "text"),
            (b"Password:", "prompt-password", "text"),
            (b"<1896.697170952@postoffice.example>", "cram-challenge", "challenge"),
            (b"tim b913a602c7eda7a495b4e6e7334d3890", "cram-response", "user digest"),
            (b"n,,n=user,r=abc", "scram-client-first", "gs2 n r"),
            (b"p=tls-exporter,,n=user,r=abc", "scram-client-first", "gs2 n r"),
            (b"r=abcdef,s=QSXCR==,i=4096", "scram-server-first", "r s i"),
            (b"c=biws,r=abc,p=v0X8v3=", "scram-client-final", "c r p"),
            (b"v=rmF9pqV8S7=", "scram-server-final", "v"),
            (b"e=invalid-proof", "scram-server-final", "e"),
            (
                br#"realm="x",nonce="y",qop="auth",charset=utf-8"#,
                "digest-challenge",
                "realm nonce qop charset",
            ),
            (br#"username="c",nonce="y",response=d388"#, "digest-response", "username nonce response"),
            (b"rspauth=ea40", "digest-proof", "rspauth"),
            (b"NTLMSSP\0\x02\0\0\0", "ntlm", "type"),
            (b"user=u@x\x01auth=Bearer tok\x01\x01", "xoauth2", "user token"),
            (b"n,a=u@x,\x01host=h\x01auth=Bearer tok\x01\x01", "oauthbearer", "gs2 host token"),
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
        ] {
            let open: Vec<Field> = raw(bytes).fields.into_iter().filter(|f| !f.secret).collect();
            let leaked = open.iter().any(|f| f.value.windows(6).any(|w| w == b"geheim"));
            assert!(!leaked, "{}: {open:?}", bytes.escape_ascii());
        }
        let bad = one(b"usergeheim", Sender::Client, "PLAIN", Asked::Unknown);
        assert!(bad.fields[0].secret && bad.faults == [Fault::NoNul]);
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
        ] {
            assert_eq!(raw(bytes).faults, faults, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_answers_of_login_follow_their_prompts() {
        let taken = of("334 VXNlcm5hbWU6\nYmVudXR6ZXJuYW1l\n334 UGFzc3dvcmQ6\ncGFzc3dvcnQ=\n");
        let kinds: Vec<&str> = taken.iter().map(|t| t.kind).collect();
        assert_eq!(kinds, ["prompt-name", "login-name", "prompt-password", "login-password"]);
        assert!(taken[3].fields[0].secret);
        assert_eq!(of("AUTH LOGIN YmVudXR6ZXJuYW1l\ncGFzc3dvcnQ=\n")[1].kind, "login-password");
    }
}

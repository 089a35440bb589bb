//! DKIM signatures (RFC 6376, RFC 8463), relaxed in header and body.

use super::eml::folded;
use super::message::{Message, PORTION};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256};
use ring::signature::{Ed25519KeyPair, RsaKeyPair};
use std::fmt;
use std::io::{self, Read as _};

/// The fields that are signed where they are there (RFC 6376 §5.4.1), From once more than it is there, so that nobody
/// can put another in front.
const SIGNED: &[&str] = &[
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Signs messages.
pub struct Signer {
    key: Key,
    /// The domain that answers for the message.
    pub domain: String,
    /// Where its key stands: `SELECTOR._domainkey.DOMAIN`.
    pub selector: String,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}._domainkey.{})", self.selector, self.domain)
    }
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// There is no private key in it.
    NoKey,
    /// It is neither RSA of at least 2048 bits nor Ed25519, or broken: what the library says.
    Unusable(String),
}

impl Signer {
    /// A signer with the private key in `pem`: PKCS#8, or PKCS#1 for RSA.
    ///
    /// # Errors
    /// A [`KeyProblem`].
    pub fn new(pem: &str, domain: &str, selector: &str) -> Result<Signer, KeyProblem> {
        let (label, der) = private_key(pem).ok_or(KeyProblem::NoKey)?;
        let key = match label.as_str() {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map(|k| Key::Rsa(Box::new(k))),
            _ => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
                .map(Key::Ed25519)
                .or_else(|_| RsaKeyPair::from_pkcs8(&der).map(|k| Key::Rsa(Box::new(k)))),
        };
        let key = key.map_err(|error| KeyProblem::Unusable(error.to_string()))?;
        Ok(Signer { key, domain: domain.to_owned(), selector: selector.to_owned() })
    }

    /// The field to put in front of `message`, with its line end. `now` is the time in seconds since 1970.
    ///
    /// # Errors
    /// What the system says about reading the message, or a key that cannot sign.
    pub fn sign(&self, message: &Message, now: i64) -> io::Result<Vec<u8>> {
        let fields = folded(&message.header);
        let mut names: Vec<String> = Vec::new();
        let mut signed = Vec::new();
        for name in SIGNED {
            // From the last to the first (RFC 6376 §5.4.2).
            for (own, field) in fields.iter().rev().filter(|(own, _)| own.eq_ignore_ascii_case(name)) {
                names.push(own.to_ascii_lowercase());
                signed.extend(relaxed_field(field));
            }
        }
        names.push("from".into());
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let body = STANDARD.encode(body_hash(message)?);
        let mut field = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={}; s={};\r\n t={now}; h={};\r\n bh={body};\r\n b=",
            self.domain,
            self.selector,
            names.join(":\r\n "),
        );
        let mut own = relaxed_field(format!("{field}\r\n").as_bytes());
        own.truncate(own.len().saturating_sub(2));
        signed.extend(own);
        let signature = STANDARD.encode(self.signature(&signed)?);
        for (index, part) in signature.as_bytes().chunks(70).enumerate() {
            if index > 0 {
                field.push_str("\r\n ");
            }
            field.push_str(std::str::from_utf8(part).unwrap_or_default());
        }
        field.push_str("\r\n");
        Ok(field.into_bytes())
    }

    fn signature(&self, signed: &[u8]) -> io::Result<Vec<u8>> {
        match &self.key {
            Key::Rsa(key) => {
                let mut out = vec![0; key.public().modulus_len()];
                let random = ring::rand::SystemRandom::new();
                key.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed, &mut out)
                    .map_err(|_| io::Error::other("the key cannot sign"))?;
                Ok(out)
            }
            Key::Ed25519(key) => {
                // RFC 8463 §3: what is signed is the hash.
                let hash = ring::digest::digest(&SHA256, signed);
                Ok(key.sign(hash.as_ref()).as_ref().to_vec())
            }
        }
    }
}

/// The first private key of a PEM file (RFC 7468): its label and its octets.
fn private_key(pem: &str) -> Option<(String, Vec<u8>)> {
    let mut lines = pem.lines().map(str::trim);
    let label = lines.by_ref().find_map(|line| {
        let label = line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
        label.ends_with("PRIVATE KEY").then(|| label.to_owned())
    })?;
    let text: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    Some((label, STANDARD.decode(text).ok()?))
}

/// A field in relaxed form (RFC 6376 §3.4.2), with its line end.
fn relaxed_field(field: &[u8]) -> Vec<u8> {
    let at = field.iter().position(|b| *b == b':').unwrap_or(field.len());
    let (name, value) = field.split_at(at);
    let mut out = name.trim_ascii_end().to_ascii_lowercase();
    out.push(b':');
    let mut blank = false;
    let begin = out.len();
    for &byte in value.iter().skip(1).filter(|b| !matches!(b, b'\r' | b'\n')) {
        if matches!(byte, b' ' | b'\t') {
            blank = out.len() > begin;
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push(b' ');
        }
        out.push(byte);
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The hash of the body in relaxed form (RFC 6376 §3.4.4).
fn body_hash(message: &Message) -> io::Result<Vec<u8>> {
    let mut reader = message.reader()?;
    io::copy(&mut reader.by_ref().take(message.header.len() as u64), &mut io::sink())?;
    let mut relaxed = RelaxedBody { hash: Context::new(&SHA256), empty: 0, blank: false, written: false };
    let mut buffer = vec![0; PORTION];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        relaxed.take(&buffer[..read]);
    }
    Ok(relaxed.finish())
}

struct RelaxedBody {
    hash: Context,
    /// Line ends that count only if something follows.
    empty: usize,
    /// Blanks that count only if something follows in their line.
    blank: bool,
    /// Whether anything was hashed.
    written: bool,
}

impl RelaxedBody {
    fn take(&mut self, octets: &[u8]) {
        let mut out = Vec::with_capacity(octets.len() + 16);
        for &byte in octets {
            match byte {
                b'\r' => {}
                b'\n' => {
                    self.empty += 1;
                    self.blank = false;
                }
                b' ' | b'\t' => self.blank = true,
                _ => {
                    for _ in 0..std::mem::take(&mut self.empty) {
                        out.extend_from_slice(b"\r\n");
                    }
                    if std::mem::take(&mut self.blank) {
                        out.push(b' ');
                    }
                    out.push(byte);
                }
            }
        }
        self.hash.update(&out);
        self.written |= !out.is_empty();
    }

    /// A body that is not empty ends with one line end.
    fn finish(mut self) -> Vec<u8> {
        if self.written {
            self.hash.update(b"\r\n");
        }
        self.hash.finish().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::message::Piece;
    use ring::signature::{ED25519, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    fn message(body: &[u8]) -> Message {
        let header =
            b"From: Joe <joe@football.example.com>\r\nSubject:  Is \t dinner\r\n  ready?\r\nX: y\r\n\r\n";
        Message { header: header.to_vec(), body: vec![Piece::Octets(body.into())], ..Message::default() }
    }

    #[test]
    fn relaxed_forms_are_those_of_the_rfc() {
        // RFC 6376 §3.4.5
        assert_eq!(relaxed_field(b"A: X\r\n"), b"a:X\r\n");
        assert_eq!(relaxed_field(b"B : Y\t\r\n\tZ  \r\n"), b"b:Y Z\r\n");
        let hash = |body: &[u8]| body_hash(&message(body)).unwrap();
        let of = |text: &[u8]| ring::digest::digest(&SHA256, text).as_ref().to_vec();
        assert_eq!(hash(b" C \r\nD \t E\r\n\r\n\r\n"), of(b" C\r\nD E\r\n"));
        assert_eq!(hash(b""), of(b""));
        assert_eq!(hash(b"\r\n\r\n"), of(b""));
        assert_eq!(hash(b"no end"), of(b"no end\r\n"));
        // RFC 6376 §3.4.4: the hash of the empty body.
        assert_eq!(STANDARD.encode(hash(b"")), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    /// Takes the signature apart and rebuilds what was signed, as a verifier does.
    fn verified(field: &[u8], message: &Message) -> (Vec<u8>, Vec<u8>) {
        let text = String::from_utf8(field.to_vec()).unwrap();
        let (before, signature) = text.trim_end().rsplit_once("b=").unwrap();
        let signature: String = signature.split_whitespace().collect();
        let names = text.split("h=").nth(1).unwrap().split(';').next().unwrap().to_owned();
        let mut fields = folded(&message.header);
        let mut signed = Vec::new();
        for name in names.split(':').map(str::trim) {
            if let Some(at) = fields.iter().rposition(|(n, _)| n.eq_ignore_ascii_case(name)) {
                signed.extend(relaxed_field(&fields.remove(at).1));
            }
        }
        let mut own = relaxed_field(format!("{before}b=\r\n").as_bytes());
        own.truncate(own.len() - 2);
        signed.extend(own);
        (signed, STANDARD.decode(signature).unwrap())
    }

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    #[test]
    fn an_ed25519_signature_verifies() {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        let signer =
            Signer::new(&pem("PRIVATE KEY", pkcs8.as_ref()), "football.example.com", "brisbane").unwrap();
        let message = message(b"Hi.\r\n");
        let field = signer.sign(&message, 5).unwrap();
        assert!(field.split(|b| *b == b'\n').all(|line| line.len() < 100));
        let (signed, signature) = verified(&field, &message);
        let Key::Ed25519(key) = &signer.key else { panic!() };
        let hash = ring::digest::digest(&SHA256, &signed);
        UnparsedPublicKey::new(&ED25519, key.public_key().as_ref())
            .verify(hash.as_ref(), &signature)
            .unwrap();
    }

    #[test]
    fn an_rsa_signature_verifies() {
        let signer = Signer::new(include_str!("dkim-test-key.pem"), "example.test", "s").unwrap();
        let message = message(b"Hi.\r\n");
        let field = signer.sign(&message, 5).unwrap();
        let (signed, signature) = verified(&field, &message);
        let Key::Rsa(key) = &signer.key else { panic!() };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())
            .verify(&signed, &signature)
            .unwrap();
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_reason() {
        assert_eq!(Signer::new("", "a", "b").unwrap_err(), KeyProblem::NoKey);
        assert_eq!(Signer::new(&pem("CERTIFICATE", b"x"), "a", "b").unwrap_err(), KeyProblem::NoKey);
        assert!(matches!(Signer::new(&pem("PRIVATE KEY", b"x"), "a", "b"), Err(KeyProblem::Unusable(_))));
    }
}

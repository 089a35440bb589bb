use super::decode::{Decoded, decode, recognise};
use super::{Kind, Message};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::{Secret, Side};

/// A message of an exchange, taken apart. The values of secret fields are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who sent it.
    pub from: Side,
    /// What it says.
    pub decoded: Decoded,
}

/// Takes the messages of an exchange apart while they come and go. What a message is follows from its place: the
/// client's messages are our own, and what a server sends is read as what is due.
pub(super) struct Teller {
    steps: &'static [Message],
    client: usize,
    server: usize,
    told: Vec<Told>,
    secrets: Vec<Secret<Vec<u8>>>,
    received: Vec<Secret<Vec<u8>>>,
}

impl Teller {
    pub(super) fn new(steps: &'static [Message]) -> Teller {
        Teller { steps, client: 0, server: 0, told: Vec::new(), secrets: Vec::new(), received: Vec::new() }
    }

    fn due(&self, from: Side, number: usize) -> Option<Kind> {
        self.steps.iter().filter(|step| step.from == from).nth(number).map(|step| step.kind)
    }

    /// Takes note of what the client sends, base64 not yet put on.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        let kind = self.due(Side::Client, self.client);
        self.client += 1;
        let Some(kind) = kind else { return };
        let decoded = decode(kind, bytes);
        let mut hides = false;
        for range in decoded.secrets() {
            hides = true;
            if let Some(secret) = bytes.get(range) {
                self.secrets.push(Secret::new(secret.to_vec()));
            }
        }
        if hides {
            self.secrets.push(Secret::new(bytes.to_vec()));
            self.secrets.push(Secret::new(STANDARD.encode(bytes).into_bytes()));
        }
        self.tell(Side::Client, decoded);
    }

    /// Takes note of what the server sends, base64 already taken off.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        // "Go ahead" is no message.
        if bytes.is_empty() {
            return;
        }
        let due = self.due(Side::Server, self.server);
        self.server += 1;
        // What a server complains of in JSON comes where nothing is due (RFC 7628 §3.2.2).
        let Some(kind) = due.or_else(|| recognise(bytes)) else { return };
        let decoded = decode(kind, bytes);
        // A server's proof is made of the password: who has it can try passwords without asking the server.
        if decoded.secrets().next().is_some() {
            self.received.push(Secret::new(STANDARD.encode(bytes).into_bytes()));
        }
        self.tell(Side::Server, decoded);
    }

    fn tell(&mut self, from: Side, mut decoded: Decoded) {
        for field in decoded.fields.iter_mut().filter(|field| field.secret) {
            field.value = String::new();
        }
        self.told.push(Told { from, decoded });
    }

    pub(super) fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    pub(super) fn take_received(&mut self) -> Vec<Secret<Vec<u8>>> {
        std::mem::take(&mut self.received)
    }

    pub(super) fn take_secrets(&mut self) -> Vec<Secret<Vec<u8>>> {
        std::mem::take(&mut self.secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::mechanism;

    #[test]
    fn secrets_are_told_apart_and_left_out() {
        let mut teller = Teller::new(mechanism("SCRAM-SHA-1").unwrap().steps());
        teller.received(b"");
        teller.sent(b"n,,n=user,r=abc");
        assert!(teller.take_secrets().is_empty());
        teller.received(b"r=abcdef,s=QSXCRQ==,i=4096");
        teller.sent(b"c=biws,r=abcdef,p=v0X8vw==");
        let secrets: Vec<Vec<u8>> = teller.take_secrets().iter().map(|s| s.expose().clone()).collect();
        assert_eq!(secrets.first().map(Vec::as_slice), Some(&b"v0X8vw=="[..]));
        let told = teller.take();
        let kinds: Vec<&str> = told.iter().map(|t| t.decoded.kind.id()).collect();
        assert_eq!(kinds, ["scram-client-first", "scram-server-first", "scram-client-final"]);
        assert_eq!(told[1].decoded.field("iteration-count"), Some("4096"));
        assert!(!format!("{told:?}").contains("v0X8vw"));
        assert_eq!(told[2].decoded.field("proof"), Some(""));
        // The server's proof is made of the password as well.
        teller.received(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
        let hidden: Vec<Vec<u8>> = teller.take_received().iter().map(|s| s.expose().clone()).collect();
        assert_eq!(hidden, [STANDARD.encode("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").into_bytes()]);
        assert!(!format!("{:?}", teller.take()).contains("rmF9"));
    }

    #[test]
    fn complaints_in_json_are_told() {
        let mut teller = Teller::new(mechanism("XOAUTH2").unwrap().steps());
        teller.sent(b"user=u\x01auth=Bearer geheim\x01\x01");
        teller.received(br#"{"status":"401"}"#);
        teller.sent(b"");
        let told = teller.take();
        assert_eq!(told.len(), 2);
        assert_eq!(told[1].decoded.kind, Kind::OauthError);
        assert!(!format!("{told:?}").contains("geheim"), "{told:?}");
    }
}

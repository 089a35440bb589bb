//! The hellos of SSL 2.0, which have a format of their own (draft-hickman-netscape-ssl-00 §4; prohibited by RFC 6176).

use super::Version;
use super::bytes::{Reader, Writer};

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;

/// A cipher of SSL 2.0: three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssl2Cipher(
    /// The number on the wire.
    pub u32,
);

/// The ciphers that SSL 2.0 knows.
static CIPHERS: &[(u32, &str)] = &[
    (0x01_0080, "SSL_CK_RC4_128_WITH_MD5"),
    (0x02_0080, "SSL_CK_RC4_128_EXPORT40_WITH_MD5"),
    (0x03_0080, "SSL_CK_RC2_128_CBC_WITH_MD5"),
    (0x04_0080, "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5"),
    (0x05_0080, "SSL_CK_IDEA_128_CBC_WITH_MD5"),
    (0x06_0040, "SSL_CK_DES_64_CBC_WITH_MD5"),
    (0x07_00c0, "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"),
    (0x08_0080, "SSL_CK_RC4_64_WITH_MD5"),
];

impl Ssl2Cipher {
    /// All that have a name.
    pub fn all() -> impl Iterator<Item = Ssl2Cipher> {
        CIPHERS.iter().map(|(number, _)| Ssl2Cipher(*number))
    }

    /// Its name.
    pub fn name(self) -> Option<&'static str> {
        CIPHERS.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }
}

impl std::fmt::Display for Ssl2Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:06x}", self.0),
        }
    }
}

/// CLIENT-HELLO of SSL 2.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssl2ClientHello {
    /// The version that is wanted: clients of SSL 3.0 and TLS used this format, too, for old servers.
    pub version: Version,
    /// The ciphers that are offered.
    pub ciphers: Vec<Ssl2Cipher>,
    /// Randomness, 16 to 32 bytes.
    pub challenge: Vec<u8>,
}

impl Ssl2ClientHello {
    /// A hello that offers all ciphers of SSL 2.0, and nothing newer.
    pub fn new(challenge: [u8; 16]) -> Ssl2ClientHello {
        Ssl2ClientHello {
            version: Version::SSL2,
            ciphers: Ssl2Cipher::all().collect(),
            challenge: challenge.to_vec(),
        }
    }

    /// The bytes, with the header of two bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer::new();
        body.u8(CLIENT_HELLO);
        body.u16(self.version.0);
        let length = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        body.u16s([length(3 * self.ciphers.len()), 0, length(self.challenge.len())]);
        for cipher in &self.ciphers {
            body.bytes(&cipher.0.to_be_bytes()[1..]);
        }
        body.bytes(&self.challenge);
        record(&body.finish())
    }

    /// Reads one: `None` if it is something else, `Some(None)` if more bytes are needed.
    pub(super) fn read(bytes: &[u8]) -> Option<Option<Ssl2ClientHello>> {
        let body = match body(bytes, CLIENT_HELLO)? {
            Some(body) => body,
            None => return Some(None),
        };
        let mut reader = Reader::new(body);
        reader.u8()?;
        let version = Version(reader.u16()?);
        let lengths = [reader.u16()?, reader.u16()?, reader.u16()?].map(usize::from);
        let ciphers = ciphers(reader.take(lengths[0])?);
        reader.take(lengths[1])?;
        Some(Some(Ssl2ClientHello { version, ciphers, challenge: reader.take(lengths[2])?.to_vec() }))
    }
}

/// SERVER-HELLO of SSL 2.0: the server speaks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssl2ServerHello {
    /// The version.
    pub version: Version,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The ciphers that both sides have.
    pub ciphers: Vec<Ssl2Cipher>,
    /// What names the connection.
    pub connection_id: Vec<u8>,
}

impl Ssl2ServerHello {
    /// The bytes, with the header of two bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer::new();
        // No session is resumed; the certificate is X.509.
        body.bytes(&[SERVER_HELLO, 0, 1]);
        body.u16(self.version.0);
        let length = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        body.u16s([
            length(self.certificate.len()),
            length(3 * self.ciphers.len()),
            length(self.connection_id.len()),
        ]);
        body.bytes(&self.certificate);
        for cipher in &self.ciphers {
            body.bytes(&cipher.0.to_be_bytes()[1..]);
        }
        body.bytes(&self.connection_id);
        record(&body.finish())
    }

    /// Reads one: `None` if it is something else, `Some(None)` if more bytes are needed.
    pub(super) fn read(bytes: &[u8]) -> Option<Option<Ssl2ServerHello>> {
        let body = match body(bytes, SERVER_HELLO)? {
            Some(body) => body,
            None => return Some(None),
        };
        let mut reader = Reader::new(body);
        reader.take(3)?;
        let version = Version(reader.u16()?);
        let lengths = [reader.u16()?, reader.u16()?, reader.u16()?].map(usize::from);
        Some(Some(Ssl2ServerHello {
            version,
            certificate: reader.take(lengths[0])?.to_vec(),
            ciphers: ciphers(reader.take(lengths[1])?),
            connection_id: reader.take(lengths[2])?.to_vec(),
        }))
    }
}

/// The body of a message of `kind` in a record with a header of two bytes, as [`Ssl2ServerHello::read`] says.
fn body(bytes: &[u8], kind: u8) -> Option<Option<&[u8]>> {
    // The high bit says that no padding follows; without it the header has three bytes, and hellos have none.
    let Some(first) = bytes.first() else { return Some(None) };
    (first & 0x80 != 0).then_some(())?;
    let (Some(second), Some(found)) = (bytes.get(1), bytes.get(2)) else { return Some(None) };
    (*found == kind).then_some(())?;
    let length = usize::from(first & 0x7f) << 8 | usize::from(*second);
    Some(bytes.get(2..2 + length))
}

fn record(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(0x7fff).min(0x7fff);
    let mut out = (length | 0x8000).to_be_bytes().to_vec();
    out.extend_from_slice(&body[..usize::from(length)]);
    out
}

fn ciphers(bytes: &[u8]) -> Vec<Ssl2Cipher> {
    let (triples, _) = bytes.as_chunks::<3>();
    triples.iter().map(|[a, b, c]| Ssl2Cipher(u32::from_be_bytes([0, *a, *b, *c]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let hello = Ssl2ClientHello::new([7; 16]);
        let bytes = hello.encode();
        assert_eq!(bytes[..5], [0x80, (bytes.len() - 2) as u8, 1, 0, 2]);
        assert_eq!(Ssl2ClientHello::read(&bytes), Some(Some(hello)));
        assert_eq!(Ssl2ClientHello::read(&bytes[..9]), Some(None));
        let answer = Ssl2ServerHello {
            version: Version::SSL2,
            certificate: vec![3; 500],
            ciphers: vec![Ssl2Cipher(0x01_0080)],
            connection_id: vec![1; 16],
        };
        assert_eq!(Ssl2ServerHello::read(&answer.encode()), Some(Some(answer)));
        assert_eq!(Ssl2ServerHello::read(&bytes), None);
        assert_eq!(Ssl2ServerHello::read(b"220 x"), None);
        // Lengths that lie.
        assert_eq!(Ssl2ServerHello::read(b"\x80\x0b\x04\0\x01\0\x02\xff\xff\0\0\0\0"), None);
    }
}

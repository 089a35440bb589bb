//! ServerHello and HelloRetryRequest (RFC 5246 §7.4.1.3, RFC 8446 §4.1.3 and §4.1.4).

use super::bytes::{Reader, Writer};
use super::extension::{read_extensions, write_extensions};
use super::record::{note, write_message};
use super::{Extension, ExtensionType, Extensions, Group, Suite, Version};
use ehlo_core::{Deviation, DeviationKind, Span};

pub(super) const SERVER_HELLO: u8 = 2;

/// The randomness that makes a ServerHello a HelloRetryRequest: the SHA-256 of that word (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a server chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version in the message: never above TLS 1.2.
    pub version: Version,
    /// Randomness.
    pub random: [u8; 32],
    /// The id of the session.
    pub session_id: Vec<u8>,
    /// The suite.
    pub suite: Suite,
    /// The compression method: 0 is none.
    pub compression: u8,
    /// The extensions, in order.
    pub extensions: Vec<Extension>,
}

impl Extensions for ServerHello {
    fn extensions(&self) -> &[Extension] {
        &self.extensions
    }
}

impl ServerHello {
    /// A server's choice, and nothing else yet.
    pub fn new(version: Version, random: [u8; 32], suite: Suite) -> ServerHello {
        ServerHello {
            version: version.min(Version::TLS12),
            random,
            session_id: Vec::new(),
            suite,
            compression: 0,
            extensions: Vec::new(),
        }
    }

    /// A HelloRetryRequest that wants `group`.
    pub fn retry(suite: Suite, group: Group) -> ServerHello {
        ServerHello::new(Version::TLS12, RETRY, suite)
            .with(Extension::selected_version(Version::TLS13))
            .with(Extension::selected_group(group))
    }

    /// The same with one more extension.
    pub fn with(mut self, extension: Extension) -> ServerHello {
        self.extensions.push(extension);
        self
    }

    /// The version that was chosen.
    pub fn chosen(&self) -> Version {
        let extension = self.extension(ExtensionType::SUPPORTED_VERSIONS);
        extension.and_then(|e| Reader::new(&e.content).u16()).map_or(self.version, Version)
    }

    /// Whether it is a HelloRetryRequest.
    pub fn is_retry(&self) -> bool {
        self.random == RETRY
    }

    /// The group of `key_share`.
    pub fn key_share(&self) -> Option<Group> {
        Reader::new(&self.extension(ExtensionType::KEY_SHARE)?.content).u16().map(Group)
    }

    /// Whether the server says in its randomness that it could do better than this version: at least TLS 1.3, or at
    /// least TLS 1.2 (RFC 8446 §4.1.3).
    pub fn could_do_better(&self) -> Option<Version> {
        match &self.random[24..] {
            b"DOWNGRD\x01" => Some(Version::TLS13),
            b"DOWNGRD\x00" => Some(Version::TLS12),
            _ => None,
        }
    }

    /// The handshake message.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer::new();
        body.u16(self.version.0);
        body.bytes(&self.random);
        body.vec8(|w| w.bytes(&self.session_id));
        body.u16(self.suite.0);
        body.u8(self.compression);
        write_extensions(&mut body, &self.extensions);
        write_message(SERVER_HELLO, &body.finish())
    }

    /// Reads the body of the message; what is missing stays empty.
    pub(super) fn read(body: &[u8], span: Span, deviations: &mut Vec<Deviation>) -> ServerHello {
        let mut hello = ServerHello::new(Version(0), [0; 32], Suite(0));
        let mut reader = Reader::new(body);
        let read = (|| {
            hello.version = Version(reader.u16()?);
            hello.random.copy_from_slice(reader.take(32)?);
            hello.session_id = reader.vec8()?.to_vec();
            hello.suite = Suite(reader.u16()?);
            hello.compression = reader.u8()?;
            if !reader.is_empty() {
                let (extensions, whole) = read_extensions(reader.vec16()?);
                hello.extensions = extensions;
                whole.then_some(())?;
            }
            (hello.session_id.len() <= 32).then_some(())
        })();
        if read.is_none() {
            note(deviations, DeviationKind::TlsBadLength, span);
        } else if !reader.is_empty() {
            note(deviations, DeviationKind::TlsTrailingBytes, span);
        }
        hello
    }
}

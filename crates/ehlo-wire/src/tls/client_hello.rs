//! ClientHello (RFC 8446 §4.1.2): written by hand, so that it can ask for what no library asks for any more.

use super::bytes::{Reader, Writer, numbers};
use super::extension::{read_extensions, write_extensions};
use super::record::{
    HANDSHAKE, LONGEST_MESSAGE, MOST_BYTES, Messages, Next, Records, note, write_message, write_records,
};
use super::ssl2::Ssl2ClientHello;
use super::{Extension, ExtensionType, Extensions, Suite, Version};
use ehlo_core::{Deviation, DeviationKind, Side, Span};

pub(super) const CLIENT_HELLO: u8 = 1;

/// What a client offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The version of the record.
    pub record_version: Version,
    /// The version in the message: the highest one up to TLS 1.2.
    pub version: Version,
    /// Randomness.
    pub random: [u8; 32],
    /// The id of a session; of no meaning in TLS 1.3.
    pub session_id: Vec<u8>,
    /// The suites, the preferred first.
    pub suites: Vec<Suite>,
    /// The compression methods: 0 is none, 1 is DEFLATE (RFC 3749).
    pub compressions: Vec<u8>,
    /// The extensions, in order. None at all means that the field is left out.
    pub extensions: Vec<Extension>,
}

impl Extensions for ClientHello {
    fn extensions(&self) -> &[Extension] {
        &self.extensions
    }
}

impl ClientHello {
    /// A hello that offers these suites in `version` at most, and nothing else yet.
    pub fn new(version: Version, random: [u8; 32], suites: Vec<Suite>) -> ClientHello {
        ClientHello {
            // What servers of every age take (RFC 5246 appendix E.1, RFC 8446 §5.1).
            record_version: version.min(Version::TLS10),
            version: version.min(Version::TLS12),
            random,
            session_id: Vec::new(),
            suites,
            compressions: vec![0],
            extensions: Vec::new(),
        }
    }

    /// The same with one more extension.
    pub fn with(mut self, extension: Extension) -> ClientHello {
        self.extensions.push(extension);
        self
    }

    /// The highest version that is offered.
    pub fn highest(&self) -> Version {
        self.versions().into_iter().max().unwrap_or(self.version)
    }

    /// The versions that `supported_versions` lists; none if it is not there.
    pub fn versions(&self) -> Vec<Version> {
        let list = self.extension(ExtensionType::SUPPORTED_VERSIONS);
        let list = list.and_then(|e| Reader::new(&e.content).vec8());
        numbers(list.unwrap_or_default()).0.into_iter().map(Version).collect()
    }

    /// The bytes, in records.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer::new();
        body.u16(self.version.0);
        body.bytes(&self.random);
        body.vec8(|w| w.bytes(&self.session_id));
        body.vec16(|w| w.u16s(self.suites.iter().map(|s| s.0)));
        body.vec8(|w| w.bytes(&self.compressions));
        write_extensions(&mut body, &self.extensions);
        write_records(HANDSHAKE, self.record_version, &write_message(CLIENT_HELLO, &body.finish()))
    }
}

/// What a client began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// More bytes are needed.
    Incomplete,
    /// A ClientHello, and the rules that it broke.
    Hello(Box<ClientHello>, Vec<Deviation>),
    /// A CLIENT-HELLO in the format of SSL 2.0.
    Ssl2(Ssl2ClientHello),
    /// Something else.
    Other,
}

/// Reads what a client begins with.
#[derive(Clone, Debug)]
pub struct ClientHelloReader {
    records: Records,
    messages: Messages,
    taken: usize,
    version: Option<Version>,
}

impl Default for ClientHelloReader {
    fn default() -> Self {
        ClientHelloReader::new()
    }
}

impl ClientHelloReader {
    /// A reader of a new connection.
    pub fn new() -> ClientHelloReader {
        ClientHelloReader {
            records: Records::new(Side::Client, 0),
            messages: Messages::default(),
            taken: 0,
            version: None,
        }
    }

    /// Takes bytes. After anything but [`Opening::Incomplete`] nothing more is read.
    pub fn feed(&mut self, bytes: &[u8]) -> Opening {
        self.taken += bytes.len();
        if self.taken > MOST_BYTES.min(2 * LONGEST_MESSAGE) {
            return Opening::Other;
        }
        self.records.feed(bytes);
        if self.version.is_none() {
            match Ssl2ClientHello::read(self.records.pending()) {
                Some(Some(hello)) => return Opening::Ssl2(hello),
                Some(None) => return Opening::Incomplete,
                None => {}
            }
        }
        loop {
            match self.records.next() {
                Next::Incomplete => return Opening::Incomplete,
                Next::NotTls => return Opening::Other,
                Next::Record(record) if record.content == HANDSHAKE => {
                    self.version.get_or_insert(record.version);
                    self.messages.feed(&record);
                }
                Next::Record(_) => return Opening::Other,
            }
            match self.messages.next() {
                Ok(None) => {}
                Ok(Some(message)) if message.kind == CLIENT_HELLO => {
                    let version = self.version.unwrap_or(Version::TLS10);
                    let (hello, deviations) = read(&message.body, version, message.span);
                    return Opening::Hello(Box::new(hello), deviations);
                }
                Ok(Some(_)) | Err(_) => return Opening::Other,
            }
        }
    }
}

/// Reads the body of a ClientHello; what is missing stays empty.
fn read(body: &[u8], record_version: Version, span: Span) -> (ClientHello, Vec<Deviation>) {
    let mut hello = ClientHello::new(Version(0), [0; 32], Vec::new());
    hello.record_version = record_version;
    let mut deviations = Vec::new();
    let mut reader = Reader::new(body);
    if fill(&mut hello, &mut reader, span, &mut deviations).is_none() {
        note(&mut deviations, DeviationKind::TlsBadLength, span);
    }
    (hello, deviations)
}

fn fill(
    hello: &mut ClientHello,
    reader: &mut Reader<'_>,
    span: Span,
    deviations: &mut Vec<Deviation>,
) -> Option<()> {
    hello.version = Version(reader.u16()?);
    hello.random.copy_from_slice(reader.take(32)?);
    hello.session_id = reader.vec8()?.to_vec();
    let (suites, whole) = numbers(reader.vec16()?);
    hello.suites = suites.into_iter().map(Suite).collect();
    hello.compressions = reader.vec8()?.to_vec();
    if !whole || hello.suites.is_empty() || hello.compressions.is_empty() || hello.session_id.len() > 32 {
        note(deviations, DeviationKind::TlsBadLength, span);
    }
    if !reader.is_empty() {
        let (extensions, whole) = read_extensions(reader.vec16()?);
        hello.extensions = extensions;
        if !whole {
            note(deviations, DeviationKind::TlsBadLength, span);
        }
    }
    if !reader.is_empty() {
        note(deviations, DeviationKind::TlsTrailingBytes, span);
    }
    Some(())
}

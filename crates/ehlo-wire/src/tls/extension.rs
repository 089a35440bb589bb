//! Extensions, kept as they stand: the ones that matter are read on demand.

use super::bytes::{Reader, Writer, numbers};
use super::{ExtensionType, Group, SignatureScheme, Version};

/// The most extensions that are read of one message.
const MOST_EXTENSIONS: usize = 100;

/// An extension of a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Which.
    pub kind: ExtensionType,
    /// Its content.
    pub content: Vec<u8>,
}

impl Extension {
    /// An extension with content that is given as bytes.
    pub fn raw(kind: ExtensionType, content: Vec<u8>) -> Extension {
        Extension { kind, content }
    }

    /// An extension without content.
    pub fn empty(kind: ExtensionType) -> Extension {
        Extension::raw(kind, Vec::new())
    }

    /// The name of the server that is wanted (RFC 6066 §3).
    pub fn server_name(name: &str) -> Extension {
        Extension::written(ExtensionType::SERVER_NAME, |w| {
            w.vec16(|w| {
                w.u8(0);
                w.vec16(|w| w.bytes(name.as_bytes()));
            });
        })
    }

    /// The application protocols that are wanted (RFC 7301 §3.1).
    pub fn alpn(names: &[&str]) -> Extension {
        Extension::written(ExtensionType::ALPN, |w| {
            w.vec16(|w| {
                for name in names {
                    w.vec8(|w| w.bytes(name.as_bytes()));
                }
            });
        })
    }

    /// The groups that are offered (RFC 8446 §4.2.7).
    pub fn supported_groups(groups: &[Group]) -> Extension {
        Extension::written(ExtensionType::SUPPORTED_GROUPS, |w| {
            w.vec16(|w| w.u16s(groups.iter().map(|g| g.0)))
        })
    }

    /// The signature schemes that are offered (RFC 8446 §4.2.3).
    pub fn signature_algorithms(schemes: &[SignatureScheme]) -> Extension {
        Extension::written(ExtensionType::SIGNATURE_ALGORITHMS, |w| {
            w.vec16(|w| w.u16s(schemes.iter().map(|s| s.0)));
        })
    }

    /// The versions that a client offers (RFC 8446 §4.2.1).
    pub fn supported_versions(versions: &[Version]) -> Extension {
        Extension::written(ExtensionType::SUPPORTED_VERSIONS, |w| {
            w.vec8(|w| w.u16s(versions.iter().map(|v| v.0)));
        })
    }

    /// The version that a server chose (RFC 8446 §4.2.1).
    pub fn selected_version(version: Version) -> Extension {
        Extension::written(ExtensionType::SUPPORTED_VERSIONS, |w| w.u16(version.0))
    }

    /// No key share at all: the server answers by naming the group that it wants (RFC 8446 §4.2.8), and neither side
    /// computes anything.
    pub fn no_key_share() -> Extension {
        Extension::written(ExtensionType::KEY_SHARE, |w| w.vec16(|_| {}))
    }

    /// The group that a server wants (HelloRetryRequest, RFC 8446 §4.2.8).
    pub fn selected_group(group: Group) -> Extension {
        Extension::written(ExtensionType::KEY_SHARE, |w| w.u16(group.0))
    }

    /// The certificate's status is wanted along with it (RFC 6066 §8).
    pub fn status_request() -> Extension {
        Extension::written(ExtensionType::STATUS_REQUEST, |w| {
            w.u8(1);
            w.vec16(|_| {});
            w.vec16(|_| {});
        })
    }

    /// The peer may send heartbeats (RFC 6520 §2).
    pub fn heartbeat() -> Extension {
        Extension::raw(ExtensionType::HEARTBEAT, vec![1])
    }

    /// Points on curves are not compressed (RFC 8422 §5.1.2).
    pub fn uncompressed_points() -> Extension {
        Extension::written(ExtensionType::EC_POINT_FORMATS, |w| w.vec8(|w| w.u8(0)))
    }

    /// A first handshake, and no renegotiation (RFC 5746 §3.4).
    pub fn renegotiation_info() -> Extension {
        Extension::written(ExtensionType::RENEGOTIATION_INFO, |w| w.vec8(|_| {}))
    }

    fn written(kind: ExtensionType, content: impl FnOnce(&mut Writer)) -> Extension {
        let mut writer = Writer::new();
        content(&mut writer);
        Extension { kind, content: writer.finish() }
    }
}

/// What stands in the extensions of a hello.
pub trait Extensions {
    /// All of them, in order.
    fn extensions(&self) -> &[Extension];

    /// The first of a kind.
    fn extension(&self, kind: ExtensionType) -> Option<&Extension> {
        self.extensions().iter().find(|e| e.kind == kind)
    }

    /// Whether there is one of a kind.
    fn has(&self, kind: ExtensionType) -> bool {
        self.extension(kind).is_some()
    }

    /// The first name of `server_name`, if it can be read.
    fn server_name(&self) -> Option<Vec<u8>> {
        let mut list = Reader::new(&self.extension(ExtensionType::SERVER_NAME)?.content);
        let mut names = Reader::new(list.vec16()?);
        (names.u8()? == 0).then_some(())?;
        Some(names.vec16()?.to_vec())
    }

    /// The names of `application_layer_protocol_negotiation`.
    fn alpn(&self) -> Vec<Vec<u8>> {
        let Some(extension) = self.extension(ExtensionType::ALPN) else { return Vec::new() };
        let mut names = Vec::new();
        let mut list = Reader::new(Reader::new(&extension.content).vec16().unwrap_or_default());
        while let Some(name) = list.vec8() {
            names.push(name.to_vec());
        }
        names
    }

    /// The groups of `supported_groups`.
    fn groups(&self) -> Vec<Group> {
        listed(self.extension(ExtensionType::SUPPORTED_GROUPS)).into_iter().map(Group).collect()
    }

    /// The schemes of `signature_algorithms`.
    fn signature_schemes(&self) -> Vec<SignatureScheme> {
        listed(self.extension(ExtensionType::SIGNATURE_ALGORITHMS)).into_iter().map(SignatureScheme).collect()
    }
}

/// The numbers of a list with a length of two bytes.
fn listed(extension: Option<&Extension>) -> Vec<u16> {
    let list = extension.and_then(|e| Reader::new(&e.content).vec16());
    numbers(list.unwrap_or_default()).0
}

/// Reads a list of extensions without its length; whether all of it could be read.
pub(super) fn read_extensions(bytes: &[u8]) -> (Vec<Extension>, bool) {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    while !reader.is_empty() && found.len() < MOST_EXTENSIONS {
        let read = reader.u16().and_then(|kind| Some((kind, reader.vec16()?)));
        let Some((kind, content)) = read else { return (found, false) };
        found.push(Extension { kind: ExtensionType(kind), content: content.to_vec() });
    }
    let whole = reader.is_empty();
    (found, whole)
}

/// Writes a list of extensions with its length; nothing at all for none, as before TLS 1.2.
pub(super) fn write_extensions(writer: &mut Writer, extensions: &[Extension]) {
    if extensions.is_empty() {
        return;
    }
    writer.vec16(|w| {
        for extension in extensions {
            w.u16(extension.kind.0);
            w.vec16(|w| w.bytes(&extension.content));
        }
    });
}

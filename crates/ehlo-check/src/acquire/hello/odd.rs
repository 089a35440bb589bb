//! Hellos that are unusual and yet right: a server must answer them as it answers others.

use super::Prober;
use super::plan::Ask;
use ehlo_core::facts::HelloQuestion;
use ehlo_wire::tls::{ClientHello, Extension, ExtensionType, Group, Suite, Version};

/// A value that is reserved to be passed over (RFC 8701 §2), where the type does not matter.
const GREASE: u16 = 0x3a3a;

/// More suites than some servers have room for.
const MANY_SUITES: usize = 140;

/// A version of the future, in the field that TLS 1.3 no longer uses (RFC 8446 §4.1.2).
const NEWER: Version = Version(0x0305);

/// The length of a hello from 256 to 511 octets, at which one kind of load balancer hangs (RFC 7685 §1).
const MIDDLE: usize = 384;

impl Prober<'_> {
    /// Asks for what the server takes in ways that are unusual: in TLS 1.2, which old implementations know, else in TLS 1.3.
    pub(super) async fn ask_oddly(&mut self) {
        let of = |version| {
            let mut suites = self.chosen_in(version);
            suites.sort();
            suites.dedup();
            (!suites.is_empty()).then_some((version, suites))
        };
        let Some((version, suites)) = of(Version::TLS12).or_else(|| of(Version::TLS13)) else { return };
        let newest = of(Version::TLS13);
        let mut asks = Vec::new();
        for question in HelloQuestion::ODD {
            let ask = |version, suites: &[Suite]| Ask::new(question, version, suites.to_vec());
            let mut ask = match question {
                HelloQuestion::GreaseVersions => match &newest {
                    Some((version, suites)) => ask(*version, suites),
                    None => continue,
                },
                // A later version says so elsewhere.
                HelloQuestion::NewerVersion if version > Version::TLS12 => continue,
                _ => ask(version, &suites),
            };
            match question {
                HelloQuestion::GreaseSuites => ask.suites.insert(0, Suite(GREASE)),
                HelloQuestion::GreaseGroups => ask.groups.insert(0, Group(GREASE)),
                HelloQuestion::ManySuites => {
                    let others = Suite::askable().filter(|s| !s.is_tls13() && !suites.contains(s));
                    ask.suites.extend(others.take(MANY_SUITES.saturating_sub(suites.len())));
                }
                _ => {}
            }
            asks.push(ask);
        }
        self.ask_all(asks).await;
    }
}

/// Makes a hello as odd as the question wants it.
pub(super) fn distort(question: HelloQuestion, hello: &mut ClientHello) {
    match question {
        HelloQuestion::GreaseExtensions => {
            hello.extensions.insert(0, Extension::empty(ExtensionType(GREASE)));
            hello.extensions.push(Extension::raw(ExtensionType(0x4a4a), vec![0]));
        }
        HelloQuestion::GreaseVersions => {
            hello.extensions.retain(|e| e.kind != ExtensionType::SUPPORTED_VERSIONS);
            hello.extensions.push(Extension::supported_versions(&[Version(GREASE), Version::TLS13]));
        }
        HelloQuestion::EmptyLast => {
            let kind = ExtensionType::EXTENDED_MASTER_SECRET;
            hello.extensions.retain(|e| e.kind != kind);
            hello.extensions.push(Extension::empty(kind));
        }
        HelloQuestion::MiddleLength => {
            // Without the header of the record, and with that of the extension.
            let length = hello.encode().len().saturating_sub(5);
            let missing = MIDDLE.saturating_sub(length + 4);
            if missing > 0 {
                hello.extensions.push(Extension::raw(ExtensionType::PADDING, vec![0; missing]));
            }
        }
        HelloQuestion::NewerVersion => hello.version = NEWER,
        _ => {}
    }
}

/// The same message in two records, as RFC 8446 §5.1 allows it.
pub(super) fn in_two_records(bytes: &[u8]) -> Vec<u8> {
    /// Type, version and length.
    const HEADER: usize = 5;
    let Some((header, message)) = bytes.split_at_checked(HEADER) else { return bytes.to_vec() };
    let (first, second) = message.split_at(message.len() / 2);
    let mut out = Vec::with_capacity(bytes.len() + HEADER);
    for part in [first, second] {
        out.extend_from_slice(&header[..3]);
        out.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_wire::tls::{ClientHelloReader, Opening};

    #[test]
    fn odd_hellos_are_right() {
        for question in HelloQuestion::ODD {
            let suites: Vec<Suite> = vec![Suite(0xc02b), Suite(0xc02f)];
            let version = match question {
                HelloQuestion::GreaseVersions => Version::TLS13,
                _ => Version::TLS12,
            };
            let (bytes, _) = Ask::new(question, version, suites).encode(Some("lab.test"), [7; 32]);
            let Opening::Hello(hello, deviations) = ClientHelloReader::new().feed(&bytes) else {
                panic!("{question:?}: no hello");
            };
            assert!(deviations.is_empty(), "{question:?}: {deviations:?}");
            let records =
                if bytes.len() > usize::from(u16::from_be_bytes([bytes[3], bytes[4]])) + 5 { 2 } else { 1 };
            assert_eq!(records, if question == HelloQuestion::TwoRecords { 2 } else { 1 }, "{question:?}");
            let length = bytes.len() - 5;
            if question == HelloQuestion::MiddleLength {
                assert!((256..512).contains(&length), "{length}");
            }
            if question == HelloQuestion::EmptyLast {
                assert!(hello.extensions.last().unwrap().content.is_empty());
            }
        }
    }
}

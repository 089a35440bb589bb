use super::ShownChain;
use crate::{Cause, Evidence, Failure, Stage, TranscriptId};
use serde::{Deserialize, Serialize};

/// What hand-made hellos brought to light: questions that a library of TLS never asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsProbeFacts {
    /// How much was asked.
    pub mode: TlsProbeMode,
    /// The questions with their answers, in the order of the plan.
    pub hellos: Vec<HelloFacts>,
    /// The certificates that the server showed, each once, in the order in which they came.
    #[serde(default)]
    pub chains: Vec<ShownChain>,
    /// How many handshakes were begun with this service, the one of the main dialogue included.
    pub handshakes: u32,
    /// How many could have been.
    pub budget: u32,
    /// Whether the budget was used up before everything was asked.
    pub truncated: bool,
}

/// How much hand-made hellos ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsProbeMode {
    /// Only what proves that nothing weak is taken.
    Proof,
    /// Exact lists of suites and groups.
    List,
    /// The same, with suites that hardly anybody has.
    Deep,
}

impl TlsProbeMode {
    /// The id, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            TlsProbeMode::Proof => "proof",
            TlsProbeMode::List => "list",
            TlsProbeMode::Deep => "deep",
        }
    }
}

/// A hello and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloFacts {
    /// What it was to find out.
    pub question: HelloQuestion,
    /// The highest version that it offered, by its number on the wire.
    pub version: u16,
    /// The suites that it offered, by their numbers on the wire.
    pub suites: Vec<u16>,
    /// The application protocol that it offered beside all else, which no mail server speaks (RFC 7301).
    #[serde(default)]
    pub alpn: Option<String>,
    /// What came back.
    pub answer: HelloAnswer,
    /// How often it was asked: more than once after transient trouble.
    pub attempts: u32,
    /// The transcript of the last attempt.
    pub transcript: TranscriptId,
    /// Question and answer.
    pub at: Vec<Evidence>,
}

/// What a hello is to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HelloQuestion {
    /// TLS 1.2 with the suites that RFC 9325 recommends.
    Recommended,
    /// TLS 1.2 with nothing but suites that must not be used.
    Broken,
    /// TLS 1.2 with nothing but suites without a certificate.
    Anonymous,
    /// TLS 1.2 with nothing but suites that should not be used any more.
    Dated,
    /// TLS 1.2 with the broken and the dated suites together, without those that have a hello of their own: asked in place of
    /// both where suites with Diffie-Hellman in a finite field are asked about apart.
    Weak,
    /// TLS 1.2 with nothing but suites with Diffie-Hellman in a finite field that are broken or dated: apart where a server
    /// may stumble over them instead of refusing.
    FiniteField,
    /// TLS 1.2 with all usual suites, and no signature but SHA-1 and MD5.
    Sha1,
    /// An old version at most.
    OldVersion,
    /// The same with one kind of key exchange only: where a server stumbles over the old version instead of refusing it.
    OldKind,
    /// An old version at most, and the word that it is a fallback (RFC 7507).
    Fallback,
    /// SSL 2.0.
    Ssl2,
    /// What was taken before, without a server name.
    NoName,
    /// What was taken before, for a server name that is nobody's.
    UnknownName,
    /// One more suite of a list.
    Suites,
    /// One more group of a list.
    Groups,
    /// TLS 1.2 with nothing but curves that should not be used any more.
    WeakGroups,
    /// What is taken, in another order.
    Order,
    /// What is taken, with a suite that is reserved to be passed over (GREASE, RFC 8701).
    GreaseSuites,
    /// The same with such a group.
    GreaseGroups,
    /// The same with such extensions.
    GreaseExtensions,
    /// The same with such a version, in TLS 1.3.
    GreaseVersions,
    /// What is taken, with an extension without content at the end.
    EmptyLast,
    /// What is taken, with more than 128 suites.
    ManySuites,
    /// What is taken, in a hello of 256 to 511 octets (RFC 7685).
    MiddleLength,
    /// What is taken, in a hello of two records.
    TwoRecords,
    /// What is taken, with a version of the future as the highest one.
    NewerVersion,
    /// What was answered before, once more, to see whether the server still answers.
    Control,
}

impl HelloQuestion {
    /// The questions whose hellos are unusual and yet right.
    pub const ODD: [HelloQuestion; 9] = [
        HelloQuestion::GreaseSuites,
        HelloQuestion::GreaseGroups,
        HelloQuestion::GreaseExtensions,
        HelloQuestion::GreaseVersions,
        HelloQuestion::EmptyLast,
        HelloQuestion::ManySuites,
        HelloQuestion::MiddleLength,
        HelloQuestion::TwoRecords,
        HelloQuestion::NewerVersion,
    ];

    /// Whether its hello is unusual and yet right.
    pub fn is_odd(self) -> bool {
        HelloQuestion::ODD.contains(&self)
    }

    /// The id in kebab-case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            HelloQuestion::Recommended => "recommended",
            HelloQuestion::Broken => "broken",
            HelloQuestion::Anonymous => "anonymous",
            HelloQuestion::Dated => "dated",
            HelloQuestion::Weak => "weak",
            HelloQuestion::FiniteField => "finite-field",
            HelloQuestion::Sha1 => "sha1",
            HelloQuestion::OldVersion => "old-version",
            HelloQuestion::OldKind => "old-kind",
            HelloQuestion::Fallback => "fallback",
            HelloQuestion::Ssl2 => "ssl2",
            HelloQuestion::NoName => "no-name",
            HelloQuestion::UnknownName => "unknown-name",
            HelloQuestion::Suites => "suites",
            HelloQuestion::Groups => "groups",
            HelloQuestion::WeakGroups => "weak-groups",
            HelloQuestion::Order => "order",
            HelloQuestion::GreaseSuites => "grease-suites",
            HelloQuestion::GreaseGroups => "grease-groups",
            HelloQuestion::GreaseExtensions => "grease-extensions",
            HelloQuestion::GreaseVersions => "grease-versions",
            HelloQuestion::EmptyLast => "empty-last",
            HelloQuestion::ManySuites => "many-suites",
            HelloQuestion::MiddleLength => "middle-length",
            HelloQuestion::TwoRecords => "two-records",
            HelloQuestion::NewerVersion => "newer-version",
            HelloQuestion::Control => "control",
        }
    }
}

/// What came back to a hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum HelloAnswer {
    /// The server chose.
    Chosen(Box<ChosenFacts>),
    /// The server speaks SSL 2.0.
    Ssl2 {
        /// The names of the ciphers that it takes.
        ciphers: Vec<String>,
    },
    /// An alert.
    Refused {
        /// Its name as in RFC 8446 §6.
        alert: String,
    },
    /// No alert, but the end of the connection; what was asked before and afterwards was answered, so it is a refusal.
    HungUp,
    /// No answer from which anything would follow.
    None {
        /// Why.
        failure: Failure,
        /// Whether the server has had enough of our connections.
        rate_limited: bool,
    },
}

/// Alerts by which a server refuses what is offered (RFC 8446 §6.2, RFC 7507 §3); `unsupported_certificate` and
/// `certificate_unknown` are not among them, because no certificate was sent.
const REFUSALS: &[&str] = &[
    "handshake_failure",
    "illegal_parameter",
    "protocol_version",
    "insufficient_security",
    "inappropriate_fallback",
    "missing_extension",
    "unsupported_extension",
];

/// What a server chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenFacts {
    /// The version, by its number on the wire.
    pub version: u16,
    /// Its name.
    pub version_name: String,
    /// The suite, by its number on the wire.
    pub suite: u16,
    /// Its name in the registry.
    pub suite_name: String,
    /// The compression method: 0 is none.
    pub compression: u8,
    /// Whether it knows secure renegotiation (RFC 5746).
    pub renegotiation_info: bool,
    /// Whether it ties the keys to the whole handshake (RFC 7627).
    pub extended_master_secret: bool,
    /// Whether it protects CBC as it should be (RFC 7366).
    pub encrypt_then_mac: bool,
    /// The size of the prime of Diffie-Hellman, or of the RSA key for export, in bits.
    pub key_bits: Option<u32>,
    /// The group, by its name in the registry.
    pub group: Option<String>,
    /// The signature scheme, by its name in the registry.
    pub signature: Option<String>,
    /// Whether that signature stands on SHA-1 or MD5.
    pub dated_signature: bool,
    /// Whether a certificate of the client is asked for.
    pub client_certificate_asked: bool,
    /// The certificate that it showed: SHA-256 in lower-case hex, as in the chains of the probe.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The application protocol that it selected (RFC 7301), escaped.
    #[serde(default)]
    pub alpn: Option<String>,
    /// Whether it takes part in heartbeats (RFC 6520).
    #[serde(default)]
    pub heartbeat: bool,
    /// Whether all of it was offered.
    pub offered: bool,
}

impl HelloFacts {
    /// What the server chose, if it did.
    pub fn chosen(&self) -> Option<&ChosenFacts> {
        match &self.answer {
            HelloAnswer::Chosen(chosen) => Some(chosen),
            _ => None,
        }
    }

    /// Whether it was refused. A connection that is closed, reset or silent may have any reason, and is no refusal by itself;
    /// nor is an alert that speaks of something else than what was offered.
    pub fn is_refused(&self) -> bool {
        match &self.answer {
            // It may be the foreign application protocol that is refused.
            _ if self.alpn.is_some() => false,
            HelloAnswer::HungUp => true,
            // Who stumbles over each of these suites takes none of them.
            HelloAnswer::Refused { .. } if self.question == HelloQuestion::FiniteField => true,
            HelloAnswer::Refused { alert } => REFUSALS.contains(&alert.as_str()),
            _ => false,
        }
    }

    /// Whether a refusal may be due to something else than the suites that were offered.
    pub fn asks_for_more_than_suites(&self) -> bool {
        matches!(self.question, HelloQuestion::Sha1 | HelloQuestion::WeakGroups) || self.question.is_odd()
    }

    /// The alert, if it speaks of something else than what was offered, such as `internal_error`: the server stumbled.
    pub fn stumbled(&self) -> Option<&str> {
        match &self.answer {
            HelloAnswer::Refused { alert } if !REFUSALS.contains(&alert.as_str()) => Some(alert),
            _ => None,
        }
    }

    /// Whether the server hung up over the hello without a word.
    pub fn is_wordless(&self) -> bool {
        match &self.answer {
            HelloAnswer::None { failure, rate_limited: false } => {
                failure.stage == Stage::Handshake && matches!(failure.cause, Cause::Closed | Cause::Reset)
            }
            _ => false,
        }
    }
}

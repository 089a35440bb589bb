use crate::Evidence;
use serde::{Deserialize, Serialize};

/// A TLS session and the certificates that came with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The cipher suite by its name in the registry.
    pub suite: String,
    /// The key exchange group by its name in the registry.
    pub group: Option<String>,
    /// The server name that was asked for.
    pub sni: Option<String>,
    /// The application protocol that was agreed on.
    pub alpn: Option<String>,
    /// The certificates, as sent: the server's own first.
    pub chain: Vec<CertificateFacts>,
    /// Which names were wanted and whether the server's certificate bears them.
    pub names: NameMatch,
    /// Whether a path leads from the certificate to a trusted root.
    pub path: PathFacts,
    /// Whether the server proved that it holds the key; if not, why it could not be verified.
    pub signature_failure: Option<String>,
    /// Whether the certificate is pinned by the user.
    pub pinned: bool,
    /// Whether an OCSP answer was stapled.
    pub stapled: bool,
    /// From the first byte of the handshake to the last, in microseconds.
    pub took_us: u64,
    /// Where it shows.
    pub at: Option<Evidence>,
}

impl TlsFacts {
    /// Whether secrets may travel inside: the certificate is pinned, or name, dates, path and key are all right.
    pub fn is_verified(&self) -> bool {
        self.signature_failure.is_none()
            && (self.pinned || (self.path.error_now.is_none() && self.names.matched.is_some()))
    }
}

/// Whether a certificate bears a wanted name (RFC 9525).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameMatch {
    /// The names that clients use for this service.
    pub wanted: Vec<String>,
    /// The one that the certificate bears.
    pub matched: Option<String>,
}

/// Whether a path leads to a trusted root. Dates are looked at apart, by asking twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFacts {
    /// Which collections of roots lead to it: `mozilla`, `system`, `given`.
    pub trusted_by: Vec<String>,
    /// Why there is no path now; none if there is one.
    pub error_now: Option<String>,
    /// Why there is no path even in the middle of the certificate's lifetime, when its dates are no hindrance.
    pub error_at_mid_life: Option<String>,
    /// Whether the dates of the certificates never fit together, so that nothing is known about the path.
    #[serde(default)]
    pub dates_in_the_way: bool,
    /// Whether the path exists only because a certificate that the server should have sent was given by the user.
    pub completed_by_given: bool,
}

/// A certificate, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// SHA-256 of the whole, in lower-case hex.
    pub sha256: String,
    /// Whom it is for, as a distinguished name, escaped.
    pub subject: String,
    /// Who signed it, as a distinguished name, escaped.
    pub issuer: String,
    /// The common name of the subject, escaped.
    pub common_name: Option<String>,
    /// The DNS names and addresses that it bears, escaped.
    pub names: Vec<String>,
    /// Serial number in lower-case hex.
    pub serial: String,
    /// Beginning of its lifetime, seconds since 1970.
    pub not_before: i64,
    /// End of its lifetime, seconds since 1970.
    pub not_after: i64,
    /// Kind of key, e.g. `RSA`, `EC`, `Ed25519`.
    pub key: String,
    /// Size of the key in bits.
    pub key_bits: u32,
    /// Name of the signature algorithm, e.g. `ecdsa-with-SHA256`.
    pub signature: String,
    /// Whether it may sign other certificates.
    pub is_ca: bool,
    /// Whether it names itself as its issuer and its own key verifies its signature.
    pub self_signed: bool,
    /// Key identifier of the subject, in hex.
    pub subject_key_id: Option<String>,
    /// Key identifier of the issuer, in hex.
    pub authority_key_id: Option<String>,
    /// Where the issuer's certificate can be had (AIA caIssuers), escaped.
    pub issuer_urls: Vec<String>,
    /// Whether it could be read; if not, what is wrong with it.
    pub unreadable: Option<String>,
    /// The certificate itself, DER in base64.
    pub der: String,
}

impl CertificateFacts {
    /// The length of its lifetime in seconds.
    pub fn lifetime(&self) -> i64 {
        self.not_after.saturating_sub(self.not_before)
    }
}

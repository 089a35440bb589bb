use super::{CertificateFacts, NameMatch, PathFacts};
use serde::{Deserialize, Serialize};

/// Certificates that a service showed in the clear, in answer to a hand-made hello in TLS 1.2 or below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownChain {
    /// The certificates, as sent: the server's own first.
    pub chain: Vec<CertificateFacts>,
    /// Which names were wanted and whether the server's certificate bears them.
    pub names: NameMatch,
    /// Whether a path leads from the certificate to a trusted root.
    pub path: PathFacts,
    /// Whether the certificate is pinned by the user.
    pub pinned: bool,
}

impl ShownChain {
    /// The server's own certificate.
    pub fn leaf(&self) -> Option<&CertificateFacts> {
        self.chain.first()
    }
}

//! TLS: what is trusted, a verifier that records instead of refusing, and certificates taken apart.

mod certificate;
mod handshake;
mod shown;
mod trust;
mod verifier;

pub use certificate::describe as describe_certificate;
pub(crate) use certificate::end_point;
pub(crate) use handshake::{TlsOutcome, begin, describe};
pub use shown::describe_chain;
pub use trust::{ClientIdentity, TlsSettings, Trust, TrustError};

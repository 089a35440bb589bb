//! Faults of certificates.

use super::{Acts, Fault, FaultMeta};
use crate::{CertificateKind, Settings};

const FAMILY: &str = "certificate";

/// A certificate of another kind.
pub(super) struct Certificate {
    meta: FaultMeta,
    make: fn(Option<&str>) -> Option<CertificateKind>,
    wanted: &'static str,
}

impl Fault for Certificate {
    fn meta(&self) -> &FaultMeta {
        &self.meta
    }

    fn check(&self, argument: Option<&str>) -> Result<(), &'static str> {
        (self.make)(argument).map(drop).ok_or(self.wanted)
    }

    fn configure(&self, settings: &mut Settings, argument: Option<&str>) {
        if let Some(kind) = (self.make)(argument) {
            settings.certificate = kind;
        }
    }
}

const fn plain(id: &'static str, make: fn(Option<&str>) -> Option<CertificateKind>) -> Certificate {
    Certificate {
        meta: FaultMeta { id, family: FAMILY, acts: Acts::Settings, example: None },
        make,
        wanted: "no argument",
    }
}

const fn with(
    id: &'static str,
    example: &'static str,
    wanted: &'static str,
    make: fn(Option<&str>) -> Option<CertificateKind>,
) -> Certificate {
    Certificate {
        meta: FaultMeta { id, family: FAMILY, acts: Acts::Settings, example: Some(example) },
        make,
        wanted,
    }
}

pub(super) static EXPIRED: Certificate = plain("cert-expired", |_| Some(CertificateKind::Expired));
pub(super) static NOT_YET_VALID: Certificate =
    plain("cert-not-yet-valid", |_| Some(CertificateKind::NotYetValid));
pub(super) static EXPIRING: Certificate = with("cert-expiring", "240", "a number of hours", |argument| {
    argument?.parse().ok().map(CertificateKind::Expiring)
});
pub(super) static WRONG_KEY: Certificate = plain("cert-wrong-key", |_| Some(CertificateKind::WrongKey));
pub(super) static SELF_SIGNED: Certificate = plain("cert-self-signed", |_| Some(CertificateKind::SelfSigned));
pub(super) static UNKNOWN_CA: Certificate =
    plain("cert-unknown-ca", |_| Some(CertificateKind::UnknownAuthority));
pub(super) static CHAIN_INCOMPLETE: Certificate =
    plain("cert-chain-incomplete", |_| Some(CertificateKind::ChainIncomplete));
pub(super) static WRONG_NAME: Certificate = plain("cert-wrong-name", |_| Some(CertificateKind::WrongName));
pub(super) static NAMES: Certificate =
    with("cert-names", "*.*.test", "names, separated by commas", |argument| {
        let names: Vec<String> = argument?.split(',').map(str::to_owned).collect();
        names.iter().all(|n| !n.is_empty() && n.is_ascii()).then_some(CertificateKind::Names(names))
    });
pub(super) static CN_ONLY: Certificate = plain("cert-cn-only", |_| Some(CertificateKind::CommonNameOnly));
pub(super) static ISSUER: Certificate =
    with("cert-issuer", "avast! Mail Shield Root", "a name", |argument| {
        argument.map(|name| CertificateKind::IssuedBy(name.to_owned()))
    });
pub(super) static RSA: Certificate =
    with("cert-rsa", "1024", "a number of bits from 512 to 8192", |argument| {
        argument?.parse().ok().filter(|bits| (512..=8192).contains(bits)).map(CertificateKind::Rsa)
    });
pub(super) static SHA1: Certificate = plain("cert-sha1", |_| Some(CertificateKind::Sha1));

//! Certificates of clients: everybody is asked for one and nobody needs one. Whom one names counts only if the lab's own
//! authority signed it; another one is no reason to end the handshake.

use crate::Lab;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// Takes any certificate, or none, as long as the client holds its key.
#[derive(Debug)]
pub(crate) struct Anybody {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Anybody {
    pub(crate) fn new(provider: &CryptoProvider) -> Anybody {
        Anybody { algorithms: provider.signature_verification_algorithms }
    }
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// No authority is named, so that a client sends whatever it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The account that a client's certificate names at `now` (seconds since 1970): by an address of the lab's domain, or else
/// by the common name. None if the lab's authority did not sign it, or if there is no such account.
pub(crate) fn named(chain: &[CertificateDer<'_>], lab: &Lab, now: i64) -> Option<String> {
    let (leaf, intermediates) = chain.split_first()?;
    let mut roots = RootCertStore::empty();
    roots.add(lab.authority().root_der().clone()).ok()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).ok()?));
    // Path building on a hostile chain costs time.
    const LONGEST_CHAIN: usize = 10;
    let intermediates = &intermediates[..intermediates.len().min(LONGEST_CHAIN)];
    verifier.verify_client_cert(leaf, intermediates, now).ok()?;
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    names(&leaf, lab.host_name()).into_iter().find_map(|name| lab.account_of(&name))
}

/// The local parts of the addresses in `domain`, and the common names.
fn names(certificate: &X509Certificate<'_>, domain: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        names.extend(extension.value.general_names.iter().filter_map(|name| match name {
            GeneralName::RFC822Name(address) => {
                let (local, host) = address.rsplit_once('@')?;
                host.eq_ignore_ascii_case(domain).then(|| local.to_owned())
            }
            _ => None,
        }));
    }
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    names.extend(common.map(str::to_owned));
    names
}

/// The digest of a certificate for `tls-server-end-point`; none where the binding is not defined.
pub(crate) fn end_point(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let algorithm = &certificate.signature_algorithm;
    let pss_hash = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => {
            Some(parameters.hash_algorithm_oid().to_id_string())
        }
        _ => None,
    };
    ehlo_wire::sasl::server_end_point(der, &algorithm.algorithm.to_id_string(), pss_hash.as_deref())
}

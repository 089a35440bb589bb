use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Which certificates are trusted: Mozilla's roots, this system's roots, and what the user gave. They are asked apart,
/// so that a report can tell them apart.
#[derive(Default)]
pub struct Trust {
    system: OnceLock<Arc<RootCertStore>>,
    mozilla: OnceLock<Arc<RootCertStore>>,
    given: Vec<CertificateDer<'static>>,
    pins: Vec<[u8; 32]>,
    without_defaults: bool,
}

/// Why what is to be trusted cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("{path}: {detail}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A pin is not a SHA-256 digest.
    #[error("{0:?} is no SHA-256 digest: 64 hexadecimal digits are wanted")]
    Pin(String),
}

/// A certificate and key with which we log in.
#[derive(Clone)]
pub struct ClientIdentity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<PrivateKeyDer<'static>>,
}

/// How TLS is done.
#[derive(Clone)]
pub struct TlsSettings {
    /// What is trusted.
    pub trust: Arc<Trust>,
    /// The server name to ask for instead of the host's.
    pub sni: Option<String>,
    /// Names that the certificate may bear, besides the host's.
    pub also_named: Vec<String>,
    /// Our own certificate.
    pub identity: Option<ClientIdentity>,
    /// The clock by which dates are judged, seconds since 1970.
    pub now: i64,
    /// The oldest version to offer: `1.2` or `1.3`.
    pub oldest: Option<String>,
    /// The newest.
    pub newest: Option<String>,
    /// The application protocols to offer (RFC 7301).
    pub alpn: Vec<String>,
}

impl Trust {
    /// Trusts Mozilla's roots and this system's.
    pub fn new() -> Trust {
        Trust::default()
    }

    /// Trusts nothing but what is given: for the embedded lab, whose only authority is its own.
    pub fn only_given() -> Trust {
        Trust { without_defaults: true, ..Trust::default() }
    }

    /// Trusts the certificates of a PEM file as well.
    ///
    /// # Errors
    /// [`TrustError::File`] if it cannot be read or holds no certificate.
    pub fn give_file(&mut self, path: &Path) -> Result<(), TrustError> {
        let failed = |detail: String| TrustError::File { path: path.to_owned(), detail };
        let bytes = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let certificates = certificates.map_err(|e| failed(e.to_string()))?;
        if certificates.is_empty() {
            return Err(failed("no certificate in PEM form in it".into()));
        }
        self.given.extend(certificates);
        Ok(())
    }

    /// Trusts this certificate as well.
    pub fn give(&mut self, certificate: CertificateDer<'static>) {
        self.given.push(certificate);
    }

    /// Trusts the certificate with this SHA-256 digest, whoever signed it. Colons may stand between the digits.
    ///
    /// # Errors
    /// [`TrustError::Pin`].
    pub fn pin(&mut self, digest: &str) -> Result<(), TrustError> {
        let bad = || TrustError::Pin(digest.to_owned());
        let digits: Vec<u8> = digest.bytes().filter(|b| !matches!(b, b':' | b' ')).collect();
        if digits.len() != 64 {
            return Err(bad());
        }
        let mut pin = [0; 32];
        for (byte, pair) in pin.iter_mut().zip(digits.chunks_exact(2)) {
            let text = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(text, 16).map_err(|_| bad())?;
        }
        self.pins.push(pin);
        Ok(())
    }

    pub(crate) fn is_pinned(&self, certificate: &CertificateDer<'_>) -> bool {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        self.pins.iter().any(|pin| pin == digest.as_ref())
    }

    /// The collections of roots, by name. A given certificate counts as a root here, whatever it is.
    pub(crate) fn collections(&self) -> Vec<(&'static str, Arc<RootCertStore>)> {
        let mut found = Vec::new();
        if !self.without_defaults {
            found.push(("mozilla", Arc::clone(self.mozilla.get_or_init(mozilla))));
            found.push(("system", Arc::clone(self.system.get_or_init(system))));
        }
        if !self.given.is_empty() {
            found.push(("given", Arc::new(store(&self.given))));
        }
        found
    }

    /// The given certificates that signed themselves: what other people's programs may know as well.
    pub(crate) fn given_roots(&self) -> RootCertStore {
        let roots: Vec<_> = self.given.iter().filter(|c| is_self_issued(c)).cloned().collect();
        store(&roots)
    }
}

impl ClientIdentity {
    /// Reads certificate chain and key from PEM files.
    ///
    /// # Errors
    /// [`TrustError::File`] for the file that cannot be read.
    pub fn read(certificate: &Path, key: &Path) -> Result<ClientIdentity, TrustError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|e| TrustError::File { path: path.to_owned(), detail: e.to_string() })
        };
        let failed = |path: &Path, detail: String| TrustError::File { path: path.to_owned(), detail };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
        let chain = chain.map_err(|e| failed(certificate, e.to_string()))?;
        if chain.is_empty() {
            return Err(failed(certificate, "no certificate in PEM form in it".into()));
        }
        let key_der = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| failed(key, e.to_string()))?;
        Ok(ClientIdentity { chain, key: Arc::new(key_der) })
    }
}

fn mozilla() -> Arc<RootCertStore> {
    Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

fn system() -> Arc<RootCertStore> {
    Arc::new(store(&rustls_native_certs::load_native_certs().certs))
}

fn store(certificates: &[CertificateDer<'static>]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    store
}

fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, c)| c.subject() == c.issuer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_digests() {
        let mut trust = Trust::new();
        assert!(trust.pin(&"ab".repeat(32)).is_ok());
        assert!(trust.pin(&["AB"; 32].join(":")).is_ok());
        for bad in ["", "ab", &"zz".repeat(32), &"é".repeat(32)] {
            assert!(trust.pin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unreadable_files_are_named() {
        let error = Trust::new().give_file(Path::new("/nonexistent/ca.pem")).unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/ca.pem: "), "{error}");
    }
}

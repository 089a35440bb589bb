use super::certificate;
use super::handshake::{names, path, wanted, when_all_are_valid};
use super::trust::TlsSettings;
use super::verifier::Seen;
use ehlo_core::facts::ShownChain;
use rustls::pki_types::CertificateDer;

/// Takes certificates apart that a server showed without a session (DER, its own first), and looks whether they would do
/// for `host`: by the same names, roots and clock as those of a session.
pub fn describe_chain(chain: &[Vec<u8>], host: &str, settings: &TlsSettings) -> ShownChain {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let seen = Seen { chain, ..Seen::default() };
    let described: Vec<_> = seen.chain.iter().map(|c| certificate::describe(c)).collect();
    let mid_life = when_all_are_valid(&described).unwrap_or(settings.now);
    ShownChain {
        names: names(&seen, &wanted(settings, host)),
        path: path(&seen, &settings.trust, settings.now, mid_life),
        pinned: seen.chain.first().is_some_and(|c| settings.trust.is_pinned(c)),
        chain: described,
    }
}

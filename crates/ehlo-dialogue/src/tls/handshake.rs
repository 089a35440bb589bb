use super::certificate;
use super::trust::{TlsSettings, Trust};
use super::verifier::{Recorder, Seen};
use ehlo_core::escape;
use ehlo_core::facts::{CertificateFacts, NameMatch, PathFacts, TlsFacts};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, Error, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// A TLS session that has begun, and where what the server shows is recorded.
pub(crate) struct TlsOutcome {
    recorder: Arc<Recorder>,
    sni: Option<String>,
    wanted: Vec<String>,
}

/// Begins a TLS session with the server that was named `host`.
pub(crate) fn begin(settings: &TlsSettings, host: &str) -> Result<(ClientConnection, TlsOutcome), Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let recorder = Arc::new(Recorder::new(provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(settings))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&recorder) as _);
    let mut config = match &settings.identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = settings.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    // A tester wants to see the whole handshake each time.
    config.resumption = rustls::client::Resumption::disabled();
    let asked = settings.sni.as_deref().unwrap_or(host);
    let name = match ServerName::try_from(asked.to_owned()) {
        Ok(name) => name,
        // Not a name that a certificate can bear: no server name is sent, and none will match.
        Err(_) => {
            config.enable_sni = false;
            ServerName::IpAddress(std::net::IpAddr::from([0, 0, 0, 0]).into())
        }
    };
    let sni = matches!(name, ServerName::DnsName(_)).then(|| asked.to_owned());
    let wanted = wanted(settings, host);
    let connection = ClientConnection::new(Arc::new(config), name)?;
    Ok((connection, TlsOutcome { recorder, sni, wanted }))
}

/// The names that the certificate of a server that was named `host` may bear.
pub(super) fn wanted(settings: &TlsSettings, host: &str) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for name in std::iter::once(host.to_owned()).chain(settings.also_named.iter().cloned()) {
        if !name.is_empty() && !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    wanted
}

/// The versions to offer.
fn versions(settings: &TlsSettings) -> Vec<&'static rustls::SupportedProtocolVersion> {
    let fits = |version: &str| {
        settings.oldest.as_deref().is_none_or(|oldest| version >= oldest)
            && settings.newest.as_deref().is_none_or(|newest| version <= newest)
    };
    let all = [("1.3", &rustls::version::TLS13), ("1.2", &rustls::version::TLS12)];
    all.into_iter().filter(|(name, _)| fits(name)).map(|(_, version)| version).collect()
}

/// What a finished handshake came to.
pub(crate) fn describe(
    connection: &ClientConnection,
    outcome: &TlsOutcome,
    settings: &TlsSettings,
    took: Duration,
) -> TlsFacts {
    let seen = outcome.recorder.seen();
    let chain: Vec<_> = seen.chain.iter().map(|c| certificate::describe(c)).collect();
    let mid_life = when_all_are_valid(&chain).unwrap_or(settings.now);
    let text = |name: Option<&str>| name.unwrap_or("?").to_owned();
    TlsFacts {
        version: match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".into(),
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".into(),
            other => text(other.and_then(|v| v.as_str())),
        },
        suite: text(connection.negotiated_cipher_suite().and_then(|s| s.suite().as_str()))
            .replace("TLS13_", "TLS_"),
        group: connection.negotiated_key_exchange_group().and_then(|g| g.name().as_str()).map(group_name),
        sni: outcome.sni.clone(),
        alpn: connection.alpn_protocol().map(ehlo_core::escape),
        names: names(&seen, &outcome.wanted),
        path: path(&seen, &settings.trust, settings.now, mid_life),
        signature_failure: match (&seen.signature_failure, seen.signature_checked) {
            (Some(failure), _) => Some(escape(failure.as_bytes())),
            (None, true) => None,
            (None, false) => Some("the server did not prove that it holds the key".into()),
        },
        pinned: seen.chain.first().is_some_and(|c| settings.trust.is_pinned(c)),
        stapled: seen.stapled,
        took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        at: None,
        chain,
    }
}

/// A moment when all certificates of a chain are valid, or else the middle of the first one's lifetime.
pub(super) fn when_all_are_valid(chain: &[CertificateFacts]) -> Option<i64> {
    let from = chain.iter().map(|c| c.not_before).max()?;
    let to = chain.iter().map(|c| c.not_after).min()?;
    let leaf = chain.first()?;
    Some(if from <= to { from + (to - from) / 2 } else { leaf.not_before + leaf.lifetime() / 2 })
}

/// The registry's name of a group, e.g. `x25519`, `secp256r1`.
fn group_name(name: &str) -> String {
    match name {
        "X25519" => "x25519".into(),
        other => other.to_owned(),
    }
}

pub(super) fn names(seen: &Seen, wanted: &[String]) -> NameMatch {
    let leaf = seen.chain.first().and_then(|c| ParsedCertificate::try_from(c).ok());
    let matched = wanted.iter().find(|name| {
        let (Some(leaf), Ok(name)) = (&leaf, ServerName::try_from(name.as_str())) else { return false };
        verify_server_name(leaf, &name).is_ok()
    });
    NameMatch { wanted: wanted.to_vec(), matched: matched.cloned() }
}

pub(super) fn path(seen: &Seen, trust: &Trust, now: i64, mid_life: i64) -> PathFacts {
    let collections = trust.collections();
    let try_at = |roots: &RootCertStore, at: i64| lead(&seen.chain, roots, at);
    let mut facts = PathFacts {
        trusted_by: Vec::new(),
        error_now: None,
        error_at_mid_life: None,
        dates_in_the_way: false,
        completed_by_given: false,
    };
    let mut errors_now = Vec::new();
    let mut errors_then = Vec::new();
    for (name, roots) in &collections {
        match try_at(roots, now) {
            Ok(()) => facts.trusted_by.push((*name).to_owned()),
            Err(error) => errors_now.push(error.to_string()),
        }
        if let Err(error) = try_at(roots, mid_life) {
            errors_then.push(error);
        }
    }
    if facts.trusted_by.is_empty() {
        let first = errors_now.into_iter().next();
        facts.error_now =
            Some(first.map_or_else(|| "nothing is trusted".into(), |e: String| escape(e.as_bytes())));
    }
    if errors_then.len() == collections.len() {
        facts.dates_in_the_way = errors_then.iter().any(is_about_dates);
        let first = errors_then.into_iter().next();
        facts.error_at_mid_life =
            Some(first.map_or_else(|| "nothing is trusted".into(), |e| escape(e.to_string().as_bytes())));
    }
    // Trusted only because the user gave an intermediate that the server should have sent.
    let others = collections.iter().filter(|(name, _)| *name != "given");
    facts.completed_by_given = facts.error_at_mid_life.is_none()
        && try_at(&trust.given_roots(), mid_life).is_err()
        && others.into_iter().all(|(_, roots)| try_at(roots, mid_life).is_err());
    facts
}

/// Whether a path leads from the first certificate to a root.
fn lead(chain: &[CertificateDer<'static>], roots: &RootCertStore, at: i64) -> Result<(), Error> {
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Err(Error::General("no certificate".into()));
    };
    // A chain is capped: path building on a hostile one costs time (RUSTSEC-2023-0053).
    const LONGEST_CHAIN: usize = 10;
    let intermediates = &intermediates[..intermediates.len().min(LONGEST_CHAIN)];
    let parsed = ParsedCertificate::try_from(leaf)?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or(0)));
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, at, algorithms.all)
}

fn is_about_dates(error: &Error) -> bool {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(
        error,
        Error::InvalidCertificate(Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
    )
}

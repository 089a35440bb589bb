//! Faults of what TLS takes. No weak key is ever made: see `weak_tls.rs`.

use super::rule::{NOTHING, Rule, takes};
use crate::CertificateKind;
use crate::weak_tls::ODDITIES;
use ehlo_wire::tls::{Group, Suite, Version};

const FAMILY: &str = "tls";

fn version(argument: &str) -> Option<Version> {
    match argument {
        "ssl3" => Some(Version::SSL3),
        "1.0" => Some(Version::TLS10),
        "1.1" => Some(Version::TLS11),
        _ => None,
    }
}

fn bits(argument: &str) -> Option<usize> {
    argument.parse().ok().filter(|bits| (512..=8192).contains(bits) && bits % 8 == 0)
}

fn second(argument: &str) -> Option<CertificateKind> {
    match argument {
        "good" => Some(CertificateKind::Good),
        "expired" => Some(CertificateKind::Expired),
        "not-yet-valid" => Some(CertificateKind::NotYetValid),
        "wrong-name" => Some(CertificateKind::WrongName),
        "unknown-ca" => Some(CertificateKind::UnknownAuthority),
        "short" => Some(CertificateKind::Rsa(1024)),
        _ => None,
    }
}

fn names(argument: &str) -> Option<Vec<String>> {
    let names: Vec<String> = argument.split(',').map(str::to_owned).collect();
    names.iter().all(|n| !n.is_empty() && n.is_ascii()).then_some(names)
}

fn intolerance(argument: &str) -> Option<&'static str> {
    ODDITIES.iter().map(|(id, _)| *id).find(|id| *id == argument)
}

/// Hellos that are unusual in a way are not borne.
pub(super) static INTOLERANT: Rule = Rule::setting(
    "tls-intolerant",
    FAMILY,
    takes(
        "grease-suites",
        "one of grease-suites, grease-groups, grease-extensions, grease-versions, empty-last, many-suites, two-records, newer-version",
        |a| intolerance(a).is_some(),
    ),
    |settings, argument| settings.weak_tls.intolerant = intolerance(argument),
);

/// There is a second certificate for an RSA key.
pub(super) static SECOND: Rule = Rule::setting(
    "tls-second-certificate",
    FAMILY,
    takes("expired", "one of good, expired, not-yet-valid, wrong-name, unknown-ca, short", |a| {
        second(a).is_some()
    }),
    |settings, argument| settings.weak_tls.second = second(argument),
);

/// Who asks for another server name, or for none, is shown another certificate.
pub(super) static DEFAULT_CERTIFICATE: Rule = Rule::setting(
    "tls-default-certificate",
    FAMILY,
    takes("www.lab.test", "names, separated by commas", |a| names(a).is_some()),
    |settings, argument| settings.default_certificate = names(argument),
);

/// Who asks for another server name, or for none, is refused.
pub(super) static ONLY_NAMES: Rule = Rule::setting(
    "tls-only-names",
    FAMILY,
    takes("lab.test", "names, separated by commas", |a| names(a).is_some()),
    |settings, argument| settings.weak_tls.only_names = names(argument).unwrap_or_default(),
);

/// Versions below TLS 1.2 are taken, down to this one.
pub(super) static OLDEST: Rule = Rule::setting(
    "tls-oldest",
    FAMILY,
    takes("1.0", "a version: ssl3, 1.0, 1.1", |a| version(a).is_some()),
    |settings, argument| settings.weak_tls.oldest = version(argument),
);

/// A suite is taken that is not recommended.
pub(super) static SUITE: Rule = Rule::setting(
    "tls-suite",
    FAMILY,
    takes("TLS_RSA_WITH_RC4_128_SHA", "the registered name of a cipher suite", |a| Suite::named(a).is_some()),
    |settings, argument| settings.weak_tls.suites.extend(Suite::named(argument)),
);

/// Diffie-Hellman in a finite field is taken, with a prime of this size.
pub(super) static DH: Rule = Rule::setting(
    "tls-dh",
    FAMILY,
    takes("1024", "a number of bits from 512 to 8192, a multiple of 8", |a| bits(a).is_some()),
    |settings, argument| {
        settings.weak_tls.dh_bits = bits(argument);
        settings.weak_tls.suites.push(Suite(0x009e));
    },
);

/// Diffie-Hellman in a finite field is what the server would like best, and fails.
pub(super) static DH_FAILS: Rule =
    Rule::setting("tls-dh-fails", FAMILY, NOTHING, |settings, _| settings.weak_tls.dh_fails = true);

/// Below TLS 1.2 suites with a signature are what the server would like best, and fail.
pub(super) static OLD_FAILS: Rule =
    Rule::setting("tls-old-fails", FAMILY, NOTHING, |settings, _| settings.weak_tls.old_fails = true);

/// TLS 1.2 is refused.
pub(super) static NO_12: Rule =
    Rule::setting("tls-12-refused", FAMILY, NOTHING, |settings, _| settings.weak_tls.no_tls12 = true);

/// TLS 1.3 is refused.
pub(super) static NO_13: Rule =
    Rule::setting("tls-13-refused", FAMILY, NOTHING, |settings, _| settings.weak_tls.no_tls13 = true);

/// Nothing recommended is taken: neither TLS 1.3 nor AEAD with a fresh key.
pub(super) static NOTHING_GOOD: Rule = Rule::setting("tls-only-dated", FAMILY, NOTHING, |settings, _| {
    settings.weak_tls.nothing_good = true;
    settings.weak_tls.suites.push(Suite(0xc013));
});

/// TLS compresses.
pub(super) static COMPRESSION: Rule =
    Rule::setting("tls-compression", FAMILY, NOTHING, |settings, _| settings.weak_tls.compression = true);

/// Secure renegotiation is unknown.
pub(super) static NO_RENEGOTIATION_INFO: Rule =
    Rule::setting("tls-no-renegotiation-info", FAMILY, NOTHING, |settings, _| {
        settings.weak_tls.no_renegotiation_info = true;
    });

/// The extended master secret is unknown.
pub(super) static NO_EMS: Rule =
    Rule::setting("tls-no-extended-master-secret", FAMILY, NOTHING, |settings, _| {
        settings.weak_tls.no_extended_master_secret = true;
    });

/// CBC is not protected by encrypt-then-MAC.
pub(super) static MAC_OUTSIDE: Rule =
    Rule::setting("tls-no-encrypt-then-mac", FAMILY, NOTHING, |settings, _| {
        settings.weak_tls.mac_outside = true;
    });

/// A needless fallback is overlooked.
pub(super) static FALLBACK_IGNORED: Rule =
    Rule::setting("tls-fallback-ignored", FAMILY, NOTHING, |settings, _| {
        settings.weak_tls.fallback_ignored = true;
    });

/// A key exchange group is taken beside the usual ones.
pub(super) static GROUP: Rule = Rule::setting(
    "tls-group",
    FAMILY,
    takes("secp192r1", "the registered name of a key exchange group", |a| Group::named(a).is_some()),
    |settings, argument| settings.weak_tls.groups.extend(Group::named(argument)),
);

/// The client's order of suites counts.
pub(super) static CLIENT_ORDER: Rule =
    Rule::setting("tls-client-order", FAMILY, NOTHING, |settings, _| settings.weak_tls.client_order = true);

/// Handshakes are signed with SHA-1 for who wants that.
pub(super) static SHA1: Rule =
    Rule::setting("tls-sha1", FAMILY, NOTHING, |settings, _| settings.weak_tls.sha1 = true);

/// Whatever application protocol is asked for is selected.
pub(super) static ALPN_ECHOED: Rule =
    Rule::setting("tls-alpn-echoed", FAMILY, NOTHING, |settings, _| settings.weak_tls.alpn_echoed = true);

/// Who asks for an application protocol that is not one of mail is refused, as RFC 7301 wants it.
pub(super) static ALPN_REFUSED: Rule =
    Rule::setting("tls-alpn-refused", FAMILY, NOTHING, |settings, _| settings.weak_tls.alpn_refused = true);

/// Heartbeats are taken part in.
pub(super) static HEARTBEAT: Rule =
    Rule::setting("tls-heartbeat", FAMILY, NOTHING, |settings, _| settings.weak_tls.heartbeat = true);

/// What is not taken is answered by hanging up, without an alert.
pub(super) static NO_ALERTS: Rule =
    Rule::setting("tls-no-alerts", FAMILY, NOTHING, |settings, _| settings.weak_tls.no_alerts = true);

/// SSL 2.0 is spoken.
pub(super) static SSL2: Rule =
    Rule::setting("tls-ssl2", FAMILY, NOTHING, |settings, _| settings.weak_tls.ssl2 = true);

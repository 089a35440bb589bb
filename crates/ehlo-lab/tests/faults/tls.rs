//! What weak TLS looks like on the wire.

use super::lab;
use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{Connection, Service, Step};
use ehlo_wire::tls::{
    ClientHello, Extension, ExtensionType, Extensions as _, Flight, FlightReader, Group, SignatureScheme,
    Ssl2ClientHello, Suite, Version,
};

const IMAPS: Service = Service { scheme: Scheme::Imaps, family: Family::V4 };

/// What a lab with these faults answers to a hello.
fn answered(faults: &[&str], hello: &[u8]) -> Flight {
    let mut connection = Connection::new(&lab(faults), IMAPS, "192.0.2.1", Tick(0));
    let mut reader = FlightReader::new(0);
    // In two portions, as a network may cut it.
    for portion in [&hello[..9], &hello[9..]] {
        connection.handle(portion, Tick(0));
        while let Step::Transmit(bytes) = connection.poll(Tick(0)) {
            reader.feed(&bytes);
        }
    }
    reader.finish()
}

#[test]
fn groups_are_taken_beside_the_usual_ones() {
    let ask = |fault: &str, version: Version, suite: u16, groups: &[Group]| {
        let mut hello = ClientHello::new(version, [1; 32], vec![Suite(suite)])
            .with(Extension::renegotiation_info())
            .with(Extension::supported_groups(groups))
            .with(Extension::signature_algorithms(&[SignatureScheme::ECDSA_SECP256R1_SHA256]));
        if version == Version::TLS13 {
            hello = hello.with(Extension::supported_versions(&[version])).with(Extension::no_key_share());
        }
        let flight = answered(&[fault], &hello.encode());
        let of_curve = flight.key_exchange.and_then(|e| e.group());
        of_curve.or_else(|| flight.hello.and_then(|h| h.key_share()))
    };
    let weak = "tls-group=secp192r1";
    assert_eq!(ask(weak, Version::TLS12, 0xc02b, &[Group::SECP192R1]), Some(Group::SECP192R1));
    // What is usual goes first before TLS 1.3, and the fault names one group alone.
    let usual = ask(weak, Version::TLS12, 0xc02b, &[Group::SECP192R1, Group::SECP256R1]);
    assert_eq!(usual, Some(Group::SECP256R1));
    assert_eq!(ask(weak, Version::TLS12, 0xc02b, &[Group::SECT163R1]), None);
    let both = &[Group::X25519, Group::X25519MLKEM768];
    let mixed = "tls-group=X25519MLKEM768";
    assert_eq!(ask(mixed, Version::TLS13, 0x1301, both), Some(Group::X25519MLKEM768));
    assert_eq!(ask(weak, Version::TLS13, 0x1301, both), Some(Group::X25519));
}

/// What the lab says to a hello that offers these suites in this version, in hex and shortened; and if it closes.
fn hello(faults: &[&str], version: Version, suites: &[u16]) -> String {
    let suites = suites.iter().map(|s| Suite(*s)).collect();
    let hello = match version {
        Version::SSL2 => Ssl2ClientHello::new([1; 16]).encode(),
        _ => {
            let mut hello = ClientHello::new(version, [1; 32], suites)
                .with(Extension::renegotiation_info())
                .with(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET))
                .with(Extension::empty(ExtensionType::ENCRYPT_THEN_MAC))
                .with(Extension::supported_groups(&[Group::SECP256R1]))
                .with(Extension::signature_algorithms(&[SignatureScheme::ECDSA_SHA1]))
                .with(Extension::alpn(&["http/1.1"]))
                .with(Extension::heartbeat());
            hello.compressions = vec![1, 0];
            hello.encode()
        }
    };
    let flight = answered(faults, &hello);
    if let Some(ssl2) = flight.ssl2 {
        return format!("{} {}", ssl2.version, ssl2.ciphers.len());
    }
    let Some(hello) = flight.hello else { return flight.alert.map_or("-".into(), |a| a.to_string()) };
    let exchange = flight.key_exchange;
    let has = |kind, word: &'static str| if hello.has(kind) { word } else { "" };
    format!(
        "{} {}{}{}{}{}{}{}{}{}",
        hello.chosen(),
        hello.suite,
        if hello.compression == 1 { " deflate" } else { "" },
        has(ExtensionType::RENEGOTIATION_INFO, " reneg"),
        has(ExtensionType::EXTENDED_MASTER_SECRET, " ems"),
        has(ExtensionType::ENCRYPT_THEN_MAC, " etm"),
        exchange.as_ref().and_then(|e| e.bits()).map_or(String::new(), |bits| format!(" {bits}")),
        exchange.and_then(|e| e.signature).map_or(String::new(), |s| format!(" {s}")),
        has(ExtensionType::ALPN, " alpn"),
        has(ExtensionType::HEARTBEAT, " heartbeat"),
    )
}

#[test]
fn weak_tls_is_taken_on_request() {
    let rsa = &[0x009c, 0x002f, 0x0005][..];
    for (faults, version, suites, expected) in [
        (&[][..], Version::TLS12, rsa, "handshake_failure"),
        (&[], Version::TLS11, rsa, "protocol_version"),
        (
            &["tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA"],
            Version::TLS12,
            rsa,
            "TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA reneg ems etm",
        ),
        (
            &["tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA", "tls-no-encrypt-then-mac"],
            Version::TLS12,
            rsa,
            "TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA reneg ems",
        ),
        (&["tls-suite=TLS_RSA_WITH_RC4_128_SHA"], Version::TLS11, rsa, "protocol_version"),
        (
            &["tls-suite=TLS_RSA_WITH_RC4_128_SHA", "tls-oldest=1.0"],
            Version::TLS10,
            rsa,
            "TLSv1.0 TLS_RSA_WITH_RC4_128_SHA reneg ems",
        ),
        (&["tls-oldest=1.0"], Version::SSL3, &[0xc009], "protocol_version"),
        (
            &["tls-oldest=ssl3", "tls-no-encrypt-then-mac"],
            Version::SSL3,
            &[0xc009],
            "SSLv3 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA reneg ems",
        ),
        (&["tls-oldest=1.1"], Version::TLS11, &[0xc009, 0x5600], "inappropriate_fallback"),
        (
            &["tls-oldest=1.1", "tls-fallback-ignored"],
            Version::TLS11,
            &[0xc009, 0x5600],
            "TLSv1.1 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA reneg ems etm",
        ),
        (&["tls-12-refused"], Version::TLS12, &[0xc02b], "protocol_version"),
        (
            &["tls-dh=1024", "tls-sha1"],
            Version::TLS12,
            &[0x009e],
            "TLSv1.2 TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 reneg ems 1024 ecdsa_sha1",
        ),
        (&["tls-dh=1024"], Version::TLS12, &[0x009e], "handshake_failure"),
        (
            &["tls-sha1"],
            Version::TLS12,
            &[0xc02b],
            "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 reneg ems ecdsa_sha1",
        ),
        (
            &["tls-sha1", "tls-compression", "tls-no-renegotiation-info", "tls-no-extended-master-secret"],
            Version::TLS12,
            &[0xc02b],
            "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 deflate ecdsa_sha1",
        ),
        (&["tls-only-dated", "tls-sha1"], Version::TLS12, &[0xc02b], "handshake_failure"),
        (&["tls-ssl2"], Version::SSL2, &[], "SSLv2 2"),
        (
            &["tls-dh-fails", "tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA"],
            Version::TLS12,
            &[0x002f, 0x0033],
            "internal_error",
        ),
        (
            &["tls-dh-fails", "tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA"],
            Version::TLS12,
            rsa,
            "TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA reneg ems etm",
        ),
        (&["tls-old-fails"], Version::TLS11, &[0x002f, 0xc009], "internal_error"),
        (
            &["tls-client-order", "tls-suite=TLS_RSA_WITH_AES_128_CBC_SHA"],
            Version::TLS12,
            &[0x002f, 0xc02b],
            "TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA reneg ems etm",
        ),
        (&["tls-old-fails"], Version::TLS11, rsa, "protocol_version"),
        (&["tls-no-alerts"], Version::TLS11, rsa, "-"),
        (
            &["tls-no-alerts", "tls-oldest=1.1"],
            Version::TLS11,
            &[0xc009],
            "TLSv1.1 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA reneg ems etm",
        ),
        (&["tls-oldest=ssl3"], Version::SSL2, &[], "protocol_version"),
        (&["tls-alpn-refused"], Version::TLS12, &[0xc02b], "no_application_protocol"),
        (&["tls-intolerant=grease-suites"], Version::TLS12, &[0x3a3a, 0xc02b], "-"),
        (&["tls-only-names=lab.test"], Version::TLS12, &[0xc02b], "unrecognized_name"),
        (
            &["tls-alpn-echoed", "tls-heartbeat", "tls-sha1"],
            Version::TLS12,
            &[0xc02b],
            "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 reneg ems ecdsa_sha1 alpn heartbeat",
        ),
        (
            &["tls-second-certificate=good", "tls-sha1"],
            Version::TLS12,
            &[0xc02f],
            "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 reneg ems rsa_pkcs1_sha1",
        ),
        (&["tls-sha1"], Version::TLS12, &[0xc02f], "handshake_failure"),
    ] {
        assert_eq!(hello(faults, version, suites), expected, "{faults:?} {version}");
    }
    // The library itself leaves out what it is told to.
    let version = |faults: &[&str]| lab(faults).settings(IMAPS).weak_tls.no_tls13;
    assert!(version(&["tls-13-refused"]) && !version(&["tls-12-refused"]));
}

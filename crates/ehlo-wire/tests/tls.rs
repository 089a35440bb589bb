//! The codec of TLS: flights of OpenSSL and our own, whole, byte by byte and broken; tls-parser reads the same.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::{DeviationKind, Side};
use ehlo_wire::tls::{
    Alert, ClientHello, ClientHelloReader, Extension, ExtensionType, Extensions, Flight, FlightReader, Group,
    Opening, Parameters, Progress, ServerHello, ServerKeyExchange, SignatureScheme, Ssl2Cipher,
    Ssl2ClientHello, Ssl2ServerHello, Suite, Version, alert, write_flight,
};
use proptest::prelude::*;
use std::path::Path;
use tls_parser::{TlsMessage, TlsMessageHandshake};

/// What OpenSSL 3.0 said, as hex: `NAME.client.hex` and `NAME.server.hex`.
fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(format!("{name}.hex"));
    unhex(&std::fs::read_to_string(path).unwrap())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const NAMES: &[&str] = &[
    "refused",
    "small-records",
    "tls10-ecdhe-rsa",
    "tls11-null",
    "tls12-anonymous",
    "tls12-dhe",
    "tls12-ecdhe-ecdsa",
    "tls12-static-rsa-client-certificate",
    "tls13",
    "tls13-retry",
];

/// A flight fed in portions.
fn read(bytes: &[u8], portion: usize) -> (Progress, Flight) {
    let mut reader = FlightReader::new(0);
    let mut progress = Progress::More;
    for piece in bytes.chunks(portion.max(1)) {
        progress = reader.feed(piece);
        if progress != Progress::More {
            break;
        }
    }
    (progress, reader.finish())
}

fn opening(bytes: &[u8], portion: usize) -> Opening {
    let mut reader = ClientHelloReader::new();
    let mut found = Opening::Incomplete;
    for piece in bytes.chunks(portion.max(1)) {
        found = reader.feed(piece);
        if found != Opening::Incomplete {
            break;
        }
    }
    found
}

fn told(name: &str, flight: &Flight) -> String {
    let mut line = format!("{name}:");
    if let Some(hello) = &flight.hello {
        line += &format!(" {} {}", hello.chosen(), hello.suite);
        if hello.is_retry() {
            line += " retry";
        }
        if let Some(group) = hello.key_share() {
            line += &format!(" group={group}");
        }
        let kinds: Vec<String> = hello.extensions.iter().map(|e| e.kind.to_string()).collect();
        line += &format!(" [{}]", kinds.join(" "));
        if let Some(better) = hello.could_do_better() {
            line += &format!(" could={better}");
        }
    }
    line += &format!(" certificates={}", flight.certificates.len());
    if let Some(exchange) = &flight.key_exchange {
        match &exchange.parameters {
            Parameters::Curve { group, point } => line += &format!(" curve={group} point={}", point.len()),
            Parameters::Dh { generator, .. } => {
                line += &format!(" dh={} g={generator:?}", exchange.bits().unwrap());
            }
            other => line += &format!(" {other:?}"),
        }
        if let Some(signature) = exchange.signature {
            line += &format!(" signed={signature}");
        }
    }
    if let Some(request) = &flight.certificate_request {
        line += &format!(" asks schemes={} authorities={}", request.schemes.len(), request.authorities.len());
    }
    if let Some(alert) = flight.alert {
        line += &format!(" alert={alert}");
    }
    line + &format!(" done={} deviations={}", flight.done, flight.deviations.len())
}

#[test]
fn what_openssl_says() {
    let mut lines = Vec::new();
    for name in NAMES {
        let bytes = fixture(&format!("{name}.server"));
        let (progress, flight) = read(&bytes, usize::MAX);
        assert_eq!(progress, Progress::Done, "{name}");
        lines.push(told(name, &flight));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn in_portions_it_is_the_same() {
    for name in NAMES {
        let server = fixture(&format!("{name}.server"));
        let client = fixture(&format!("{name}.client"));
        for portion in [1, 2, 3, 7, 100] {
            assert_eq!(read(&server, portion), read(&server, usize::MAX), "{name} by {portion}");
            assert_eq!(opening(&client, portion), opening(&client, usize::MAX), "{name} by {portion}");
        }
    }
}

#[test]
fn hellos_of_openssl_are_written_as_they_were_read() {
    for name in NAMES {
        let bytes = fixture(&format!("{name}.client"));
        let Opening::Hello(hello, deviations) = opening(&bytes, usize::MAX) else { panic!("{name}") };
        assert_eq!(deviations, [], "{name}");
        assert_eq!(hello.encode(), bytes, "{name}");
    }
}

#[test]
fn what_is_cut_off_is_incomplete_and_said_so() {
    for name in NAMES {
        let bytes = fixture(&format!("{name}.server"));
        for length in 1..bytes.len() {
            let (progress, flight) = read(&bytes[..length], usize::MAX);
            assert_eq!(progress, Progress::More, "{name} {length}");
            assert!(!flight.done && flight.alert.is_none(), "{name} {length}");
            assert!(flight.deviations.iter().all(|d| d.kind == DeviationKind::TlsBadLength));
        }
    }
}

#[test]
fn what_is_no_tls() {
    for text in [&b"220 mail.example.org ESMTP\r\n"[..], b"* OK hello\r\n", b"\0\0\0\0\0", b"\x16\x02\0\0\0"]
    {
        assert_eq!(read(text, usize::MAX).0, Progress::NotTls, "{text:?}");
        assert_eq!(opening(text, usize::MAX), Opening::Other, "{text:?}");
    }
}

#[test]
fn a_flood_is_given_up() {
    let mut reader = FlightReader::new(0);
    // Warnings for ever.
    let warning = alert(Version::TLS12, false, Alert::UNRECOGNIZED_NAME);
    let mut progress = Progress::More;
    let mut fed = 0;
    while progress == Progress::More {
        fed += 7 * 1000;
        progress = reader.feed(&warning.repeat(1000));
    }
    assert_eq!(progress, Progress::TooLarge);
    assert!(fed < 600 * 1024);
    assert!(reader.finish().warnings.len() <= 10);
    // A message that announces sixteen megabytes.
    assert_eq!(read(b"\x16\x03\x03\0\x04\x02\xff\xff\xff", usize::MAX).0, Progress::TooLarge);
}

#[test]
fn our_own_flights_are_read_as_they_were_written() {
    let hello = ServerHello::new(Version::TLS12, [9; 32], Suite(0x009e))
        .with(Extension::renegotiation_info())
        .with(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET));
    let exchange = ServerKeyExchange {
        parameters: Parameters::Dh { prime: vec![0xff; 128], generator: vec![2], share: vec![7; 128] },
        signature: Some(SignatureScheme::RSA_PKCS1_SHA1),
    };
    let flight = Flight {
        hello: Some(hello),
        certificates: vec![vec![0x30; 40_000], vec![0x31; 10]],
        key_exchange: Some(exchange),
        done: true,
        ..Flight::default()
    };
    let (progress, found) = read(&write_flight(&flight), 1000);
    assert_eq!(progress, Progress::Done);
    assert_eq!(found, flight);
    assert_eq!(found.key_exchange.unwrap().bits(), Some(1024));

    let retry = Flight {
        hello: Some(ServerHello::retry(Suite(0x1301), Group::X25519MLKEM768)),
        done: true,
        ..Flight::default()
    };
    let (_, found) = read(&write_flight(&retry), 1);
    let hello = found.hello.unwrap();
    assert!(hello.is_retry() && hello.chosen() == Version::TLS13);
    assert_eq!(hello.key_share(), Some(Group::X25519MLKEM768));

    let old = Ssl2ServerHello {
        version: Version::SSL2,
        certificate: vec![1; 300],
        ciphers: Ssl2Cipher::all().take(2).collect(),
        connection_id: vec![2; 16],
    };
    let flight = Flight { ssl2: Some(old), done: true, ..Flight::default() };
    assert_eq!(read(&write_flight(&flight), 1), (Progress::Done, flight));
    let hello = Ssl2ClientHello::new([3; 16]);
    assert_eq!(opening(&hello.encode(), 1), Opening::Ssl2(hello));
}

#[test]
fn messages_out_of_place_are_told() {
    // A Certificate before the ServerHello.
    let (_, flight) = read(b"\x16\x03\x03\0\x07\x0b\0\0\x03\0\0\0", usize::MAX);
    assert_eq!(flight.deviations[0].kind, DeviationKind::TlsUnexpectedMessage);
    assert_eq!((flight.deviations[0].span.side, flight.deviations[0].span.to), (Side::Server, 12));
    // Application data in answer to a hello.
    let (progress, flight) = read(b"\x17\x03\x03\0\x01x", usize::MAX);
    assert_eq!((progress, flight.done), (Progress::Done, false));
}

#[test]
fn what_a_hello_offers_is_found_in_it() {
    let hello = ClientHello::new(Version::TLS13, [1; 32], vec![Suite(0x1301), Suite(0xc02f)])
        .with(Extension::server_name("mail.example.org"))
        .with(Extension::alpn(&["smtp", "imap"]))
        .with(Extension::supported_groups(&[Group::X25519, Group::SECP256R1]))
        .with(Extension::signature_algorithms(&[SignatureScheme::ED25519]))
        .with(Extension::supported_versions(&[Version::TLS13, Version::TLS12]))
        .with(Extension::no_key_share());
    let Opening::Hello(found, deviations) = opening(&hello.encode(), 3) else { panic!() };
    assert_eq!((&*found, &deviations[..]), (&hello, &[][..]));
    assert_eq!(found.highest(), Version::TLS13);
    assert_eq!(found.server_name().unwrap(), b"mail.example.org");
    assert_eq!(found.alpn(), [b"smtp", b"imap"]);
    assert_eq!(found.groups(), [Group::X25519, Group::SECP256R1]);
    assert_eq!(found.signature_schemes(), [SignatureScheme::ED25519]);
}

/// The handshake messages of a stream of records, as tls-parser sees them: bodies and all.
fn oracle(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (after, record) = tls_parser::parse_tls_raw_record(rest).ok()?;
        // tls-parser takes records of any version; ours takes those of SSL 3.0 and TLS.
        (record.hdr.record_type == tls_parser::TlsRecordType::Handshake).then_some(())?;
        (record.hdr.version.0 >> 8 == 3).then_some(())?;
        payload.extend_from_slice(record.data);
        rest = after;
    }
    Some(payload)
}

/// Both readers look at the same flight. What the other one can read, ours must read in the same way.
fn compare(bytes: &[u8]) {
    let (_, ours) = read(bytes, usize::MAX);
    let Some(payload) = oracle(bytes) else { return };
    let mut rest = &payload[..];
    let mut hello_seen = false;
    while let Ok((after, TlsMessage::Handshake(message))) = tls_parser::parse_tls_message_handshake(rest) {
        match message {
            TlsMessageHandshake::ServerHello(theirs) if !hello_seen => {
                hello_seen = true;
                let hello = ours.hello.as_ref().expect("a ServerHello that only tls-parser sees");
                assert_eq!(hello.version.0, theirs.version.0);
                assert_eq!(hello.random, theirs.random);
                assert_eq!(hello.session_id, theirs.session_id.unwrap_or_default());
                assert_eq!(hello.suite.0, theirs.cipher.0);
                assert_eq!(hello.compression, theirs.compression.0);
            }
            TlsMessageHandshake::Certificate(theirs) if hello_seen && ours.done => {
                let chain: Vec<&[u8]> = theirs.cert_chain.iter().map(|c| c.data).take(10).collect();
                assert_eq!(ours.certificates, chain);
            }
            TlsMessageHandshake::ServerKeyExchange(theirs) if hello_seen && ours.done => {
                let exchange =
                    ours.key_exchange.as_ref().expect("a ServerKeyExchange that only tls-parser sees");
                match &exchange.parameters {
                    Parameters::Dh { prime, generator, share } => {
                        let (_, dh) = tls_parser::parse_dh_params(theirs.parameters).unwrap();
                        assert_eq!((&prime[..], &generator[..], &share[..]), (dh.dh_p, dh.dh_g, dh.dh_ys));
                    }
                    Parameters::Curve { point, .. } => {
                        let (_, ec) = tls_parser::parse_ecdh_params(theirs.parameters).unwrap();
                        assert_eq!(point, ec.public.point);
                    }
                    _ => {}
                }
            }
            TlsMessageHandshake::ServerDone(_) if hello_seen => return,
            _ => {}
        }
        rest = after;
    }
}

#[test]
fn tls_parser_sees_the_same_in_what_openssl_says() {
    for name in NAMES {
        compare(&fixture(&format!("{name}.server")));
        let bytes = fixture(&format!("{name}.client"));
        let Opening::Hello(ours, _) = opening(&bytes, usize::MAX) else { panic!() };
        same_hello(&ours, &bytes);
    }
}

fn same_hello(ours: &ClientHello, bytes: &[u8]) {
    let payload = oracle(bytes).unwrap();
    let (_, message) = tls_parser::parse_tls_message_handshake(&payload).unwrap();
    let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(theirs)) = message else { panic!() };
    assert_eq!(ours.version.0, theirs.version.0);
    assert_eq!(ours.random, theirs.random);
    let suites: Vec<u16> = theirs.ciphers.iter().map(|c| c.0).collect();
    assert_eq!(ours.suites.iter().map(|s| s.0).collect::<Vec<_>>(), suites);
    let methods: Vec<u8> = theirs.comp.iter().map(|c| c.0).collect();
    assert_eq!(ours.compressions, methods);
    assert_eq!(ours.extensions.is_empty(), theirs.ext.is_none());
    let (rest, extensions) =
        tls_parser::parse_tls_client_hello_extensions(theirs.ext.unwrap_or_default()).unwrap();
    assert!(rest.is_empty());
    assert_eq!(extensions.len(), ours.extensions.len());
}

prop_compose! {
    fn some_hello()(
        version in prop::sample::select(vec![Version::SSL3, Version::TLS10, Version::TLS11, Version::TLS12, Version::TLS13]),
        random in prop::array::uniform32(any::<u8>()),
        suites in prop::collection::vec(any::<u16>().prop_map(Suite), 1..300),
        groups in prop::collection::vec(any::<u16>().prop_map(Group), 1..50),
        schemes in prop::collection::vec(any::<u16>().prop_map(SignatureScheme), 1..50),
        name in "[a-z]{1,20}(\\.[a-z]{1,20}){1,3}",
        protocols in prop::collection::vec("[a-z/0-9.]{1,10}", 1..4),
        deflate in any::<bool>(),
        extended in any::<bool>(),
    ) -> ClientHello {
        let mut hello = ClientHello::new(version, random, suites);
        if deflate {
            hello.compressions.push(1);
        }
        if !extended {
            return hello;
        }
        let names: Vec<&str> = protocols.iter().map(String::as_str).collect();
        hello
            .with(Extension::server_name(&name))
            .with(Extension::alpn(&names))
            .with(Extension::supported_groups(&groups))
            .with(Extension::signature_algorithms(&schemes))
            .with(Extension::uncompressed_points())
            .with(Extension::renegotiation_info())
            .with(Extension::empty(ExtensionType::EXTENDED_MASTER_SECRET))
    }
}

proptest! {
    #[test]
    fn hellos_are_read_as_they_were_written_and_tls_parser_agrees(hello in some_hello(), portion in 1..500_usize) {
        let bytes = hello.encode();
        let Opening::Hello(found, deviations) = opening(&bytes, portion) else { panic!() };
        prop_assert_eq!(&*found, &hello);
        prop_assert!(deviations.is_empty());
        same_hello(&hello, &bytes);
    }

    #[test]
    fn a_flight_that_was_tampered_with_is_read_without_harm(
        name in prop::sample::select(NAMES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        portion in 1..2000_usize,
    ) {
        let mut bytes = fixture(&format!("{name}.server"));
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        prop_assert_eq!(read(&bytes, portion), read(&bytes, usize::MAX));
        compare(&bytes);
    }

    #[test]
    fn anything_at_all_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000), portion in 1..100_usize) {
        prop_assert_eq!(read(&bytes, portion), read(&bytes, usize::MAX));
        prop_assert_eq!(opening(&bytes, portion), opening(&bytes, usize::MAX));
    }
}

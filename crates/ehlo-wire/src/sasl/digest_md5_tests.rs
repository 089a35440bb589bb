use super::super::testing::{One, credentials, given, server_given, talk};
use super::*;

/// The client of RFC 2831 §4, where the nonces and the service are given.
fn example(service: &'static str, cnonce: &str) -> Client {
    let given = Given { service, host: "elwood.innosoft.com".into(), ..Given::default() };
    let credentials = credentials("chris", "secret", "");
    Client { credentials, given, cnonce: cnonce.into(), state: State::Begin }
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 2831 §4, IMAP and ACAP
    let mut client = example("imap", "OA6MHXh6VqTrRk");
    let answer = client
        .respond(
            b"realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",\
              algorithm=md5-sess,charset=utf-8",
        )
        .unwrap();
    assert_eq!(
        std::str::from_utf8(answer.expose()).unwrap(),
        "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",\
         nc=00000001,cnonce=\"OA6MHXh6VqTrRk\",digest-uri=\"imap/elwood.innosoft.com\",\
         response=d388dad90d4bbd760a152321f2143af7,qop=auth"
    );
    assert_eq!(client.respond(b"rspauth=ea40f60335c427b5527b84dbabcdfffd").unwrap().expose(), b"");
    assert_eq!(client.accepted(None), Ok(()));
    assert_eq!(client.respond(b"").unwrap_err(), Trouble::Over);

    let mut client = example("acap", "OA9BSuZWMSpW8m");
    let answer = client
        .respond(
            b"realm=\"elwood.innosoft.com\",nonce=\"OA9BSXrbuRhWay\",qop=\"auth\",\
              algorithm=md5-sess,charset=utf-8",
        )
        .unwrap();
    assert!(answer.expose().windows(41).any(|w| w == b"response=6084c6db3fede7352c551284490fd0fc"));
    assert_eq!(client.accepted(Some(b"rspauth=2f0b3d7c3c2e486600ef710726aa2eae")), Ok(()));
}

/// The trouble of a client with a challenge.
fn trouble(challenge: &[u8]) -> Trouble {
    let mut client = DigestMd5.client(&credentials("a", "b", ""), &given());
    client.respond(challenge).unwrap_err()
}

#[test]
fn challenges_are_judged() {
    let wrong = |what| Trouble::NotUnderstood { what };
    assert_eq!(trouble(b""), wrong("digest-challenge"));
    assert_eq!(trouble(b"\xff\xfe"), wrong("digest-challenge"));
    assert_eq!(trouble(&[b'a'; 1 << 20]), wrong("digest-challenge"));
    assert_eq!(trouble(b"realm=\"x\""), wrong("nonce"));
    assert_eq!(trouble(b"nonce=\"x\",nonce=\"y\",algorithm=md5-sess"), wrong("nonce"));
    assert_eq!(trouble(b"nonce=\"x\",algorithm=md5"), wrong("algorithm"));
    assert_eq!(trouble(b"nonce=\"x\",algorithm=md5-sess,algorithm=md5-sess"), wrong("algorithm"));
    assert_eq!(trouble(b"nonce=\"x\",algorithm=md5-sess,qop=\"auth-int,auth-conf\""), wrong("qop"));
}

#[test]
fn realms_are_chosen_and_values_may_lack_quotes() {
    let answer = |realm: Option<&str>, challenge: &[u8]| {
        let given = Given { realm: realm.map(str::to_owned), ..given() };
        let mut client = DigestMd5.client(&credentials("a\"b", "b", "z"), &given);
        client.respond(challenge).map(|a| String::from_utf8(a.expose().clone()).unwrap())
    };
    let two = b"realm=one,realm=\"t\\\"wo\",nonce=n,qop=auth,algorithm=\"md5-sess\"";
    assert!(answer(None, two).unwrap().starts_with("username=\"a\\\"b\",realm=\"one\",nonce=\"n\","));
    assert!(answer(Some("t\"wo"), two).unwrap().contains(",realm=\"t\\\"wo\","));
    assert_eq!(answer(Some("three"), two), Err(Trouble::NotUnderstood { what: "realm" }));
    assert!(!answer(None, b"nonce=n").unwrap().contains("realm"));
    assert!(answer(None, two).unwrap().ends_with(",qop=auth,authzid=\"z\""));
}

#[test]
fn a_server_must_prove_itself() {
    let challenge = DigestMd5.server(&server_given()).initial().unwrap();
    let begun = || {
        let mut client = DigestMd5.client(&credentials("benutzername", "passwort", ""), &given());
        client.respond(&challenge).unwrap();
        client
    };
    let wrong = format!("rspauth={}", "0".repeat(32));
    assert_eq!(begun().respond(wrong.as_bytes()).unwrap_err(), Trouble::WrongServerProof);
    assert_eq!(begun().respond(b"").unwrap_err(), Trouble::NotUnderstood { what: "rspauth" });
    assert_eq!(begun().accepted(None), Err(Trouble::NoServerProof));
}

#[test]
fn servers_check_what_is_signed() {
    let check = |from: &str, to: &str| {
        let mut server = DigestMd5.server(&server_given());
        let challenge = server.initial().unwrap();
        let mut client = DigestMd5.client(&credentials("benutzername", "passwort", ""), &given());
        let answer = String::from_utf8(client.respond(&challenge).unwrap().expose().clone()).unwrap();
        assert!(answer.contains(from), "{answer}");
        server.respond(answer.replace(from, to).as_bytes(), &One)
    };
    assert!(matches!(check("qop=auth", "qop=auth"), Verdict::Challenge(_)));
    assert!(matches!(check("qop=auth", "QOP = auth , ,"), Verdict::Challenge(_)));
    assert_eq!(check("qop=auth", "qop=auth-int"), Verdict::Refused);
    assert_eq!(check("nc=00000001", "nc=00000002"), Verdict::Refused);
    assert_eq!(check("imap/lab.test", "imap/other.test"), Verdict::Refused);
    assert_eq!(check("realm=\"lab.test\"", "realm=\"other\""), Verdict::Refused);
    assert_eq!(check("qop=auth", "qop=auth,response=x"), Verdict::Malformed);
    assert_eq!(check("nc=00000001,", ""), Verdict::Malformed);
    let verdict = talk(&DigestMd5, &credentials("benutzername", "passwort", "alice"));
    assert_eq!(verdict, Verdict::Accepted { user: "benutzername".into(), authzid: "alice".into() });
}

#[test]
fn letters_of_iso_8859_1_are_hashed_in_it() {
    struct Umlaut;
    impl Passwords for Umlaut {
        fn password(&self, user: &str) -> Option<Secret<String>> {
            (user == "jörg").then(|| "pässword".into())
        }
    }
    for form in [PasswordForm::Prepared, PasswordForm::Raw, PasswordForm::Latin1] {
        let given = Given { password_form: form, ..given() };
        let mut server = DigestMd5.server(&server_given());
        let challenge = server.initial().unwrap();
        let mut client = DigestMd5.client(&credentials("jörg", "pässword", ""), &given);
        let answer = client.respond(&challenge).unwrap();
        let Verdict::Challenge(proof) = server.respond(answer.expose(), &Umlaut) else { panic!("{form:?}") };
        assert_eq!(client.respond(&proof).unwrap().expose(), b"", "{form:?}");
    }
}

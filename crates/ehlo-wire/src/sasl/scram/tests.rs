use super::super::testing::{One, credentials, given, server_given, talk};
use super::super::{ChannelBinding, PasswordForm, Passwords, ScramFlaws, ServerGiven, Trouble, Verdict};
use super::client::Client;
use super::*;
use crate::sasl::BindingKind;
use ehlo_core::Secret;

/// Lets a client with a known nonce answer a challenge; what it sends, and whether it believes the signature.
fn vector(hash: Hash, nonce: &str, challenge: &str, last: &str, signature: &str) {
    let mut client = Client::new(hash, false, &credentials("user", "pencil", ""), &Given::default());
    client = client.with_nonce(nonce);
    assert_eq!(client.initial().unwrap().expose(), format!("n,,n=user,r={nonce}").as_bytes());
    assert_eq!(client.respond(challenge.as_bytes()).unwrap().expose(), last.as_bytes());
    assert_eq!(client.respond(signature.as_bytes()).unwrap().expose(), b"");
    assert_eq!(client.accepted(None), Ok(()));
    assert_eq!(client.respond(b"v=AAAA").unwrap_err(), Trouble::Over);
}

#[test]
fn the_example_of_rfc_5802() {
    // RFC 5802 §5
    vector(
        Hash::Sha1,
        "fyko+d2lbbFgONRv9qkxdawL",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    );
}

#[test]
fn the_example_of_rfc_7677() {
    // RFC 7677 §3
    vector(
        Hash::Sha256,
        "rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    );
}

#[test]
fn sha_512_as_python_computes_it() {
    // No RFC has an example. The dialogue of RFC 7677 §3 in Python:
    //   sp = hashlib.pbkdf2_hmac('sha512', b'pencil', b64decode('W22ZaJ0SNY7soEsUEjb6gQ=='), 4096)
    //   ck = hmac.digest(sp, b'Client Key', 'sha512'); sk = hashlib.sha512(ck).digest()
    //   p = bytes(a ^ b for a, b in zip(ck, hmac.digest(sk, message, 'sha512')))
    //   v = hmac.digest(hmac.digest(sp, b'Server Key', 'sha512'), message, 'sha512')
    vector(
        Hash::Sha512,
        "rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
        "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    );
}

/// A client that has sent its first message, with the nonce `abc`.
fn begun(cap: u32) -> Client {
    let given = Given { iteration_cap: cap, ..Given::default() };
    let mut client = Client::new(Hash::Sha256, false, &credentials("user", "pencil", ""), &given);
    client = client.with_nonce("abc");
    client.initial().unwrap();
    client
}

#[test]
fn what_a_server_asks_is_judged() {
    let trouble = |challenge: &str| begun(10_000).respond(challenge.as_bytes()).unwrap_err();
    let many = |asked| Trouble::TooManyIterations { asked, cap: 10_000 };
    assert_eq!(trouble("r=abcd,s=QUJD,i=2147483648"), many(1 << 31));
    assert_eq!(trouble("r=abcd,s=QUJD,i=10001"), many(10_001));
    assert_eq!(trouble("r=abcd,s=QUJD,i=99999999999999999999999"), many(u64::MAX));
    assert_eq!(trouble("r=abcd,s=QUJD,i=0"), Trouble::NotUnderstood { what: "iteration-count" });
    assert_eq!(trouble("r=abcd,s=QUJD,i=-1"), Trouble::NotUnderstood { what: "iteration-count" });
    assert_eq!(trouble("r=abcd,s=,i=1"), Trouble::NotUnderstood { what: "salt" });
    assert_eq!(trouble("r=abcd,s=!,i=1"), Trouble::NotUnderstood { what: "salt" });
    assert_eq!(trouble("r=xbcd,s=QUJD,i=1"), Trouble::ForeignNonce);
    assert_eq!(trouble("r=abc,s=QUJD,i=1"), Trouble::ForeignNonce);
    assert_eq!(trouble("m=x,r=abcd,s=QUJD,i=1"), Trouble::MandatoryExtension);
    assert_eq!(trouble("e=unknown-user"), Trouble::Server { text: "unknown-user".into() });
    for nonsense in ["", ",", "=", "r", "r=abcd", "s=QUJD,r=abcd,i=1", "\u{e4}=1"] {
        assert_eq!(trouble(nonsense), Trouble::NotUnderstood { what: "server-first-message" }, "{nonsense}");
    }
    let mut client = begun(10_000);
    let wrong = Trouble::NotUnderstood { what: "server-first-message" };
    assert_eq!(client.respond(&[b'x'; 1 << 20]).unwrap_err(), wrong);
    assert_eq!(client.respond(b"r=abcd,s=QUJD,i=1").unwrap_err(), Trouble::Over);
    // An extension that is not mandatory is passed over.
    assert!(begun(10).respond(b"r=abcd,s=QUJD,i=1,x=y").is_ok());
}

#[test]
fn a_server_must_prove_itself() {
    let last = |data: &[u8]| {
        let mut client = begun(10);
        client.respond(b"r=abcd,s=QUJD,i=1").unwrap();
        let trouble = client.respond(data).unwrap_err();
        assert_eq!(client.accepted(None), Err(Trouble::NoServerProof));
        trouble
    };
    assert_eq!(last(b"v=AAAA"), Trouble::WrongServerProof);
    assert_eq!(last(b"v="), Trouble::WrongServerProof);
    assert_eq!(last(b"v=!"), Trouble::NotUnderstood { what: "server-final-message" });
    assert_eq!(last(b""), Trouble::NotUnderstood { what: "server-final-message" });
    assert_eq!(last(b"\xff\xfe"), Trouble::NotUnderstood { what: "server-final-message" });
    assert_eq!(last(b"e=invalid-proof"), Trouble::Server { text: "invalid-proof".into() });
    // The signature may come with the success (RFC 5804 §2.1).
    let mut client = begun(10);
    client.respond(b"r=abcd,s=QUJD,i=1").unwrap();
    assert_eq!(client.accepted(Some(b"v=AAAA")), Err(Trouble::WrongServerProof));
    assert_eq!(begun(10).accepted(Some(b"v=AAAA")), Err(Trouble::NoServerProof));
}

/// The flag that a client sends.
fn flag(mechanism: &Scram, bindings: &[ChannelBinding], plus_offered: bool) -> Result<String, Trouble> {
    let given = Given { bindings: bindings.to_vec(), plus_offered, ..Given::default() };
    let first = mechanism.client(&credentials("u,s=r", "x", "b,c"), &given).initial()?;
    let text = String::from_utf8(first.expose().clone()).unwrap();
    Ok(text.split(",r=").next().unwrap().to_owned())
}

#[test]
fn the_header_says_what_is_bound() {
    let bound: Vec<ChannelBinding> = [BindingKind::TlsServerEndPoint, BindingKind::TlsExporter]
        .map(|kind| ChannelBinding { kind, data: vec![1] })
        .into();
    let rest = ",a=b=2Cc,n=u=2Cs=3Dr";
    assert_eq!(flag(&SCRAM_SHA_1, &[], true).unwrap(), format!("n{rest}"));
    assert_eq!(flag(&SCRAM_SHA_1, &bound, false).unwrap(), format!("y{rest}"));
    assert_eq!(flag(&SCRAM_SHA_1, &bound, true).unwrap(), format!("n{rest}"));
    assert_eq!(flag(&SCRAM_SHA_1_PLUS, &bound, true).unwrap(), format!("p=tls-exporter{rest}"));
    assert_eq!(flag(&SCRAM_SHA_1_PLUS, &bound[..1], true).unwrap(), format!("p=tls-server-end-point{rest}"));
    assert_eq!(flag(&SCRAM_SHA_1_PLUS, &[], true), Err(Trouble::NoBinding));
}

/// Both sides, with bindings of their own.
fn bound(mechanism: &Scram, client: &Given, server: &ServerGiven) -> Verdict {
    let mut client = mechanism.client(&credentials("benutzername", "passwort", ""), client);
    let mut server = mechanism.server(server);
    let mut answer = client.initial().unwrap();
    loop {
        match server.respond(answer.expose(), &One) {
            Verdict::Challenge(challenge) => answer = client.respond(&challenge).unwrap(),
            verdict => return verdict,
        }
    }
}

/// What the client makes of the server's last word, after which nobody is let in.
fn complained(mechanism: &Scram, client: &Given, server: &ServerGiven) -> Trouble {
    let mut client = mechanism.client(&credentials("benutzername", "passwort", ""), client);
    let mut server = mechanism.server(server);
    let mut answer = client.initial().unwrap();
    loop {
        let Verdict::Challenge(challenge) = server.respond(answer.expose(), &One) else { panic!("no word") };
        match client.respond(&challenge) {
            Ok(next) => answer = next,
            Err(trouble) => {
                assert_eq!(server.respond(b"", &One), Verdict::Refused);
                assert_eq!(client.complaint(), Some(&trouble));
                return trouble;
            }
        }
    }
}

#[test]
fn somebody_in_between_is_noticed() {
    let good = Verdict::Accepted { user: "benutzername".into(), authzid: String::new() };
    for kind in BindingKind::ALL {
        let binding = |byte| vec![ChannelBinding { kind, data: vec![byte; 12] }];
        let client = Given { bindings: binding(1), ..given() };
        let server = ServerGiven { bindings: binding(1), ..server_given() };
        assert_eq!(bound(&SCRAM_SHA_1_PLUS, &client, &server), good);
        // Another TLS connection, which means that somebody sits between two of them.
        let other = ServerGiven { bindings: binding(2), ..server_given() };
        assert_eq!(complained(&SCRAM_SHA_1_PLUS, &client, &other), Trouble::BindingMismatch);
        let none = ServerGiven { bindings: Vec::new(), ..server_given() };
        assert_eq!(bound(&SCRAM_SHA_1_PLUS, &client, &none), Verdict::Refused);
    }
    // The offer of a binding was taken out of the list on the way.
    let deceived = Given { plus_offered: false, ..given() };
    assert_eq!(bound(&SCRAM_SHA_1, &deceived, &server_given()), Verdict::Refused);
    let honest = ServerGiven { plus_offered: false, ..server_given() };
    assert_eq!(bound(&SCRAM_SHA_1, &deceived, &honest), good);
}

/// A server that departs from what it should be.
fn flawed(scram: ScramFlaws) -> ServerGiven {
    ServerGiven { scram, ..server_given() }
}

#[test]
fn a_server_may_look_away() {
    let good = Verdict::Accepted { user: "benutzername".into(), authzid: String::new() };
    let server = flawed(ScramFlaws { any_binding: true, ..ScramFlaws::default() });
    for kind in BindingKind::ALL {
        let client = Given { bindings: vec![ChannelBinding { kind, data: vec![9; 12] }], ..given() };
        assert_eq!(bound(&SCRAM_SHA_256_PLUS, &client, &server), good);
    }
    // What is tied to nothing is no business of it.
    let deceived = Given { plus_offered: false, ..given() };
    assert_eq!(bound(&SCRAM_SHA_256, &deceived, &server), Verdict::Refused);
}

#[test]
fn a_server_may_owe_its_proof() {
    let server = flawed(ScramFlaws { no_proof: true, ..ScramFlaws::default() });
    let mut client = SCRAM_SHA_256.client(&credentials("benutzername", "passwort", ""), &given());
    let mut server = SCRAM_SHA_256.server(&server);
    let Verdict::Challenge(challenge) = server.respond(client.initial().unwrap().expose(), &One) else {
        panic!("no challenge")
    };
    let proof = client.respond(&challenge).unwrap();
    assert!(matches!(server.respond(proof.expose(), &One), Verdict::Accepted { .. }));
    assert_eq!(client.accepted(None), Err(Trouble::NoServerProof));
}

#[test]
fn a_server_may_ask_for_any_count() {
    let few = flawed(ScramFlaws { iterations: Some(1), ..ScramFlaws::default() });
    let good = Verdict::Accepted { user: "benutzername".into(), authzid: String::new() };
    assert_eq!(bound(&SCRAM_SHA_256, &given(), &few), good);
    // Nobody can make the server itself compute what is too much for clients.
    let many = flawed(ScramFlaws { iterations: Some(1 << 31), ..ScramFlaws::default() });
    let mut server = SCRAM_SHA_256.server(&many);
    let first = server.respond(b"n,,n=benutzername,r=abc", &One);
    let Verdict::Challenge(challenge) = first else { panic!("no challenge") };
    let challenge = String::from_utf8(challenge).unwrap();
    assert!(challenge.ends_with(",i=2147483648"), "{challenge}");
    let nonce = challenge.split(',').next().unwrap();
    assert_eq!(server.respond(format!("c=biws,{nonce},p=AAAA").as_bytes(), &One), Verdict::Refused);
}

#[test]
fn names_and_passwords_are_prepared() {
    struct Odd;
    impl Passwords for Odd {
        fn password(&self, user: &str) -> Option<Secret<String>> {
            (user == "IX,=").then(|| "p\u{a0}s".into())
        }
    }
    let run = |form: PasswordForm| {
        let given = Given { password_form: form, ..given() };
        let mut client = SCRAM_SHA_1.client(&credentials("I\u{ad}X,=", "p s", ""), &given);
        let mut server = SCRAM_SHA_1.server(&server_given());
        let mut answer = client.initial().unwrap();
        loop {
            match server.respond(answer.expose(), &Odd) {
                Verdict::Challenge(challenge) => answer = client.respond(&challenge).unwrap(),
                verdict => return verdict,
            }
        }
    };
    assert!(matches!(run(PasswordForm::Prepared), Verdict::Accepted { user, .. } if user == "IX,="));
    assert_eq!(run(PasswordForm::Raw), Verdict::Refused);
}

#[test]
fn an_authorization_identity_is_passed_on() {
    let verdict = talk(&SCRAM_SHA_256, &credentials("benutzername", "passwort", "a,=b"));
    assert_eq!(verdict, Verdict::Accepted { user: "benutzername".into(), authzid: "a,=b".into() });
}

#[test]
fn a_server_that_lets_in_anybody_cannot_prove_itself() {
    struct Anybody;
    impl Passwords for Anybody {
        fn password(&self, _user: &str) -> Option<Secret<String>> {
            None
        }
        fn any_password(&self, _user: &str) -> bool {
            true
        }
    }
    let mut client = SCRAM_SHA_256.client(&credentials("user", "pencil", ""), &given());
    let mut server = SCRAM_SHA_256.server(&server_given());
    let Verdict::Challenge(challenge) = server.respond(client.initial().unwrap().expose(), &Anybody) else {
        panic!()
    };
    let proof = client.respond(&challenge).unwrap();
    let Verdict::Challenge(signature) = server.respond(proof.expose(), &Anybody) else { panic!() };
    assert_eq!(client.respond(&signature).unwrap_err(), Trouble::WrongServerProof);
}

#[test]
fn messages_to_a_server_are_read_strictly() {
    let first = |message: &[u8]| SCRAM_SHA_1.server(&server_given()).respond(message, &One);
    for bad in [
        &b"n,,n=user"[..],
        b"n,,r=x,n=user",
        b"n,,m=x,n=user,r=x",
        b"n,n=user,r=x",
        b"n,a=,n=user,r=x",
        b"n,,n=us=er,r=x",
        b"n,,n=,r=x",
        b"n,,n=user,r=",
        b"q,,n=user,r=x",
        b"p=,,n=user,r=x",
        b"n,,n=\xff,r=x",
    ] {
        assert_eq!(first(bad), Verdict::Malformed, "{}", ehlo_core::escape(bad));
    }
    assert_eq!(first(b"p=tls-exporter,,n=user,r=x"), Verdict::Refused);
    let mut server = SCRAM_SHA_1.server(&server_given());
    assert!(matches!(server.respond(b"n,,n=user,r=x", &One), Verdict::Challenge(_)));
    assert_eq!(server.respond(b"c=biws,p=AAAA", &One), Verdict::Malformed);
    assert_eq!(server.respond(b"c=biws,r=x,p=AAAA", &One), Verdict::Malformed);
}

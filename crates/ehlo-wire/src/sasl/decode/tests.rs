use super::super::testing::{credentials, given, server_given};
use super::super::{MECHANISMS, Verdict};
use super::*;
use ehlo_core::Side;
use proptest::prelude::*;

/// Fields and flaws in a line.
fn shown(kind: Kind, bytes: &[u8]) -> String {
    let decoded = decode(kind, bytes);
    let flaws: Vec<&str> = decoded.flaws.iter().map(|flaw| flaw.kind.id()).collect();
    let fields: Vec<String> = decoded.fields.iter().map(|field| format!("{field:?}")).collect();
    format!("{} | {}", fields.join(" "), flaws.join(" "))
}

#[test]
fn simple_messages() {
    assert_eq!(shown(Kind::Plain, b"a\0b\0c"), "authzid=a authcid=b passwd=… | ");
    assert_eq!(shown(Kind::Plain, b"a\0b\0c\0d"), "authzid=a authcid=b passwd=… | unknown");
    assert_eq!(shown(Kind::Plain, b"a"), "authzid=a | missing missing");
    assert_eq!(shown(Kind::LoginPrompt, b"User Name\0"), "prompt=User Name\\x00 | ");
    assert_eq!(shown(Kind::LoginPassword, b"x"), "password=… | ");
    assert_eq!(
        shown(Kind::CramChallenge, b"<1896.697170952@postoffice.reston.mci.net>"),
        "challenge=<1896.697170952@postoffice.reston.mci.net> random=1896 timestamp=697170952 \
         host=postoffice.reston.mci.net | "
    );
    assert_eq!(shown(Kind::CramChallenge, b"x"), "challenge=x | unreadable");
    assert_eq!(shown(Kind::CramResponse, b"tim b913a602c7eda7a495b4e6e7334d3890"), "user=tim digest=… | ");
    assert_eq!(shown(Kind::CramResponse, b"b913"), "digest=… | missing");
    assert_eq!(shown(Kind::External, b"\xff"), "authzid=\\xff | not-utf8");
    let plain = decode(Kind::Plain, b"a\0b\0c");
    assert!(plain.secrets().eq(std::iter::once(4..5)));
    assert_eq!(plain.field("passwd"), Some("c"));
}

#[test]
fn tokens() {
    assert_eq!(
        shown(Kind::Xoauth2, b"user=a@b\x01auth=Bearer ya29\x01\x01"),
        "user=a@b scheme=Bearer token=… | "
    );
    assert_eq!(shown(Kind::Xoauth2, b"user=a\x01ya29"), "user=a unknown=… | unfinished unreadable missing");
    assert_eq!(
        shown(Kind::OauthBearer, b"n,a=a=2Cb,\x01host=h\x01port=143\x01auth=Bearer t\x01\x01"),
        "gs2-cbind-flag=n authzid=a,b host=h port=143 scheme=Bearer token=… | "
    );
    assert_eq!(shown(Kind::OauthBearer, b"\x01"), " | ");
    assert_eq!(
        shown(Kind::OauthError, br#"{"status":"invalid_token","scope":"mail"}"#),
        "scope=mail status=invalid_token | "
    );
    assert_eq!(shown(Kind::OauthError, b"{"), "text={ | not-json");
    assert_eq!(shown(Kind::OauthError, br#"{"a":[1]}"#), "a=[1] | missing");
    assert_eq!(decode(Kind::OauthError, "[".repeat(100_000).as_bytes()).flaws[0].kind, FlawKind::NotJson);
}

#[test]
fn directives_of_digest_md5() {
    assert_eq!(
        shown(
            Kind::DigestChallenge,
            b"realm=\"a\",realm=\"b\",nonce=\"n\\\"\",qop=\"auth\",algorithm=md5-sess"
        ),
        "realm=a realm=b nonce=n\" qop=auth algorithm=md5-sess | "
    );
    assert_eq!(
        shown(Kind::DigestChallenge, b"nonce=n,NONCE=\"n\",charset=\"utf-8\",x=y"),
        "nonce=n nonce=n charset=utf-8 x=y | unquoted repeated quoted unknown missing"
    );
    assert_eq!(shown(Kind::DigestChallenge, b"nonce=\"n"), " | unfinished missing");
    assert_eq!(shown(Kind::DigestChallenge, b"nonce=\"n\" x"), "nonce=n | unreadable missing");
    assert_eq!(shown(Kind::DigestProof, b"rspauth=abc"), "rspauth=… | ");
    let response =
        b"username=\"u\",nonce=\"n\",cnonce=\"c\",nc=00000001,digest-uri=\"a/b\",response=00,qop=auth";
    assert_eq!(
        shown(Kind::DigestResponse, response),
        "username=u nonce=n cnonce=c nc=00000001 digest-uri=a/b response=… qop=auth | "
    );
    let at = decode(Kind::DigestResponse, response).secrets().next().unwrap();
    assert_eq!(&response[at], b"00");
    let many = "a=b,".repeat(10_000);
    assert_eq!(decode(Kind::DigestResponse, many.as_bytes()).fields.len(), 256);
}

#[test]
fn attributes_of_scram() {
    assert_eq!(
        shown(Kind::ScramClientFirst, b"p=tls-exporter,a=b=2Cc,n=u=3Ds,r=abc"),
        "gs2-cbind-flag=p=tls-exporter authzid=b,c username=u=s nonce=abc | "
    );
    assert_eq!(
        shown(Kind::ScramServerFirst, b"r=abcd,s=QUJD,i=4096,x=y"),
        "nonce=abcd salt=QUJD iteration-count=4096 extension=x=y | "
    );
    assert_eq!(
        shown(Kind::ScramClientFinal, b"c=cD10bHMtdW5pcXVlLCwB,r=abcd,p=QUJD"),
        "channel-binding=p=tls-unique,, channel-binding-data=01 nonce=abcd proof=… | "
    );
    assert_eq!(shown(Kind::ScramServerFinal, b"v=QUJD"), "verifier=… | ");
    assert_eq!(shown(Kind::ScramServerFinal, b"e=other-error"), "server-error=other-error | ");
    assert_eq!(
        shown(Kind::ScramServerFirst, b"r=a,r=b,s=!,i=x"),
        "nonce=a nonce=b salt=! iteration-count=x | repeated not-base64 unreadable"
    );
    assert_eq!(shown(Kind::ScramServerFinal, b""), " | unreadable missing");
}

#[test]
fn messages_of_every_mechanism_are_recognised_and_read_without_flaw() {
    for mechanism in MECHANISMS {
        let name = mechanism.meta().name;
        let mut client = mechanism.client(&credentials("benutzername", "passwort", ""), &given());
        let mut server = mechanism.server(&server_given());
        let mut said = Vec::new();
        if let Some(challenge) = server.initial() {
            said.push((Side::Server, challenge));
        }
        let mut answer = match said.last() {
            Some((_, challenge)) => client.respond(challenge).unwrap(),
            None => client.initial().unwrap(),
        };
        loop {
            said.push((Side::Client, answer.expose().clone()));
            match server.respond(answer.expose(), &super::super::testing::One) {
                Verdict::Challenge(challenge) => {
                    said.push((Side::Server, challenge.clone()));
                    answer = client.respond(&challenge).unwrap();
                }
                _ => break,
            }
        }
        let steps = mechanism.steps();
        // The empty answer to the last proof is no message of the mechanism.
        assert!(said.len() == steps.len() || said.len() == steps.len() + 1, "{name}: {said:?}");
        for (step, (from, bytes)) in steps.iter().zip(&said) {
            assert_eq!(step.from, *from, "{name}");
            let decoded = decode(step.kind, bytes);
            assert_eq!(decoded.flaws, [], "{name} {:?}", step.kind);
            let marked =
                ![Kind::LoginUser, Kind::LoginPassword, Kind::External, Kind::Anonymous].contains(&step.kind);
            assert_eq!(recognise(bytes), marked.then_some(step.kind), "{name}");
            // Nothing that could be used again is shown.
            let debug = format!("{decoded:?}");
            assert!(!debug.contains("passwort"), "{debug}");
        }
    }
}

#[test]
fn messages_of_ntlm() {
    let mechanism = super::super::mechanism("NTLM").unwrap();
    let mut client = mechanism.client(&credentials("WORK\\benutzername", "passwort", ""), &given());
    let mut server = mechanism.server(&server_given());
    let first = client.initial().unwrap();
    let Verdict::Challenge(challenge) = server.respond(first.expose(), &super::super::testing::One) else {
        panic!()
    };
    let last = client.respond(&challenge).unwrap();
    let decoded = decode(Kind::NtlmChallenge, &challenge);
    assert_eq!(decoded.field("TargetName"), Some("LAB"));
    assert_eq!(decoded.field("MsvAvDnsComputerName"), Some("lab.test"));
    assert_eq!(decoded.field("ServerChallenge"), Some("0202020202020202"));
    assert!(decoded.field("NegotiateFlags").unwrap().contains(" NEGOTIATE_TARGET_INFO"));
    let decoded = decode(Kind::NtlmAuthenticate, last.expose());
    assert_eq!(decoded.field("UserName"), Some("benutzername"));
    assert_eq!(decoded.field("DomainName"), Some("WORK"));
    assert_eq!(decoded.field("version"), Some("NTLMv2"));
    let hidden: Vec<&str> = decoded.fields.iter().filter(|f| f.secret).map(|f| f.name.as_str()).collect();
    assert_eq!(hidden, ["NtChallengeResponse", "LmChallengeResponse", "MIC"]);
    assert_eq!(decode(Kind::NtlmAuthenticate, &last.expose()[..63]).flaws[0].kind, FlawKind::Unfinished);
    let mut out = last.expose().clone();
    out[24..28].fill(0xff);
    assert_eq!(decode(Kind::NtlmAuthenticate, &out).flaws[0].kind, FlawKind::Outside);
}

#[test]
fn marks_that_are_none() {
    for text in
        [&b""[..], b"\0\0", b"a\0\0b\0", b"hello", b"alice@example.org", b"{}", b"NTLMSSP\0\x04\0\0\0"]
    {
        assert_eq!(recognise(text), None, "{text:?}");
    }
    for prompt in [&b"Username:"[..], b"User Name\0", b"Password:", b"Password\0", b"password: "] {
        assert_eq!(recognise(prompt), Some(Kind::LoginPrompt));
    }
    // Without the colon they may be an answer.
    for word in [&b"password"[..], b"Username", b"user", b"login", b"User Name", b"Password:x"] {
        assert_eq!(recognise(word), None, "{word:?}");
    }
}

/// Bytes that look like messages now and then.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        prop::sample::select(vec![
            &b"NTLMSSP\0\x01\0\0\0"[..],
            b"NTLMSSP\0\x02\0\0\0",
            b"NTLMSSP\0\x03\0\0\0",
            b"n,,",
            b"p=x,a=",
            b",r=",
            b"r=",
            b"c=biws",
            b"user=",
            b"\x01auth=Bearer ",
            b"realm=\"",
            b"nonce=\"\\",
            b"\"",
            b",",
            b"=",
            b"{\"status\":",
            b"<@>",
            b"\0",
            b"\x18\0\x18\0\x40\0\0\0",
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn decoders_never_fail(bytes in hostile()) {
        recognise(&bytes);
        for kind in Kind::ALL {
            let decoded = decode(kind, &bytes);
            for field in &decoded.fields {
                prop_assert!(field.at.end <= bytes.len() && field.at.start <= field.at.end);
            }
        }
    }

    #[test]
    fn both_sides_never_fail(first in hostile(), second in hostile(), third in hostile()) {
        for mechanism in MECHANISMS {
            let mut client = mechanism.client(&credentials("a", "b", "c"), &given());
            let _ = client.initial();
            let mut server = mechanism.server(&server_given());
            server.initial();
            for bytes in [&first, &second, &third] {
                // SCRAM would compute for seconds what it is asked for.
                if !bytes.windows(3).any(|w| w == b",i=") {
                    let _ = client.respond(bytes);
                }
                server.respond(bytes, &super::super::testing::One);
            }
            let _ = client.accepted(Some(&first));
        }
    }
}

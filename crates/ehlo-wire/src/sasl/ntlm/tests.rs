use super::super::testing::{One, credentials, given, server_given};
use super::super::{Trouble, Verdict, hex};
use super::message::{EXTENDED_SESSION_SECURITY, MIC, TARGET_INFO, attribute, wide};
use super::*;

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// The target of MS-NLMP §4.2.4.
fn target() -> Vec<u8> {
    let mut info = Vec::new();
    attribute(&mut info, 2, &wide("Domain"));
    attribute(&mut info, 1, &wide("Server"));
    attribute(&mut info, 0, b"");
    info
}

#[test]
fn the_examples_of_microsoft() {
    // MS-NLMP §4.2.1 and §4.2.4
    let key = compute::key("User", "Domain", &"Password".into());
    assert_eq!(hex(key.expose()), "0c868a403bfd7a93a3001ef22ef02e3f");
    let challenge = unhex("0123456789abcdef");
    assert_eq!(
        hex(&compute::lm(&key, &challenge, &[0xaa; 8])),
        "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"
    );
    let signed = compute::signed(&[0; 8], &[0xaa; 8], &target());
    let proof = compute::proof(&key, &challenge, &signed);
    assert_eq!(hex(&proof), "68cd0ab851e51c96aabc927bebef6a1c");
    assert_eq!(hex(&compute::hmac(key.expose(), &[&proof])), "8de40ccadbc14a82f15cb0ad0de95ca3");
}

#[test]
fn the_examples_of_version_1() {
    // MS-NLMP §4.2.2 and §4.2.3
    let key = compute::key_v1(&"Password".into());
    assert_eq!(hex(key.expose()), "a4f49c406510bdcab6824ee7c30fd852");
    let challenge = unhex("0123456789abcdef").try_into().unwrap();
    let (_, nt) = compute::v1(&key, &challenge, None);
    assert_eq!(hex(&nt), "67c43011f30298a2ad35ece64f16331c44bdbed927841f94");
    let (lm, nt) = compute::v1(&key, &challenge, Some(&[0xaa; 8]));
    assert_eq!(hex(&lm), "aaaaaaaaaaaaaaaa00000000000000000000000000000000");
    assert_eq!(hex(&nt), "7537f803ae367128ca458204bde7caf81e97ed2683267232");
}

#[test]
fn time_as_windows_counts_it() {
    assert_eq!(i64::from_le_bytes(compute::file_time(0)), 116_444_736_000_000_000);
    assert_eq!(compute::file_time(i64::MIN), [0; 8]);
}

#[test]
fn a_client_without_the_servers_time_answers_as_in_the_example() {
    // The challenge of MS-NLMP §4.2.4, as a message; the client's time is that of 1601.
    let flags = UNICODE | TARGET_INFO | EXTENDED_SESSION_SECURITY;
    let nonce = unhex("0123456789abcdef").try_into().unwrap();
    let challenge = Challenge::write(&wide("Server"), flags, &nonce, &target());
    let given = Given { random: [0xaa; 32], now: -11_644_473_600, ..Given::default() };
    let mut client = Ntlm.client(&credentials("Domain\\User", "Password", ""), &given);
    assert!(client.initial().unwrap().expose().starts_with(b"NTLMSSP\0\x01\0\0\0"));
    let answer = client.respond(&challenge).unwrap();
    let message = Authenticate::parse(answer.expose()).unwrap();
    assert_eq!(message.user, Some(&wide("User")[..]));
    assert_eq!(message.domain, Some(&wide("Domain")[..]));
    assert_eq!(hex(message.lm.unwrap()), "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
    assert_eq!(hex(&message.nt.unwrap()[..16]), "68cd0ab851e51c96aabc927bebef6a1c");
    assert_eq!(client.respond(b"").unwrap_err(), Trouble::Over);
}

#[test]
fn a_client_speaks_version_1_only_if_asked() {
    let mut client = Ntlm.client(&credentials("User", "Password", ""), &given());
    client.initial().unwrap();
    let old = Challenge::write(b"", UNICODE, &[1; 8], b"");
    assert_eq!(client.respond(&old).unwrap_err(), Trouble::OnlyNtlmV1);
    let asked = Given { ntlm_v1: true, ..given() };
    let mut client = Ntlm.client(&credentials("User", "Password", ""), &asked);
    client.initial().unwrap();
    let answer = client.respond(&old).unwrap();
    let message = Authenticate::parse(answer.expose()).unwrap();
    assert_eq!((message.nt.map(<[u8]>::len), message.lm), (Some(V1_RESPONSE), message.nt));
    for bad in [&b""[..], b"\xff", b"NTLMSSP\0\x02\0\0\0", &old[..31], &[b'x'; 1 << 20]] {
        let mut client = Ntlm.client(&credentials("User", "Password", ""), &given());
        client.initial().unwrap();
        assert_eq!(client.respond(bad).unwrap_err(), Trouble::NotUnderstood { what: "CHALLENGE_MESSAGE" });
    }
}

/// A dialogue whose last message is changed on the way.
fn changed(change: impl Fn(&mut Vec<u8>)) -> Verdict {
    let mut client = Ntlm.client(&credentials("WORK\\benutzername", "passwort", ""), &given());
    let mut server = Ntlm.server(&server_given());
    let Verdict::Challenge(challenge) = server.respond(client.initial().unwrap().expose(), &One) else {
        panic!()
    };
    let mut answer = client.respond(&challenge).unwrap().expose().clone();
    change(&mut answer);
    server.respond(&answer, &One)
}

#[test]
fn servers_check_proof_and_mic() {
    let good = Verdict::Accepted { user: "benutzername".into(), authzid: String::new() };
    assert_eq!(changed(|_| ()), good);
    assert_eq!(changed(|bytes| bytes[MIC.start] ^= 1), Verdict::Refused);
    // The first byte of the proof, which stands behind the empty LM response.
    assert_eq!(changed(|bytes| bytes[MIC.end + 24] ^= 1), Verdict::Refused);
    // A flag, which only the MIC covers.
    assert_eq!(changed(|bytes| bytes[61] ^= 0x80), Verdict::Refused);
    // A pointer that leads out of the message.
    assert_eq!(changed(|bytes| bytes[24] = 0xff), Verdict::Malformed);
    // A response as long as those of version 1.
    assert_eq!(changed(|bytes| bytes[20..22].copy_from_slice(&[24, 0])), Verdict::Refused);
}

#[test]
fn messages_are_read_as_they_are_written() {
    let bytes = Authenticate::write(UNICODE, &[1; 24], &[2; 24], &wide("D"), &wide("u"));
    let message = Authenticate::parse(&bytes).unwrap();
    assert_eq!((message.lm, message.nt), (Some(&[1; 24][..]), Some(&[2; 24][..])));
    assert_eq!((message.workstation, message.key), (Some(&[][..]), Some(&[][..])));
    assert_eq!(message.mic, Some(&[0; 16][..]));
    let bytes = Negotiate::write(UNICODE);
    assert_eq!(Negotiate::parse(&bytes).unwrap().flags, UNICODE);
    assert_eq!(Negotiate::parse(&bytes[..16]).unwrap().domain, Some(&[][..]));
    assert_eq!(Negotiate::parse(&bytes[..15]), None);
    let (list, ended) = pairs(&[1, 0, 2, 0, b'a', 0, 9]);
    assert_eq!((list, ended), (vec![(1, &b"a\0"[..])], false));
}

//! `ehlo lab` as a server of its own.

use crate::common::{RunningLab, ehlo, folder};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

#[test]
fn a_lab_of_its_own_is_examined_like_any_server() {
    let lab = RunningLab::start("own-lab", &[]);
    let (smtp, imaps) = (lab.url("smtp"), lab.url("imaps"));
    let ca = lab.ca.to_str().unwrap();
    let ran = ehlo(&["check", &smtp, &imaps, "--ca", ca, "--only", "cert,starttls,imap", "-q"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("2 services: 2 sound; verdicts: "), "{}", ran.out);
    // Without its CA it is nobody's friend.
    let ran = ehlo(&["check", &imaps, "-q"]);
    assert_eq!(ran.code, 1);
    // What is spoken at a port is found out.
    let ran = ehlo(&["check", &format!("127.0.0.1:{}", lab.port("pop3s")), "--ca", ca]);
    assert!(ran.out.contains(&lab.url("pop3s")), "{}{}", ran.out, ran.err);
}

#[test]
fn secrets_go_only_where_they_may() {
    let lab = RunningLab::start("secrets", &[]);
    let imaps = lab.url("imaps");
    let password = folder("secrets-password").join("pw");
    std::fs::write(&password, "wonderland\n").unwrap();
    let login = ["--user", "alice", "--password-file", password.to_str().unwrap()];
    // The CA is not known: nothing is sent, not even with --insecure-auth. What NTLM is asked for needs no login.
    let ran = ehlo(
        &[&["check", &imaps, "--insecure-auth", "-vv", "--skip", "auth-ntlm-leak"][..], &login].concat(),
    );
    assert!(ran.out.contains("the password of alice was not sent"), "{}", ran.out);
    assert!(!ran.out.contains("AUTHENTICATE"), "{}", ran.out);
    let ran = ehlo(&[&["check", &imaps, "--ca", lab.ca.to_str().unwrap()][..], &login].concat());
    assert!(ran.out.contains("alice is logged in with PLAIN"), "{}", ran.out);
    // A pin does the same.
    let json: serde_json::Value =
        serde_json::from_str(&ehlo(&["check", &imaps, "--format", "json"]).out).unwrap();
    let digest =
        json["services"][0]["facts"]["connections"][0]["tls"]["chain"][0]["sha256"].as_str().unwrap();
    let ran = ehlo(&[&["check", &imaps, "--pin", digest][..], &login].concat());
    assert!(ran.out.contains("alice is logged in with PLAIN"), "{}", ran.out);
}

#[test]
fn accounts_and_domain_are_ours_to_choose() {
    let lab = RunningLab::start(
        "accounts",
        // Everything is said at once below.
        &["--domain", "mail.test", "--account", "bob:b:c", "--account", "eve:x", "--fault", "pipelining-lax"],
    );
    assert!(lab.said.contains("bob / b:c   bob@mail.test") && !lab.said.contains("alice"), "{}", lab.said);
    let mut smtp = TcpStream::connect(("127.0.0.1", lab.port("smtp"))).unwrap();
    let said = talk(
        &mut smtp,
        &["EHLO x", "MAIL FROM:<>", "RCPT TO:<bob@mail.test>", "RCPT TO:<alice@mail.test>", "QUIT"],
    );
    assert!(said.contains("250 2.1.5") && said.contains("550 5.1.1"), "{said}");
}

#[test]
fn the_lab_listens_on_loopback_unless_told_otherwise() {
    let lab = RunningLab::start("loopback", &[]);
    for url in lab.said.split_whitespace().filter(|w| w.contains("://")) {
        assert!(url.contains("://127.0.0.1:") || url.contains("://[::1]:"), "{url}");
    }
}

#[cfg(unix)]
#[test]
fn lmtp_over_a_unix_socket() {
    let socket = folder("lmtp").join("s");
    let lab = RunningLab::start("lmtp-lab", &["--lmtp-socket", socket.to_str().unwrap()]);
    assert!(lab.said.contains("lmtp+unix:"), "{}", lab.said);
    let ran = ehlo(&["check", &format!("lmtp+unix:{}", socket.display())]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn faults_of_a_lab_of_its_own() {
    let lab = RunningLab::start("faulty", &["--fault", "banner-text=Exim 4.96@smtp"]);
    let ran = ehlo(&["check", &lab.url("smtp"), "--only", "banner-discloses", "--fail-on", "warn"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("4.96"), "{}", ran.out);
}

/// Sends all lines at once and yields everything that comes back.
fn talk(stream: &mut TcpStream, lines: &[&str]) -> String {
    stream.write_all((lines.join("\r\n") + "\r\n").as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn what_is_wrong_with_a_set_up_is_found() {
    let relay = ["--as-outside", "--allow", "opt-in", "--relay-to", "me@outside.example"];
    for (persona, service, check, more) in [
        ("relaying", "smtp://lab", "smtp-open-relay", &relay[..]),
        ("relaying", "smtp://lab", "smtp-vrfy-expn", &[]),
        ("renewed-on-disk", "imaps://lab", "cert-expired", &[]),
        ("exchange-2010", "smtp://lab", "tls-ssl3", &[]),
        ("exchange-2010", "imaps://lab", "suite-rc4", &[]),
        ("exchange-2010", "submission://lab", "auth-ntlm-leak", &[]),
        ("starttls-stripped", "imap://lab", "starttls-offered", &[]),
        ("starttls-stripped", "submission://lab", "cleartext-port-no-tls", &[]),
    ] {
        let found = |persona: &[&str]| {
            let only = ["check", "lab", "-4", "--only", check, "--format", "json"];
            let ran = ehlo(&[&only[..], persona, more].concat());
            let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
            let findings = document["findings"].as_array().unwrap().clone();
            findings.into_iter().any(|f| {
                f["service"] == service && ["fail", "warn"].contains(&f["outcome"].as_str().unwrap())
            })
        };
        assert!(found(&["--lab-persona", persona]), "{persona}: nothing from {check}");
        assert!(!found(&[]), "{check} finds something at a lab that is well");
    }
}

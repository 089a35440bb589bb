//! Wrong usage is told as such, with what is wrong and what to do.

use crate::common::{ehlo, folder};
use crate::shown::{ehlo_with_input, steady};

#[test]
fn exit_codes_tell_the_truth() {
    assert_eq!(ehlo(&["check", "lab"]).code, 0);
    assert_eq!(ehlo(&["check", "imaps://lab", "--lab-fault", "cert-expired"]).code, 1);
    assert_eq!(ehlo(&["check", "imaps://lab", "--lab-fault", "cert-expired", "--fail-on", "never"]).code, 0);
    assert_eq!(ehlo(&["check", "pop3://lab", "--fail-on", "warn"]).code, 1);
    assert_eq!(ehlo(&["check", "pop3://lab"]).code, 0);
    assert_eq!(ehlo(&["check", "imap://lab", "--lab-fault", "connection-refused"]).code, 3);
    // One explicit target that cannot be reached beside one that can is a finding.
    assert_eq!(
        ehlo(&["check", "imap://lab", "pop3://lab", "--lab-fault", "connection-refused@imap"]).code,
        1
    );
    assert_eq!(ehlo(&["--version"]).code, 0);
    assert_eq!(ehlo(&["check", "--help"]).code, 0);
    assert_eq!(ehlo(&[]).code, 2);
    assert_eq!(ehlo(&["check", "lab", "--nonsense"]).code, 2);
}

#[test]
fn wrong_usage_says_what_is_wrong() {
    let mut told = String::new();
    for arguments in [
        &["check"][..],
        &["check", ""],
        &["check", "imaps://bob:geheim@mail.example.org"],
        &["check", "http://mail.example.org"],
        &["check", "tcp://mail.example.org:70"],
        &["check", "mail.example.org:99999"],
        &["check", "imap://a b"],
        &["check", "imap://mail.example.org/INBOX"],
        &["check", "pop3+unix:/run/x"],
        &["check", "user@example.org"],
        &["check", "lab", "mail.example.org"],
        &["check", "mail.example.org", "--lab-fault", "cert-expired"],
        &["check", "lab", "--lab-fault", "no-such-fault"],
        &["check", "lab", "--lab-fault", "greeting-delay"],
        &["check", "lab", "--lab-fault", "cert-expired@moon"],
        &["check", "lab", "--only", "no-such-check"],
        &["check", "lab", "--timeout", "soon"],
        &["check", "lab", "--now", "yesterday"],
        &["check", "lab", "--connect", "mail"],
        &["check", "lab", "--helo", "two words"],
        &["check", "lab", "--pin", "abc"],
        &["check", "lab", "--client-cert", "x.pem"],
        &["check", "lab", "--user", "nobody"],
        &["check", "lab", "--password-file", "x"],
        &["check", "imap://192.0.2.1", "--user", "bob"],
        &["lab", "--port", "imap=x"],
        &["lab", "--port", "nntp=1"],
        &["lab", "--port-base", "99999"],
        &["lab", "--listen", "here"],
        &["lab", "--account", "bob"],
        &["lab", "--domain", "a b"],
    ] {
        let ran = ehlo(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {}", ran.err);
        assert!(!ran.err.contains("geheim"), "{}", ran.err);
        told.push_str(&format!("$ ehlo {}\n{}", arguments.join(" "), ran.err));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    for arguments in [
        &["check", "lab", "--ca", "/nonexistent/ca.pem"][..],
        &["check", "imap://lab", "--user", "alice", "--password-file", "/nonexistent/pw"],
        &["check", "--rejudge", "/nonexistent/run.json"],
        &["lab", "--accounts", "/nonexistent/accounts"],
        &["lab", "--port-base", "0", "--ca-out", "/nonexistent/ca.pem"],
        &["check", "lab", "--client-cert", "/nonexistent/c.pem", "--client-key", "/nonexistent/k.pem"],
    ] {
        let ran = ehlo(arguments);
        assert_eq!(ran.code, 3, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("/nonexistent/"), "{arguments:?}: {}", ran.err);
    }
    let accounts = folder("bad-accounts").join("accounts");
    std::fs::write(&accounts, "bob:x\nthis is wrong\n").unwrap();
    let ran = ehlo(&["lab", "--accounts", accounts.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("line 2"), "{}", ran.err);
}

#[test]
fn targets_may_come_from_standard_input() {
    let ran = ehlo_with_input(&["check", "-", "-q"], "# the lab\nimap://lab\n\npop3://lab\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("2 services: 2 sound; verdicts: "), "{}", ran.out);
}

#[test]
fn help_is_written_in_both_languages() {
    for lang in ["en", "de"] {
        for arguments in [
            &["--help"][..],
            &["check", "--help"],
            &["auth", "--help"],
            &["send", "--help"],
            &["lab", "--help"],
        ] {
            let ran = ehlo(&[arguments, &["--lang", lang]].concat());
            assert_eq!(ran.code, 0);
            assert!(ran.out.lines().all(|l| l.chars().count() <= 100), "{}", ran.out);
            insta::assert_snapshot!(
                format!("help-{}-{lang}", arguments.join("-").replace("--help", "")),
                ran.out
            );
        }
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ran = ehlo(&["lab", "--port-base", "0", "--port", &format!("imap={port}")]);
    assert_eq!(ran.code, 3);
    insta::assert_snapshot!(steady(&ran.err), @"ehlo: error: imap cannot listen on #.#.#.#:#: Address already in use (os error 98)
    ");
}

//! `ehlo sasl`: what is built is right to the byte, what is decoded is named, and secrets stay hidden.

use crate::common::{Ran, ehlo, program, ran};
use std::io::Write as _;
use std::process::Stdio;

fn with_bytes(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that ends before it has read everything is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(input);
    ran(child.wait_with_output().unwrap())
}

fn built(arguments: &[&str], password: &str) -> String {
    let ran = with_bytes(&[arguments, &["--password-file", "-"]].concat(), password.as_bytes());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    ran.out
}

#[test]
fn what_is_built_is_right_to_the_byte() {
    for (arguments, password, printed) in [
        (&["apop", "<19622.1205709759@mp050>"][..], "gEhEiM!", "20376e3ca8d030b31e1fda962a4dfcfb\n"),
        (
            &["apop", "+OK POP server ready <19622.1205709759@mp050>"],
            "gEhEiM!",
            "20376e3ca8d030b31e1fda962a4dfcfb\n",
        ),
        (
            &["plain", "benutzername", "--authzid", "benutzername"],
            "passwort",
            "YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==\n",
        ),
        (&["PLAIN", "benutzername"], "passwort\n", "AGJlbnV0emVybmFtZQBwYXNzd29ydA==\n"),
        (&["login", "benutzername"], "passwort", "YmVudXR6ZXJuYW1l\ncGFzc3dvcnQ=\n"),
        // RFC 2195 §2
        (
            &["cram-md5", "tim", "--challenge", "<1896.697170952@postoffice.reston.mci.net>"],
            "tanstaaftanstaaf",
            "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\n",
        ),
        (
            &["cram-md5", "tim", "--challenge", "+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"],
            "tanstaaftanstaaf",
            "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\n",
        ),
    ] {
        assert_eq!(built(&[&["sasl"], arguments].concat(), password), printed, "{arguments:?}");
    }
    assert_eq!(ehlo(&["sasl", "encode", "Username:"]).out, "VXNlcm5hbWU6\n");
    assert_eq!(with_bytes(&["sasl", "encode", "-"], b"\xff\n").out, "/wo=\n");
}

#[test]
fn the_password_may_come_from_elsewhere() {
    let wanted = "AGJvYgBnZWhlaW0=\n";
    let ran = ehlo(&["sasl", "plain", "bob", "--password-command", "printf geheim"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, wanted));
    let output = program().args(["sasl", "plain", "bob"]).env("EHLO_PASSWORD", "geheim").output().unwrap();
    assert_eq!(crate::common::ran(output).out, wanted);
}

#[test]
fn what_is_decoded_is_named_and_hidden() {
    let told: String = [
        "YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==",
        "334 VXNlcm5hbWU6",
        "+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
        "334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=",
        "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
        // echo without -n, echo -ne in sh, \0 written out, Latin-1, no padding
        "dXNlcgo=",
        "LW5lIFwwdXNlclwwZ2VoZWltCg==",
        "AHVzZXIAcORzcw==",
        "dXNlcjE",
        "nonsense!",
    ]
    .iter()
    .map(|line| {
        let ran = ehlo(&["sasl", "decode", line]);
        assert_eq!(ran.err, "");
        assert!(
            !["passwort", "geheim", "b913a6"].iter().any(|secret| ran.out.contains(secret)),
            "{}",
            ran.out
        );
        format!("$ ehlo sasl decode '{line}'   ({})\n{}", ran.code, ran.out)
    })
    .collect();
    insta::assert_snapshot!(told);
    let ran = ehlo(&["sasl", "decode", "AGJvYgBnZWhlaW0=", "--show-secrets"]);
    assert!(ran.out.contains("geheim"), "{}", ran.out);
}

#[test]
fn a_session_is_taken_apart_line_by_line() {
    let session = b"334 VXNlcm5hbWU6\r\nYmVudXR6ZXJuYW1l\r\n334 UGFzc3dvcmQ6\r\ncGFzc3dvcnQ=\r\n";
    let ran = with_bytes(&["sasl", "decode", "-", "--format", "json"], session);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["version"], 1);
    let kinds: Vec<&str> =
        document["messages"].as_array().unwrap().iter().map(|m| m["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 4);
    assert_eq!(document["messages"][1]["fields"][0]["value"], "benutzername");
    assert!(document["messages"][3]["fields"][0]["value"].is_null());
    assert!(!ran.out.contains("passwort"));
    let german = with_bytes(&["sasl", "decode", "-", "--lang", "de"], session);
    assert!(german.out.contains("der Server fragt nach dem Passwort"), "{}", german.out);
}

#[test]
fn hostile_input_neither_moves_the_cursor_nor_hurts() {
    // ESC [2J in base64, and in clear.
    for input in [&b"G1sySmhp"[..], b"\x1b[2J", b"\xff\xfe\n\x00", b"334 \x1b]0;x\x07", b"", b"\n\n"] {
        let ran = with_bytes(&["sasl", "decode", "-"], input);
        assert!(ran.code == 0 || ran.code == 1, "{input:?}: {}", ran.err);
        assert!(!ran.out.contains('\x1b') && !ran.out.is_empty(), "{input:?}");
    }
    let large = with_bytes(&["sasl", "decode", "-"], "QUJD".repeat(1 << 18).as_bytes());
    assert_eq!(large.code, 0);
    assert!(large.out.len() < 2000, "{}", large.out.len());
    let json = with_bytes(&["sasl", "decode", "-", "--format", "json"], b"G1sySmhp");
    assert!(!json.out.contains('\x1b'));
}

#[test]
fn what_is_too_long_is_cut_and_said_to_be() {
    let much = "C: a1 NOOP\nS: * OK\n".repeat(60_000);
    for arguments in [&["explain", "-"][..], &["sasl", "decode", "-"]] {
        let ran = with_bytes(arguments, much.as_bytes());
        assert!(ran.code <= 1 && ran.out.len() < 200_000, "{arguments:?}: {} {}", ran.code, ran.out.len());
        assert_eq!(ran.err, "Only the first 1048576 bytes are looked at.\n");
    }
    let large = vec![b'x'; (16 << 20) + 1];
    assert_eq!(with_bytes(&["sasl", "encode", "-"], &large).code, 2);
}

#[test]
fn what_goes_wrong_with_tokens_and_sessions_is_told() {
    // {"alg":"none"}.{"exp":1000,"aud":"x"}.sig, bare and in XOAUTH2
    let bare = ehlo(&["sasl", "decode", "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDAsImF1ZCI6IngifQ.c2ln"]);
    assert!(bare.out.contains("1970-01-01T00:16:40Z") && bare.out.contains("has expired"), "{}", bare.out);
    assert_eq!(bare.code, 1);
    let session = b"220 x ESMTP\nEHLO y\n250-x\n250 AUTH PLAIN\nAUTH PLAIN\n334 \nAGJvYgBnZWhlaW0=\n235 2.7.0 ok\nQUIT\n";
    let ran = with_bytes(&["sasl", "decode", "-"], session);
    assert_eq!((ran.code, ran.out.contains("no base64")), (0, false), "{}", ran.out);
    // \0bob\0geheim, encoded twice
    let twice = ehlo(&["sasl", "decode", "QUdKdllnQm5aV2hsYVcwPQ=="]);
    assert!(!twice.out.contains("AGJvYg") && twice.out.contains("encoded twice"), "{}", twice.out);
}

#[test]
fn wrong_usage_says_what_is_wrong() {
    let mut told = String::new();
    for arguments in [
        &["sasl"][..],
        &["sasl", "sing"],
        &["sasl", "plain"],
        &["sasl", "plain", "bob", "geheim"],
        &["sasl", "plain", "bob"],
        &["sasl", "decode"],
        &["sasl", "apop", "+OK no stamp", "--password-command", "printf x"],
        &["sasl", "cram-md5", "bob", "--password-command", "printf x"],
    ] {
        let ran = ehlo(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {}", ran.err);
        assert!(!ran.err.contains("geheim"), "{}", ran.err);
        told.push_str(&format!("$ ehlo {}\n{}", arguments.join(" "), ran.err));
    }
    insta::assert_snapshot!(told);
}

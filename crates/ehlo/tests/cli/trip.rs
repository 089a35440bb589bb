//! `ehlo trip`, from the lab to the lab.

use crate::common::{Ran, ehlo, folder};
use serde_json::Value;
use std::path::Path;

fn trip(arguments: &[&str]) -> Ran {
    ehlo(&[&["trip", "lab", "lab", "-4", "--helo", "client.example"], arguments].concat())
}

/// What differs each time: tokens, ports, queue ids, times.
fn shown(ran: &Ran) -> String {
    let mut text = ran.out.clone();
    for (pattern, by) in [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:#"),
        (r"[0-9a-f]{16}-", "TOKEN-"),
        (r" +\d+(\.\d+)? m?s\b", " # s"),
        (r"(queued as|Warteschlange als|ESMTPS?A? ·) [A-Z0-9]{6,}", "$1 ID"),
        (r"\d+ (octets|Oktette)", "# $1"),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, by).into_owned();
    }
    text
}

#[test]
fn a_trip_in_both_languages() {
    for lang in ["en", "de"] {
        let ran = trip(&["--lang", lang]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        insta::assert_snapshot!(format!("trip-{lang}"), shown(&ran));
        let help = ehlo(&["trip", "--help", "--lang", lang]);
        assert_eq!(help.code, 0);
        insta::assert_snapshot!(format!("help-trip-{lang}"), help.out);
    }
}

#[test]
fn exit_codes_tell_the_truth() {
    for (code, fault, said) in [
        (1, "mail-lost", "not arrived"),
        (1, "mail-doubled", "It came 2 times"),
        (1, "mail-misfiled=Junk", "where unwanted mail is put"),
        (1, "mail-altered", "first difference in line"),
        (1, "mail-field-lost=Subject", "missing from the header: Subject"),
        (0, "mail-recoded", "Parts are encoded otherwise"),
        (0, "mail-line-ends", "The lines of the body end otherwise"),
        (1, "greylisted", "(greylisting,"),
        (1, "reply=RCPT:550 5.1.1 no", "550 5.1.1 no"),
        (3, "connection-refused", "Nothing was sent"),
        (1, "auth-refused@imaps", "Nothing was sent"),
    ] {
        let ran = trip(&["--lab-fault", fault, "--timeout", "2s", "--lang", "en"]);
        assert_eq!(ran.code, code, "{fault}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains(said), "{fault}: {}", ran.out);
        assert!(!ran.out.contains('\u{1b}'));
    }
}

#[test]
fn wrong_usage_is_said_before_anything_is_done() {
    for (arguments, said) in [
        (&["trip"][..], "wants two targets"),
        (&["trip", "lab"], "wants two targets"),
        (&["trip", "lab", "smtp://lab"], "no way to read mail"),
        (&["trip", "imap://lab", "lab"], "no way to give mail in"),
        (&["trip", "lab", "imaps://mail.example.org"], "lab"),
        (&["trip", "lab", "lab", "--count", "0"], "--count"),
        (&["trip", "lab", "lab", "--rate", "-1"], "--rate"),
        (&["trip", "lab", "lab", "--from", "a\r\nb@c"], "--from"),
        (&["trip", "lab", "lab", "--to", "nobody at all"], "--to"),
        (&["trip", "lab", "lab", "--to-user", "nobody"], "nobody"),
        (&["trip", "lab", "lab", "--warn", "3s"], "--format nagios"),
        (&["trip", "lab", "lab", "--from-password-file", "-", "--to-password-file", "-"], "standard input"),
        (&["trip", "smtp://lab", "lab", "--from-password-command", "x"], "--from-user"),
        (&["trip", "lab", "--from-profile", "nowhere"], "nowhere"),
    ] {
        let ran = ehlo(&[arguments, &["--lang", "en"]].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}

fn schemas() -> (boon::Schemas, boon::SchemaIndex) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let mut last = String::new();
    for name in [
        "check-v1.json",
        "sasl-v1.json",
        "explain-v1.json",
        "send-v1.json",
        "mailbox-v1.json",
        "trip-v1.json",
    ] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        last = schema["$id"].as_str().unwrap().to_owned();
        compiler.add_resource(&last, schema).unwrap();
    }
    let index = compiler.compile(&last, &mut schemas).unwrap();
    (schemas, index)
}

#[test]
fn documents_fit_the_published_schema() {
    let (schemas, index) = schemas();
    for arguments in [
        vec![],
        vec!["--lang", "de", "--count", "3", "--keep"],
        vec!["--lab-fault", "mail-lost"],
        vec!["--lab-fault", "mail-cut", "--lab-fault", "mail-doubled", "--lab-fault", "mail-misfiled=Junk"],
        vec!["--lab-fault", "mail-charset=x", "--lab-fault", "mail-field-lost=Subject"],
        vec!["--lab-fault", "mail-field-added=Received: \u{7}; when?"],
        vec!["--lab-fault", "greylisted"],
        vec!["--lab-fault", "close=."],
        vec!["--lab-fault", "connection-refused@submission+submissions+smtp+lmtp"],
        vec!["--lab-fault", "auth-refused@imaps"],
        vec!["--lab-fault", "hostile-escapes@imaps"],
    ] {
        let fixed = ["--timeout", "2s", "--format", "json"];
        let ran = trip(&[&fixed[..], &arguments[..]].concat());
        let document: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{arguments:?}: {e} {}", ran.err));
        if let Err(error) = schemas.validate(&document, index) {
            panic!("{arguments:?}: {error:#}");
        }
        assert_eq!(document["good"].as_bool().unwrap(), ran.code == 0, "{arguments:?}");
        assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{7}'));
        assert!(!ran.out.contains("wonderland") && !ran.out.contains("passwort\""), "{arguments:?}");
    }
}

#[test]
fn monitoring_gets_its_forms() {
    let nagios =
        |more: &[&str]| trip(&[&["--format", "nagios", "--timeout", "2s", "--lang", "en"], more].concat());
    let good = nagios(&["--warn", "30s", "--critical", "120s"]);
    assert_eq!(good.code, 0, "{}", good.out);
    assert!(good.out.starts_with("EHLO OK - arrived after ") && good.out.contains("'trip'="), "{}", good.out);
    assert!(good.out.contains(";30;120;0"), "{}", good.out);
    let slow = nagios(&["--warn", "1ms"]);
    assert_eq!(slow.code, 1, "{}", slow.out);
    for (fault, code) in
        [("mail-lost", 2), ("greylisted", 1), ("mail-misfiled=Junk", 1), ("reply=RCPT:550 5.1.1 no", 2)]
    {
        let ran = nagios(&["--lab-fault", fault]);
        assert_eq!(ran.code, code, "{fault}: {}", ran.out);
    }
    assert_eq!(nagios(&["--lab-fault", "auth-refused@imaps"]).code, 2);
    let metrics = trip(&["--format", "prometheus", "--count", "2"]).out;
    for wanted in [
        "probe_success{from=\"submissions://lab\",to=\"imaps://lab\"} 1",
        "result=\"arrived\"} 2",
        "ehlo_trip_seconds{",
        "ehlo_trip_stage_seconds{",
    ] {
        assert!(metrics.contains(wanted), "{wanted}: {metrics}");
    }
}

#[test]
fn a_message_of_ones_own_goes_by_pop3_and_the_dialogue_can_be_saved() {
    let folder = folder("trip-eml");
    let (file, saved) = (folder.join("own.eml"), folder.join("trip.ehlo"));
    std::fs::write(&file, "From: a@example.test\nSubject: own\n\nhello\n").unwrap();
    let arguments =
        ["--eml", file.to_str().unwrap(), "--transcript", saved.to_str().unwrap(), "--format", "json"];
    let ran = ehlo(&[&["trip", "smtp://lab", "pop3s://lab", "-4"], &arguments[..]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["watched_by"], "polling");
    assert_eq!(document["removed"], 1);
    let script = std::fs::read_to_string(&saved).unwrap();
    assert!(script.contains("MAIL FROM:<joe@example.test>") && script.contains("UIDL"), "{script}");
    assert!(!script.contains("passwort"));
}

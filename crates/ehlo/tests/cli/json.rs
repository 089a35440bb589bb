//! What a program reads.

use crate::common::{ehlo, folder};
use serde_json::Value;

fn schema() -> (boon::Schemas, boon::SchemaIndex) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/check-v1.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("check-v1.json", schema).unwrap();
    let index = compiler.compile("check-v1.json", &mut schemas).unwrap();
    (schemas, index)
}

fn run(arguments: &[&str]) -> Value {
    let ran = ehlo(&[&["check", "--format", "json"], arguments].concat());
    assert!(ran.code <= 3, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn documents_fit_the_published_schema() {
    let (schemas, index) = schema();
    let mut documents: Vec<Vec<String>> =
        ["lab --user alice", "lab --lang de", "imap://lab --lab-fault connection-refused"]
            .iter()
            .map(|line| line.split(' ').map(str::to_owned).collect())
            .collect();
    for fault in ehlo_lab_faults() {
        let before = ["lab", "-4", "--timeout", "1", "--lab-fault"].map(str::to_owned);
        documents.push(before.into_iter().chain([fault]).collect());
    }
    // Most of the time is spent waiting for labs that are broken in time.
    let next = std::sync::Mutex::new(documents.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let Some(arguments) = next.lock().unwrap().next() else { break };
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    let document = run(&arguments);
                    if let Err(error) = schemas.validate(&document, index) {
                        panic!("{arguments:?}: {error:#}");
                    }
                    assert!(!serde_json::to_string(&document).unwrap().contains('\u{1b}'));
                }
            });
        }
    });
}

/// Every fault as `--list-faults` gives it by example.
fn ehlo_lab_faults() -> Vec<String> {
    let listed = ehlo(&["lab", "--list-faults"]).out;
    let is_fault = |l: &&str| l.starts_with(|c: char| c.is_ascii_lowercase());
    listed.lines().filter(is_fault).map(str::to_owned).collect()
}

#[test]
fn every_verdict_has_its_evidence() {
    let document = run(&["lab", "--lab-fault", "cert-expired@imaps"]);
    let transcripts = document["transcripts"].as_array().unwrap();
    for finding in document["findings"].as_array().unwrap() {
        let evidence = finding["evidence"].as_array().unwrap();
        assert!(!evidence.is_empty() && !finding["excerpt"].as_array().unwrap().is_empty(), "{finding:#}");
        for place in evidence {
            assert!(transcripts.iter().any(|t| t["id"] == place["transcript"]), "{place}");
        }
    }
}

#[test]
fn a_saved_run_is_judged_again_the_same_way() {
    let folder = folder("rejudge");
    let file = folder.join("run.json");
    let ran = ehlo(&[
        "check",
        "lab",
        "--lab-fault",
        "cert-expiring=240@imaps",
        "--user",
        "name",
        "--format",
        "json",
    ]);
    std::fs::write(&file, &ran.out).unwrap();
    let file = file.to_str().unwrap();
    let again = ehlo(&["check", "--rejudge", file, "--format", "json"]);
    assert_eq!((again.code, again.out), (ran.code, ran.out));
    // A year later the verdicts are others.
    let later = ehlo(&["check", "--rejudge", file, "--now", "2030-01-01", "-q"]);
    assert_eq!(later.code, 1, "{}", later.err);
    assert!(later.out.starts_with("9 services: 7 broken, 2 dated; verdicts: "), "{}", later.out);
    let only = ehlo(&["check", "--rejudge", file, "--only", "cert-expiring", "-q"]);
    assert_eq!(only.out.trim(), "9 services: 1 dated, 8 sound; verdicts: 9");
}

#[test]
fn documents_of_another_kind_are_refused() {
    let folder = folder("rejudge-bad");
    for (name, text, says) in [
        ("empty", "", "no saved run"),
        ("other", "{\"version\": 7}", "version 7"),
        ("array", "[1, 2]", "no saved run"),
        ("half", "{\"version\": 1, \"tool\": {}}", "no saved run"),
    ] {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        let ran = ehlo(&["check", "--rejudge", file.to_str().unwrap()]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.err);
        assert!(ran.err.contains(says), "{name}: {}", ran.err);
    }
}

#[test]
fn a_document_of_the_first_version_is_still_read() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/check-v1.json");
    let ran = ehlo(&["check", "--rejudge", file, "-q"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        // Of what later versions ask, the document knows nothing.
        (
            1,
            "2 services: 1 broken, 1 sound?; verdicts: 55\n\
             without a verdict: starttls-injection, starttls-injection-split,\nstarttls-state-leak\n"
        ),
        "{}",
        ran.err
    );
}

#[test]
fn a_document_that_was_tampered_with_does_no_harm() {
    let folder = folder("rejudge-hostile");
    let ran = ehlo(&["check", "imap://lab", "-4", "--format", "json"]);
    let file = folder.join("run.json");
    let escape = r"\u001b[2J\u202e";
    let text =
        ran.out.replace("lab.test", &format!("{escape}lab.test")).replace("PLAIN", &format!("PLAIN{escape}"));
    assert_ne!(text, ran.out);
    std::fs::write(&file, text).unwrap();
    let again = ehlo(&["check", "--rejudge", file.to_str().unwrap(), "-vv"]);
    assert!(again.out.contains(r"\x1b[2J\u{202e}lab.test"), "{}{}", again.out, again.err);
    assert!(!again.out.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'));
}

//! The policies of `check`: what they are made of, and what they do.

use crate::common::{ehlo, folder};
use ehlo_check::CHECKS;
use ehlo_knowledge::{Lang, keys, list, references, text};
use serde_json::Value;

const NAMES: [&str; 5] = ["rfc", "bsi-tr-02102-2", "mozilla-intermediate", "mta-strict", "ncsc-2025"];

/// Checks that policies name and that do not exist yet. What exists does not belong here.
const AWAITED: &[&str] = &[];

#[test]
fn policies_are_made_of_what_there_is() {
    let exists = |id: &str| CHECKS.iter().any(|check| check.meta().id == id);
    let arrived: Vec<&&str> = AWAITED.iter().filter(|id| exists(id)).collect();
    assert!(arrived.is_empty(), "these are awaited no longer, take them out of AWAITED: {arrived:?}");
    let mut found: Vec<&str> = keys("policy-").filter(|key| !key.contains('/')).collect();
    found.sort_unstable();
    let mut wanted = NAMES.map(|name| format!("policy-{name}"));
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for name in NAMES {
        assert!(text(Lang::En, "cli/flag/policy").unwrap().contains(name), "{name} is not in the help");
        for key in keys(&format!("policy-{name}/")) {
            let path: Vec<&str> = key.split('/').collect();
            let (check, message) = (path[1], path.get(2));
            assert!(path.len() < 4 && (exists(check) || AWAITED.contains(&check)), "{key}: no such check");
            if let (Some(message), true) = (message, exists(check)) {
                let sentence = format!("check/{check}/{message}");
                assert!(text(Lang::En, &sentence).is_some(), "{key}: no such message");
            }
            assert!(!references(key).is_empty(), "{key}: it is not said where that is written");
            let (severities, outcome) = ([list(key, "access"), list(key, "mx")], list(key, "outcome"));
            for word in severities.iter().flat_map(|words| words.iter()).chain(list(key, "rfc")) {
                let words = ["info", "low", "medium", "high", "critical"];
                assert!(words.contains(word), "{key}: {word}");
            }
            for word in outcome {
                assert!(["info", "warn", "fail"].contains(word), "{key}: {word}");
                assert!(message.is_some(), "{key}: an outcome is one of a message, not of a whole check");
            }
            let required = list(key, "required");
            assert!(required.iter().all(|role| ["access", "mx"].contains(role)), "{key}: {required:?}");
            let says = severities.iter().any(|words| !words.is_empty()) || !required.is_empty();
            assert!(says, "{key} changes nothing");
        }
    }
}

#[test]
fn the_rfcs_are_the_policy_unless_another_is_named() {
    let plain = ehlo(&["check", "smtp://lab", "-4", "--lab-fault", "cert-self-signed"]);
    let named = ehlo(&["check", "smtp://lab", "-4", "--lab-fault", "cert-self-signed", "--policy", "rfc"]);
    assert_eq!((plain.code, named.code), (0, 0), "{}", plain.out);
    assert!(!plain.out.contains("policy") && !named.out.contains("policy"), "{}", named.out);
    let unknown = ehlo(&["check", "smtp://lab", "-4", "--policy", "rcf"]);
    assert_eq!(unknown.code, 2);
    assert!(NAMES.iter().all(|name| unknown.err.contains(name)), "{}", unknown.err);
}

#[test]
fn a_policy_changes_what_a_verdict_means_and_says_by_what_source() {
    let arguments =
        ["check", "smtp://lab", "-4", "--lab-fault", "cert-self-signed", "--policy", "mta-strict"];
    for (lang, words) in
        [("en", "without it info (RFC 8461 §4.2)"), ("de", "ohne sie Hinweis (RFC 8461 §4.2)")]
    {
        let ran = ehlo(&[&arguments[..], &["--lang", lang]].concat());
        assert_eq!(ran.code, 1, "{}", ran.out);
        let said = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("✘ cert-self-signed") && said.contains(words), "{}", ran.out);
        assert!(said.contains("ehlo explain policy mta-strict"), "{}", ran.out);
        assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    }
    // Where users log in nothing is changed.
    let imaps =
        ehlo(&["check", "imaps://lab", "-4", "--lab-fault", "cert-self-signed", "--policy", "mta-strict"]);
    assert!(imaps.code == 1 && !imaps.out.contains("RFC 8461"), "{}", imaps.out);
}

#[test]
fn a_saved_run_is_weighed_again() {
    let file = folder("policy-rejudge").join("run.json");
    let plain = ehlo(&["check", "smtp://lab", "-4", "--lab-fault", "cert-self-signed", "--format", "json"]);
    std::fs::write(&file, &plain.out).unwrap();
    let document = |out: &str| serde_json::from_str::<Value>(out).unwrap();
    assert!(document(&plain.out)["policy"].is_null());
    let again =
        ehlo(&["check", "--rejudge", file.to_str().unwrap(), "--policy", "mta-strict", "--format", "json"]);
    assert_eq!(again.code, 1, "{}", again.err);
    let again = document(&again.out);
    assert_eq!(again["policy"], "mta-strict");
    assert_eq!(again["services"][0]["level"]["level"], "broken");
    let finding = again["findings"].as_array().unwrap().iter().find(|f| f["check"] == "cert-self-signed");
    let finding = finding.unwrap();
    assert_eq!((&finding["outcome"], &finding["severity"]), (&"fail".into(), &"critical".into()));
    assert_eq!(finding["params"]["policy-was"], "info");
    assert!(finding["references"].as_array().unwrap().contains(&"RFC 8461 §4.2".into()));
}

#[test]
fn a_policy_is_explained_row_by_row() {
    for lang in ["en", "de"] {
        let ran = ehlo(&["explain", "policy", "mta-strict", "--lang", lang]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
        insta::assert_snapshot!(format!("explain-policy-{lang}"), ran.out);
    }
    for name in NAMES {
        let ran = ehlo(&["explain", "policy", name, "--format", "json"]);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        let rows = keys(&format!("policy-{name}/")).count();
        assert_eq!(document["parts"].as_array().unwrap().len(), rows + 1, "{name}");
    }
}

#[test]
fn each_policy_weighs_keys_and_signatures_of_certificates_by_its_own_norm() {
    // (fault, check, policy, what it comes to where users log in, and on an MX)
    let rows = [
        ("cert-rsa=1024", "cert-key-weak", "rfc", "fail high", "warn medium"),
        ("cert-rsa=1024", "cert-key-weak", "ncsc-2025", "fail high", "warn high"),
        ("cert-rsa=1024", "cert-key-weak", "bsi-tr-02102-2", "fail high", "warn high"),
        ("cert-rsa=1024", "cert-key-weak", "mozilla-intermediate", "fail high", "warn high"),
        ("cert-rsa=1024", "cert-key-weak", "mta-strict", "fail high", "warn high"),
        ("cert-rsa=2048", "cert-key-weak", "rfc", "info info", "info info"),
        ("cert-rsa=2048", "cert-key-weak", "ncsc-2025", "warn medium", "warn medium"),
        ("cert-rsa=2048", "cert-key-weak", "bsi-tr-02102-2", "warn high", "warn high"),
        ("cert-rsa=2048", "cert-key-weak", "mozilla-intermediate", "info info", "info info"),
        ("cert-rsa=3072", "cert-key-weak", "ncsc-2025", "pass", "pass"),
        ("cert-rsa=3072", "cert-key-weak", "bsi-tr-02102-2", "pass", "pass"),
        ("cert-sha1", "cert-sig-weak", "rfc", "fail high", "warn medium"),
        ("cert-sha1", "cert-sig-weak", "ncsc-2025", "fail high", "warn high"),
        ("cert-sha1", "cert-sig-weak", "bsi-tr-02102-2", "fail high", "warn high"),
        ("cert-sha1", "cert-sig-weak", "mozilla-intermediate", "fail high", "warn high"),
        ("cert-sha1", "cert-sig-weak", "mta-strict", "fail high", "warn high"),
    ];
    for (fault, check, policy, imaps, smtp) in rows {
        let only = ["--only", check, "--format", "json", "--policy", policy];
        let ran =
            ehlo(&[&["check", "imaps://lab", "smtp://lab", "-4", "--lab-fault", fault][..], &only].concat());
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        let findings = document["findings"].as_array().unwrap();
        let came_to = |service: &str| {
            let mut of = findings.iter().filter(|f| f["check"] == check && f["service"] == service);
            let finding = of.next().unwrap_or_else(|| panic!("{fault} {policy}: nothing about {service}"));
            let word = |key: &str| finding[key].as_str().unwrap().to_owned();
            let outcome = word("outcome");
            if outcome == "pass" { outcome } else { format!("{outcome} {}", word("severity")) }
        };
        let found = (came_to("imaps://lab"), came_to("smtp://lab"));
        assert_eq!(found, (imaps.to_owned(), smtp.to_owned()), "{fault} by {policy}");
    }
}

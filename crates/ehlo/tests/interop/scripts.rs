//! The suites, the scripts of the design and their falsified copies against Postfix and Dovecot.

use crate::common::{ehlo, folder};
use crate::site::variable;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

/// `interop/profile.toml` with the values of the servers that run.
fn config() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("interop/profile.toml")).unwrap();
    let place = regex::Regex::new("@(TS_[A-Z0-9_]+)@").unwrap();
    let filled = place.replace_all(&text, |found: &regex::Captures<'_>| variable(&found[1]));
    let file = folder("interop-profile").join("ehlo.toml");
    std::fs::write(&file, filled.as_bytes()).unwrap();
    file
}

fn run(config: &Path, arguments: &[&str]) -> Value {
    let profile =
        ["--config", config.to_str().unwrap(), "--profile", "postfix-dovecot", "--risk", "disruptive"];
    let ran = ehlo(&[&["run", "--format", "json"], arguments, &profile].concat());
    assert!(matches!(ran.code, 0 | 1), "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// What a person needs to see of a script that did not do as it should.
fn told(reports: &[&Value]) -> String {
    let mut out = String::new();
    for report in reports {
        out.push_str(&format!("{}: {} {}\n", report["id"], report["verdict"], report["reason"]));
        for step in report["steps"].as_array().unwrap() {
            out.push_str(step["problem"]["message"].as_str().unwrap_or_default());
        }
    }
    out
}

#[test]
#[ignore = "needs real servers: cargo xtask interop"]
fn suites_and_scripts_hold_against_postfix_and_dovecot() {
    let config = config();
    // One after the other: they share mailboxes.
    let document = run(&config, &["--suite", "all"]);
    let scripts = document["scripts"].as_array().unwrap();
    let bad: Vec<&Value> =
        scripts.iter().filter(|s| s["counts"] == true || s["verdict"] == "xpass").collect();
    assert!(bad.is_empty(), "{}", told(&bad));
    assert!(document["summary"]["pass"].as_u64().unwrap() > 250, "{}", document["summary"]);

    let eight = tests().join("eight");
    let document = run(&config, &[eight.to_str().unwrap()]);
    let scripts = document["scripts"].as_array().unwrap();
    let bad: Vec<&Value> = scripts.iter().filter(|s| s["verdict"] != "pass").collect();
    assert!(bad.is_empty() && scripts.len() == 8, "{}", told(&bad));

    let falsified = tests().join("falsified");
    let document = run(&config, &[falsified.to_str().unwrap()]);
    for report in document["scripts"].as_array().unwrap() {
        let id = report["id"].as_str().unwrap();
        let text = std::fs::read_to_string(falsified.join(format!("{id}.ehlo"))).unwrap();
        let line = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("# fails at line ")
            .unwrap()
            .trim()
            .parse::<u64>()
            .unwrap();
        let place =
            report["steps"].as_array().unwrap().iter().find_map(|s| s["problem"]["place"]["line"].as_u64());
        assert_eq!((report["verdict"].as_str(), place), (Some("fail"), Some(line)), "{}", told(&[report]));
    }
}

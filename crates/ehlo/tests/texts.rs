//! Everything that is registered is explained in both languages, and nothing is explained that is not there.
//! (That each text has both languages, the knowledge's build script demands.)

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_check::CHECKS;
use ehlo_core::{DeviationKind, Level, Scheme};
use ehlo_knowledge::{Lang, keys, text};
use ehlo_lab::FAULTS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn has(key: &str) -> bool {
    [Lang::En, Lang::De].iter().all(|lang| text(*lang, key).is_some_and(|t| !t.is_empty()))
}

/// Source files of the workspace, without tests of their own.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && path.iter().any(|p| p == "src") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// The literals that stand behind `lead` in `text`: `lead"this"`.
fn literals<'a>(text: &'a str, lead: &str) -> Vec<&'a str> {
    let lead = format!("{lead}\"");
    text.split(lead.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn what_is_registered_is_explained() {
    let mut missing = Vec::new();
    let mut want = |key: String| {
        if !has(&key) {
            missing.push(key);
        }
    };
    for check in CHECKS {
        for part in ["", "/about", "/sends"] {
            want(format!("check/{}{part}", check.meta().id));
        }
    }
    for fault in FAULTS {
        want(format!("fault/{}", fault.meta().id));
        want(format!("fault-family/{}", fault.meta().family));
    }
    for (kind, _) in ehlo_lab::PLACES {
        want(format!("fault-place/{kind}"));
    }
    for persona in ehlo_lab::personas() {
        want(format!("persona/{persona}"));
    }
    for kind in DeviationKind::ALL {
        want(format!("deviation/{}", kind.id()));
        want(format!("deviation/{}/about", kind.id()));
    }
    for level in [Level::Sound, Level::Dated, Level::Exposed, Level::Broken] {
        want(format!("level/{}", level.id()));
    }
    for mechanism in ehlo_wire::sasl::MECHANISMS {
        want(format!("mechanism/{}", mechanism.meta().name));
    }
    for trouble in ehlo_wire::sasl::Trouble::ALL {
        want(format!("note/sasl-{}", trouble.id()));
        want(format!("auth/trouble/{}/causes", trouble.id()));
        want(format!("auth/trouble/{}/fix", trouble.id()));
    }
    for kind in ehlo_wire::sasl::Kind::ALL {
        want(format!("sasl-kind/{}", kind.id()));
    }
    for result in
        ["accepted", "refused", "unavailable", "unproven", "given-up", "broken", "not-tried", "unknown"]
    {
        want(format!("auth/result/{result}"));
    }
    let wants =
        ["password", "token", "certificate", "nothing", "binding"].map(|what| format!("wants-{what}"));
    let others =
        ["not-offered", "unknown", "unsafe-clear", "unsafe-unverified", "unsafe-out-of-step", "deadline"]
            .map(str::to_owned);
    for why in wants.iter().chain(&others) {
        for part in ["", "/about", "/fix"] {
            want(format!("auth/why/{why}{part}"));
        }
    }
    want("auth/why/stopped".to_owned());
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(Scheme::ALL.len() > 8);
}

#[test]
fn what_is_explained_is_registered() {
    let first = |key: &'static str| key.split('/').nth(1).unwrap();
    let checks: BTreeSet<&str> = CHECKS.iter().map(|c| c.meta().id).collect();
    let others = ["vantage", "inconclusive", "no-result"];
    let explained: BTreeSet<&str> = keys("check/").map(first).filter(|id| !others.contains(id)).collect();
    assert_eq!(explained, checks);
    let faults: BTreeSet<&str> = FAULTS.iter().map(|f| f.meta().id).collect();
    assert_eq!(keys("fault/").map(first).collect::<BTreeSet<_>>(), faults);
    let families: BTreeSet<&str> = FAULTS.iter().map(|f| f.meta().family).collect();
    assert_eq!(keys("fault-family/").map(first).collect::<BTreeSet<_>>(), families);
    let places: BTreeSet<&str> = ehlo_lab::PLACES.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(keys("fault-place/").map(first).collect::<BTreeSet<_>>(), places);
    let personas: BTreeSet<&str> = ehlo_lab::personas().collect();
    assert_eq!(keys("persona/").map(first).collect::<BTreeSet<_>>(), personas);
    let deviations: BTreeSet<&str> = DeviationKind::ALL.iter().map(|k| k.id()).collect();
    assert_eq!(keys("deviation/").map(first).collect::<BTreeSet<_>>(), deviations);
}

#[test]
fn every_verdict_of_a_check_has_its_sentence() {
    let leads = [
        "Verdict::pass(",
        "Verdict::info(",
        "Verdict::warn(",
        "Verdict::fail(",
        "told(",
        "bad(facts, ",
        "untrusted(facts, ",
    ];
    let mut missing = Vec::new();
    let mut seen = 0;
    for (path, text) in sources() {
        let id = path.file_stem().unwrap().to_string_lossy().replace('_', "-");
        if !path.iter().any(|p| p == "checks") || !CHECKS.iter().any(|c| c.meta().id == id) {
            continue;
        }
        for message in leads.iter().flat_map(|lead| literals(&text, lead)) {
            seen += 1;
            if !has(&format!("check/{id}/{message}")) {
                missing.push(format!("check/{id}/{message}"));
            }
        }
    }
    assert!(seen > 90, "{seen}");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_text_that_is_asked_for_is_there() {
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    for (_, text) in sources() {
        let ui =
            [".ui(", ".say("].iter().flat_map(|lead| literals(&text, lead)).map(|key| format!("ui/{key}"));
        let whole = [".get(", ".fill(", ".with(", ".find("]
            .iter()
            .flat_map(|lead| literals(&text, lead))
            .filter(|key| key.contains('/') && !key.contains(['{', ' ', '<']))
            .map(str::to_owned);
        for key in ui.chain(whole) {
            seen += 1;
            if !has(&key) {
                missing.insert(key);
            }
        }
    }
    assert!(seen > 80, "{seen}");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn what_the_console_says_is_there_and_nothing_else() {
    let mut used = BTreeSet::new();
    for (path, text) in sources() {
        if !path.iter().any(|p| p == "ehlo-talk" || p == "talk") {
            continue;
        }
        let hints = literals(&text, "Hint::new(").into_iter().map(|id| format!("talk/hint/{id}"));
        used.extend(hints.filter(|key| !key.ends_with('/')));
        // Ids of notes and hints that stand in tables and branches, too.
        for word in text.split('"').filter(|w| !w.is_empty() && w.len() < 40) {
            used.extend(
                [format!("talk/note/{word}"), format!("talk/hint/{word}")].into_iter().filter(|key| has(key)),
            );
            if word.starts_with("talk/") && !word.contains(['{', ' ']) {
                used.insert(word.to_owned());
            }
        }
    }
    for why in ["tls", "login", "again"] {
        used.extend([format!("talk/note/caps-{why}"), format!("talk/note/caps-same-{why}")]);
    }
    for command in ehlo_talk::COMMANDS {
        used.insert(format!("talk/command/{}", command.name));
    }
    for lesson in ehlo_talk::LESSONS {
        used.extend(lesson.steps.iter().map(|step| format!("talk/lesson/{}/{}", lesson.name, step.id)));
    }
    let missing: Vec<&String> = used.iter().filter(|key| !has(key)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let unused: Vec<&str> =
        keys("talk/").filter(|key| !used.contains(*key) && !key.starts_with("talk/prompt/")).collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

#[test]
fn every_reference_has_the_same_form() {
    let mut wrong = Vec::new();
    for check in CHECKS {
        for reference in check.meta().references {
            let is_rfc = reference.strip_prefix("RFC ").is_some_and(|rest| {
                let (number, section) = rest.split_once(" §").unwrap_or((rest, "1"));
                number.bytes().all(|b| b.is_ascii_digit())
                    && section.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
            });
            let is_advisory = [
                "CVE-",
                "CWE-",
                "draft-ietf-",
                "CA/Browser Forum ",
                "BSI TR-",
                "NCSC-NL ",
                "NIST SP ",
                "MS-NLMP §",
            ]
            .iter()
            .any(|a| reference.starts_with(a));
            if !is_rfc && !is_advisory {
                wrong.push(format!("{}: {reference}", check.meta().id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

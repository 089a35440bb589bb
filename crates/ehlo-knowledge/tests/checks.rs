//! What every check has to tell: how to look at the same thing by hand, and the line of configuration that mends it.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_knowledge::{Lang, keys, text};

/// The servers whose administrators are to find their line, or the reason why there is none.
const SERVERS: [&str; 4] = ["Postfix", "Dovecot", "Exim", "Cyrus"];

/// The ids of all checks: those that have an explanation.
fn checks() -> Vec<&'static str> {
    let id = |key: &'static str| key.strip_prefix("check/")?.strip_suffix("/about");
    let ids: Vec<&str> = keys("check/").filter_map(id).collect();
    assert!(ids.len() > 70, "{ids:?}");
    ids
}

fn said(lang: Lang, key: &str) -> &'static str {
    text(lang, key).unwrap_or_else(|| panic!("{key} is missing"))
}

#[test]
fn every_check_tells_how_to_look_by_hand() {
    for (lang, beginning) in [(Lang::En, "By hand: "), (Lang::De, "Von Hand: ")] {
        for id in checks() {
            let about = said(lang, &format!("check/{id}/about"));
            let by_hand = about.lines().filter_map(|part| part.strip_prefix(beginning));
            let words: Vec<usize> = by_hand.map(|part| part.split_whitespace().count()).collect();
            assert!(words.len() == 1 && words[0] > 2, "{id}: no paragraph \"{beginning}…\" in: {about}");
        }
    }
}

#[test]
fn every_check_that_gives_advice_names_the_four_servers() {
    for lang in [Lang::En, Lang::De] {
        for id in checks() {
            let beginning = format!("check/{id}/");
            let advice: Vec<&str> =
                keys(&beginning).filter(|key| key.ends_with("/advice")).map(|key| said(lang, key)).collect();
            let lost = SERVERS.iter().filter(|name| !advice.iter().any(|text| text.contains(**name)));
            let lost: Vec<&&str> = lost.collect();
            assert!(advice.is_empty() || lost.is_empty(), "{id} says nothing of {lost:?}: {advice:#?}");
        }
    }
}

/// Whoever copies a command to the end of its sentence must not get a file of another name.
#[test]
fn no_command_ends_in_a_full_stop() {
    for key in keys("check/") {
        for lang in [Lang::En, Lang::De] {
            let all = said(lang, key);
            assert!(!all.contains("/dev/null."), "{key}: {all}");
        }
    }
}

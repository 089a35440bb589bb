//! Everything that a registry names has a text in both languages. The lists stand in `fixtures/registries`, each with its
//! source and date.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_knowledge::explain::{Explanation, Kind, Symptom, explain};
use ehlo_knowledge::{Lang, keys, list, references};

/// The words of a list, at least one of them, each once.
fn names(list: &str) -> Vec<String> {
    let path = format!("{}/../../fixtures/registries/{list}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("# "), "{list}: no source");
    let names: Vec<String> = text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect();
    assert!(!names.is_empty(), "{list}: empty");
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name), "{list}: {name} stands there twice");
    }
    names
}

/// Of the words of `list`, looked up as `text` makes them, those without an explanation of `kind` whose key begins with
/// `topic`, or whose texts are the same in both languages, or that name no source.
fn missing(
    list: &str,
    kind: Kind,
    topic: &str,
    text: impl Fn(&str) -> (String, Option<&'static str>),
) -> Vec<String> {
    let is_told = |name: &String| {
        let (text, protocol) = text(name);
        let said = explain(&Symptom { protocol, ..Symptom::of(&text) });
        said.iter().any(|e| e.kind == kind && e.key.starts_with(topic) && is_whole(e))
    };
    names(list).into_iter().filter(|name| !is_told(name)).map(|name| format!("{list}: {name}")).collect()
}

fn is_whole(explanation: &Explanation) -> bool {
    let [en, de] = [Lang::En, Lang::De].map(|lang| explanation.meaning(lang));
    let is_prompt = explanation.kind == Kind::Prompt;
    en.len() > 10 && de.len() > 10 && en != de && (is_prompt || !explanation.references().is_empty())
}

#[test]
fn codes_of_smtp_are_explained() {
    let replies = missing("smtp-replies", Kind::Reply, "reply-smtp/", |code| (code.to_owned(), Some("smtp")));
    assert!(replies.is_empty(), "{replies:#?}");
    let status = missing("enhanced-status", Kind::Status, "status/", |code| (format!("5.{code}"), None));
    assert!(status.is_empty(), "{status:#?}");
}

#[test]
fn unregistered_codes_are_explained_by_their_parts() {
    for subject in 0..=7 {
        let said = explain(&Symptom::of(&format!("4.{subject}.199")));
        let told: Vec<&str> = said.iter().map(|e| e.key.as_str()).collect();
        let wanted = ["explain/unknown-status", &format!("status/subject-{subject}"), "status/class-4"];
        assert_eq!(told, wanted);
    }
    for first in 2..=5 {
        let said = explain(&Symptom::of(&format!("{first}99 x")));
        assert!(said.iter().any(|e| e.key == format!("reply-smtp/class-{first}")), "{first}");
    }
}

#[test]
fn response_codes_are_explained() {
    let mut lost = Vec::new();
    for (protocol, lead) in [("imap", "* NO ["), ("pop3", "-ERR [")] {
        let topic = format!("code-{protocol}/");
        let text = |code: &str| (format!("{lead}{code}] x"), Some(protocol));
        lost.extend(missing(&format!("{protocol}-response-codes"), Kind::ResponseCode, &topic, text));
    }
    let text = |code: &str| (format!("NO ({code}) \"x\""), Some("sieve"));
    lost.extend(missing("sieve-response-codes", Kind::ResponseCode, "code-sieve/", text));
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn capabilities_are_explained() {
    let mut lost = Vec::new();
    for (list, protocol) in [
        ("smtp-extensions", "smtp"),
        ("imap-capabilities", "imap"),
        ("pop3-capabilities", "pop3"),
        ("sieve-capabilities", "sieve"),
    ] {
        let topic = format!("capability-{protocol}/");
        lost.extend(missing(list, Kind::Capability, &topic, |word| (word.to_owned(), Some(protocol))));
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn mechanisms_are_explained() {
    let lost = missing("sasl-mechanisms", Kind::Mechanism, "mechanism/", |name| (name.to_owned(), None));
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn alerts_are_explained_by_name_and_number() {
    let mut lost = Vec::new();
    for row in names("tls-alerts") {
        let (name, number) = row.split_once(' ').unwrap();
        let key = format!("tls-alert/{name}");
        for text in [name.to_owned(), format!("error: SSL alert number {number}")] {
            let said = explain(&Symptom::of(&text));
            if !said.iter().any(|e| e.key == key && e.kind == Kind::Alert) {
                lost.push(text);
            }
        }
        assert!(lost.contains(&name.to_owned()) || list(&key, "number") == [number], "{name}: its number");
    }
    assert!(lost.is_empty(), "{lost:#?}");
    assert!(keys("tls-alert/").all(|key| !references(key).is_empty()));
}

#[test]
fn prompts_are_explained_behind_either_lead() {
    for (lead, protocol) in [("334 ", "smtp"), ("+ ", "imap"), ("", "smtp")] {
        let text = |blob: &str| (format!("{lead}{blob}"), Some(protocol));
        let lost = missing("login-prompts", Kind::Prompt, "prompt/", text);
        assert!(lost.is_empty(), "{lead}: {lost:#?}");
    }
}

#[test]
fn commands_are_explained() {
    let mut count = 0;
    for key in keys("command-") {
        let (protocol, verb) = key["command-".len()..].split_once('/').unwrap();
        let said = explain(&Symptom { protocol: Some(protocol), ..Symptom::of(verb) });
        let told = said.iter().find(|e| e.kind == Kind::Command && e.key == key);
        assert!(told.is_some_and(is_whole), "{key}");
        count += 1;
    }
    assert!(count > 80, "{count}");
}

//! What the catalogue says about replies of real servers. The rows of `fixtures/replies` hold an id of the catalogue
//! (or `-`), the protocol, the stage (or `-`) and the reply.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_knowledge::explain::{Kind, Symptom, explain};
use ehlo_knowledge::{Lang, keys, list};
use std::fmt::Write as _;

struct Row {
    id: String,
    protocol: String,
    stage: Option<String>,
    reply: String,
}

fn rows(name: &str) -> Vec<Row> {
    let path = format!("{}/../../fixtures/replies/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        Row {
            id: parts[0].to_owned(),
            protocol: parts[1].to_owned(),
            stage: Some(parts[2].to_owned()).filter(|s| s != "-"),
            reply: parts[3].to_owned(),
        }
    };
    text.lines().filter(|l| !l.starts_with('#')).map(row).collect()
}

fn symptom(row: &Row) -> Symptom<'_> {
    Symptom { protocol: Some(&row.protocol), stage: row.stage.as_deref(), ..Symptom::of(&row.reply) }
}

fn answers(name: &str, lang: Lang) -> String {
    let mut out = String::new();
    for row in rows(name) {
        writeln!(out, "{} {}: {}", row.protocol, row.stage.as_deref().unwrap_or("-"), row.reply).unwrap();
        for said in explain(&symptom(&row)) {
            assert!(!said.meaning(lang).is_empty(), "{}", said.key);
            writeln!(out, "    {}: {}", said.key, said.meaning(lang)).unwrap();
            if let Some(here) = said.here(lang) {
                writeln!(out, "        {here}").unwrap();
            }
        }
    }
    out
}

#[test]
fn replies_are_explained_in_english() {
    insta::assert_snapshot!("catalogue-en", answers("catalogue", Lang::En));
    insta::assert_snapshot!("observed-en", answers("observed", Lang::En));
}

#[test]
fn replies_are_explained_in_german() {
    insta::assert_snapshot!("catalogue-de", answers("catalogue", Lang::De));
    insta::assert_snapshot!("observed-de", answers("observed", Lang::De));
}

/// A reply that the catalogue cites leads to the row that cites it, unless it takes more than one dialogue to tell.
#[test]
fn replies_lead_to_their_row() {
    let mut lost = Vec::new();
    for row in rows("catalogue") {
        let key = format!("failure/{}", row.id);
        let is_there = keys("failure/").any(|k| k == key) && list(&key, "manual").is_empty();
        if is_there && !explain(&symptom(&row)).iter().any(|e| e.key == key) {
            lost.push(format!("{} {}", row.id, row.reply));
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn what_is_unknown_is_said_to_be() {
    let said = explain(&Symptom::of("577 5.99.1 Zzz"));
    let found: Vec<&str> = said.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(
        found,
        ["explain/unknown-status", "status/class-5", "explain/unknown-reply", "reply-smtp/class-5"]
    );
    let said = explain(&Symptom::of("qqq zzz"));
    assert_eq!((said.len(), said[0].kind), (1, Kind::Unknown));
    assert_eq!(explain(&Symptom::of(""))[0].key, "explain/empty");
}

#[test]
fn words_are_looked_up() {
    let first = |word: &str| explain(&Symptom::of(word))[0].key.clone();
    assert_eq!(first("PIPELINING"), "capability-smtp/PIPELINING");
    assert_eq!(first("scram-sha-256"), "mechanism/SCRAM-SHA-256");
    assert_eq!(first("R04"), "failure/R04");
    assert_eq!(first("cert-expired"), "check/cert-expired/about");
    assert_eq!(first("5.7.25"), "status/7.25");
    assert_eq!(first("PRIVACYREQUIRED"), "code-imap/PRIVACYREQUIRED");
    assert_eq!(first("VXNlcm5hbWU6"), "prompt/username");
    let alerts =
        ["tlsv1 alert unknown ca:SSL alert number 48", "received fatal alert: UnknownCa", "unknown_ca"];
    for alert in alerts {
        assert!(explain(&Symptom::of(alert)).iter().any(|e| e.key == "tls-alert/unknown_ca"), "{alert}");
    }
}

/// Every row says what the causes are, how to confirm them and what to do next, in both languages.
#[test]
fn failures_are_whole() {
    for key in keys("failure/").filter(|k| !k["failure/".len()..].contains('/')) {
        let said = explain(&Symptom::of(&key["failure/".len()..]));
        for lang in [Lang::En, Lang::De] {
            let parts = [said[0].causes(lang), said[0].confirm(lang), said[0].next_step(lang)];
            assert!(said[0].key == key && parts.iter().all(Option::is_some), "{key}");
        }
    }
}

//! Turns `data/*.toml` into sorted static tables, so that the program parses nothing when it starts and a mistake
//! in the data is a build error.
//!
//! A table with `en` and `de` is an entry; its key is the file's name up to the first dot and the path of the table,
//! joined by `/`, so that a long topic can be spread over several files (`failure.auth.toml`). `ref` (a string or a
//! list) names sources. A `pattern` list belongs to an entry of failures. Other tables are only paths.

#![allow(clippy::unwrap_used, reason = "a build script reports by failing")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use toml::{Table, Value};

#[derive(Default)]
struct Entry {
    en: String,
    de: String,
    lists: BTreeMap<String, Vec<String>>,
}

fn main() {
    println!("cargo::rerun-if-changed=data");
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let mut files: Vec<_> = std::fs::read_dir("data").unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "toml")) {
        println!("cargo::rerun-if-changed={}", path.display());
        let text = std::fs::read_to_string(path).unwrap();
        let table: Table = text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let topic = stem.split('.').next().unwrap().to_owned();
        walk(&topic, &table, &mut entries, path);
    }

    let mut code = String::from("pub(crate) static ENTRIES: &[Entry] = &[\n");
    for (key, entry) in &entries {
        write!(code, "Entry {{ key: {key:?}, en: {:?}, de: {:?}, lists: &[", entry.en, entry.de).unwrap();
        for (name, values) in &entry.lists {
            write!(code, "({name:?}, &{values:?}),").unwrap();
        }
        code.push_str("] },\n");
    }
    code.push_str("];\n");
    let out = Path::new(&std::env::var_os("OUT_DIR").unwrap()).join("entries.rs");
    std::fs::write(out, code).unwrap();
}

fn walk(key: &str, table: &Table, entries: &mut BTreeMap<String, Entry>, path: &Path) {
    let mut entry = Entry::default();
    let mut has_text = false;
    for (name, value) in table {
        match value {
            Value::Table(inner) => walk(&format!("{key}/{name}"), inner, entries, path),
            Value::String(text) if name == "en" => {
                has_text = true;
                entry.en = tidy(text);
            }
            Value::String(text) if name == "de" => entry.de = tidy(text),
            Value::String(text) => {
                entry.lists.insert(name.clone(), vec![text.clone()]);
            }
            Value::Array(items) => {
                let items = items.iter().map(|i| match i {
                    Value::String(text) => text.clone(),
                    other => panic!("{}: {key}: {name} holds {other}, not a string", path.display()),
                });
                entry.lists.insert(name.clone(), items.collect());
            }
            other => panic!("{}: {key}: {name} = {other} means nothing here", path.display()),
        }
    }
    if has_text || !entry.lists.is_empty() || !entry.de.is_empty() {
        assert!(
            !entry.en.is_empty() && !entry.de.is_empty(),
            "{}: {key} needs both en and de",
            path.display()
        );
        assert!(
            places(&entry.en) == places(&entry.de),
            "{}: {key}: en and de name different places",
            path.display()
        );
        assert!(
            entries.insert(key.to_owned(), entry).is_none(),
            "{}: {key} stands in two files",
            path.display()
        );
    }
}

/// One paragraph a line: a line break in the data is a blank, an empty line is a line break.
fn tidy(text: &str) -> String {
    let paragraphs: Vec<String> =
        text.trim().split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    paragraphs.join("\n")
}

fn places(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else { break };
        // Behind a bar stand the words that agree with the number.
        let place = &rest[open + 1..open + close];
        found.push(place.split('|').next().unwrap_or_default().to_owned());
        rest = &rest[open + close + 1..];
    }
    found.sort();
    found.dedup();
    found
}

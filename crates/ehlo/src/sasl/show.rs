//! What was taken apart, for people and as JSON.

use super::blob::Blob;
use super::taken::{Field, Taken};
use crate::output;
use ehlo_core::escape;
use ehlo_report::{Paint, Texts, wrapped};
use serde_json::{Value, json};

/// The version of the JSON document.
const VERSION: u32 = 1;
/// More of a value than this is no help on a terminal.
const LONGEST: usize = 600;

/// The text for people.
pub(crate) fn human(blobs: &[Blob], taken: &[Taken], secrets: bool, paint: Paint, texts: Texts) -> String {
    if taken.is_empty() {
        return format!("{}\n", texts.get("sasl-kind/nothing"));
    }
    let mut out = String::new();
    for (index, (blob, taken)) in blobs.iter().zip(taken).enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if taken.kind == "nothing" {
            out.push_str(&format!("{}\n", paint.dim(&shortened(&escape(blob.encoded.as_bytes()), 70))));
        }
        out.push_str(&of_one(taken, secrets, paint, texts));
    }
    out
}

/// One message.
pub(crate) fn of_one(taken: &Taken, secrets: bool, paint: Paint, texts: Texts) -> String {
    let columns = output::columns();
    let mut out = format!("{}\n", paint.strong(&texts.get(&format!("sasl-kind/{}", taken.kind))));
    let about = format!("sasl-kind/{}/about", taken.kind);
    if let Some(about) = texts.find(&about) {
        out.push_str(&wrapped(about, 2, columns));
    }
    let names: Vec<String> = taken.fields.iter().map(|f| name(f, texts)).collect();
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    for (field, name) in taken.fields.iter().zip(&names) {
        let gap = " ".repeat(width - name.chars().count());
        let value = shortened(&value(field, secrets, texts), LONGEST);
        out.push_str(format!("  {name}{gap}  {value}").trim_end());
        out.push('\n');
    }
    for fault in &taken.faults {
        let key = format!("sasl-fault/{}", fault.id());
        let what = wrapped(&texts.get(&key), 4, columns);
        out.push_str(&format!("  {} {}", paint.bad("✘"), what.trim_start()));
        let advice = wrapped(&texts.get(&format!("{key}/advice")), 4, columns);
        out.push_str(&format!("  → {}", advice.trim_start()));
    }
    for flaw in &taken.flaws {
        let what = wrapped(&texts.get(&format!("sasl-flaw/{}", flaw.id())), 4, columns);
        out.push_str(&format!("  {} {}", paint.bad("✘"), what.trim_start()));
    }
    out
}

/// The program that writes a document.
pub(crate) fn tool() -> Value {
    json!({ "name": "ehlo", "version": env!("CARGO_PKG_VERSION") })
}

/// The JSON document of what was taken apart.
pub(super) fn json(taken: &[Taken], secrets: bool, texts: Texts) -> String {
    let messages: Vec<Value> = taken.iter().map(|taken| message(taken, secrets, texts)).collect();
    document("messages", messages.into(), texts)
}

/// The JSON document of what was built.
pub(super) fn built(what: Value, texts: Texts) -> String {
    document("built", what, texts)
}

fn document(name: &str, value: Value, texts: Texts) -> String {
    let mut document = json!({ "version": VERSION, "tool": tool(), "language": texts.lang.code() });
    document[name] = value;
    format!("{document:#}\n")
}

/// One message as JSON. Bytes that are not UTF-8 are escaped.
pub(crate) fn message(taken: &Taken, secrets: bool, texts: Texts) -> Value {
    let fields: Vec<Value> = taken
        .fields
        .iter()
        .map(|f| {
            let shown = !f.secret || secrets;
            let value = if shown { Value::from(f.value.as_str()) } else { Value::Null };
            let latin1 = f.latin1.as_deref().filter(|_| shown);
            json!({ "name": f.name, "value": value, "latin1": latin1, "bytes": f.bytes, "secret": f.secret })
        })
        .collect();
    let faults: Vec<Value> = taken
        .faults
        .iter()
        .map(|fault| {
            let key = format!("sasl-fault/{}", fault.id());
            let advice = texts.get(&format!("{key}/advice"));
            json!({ "id": fault.id(), "text": texts.get(&key), "advice": advice })
        })
        .collect();
    let text = texts.get(&format!("sasl-kind/{}", taken.kind));
    let flaws: Vec<Value> = taken
        .flaws
        .iter()
        .map(|flaw| json!({ "id": flaw.id(), "text": texts.get(&format!("sasl-flaw/{}", flaw.id())) }))
        .collect();
    let about = texts.find(&format!("sasl-kind/{}/about", taken.kind));
    json!({ "kind": taken.kind, "text": text, "about": about, "fields": fields, "faults": faults, "flaws": flaws })
}

fn name(field: &Field, texts: Texts) -> String {
    match texts.find(&format!("sasl-field/{}", field.name)) {
        Some(name) => name.to_owned(),
        // Names of the protocol may come from a peer; they are escaped already.
        None => shortened(&field.name, 40),
    }
}

fn value(field: &Field, secrets: bool, texts: Texts) -> String {
    match &field.latin1 {
        _ if field.secret && !secrets => texts.say("sasl-hidden", &[("count", &field.bytes)]),
        Some(text) => texts.say("sasl-latin1", &[("bytes", &field.value), ("text", text)]),
        None => field.value.clone(),
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

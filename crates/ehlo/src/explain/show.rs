//! Explanations, for people and as JSON.

use super::hide::hidden;
use super::{Explained, Part, Sort};
use crate::{about_check, output, sasl};
use ehlo_check::CheckMeta;
use ehlo_core::escape;
use ehlo_knowledge::explain::{Explanation, Kind};
use ehlo_knowledge::{Lang, references};
use ehlo_report::{Paint, Texts, wrapped};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The version of the JSON document.
const VERSION: u32 = 1;
/// More lines of a reply than this are not shown again.
const MOST_LINES: usize = 12;
/// Nor more of a line.
const LONGEST: usize = 300;

/// The text for people.
pub(super) fn human(explained: &Explained, secrets: bool, paint: Paint, texts: Texts) -> String {
    let columns = output::columns();
    let mut out = String::new();
    let count = explained.parts.len();
    match explained.sort {
        Sort::Bounce => out.push_str(&wrapped(&texts.ui("explain-bounce"), 0, columns)),
        Sort::Dialogue if count == 0 => {
            let said = texts.say("explain-dialogue-good", &[("count", &explained.dialogue.commands)]);
            out.push_str(&wrapped(&said, 0, columns));
        }
        Sort::Dialogue => {
            let said =
                texts.say("explain-dialogue", &[("count", &count), ("of", &explained.dialogue.commands)]);
            out.push_str(&wrapped(&said, 0, columns));
        }
        Sort::Reply | Sort::Login | Sort::Id => {}
    }
    if !explained.dialogue.unanswered.is_empty() {
        let commands = explained.dialogue.unanswered.join(", ");
        out.push_str(&wrapped(
            &texts.say("explain-unanswered", &[("commands", &safe(&commands))]),
            0,
            columns,
        ));
    }
    for trap in &explained.dialogue.traps {
        let text = wrapped(&texts.ui(&format!("explain-trap-{trap}")), 2, columns);
        let _ = write!(out, "→ {}", text.trim_start());
    }
    for part in &explained.parts {
        if !out.is_empty() {
            out.push('\n');
        }
        one(&mut out, part, secrets, paint, texts);
    }
    out
}

fn one(out: &mut String, part: &Part, secrets: bool, paint: Paint, texts: Texts) {
    let columns = output::columns();
    if let Some(recipient) = &part.recipient {
        let places: [(&str, &dyn std::fmt::Display); 2] =
            [("recipient", &recipient.address), ("action", &recipient.action)];
        let key = if recipient.action.is_empty() { "explain-recipient-only" } else { "explain-recipient" };
        if !recipient.address.is_empty() {
            out.push_str(&wrapped(&texts.say(key, &places), 0, columns));
        }
        if !recipient.host.is_empty() {
            out.push_str(&wrapped(&texts.say("explain-mta", &[("host", &recipient.host)]), 0, columns));
        }
    }
    if !part.command.is_empty() {
        let said = texts.say("explain-after", &[("command", &part.command)]);
        out.push_str(&wrapped(&said, 0, columns));
    }
    let check = check(part);
    // What holds a login is not said again: it may hold a password.
    if let Some(meta) = check {
        out.push_str(&about_check::whole(meta, columns, paint, texts));
    } else if part.messages.is_empty() {
        for line in part.said.lines().take(MOST_LINES) {
            let _ = writeln!(out, "{}", paint.strong(&shortened(&hidden(line))));
        }
    }
    for message in &part.messages {
        out.push_str(&sasl::show::of_one(message, secrets, paint, texts));
    }
    if let Some(key) = &part.named {
        named(out, key, texts);
    }
    let rest = || part.explanations.iter().filter(|e| check.is_none() || e.kind != Kind::Check);
    let width = rest().filter(|e| is_listed(e)).map(|e| e.name.chars().count()).max();
    let mut seen = Vec::new();
    for explanation in rest() {
        // The same word may mean the same in several protocols.
        let what = (&explanation.name, explanation.meaning(texts.lang));
        if is_listed(explanation) && seen.contains(&what) {
            continue;
        }
        seen.push(what);
        match width {
            Some(width) if is_listed(explanation) => listed(out, explanation, width.min(24), texts),
            _ => in_full(out, explanation, paint, texts),
        }
    }
}

/// The check that is asked about by its id.
fn check(part: &Part) -> Option<&'static CheckMeta> {
    let is_one = part.explanations.iter().any(|e| e.kind == Kind::Check);
    is_one.then(|| about_check::named(&part.said)).flatten()
}

/// Whether one line is enough: the words of a capability list.
fn is_listed(explanation: &Explanation) -> bool {
    matches!(explanation.kind, Kind::Capability | Kind::Mechanism | Kind::Command)
}

fn listed(out: &mut String, explanation: &Explanation, width: usize, texts: Texts) {
    let name = shortened(&explanation.name);
    let gap = " ".repeat(width.saturating_sub(name.chars().count()));
    let mut meaning = explanation.meaning(texts.lang);
    if let Some(safety) = explanation.safety(texts.lang) {
        let _ = write!(meaning, " {} {safety}.", texts.ui("explain-safety"));
    }
    let text = wrapped(&safe(&meaning), width + 4, output::columns());
    let _ = write!(out, "  {name}{gap}  {}", text.trim_start());
}

/// An explanation with its causes and the next step.
pub(crate) fn in_full(out: &mut String, explanation: &Explanation, paint: Paint, texts: Texts) {
    let (lang, columns) = (texts.lang, output::columns());
    let mut block = |lead: &str, text: &str| {
        let whole = if lead.is_empty() { safe(text) } else { format!("{lead} {}", safe(text)) };
        out.push_str(&wrapped(&whole, 4, columns));
    };
    let heading = heading(explanation);
    let meaning = explanation.meaning(lang);
    let first = if heading.is_empty() { meaning } else { format!("{heading}: {meaning}") };
    block("", &first);
    if let Some(here) = explanation.here(lang) {
        block(&texts.ui("explain-here"), here);
    }
    let causes = causes(explanation, lang);
    if !causes.is_empty() {
        block("", &texts.ui("explain-likely"));
    }
    for (number, cause) in causes.iter().enumerate() {
        let lead = format!("{}. ", number + 1);
        let text = wrapped(&safe(cause), 9, columns);
        let _ = write!(out, "      {lead}{}", text.trim_start());
    }
    if let Some(confirm) = explanation.confirm(lang) {
        let text = format!("{} {}", texts.ui("explain-confirm"), safe(confirm));
        out.push_str(&wrapped(&text, 4, columns));
    }
    if let Some(next) = explanation.next_step(lang) {
        let text = wrapped(&safe(next), 6, columns);
        let _ = write!(out, "    → {}", text.trim_start());
    }
    let sources = explanation.references().join(", ");
    if !sources.is_empty() {
        let text = wrapped(&format!("{} {sources}", texts.ui("explain-source")), 4, columns);
        for line in text.lines() {
            let _ = writeln!(out, "{}", paint.dim(line));
        }
    }
}

/// What an explanation is about: an id, a code.
fn heading(explanation: &Explanation) -> String {
    match explanation.kind {
        Kind::Failure => explanation.id().to_owned(),
        Kind::Unknown => String::new(),
        _ => shortened(&safe(&explanation.name)),
    }
}

/// The causes one by one; in the data, semicolons part them.
fn causes(explanation: &Explanation, lang: Lang) -> Vec<&'static str> {
    explanation.causes(lang).map_or_else(Vec::new, |causes| causes.split("; ").collect())
}

/// A fault or a persona of the lab; a policy or a row of one.
fn named(out: &mut String, key: &str, texts: Texts) {
    let columns = output::columns();
    if key.starts_with("policy-") {
        out.push_str(&wrapped(&texts.get(key), 4, columns));
        let sources = references(key).join(", ");
        if !sources.is_empty() {
            out.push_str(&wrapped(&format!("{} {sources}", texts.ui("explain-source")), 4, columns));
        }
        return;
    }
    let (topic, id) = key.split_once('/').unwrap_or_default();
    let text = texts.get(key);
    let (what, how) = match topic {
        "persona" => (
            texts.say("explain-persona", &[("text", &text)]),
            texts.say("explain-persona-try", &[("id", &id)]),
        ),
        _ => (texts.say("explain-fault", &[("text", &text)]), texts.say("explain-fault-try", &[("id", &id)])),
    };
    out.push_str(&wrapped(&what, 4, columns));
    out.push_str(&wrapped(&how, 4, columns));
}

/// Words of a peer may stand in a sentence.
fn safe(text: &str) -> String {
    text.split('\n').map(escape_once).collect::<Vec<_>>().join("\n")
}

fn escape_once(line: &str) -> String {
    if ehlo_core::is_escaped(line) { line.to_owned() } else { escape(line.as_bytes()) }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The JSON document.
pub(super) fn json(explained: &Explained, secrets: bool, texts: Texts) -> String {
    let parts: Vec<Value> = explained.parts.iter().map(|part| part_json(part, secrets, texts)).collect();
    let mut document = json!({
        "version": VERSION,
        "tool": sasl::show::tool(),
        "language": texts.lang.code(),
        "recognised": explained.is_known(),
        "kind": explained.sort.id(),
        "parts": parts,
    });
    let dialogue = &explained.dialogue;
    if explained.sort == Sort::Dialogue {
        let trap = |id: &&str| json!({ "id": id, "text": texts.ui(&format!("explain-trap-{id}")) });
        document["dialogue"] = json!({
            "protocol": (!dialogue.protocol.is_empty()).then_some(dialogue.protocol.as_str()),
            "commands": dialogue.commands,
            "unanswered": dialogue.unanswered.iter().map(|verb| safe(verb)).collect::<Vec<_>>(),
            "traps": dialogue.traps.iter().map(trap).collect::<Vec<_>>(),
        });
    }
    format!("{document:#}\n")
}

fn part_json(part: &Part, secrets: bool, texts: Texts) -> Value {
    let explanations: Vec<Value> = part.explanations.iter().map(|e| explanation_json(e, texts)).collect();
    let messages: Vec<Value> = part.messages.iter().map(|m| sasl::show::message(m, secrets, texts)).collect();
    let mut value = json!({ "explanations": explanations });
    // A login may hold a password.
    if part.messages.is_empty() {
        value["said"] = part.said.lines().map(hidden).collect::<Vec<_>>().join("\n").into();
    } else {
        value["messages"] = messages.into();
    }
    if !part.command.is_empty() {
        value["command"] = part.command.clone().into();
    }
    if let Some(recipient) = &part.recipient {
        value["recipient"] = json!({
            "address": recipient.address,
            "action": recipient.action,
            "status": recipient.status,
            "host": recipient.host,
        });
    }
    if let Some(meta) = check(part) {
        value["check"] = about_check::json(meta, texts);
    }
    if let Some(key) = &part.named {
        value["named"] = json!({ "key": key, "text": texts.get(key), "references": references(key) });
    }
    value
}

/// An explanation as JSON.
pub(crate) fn explanation_json(explanation: &Explanation, texts: Texts) -> Value {
    let lang = texts.lang;
    json!({
        "kind": kind(explanation.kind),
        "key": explanation.key,
        "name": safe(&explanation.name),
        "meaning": safe(&explanation.meaning(lang)),
        "here": explanation.here(lang),
        "causes": causes(explanation, lang),
        "confirm": explanation.confirm(lang),
        "next_step": explanation.next_step(lang),
        "safety": explanation.safety(lang),
        "references": explanation.references(),
    })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Failure => "failure",
        Kind::Reply => "reply",
        Kind::Status => "status",
        Kind::Class => "class",
        Kind::ResponseCode => "response-code",
        Kind::Capability => "capability",
        Kind::Mechanism => "mechanism",
        Kind::Command => "command",
        Kind::Prompt => "prompt",
        Kind::Alert => "alert",
        Kind::Check => "check",
        Kind::Unknown => "unknown",
    }
}

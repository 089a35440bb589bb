//! Help, and a message as a person reads it.

use super::show::Style;
use ehlo_core::{Protocol, escape};
use ehlo_knowledge::explain::{Kind, Symptom, explain};
use ehlo_report::wrapped;
use ehlo_talk::{COMMANDS, verbs};
use mail_parser::MessageParser;
use std::fmt::Write as _;

/// Help about one command, or the list of all.
pub(super) fn help(about: Option<&str>, style: Style) -> String {
    match about {
        None => all(style),
        Some(word) => one(word, style),
    }
}

fn all(style: Style) -> String {
    let texts = style.texts;
    let mut out = wrapped(&texts.get("talk/help/intro"), 0, style.columns);
    let rows: Vec<(String, String)> = COMMANDS
        .iter()
        .map(|c| {
            let head = format!(":{} {}", c.name, c.arguments);
            (head.trim_end().to_owned(), texts.get(&format!("talk/command/{}", c.name)))
        })
        .collect();
    table(&rows, &mut out, style);
    let names: Vec<&str> = verbs(style.protocol).iter().map(|v| v.name).collect();
    if !names.is_empty() {
        let said = texts.fill("talk/help/verbs", &[("verbs", &names.join(", "))]);
        out.push_str(&wrapped(&said, 0, style.columns));
    }
    out
}

fn table(rows: &[(String, String)], out: &mut String, style: Style) {
    let width = rows.iter().map(|(head, _)| head.chars().count()).max().unwrap_or(0).min(30);
    for (head, text) in rows {
        let gap = " ".repeat(width.saturating_sub(head.chars().count()));
        let body = wrapped(text, width + 4, style.columns);
        let _ = write!(out, "  {}{gap}  {}", style.paint.code(head), body.trim_start());
    }
}

fn one(word: &str, style: Style) -> String {
    let texts = style.texts;
    let name = word.trim().trim_start_matches(':');
    let mut out = String::new();
    if let Some(command) = COMMANDS.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
        let head = format!(":{} {}", command.name, command.arguments);
        let _ = writeln!(out, "{}", style.paint.strong(head.trim_end()));
        out.push_str(&wrapped(&texts.get(&format!("talk/command/{}", command.name)), 4, style.columns));
        if let Some(more) = texts.find(&format!("talk/command/{}/more", command.name)) {
            out.push_str(&wrapped(more, 4, style.columns));
        }
    }
    let fits = |v: &&ehlo_talk::Verb| {
        let first = v.name.split(' ').next().unwrap_or_default();
        v.name.eq_ignore_ascii_case(name) || first.eq_ignore_ascii_case(name)
    };
    let all = verbs(style.protocol);
    if let Some(verb) = all.iter().find(fits) {
        let head = format!("{} {}", verb.name, verb.arguments);
        let _ = writeln!(out, "{}", style.paint.strong(head.trim_end()));
        if let Some(text) = style.protocol.and_then(|p| texts.find(&key(p, verb.name))) {
            out.push_str(&wrapped(&sentence(text), 4, style.columns));
        }
        let _ = writeln!(out, "    {}", style.paint.dim(verb.reference));
    }
    if out.is_empty() {
        let found = explain(&Symptom { protocol: style.protocol.map(Protocol::id), ..Symptom::of(name) });
        for explanation in found.iter().filter(|e| e.kind != Kind::Unknown) {
            let text =
                escape(format!("{}: {}", explanation.name, explanation.meaning(texts.lang)).as_bytes());
            out.push_str(&wrapped(&text, 4, style.columns));
        }
    }
    if out.is_empty() {
        let word = escape(name.as_bytes());
        out.push_str(&wrapped(&texts.fill("talk/help/unknown", &[("word", &word)]), 4, style.columns));
    }
    out
}

/// The key of a verb in the knowledge data.
fn key(protocol: Protocol, verb: &str) -> String {
    let file = match protocol {
        Protocol::Lmtp => Protocol::Smtp.id(),
        other => other.id(),
    };
    let word = verb.split(' ').next().unwrap_or_default().trim_end_matches(':');
    format!("command-{file}/{}", word.to_ascii_uppercase())
}

/// The text of a command without the word that says that it is one.
fn sentence(text: &str) -> String {
    let body = text.split_once(": ").map_or(text, |(_, body)| body);
    let mut letters = body.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A message as a person reads it: who, to whom, what about, the text, and what else is in it.
pub(super) fn message(bytes: &[u8], style: Style) -> String {
    let texts = style.texts;
    let mut out = String::new();
    let Some(message) = MessageParser::default().parse(bytes) else {
        return wrapped(&texts.get("talk/note/no-message"), 4, style.columns);
    };
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            let text = format!("{name}: {}", escape(value.as_bytes()));
            for (at, line) in wrapped(&text, 4, style.columns).lines().enumerate() {
                let _ = writeln!(out, "{}", if at == 0 { style.paint.strong(line) } else { line.to_owned() });
            }
        }
    };
    let people = |list: Option<&mail_parser::Address<'_>>| {
        let one = |a: &mail_parser::Addr<'_>| match (a.name(), a.address()) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (None, Some(address)) => address.to_owned(),
            (name, None) => name.unwrap_or_default().to_owned(),
        };
        list.map(|list| list.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    field("From", people(message.from()));
    field("To", people(message.to()));
    field("Cc", people(message.cc()));
    field("Date", message.date().map(mail_parser::DateTime::to_rfc822));
    field("Subject", message.subject().map(str::to_owned));
    out.push('\n');
    match message.body_text(0) {
        Some(text) => {
            for line in text.lines() {
                let _ = writeln!(out, "    {}", escape(line.trim_end().as_bytes()));
            }
        }
        None => out.push_str(&wrapped(&texts.get("talk/note/no-text"), 4, style.columns)),
    }
    let size = bytes.len();
    let parts = message.attachment_count();
    out.push_str(&wrapped(
        &texts.fill("talk/note/message-size", &[("octets", &size), ("parts", &parts)]),
        4,
        style.columns,
    ));
    out
}

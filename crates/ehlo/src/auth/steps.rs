//! The exchange of a login, line by line, with its messages taken apart.

use super::View;
use super::table::safe;
use ehlo_core::auth::{AuthAttempt, AuthField, AuthMessage, AuthReport, AuthService};
use ehlo_core::{Anchor, EntryKind, Side, Span, Transcript, escape};
use ehlo_report::{pad, shorten, width, wrapped};
use std::fmt::Write as _;

/// More of a line or a value than this is no help on a terminal.
const LONGEST: usize = 200;

/// One attempt.
pub(super) fn human(report: &AuthReport, service: &AuthService, attempt: &AuthAttempt, view: View) -> String {
    let transcript = report.transcripts.iter().find(|t| Some(t.id) == attempt.transcript);
    let Some(transcript) = transcript else { return String::new() };
    let mut out = String::new();
    for line in wrapped(&heading(service, attempt, view), 2, view.columns).lines() {
        let _ = writeln!(out, "{}", view.paint.strong(line));
    }
    let mut told = vec![false; attempt.messages.len()];
    for evidence in &attempt.at {
        let Anchor::Bytes(span) = evidence.anchor else { continue };
        lines(&mut out, transcript, span, view);
        for (message, told) in attempt.messages.iter().zip(&mut told) {
            if !*told && message.from == span.side && overlaps(message.at, span) {
                *told = true;
                out.push_str(&of_message(message, view));
            }
        }
    }
    // What was sent before a dialogue broke off is no evidence of an answer, and belongs to it all the same.
    for (message, told) in attempt.messages.iter().zip(told) {
        if !told {
            lines(&mut out, transcript, message.at, view);
            out.push_str(&of_message(message, view));
        }
    }
    out
}

/// Which way it was, on which service, and what came of it.
fn heading(service: &AuthService, attempt: &AuthAttempt, view: View) -> String {
    let texts = view.texts;
    let mut words = vec![safe(&attempt.way)];
    match attempt.initial_response {
        Some(true) => words.push(texts.get("auth/step/with")),
        Some(false) => words.push(texts.get("auth/step/without")),
        None => {}
    }
    if service.wrong.as_ref().is_some_and(|wrong| std::ptr::eq(wrong, attempt)) {
        words.push(texts.get("auth/step/wrong"));
    }
    let result = texts.get(&format!("auth/result/{}", attempt.result.id()));
    format!("{} · {} · {result}", service.url, words.join(", "))
}

fn overlaps(one: Span, other: Span) -> bool {
    one.side == other.side && one.from < other.to && other.from < one.to
}

fn lines(out: &mut String, transcript: &Transcript, span: Span, view: View) {
    for id in transcript.entries_at(Anchor::Bytes(span)) {
        let Some(EntryKind::Data { span, .. }) = transcript.entry(id).map(|entry| &entry.kind) else {
            continue;
        };
        let bytes = transcript.visible(*span);
        let body = bytes.strip_suffix(b"\r\n").unwrap_or(&bytes);
        let side = if span.side == Side::Client { "C:" } else { "S:" };
        let text = wrapped(&shorten(&escape(body), LONGEST), 7, view.columns);
        let _ = write!(out, "    {} {}", view.paint.code(side), text.trim_start());
        if body.is_empty() {
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
    }
}

fn of_message(message: &AuthMessage, view: View) -> String {
    let (texts, paint) = (view.texts, view.paint);
    let kind = texts.get(&format!("sasl-kind/{}", message.kind));
    let mut out = String::new();
    for line in wrapped(&kind, 7, view.columns).lines() {
        let _ = writeln!(out, "{}", paint.dim(line));
    }
    // An identity to act as that is not given is no field worth a line.
    let fields: Vec<&AuthField> = message.fields.iter().filter(|f| f.value.as_deref() != Some("")).collect();
    let names: Vec<String> = fields.iter().map(|field| name(field, view)).collect();
    let wide = names.iter().map(|name| width(name)).max().unwrap_or(0);
    for (field, name) in fields.iter().zip(&names) {
        let value = match &field.value {
            Some(value) => shorten(&safe(value), LONGEST),
            None => texts.fill("auth/hidden", &[("count", &field.bytes)]),
        };
        let text = wrapped(&value, 9 + wide + 2, view.columns);
        let _ = writeln!(out, "{}", format!("         {}  {}", pad(name, wide), text.trim()).trim_end());
    }
    for flaw in &message.flaws {
        let text = wrapped(&texts.get(&format!("sasl-flaw/{flaw}")), 11, view.columns);
        let _ = write!(out, "         {} {}", paint.bad("✘"), text.trim_start());
    }
    out
}

fn name(field: &AuthField, view: View) -> String {
    match view.texts.find(&format!("sasl-field/{}", field.name)) {
        Some(name) => name.to_owned(),
        // Names of the protocol may come from a server.
        None => shorten(&safe(&field.name), 24),
    }
}

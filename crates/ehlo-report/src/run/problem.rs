use crate::layout::wrap;
use crate::sentence::cause;
use crate::{Paint, Texts};
use ehlo_core::Params;
use ehlo_core::run::Problem;
use ehlo_knowledge::explain::{Symptom, failures};
use unicode_width::UnicodeWidthStr;

/// A problem as people read it: what, where, the difference, what to do.
pub(crate) fn problem(texts: Texts, paint: Paint, problem: &Problem, columns: usize) -> String {
    let mut out = String::new();
    let said = problem_text(texts, problem);
    let place = &problem.place;
    out.push_str(&format!("{}: {said}\n", paint.bad(&texts.ui("run-error"))));
    out.push_str(&excerpt(
        paint,
        &place.file,
        place.line,
        place.from,
        place.to,
        &place.text,
        problem.before.as_ref(),
    ));
    let gutter = " ".repeat(place.line.to_string().len());
    if let Some(expected) = &problem.expected {
        for line in expected.lines() {
            out.push_str(&format!("{gutter} | {}\n", paint.good(&format!("- {}", crop(line, columns)))));
        }
    }
    for line in &problem.received {
        out.push_str(&format!("{gutter} | {}\n", paint.bad(&format!("+ {}", crop(line, columns)))));
    }
    if let Some(id) = likely(problem) {
        let part = |name: &str| texts.get(&format!("failure/{id}{name}"));
        let text = format!("({id}) {} {}", part(""), part("/fix"));
        out.push_str(&said_below(&gutter, &texts.ui("run-likely"), &text, columns));
    }
    if let Some(hint) = &problem.hint {
        let text = texts.get(&format!("run-hint/{hint}"));
        out.push_str(&said_below(&gutter, &texts.ui("run-hint"), &text, columns));
    }
    out
}

/// What does not hold, in one clause.
pub fn problem_text(texts: Texts, problem: &Problem) -> String {
    let mut params = problem.params.clone();
    if let Some(failure) = &problem.failure {
        params.insert("stage".into(), texts.get(&format!("stage/{}", failure.stage.id())));
        params.insert("cause".into(), cause(texts, &failure.cause));
    }
    if let Some(why) = params.get("why").filter(|w| matches!(w.as_str(), "clear" | "unverified")).cloned() {
        params.insert("why".into(), texts.get(&format!("run/unsafe-{why}")));
    }
    texts.with(&format!("run-problem/{}", problem.id), &params)
}

/// What `ehlo explain` says first of the refusal that came: an id of the catalogue of failures.
fn likely(problem: &Problem) -> Option<&'static str> {
    let stage = problem.failure.as_ref().map(|f| f.stage.id());
    let cause = problem.failure.as_ref().map(|f| f.cause.id());
    let text = problem.received.first().filter(|line| is_refusal(line));
    if text.is_none() && cause.is_none() {
        return None;
    }
    let text = text.map_or("", String::as_str);
    failures(&Symptom { stage, cause, ..Symptom::of(text) }).first().copied()
}

/// Whether a line is a refusal: 4yz or 5yz, `-ERR`, `NO`, `BAD` or `BYE`, with or without a tag.
fn is_refusal(line: &str) -> bool {
    let refuses = |word: &str| matches!(word, "NO" | "BAD" | "BYE" | "-ERR");
    let mut words = line.split([' ', '-']).filter(|w| !w.is_empty());
    let code = words.next().unwrap_or_default();
    let is_code = code.len() == 3 && code.starts_with(['4', '5']) && code.bytes().all(|b| b.is_ascii_digit());
    is_code || line.split(' ').take(2).any(refuses)
}

fn said_below(gutter: &str, word: &str, text: &str, columns: usize) -> String {
    let lead = format!("{gutter} = {word}: ");
    let lines = wrap(text, columns.saturating_sub(lead.width()));
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let lead = if at == 0 { lead.clone() } else { " ".repeat(lead.width()) };
        out.push_str(&format!("{lead}{line}\n"));
    }
    out
}

/// Lines of a server may be long; what is far away helps nobody.
fn crop(line: &str, columns: usize) -> String {
    let room = columns.saturating_sub(10).max(30);
    if line.width() <= room {
        return line.to_owned();
    }
    let mut out: String = line.chars().take(room - 1).collect();
    out.push('…');
    out
}

/// The lines of a script with the place underlined.
fn excerpt(
    paint: Paint,
    file: &str,
    line: usize,
    from: usize,
    to: usize,
    text: &str,
    before: Option<&(usize, String)>,
) -> String {
    let gutter = " ".repeat(line.to_string().len());
    let shown = |s: &str| ehlo_core::escape(s.as_bytes());
    let start = from.min(text.len());
    let end = to.clamp(start, text.len());
    let column = text.get(..start).map_or(start, |t| t.chars().count()) + 1;
    let mut out = format!("{gutter}{} {}:{line}:{column}\n", paint.dim("-->"), shown(file));
    if let Some((number, text)) = before {
        out.push_str(&format!("{number:>width$} | {}\n", shown(text), width = gutter.len()));
    }
    out.push_str(&format!("{line} | {}\n", shown(text)));
    let lead = shown(text.get(..start).unwrap_or_default()).width();
    let marks = shown(text.get(start..end).unwrap_or_default()).width().max(1);
    out.push_str(&format!("{gutter} | {}{}\n", " ".repeat(lead), paint.bad(&"^".repeat(marks))));
    out
}

/// Where a script cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct SyntaxPlace<'a> {
    /// The file.
    pub file: &'a str,
    /// The line, from 1.
    pub line: usize,
    /// Offset of the first byte in the line.
    pub from: usize,
    /// Offset behind the last.
    pub to: usize,
    /// The line itself.
    pub text: &'a str,
}

/// Why a script cannot be read, as people read it: what was expected, where, and what to do.
pub fn syntax_error(
    texts: Texts,
    paint: Paint,
    id: &str,
    params: &Params,
    place: SyntaxPlace<'_>,
    columns: usize,
) -> String {
    let shown: Params = params.iter().map(|(k, v)| (k.clone(), ehlo_core::escape(v.as_bytes()))).collect();
    let said = texts.with(&format!("script-error/{id}"), &shown);
    let mut out = format!("{}: {said}\n", paint.bad(&texts.ui("run-error")));
    out.push_str(&excerpt(paint, place.file, place.line, place.from, place.to, place.text, None));
    let gutter = " ".repeat(place.line.to_string().len());
    let hint = texts.with(&format!("script-error/{id}/hint"), &shown);
    out.push_str(&said_below(&gutter, &texts.ui("run-hint"), &hint, columns));
    out
}

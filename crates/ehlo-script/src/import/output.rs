//! The script that is being written.

use super::language::Language;
use super::secret::masked;
use super::text::one_line;
use super::{ImportNote, Imported};

/// What stands at the top of a script.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) title: &'a str,
    pub(super) language: Language,
    pub(super) reference: Option<String>,
    pub(super) risk: Option<&'static str>,
    pub(super) needs: Vec<String>,
    pub(super) state: Option<&'static str>,
    pub(super) messages: Option<&'static str>,
}

impl<'a> Header<'a> {
    pub(super) fn new(title: &'a str, language: Language) -> Header<'a> {
        Header { title, language, reference: None, risk: None, needs: Vec::new(), state: None, messages: None }
    }
}

/// The lines of a script, and what could not become one of them.
#[derive(Debug, Default)]
pub(super) struct Output {
    lines: Vec<String>,
    notes: Vec<ImportNote>,
    dialogue: bool,
}

impl Output {
    /// A line of the dialogue, or a statement.
    pub(super) fn line(&mut self, text: impl Into<String>) {
        self.dialogue = true;
        self.lines.push(text.into());
    }

    /// A line of the dialogue with a payload, which is escaped already.
    pub(super) fn said(&mut self, prefix: &str, payload: &str) {
        let blank = if payload.is_empty() { "" } else { " " };
        self.line(format!("{prefix}{blank}{payload}"));
    }

    /// A comment, or an empty line. Two empty lines in a row are one.
    pub(super) fn comment(&mut self, text: &str) {
        let text = one_line(text);
        if text.is_empty() {
            if self.lines.last().is_some_and(|l| !l.is_empty()) {
                self.lines.push(String::new());
            }
        } else {
            self.lines.push(format!("# {text}"));
        }
    }

    /// Something that could not be carried over; both the script and the user are told.
    pub(super) fn lost(&mut self, line: usize, text: &str) {
        let text = one_line(text);
        self.lines.push(format!("# not carried over (line {line}): {text}"));
        self.notes.push(ImportNote { line, text });
    }

    /// Something that was changed on the way; only the user is told.
    pub(super) fn note(&mut self, line: usize, text: &str) {
        let text = one_line(text);
        if !self.notes.iter().any(|n| n.line == line && n.text == text) {
            self.notes.push(ImportNote { line, text });
        }
    }

    /// The script. `known`: passwords that must not stand in it, wherever the input repeated them.
    pub(super) fn finish(mut self, header: &Header<'_>, known: &[String]) -> Imported {
        if !self.dialogue {
            self.lost(1, "there is no dialogue");
        }
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
        let title = match one_line(header.title) {
            title if title.is_empty() => "Imported".to_owned(),
            title => title,
        };
        let mut fields = vec![("title", title), ("protocol", header.language.id().to_owned())];
        fields.extend(header.reference.clone().map(|r| ("ref", r)));
        fields.extend(header.risk.map(|r| ("risk", r.to_owned())));
        if !header.needs.is_empty() {
            fields.push(("needs", header.needs.join(" ")));
        }
        fields.extend(header.state.map(|s| ("state", s.to_owned())));
        fields.extend(header.messages.map(|m| ("messages", m.to_owned())));
        let mut script = String::new();
        for (key, value) in fields {
            script.push_str(&format!("{key}: {value}\n"));
        }
        script.push('\n');
        for line in &self.lines {
            let mask = mask_of(header.language, line);
            script.push_str(masked(line, known, mask).as_deref().unwrap_or(line));
            script.push('\n');
        }
        for note in &mut self.notes {
            if let Some(text) = masked(&note.text, known, "***") {
                note.text = text;
            }
        }
        self.notes.sort_by_key(|n| n.line);
        Imported { script, notes: self.notes }
    }
}

/// What stands for a password that a line repeats. A value would make the text of a reply count that nobody compares.
fn mask_of(language: Language, line: &str) -> &'static str {
    use super::language::Reply;
    match line.split_once(' ') {
        Some(("#", _)) => "***",
        Some((prefix, payload)) if prefix.starts_with('S') && prefix.ends_with(':') => {
            let text_only = language.reply(payload) != Reply::Other || payload.starts_with("* ");
            if text_only || matches!(language, Language::Smtp | Language::Lmtp) { "***" } else { "{{:any}}" }
        }
        _ => "{{password}}",
    }
}

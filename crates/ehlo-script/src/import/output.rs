//! The script that is being written.

use super::language::{Language, Reply};
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
        Header {
            title,
            language,
            reference: None,
            risk: None,
            needs: Vec::new(),
            state: None,
            messages: None,
        }
    }
}

/// The lines of a script, and what could not become one of them.
#[derive(Debug, Default)]
pub(super) struct Output {
    lines: Vec<Line>,
    notes: Vec<(ImportNote, Origin)>,
    dialogue: bool,
}

/// Whose words they are. Only what is quoted can repeat a password; "secret" is one in many an RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Ours,
    Quoted,
}

#[derive(Debug)]
struct Line {
    text: String,
    origin: Origin,
}

impl Output {
    /// A line of our own: a verb, a statement, the end of a here document.
    pub(super) fn line(&mut self, text: impl Into<String>) {
        self.dialogue = true;
        self.lines.push(Line { text: text.into(), origin: Origin::Ours });
    }

    /// A line of a here document.
    pub(super) fn content(&mut self, text: impl Into<String>) {
        self.lines.push(Line { text: text.into(), origin: Origin::Quoted });
    }

    /// A line of the dialogue with a payload, which is escaped already.
    pub(super) fn said(&mut self, prefix: &str, payload: &str) {
        let blank = if payload.is_empty() { "" } else { " " };
        self.dialogue = true;
        self.content(format!("{prefix}{blank}{payload}"));
    }

    /// A comment, or an empty line. Two empty lines in a row are one.
    pub(super) fn comment(&mut self, text: &str) {
        let text = one_line(text);
        if text.is_empty() {
            if self.lines.last().is_some_and(|l| !l.text.is_empty()) {
                self.lines.push(Line { text, origin: Origin::Ours });
            }
        } else {
            self.lines.push(Line { text: format!("# {text}"), origin: Origin::Quoted });
        }
    }

    /// Something that could not be carried over; both the script and the user are told.
    pub(super) fn lost(&mut self, line: usize, text: &str) {
        self.not_carried_over(line, text, Origin::Ours);
    }

    /// The same in words of the input.
    pub(super) fn lost_words(&mut self, line: usize, text: &str) {
        self.not_carried_over(line, text, Origin::Quoted);
    }

    fn not_carried_over(&mut self, line: usize, text: &str, origin: Origin) {
        let text = one_line(text);
        self.lines.push(Line { text: format!("# not carried over (line {line}): {text}"), origin });
        self.notes.push((ImportNote { line, text }, origin));
    }

    /// Something that was changed on the way; only the user is told.
    pub(super) fn note(&mut self, line: usize, text: &str) {
        let note = ImportNote { line, text: one_line(text) };
        if !self.notes.iter().any(|(n, _)| *n == note) {
            self.notes.push((note, Origin::Ours));
        }
    }

    /// The script. `known`: passwords that must not stand in it, wherever the input repeated them.
    pub(super) fn finish(mut self, header: &Header<'_>, known: &[String]) -> Imported {
        if !self.dialogue {
            self.lost(1, "there is no dialogue");
        }
        while self.lines.last().is_some_and(|l| l.text.is_empty()) {
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
            script.push_str(&format!("{key}: {}\n", one_line(&value)));
        }
        script.push('\n');
        for Line { text, origin } in &self.lines {
            let shown = match origin {
                Origin::Quoted => mask_of(header.language, text).and_then(|mask| masked(text, known, mask)),
                Origin::Ours => None,
            };
            script.push_str(shown.as_deref().unwrap_or(text));
            script.push('\n');
        }
        self.notes.sort_by_key(|(note, _)| note.line);
        let notes = self.notes.into_iter().map(|(note, origin)| match origin {
            Origin::Quoted => {
                ImportNote { text: masked(&note.text, known, "***").unwrap_or(note.text), ..note }
            }
            Origin::Ours => note,
        });
        Imported { script, notes: notes.collect() }
    }
}

/// What stands for a password that a line repeats; none where a command only has the same word. A value would make the
/// text of a reply count that nobody compares.
fn mask_of(language: Language, line: &str) -> Option<&'static str> {
    let (prefix, payload) = line.split_once(' ').unwrap_or((line, ""));
    match (prefix.chars().next(), prefix.chars().next_back()) {
        (Some('#'), _) => Some("***"),
        (Some('S'), Some('~')) => Some(".*"),
        (Some('S'), Some(':')) => {
            let text_only = language.reply(payload) != Reply::Other || payload.starts_with("* ");
            let is_text = text_only || matches!(language, Language::Smtp | Language::Lmtp);
            Some(if is_text { "***" } else { "{{:any}}" })
        }
        (Some('C'), Some(':')) if language.is_command(payload) => None,
        _ => Some("{{password}}"),
    }
}

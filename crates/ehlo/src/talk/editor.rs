//! The line editor.

use super::files::History;
use super::front::{Ask, Out, Typed};
use super::show;
use ehlo_core::{Protocol, Secret};
use ehlo_report::{Paint, Texts};
use ehlo_talk::Context;
use rustyline::completion::{Completer, Pair};
use rustyline::config::{BellStyle, ColorMode, CompletionType};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, ExternalPrinter as _};
use std::borrow::Cow;
use std::io::{BufRead as _, Read as _, Write as _};
use std::sync::mpsc::Receiver;
use tokio::sync::mpsc::UnboundedSender;

/// A line that is longer than this is no command of anybody.
const LONGEST_LINE: u64 = 1 << 20;
/// What is remembered.
const MOST_LINES: usize = 1000;

/// Writes text while a line is being typed, without destroying it.
pub(super) type Printer = Box<dyn FnMut(String) + Send>;

/// A line editor on a terminal.
pub(super) struct Editor {
    editor: rustyline::Editor<Helper, MemHistory>,
    history: History,
    /// Whether the terminal can do more than print.
    edits: bool,
}

impl Editor {
    /// An editor, and what writes beside it; none if the terminal does not let itself be used.
    pub(super) fn new(
        protocol: Option<Protocol>,
        paint: Paint,
        texts: Texts,
    ) -> Option<(Editor, Option<Printer>)> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            // Secrets are hidden by the highlighter, so that it works without colours, too; those it leaves out itself.
            .color_mode(ColorMode::Forced)
            .bell_style(BellStyle::None)
            .max_history_size(MOST_LINES)
            .ok()?
            .build();
        let history = History::open(protocol);
        let mut editor =
            rustyline::Editor::with_history(config, MemHistory::with_config(&config_of_history())).ok()?;
        for line in history.lines() {
            let _ = editor.add_history_entry(line.as_str());
        }
        editor.set_helper(Some(Helper { context: Context::default(), paint, texts, room: 0, hides: false }));
        let printer = editor.create_external_printer().ok().map(|mut printer| -> Printer {
            Box::new(move |text| {
                let _ = printer.print(text);
            })
        });
        let edits = printer.is_some();
        Some((Editor { editor, history, edits }, printer))
    }

    /// Answers questions until nobody asks any more.
    pub(super) fn read(mut self, asks: &Receiver<Ask>, told: &UnboundedSender<Typed>) {
        while let Ok(ask) = asks.recv() {
            let typed = match ask {
                Ask::Line { prompt, context, initial } => self.line(prompt, *context, &initial),
                Ask::Hidden(prompt) if self.edits => self.hidden(&prompt),
                Ask::Hidden(prompt) => hidden(&prompt),
            };
            if told.send(typed).is_err() {
                return;
            }
        }
    }

    fn line(&mut self, prompt: (String, String), context: Context, initial: &str) -> Typed {
        if let Some(helper) = self.editor.helper_mut() {
            helper.context = context;
            let columns = terminal_size::terminal_size().map_or(80, |(w, _)| usize::from(w.0));
            helper.room = columns.saturating_sub(prompt.0.chars().count() + 1);
        }
        // A terminal that only prints shows what stands there already; Return alone takes it.
        let prompt = match self.edits {
            true => prompt,
            false => (format!("{}{initial}", prompt.0), format!("{}{initial}", prompt.1)),
        };
        match self.editor.readline_with_initial(&prompt, (initial, "")) {
            Ok(line) => {
                let line = if !self.edits && line.is_empty() { initial.to_owned() } else { line };
                let remembered = self.editor.helper().is_some_and(|h| h.context.may_be_remembered(&line));
                if remembered && !line.trim().is_empty() {
                    let _ = self.editor.add_history_entry(line.as_str());
                    self.history.add(&line);
                }
                Typed::Line(line.into_bytes())
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupt,
            Err(_) => Typed::End,
        }
    }

    /// Something that is not seen while it is typed: each letter is a star.
    fn hidden(&mut self, prompt: &str) -> Typed {
        let Some(helper) = self.editor.helper_mut() else { return Typed::Hidden(None) };
        helper.hides = true;
        let typed = self.editor.readline(prompt);
        if let Some(helper) = self.editor.helper_mut() {
            helper.hides = false;
        }
        Typed::Hidden(typed.ok().filter(|text| !text.is_empty()).map(Secret::new))
    }
}

fn config_of_history() -> Config {
    Config::builder().max_history_size(MOST_LINES).map_or_else(|_| Config::default(), |b| b.build())
}

/// The same on a terminal that only prints.
fn hidden(prompt: &str) -> Typed {
    match rpassword::prompt_password(prompt) {
        Ok(text) if !text.is_empty() => Typed::Hidden(Some(Secret::new(text))),
        _ => Typed::Hidden(None),
    }
}

/// Reads plain lines, each when it is asked for, so that a pipe waits for every answer.
pub(super) fn read_plain(asks: &Receiver<Ask>, told: &UnboundedSender<Typed>) {
    let mut input = std::io::stdin().lock();
    while let Ok(ask) = asks.recv() {
        let mut line = Vec::new();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let typed = match (read, ask) {
            (Ok(0) | Err(_), _) => Typed::End,
            (Ok(_), Ask::Line { .. }) => Typed::Line(line),
            (Ok(_), Ask::Hidden(_)) => {
                Typed::Hidden(Some(Secret::new(String::from_utf8_lossy(&line).into_owned())))
            }
        };
        if told.send(typed).is_err() {
            return;
        }
    }
}

/// Writes what is to be written. A reader that has gone away is no error.
pub(super) fn write(written: &Receiver<Out>, mut printer: Option<Printer>) {
    while let Ok(out) = written.recv() {
        match (out, &mut printer) {
            (Out::Text(text), Some(print)) => print(text),
            (Out::Text(text), None) => {
                let mut out = std::io::stdout().lock();
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
            (Out::Done(done), _) => {
                let _ = done.send(());
            }
        }
    }
}

/// Judges the line that is being typed.
struct Helper {
    context: Context,
    paint: Paint,
    texts: Texts,
    /// How many columns there are behind the prompt.
    room: usize,
    /// What is typed now is not to be seen.
    hides: bool,
}

/// Something dim behind the cursor that nobody can take over.
struct Remark(String);

impl Hint for Remark {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl rustyline::Helper for Helper {}

impl Validator for Helper {}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if self.hides {
            return Ok((pos, Vec::new()));
        }
        let (from, found) = self.context.complete(&line[..pos]);
        let pairs = found.into_iter().map(|c| Pair {
            display: format!("{} {}", c.text, c.note).trim_end().to_owned(),
            replacement: c.text,
        });
        Ok((from, pairs.collect()))
    }
}

impl Hinter for Helper {
    type Hint = Remark;

    fn hint(&self, line: &str, pos: usize, _context: &rustyline::Context<'_>) -> Option<Remark> {
        if self.hides || line.is_empty() || pos < line.len() {
            return None;
        }
        let room = self.room.saturating_sub(line.chars().count() + 3);
        let text = match self.context.hints(line).first() {
            Some(hint) => format!("  ! {}", show::hint_text(hint, self.texts)),
            None => format!("  {}", show::arguments(&self.context, line)?),
        };
        // What does not fit is shown once the line is sent.
        let shown: String = match text.chars().count() > room {
            true => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
            false => text,
        };
        (room > 12).then_some(Remark(shown))
    }
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        match self.hides {
            true => Cow::Owned("*".repeat(line.chars().count())),
            false => Cow::Owned(show::typed(&self.context, line, self.paint)),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match hint.trim_start().starts_with('!') {
            true => Cow::Owned(self.paint.warn(hint)),
            false => Cow::Owned(self.paint.dim(hint)),
        }
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        true
    }
}

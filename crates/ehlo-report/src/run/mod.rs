//! What running scripts came to, in several forms.

mod json;
mod junit;
mod problem;
mod tap;
mod terminal;

use crate::{FormatOptions, Texts};
use ehlo_core::run::{Reason, RunEvent, ScriptReport, Verdict};

pub use problem::{SyntaxPlace, problem_text, syntax_error};

/// A form in which a run is told, event by event.
pub trait RunFormat: Send {
    /// Takes an event; yields what to print now.
    fn on(&mut self, event: &RunEvent) -> String;
}

/// Makes a format.
type Make = fn(FormatOptions) -> Box<dyn RunFormat>;

/// All formats of runs, with their names for `--format`.
pub static RUN_FORMATS: &[(&str, Make)] = &[
    ("human", |options| Box::new(terminal::Terminal::new(options))),
    ("json", |options| Box::new(json::Json::new(options))),
    ("junit", |options| Box::new(junit::Junit::new(options))),
    ("tap", |options| Box::new(tap::Tap::new(options))),
];

/// How many scripts ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub pass: usize,
    /// Failed, and that counts.
    pub fail: usize,
    /// Failed where that does not count: *should* and *may*.
    pub weak: usize,
    /// Could not be run to the end.
    pub error: usize,
    /// Failed as they are known to.
    pub xfail: usize,
    /// Passed though known to fail.
    pub xpass: usize,
    /// Left out.
    pub skip: usize,
}

impl Tally {
    /// Counts a script.
    pub fn count(&mut self, report: &ScriptReport) {
        match report.verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail if report.counts => self.fail += 1,
            Verdict::Fail => self.weak += 1,
            Verdict::Error => self.error += 1,
            Verdict::XFail => self.xfail += 1,
            Verdict::XPass => self.xpass += 1,
            Verdict::Skip => self.skip += 1,
        }
    }
}

/// A reason in words.
pub(crate) fn reason(texts: Texts, reason: &Reason) -> String {
    match (&reason.id, &reason.text) {
        (Some(id), _) => texts.with(&id.replacen("run.", "run/", 1), &reason.params),
        (None, Some(text)) => ehlo_core::escape(text.as_bytes()),
        (None, None) => String::new(),
    }
}

//! Statements: words of their own lines. One file each.

mod assert;
mod capture;
mod done;
mod r#let;
mod needs;
mod note;
mod poll;
mod skip;
mod timeout;
mod wait;

use crate::syntax::SyntaxError;
use crate::{At, Statement};

/// A kind of statement.
pub trait StatementKind: Sync {
    /// How it is written.
    fn meta(&self) -> StatementMeta;
    /// Reads what stands behind its word.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError>;
}

/// What there is to know of a statement.
#[derive(Clone, Copy, Debug)]
pub struct StatementMeta {
    /// Its word.
    pub word: &'static str,
    /// How it is written.
    pub usage: &'static str,
}

/// All statements but those that the parser itself needs (`if`, `else`, `end`, `include`).
pub static STATEMENTS: &[&dyn StatementKind] = &[
    &r#let::Let,
    &capture::Capture,
    &assert::Assert,
    &needs::Needs,
    &skip::Skip,
    &done::Done,
    &poll::Poll,
    &wait::Wait,
    &timeout::Timeout,
    &note::Note,
];

/// What stands behind the word of a statement.
pub struct Words<'a> {
    /// The text.
    pub(crate) text: &'a str,
    /// Where it is.
    pub(crate) at: At,
    /// The whole line.
    pub(crate) whole: At,
    /// The labels of connections.
    pub(crate) conns: &'a mut Vec<String>,
}

impl Words<'_> {
    /// An error that shows how the statement is written.
    pub(crate) fn usage(&self, meta: StatementMeta) -> SyntaxError {
        SyntaxError::new("statement-usage", self.whole).with("usage", meta.usage)
    }

    /// `name = rest`
    pub(crate) fn assignment(&self, meta: StatementMeta) -> Result<(String, &str, At), SyntaxError> {
        let (name, rest) = self.text.split_once('=').ok_or_else(|| self.usage(meta))?;
        let name = name.trim();
        let ok = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !ok {
            return Err(SyntaxError::new("name-bad", self.at).with("word", name));
        }
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Err(self.usage(meta));
        }
        Ok((name.to_owned(), rest, self.at.part(self.at.to - rest.len(), self.at.to)))
    }
}

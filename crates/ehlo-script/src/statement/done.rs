use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::{SyntaxError, because};

/// Ends the script as passed: `done if S.code != 220 because "…"`.
pub(super) struct Done;

impl StatementKind for Done {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "done", usage: "done if CONDITION [because \"…\"]" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        let Some(text) = words.text.strip_prefix("if ") else { return Err(words.usage(self.meta())) };
        let at = words.at.part(words.at.from + 3, words.at.to);
        let (condition, reason) = because(text, at, words.conns)?;
        Ok(Statement::Done(condition, reason))
    }
}

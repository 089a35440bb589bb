use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::{SyntaxError, because};

/// Ends the script as skipped: `skip if S.tls.version == none because "…"`.
pub(super) struct Skip;

impl StatementKind for Skip {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "skip", usage: "skip if CONDITION [because \"…\"]" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        let Some(text) = words.text.strip_prefix("if ") else { return Err(words.usage(self.meta())) };
        let at = words.at.part(words.at.from + 3, words.at.to);
        let (condition, reason) = because(text, at, words.conns)?;
        Ok(Statement::Skip(condition, reason))
    }
}

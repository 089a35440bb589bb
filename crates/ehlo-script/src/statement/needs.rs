use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::SyntaxError;

/// Skips the script where something is missing: `needs IDLE account2`.
pub(super) struct Needs;

impl StatementKind for Needs {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "needs", usage: "needs CAPABILITY resource …" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        let found: Vec<String> = words.text.split_whitespace().map(str::to_owned).collect();
        if found.is_empty() { Err(words.usage(self.meta())) } else { Ok(Statement::Needs(found, words.at)) }
    }
}

use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::SyntaxError;

/// Gives a name to a text, once: `let id = {{nonce()}}`.
pub(super) struct Let;

impl StatementKind for Let {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "let", usage: "let NAME = TEXT" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        let (name, text, at) = words.assignment(self.meta())?;
        let text = text.to_owned();
        Ok(Statement::Let(name, crate::syntax::value_of(&text, at, words.conns)?))
    }
}

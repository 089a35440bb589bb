use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::SyntaxError;

/// Says something in the report: `note the server announces {{limit}} octets`.
pub(super) struct Note;

impl StatementKind for Note {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "note", usage: "note TEXT" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        if words.text.is_empty() {
            return Err(words.usage(self.meta()));
        }
        Ok(Statement::Note(crate::syntax::value_of(words.text, words.at, words.conns)?))
    }
}

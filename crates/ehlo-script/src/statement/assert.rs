use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::{SyntaxError, condition};

/// Demands something of what was seen: `assert S.time < 10s`.
pub(super) struct Assert;

impl StatementKind for Assert {
    fn meta(&self) -> StatementMeta {
        StatementMeta {
            word: "assert",
            usage: "assert S.QUERY [not] == != < <= > >= includes contains matches VALUE",
        }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        Ok(Statement::Assert(condition(words.text, words.at, words.conns)?))
    }
}

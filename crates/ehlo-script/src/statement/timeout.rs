use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::{SyntaxError, duration};

/// How long answers may take from here on: `timeout 2m`.
pub(super) struct Timeout;

impl StatementKind for Timeout {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "timeout", usage: "timeout TIME" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        match duration(words.text) {
            Some(time) => Ok(Statement::Timeout(time, words.whole)),
            None => Err(SyntaxError::new("duration-bad", words.at).with("word", words.text)),
        }
    }
}

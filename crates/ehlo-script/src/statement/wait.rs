use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::{SyntaxError, duration};

/// Lets time pass: `wait 1s`. Between two `C:` lines it makes two writes of them; `wait` alone does only that.
pub(super) struct Wait;

impl StatementKind for Wait {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "wait", usage: "wait [TIME]" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        let text = if words.text.is_empty() { "0s" } else { words.text };
        let time =
            duration(text).ok_or_else(|| SyntaxError::new("duration-bad", words.at).with("word", text))?;
        Ok(Statement::Wait(time, words.whole))
    }
}

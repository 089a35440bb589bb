use super::{StatementKind, StatementMeta, Words};
use crate::Statement;
use crate::syntax::{SyntaxError, duration};

/// Repeats the next exchange until it matches: `poll 10s every 500ms`.
pub(super) struct Poll;

impl StatementKind for Poll {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "poll", usage: "poll TIME every TIME" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        let parts: Vec<&str> = words.text.split_whitespace().collect();
        let [time, "every", pace] = parts[..] else { return Err(words.usage(self.meta())) };
        let read = |word: &str| {
            duration(word).ok_or_else(|| SyntaxError::new("duration-bad", words.at).with("word", word))
        };
        Ok(Statement::Poll(read(time)?, read(pace)?, words.whole))
    }
}

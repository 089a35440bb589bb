use super::{StatementKind, StatementMeta, Words};
use crate::syntax::SyntaxError;
use crate::{Expr, Statement};

/// Keeps the answer to a question: `capture qid = S.text`.
pub(super) struct Capture;

impl StatementKind for Capture {
    fn meta(&self) -> StatementMeta {
        StatementMeta { word: "capture", usage: "capture NAME = S.QUERY" }
    }

    fn read(&self, words: &mut Words<'_>) -> Result<Statement, SyntaxError> {
        let (name, text, at) = words.assignment(self.meta())?;
        let text = text.to_owned();
        match crate::syntax::query(&text, at, words.conns)? {
            Some(query) => Ok(Statement::Capture(name, Expr::Query(query), at)),
            None => Err(words.usage(self.meta())),
        }
    }
}

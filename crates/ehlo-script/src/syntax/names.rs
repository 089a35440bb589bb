use super::error::{SyntaxError, nearest};
use crate::{Expr, Op, Payload, Piece, Script, Statement};
use std::collections::BTreeSet;

/// The names that are used in a script before anything gives them a value. `known` are those that the runner gives.
/// Found before a connection is made: a slip of the pen must not cost a dialogue.
pub fn undefined_names(script: &Script, known: &[&str]) -> Vec<SyntaxError> {
    let mut walk = Walk { defined: known.iter().map(|k| (*k).to_owned()).collect(), found: Vec::new() };
    for op in &script.ops {
        walk.op(op);
    }
    walk.found
}

struct Walk {
    defined: BTreeSet<String>,
    found: Vec<SyntaxError>,
}

impl Walk {
    fn op(&mut self, op: &Op) {
        match op {
            Op::Send(send) => send.lines.iter().for_each(|line| self.payload(line)),
            Op::Expect(expect) => {
                // Whatever order the lines come in, values of the same exchange are there for all of it.
                expect.lines.iter().for_each(|line| self.payload(&line.payload));
            }
            Op::Verb(verb) => {
                verb.args.iter().for_each(|a| self.payload(a));
                verb.options.iter().for_each(|(_, v)| self.payload(v));
                verb.content.iter().for_each(|c| self.payload(c));
            }
            Op::Statement(statement) => match statement {
                Statement::Let(name, payload) => {
                    self.payload(payload);
                    self.defined.insert(name.clone());
                }
                Statement::Capture(name, ..) => {
                    self.defined.insert(name.clone());
                }
                Statement::Assert(c) | Statement::Skip(c, _) | Statement::Done(c, _) => {
                    self.expr(&c.left, c.at);
                    self.payload(&c.right);
                }
                Statement::Note(payload) => self.payload(payload),
                _ => {}
            },
            Op::Unless { condition, .. } => {
                self.expr(&condition.left, condition.at);
                self.payload(&condition.right);
            }
            Op::Closed { .. } | Op::Silent { .. } | Op::Jump(_) => {}
        }
    }

    fn payload(&mut self, payload: &Payload) {
        for piece in &payload.pieces {
            match piece {
                Piece::Value(expr, at) => self.expr(expr, *at),
                Piece::Capture(Some(name), ..) => {
                    self.defined.insert(name.clone());
                }
                Piece::Literal(literal) => self.payload(&literal.content),
                Piece::Text(text) => self.regex_groups(text),
                _ => {}
            }
        }
    }

    /// Named groups of `S~` lines are captures, too.
    fn regex_groups(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        for (at, _) in text.match_indices("(?<").chain(text.match_indices("(?P<")) {
            let rest = text[at..].trim_start_matches("(?P<").trim_start_matches("(?<");
            if let Some((name, _)) = rest.split_once('>')
                && super::expr::is_identifier(name)
            {
                self.defined.insert(name.to_owned());
            }
        }
    }

    fn expr(&mut self, expr: &Expr, at: crate::At) {
        match expr {
            Expr::Name(name) if !self.defined.contains(name) => {
                let meant = nearest(name, self.defined.iter().map(String::as_str)).unwrap_or_default();
                let id = if meant.is_empty() { "name-unknown" } else { "name-unknown-near" };
                self.found.push(SyntaxError::new(id, at).with("word", name.clone()).with("meant", meant));
            }
            Expr::Call(_, args) => args.iter().for_each(|a| self.expr(a, at)),
            _ => {}
        }
    }
}

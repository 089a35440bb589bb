use super::{Machine, Stop};
use crate::function::{Context, FUNCTIONS};
use crate::pattern::{Captures, Tok};
use crate::query::QUERIES;
use crate::value::number;
use crate::{At, Condition, Expr, Operator, Payload, Piece, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::run::{Place, Problem};
use ehlo_core::{Params, escape};

impl Machine {
    /// The next number that nobody can guess.
    pub(super) fn next_random(&mut self) -> u64 {
        // The finaliser of SplitMix64, over a seed that the caller drew.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = self.random;
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    /// The value of an expression; the id of what is wrong with it.
    pub(super) fn value(&mut self, expr: &Expr, conn: usize) -> Result<Value, (&'static str, String)> {
        match expr {
            Expr::Name(name) => match self.variables.get(name) {
                Some(value) => Ok(value.clone()),
                None => Err(("value-missing", name.clone())),
            },
            Expr::Number(digits) => Ok(Value::text(digits.clone())),
            Expr::Text(text) => Ok(Value::text(text.clone())),
            Expr::Query(query) => {
                let found = QUERIES.iter().find(|q| q.meta().name == query.name);
                Ok(found
                    .map_or(Value::None, |q| q.ask(&self.conns[query.conn].seen, query.index.unwrap_or(1))))
            }
            Expr::Call(name, args) => {
                let mut values = Vec::with_capacity(args.len());
                for arg in args {
                    values.push(self.value(arg, conn)?.bytes());
                }
                let Some(function) = FUNCTIONS.iter().find(|f| f.name == *name) else {
                    return Err(("function-unknown", name.clone()));
                };
                let challenge = self.challenge(conn);
                let stamp = self.conns[conn].stamp.clone();
                let now = self.setup.now;
                let expunged = self.expunged.clone();
                let mut random = || self.next_random();
                let mut cx = Context { random: &mut random, now, challenge, stamp, expunged: &expunged };
                (function.call)(&mut cx, &values)
                    .map(Value::Text)
                    .map_err(|id| (function_error(id), format!("{name}()")))
            }
        }
    }

    /// The challenge that came last, decoded.
    fn challenge(&self, conn: usize) -> Option<Vec<u8>> {
        let text = self.conns[conn].seen.last()?.challenge()?;
        STANDARD.decode(text.trim_ascii()).ok()
    }

    /// The bytes of a payload that is to be sent, without literals.
    pub(super) fn text(&mut self, payload: &Payload, conn: usize) -> Result<Vec<u8>, Stop> {
        let mut out = Vec::new();
        for piece in &payload.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Value(expr, at) => {
                    let value = self.value(expr, conn).map_err(|(id, what)| self.no_value(id, what, *at))?;
                    out.extend_from_slice(&value.bytes());
                }
                Piece::Capture(name, ..) => {
                    let name = name.clone().unwrap_or_default();
                    return Err(self.no_value("capture-sent", name, payload.at));
                }
                Piece::Tag | Piece::Literal(_) => {}
            }
        }
        Ok(out)
    }

    /// A text of an option or argument.
    pub(super) fn string(&mut self, payload: &Payload, conn: usize) -> Result<String, Stop> {
        Ok(String::from_utf8_lossy(&self.text(payload, conn)?).into_owned())
    }

    pub(super) fn no_value(&self, id: &str, what: String, at: At) -> Stop {
        let params = Params::from([("word".to_owned(), what)]);
        Stop::Problem(Box::new(self.problem(id, params, at)))
    }

    /// The tokens of a payload that is expected. `tag` stands for `%`.
    pub(super) fn tokens(
        &mut self,
        payload: &Payload,
        conn: usize,
        tag: Option<&str>,
    ) -> Result<Vec<Tok>, (&'static str, String)> {
        let mut out = Vec::new();
        for piece in &payload.pieces {
            match piece {
                Piece::Text(text) => out.extend(text.iter().map(|b| Tok::Byte(*b))),
                Piece::Tag => out.extend(tag.unwrap_or("%").bytes().map(Tok::Opaque)),
                Piece::Capture(name, kind, _) => out.push(Tok::Capture(name.clone(), *kind)),
                Piece::Value(expr, _) => match self.value(expr, conn)? {
                    Value::Structure(bytes) => out.extend(bytes.into_iter().map(Tok::Byte)),
                    other => out.extend(other.bytes().into_iter().map(Tok::Opaque)),
                },
                Piece::Literal(literal) => {
                    let content = self.tokens(&literal.content, conn, tag)?;
                    out.push(Tok::Literal(content));
                }
            }
        }
        Ok(out)
    }

    /// Keeps what was captured.
    pub(super) fn keep(&mut self, captures: Captures) {
        for (name, value) in captures {
            self.variables.insert(name, value);
        }
    }

    /// Whether a condition holds, and what stands on its left.
    pub(super) fn holds(&mut self, condition: &Condition) -> Result<(bool, Value), Stop> {
        let conn = match &condition.left {
            Expr::Query(query) => query.conn,
            _ => 0,
        };
        let left =
            self.value(&condition.left, conn).map_err(|(id, what)| self.no_value(id, what, condition.at))?;
        let right = self.text(&condition.right, conn)?;
        let text = left.bytes();
        let order = || match (number(&text), number(&right)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            // TLSv1.2 is less than TLSv1.3; nothing is less than anything.
            _ if left == Value::None => None,
            _ => Some(text.cmp(&right)),
        };
        use std::cmp::Ordering::{Equal, Greater, Less};
        let equal = || text.eq_ignore_ascii_case(&right) || order() == Some(Equal);
        let found = match condition.operator {
            Operator::Equal => equal(),
            Operator::Unequal => !equal(),
            Operator::Less => order() == Some(Less),
            Operator::AtMost => matches!(order(), Some(Less | Equal)),
            Operator::Greater => order() == Some(Greater),
            Operator::AtLeast => matches!(order(), Some(Greater | Equal)),
            Operator::Includes => left.items().iter().any(|item| includes(item, &right)),
            Operator::Contains => find(&text, &right),
            Operator::Matches => {
                let source = String::from_utf8_lossy(&right).into_owned();
                let regex = regex::bytes::Regex::new(&source)
                    .map_err(|e| self.no_value("regex-bad", e.to_string(), condition.at))?;
                left.items().iter().any(|item| regex.is_match(item))
            }
        };
        Ok((found != condition.not, left))
    }

    /// A problem at a place, without anything that came.
    pub(super) fn problem(&self, id: &str, params: Params, at: At) -> Problem {
        Problem {
            id: id.to_owned(),
            params,
            place: self.place(at),
            before: self.before(at),
            expected: None,
            received: Vec::new(),
            evidence: Vec::new(),
            hint: None,
            failure: None,
            transient: false,
        }
    }

    pub(super) fn place(&self, at: At) -> Place {
        let file = self.script.files.get(at.file);
        Place {
            file: file.map_or(String::new(), |f| f.name.clone()),
            line: at.line,
            from: at.from,
            to: at.to,
            text: file.map_or(String::new(), |f| f.line(at.line).to_owned()),
        }
    }

    /// The line above, if it belongs to the dialogue.
    fn before(&self, at: At) -> Option<(usize, String)> {
        let file = self.script.files.get(at.file)?;
        let number = at.line.checked_sub(1).filter(|n| *n > 0)?;
        let line = file.line(number);
        (!line.trim().is_empty()).then(|| (number, line.to_owned()))
    }
}

/// A certificate for `*.example.org` bears `mail.example.org`, too (RFC 9525 §6.3).
fn includes(item: &[u8], wanted: &[u8]) -> bool {
    if item.eq_ignore_ascii_case(wanted) {
        return true;
    }
    let Some(suffix) = item.strip_prefix(b"*") else { return false };
    let Some(dot) = wanted.iter().position(|&b| b == b'.') else { return false };
    suffix.len() > 1 && dot > 0 && wanted[dot..].eq_ignore_ascii_case(suffix)
}

fn find(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|w| w == part)
}

fn function_error(id: &str) -> &'static str {
    match id {
        "later" => "function-later",
        "no-challenge" => "no-challenge",
        "no-stamp" => "no-stamp",
        "no-number" => "no-number",
        "gone" => "message-gone",
        "not-quotable" => "not-quotable",
        _ => "no-time",
    }
}

/// Lines of bytes, escaped.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|&b| b == b'\n')
        .map(|l| escape(l.strip_suffix(b"\r").unwrap_or(l)))
        .filter(|l| !l.is_empty())
        .collect()
}

use super::error::{SyntaxError, nearest};
use crate::function::FUNCTIONS;
use crate::query::QUERIES;
use crate::{At, Expr, Kind, Piece, Query};

/// Reads what stands between `{{` and `}}`: `at` is its place without the braces.
pub(super) fn template(text: &str, at: At, conns: &mut Vec<String>) -> Result<Piece, SyntaxError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(SyntaxError::new("template-empty", at));
    }
    // `name:type`; a colon inside quotes or brackets belongs to an expression.
    if let Some((name, kind)) = trimmed.split_once(':')
        && !name.contains(['"', '('])
    {
        let (name, kind) = (name.trim(), kind.trim());
        let Some(&(_, kind)) = Kind::ALL.iter().find(|(w, _)| *w == kind) else {
            let known: Vec<&str> = Kind::ALL.iter().map(|(w, _)| *w).collect();
            return Err(SyntaxError::new("capture-type", at)
                .with("word", kind)
                .with("known", known.join(" ")));
        };
        if !name.is_empty() && !is_identifier(name) {
            return Err(SyntaxError::new("name-bad", at).with("word", name));
        }
        return Ok(Piece::Capture((!name.is_empty()).then(|| name.to_owned()), kind, at));
    }
    Ok(Piece::Value(expression(trimmed, at, conns)?, at))
}

/// Reads an expression that fills `text`.
pub(super) fn expression(text: &str, at: At, conns: &mut Vec<String>) -> Result<Expr, SyntaxError> {
    let mut reader = Reader { text, pos: 0, at, conns };
    let found = reader.expr(0)?;
    reader.blanks();
    if reader.pos < text.len() {
        return Err(SyntaxError::new("expression-rest", at).with("rest", &text[reader.pos..]));
    }
    Ok(found)
}

/// Reads a query such as `S2.tls.version` or `S.line(2)`.
pub(crate) fn query(word: &str, at: At, conns: &mut Vec<String>) -> Result<Option<Query>, SyntaxError> {
    let Some(rest) = word.strip_prefix('S') else { return Ok(None) };
    let Some((label, name)) = rest.split_once('.') else { return Ok(None) };
    let label = label.strip_prefix('@').unwrap_or(label);
    if !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Ok(None);
    }
    let (name, index) = match name.split_once('(') {
        None => (name, None),
        Some((name, rest)) => {
            let digits = rest.strip_suffix(')').unwrap_or_default();
            match digits.parse::<usize>() {
                Ok(n) if n > 0 => (name, Some(n)),
                _ => return Err(SyntaxError::new("query-index", at).with("word", word)),
            }
        }
    };
    let Some(known) = QUERIES.iter().find(|q| q.meta().name == name) else {
        let names = QUERIES.iter().map(|q| q.meta().name);
        let meant = nearest(name, names.clone()).unwrap_or_default();
        let error = SyntaxError::new("query-unknown", at).with("word", word);
        return Err(error.with(
            "meant",
            if meant.is_empty() { names.collect::<Vec<_>>().join(" ") } else { meant.into() },
        ));
    };
    if known.meta().indexed != index.is_some() {
        return Err(SyntaxError::new("query-index", at).with("word", word));
    }
    Ok(Some(Query { conn: connection(label, conns), name: name.to_owned(), index, at }))
}

/// The number of the connection with that label.
pub(super) fn connection(label: &str, conns: &mut Vec<String>) -> usize {
    conns.iter().position(|c| c == label).unwrap_or_else(|| {
        conns.push(label.to_owned());
        conns.len() - 1
    })
}

/// Whether a word may name a variable.
pub(super) fn is_identifier(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Brackets nested deeper than this are no sensible expression.
const DEEPEST: usize = 16;

struct Reader<'a> {
    text: &'a str,
    pos: usize,
    at: At,
    conns: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.pos..]
    }

    fn blanks(&mut self) {
        self.pos = self.text.len() - self.rest().trim_start().len();
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, SyntaxError> {
        self.blanks();
        let rest = self.rest();
        if rest.starts_with('"') {
            let end = string_end(rest).ok_or_else(|| SyntaxError::new("string-open", self.at))?;
            let text = unescape(&rest[1..end - 1])
                .map_err(|bad| SyntaxError::new("escape-bad", self.at).with("word", bad))?;
            self.pos += end;
            return Ok(Expr::Text(String::from_utf8_lossy(&text).into_owned()));
        }
        let length =
            rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '@'))).unwrap_or(rest.len());
        let word = rest[..length].to_owned();
        if word.is_empty() {
            return Err(SyntaxError::new("expression-expected", self.at)
                .with("rest", if rest.is_empty() { "}}" } else { rest }));
        }
        self.pos += length;
        if word.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Expr::Number(word));
        }
        let opens = self.rest().starts_with('(');
        if word.contains('.') {
            let mut whole = word.clone();
            if opens {
                let close = self.rest().find(')').map_or(self.rest().len(), |c| c + 1);
                whole.push_str(&self.rest()[..close]);
                self.pos += close;
            }
            return match query(&whole, self.at, self.conns)? {
                Some(query) => Ok(Expr::Query(query)),
                None => Err(SyntaxError::new("name-bad", self.at).with("word", word)),
            };
        }
        if !opens {
            return match is_identifier(&word) {
                true => Ok(Expr::Name(word)),
                false => Err(SyntaxError::new("name-bad", self.at).with("word", word)),
            };
        }
        self.pos += 1;
        let Some(function) = FUNCTIONS.iter().find(|f| f.name == word) else {
            let names = FUNCTIONS.iter().map(|f| f.name);
            let meant = nearest(&word, names.clone())
                .map_or_else(|| names.collect::<Vec<_>>().join(" "), str::to_owned);
            return Err(SyntaxError::new("function-unknown", self.at)
                .with("word", word)
                .with("meant", meant));
        };
        if depth >= DEEPEST {
            return Err(SyntaxError::new("expression-deep", self.at));
        }
        let mut args = Vec::new();
        loop {
            self.blanks();
            if self.rest().starts_with(')') {
                self.pos += 1;
                break;
            }
            if !args.is_empty() {
                if !self.rest().starts_with(',') {
                    return Err(SyntaxError::new("call-open", self.at).with("word", word));
                }
                self.pos += 1;
            }
            if self.rest().trim().is_empty() {
                return Err(SyntaxError::new("call-open", self.at).with("word", word));
            }
            args.push(self.expr(depth + 1)?);
        }
        if !(function.least..=function.most).contains(&args.len()) {
            return Err(SyntaxError::new("call-arguments", self.at)
                .with("word", word)
                .with("usage", function.usage));
        }
        Ok(Expr::Call(word, args))
    }
}

/// The offset behind the closing quote of a string that begins at 0.
pub(super) fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The bytes that an escaped text stands for; the bad escape if there is one.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next() {
            Some('r') => out.push(b'\r'),
            Some('n') => out.push(b'\n'),
            Some('t') => out.push(b'\t'),
            Some('0') => out.push(0),
            Some('\\') => out.push(b'\\'),
            Some('"') => out.push(b'"'),
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                match u8::from_str_radix(&digits, 16) {
                    Ok(byte) if digits.len() == 2 => out.push(byte),
                    _ => return Err(format!("\\x{digits}")),
                }
            }
            Some(other) => return Err(format!("\\{other}")),
            None => return Err("\\".into()),
        }
    }
    Ok(out)
}

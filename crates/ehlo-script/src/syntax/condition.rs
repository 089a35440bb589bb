use super::args::value_of;
use super::error::{SyntaxError, nearest};
use super::expr::{expression, query, string_end, unescape};
use crate::{At, Condition, Expr, Operator};

/// Reads `Q [not] op VALUE`.
pub(crate) fn condition(text: &str, at: At, conns: &mut Vec<String>) -> Result<Condition, SyntaxError> {
    let text = text.trim_end();
    let (left, rest) = left(text, at, conns)?;
    let mut words = rest.trim_start();
    let mut not = false;
    if let Some(after) = words.strip_prefix("not ") {
        not = true;
        words = after.trim_start();
    }
    let end = words.find(char::is_whitespace).unwrap_or(words.len());
    let word = &words[..end];
    let Some(&(_, operator)) = Operator::ALL.iter().find(|(w, _)| *w == word) else {
        let known = Operator::ALL.iter().map(|(w, _)| *w);
        let id = if word.is_empty() { "operator-missing" } else { "operator-unknown" };
        let meant = nearest(word, known.clone())
            .filter(|m| m.len() > 2)
            .map_or_else(|| known.collect::<Vec<_>>().join(" "), str::to_owned);
        return Err(SyntaxError::new(id, at).with("word", word).with("meant", meant));
    };
    let value = words[end..].trim();
    if value.is_empty() {
        return Err(SyntaxError::new("value-missing", at).with("word", word));
    }
    // One word, or a string in quotes; only a regular expression may hold blanks as it is.
    let quoted = value.starts_with('"') && string_end(value) == Some(value.len());
    if operator != Operator::Matches && !quoted && has_blank(value) {
        return Err(SyntaxError::new("value-words", at).with("word", value));
    }
    let from = at.from + text.len() - value.len();
    let right = value_of(value, at.part(from, at.from + text.len()), conns)?;
    if operator == Operator::Matches
        && let Some(plain) = right.plain()
        && let Err(error) = regex::bytes::Regex::new(&plain)
    {
        return Err(bad_regex(&error, right.at));
    }
    Ok(Condition { left, not, operator, right, at: at.part(at.from, at.from + text.len()) })
}

/// Whether a blank stands outside of templates.
fn has_blank(value: &str) -> bool {
    let mut depth = 0usize;
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("{{") {
            depth += 1;
            rest = &rest[2..];
            continue;
        }
        if rest.starts_with("}}") {
            depth = depth.saturating_sub(1);
            rest = &rest[2..];
            continue;
        }
        if c.is_whitespace() && depth == 0 {
            return true;
        }
        rest = &rest[c.len_utf8()..];
    }
    false
}

fn left<'a>(text: &'a str, at: At, conns: &mut Vec<String>) -> Result<(Expr, &'a str), SyntaxError> {
    if let Some(inside) = text.strip_prefix("{{") {
        let Some(end) = inside.find("}}") else { return Err(SyntaxError::new("template-open", at)) };
        let place = at.part(at.from, at.from + end + 4);
        return Ok((expression(inside[..end].trim(), place, conns)?, &inside[end + 2..]));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = &text[..end];
    let place = at.part(at.from, at.from + end);
    if word.is_empty() {
        return Err(SyntaxError::new("condition-empty", at));
    }
    match query(word, place, conns)? {
        Some(query) => Ok((Expr::Query(query), &text[end..])),
        None => Err(SyntaxError::new("condition-left", place).with("word", word)),
    }
}

/// `condition because "…"`
pub(crate) fn because(
    text: &str,
    at: At,
    conns: &mut Vec<String>,
) -> Result<(Condition, Option<String>), SyntaxError> {
    let Some(split) = text.find(" because ") else { return Ok((condition(text, at, conns)?, None)) };
    let reason = text[split + 9..].trim();
    let place = at.part(at.from + split + 1, at.to);
    if !reason.starts_with('"') || string_end(reason) != Some(reason.len()) {
        return Err(SyntaxError::new("because-string", place));
    }
    let reason = unescape(&reason[1..reason.len() - 1])
        .map_err(|bad| SyntaxError::new("escape-bad", place).with("word", bad))?;
    let condition = condition(&text[..split], at.part(at.from, at.from + split), conns)?;
    Ok((condition, Some(String::from_utf8_lossy(&reason).into_owned())))
}

/// What is wrong with a regular expression, in one line.
pub(crate) fn bad_regex(error: &regex::Error, at: At) -> SyntaxError {
    let text = error.to_string();
    let last = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default();
    SyntaxError::new("regex-bad", at).with("why", last.trim().trim_start_matches("error: "))
}

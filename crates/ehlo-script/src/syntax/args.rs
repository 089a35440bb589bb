use super::error::SyntaxError;
use super::expr::{string_end, unescape};
use super::payload::{Allowed, Read, is_end_word, pieces};
use crate::{At, Payload, Piece};
use std::time::Duration;

/// An argument of a verb or statement.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    /// A word or a string.
    Word(Payload),
    /// `name=value`
    Option(String, Payload),
    /// `<<END`
    Here(String),
    /// `<file`
    File(String, At),
}

/// Cuts the arguments of a line.
pub(crate) fn arguments(text: &str, at: At, conns: &mut Vec<String>) -> Result<Vec<Arg>, SyntaxError> {
    let mut out = Vec::new();
    let mut pos = 0;
    loop {
        pos = text.len() - text[pos..].trim_start().len();
        let rest = &text[pos..];
        if rest.is_empty() {
            return Ok(out);
        }
        let length = word_length(rest, at.part(at.from + pos, at.to))?;
        let (word, place) = (&rest[..length], at.part(at.from + pos, at.from + pos + length));
        pos += length;
        if let Some(end) = word.strip_prefix("<<") {
            if !is_end_word(end) {
                return Err(SyntaxError::new("here-word", place).with("word", end));
            }
            out.push(Arg::Here(end.to_owned()));
        } else if let Some(name) = word.strip_prefix('<') {
            if name.is_empty() {
                return Err(SyntaxError::new("file-name", place));
            }
            out.push(Arg::File(name.to_owned(), place));
        } else {
            let name = word
                .split_once('=')
                .filter(|(n, _)| !n.is_empty() && n.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
            out.push(match name {
                Some((name, value)) => {
                    let from = place.from + name.len() + 1;
                    Arg::Option(name.to_owned(), value_of(value, place.part(from, place.to), conns)?)
                }
                None => Arg::Word(value_of(word, place, conns)?),
            });
        }
    }
}

/// What a word or a string in quotes stands for.
pub(crate) fn value_of(word: &str, at: At, conns: &mut Vec<String>) -> Result<Payload, SyntaxError> {
    if word.starts_with('"') && string_end(word) == Some(word.len()) {
        // Templates first: an escape may yield what looks like one.
        let inner = at.part(at.from + 1, at.to.saturating_sub(1));
        let mut found = payload(&word[1..word.len() - 1], inner, conns)?;
        for piece in &mut found.pieces {
            if let Piece::Text(text) = piece {
                let plain = String::from_utf8_lossy(text).into_owned();
                *text =
                    unescape(&plain).map_err(|bad| SyntaxError::new("escape-bad", at).with("word", bad))?;
            }
        }
        found.at = at;
        return Ok(found);
    }
    payload(word, at, conns)
}

/// Text with templates.
pub(crate) fn payload(text: &str, at: At, conns: &mut Vec<String>) -> Result<Payload, SyntaxError> {
    let found = pieces(text, at, Allowed::Templates, conns)?;
    let pieces = found.into_iter().filter_map(|r| match r {
        Read::Piece(piece) => Some(piece),
        _ => None,
    });
    Ok(Payload { pieces: pieces.collect(), at })
}

fn word_length(rest: &str, at: At) -> Result<usize, SyntaxError> {
    let mut pos = 0;
    while pos < rest.len() {
        let here = &rest[pos..];
        if here.starts_with('"') {
            match string_end(here) {
                Some(end) => pos += end,
                None => return Err(SyntaxError::new("string-open", at)),
            }
        } else if here.starts_with("{{") && !here.starts_with("{{{{") {
            match here.find("}}") {
                Some(end) => pos += end + 2,
                None => return Err(SyntaxError::new("template-open", at)),
            }
        } else {
            let Some(c) = here.chars().next() else { break };
            if c.is_whitespace() {
                break;
            }
            pos += c.len_utf8();
        }
    }
    Ok(pos)
}

/// `10s`, `500ms`, `2m`, `1h`.
pub(crate) fn duration(word: &str) -> Option<Duration> {
    let digits = word.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = word[..digits].parse().ok()?;
    match &word[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}

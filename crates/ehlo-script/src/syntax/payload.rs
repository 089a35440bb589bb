use super::error::SyntaxError;
use super::expr::{expression, template};
use crate::{At, Piece};

/// What may stand in a payload besides text and templates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Nothing.
    Templates,
    /// `%` as a tag in front, and literals.
    TagsAndLiterals,
    /// Literals (ManageSieve).
    Literals,
}

/// A piece as it is read in one line; a literal still lacks the lines below.
#[derive(Clone, Debug)]
pub(super) enum Read {
    Piece(Piece),
    /// `{<<END}`, `{<<END+}`, `~{<<END}`
    Here {
        end: String,
        plus: bool,
        binary: bool,
    },
    /// `{<file}`
    File {
        name: String,
        plus: bool,
        binary: bool,
    },
    /// `{=expr}`
    Expr {
        value: Piece,
        plus: bool,
        binary: bool,
    },
    /// `{310}` at the end of a line: takes its octets from the following lines.
    Counted {
        size: usize,
        plus: bool,
        binary: bool,
    },
}

/// Reads a payload that stands in one line.
pub(super) fn pieces(
    text: &str,
    at: At,
    allowed: Allowed,
    conns: &mut Vec<String>,
) -> Result<Vec<Read>, SyntaxError> {
    let mut out: Vec<Read> = Vec::new();
    let mut plain: Vec<u8> = Vec::new();
    let mut pos = 0;
    if allowed == Allowed::TagsAndLiterals && (text == "%" || text.starts_with("% ")) {
        out.push(Read::Piece(Piece::Tag));
        pos = 1;
    }
    while pos < text.len() {
        let rest = &text[pos..];
        if rest.starts_with("{{{{") {
            plain.extend_from_slice(b"{{");
            pos += 4;
        } else if let Some(inside) = rest.strip_prefix("{{") {
            let Some(length) = template_end(inside) else {
                return Err(SyntaxError::new("template-open", at.part(at.from + pos, at.to)));
            };
            let place = at.part(at.from + pos, at.from + pos + length + 4);
            flush(&mut plain, &mut out);
            out.push(Read::Piece(template(&inside[..length], place, conns)?));
            pos += length + 4;
        } else if allowed != Allowed::Templates
            && let Some((read, length)) = literal(rest, at.part(at.from + pos, at.to), conns)?
        {
            flush(&mut plain, &mut out);
            out.push(read);
            pos += length;
        } else {
            let c = rest.chars().next().unwrap_or(' ');
            plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            pos += c.len_utf8();
        }
    }
    flush(&mut plain, &mut out);
    Ok(out)
}

fn flush(plain: &mut Vec<u8>, out: &mut Vec<Read>) {
    if !plain.is_empty() {
        out.push(Read::Piece(Piece::Text(std::mem::take(plain))));
    }
}

/// The offset of the `}}` that ends a template; quotes may hold braces.
fn template_end(inside: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted && inside[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}

/// A literal at the beginning of `rest`, and how long its notation is.
fn literal(rest: &str, at: At, conns: &mut Vec<String>) -> Result<Option<(Read, usize)>, SyntaxError> {
    let binary = rest.starts_with("~{");
    let offset = usize::from(binary);
    let Some(inside) = rest[offset..].strip_prefix('{') else { return Ok(None) };
    let Some(length) = inside.find('}') else { return Ok(None) };
    let body = &inside[..length];
    let whole = offset + length + 2;
    let (body, plus) = match body.strip_suffix('+') {
        Some(body) => (body, true),
        None => (body, false),
    };
    let place = at.part(at.from, at.from + whole);
    if let Some(end) = body.strip_prefix("<<") {
        if !is_end_word(end) {
            return Err(SyntaxError::new("here-word", place).with("word", end));
        }
        return Ok(Some((Read::Here { end: end.to_owned(), plus, binary }, whole)));
    }
    if let Some(name) = body.strip_prefix('<') {
        if name.trim().is_empty() {
            return Err(SyntaxError::new("file-name", place));
        }
        return Ok(Some((Read::File { name: name.trim().to_owned(), plus, binary }, whole)));
    }
    if let Some(text) = body.strip_prefix('=') {
        let value = Piece::Value(expression(text.trim(), place, conns)?, place);
        return Ok(Some((Read::Expr { value, plus, binary }, whole)));
    }
    let ends_line = rest.len() == whole;
    if ends_line && !body.is_empty() && body.len() < 10 && body.bytes().all(|b| b.is_ascii_digit()) {
        let size = body.parse().unwrap_or(usize::MAX);
        return Ok(Some((Read::Counted { size, plus, binary }, whole)));
    }
    Ok(None)
}

/// Whether a word may end a here document: capitals, digits, `_`, beginning with a capital.
pub(super) fn is_end_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

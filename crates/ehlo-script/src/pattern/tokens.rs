use crate::{Kind, Value};
use regex::bytes::Regex;

/// A payload with its values put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tok {
    /// A byte as it stands in the script.
    Byte(u8),
    /// A byte of a value: never a delimiter.
    Opaque(u8),
    /// Something to keep, or to pass over.
    Capture(Option<String>, Kind),
    /// The content of a literal.
    Literal(Vec<Tok>),
}

/// What was kept.
pub(crate) type Captures = Vec<(String, Value)>;

/// The text of tokens that hold nothing else.
pub(crate) fn plain_text(tokens: &[Tok]) -> Option<Vec<u8>> {
    tokens
        .iter()
        .map(|tok| match tok {
            Tok::Byte(b) | Tok::Opaque(b) => Some(*b),
            _ => None,
        })
        .collect()
}

/// Whether `bytes` are what the tokens say, from the first to the last.
pub(crate) fn match_text(tokens: &[Tok], bytes: &[u8], any_case: bool) -> Option<Captures> {
    if let Some(plain) = plain_text(tokens) {
        let same = if any_case { plain.eq_ignore_ascii_case(bytes) } else { plain == bytes };
        return same.then(Vec::new);
    }
    // A lone capture is frequent, and needs no regular expression.
    if let [Tok::Capture(name, kind)] = tokens {
        return fits(*kind, bytes)
            .then(|| name.iter().map(|n| (n.clone(), Value::Text(bytes.to_vec()))).collect());
    }
    let mut source = String::from(if any_case { "(?is-u)^" } else { "(?s-u)^" });
    let mut names = Vec::new();
    for tok in tokens {
        match tok {
            Tok::Byte(b) | Tok::Opaque(b) => source.push_str(&format!("\\x{b:02x}")),
            Tok::Capture(name, kind) => {
                let class = match kind {
                    Kind::Num => "[0-9]+",
                    Kind::Word => "[^ ]+",
                    Kind::Hex => "[0-9A-Fa-f]+",
                    Kind::List => "\\(.*\\)",
                    Kind::Str | Kind::Date | Kind::Any => ".*?",
                };
                source.push_str(&format!("({class})"));
                names.push(name.clone());
            }
            Tok::Literal(_) => return None,
        }
    }
    source.push('$');
    let found = Regex::new(&source).ok()?.captures(bytes)?;
    let kept = names
        .into_iter()
        .enumerate()
        .filter_map(|(at, name)| Some((name?, Value::Text(found.get(at + 1)?.as_bytes().to_vec()))));
    Some(kept.collect())
}

/// Whether `bytes` are of that type.
pub(crate) fn fits(kind: Kind, bytes: &[u8]) -> bool {
    match kind {
        Kind::Num => !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit),
        Kind::Word => !bytes.is_empty() && !bytes.contains(&b' '),
        Kind::Hex => !bytes.is_empty() && bytes.iter().all(u8::is_ascii_hexdigit),
        Kind::List => bytes.starts_with(b"(") && bytes.ends_with(b")"),
        Kind::Date => super::imap::instant(bytes).is_some(),
        Kind::Str | Kind::Any => true,
    }
}

/// Cuts tokens at blanks that stand in the script.
pub(crate) fn words(tokens: &[Tok]) -> Vec<&[Tok]> {
    tokens.split(|t| *t == Tok::Byte(b' ')).filter(|w| !w.is_empty()).collect()
}

/// Whether a text must be compared though people read it: it keeps something, or holds a value.
pub(crate) fn holds_values(tokens: &[Tok]) -> bool {
    tokens.iter().any(|t| !matches!(t, Tok::Byte(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toks(text: &str) -> Vec<Tok> {
        text.bytes().map(Tok::Byte).collect()
    }

    #[test]
    fn captures_between_words() {
        let mut tokens = toks("queued as ");
        tokens.push(Tok::Capture(Some("id".into()), Kind::Word));
        let kept = match_text(&tokens, b"Queued as 4F2A", true).unwrap();
        assert_eq!(kept, [("id".into(), Value::text("4F2A"))]);
        assert!(match_text(&tokens, b"queued as two words", true).is_none());
        assert!(match_text(&tokens, b"Queued as 4F2A", false).is_none());
        assert!(match_text(&[Tok::Capture(None, Kind::Num)], b"12x", false).is_none());
        // No byte of a text is special.
        assert!(match_text(&toks("a.*(b"), b"a.*(b", false).is_some());
    }
}

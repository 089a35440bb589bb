//! Java's regular expressions: which are only text, and how the others are written here.

/// What a regular expression is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Only escaped text.
    Text(String),
    /// An expression as a payload of `S~`.
    Regex(String),
    /// One that only a backtracking engine knows.
    Foreign,
}

/// Reads an expression that must match a whole line. A dot that nothing repeats is meant as a dot: the end of a
/// sentence is hardly ever escaped.
pub(super) fn pattern(source: &str) -> Pattern {
    if is_foreign(source) {
        return Pattern::Foreign;
    }
    let mut text = String::new();
    let mut chars = source.chars().peekable();
    let mut is_text = true;
    while let Some(c) = chars.next() {
        let literal = match c {
            '\\' => match chars.next() {
                Some(escaped) if !escaped.is_alphanumeric() => escaped,
                _ => {
                    is_text = false;
                    break;
                }
            },
            '.' if !matches!(chars.peek(), Some('*' | '+' | '?' | '{')) => '.',
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => {
                is_text = false;
                break;
            }
            other => other,
        };
        text.push(literal);
    }
    // `S: ...` means something else.
    if is_text && text != "..." { Pattern::Text(text) } else { Pattern::Regex(format!("^{}$", ours(source))) }
}

/// The same expression in the syntax of this tool.
fn ours(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        if c.is_ascii_control() && c != '\t' {
            out.push_str(&format!("\\x{:02x}", u32::from(c)));
            continue;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            // Here these two are the beginning and the end of a word.
            Some(c @ ('<' | '>')) => out.push(c),
            Some(c) if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => out.push_str("\\\\"),
        }
    }
    out.replace("{{", "{{{{")
}

/// Looking around, taking without giving back, asking for what a group matched, and what no engine takes.
fn is_foreign(source: &str) -> bool {
    let bytes = source.as_bytes();
    if matches!(bytes.first(), Some(b'*' | b'+' | b'?')) {
        return true;
    }
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                let next = bytes.get(at + 1);
                if matches!(
                    next,
                    Some(b'1'..=b'9' | b'Q' | b'E' | b'G' | b'k' | b'Z' | b'R' | b'X' | b'h' | b'H')
                ) {
                    return true;
                }
                at += 1;
            }
            b'(' => {
                let rest = &source[at..];
                if ["(?=", "(?!", "(?<=", "(?<!", "(?>"].iter().any(|look| rest.starts_with(look)) {
                    return true;
                }
            }
            b'*' | b'+' | b'?' if bytes.get(at + 1) == Some(&b'+') => return true,
            _ => {}
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_expressions() {
        let text = |source: &str| pattern(source) == Pattern::Text(source.replace('\\', ""));
        assert!(
            text("1a OK CREATE completed.")
                && text("\\* 1 EXISTS")
                && text("\\* LIST \\(\\) \\\"\\.\\\" \"x\"")
        );
        let regex = |source: &str| match pattern(source) {
            Pattern::Regex(regex) => regex,
            other => format!("{other:?}"),
        };
        assert_eq!(regex("\\* OK \\[UIDNEXT \\d+\\].*"), "^\\* OK \\[UIDNEXT \\d+\\].*$");
        assert_eq!(regex("a \\<x\\> {2}"), "^a <x> {2}$");
        assert_eq!(regex("..."), "^...$");
        assert_eq!(pattern("a(?=b)"), Pattern::Foreign);
        assert_eq!(pattern("(a)\\1"), Pattern::Foreign);
        assert_eq!(pattern("a++"), Pattern::Foreign);
    }
}

//! Patterns of the catalogue of failures.

/// How many letters of `pattern` are found in `lower`, which is in lower case; `None` if the pattern does not fit.
///
/// A pattern is looked for anywhere in the text, without regard to case; `*` in it stands for anything and `\\*` for
/// a star, a `^` at its beginning for the beginning of the text. Each part is searched once behind the part before
/// it, so that the time grows with the length of the text and not faster.
pub(crate) fn fits(pattern: &str, lower: &str) -> Option<usize> {
    const STAR: &str = "\u{0}";
    let pattern = pattern.to_lowercase().replace("\\*", STAR);
    let (anchored, pattern) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, pattern.as_str()),
    };
    let mut rest = lower;
    let mut letters = 0;
    for (index, part) in pattern.split('*').enumerate() {
        let part = part.replace(STAR, "*");
        rest = if index == 0 && anchored {
            rest.strip_prefix(part.as_str())?
        } else {
            &rest[rest.find(part.as_str())? + part.len()..]
        };
        letters += part.len();
    }
    Some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_found_anywhere_unless_anchored() {
        let fits = |pattern: &str, text: &str| super::fits(pattern, &text.to_lowercase()).is_some();
        assert!(fits("too many connections", "421 4.7.0 Error: Too Many Connections from 1.2.3.4"));
        assert!(fits("^220 \\*\\*\\*", "220 ********"));
        assert!(!fits("^220 \\*\\*\\*", "220 mail"));
        assert!(fits("not*advertised", "503 STARTTLS not even advertised"));
        assert!(!fits("^advertised", "not advertised"));
        assert!(!fits("a*b*c", "a c b"));
    }

    #[test]
    fn a_longer_pattern_weighs_more() {
        assert_eq!(fits("relay*denied", "relay access denied"), Some(11));
        assert_eq!(fits("denied", "relay access denied"), Some(6));
    }
}

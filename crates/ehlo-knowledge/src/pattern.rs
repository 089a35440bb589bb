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
            &rest[find(&part, rest)? + part.len()..]
        };
        letters += part.len();
    }
    Some(letters)
}

/// Where `part` stands in `text`. An enhanced status code at the edge of it is no part of a longer one: `5.2.2` is not
/// found in `5.2.252`, nor in `15.2.2`.
fn find(part: &str, text: &str) -> Option<usize> {
    let opens = is_enhanced(part.split(' ').next().unwrap_or_default());
    let closes = is_enhanced(part.rsplit(' ').next().unwrap_or_default());
    let in_number = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    text.match_indices(part).map(|(at, _)| at).find(|&at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let goes_on = (opens && in_number(before)) || (closes && in_number(bytes.get(at + part.len())));
        !goes_on
    })
}

/// Whether `word` has the form of an enhanced status code (RFC 3463 §2); its class may be `x`.
pub(crate) fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').take(4).collect();
    parts.len() == 3
        && matches!(parts[0], "2" | "4" | "5" | "x" | "X")
        && parts[1..].iter().all(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
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

    #[test]
    fn a_status_code_is_no_part_of_a_longer_one() {
        assert_eq!(fits("5.2.2", "554 5.2.252 sendasdenied"), None);
        assert_eq!(fits("5.2.2", "15.2.2"), None);
        assert_eq!(fits("5.2.2", "5.2.20, then 5.2.2"), Some(5));
        assert_eq!(fits("552 5.2.2", "552 5.2.2"), Some(9));
        assert_eq!(fits("[tss0", "[tss04]"), Some(5));
    }
}

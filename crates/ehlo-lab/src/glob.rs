//! Patterns of rules and faults.

/// `*` stands for any text, `?` for one character; case does not matter. In time that grows with the product of the
/// lengths at most.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let fold = |s: &str| s.chars().flat_map(char::to_lowercase).collect::<Vec<char>>();
    let (pattern, text) = (fold(pattern), fold(text));
    let (mut p, mut t) = (0, 0);
    // Where the last star stood, and how much of the text it has been given.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, given)) => {
                    star = Some((at, given + 1));
                    p = at + 1;
                    t = given + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("*@SPAM.test", "Bob@spam.TEST", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbx", false),
            ("übel*", "ÜBELTÄTER", true),
            ("alice", "alice2", false),
            ("a*b*c", "acb", false),
            ("*@lab.test", "lab.test", false),
            ("*ab", "aab", true),
            ("?", "", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
        let started = "a*".repeat(200) + "b";
        assert!(!glob(&started, &"a".repeat(20_000)));
    }
}

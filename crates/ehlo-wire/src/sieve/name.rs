/// Why a name cannot be the name of a script (RFC 5804 §1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameProblem {
    /// It has no characters.
    Empty,
    /// It has more than 512 octets: servers need not take more than 128 characters of up to four octets.
    TooLong,
    /// It is not UTF-8.
    NotUtf8,
    /// It holds a character that a name must not hold: a control character, U+2028 or U+2029.
    Forbidden(char),
}

impl std::fmt::Display for NameProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NameProblem::Empty => f.write_str("the name of a script must not be empty"),
            NameProblem::TooLong => f.write_str("the name of a script must not have more than 512 octets"),
            NameProblem::NotUtf8 => f.write_str("the name of a script must be UTF-8"),
            NameProblem::Forbidden(c) => {
                write!(f, "the name of a script must not hold U+{:04X}", u32::from(*c))
            }
        }
    }
}

/// The name of a script, if `bytes` can be one.
///
/// # Errors
/// [`NameProblem`].
pub fn check_name(bytes: &[u8]) -> Result<&str, NameProblem> {
    if bytes.is_empty() {
        return Err(NameProblem::Empty);
    }
    if bytes.len() > 512 {
        return Err(NameProblem::TooLong);
    }
    let name = std::str::from_utf8(bytes).map_err(|_| NameProblem::NotUtf8)?;
    // U+0000 to U+001F, U+007F, U+0080 to U+009F are just the control characters.
    match name.chars().find(|&c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        Some(c) => Err(NameProblem::Forbidden(c)),
        None => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "two words", "Größe 🎉", "../x", "\"", &"ä".repeat(256)] {
            assert_eq!(check_name(good.as_bytes()), Ok(good));
        }
        for (bad, problem) in [
            (&b""[..], NameProblem::Empty),
            (b"a\0", NameProblem::Forbidden('\0')),
            (b"a\tb", NameProblem::Forbidden('\t')),
            (b"\x7f", NameProblem::Forbidden('\u{7f}')),
            ("\u{85}".as_bytes(), NameProblem::Forbidden('\u{85}')),
            ("\u{2028}".as_bytes(), NameProblem::Forbidden('\u{2028}')),
            (b"\xff", NameProblem::NotUtf8),
            (&[b'x'; 513], NameProblem::TooLong),
        ] {
            assert_eq!(check_name(bad), Err(problem));
        }
    }
}

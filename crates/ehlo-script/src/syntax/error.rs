use crate::At;
use ehlo_core::Params;

/// Why a script cannot be read. What it says to people stands in the knowledge, under its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Its id in kebab-case, as in the knowledge data.
    pub id: &'static str,
    /// The values of its text.
    pub params: Params,
    /// Where it is.
    pub at: At,
}

impl SyntaxError {
    /// An error without values.
    pub fn new(id: &'static str, at: At) -> SyntaxError {
        SyntaxError { id, params: Params::new(), at }
    }

    /// The same error with one more value.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> SyntaxError {
        self.params.insert(name.to_owned(), value.into());
        self
    }
}

/// The word of `known` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| (distance(word, k), k))
        .filter(|(d, k)| *d <= 1 + k.len() / 4)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// How many letters must be changed, put in or left out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(40).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = if ca.eq_ignore_ascii_case(cb) { diagonal } else { diagonal + 1 };
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant() {
        let known = ["assert", "capture", "timeout"];
        assert_eq!(nearest("asert", known.into_iter()), Some("assert"));
        assert_eq!(nearest("captuer", known.into_iter()), Some("capture"));
        assert_eq!(nearest("frobnicate", known.into_iter()), None);
    }
}

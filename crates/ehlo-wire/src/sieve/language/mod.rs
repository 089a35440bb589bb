//! The language of the scripts, Sieve (RFC 5228): syntax, and whether each command and test has the arguments and the
//! `require` that it needs. Scripts are checked here, never executed.

mod check;
mod lexer;
mod parser;
mod problem;
mod table;

pub use problem::{Fault, Problem};
pub use table::EXTENSIONS;

/// Most problems that are told of one script.
const MOST_PROBLEMS: usize = 20;

/// What a check of a script found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Why it cannot be used; empty if it can.
    pub errors: Vec<Problem>,
    /// What its author may not have meant.
    pub warnings: Vec<Problem>,
}

impl Checked {
    /// Whether the script can be used.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Checks a script.
///
/// # Examples
/// ```
/// use ehlo_wire::sieve::language::check;
///
/// assert!(check(b"require \"fileinto\";\r\nfileinto \"a\";\r\n").is_valid());
/// let wrong = check(b"fileinto \"a\";\r\n");
/// assert_eq!(wrong.errors[0].to_string(), "line 1, column 1: fileinto needs: require \"fileinto\";");
/// ```
pub fn check(script: &[u8]) -> Checked {
    let text = match std::str::from_utf8(script) {
        Ok(text) => text,
        Err(error) => {
            let found = Problem::at(script, error.valid_up_to(), Fault::NotUtf8);
            return Checked { errors: vec![found], warnings: Vec::new() };
        }
    };
    let place = |(at, fault): (usize, Fault)| Problem::at(script, at, fault);
    match lexer::tokens(text).and_then(|tokens| parser::parse(&tokens)) {
        Err(error) => Checked { errors: vec![place(error)], warnings: Vec::new() },
        Ok(commands) => {
            let found = check::check(&commands, text);
            let list = |list: Vec<(usize, Fault)>| list.into_iter().take(MOST_PROBLEMS).map(place).collect();
            Checked { errors: list(found.errors), warnings: list(found.warnings) }
        }
    }
}

#[cfg(test)]
mod tests;

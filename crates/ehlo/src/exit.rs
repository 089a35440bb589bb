//! Exit codes: 0 nothing wrong, 1 something is wrong, 2 wrong usage, 3 could not run, 4 internal error.

use std::fmt;

/// Nothing wrong.
pub(crate) const GOOD: u8 = 0;
/// Findings, a refused login.
pub(crate) const FOUND: u8 = 1;
/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Nothing could be examined or reached.
pub(crate) const UNABLE: u8 = 3;
/// A defect of ours.
pub(crate) const INTERNAL: u8 = 4;

/// The program was used wrongly; the text says how, and what to do instead.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A defect of ours.
#[derive(Debug)]
pub(crate) struct Internal(pub(crate) String);

impl fmt::Display for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Internal {}

/// The exit code of an error.
pub(crate) fn of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        USAGE
    } else if error.is::<Internal>() {
        INTERNAL
    } else {
        UNABLE
    }
}

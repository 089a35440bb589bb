//! Compares what comes with what a script expects: what a program would act on counts, what only a person reads
//! does not.

mod imap;
mod imap_parse;
mod pop3;
mod sieve;
mod smtp;
mod tokens;

use ehlo_core::Params;

pub(crate) use imap::{ImapPattern, arguments as imap_arguments, regex_matches as regex_lines};
pub(crate) use pop3::{blocks as pop3_blocks, matches as pop3_matches};
pub(crate) use sieve::{blocks as sieve_blocks, command as sieve_command, matches as sieve_matches};
pub(crate) use smtp::{blocks as smtp_blocks, matches as smtp_matches};
pub(crate) use tokens::{Captures, Tok, match_text, plain_text};

/// Why a reply is not what was expected. The id stands in the knowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Differs {
    /// Its id.
    pub(crate) id: &'static str,
    /// The values of its text.
    pub(crate) params: Params,
    /// How much fits all the same: the nearest miss has the most.
    pub(crate) near: usize,
    /// Which line of the block it is.
    pub(crate) line: usize,
}

impl Differs {
    pub(crate) fn new(id: &'static str) -> Differs {
        Differs { id, params: Params::new(), near: 0, line: 0 }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Differs {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn near(mut self, near: usize) -> Differs {
        self.near = near;
        self
    }

    pub(crate) fn line(mut self, line: usize) -> Differs {
        self.line = line;
        self
    }
}

//! Reads scripts: every byte of a file is kept, every mistake is told with its place, and none swallows the next line.

mod args;
mod condition;
mod error;
mod expr;
mod header;
mod lines;
mod mbox;
mod names;
mod parse;
mod payload;
mod verbs;

pub use error::SyntaxError;
pub use header::FIELDS;
pub use lines::{Line, LineKind, lines};
pub use mbox::mbox;
pub use names::undefined_names;
pub use parse::{Loader, NoFiles, parse};

pub(crate) use args::{duration, value_of};
pub(crate) use condition::{because, condition};
pub(crate) use expr::query;
pub(crate) use header::field;
pub(crate) use lines::prefix;

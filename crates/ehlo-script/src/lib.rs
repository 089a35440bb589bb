//! The `.ehlo` notation, without I/O: reading scripts, comparing what comes with what they expect, running them as a
//! machine that says what it wants done, formatting them, and writing dialogues down in it.

mod format;
mod function;
pub mod import;
mod machine;
mod pattern;
mod play;
mod program;
mod query;
mod record;
mod statement;
mod syntax;
mod transcript;
mod value;

pub use format::format;
pub use function::{FUNCTIONS, Function};
pub use machine::{Arrived, Ending, Hidden, Input, Machine, PreparedConn, Ran, Setup, Want};
pub use play::{PlayProblem, PlayWant, Player};
pub use program::*;
pub use query::{QUERIES, QueryKind, QueryMeta};
pub use record::record;
pub use statement::{STATEMENTS, StatementKind, StatementMeta};
pub use syntax::{FIELDS, Line, LineKind, Loader, NoFiles, SyntaxError, lines, mbox, parse, undefined_names};
pub use transcript::{Described, write_transcripts};
pub use value::Value;

//! The `.ehlo` notation, without I/O: reading scripts, comparing what comes with what they expect, running them as a
//! machine that says what it wants done, formatting them, and writing dialogues down in it.

mod function;
mod machine;
mod pattern;
mod program;
mod query;
mod statement;
mod syntax;
mod transcript;
mod value;

pub use function::{FUNCTIONS, Function};
pub use machine::{Arrived, Ending, Input, Machine, PreparedConn, Ran, Setup, Want};
pub use program::*;
pub use query::{QUERIES, QueryKind, QueryMeta};
pub use statement::{STATEMENTS, StatementKind, StatementMeta};
pub use syntax::{FIELDS, Line, LineKind, Loader, NoFiles, SyntaxError, lines, mbox, parse, undefined_names};
pub use transcript::{Described, write_transcripts};
pub use value::Value;

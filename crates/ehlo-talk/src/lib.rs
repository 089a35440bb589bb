//! The console without I/O: typed lines, replies and moments go in; what to send, what to show and what to ask for
//! come out.
//!
//! [`Console`] is the state machine. [`Context`] is a snapshot of what it knows, from which a line that is being typed
//! is judged: its [hints](Context::hints), its completions, where it holds a secret. What is shown is data ([`Show`]);
//! the words are looked up by whoever shows it.

mod caps;
mod command;
mod complete;
mod console;
mod context;
mod encoded;
mod guard;
mod hint;
mod message;
mod show;
mod tag;
mod verbs;

pub use caps::{Cap, changes};
pub use command::{COMMANDS, CommandMeta};
pub use complete::Completion;
pub use console::learn::{LESSONS, LessonMeta, Step};
pub use console::{Arrived, Console, Do, Hidden, Settings, Statement, View};
pub use context::Context;
pub use encoded::{decode, encode};
pub use hint::Hint;
pub use show::{Show, Shown};
pub use tag::{has_tag, tagged};
pub use verbs::{Verb, verbs};

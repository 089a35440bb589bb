//! The `.ehlo` notation without I/O. It begins with its last step: writing what happened, so that a dialogue can be
//! read by a person and, later, played again.

mod transcript;

pub use transcript::{Described, write_transcripts};

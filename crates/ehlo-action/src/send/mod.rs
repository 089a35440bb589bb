//! Sends messages: the engine of `ehlo send`. Messages are composed or read ([`Composition`], [`eml`]), measured, held
//! against what the server offers, and sent in transactions; each recipient gets its own verdict.

mod address;
mod commands;
mod compose;
mod connect;
mod dkim;
pub mod eml;
mod engine;
mod message;
mod options;
mod proxy;
mod rehearsal;
mod remarks;
mod transaction;

pub use address::{AddressProblem, Mailbox, domain, mailbox, mailboxes};
pub use compose::{Attachment, Composition, Field, FieldProblem, TOKEN_FIELD};
pub use dkim::{KeyProblem, Signer};
pub use engine::run;
pub(crate) use message::PORTION;
pub use message::{Encoding, Measured, Message, MessageReader, Piece, Source, Spool};
pub use options::{BodyKind, Parameters, SendOptions, SizeWish, TlsWish, Wish};
pub use proxy::Proxy;
pub use rehearsal::{Rehearsed, rehearse};
pub use remarks::{differences, oddities};

use std::io;

/// What is to be sent: the message of each number, from 1 on.
pub trait Messages: Send + Sync {
    /// The message of that number.
    ///
    /// # Errors
    /// What the system says about a file.
    fn message(&self, number: u64) -> io::Result<Message>;
}

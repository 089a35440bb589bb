use crate::console::learn::Step;
use crate::{Cap, Hint};
use ehlo_core::facts::{Answered, TlsFacts};
use ehlo_core::{CloseKind, Failure, Params, Protocol};
use ehlo_wire::Reply;
use std::time::Duration;

/// Something to show. Bytes are the peer's own, with secrets masked and nothing escaped yet.
#[derive(Clone, Debug)]
pub enum Show {
    /// What was sent, where that is not what was typed, or nobody saw it typed.
    Sent(Vec<u8>),
    /// A reply.
    Reply(Box<Shown>),
    /// Something that is to be said of a line.
    Hint(Hint),
    /// Something that happened, or that a command of the console answers: a key below `talk/note/`.
    Note {
        /// The key.
        id: &'static str,
        /// What stands in its places, escaped.
        params: Params,
    },
    /// TLS is on.
    Tls(Box<TlsFacts>),
    /// The certificates.
    Certificates(Box<TlsFacts>),
    /// What the server can do, each word explained.
    Capabilities {
        /// The list.
        list: Vec<Cap>,
        /// The timestamp of the greeting (POP3), escaped.
        stamp: Option<String>,
    },
    /// What a list has that the one before had not, and the other way round.
    Changed {
        /// What is new.
        added: Vec<Cap>,
        /// What is gone.
        removed: Vec<Cap>,
        /// Why: `tls`, `login`, `again`.
        why: &'static str,
    },
    /// All that is known about a text: the long form.
    Explain {
        /// What was said.
        text: String,
        /// The command that it answers.
        verb: String,
        /// What is spoken.
        protocol: Option<Protocol>,
    },
    /// Help: about one command, or the list of all.
    Help(Option<String>),
    /// A message as a person reads it.
    Message(Vec<u8>),
    /// The dialogue cannot go on.
    Failed(Failure),
    /// The server ended the connection.
    Closed {
        /// How.
        how: CloseKind,
        /// How long nothing had been said.
        idle: Duration,
        /// Whether it had announced that.
        announced: bool,
    },
    /// A step of a lesson.
    Step {
        /// The lesson.
        lesson: &'static str,
        /// The step.
        step: Step,
        /// Which one it is, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// Lines of text that stand for themselves, escaped.
    Lines(Vec<String>),
}

/// A reply as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its bytes, secrets masked.
    pub bytes: Vec<u8>,
    /// What it says.
    pub reply: Option<Reply>,
    /// How it takes the command that it answers.
    pub answered: Answered,
    /// The verb of that command; empty if it answers none.
    pub verb: String,
    /// How long it took; none for what came unasked.
    pub took: Option<Duration>,
    /// Whether an explanation is wanted.
    pub explain: bool,
}

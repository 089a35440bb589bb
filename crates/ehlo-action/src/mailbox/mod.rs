//! Looking into a mailbox, by POP3 or IMAP, behind the same verbs. Nothing is changed unless a verb says so: folders
//! are opened by EXAMINE and messages are read by BODY.PEEK.
//!
//! What is found goes to a [`Sink`] as it comes, so that neither a mailbox of a hundred thousand messages nor a message
//! of a gigabyte has to fit into memory.

mod imap;
mod items;
mod lookout;
mod pop3;
mod query;
mod read;
mod run;
mod watch;

pub use items::{Item, Sink};
pub use lookout::{Lookout, Sighted};
pub use query::{Query, QueryError, Term};
pub use run::{MailboxOptions, MailboxReport, Trouble, run};

use crate::send::Message;
use std::time::Duration;

/// What is done with a mailbox.
#[derive(Clone, Debug)]
pub enum Verb {
    /// Lists the folders.
    List,
    /// Lists messages.
    Ls(Page),
    /// Shows a message.
    Show {
        /// Which.
        which: Which,
        /// What of it.
        what: Shown,
    },
    /// Lists the messages that fit.
    Search(Query),
    /// Tells what happens in the folder.
    Watch(WatchFor),
    /// How much room there is.
    Quota,
    /// Who may do what.
    Rights,
    /// Changes flags.
    Flag {
        /// Of which messages.
        set: Which,
        /// These are set.
        add: Vec<String>,
        /// These are removed.
        remove: Vec<String>,
    },
    /// Moves messages.
    Move {
        /// Which.
        set: Which,
        /// Into which folder.
        to: String,
    },
    /// Copies messages.
    Copy {
        /// Which.
        set: Which,
        /// Into which folder.
        to: String,
    },
    /// Deletes messages.
    Delete {
        /// Which.
        set: Which,
    },
    /// Puts a message into the folder.
    Append {
        /// The message, read when it is sent.
        message: Message,
        /// Its name, for the report.
        name: String,
    },
    /// Makes a folder.
    Mkdir {
        /// Its name.
        name: String,
    },
    /// Renames a folder.
    Rename {
        /// Its name.
        from: String,
        /// The new one.
        to: String,
    },
}

impl Verb {
    /// Its word on the command line.
    pub fn id(&self) -> &'static str {
        match self {
            Verb::List => "list",
            Verb::Ls(_) => "ls",
            Verb::Show { .. } => "show",
            Verb::Search(_) => "search",
            Verb::Watch(_) => "watch",
            Verb::Quota => "quota",
            Verb::Rights => "rights",
            Verb::Flag { .. } => "flag",
            Verb::Move { .. } => "move",
            Verb::Copy { .. } => "copy",
            Verb::Delete { .. } => "delete",
            Verb::Append { .. } => "append",
            Verb::Mkdir { .. } => "mkdir",
            Verb::Rename { .. } => "rename",
        }
    }

    /// Whether it changes anything.
    pub fn changes(&self) -> bool {
        matches!(
            self,
            Verb::Flag { .. }
                | Verb::Move { .. }
                | Verb::Copy { .. }
                | Verb::Delete { .. }
                | Verb::Append { .. }
                | Verb::Mkdir { .. }
                | Verb::Rename { .. }
        )
    }
}

/// Which messages of a folder are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest, at most so many.
    Newest(u64),
    /// These.
    Set(Which),
    /// Every one.
    All,
}

/// Which messages: a set such as `3`, `1:20` or `90:*`, of numbers or of what names them in every session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    /// The set; by POP3's unique-ids it is one of them.
    pub set: String,
    /// Whether it holds UIDs (IMAP) or a unique-id (POP3) instead of message numbers.
    pub by_uid: bool,
}

/// What of a message is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Header and text, readable.
    Reading,
    /// The header, as it is.
    Header,
    /// The message, as it is.
    Raw,
    /// Its parts.
    Structure,
    /// One part, decoded; or as it is.
    Part {
        /// Its number.
        id: String,
        /// As it is, still in its transfer encoding.
        raw: bool,
    },
}

/// How long a folder is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchFor {
    /// How often one asks where the server does not tell by itself.
    pub interval: Duration,
    /// For how long; for ever if nothing is said.
    pub time: Option<Duration>,
    /// Until so many messages have come.
    pub count: Option<u64>,
}

//! What a mailbox holds, as plain data: folders, messages, parts, quotas, rights, and what was changed.
//!
//! All text of the server and of messages is escaped.

use serde::{Deserialize, Serialize};

/// A name or a header, readable, and as it went over the wire where that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readable {
    /// Decoded (RFC 2047, modified UTF-7), escaped.
    pub text: String,
    /// As sent, escaped; none if it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<String>,
}

impl Readable {
    /// `decoded`, which came as `wire`.
    pub fn new(decoded: &str, wire: &[u8]) -> Readable {
        let text = crate::escape(decoded.as_bytes());
        let wire = crate::escape(wire);
        Readable { wire: (wire != text).then_some(wire), text }
    }
}

/// A folder (IMAP), or the maildrop (POP3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Its name.
    pub name: Readable,
    /// What separates it from its folders; none for a flat name.
    pub delimiter: Option<String>,
    /// Its attributes, as sent.
    pub attributes: Vec<String>,
    /// What it is for, in lower case without backslash: `drafts`, `junk`, `sent` (RFC 6154); `inbox` for INBOX.
    pub special_use: Option<String>,
    /// Whether it can be opened.
    pub selectable: bool,
    /// How many messages it holds.
    pub messages: Option<u64>,
    /// How many of them are not seen.
    pub unseen: Option<u64>,
    /// How many bytes they take.
    pub size: Option<u64>,
    /// The UID that the next message will have, at least.
    pub uid_next: Option<u64>,
    /// While it stays the same, UIDs do (RFC 9051 §2.3.1.1).
    pub uid_validity: Option<u64>,
}

/// A message, in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageLine {
    /// Its number in this session.
    pub number: u64,
    /// What names it in later sessions as well: the UID (IMAP) or the unique-id (POP3).
    pub uid: Option<String>,
    /// When the server got it, RFC 3339.
    pub received: Option<String>,
    /// What its field `Date` says, RFC 3339.
    pub date: Option<String>,
    /// Who wrote it.
    pub from: Option<Readable>,
    /// To whom it goes.
    pub to: Option<Readable>,
    /// What it is about.
    pub subject: Option<Readable>,
    /// Its `Message-ID`.
    pub message_id: Option<String>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// Its flags, as sent; none where there are no flags (POP3).
    pub flags: Option<Vec<String>>,
    /// The names of its attachments; none if nobody said.
    pub attachments: Option<Vec<String>>,
}

/// A part of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number, as IMAP counts: `1`, `2.1`; empty for a multipart that is the whole message.
    pub id: String,
    /// How deep it lies.
    pub depth: usize,
    /// Media type and subtype, lower case.
    pub media: String,
    /// The charset, if it names one.
    pub charset: Option<String>,
    /// The transfer encoding, lower case.
    pub encoding: Option<String>,
    /// Octets, encoded.
    pub size: Option<u64>,
    /// The name of the file.
    pub name: Option<Readable>,
    /// `inline`, `attachment`, lower case.
    pub disposition: Option<String>,
}

impl Part {
    /// Whether it is a file that came along, and no text to be read at once.
    pub fn is_attachment(&self) -> bool {
        if self.media.starts_with("multipart/") {
            return false;
        }
        self.disposition.as_deref() == Some("attachment")
            || self.name.is_some()
            || !(self.media.starts_with("text/") || self.media.is_empty())
    }
}

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as sent.
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub value: Readable,
}

/// A message to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The line that a list would have.
    pub line: MessageLine,
    /// Its header, in order.
    pub header: Vec<Field>,
    /// Its parts, outer before inner.
    pub parts: Vec<Part>,
    /// The number of the part that `text` is of.
    pub text_part: Option<String>,
    /// Its text, each line escaped, lines joined by LF; none if it has none.
    pub text: Option<String>,
    /// Whether the text was HTML.
    pub was_html: bool,
    /// Whether more of the text follows than is shown, or more parts than are listed.
    pub cut: bool,
}

/// A quota (RFC 9208).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The quota root, escaped.
    pub root: String,
    /// `STORAGE` (units of 1024 octets), `MESSAGE`, and others.
    pub resource: String,
    /// What is used.
    pub used: u64,
    /// What is allowed.
    pub limit: u64,
}

/// Somebody's rights to a folder (RFC 4314).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Whose; none for those of the user who asks.
    pub who: Option<String>,
    /// The letters.
    pub rights: String,
}

/// Something that was changed, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What was to be done: `flag`, `move`, `copy`, `delete`, `append`, `mkdir`, `rename`.
    pub verb: String,
    /// To which messages or which folder, escaped.
    pub what: String,
    /// How far it came.
    pub state: ChangeState,
    /// The folder that things went into.
    pub folder: Option<String>,
    /// The UIDs that they have there, if the server says so (RFC 4315).
    pub new_uids: Option<String>,
    /// The flags of a message, after they were changed.
    pub flags: Option<Vec<String>>,
}

/// How far a change came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// It is done.
    Done,
    /// A POP3 server will do it when the session ends with QUIT (RFC 1939 §6), and not before.
    Pending,
    /// The messages are only marked `\Deleted`: without UIDPLUS, EXPUNGE would remove other messages as well.
    Marked,
    /// It was pending, and QUIT did not come through: nothing is changed.
    Lost,
}

impl ChangeState {
    /// The id in kebab-case, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            ChangeState::Done => "done",
            ChangeState::Pending => "pending",
            ChangeState::Marked => "marked",
            ChangeState::Lost => "lost",
        }
    }
}

/// Something that happened while a mailbox was watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happening {
    /// It is being watched from here on.
    Watching {
        /// `idle`, or `polling` where the server cannot tell by itself.
        by: String,
        /// How many messages there are.
        messages: u64,
    },
    /// A message has come.
    Arrived {
        /// Which.
        message: Box<MessageLine>,
    },
    /// A message is gone.
    Gone {
        /// The number that it had (IMAP), or none.
        number: Option<u64>,
        /// Its unique-id (POP3).
        uid: Option<String>,
    },
    /// The flags of a message have changed.
    Flags {
        /// Which.
        number: u64,
        /// Its flags now.
        flags: Vec<String>,
    },
}

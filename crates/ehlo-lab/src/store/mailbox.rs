use super::Message;

/// The folders that an account has from the beginning, with their special use (RFC 6154 §2).
pub(crate) const SPECIAL_USE: &[(&str, &str)] = &[
    ("Archive", "\\Archive"),
    ("Drafts", "\\Drafts"),
    ("Junk", "\\Junk"),
    ("Sent", "\\Sent"),
    ("Trash", "\\Trash"),
];

/// A folder.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) validity: u32,
    pub(crate) next_uid: u32,
    /// Messages with smaller identifiers were announced as recent to somebody (RFC 3501 §2.3.2).
    pub(crate) recent_from: u32,
    pub(crate) messages: Vec<Message>,
}

impl Mailbox {
    pub(crate) fn new(validity: u32) -> Mailbox {
        Mailbox { validity, next_uid: 1, recent_from: 1, messages: Vec::new() }
    }

    /// Adds a message and yields its identifier.
    pub(crate) fn append(&mut self, mut message: Message) -> u32 {
        message.uid = self.next_uid;
        self.next_uid = self.next_uid.saturating_add(1);
        let uid = message.uid;
        self.messages.push(message);
        uid
    }

    pub(crate) fn by_uid(&self, uid: u32) -> Option<&Message> {
        self.messages.binary_search_by_key(&uid, |m| m.uid).ok().map(|at| &self.messages[at])
    }

    pub(crate) fn by_uid_mut(&mut self, uid: u32) -> Option<&mut Message> {
        self.messages.binary_search_by_key(&uid, |m| m.uid).ok().map(|at| &mut self.messages[at])
    }

    pub(crate) fn unseen(&self) -> usize {
        self.messages.iter().filter(|m| !m.has("\\Seen")).count()
    }
}

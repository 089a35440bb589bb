use super::{Attributes, Message};
use std::fmt::Debug;
use std::io;

/// Keeps mailboxes for good, behind the ones in memory.
///
/// Every call comes from the store, one at a time, *before* the change is made in memory and long before it is
/// acknowledged: an error leaves everything as it was. Mailbox names are text (not modified UTF-7), `/` separates
/// their parts. What is acknowledged must survive the sudden death of this process.
pub(crate) trait Keeper: Send + Debug {
    /// All mailboxes of an account, and what it is subscribed to. An account that nobody has seen has none.
    fn load(&mut self, account: &str) -> io::Result<KeptAccount>;
    /// Makes a mailbox.
    fn create(&mut self, account: &str, mailbox: &str, validity: u32) -> io::Result<()>;
    /// Takes a mailbox away, with all in it.
    fn delete(&mut self, account: &str, mailbox: &str) -> io::Result<()>;
    /// Gives a mailbox (not those below it) another name and another UIDVALIDITY. UIDs stay; the bodies of `messages`,
    /// which are all that are in it, may be elsewhere afterwards.
    fn rename(
        &mut self,
        account: &str,
        from: &str,
        to: &str,
        validity: u32,
        messages: &mut [Message],
    ) -> io::Result<()>;
    /// Keeps what the account is subscribed to.
    fn subscribe(&mut self, account: &str, names: &[String]) -> io::Result<()>;
    /// Keeps special use, rights and the like of a mailbox.
    fn describe(&mut self, account: &str, mailbox: &str, attributes: &Attributes) -> io::Result<()>;
    /// Keeps new messages, which have their UIDs; all or none. May put [`super::Body::File`] in place of the bytes.
    fn append(&mut self, account: &str, mailbox: &str, messages: &mut [Message]) -> io::Result<()>;
    /// Keeps the flags of a message; may change where its body is.
    fn flags(&mut self, account: &str, mailbox: &str, message: &mut Message) -> io::Result<()>;
    /// Takes messages away.
    fn remove(&mut self, account: &str, mailbox: &str, messages: &[&Message]) -> io::Result<()>;
    /// What other programs have done to a mailbox since it was last looked at; `known` is what the store knows of.
    /// Cheap if nothing happened.
    fn foreign(&mut self, account: &str, mailbox: &str, known: &[Message]) -> io::Result<Foreign>;
}

/// An account as it was kept.
#[derive(Debug, Default)]
pub(crate) struct KeptAccount {
    pub(crate) mailboxes: Vec<KeptMailbox>,
    /// None if that was never kept.
    pub(crate) subscribed: Option<Vec<String>>,
    /// The largest UIDVALIDITY that was ever given in it.
    pub(crate) validity: u32,
    /// The largest identifier of a mailbox or message that was ever given in it.
    pub(crate) serial: u64,
}

/// A mailbox as it was kept.
#[derive(Debug)]
pub(crate) struct KeptMailbox {
    pub(crate) name: String,
    pub(crate) validity: u32,
    pub(crate) next_uid: u32,
    /// The largest modification sequence that was ever given in it.
    pub(crate) modseq: u64,
    pub(crate) attributes: Attributes,
    /// In the order of their UIDs.
    pub(crate) messages: Vec<Message>,
}

/// What other programs have done to a mailbox.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    /// Messages that came, without UIDs: the store appends them by [`Keeper::append`], which leaves the files
    /// where they are.
    pub(crate) came: Vec<Message>,
    /// The UIDs of those that are gone.
    pub(crate) gone: Vec<u32>,
    /// Messages whose flags or places were changed.
    pub(crate) changed: Vec<Message>,
}

//! Mail: one set of mailboxes for each account, shared by all sessions; in memory, and behind that a [`Keeper`] if
//! it is to stay.

mod boxes;
mod keeper;
mod mailbox;
mod maildir;
mod message;

pub(crate) use boxes::{FlagChange, Mailboxes, Quota};
pub(crate) use keeper::{Foreign, Keeper, KeptAccount, KeptMailbox};
pub(crate) use mailbox::{Attributes, Mailbox, SPECIAL_USE};
pub(crate) use maildir::{Maildir, contents as folder_contents};
pub(crate) use message::Shown;
pub(crate) use message::with_crlf;
pub use message::{Body, Envelope, Message};

use crate::dates::rfc5322;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// All mailboxes of all accounts.
#[derive(Debug)]
pub struct Store {
    accounts: Mutex<BTreeMap<String, Mailboxes>>,
    shared: Shared,
    changed: watch::Sender<u64>,
    validity: u32,
}

/// What the mailboxes of all accounts have in common.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) keeper: Option<Arc<Mutex<Box<dyn Keeper>>>>,
    /// Bytes of messages in memory or in files, copies counted each.
    pub(crate) used: Arc<AtomicU64>,
    /// The most bytes.
    pub(crate) limit: u64,
    /// Gives identifiers of mailboxes, messages and conversations.
    pub(crate) serial: Arc<AtomicU64>,
}

/// Why something cannot be kept.
#[derive(Debug)]
pub enum StoreError {
    /// There is no such account.
    NoAccount,
    /// There is no such mailbox.
    NoMailbox,
    /// There is no more room in the store.
    Full,
    /// There is no more room for this account.
    OverQuota,
    /// The system did not do it.
    Failed(io::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::NoAccount => f.write_str("there is no such account"),
            StoreError::NoMailbox => f.write_str("there is no such mailbox"),
            StoreError::Full => f.write_str("the store is full"),
            StoreError::OverQuota => f.write_str("the mailboxes of the account are full"),
            StoreError::Failed(error) => write!(f, "the store failed: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                StoreError::Full
            }
            _ => StoreError::Failed(error),
        }
    }
}

/// A message that is to be delivered.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The reverse-path, without brackets.
    pub from: String,
    /// The recipients of this delivery, without brackets: those of this account, or those of other domains.
    pub to: Vec<String>,
    /// The message as it came, lines ended by CR LF.
    pub message: Vec<u8>,
    /// The trace field to put in front, without `Received:`.
    pub received: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

impl Delivered {
    fn envelope(&self) -> Arc<Envelope> {
        Arc::new(Envelope { from: self.from.clone(), to: self.to.clone() })
    }
}

impl Store {
    /// Empty mailboxes for `accounts`, in memory, without a limit.
    pub fn new<'a>(accounts: impl Iterator<Item = &'a str>, now: i64) -> Store {
        // Nothing is loaded, so nothing can fail.
        Store::open(accounts, now, u64::MAX, None).unwrap_or_else(|_| Store::bare(now, u64::MAX, None))
    }

    /// The mailboxes of `accounts`: as the keeper has them, or new ones.
    ///
    /// # Errors
    /// What the keeper cannot do.
    pub(crate) fn open<'a>(
        accounts: impl Iterator<Item = &'a str>,
        now: i64,
        limit: u64,
        keeper: Option<Box<dyn Keeper>>,
    ) -> Result<Store, StoreError> {
        let store = Store::bare(now, limit, keeper);
        for name in accounts {
            store.add_account(name)?;
        }
        Ok(store)
    }

    fn bare(now: i64, limit: u64, keeper: Option<Box<dyn Keeper>>) -> Store {
        Store {
            accounts: Mutex::new(BTreeMap::new()),
            shared: Shared {
                keeper: keeper.map(|k| Arc::new(Mutex::new(k))),
                used: Arc::new(AtomicU64::new(0)),
                limit,
                serial: Arc::new(AtomicU64::new(u64::try_from(now).unwrap_or(0) << 20)),
            },
            changed: watch::channel(0).0,
            validity: u32::try_from(now.rem_euclid(1 << 31)).unwrap_or(1).max(1),
        }
    }

    /// Makes the mailboxes of an account, unless they are there.
    ///
    /// # Errors
    /// What the keeper cannot do.
    pub fn add_account(&self, name: &str) -> Result<(), StoreError> {
        let mut accounts = self.lock();
        if !accounts.contains_key(name) {
            let boxes = Mailboxes::open(name, self.validity, self.shared.clone())?;
            accounts.insert(name.to_owned(), boxes);
        }
        Ok(())
    }

    /// Puts a message into the inbox of `account`.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn deliver(&self, account: &str, mail: &Delivered) -> Result<(), StoreError> {
        self.deliver_into(account, "INBOX", mail)
    }

    /// Puts a message into a mailbox of `account`, which is made if it is not there.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn deliver_into(&self, account: &str, mailbox: &str, mail: &Delivered) -> Result<(), StoreError> {
        let trace =
            format!("Return-Path: <{}>\r\nReceived: {}; {}\r\n", mail.from, mail.received, rfc5322(mail.at));
        let bytes = [trace.as_bytes(), &mail.message].concat();
        self.add(
            account,
            mailbox,
            Message { envelope: Some(mail.envelope()), ..Message::new(bytes, mail.at) },
        )
    }

    /// Keeps a message for another domain: it goes nowhere, but can be looked at.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn keep_outbound(
        &self,
        account: &str,
        recipients: &[String],
        mail: &Delivered,
    ) -> Result<(), StoreError> {
        let trace = format!(
            "X-Ehlo-Lab-Envelope-From: <{}>\r\nX-Ehlo-Lab-Envelope-To: <{}>\r\nReceived: {}; {}\r\n",
            mail.from,
            recipients.join(">, <"),
            mail.received,
            rfc5322(mail.at)
        );
        let bytes = [trace.as_bytes(), &mail.message].concat();
        let envelope = Envelope { from: mail.from.clone(), to: recipients.to_vec() };
        let message = Message { envelope: Some(Arc::new(envelope)), ..Message::new(bytes, mail.at) };
        self.add(account, "Outbound", message)
    }

    /// Puts a message as it is into a mailbox, which is made if it is not there.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn add(&self, account: &str, mailbox: &str, message: Message) -> Result<(), StoreError> {
        let added = self.with(account, |boxes| {
            boxes.create(mailbox, None)?;
            boxes.append(mailbox, vec![message]).map(drop)
        });
        self.announce();
        added.unwrap_or(Err(StoreError::NoAccount))
    }

    /// Tells when anything has changed.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Tells when anything of this account has changed.
    pub(crate) fn watch_account(&self, account: &str) -> Option<watch::Receiver<u64>> {
        self.with(account, |boxes| boxes.watch())
    }

    /// Works on the mailboxes of an account; none if there is no such account. Sessions of the account are told of
    /// what changed when the work is done.
    pub(crate) fn with<T>(&self, account: &str, work: impl FnOnce(&mut Mailboxes) -> T) -> Option<T> {
        let mut accounts = self.lock();
        let boxes = accounts.get_mut(account)?;
        let done = work(boxes);
        if boxes.tell() {
            self.announce();
        }
        Some(done)
    }

    /// Works on the mailboxes of two accounts, which may be the same: then the second is none.
    pub(crate) fn with_two<T>(
        &self,
        first: &str,
        second: &str,
        work: impl FnOnce(&mut Mailboxes, Option<&mut Mailboxes>) -> T,
    ) -> Option<T> {
        if first == second {
            return self.with(first, |boxes| work(boxes, None));
        }
        let mut accounts = self.lock();
        let (mut one, mut other) = (None, None);
        for (name, boxes) in accounts.iter_mut() {
            if name == first {
                one = Some(boxes);
            } else if name == second {
                other = Some(boxes);
            }
        }
        let (one, other) = (one?, other?);
        let done = work(one, Some(other));
        one.tell();
        other.tell();
        self.announce();
        Some(done)
    }

    /// Takes in what other programs have done to the mailboxes on the disk. What cannot be read now is looked at again
    /// the next time.
    pub(crate) fn look(&self) {
        for account in self.accounts() {
            self.with(&account, |boxes| {
                for name in boxes.folders.keys().cloned().collect::<Vec<_>>() {
                    let _ = boxes.look(&name);
                }
            });
        }
    }

    /// Whether other programs may change it.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.keeper.is_some()
    }

    pub(crate) fn announce(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    /// The names of all accounts that have mailboxes.
    pub fn accounts(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The most bytes of messages.
    pub(crate) fn limit(&self) -> u64 {
        self.shared.limit
    }

    /// Bytes of messages in the store.
    pub fn used(&self) -> u64 {
        self.shared.used.load(Ordering::Relaxed)
    }

    /// Gives the maildrop to a POP3 session; none while another one has it.
    pub(crate) fn lock_maildrop(self: &Arc<Self>, account: &str) -> Option<MaildropLock> {
        let free = self.with(account, |boxes| !std::mem::replace(&mut boxes.locked, true))?;
        free.then(|| MaildropLock { store: Arc::clone(self), account: account.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Mailboxes>> {
        // A session that panicked left no half-done work behind that would matter here.
        self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The right to a maildrop, given back when dropped.
#[derive(Debug)]
pub(crate) struct MaildropLock {
    store: Arc<Store>,
    account: String,
}

impl Drop for MaildropLock {
    fn drop(&mut self) {
        self.store.with(&self.account, |boxes| boxes.locked = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Delivered {
        Delivered {
            from: "a@b".into(),
            to: vec!["alice@lab.test".into()],
            message: text.as_bytes().to_vec(),
            received: "by lab.test".into(),
            at: 0,
        }
    }

    #[test]
    fn mail_is_there_at_once() {
        let store = Store::new(["alice"].into_iter(), 1_800_000_000);
        store.deliver("alice", &mail("Subject: x\r\n\r\nhi\r\n")).unwrap();
        assert!(matches!(store.deliver("nobody", &mail("")), Err(StoreError::NoAccount)));
        let text = store.with("alice", |b| b.folders["INBOX"].messages[0].body.read().unwrap()).unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        assert!(text.starts_with(
            "Return-Path: <a@b>\r\nReceived: by lab.test; Thu, 1 Jan 1970 00:00:00 +0000\r\nSubject: x"
        ));
    }

    #[test]
    fn a_maildrop_has_one_reader() {
        let store = Arc::new(Store::new(["alice"].into_iter(), 0));
        let lock = store.lock_maildrop("alice");
        assert!(lock.is_some() && store.lock_maildrop("alice").is_none());
        drop(lock);
        assert!(store.lock_maildrop("alice").is_some());
    }

    #[test]
    fn validities_are_never_used_twice() {
        let store = Store::new(["alice"].into_iter(), 5);
        store.with("alice", |b| {
            b.create("x", None).unwrap();
            let first = b.folders["x"].validity;
            b.delete("x").unwrap();
            b.create("x", None).unwrap();
            assert_ne!(b.folders["x"].validity, first);
        });
    }

    #[test]
    fn a_store_has_an_end() {
        let store = Store::open(["alice"].into_iter(), 5, 300, None).unwrap();
        store.deliver("alice", &mail(&"x".repeat(100))).unwrap();
        assert!(matches!(store.deliver("alice", &mail(&"x".repeat(100))), Err(StoreError::Full)));
        store.with("alice", |b| b.remove("INBOX", &[1])).unwrap().unwrap();
        assert_eq!(store.used(), 0);
        store.deliver("alice", &mail(&"x".repeat(100))).unwrap();
    }
}

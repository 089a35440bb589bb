//! Mail in memory: one set of mailboxes for each account, shared by all sessions.

mod mailbox;
mod message;

pub(crate) use mailbox::{Mailbox, SPECIAL_USE};
pub use message::Message;

use crate::dates::rfc5322;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// All mailboxes of all accounts.
#[derive(Debug)]
pub struct Store {
    accounts: Mutex<BTreeMap<String, Mailboxes>>,
    changed: watch::Sender<u64>,
}

/// The mailboxes of one account.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    /// By name, as text (not modified UTF-7).
    pub(crate) folders: BTreeMap<String, Mailbox>,
    pub(crate) subscribed: Vec<String>,
    next_validity: u32,
    /// Whether a POP3 session has the maildrop (RFC 1939 §4).
    locked: bool,
}

/// A message that is to be delivered.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The reverse-path, without brackets.
    pub from: String,
    /// The message as it came, lines ended by CR LF.
    pub message: Vec<u8>,
    /// The trace field to put in front, without `Received:`.
    pub received: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

impl Store {
    /// Empty mailboxes for `accounts`.
    pub fn new<'a>(accounts: impl Iterator<Item = &'a str>, now: i64) -> Store {
        let validity = u32::try_from(now.rem_euclid(1 << 31)).unwrap_or(1).max(1);
        let accounts = accounts.map(|name| (name.to_owned(), Mailboxes::new(validity))).collect();
        Store { accounts: Mutex::new(accounts), changed: watch::channel(0).0 }
    }

    /// Puts a message into the inbox of `account`; whether there is such an account.
    pub fn deliver(&self, account: &str, mail: &Delivered) -> bool {
        let trace =
            format!("Return-Path: <{}>\r\nReceived: {}; {}\r\n", mail.from, mail.received, rfc5322(mail.at));
        let bytes = [trace.as_bytes(), &mail.message].concat();
        self.add(account, "INBOX", Message::new(bytes, mail.at))
    }

    /// Keeps a message for another domain: it goes nowhere, but can be looked at.
    pub fn keep_outbound(&self, account: &str, recipients: &[String], mail: &Delivered) -> bool {
        let trace = format!(
            "X-Ehlo-Lab-Envelope-From: <{}>\r\nX-Ehlo-Lab-Envelope-To: <{}>\r\nReceived: {}; {}\r\n",
            mail.from,
            recipients.join(">, <"),
            mail.received,
            rfc5322(mail.at)
        );
        let bytes = [trace.as_bytes(), &mail.message].concat();
        self.add(account, "Outbound", Message::new(bytes, mail.at))
    }

    /// Tells when anything has changed.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn with<T>(&self, account: &str, work: impl FnOnce(&mut Mailboxes) -> T) -> Option<T> {
        let mut accounts = self.lock();
        accounts.get_mut(account).map(work)
    }

    pub(crate) fn announce(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    /// Gives the maildrop to a POP3 session; none while another one has it.
    pub(crate) fn lock_maildrop(self: &Arc<Self>, account: &str) -> Option<MaildropLock> {
        let free = self.with(account, |boxes| !std::mem::replace(&mut boxes.locked, true))?;
        free.then(|| MaildropLock { store: Arc::clone(self), account: account.to_owned() })
    }

    fn add(&self, account: &str, folder: &str, message: Message) -> bool {
        let added = self.with(account, |boxes| {
            boxes.create(folder);
            if let Some(mailbox) = boxes.folders.get_mut(folder) {
                mailbox.append(message);
            }
        });
        self.announce();
        added.is_some()
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

impl Mailboxes {
    fn new(validity: u32) -> Mailboxes {
        let mut boxes = Mailboxes {
            folders: BTreeMap::new(),
            subscribed: Vec::new(),
            next_validity: validity,
            locked: false,
        };
        boxes.create("INBOX");
        for (name, _) in SPECIAL_USE {
            boxes.create(name);
            boxes.subscribed.push((*name).to_owned());
        }
        boxes
    }

    /// Makes a folder; whether it is new. A validity is never used twice, so that a folder that was deleted and made
    /// again cannot be taken for the old one (RFC 9051 §2.3.1.1).
    pub(crate) fn create(&mut self, name: &str) -> bool {
        if self.folders.contains_key(name) {
            return false;
        }
        self.folders.insert(name.to_owned(), Mailbox::new(self.next_validity));
        self.next_validity = self.next_validity.wrapping_add(1).max(1);
        true
    }

    /// Moves a folder and those below it to another name.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let below = format!("{from}/");
        let names: Vec<String> =
            self.folders.keys().filter(|n| *n == from || n.starts_with(&below)).cloned().collect();
        for name in names {
            if let Some(mut mailbox) = self.folders.remove(&name) {
                mailbox.validity = self.next_validity;
                self.next_validity = self.next_validity.wrapping_add(1).max(1);
                self.folders.insert(format!("{to}{}", &name[from.len()..]), mailbox);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Delivered {
        Delivered {
            from: "a@b".into(),
            message: text.as_bytes().to_vec(),
            received: "by lab.test".into(),
            at: 0,
        }
    }

    #[test]
    fn mail_is_there_at_once() {
        let store = Store::new(["alice"].into_iter(), 1_800_000_000);
        assert!(store.deliver("alice", &mail("Subject: x\r\n\r\nhi\r\n")));
        assert!(!store.deliver("nobody", &mail("")));
        let text = store.with("alice", |b| b.folders["INBOX"].messages[0].bytes.to_vec()).unwrap();
        let text = String::from_utf8(text).unwrap();
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
            b.create("x");
            let first = b.folders["x"].validity;
            b.folders.remove("x");
            b.create("x");
            assert_ne!(b.folders["x"].validity, first);
        });
    }
}

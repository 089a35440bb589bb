use super::{Attributes, Keeper, Mailbox, Message, SPECIAL_USE, Shared, StoreError};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// The mailboxes of one account.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    account: String,
    /// By name, as text (not modified UTF-7). Changed through the methods only: they keep what is changed.
    pub(crate) folders: BTreeMap<String, Mailbox>,
    pub(crate) subscribed: Vec<String>,
    next_validity: u32,
    /// Whether a POP3 session has the maildrop (RFC 1939 §4).
    pub(super) locked: bool,
    pub(crate) quota: Quota,
    /// Identifiers of conversations by the hash of a Message-ID that belongs to one.
    threads: BTreeMap<u64, u64>,
    /// Whether they hold what was kept, too.
    threads_read: bool,
    shared: Shared,
    changed: watch::Sender<u64>,
    dirty: bool,
}

/// How much an account may hold; none is no limit (RFC 9208 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quota {
    /// In units of 1024 octets.
    pub(crate) storage: Option<u64>,
    pub(crate) messages: Option<u64>,
}

/// What is to become of the flags of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FlagChange<'a> {
    Set(&'a [String]),
    Add(&'a [String]),
    Remove(&'a [String]),
}

impl Mailboxes {
    /// As the keeper has them, or new ones.
    pub(super) fn open(account: &str, validity: u32, shared: Shared) -> Result<Mailboxes, StoreError> {
        let mut boxes = Mailboxes {
            account: account.to_owned(),
            folders: BTreeMap::new(),
            subscribed: Vec::new(),
            next_validity: validity,
            locked: false,
            quota: Quota::default(),
            threads: BTreeMap::new(),
            threads_read: false,
            shared,
            changed: watch::channel(0).0,
            dirty: false,
        };
        let kept = boxes.keep(|keeper, account| keeper.load(account))?.unwrap_or_default();
        boxes.next_validity = validity.max(kept.validity.wrapping_add(1).max(1));
        boxes.shared.serial.fetch_max(kept.serial.saturating_add(1), Ordering::Relaxed);
        for mailbox in kept.mailboxes {
            let mut messages = mailbox.messages;
            for message in &mut messages {
                boxes.shared.used.fetch_add(message.body.len() as u64, Ordering::Relaxed);
                boxes.identify(message);
            }
            let attributes = mailbox.attributes;
            boxes.shared.serial.fetch_max(attributes.id.saturating_add(1), Ordering::Relaxed);
            let made =
                Mailbox::kept(mailbox.validity, mailbox.next_uid, mailbox.modseq, attributes, messages);
            boxes.folders.insert(mailbox.name, made);
        }
        boxes.create("INBOX", None)?;
        // Subscriptions are kept last: without them the account is new, or its first start came to a sudden end.
        if kept.subscribed.is_none() {
            for (name, special_use) in SPECIAL_USE {
                if !boxes.create(name, Some(special_use))? {
                    let known = boxes.folders.get(*name).map(|m| m.attributes.clone()).unwrap_or_default();
                    let special_use = known.special_use.clone().or(Some((*special_use).to_owned()));
                    boxes.describe(name, Attributes { special_use, ..known })?;
                }
            }
        }
        for name in boxes.folders.keys().cloned().collect::<Vec<_>>() {
            if let Some(known) = boxes.folders.get(&name).map(|m| m.attributes.clone()).filter(|a| a.id == 0)
            {
                let attributes = Attributes { id: boxes.serial(), ..known };
                match boxes.describe(&name, attributes.clone()) {
                    Err(StoreError::Full) => {
                        boxes.folders.entry(name.clone()).and_modify(|m| m.attributes = attributes);
                    }
                    done => done?,
                }
            }
            match boxes.look(&name) {
                // What came from elsewhere waits until there is room again.
                Ok(()) | Err(StoreError::Full) => {}
                Err(error) => return Err(error),
            }
        }
        match kept.subscribed {
            Some(names) => boxes.subscribed = names,
            None => {
                let names = SPECIAL_USE.iter().map(|(name, _)| (*name).to_owned()).collect();
                boxes.set_subscribed(names)?;
            }
        }
        Ok(boxes)
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Wakes the sessions of the account, if there is anything to tell; whether there was.
    pub(super) fn tell(&mut self) -> bool {
        let told = std::mem::take(&mut self.dirty);
        if told {
            self.changed.send_modify(|n| *n += 1);
        }
        told
    }

    /// Makes a folder; whether it is new. A validity is never used twice, so that a folder that was deleted and made
    /// again cannot be taken for the old one (RFC 9051 §2.3.1.1).
    pub(crate) fn create(&mut self, name: &str, special_use: Option<&str>) -> Result<bool, StoreError> {
        if self.folders.contains_key(name) {
            return Ok(false);
        }
        let validity = self.validity();
        let attributes = Attributes {
            special_use: special_use.map(str::to_owned),
            id: self.serial(),
            ..Attributes::default()
        };
        self.keep(|keeper, account| {
            keeper.create(account, name, validity)?;
            keeper.describe(account, name, &attributes).inspect_err(|_| {
                // All or nothing; what cannot be taken back is finished by the next start.
                let _ = keeper.delete(account, name);
            })
        })?;
        self.folders.insert(name.to_owned(), Mailbox::new(validity, attributes));
        self.dirty = true;
        Ok(true)
    }

    /// Takes a folder away, with all in it.
    pub(crate) fn delete(&mut self, name: &str) -> Result<(), StoreError> {
        if !self.folders.contains_key(name) {
            return Err(StoreError::NoMailbox);
        }
        self.keep(|keeper, account| keeper.delete(account, name))?;
        if let Some(mailbox) = self.folders.remove(name) {
            self.shared.used.fetch_sub(mailbox.size(), Ordering::Relaxed);
        }
        self.dirty = true;
        Ok(())
    }

    /// Moves a folder and those below it to another name.
    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        let below = format!("{from}/");
        let names: Vec<String> =
            self.folders.keys().filter(|n| *n == from || n.starts_with(&below)).cloned().collect();
        for name in names {
            let validity = self.validity();
            let target = format!("{to}{}", &name[from.len()..]);
            if let Some(keeper) = &self.shared.keeper {
                let mailbox = self.folders.get_mut(&name).ok_or(StoreError::NoMailbox)?;
                locked(keeper).rename(&self.account, &name, &target, validity, &mut mailbox.messages)?;
            }
            if let Some(mut mailbox) = self.folders.remove(&name) {
                mailbox.validity = validity;
                self.folders.insert(target, mailbox);
            }
        }
        self.dirty = true;
        Ok(())
    }

    /// Says what the account is subscribed to.
    pub(crate) fn set_subscribed(&mut self, names: Vec<String>) -> Result<(), StoreError> {
        self.keep(|keeper, account| keeper.subscribe(account, &names))?;
        self.subscribed = names;
        Ok(())
    }

    /// Changes special use or rights of a folder.
    pub(crate) fn describe(&mut self, name: &str, attributes: Attributes) -> Result<(), StoreError> {
        self.keep(|keeper, account| keeper.describe(account, name, &attributes))?;
        self.folders.get_mut(name).ok_or(StoreError::NoMailbox)?.attributes = attributes;
        self.dirty = true;
        Ok(())
    }

    /// Puts messages into a folder, all or none, and yields their identifiers. One that has an identifier of its
    /// content keeps it: it is a copy.
    pub(crate) fn append(&mut self, name: &str, messages: Vec<Message>) -> Result<Vec<u32>, StoreError> {
        let size: u64 = messages.iter().map(|m| m.body.len() as u64).sum();
        self.has_room(size, messages.len())?;
        self.put(name, messages)
    }

    fn put(&mut self, name: &str, mut messages: Vec<Message>) -> Result<Vec<u32>, StoreError> {
        let size: u64 = messages.iter().map(|m| m.body.len() as u64).sum();
        for message in &mut messages {
            self.identify(message);
        }
        let mailbox = self.folders.get_mut(name).ok_or(StoreError::NoMailbox)?;
        let (first, modseq) = (mailbox.next_uid, mailbox.modseq + 1);
        for (uid, message) in (first..).zip(&mut messages) {
            message.uid = uid;
            message.modseq = modseq;
        }
        if let Some(keeper) = &self.shared.keeper {
            locked(keeper).append(&self.account, name, &mut messages)?;
        }
        let uids: Vec<u32> = messages.iter().map(|m| m.uid).collect();
        mailbox.modseq = modseq;
        mailbox.next_uid = uids.last().map_or(first, |last| last.saturating_add(1));
        for message in &messages {
            mailbox.note_keywords(&message.flags);
        }
        mailbox.messages.append(&mut messages);
        self.shared.used.fetch_add(size, Ordering::Relaxed);
        self.dirty = true;
        Ok(uids)
    }

    /// Changes the flags of a message; whether that changed anything.
    pub(crate) fn flag(&mut self, name: &str, uid: u32, change: &FlagChange<'_>) -> Result<bool, StoreError> {
        let mailbox = self.folders.get_mut(name).ok_or(StoreError::NoMailbox)?;
        let Some(at) = mailbox.at(uid) else { return Ok(false) };
        let mut message = mailbox.messages[at].clone();
        let changed = match change {
            FlagChange::Set(flags) => {
                let same = flags.len() == message.flags.len() && flags.iter().all(|f| message.has(f));
                message.flags.retain(|f| flags.iter().any(|g| g.eq_ignore_ascii_case(f)));
                for flag in *flags {
                    message.set(flag, true);
                }
                !same
            }
            FlagChange::Add(flags) => flags.iter().filter(|flag| message.set(flag, true)).count() > 0,
            FlagChange::Remove(flags) => flags.iter().filter(|flag| message.set(flag, false)).count() > 0,
        };
        if !changed {
            return Ok(false);
        }
        message.modseq = mailbox.modseq + 1;
        if let Some(keeper) = &self.shared.keeper {
            locked(keeper).flags(&self.account, name, &mut message)?;
        }
        mailbox.modseq = message.modseq;
        mailbox.note_keywords(&message.flags);
        mailbox.messages[at] = message;
        self.dirty = true;
        Ok(true)
    }

    /// Takes messages away for good.
    pub(crate) fn remove(&mut self, name: &str, uids: &[u32]) -> Result<(), StoreError> {
        let mailbox = self.folders.get_mut(name).ok_or(StoreError::NoMailbox)?;
        let mut gone: Vec<u32> = uids.iter().copied().filter(|&uid| mailbox.at(uid).is_some()).collect();
        gone.sort_unstable();
        gone.dedup();
        if gone.is_empty() {
            return Ok(());
        }
        let messages: Vec<&Message> = gone.iter().filter_map(|&uid| mailbox.by_uid(uid)).collect();
        let size: u64 = messages.iter().map(|m| m.body.len() as u64).sum();
        if let Some(keeper) = &self.shared.keeper {
            locked(keeper).remove(&self.account, name, &messages)?;
        }
        mailbox.forget(&gone);
        self.shared.used.fetch_sub(size, Ordering::Relaxed);
        self.dirty = true;
        Ok(())
    }

    /// Takes in what other programs have done to a folder.
    pub(crate) fn look(&mut self, name: &str) -> Result<(), StoreError> {
        let Some(mailbox) = self.folders.get(name) else { return Err(StoreError::NoMailbox) };
        let Some(keeper) = self.shared.keeper.clone() else { return Ok(()) };
        let found = locked(&keeper).foreign(&self.account, name, &mailbox.messages)?;
        if let Some(mailbox) = self.folders.get_mut(name) {
            for mut changed in found.changed {
                let Some(at) = mailbox.at(changed.uid) else { continue };
                let flags = mailbox.messages[at].flags != changed.flags;
                changed.modseq = if flags { mailbox.next_modseq() } else { mailbox.messages[at].modseq };
                mailbox.note_keywords(&changed.flags);
                mailbox.messages[at] = changed;
                self.dirty |= flags;
            }
            if !found.gone.is_empty() {
                let size: u64 = found
                    .gone
                    .iter()
                    .filter_map(|&uid| mailbox.by_uid(uid))
                    .map(|m| m.body.len() as u64)
                    .sum();
                let mut gone = found.gone;
                gone.sort_unstable();
                mailbox.forget(&gone);
                self.shared.used.fetch_sub(size, Ordering::Relaxed);
                self.dirty = true;
            }
        }
        if !found.came.is_empty() {
            // They are there, whether there is room for them or not.
            self.put(name, found.came)?;
        }
        Ok(())
    }

    /// What the account holds: units of 1024 octets, and messages.
    pub(crate) fn usage(&self) -> (u64, u64) {
        let size: u64 = self.folders.values().map(Mailbox::size).sum();
        (size.div_ceil(1024), self.folders.values().map(|m| m.messages.len() as u64).sum())
    }

    /// Whether so many bytes and messages more would fit.
    pub(crate) fn has_room(&self, size: u64, messages: usize) -> Result<(), StoreError> {
        if self.shared.used.load(Ordering::Relaxed).saturating_add(size) > self.shared.limit {
            return Err(StoreError::Full);
        }
        if self.quota != Quota::default() {
            let (storage, count) = self.usage();
            let over = |limit: Option<u64>, wanted: u64| limit.is_some_and(|limit| wanted > limit);
            if over(self.quota.storage, storage + size.div_ceil(1024))
                || over(self.quota.messages, count + messages as u64)
            {
                return Err(StoreError::OverQuota);
            }
        }
        Ok(())
    }

    fn validity(&mut self) -> u32 {
        let validity = self.next_validity;
        self.next_validity = validity.wrapping_add(1).max(1);
        validity
    }

    fn serial(&self) -> u64 {
        self.shared.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives a message the identifiers of its content and of its conversation.
    fn identify(&mut self, message: &mut Message) {
        if message.email_id != 0 {
            return;
        }
        message.email_id = self.serial();
        let ids = message.body.read().map(|bytes| conversation(&bytes)).unwrap_or_default();
        if ids.len() > 1 && !self.threads_read {
            // The first answer since the start: whatever it answers may have been kept.
            self.threads_read = true;
            for kept in self.folders.values().flat_map(|m| &m.messages) {
                for id in kept.body.read().map(|bytes| conversation(&bytes)).unwrap_or_default() {
                    self.threads.entry(id).or_insert(kept.thread_id);
                }
            }
        }
        let known = ids.iter().find_map(|id| self.threads.get(id).copied());
        message.thread_id = known.unwrap_or(message.email_id);
        for id in ids {
            self.threads.entry(id).or_insert(message.thread_id);
        }
    }

    fn keep<T>(
        &self,
        work: impl FnOnce(&mut dyn Keeper, &str) -> io::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        match &self.shared.keeper {
            None => Ok(None),
            Some(keeper) => Ok(Some(work(&mut **locked(keeper), &self.account)?)),
        }
    }
}

fn locked(
    keeper: &std::sync::Arc<std::sync::Mutex<Box<dyn Keeper>>>,
) -> std::sync::MutexGuard<'_, Box<dyn Keeper>> {
    keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Hashes of the message identifiers that place a message in a conversation: its own first, then what it refers to.
fn conversation(bytes: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    let mut wanted = false;
    for line in bytes.split(|&b| b == b'\n').take(1000) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|&b| b == b':').next().unwrap_or_default();
            wanted = [&b"message-id"[..], b"in-reply-to", b"references"]
                .iter()
                .any(|field| name.trim_ascii().eq_ignore_ascii_case(field));
        }
        let mut rest = line;
        while wanted && found.len() < 100 {
            let Some(from) = rest.iter().position(|&b| b == b'<') else { break };
            let Some(to) = rest[from..].iter().position(|&b| b == b'>') else { break };
            let mut hasher = DefaultHasher::new();
            rest[from..=from + to].hash(&mut hasher);
            found.push(hasher.finish());
            rest = &rest[from + to + 1..];
        }
    }
    found
}

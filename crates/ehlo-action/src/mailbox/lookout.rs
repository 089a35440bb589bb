//! Looking out for one message: it is found by a field of its header, in whichever folder it lands, and can be removed
//! again. For whoever has sent it and wants to see it arrive.

use super::imap::Imap;
use super::pop3::Pop3;
use super::run::{Mailbox, Opening, until};
use super::{Item, MailboxOptions, Sink, Trouble};
use crate::session::Target;
use ehlo_core::Transcript;
use ehlo_core::mailbox::{ChangeState, Folder, Readable};
use ehlo_dialogue::Clock;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Of a message that is larger, only the beginning is kept.
const LARGEST: usize = 64 << 20;
/// Of a maildrop that is fuller than this, only so many unique-ids are told apart.
const MOST_KNOWN: usize = 1_000_000;

/// Watches the folders of a mailbox for single messages.
pub struct Lookout<'a> {
    target: &'a Target,
    options: MailboxOptions,
    clock: Clock,
    deadline: Instant,
    /// None between two sessions of POP3.
    mailbox: Option<Mailbox>,
    folders: Vec<Folder>,
    /// How many messages the first of them held when it was looked into.
    seen: u64,
    transcripts: Vec<Transcript>,
    /// Folder and UID of what was found already.
    found: HashSet<(String, String)>,
    /// The unique-ids of a maildrop that need no second look.
    looked_at: HashSet<String>,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// The folder that it is in.
    pub folder: Readable,
    /// What that folder is for, as in [`Folder::special_use`].
    pub special_use: Option<String>,
    /// Its UID (IMAP) or unique-id (POP3).
    pub uid: Option<String>,
    /// When it was seen.
    pub seen: Instant,
    /// All of it, as it is there; of a very large one the beginning.
    pub message: Vec<u8>,
}

impl<'a> Lookout<'a> {
    /// Opens the mailbox, so that the time that takes is over before anything is sent.
    ///
    /// # Errors
    /// What kept it from being opened, with the dialogues.
    pub async fn open(
        target: &'a Target,
        options: &MailboxOptions,
    ) -> Result<Lookout<'a>, (Trouble, Vec<Transcript>)> {
        let options = options.fitted();
        let deadline = Instant::now() + options.limits().total;
        let mut lookout = Lookout {
            target,
            options,
            clock: Clock::start(),
            deadline,
            mailbox: None,
            folders: Vec::new(),
            seen: 0,
            transcripts: Vec::new(),
            found: HashSet::new(),
            looked_at: HashSet::new(),
        };
        let begun = async {
            lookout.mailbox = Some(lookout.session().await?);
            if let Some(Mailbox::Imap(imap)) = &mut lookout.mailbox {
                let mut found = Collected::default();
                Box::pin(imap.list(&mut found)).await?;
                lookout.folders = found.folders.into_iter().filter(|folder| folder.selectable).collect();
                // The inbox first: that is where mail is expected.
                lookout.folders.sort_by_key(|folder| folder.special_use.as_deref() != Some("inbox"));
            }
            Ok(())
        };
        match begun.await {
            Ok(()) => Ok(lookout),
            Err(trouble) => Err((trouble, lookout.close().await)),
        }
    }

    async fn session(&mut self) -> Result<Mailbox, Trouble> {
        // Of many sessions that look alike the first and the last are enough.
        self.transcripts.truncate(2);
        let opening = Opening {
            target: self.target,
            options: &self.options,
            clock: self.clock,
            deadline: self.deadline,
        };
        Box::pin(opening.open(&mut self.transcripts)).await
    }

    /// Looks once into every folder for messages whose field `field` holds `token`.
    ///
    /// # Errors
    /// The session is over, or something was refused.
    pub async fn look(&mut self, field: &str, token: &str) -> Result<Vec<Sighted>, Trouble> {
        self.found.clear();
        self.looked_at.clear();
        self.fresh(field, token).await
    }

    /// Looks once into every folder for messages whose field `field` holds `token`, and that were not found before. The
    /// token must be new: a message of a maildrop that was looked at once is not looked at again.
    ///
    /// # Errors
    /// As [`Lookout::look`].
    pub async fn fresh(&mut self, field: &str, token: &str) -> Result<Vec<Sighted>, Trouble> {
        let found = self.unseen(field, token).await?;
        for one in &found {
            self.found.insert((one.folder.text.clone(), one.uid.clone().unwrap_or_default()));
        }
        Ok(found)
    }

    async fn unseen(&mut self, field: &str, token: &str) -> Result<Vec<Sighted>, Trouble> {
        let mailbox = match self.mailbox.take() {
            Some(mailbox) => mailbox,
            None => self.session().await?,
        };
        match mailbox {
            Mailbox::Imap(mut imap) => {
                let found =
                    Box::pin(imap.sighted(&self.folders, &mut self.seen, field, token, &self.found)).await;
                self.mailbox = Some(Mailbox::Imap(imap));
                found
            }
            Mailbox::Pop3(mut pop3) => {
                let found = Box::pin(pop3.sighted(field, token, &mut self.looked_at)).await;
                // A session sees nothing that comes while it lasts, so the next look has one of its own.
                self.transcripts.push(Box::pin(pop3.finish(&mut Collected::default())).await.0);
                found
            }
        }
    }

    /// Looks until something is found or `end` has come, every `interval`; a server with IDLE tells by itself when
    /// something comes into the inbox, so that it is seen at once there.
    ///
    /// # Errors
    /// As [`Lookout::look`].
    pub async fn wait(
        &mut self,
        field: &str,
        token: &str,
        interval: Duration,
        end: Instant,
    ) -> Result<Vec<Sighted>, Trouble> {
        loop {
            let found = self.look(field, token).await?;
            if !found.is_empty() || Instant::now() >= end {
                return Ok(found);
            }
            self.pause(until(interval).min(end), &Notify::new()).await?;
        }
    }

    /// Waits until `wake`, until something comes into the inbox, if the server tells, or until `stop`.
    ///
    /// # Errors
    /// The session is over, or something was refused.
    pub async fn pause(&mut self, wake: Instant, stop: &Notify) -> Result<(), Trouble> {
        match &mut self.mailbox {
            Some(Mailbox::Imap(imap)) if imap.has("IDLE") => {
                let inbox = self.folders.first().map_or("INBOX", |folder| &folder.name.text);
                Box::pin(imap.rest(inbox, self.seen, wake, stop)).await
            }
            _ => {
                tokio::select! {
                    () = stop.notified() => {}
                    () = tokio::time::sleep_until(wake) => {}
                }
                Ok(())
            }
        }
    }

    /// Whether the server tells by itself what comes into the inbox.
    pub fn is_told(&self) -> bool {
        matches!(&self.mailbox, Some(Mailbox::Imap(imap)) if imap.has("IDLE"))
    }

    /// How many folders are looked into.
    pub fn folders(&self) -> usize {
        self.folders.len().max(1)
    }

    /// Gives the session up, so that the next look begins a new one.
    pub async fn renew(&mut self) {
        match self.mailbox.take() {
            Some(Mailbox::Imap(imap)) => self.transcripts.push(Box::pin(imap.finish()).await),
            Some(Mailbox::Pop3(pop3)) => {
                self.transcripts.push(Box::pin(pop3.finish(&mut Collected::default())).await.0);
            }
            None => {}
        }
    }

    /// Removes the messages whose field holds the token, and no others; how many.
    ///
    /// # Errors
    /// The session is over, or something was refused.
    pub async fn remove(&mut self, field: &str, token: &str) -> Result<(u64, ChangeState), Trouble> {
        let mailbox = match self.mailbox.take() {
            Some(mailbox) => mailbox,
            None => self.session().await?,
        };
        match mailbox {
            Mailbox::Imap(mut imap) => {
                let removed = Box::pin(imap.remove_sighted(&self.folders, field, token)).await;
                self.mailbox = Some(Mailbox::Imap(imap));
                removed
            }
            Mailbox::Pop3(mut pop3) => {
                let marked = Box::pin(pop3.mark_sighted(field, token)).await;
                let (transcript, ended) = Box::pin(pop3.finish(&mut Collected::default())).await;
                self.transcripts.push(transcript);
                ended?;
                marked.map(|count| (count, ChangeState::Done))
            }
        }
    }

    /// Logs out; yields the dialogues.
    pub async fn close(mut self) -> Vec<Transcript> {
        self.renew().await;
        self.transcripts
    }
}

/// Keeps what is found.
#[derive(Default)]
struct Collected {
    folders: Vec<Folder>,
    bytes: Vec<u8>,
}

impl Sink for Collected {
    fn take(&mut self, item: Item<'_>) -> std::io::Result<()> {
        match item {
            Item::Folder(folder) => self.folders.push(folder.clone()),
            Item::Bytes(bytes) => {
                let room = LARGEST.saturating_sub(self.bytes.len());
                self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Imap {
    /// The messages in these folders whose field holds the token.
    async fn sighted(
        &mut self,
        folders: &[Folder],
        seen: &mut u64,
        field: &str,
        token: &str,
        known: &HashSet<(String, String)>,
    ) -> Result<Vec<Sighted>, Trouble> {
        let mut found = Vec::new();
        for (index, folder) in folders.iter().enumerate() {
            if !self.look_into(folder, false).await? {
                continue;
            }
            if index == 0 {
                *seen = self.messages().unwrap_or(0);
            }
            let uids = self.with_field(field, token).await?;
            let now = Instant::now();
            for uid in uids.iter().map(u64::to_string) {
                if known.contains(&(folder.name.text.clone(), uid.clone())) {
                    continue;
                }
                let mut whole = Collected::default();
                self.whole(&uid, &mut whole).await?;
                found.push(Sighted {
                    folder: folder.name.clone(),
                    special_use: folder.special_use.clone(),
                    uid: Some(uid),
                    seen: now,
                    message: whole.bytes,
                });
            }
        }
        Ok(found)
    }

    async fn remove_sighted(
        &mut self,
        folders: &[Folder],
        field: &str,
        token: &str,
    ) -> Result<(u64, ChangeState), Trouble> {
        let (mut count, mut state) = (0, ChangeState::Done);
        for folder in folders {
            if !self.look_into(folder, false).await? || self.with_field(field, token).await?.is_empty() {
                continue;
            }
            self.look_into(folder, true).await?;
            for uid in self.with_field(field, token).await? {
                state = self.remove(&uid.to_string()).await?;
                count += 1;
            }
        }
        Ok((count, state))
    }

    /// Opens a folder; false if it is closed to us, which is no reason to stop.
    async fn look_into(&mut self, folder: &Folder, write: bool) -> Result<bool, Trouble> {
        match self.select(Some(&folder.name.text), write).await {
            Ok(()) => Ok(true),
            Err(Trouble::Refused { .. }) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }
}

impl Pop3 {
    async fn sighted(
        &mut self,
        field: &str,
        token: &str,
        looked_at: &mut HashSet<String>,
    ) -> Result<Vec<Sighted>, Trouble> {
        let mut found = Vec::new();
        // Without UIDL all of it is looked at each time.
        let ids = match self.unique_ids(MOST_KNOWN).await {
            Ok(ids) => ids,
            Err(Trouble::Refused { .. }) => HashMap::new(),
            Err(trouble) => return Err(trouble),
        };
        let first = match ids.is_empty() {
            true => Some(1),
            false => ids.iter().filter(|(id, _)| !looked_at.contains(*id)).map(|(_, number)| *number).min(),
        };
        let Some(first) = first else { return Ok(found) };
        let sought = self.with_field_from(first, field, token).await?;
        let now = Instant::now();
        for (number, uid, size) in sought {
            if uid.as_ref().is_some_and(|uid| looked_at.contains(uid)) {
                continue;
            }
            let message = self.retrieve(number, size).await?.0;
            found.push(Sighted {
                folder: Readable { text: "INBOX".into(), wire: None },
                special_use: Some("inbox".into()),
                uid,
                seen: now,
                message,
            });
        }
        looked_at.extend(ids.into_keys());
        Ok(found)
    }

    async fn mark_sighted(&mut self, field: &str, token: &str) -> Result<u64, Trouble> {
        let found = self.with_field(field, token).await?;
        for (number, ..) in &found {
            self.mark(*number).await?;
        }
        Ok(found.len() as u64)
    }
}

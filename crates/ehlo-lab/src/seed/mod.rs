//! Messages from files, put into mailboxes before the lab serves: an mbox, a message, a directory of messages, a Maildir.

mod mbox;
mod read;

use crate::store::{Body, Mailboxes};
use crate::{Accounts, Message, Store, StoreError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Where messages come from, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Whose they will be; the first account if nobody is named.
    pub account: Option<String>,
    /// The mailbox, which is made if it is not there.
    pub mailbox: String,
    /// The file or directory.
    pub path: PathBuf,
}

/// Why messages cannot be put in.
#[derive(Debug)]
pub struct SeedError {
    /// The file or directory.
    pub path: PathBuf,
    /// The line in it, from 1; 0 if it is no matter of a line.
    pub line: usize,
    /// What is wrong.
    pub problem: SeedProblem,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum SeedProblem {
    /// The system does not read it.
    Unreadable(io::Error),
    /// There is no message in it.
    Empty,
    /// A message begins with a line that is no header field (RFC 5322 §2.2); an mbox would begin with `From `.
    NoField,
    /// There is no such account.
    NoAccount(String),
    /// The store does not take it.
    Store(StoreError),
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        match &self.problem {
            SeedProblem::Unreadable(error) => write!(f, ": {error}"),
            SeedProblem::Empty => f.write_str(": there is no message in it"),
            SeedProblem::NoField => f.write_str(": neither a header field nor the \"From \" of an mbox"),
            SeedProblem::NoAccount(name) => write!(f, ": there is no account {name}"),
            SeedProblem::Store(error) => write!(f, ": {error}"),
        }
    }
}

impl std::error::Error for SeedError {}

impl Seed {
    /// Reads `PATH`, `ACCOUNT=PATH` or `ACCOUNT/MAILBOX=PATH`. What is a path as a whole is taken as one.
    pub fn parse(text: &str) -> Seed {
        if let Some((place, path)) = text.split_once('=')
            && !Path::new(text).exists()
        {
            let (account, mailbox) = place.split_once('/').unwrap_or((place, ""));
            let mailbox = match mailbox.trim_end_matches('/') {
                name if name.is_empty() || name.eq_ignore_ascii_case("INBOX") => "INBOX",
                name => name,
            };
            return Seed {
                account: Some(account.to_owned()),
                mailbox: mailbox.to_owned(),
                path: PathBuf::from(path),
            };
        }
        Seed { account: None, mailbox: "INBOX".to_owned(), path: PathBuf::from(text) }
    }

    /// Puts the messages into the store; how many. All go in or none. One that is in the mailbox already, byte for byte,
    /// does not go in again: a store that is kept is not to fill with each start.
    ///
    /// # Errors
    /// What is wrong with the file, or with the store.
    pub fn sow(&self, store: &Store, accounts: &Accounts, now: i64) -> Result<usize, SeedError> {
        let wrong = |problem| SeedError { path: self.path.clone(), line: 0, problem };
        let account = match &self.account {
            Some(name) => accounts.names().find(|known| known == name),
            None => accounts.names().next(),
        };
        let nobody = || wrong(SeedProblem::NoAccount(self.account.clone().unwrap_or_default()));
        let account = account.ok_or_else(nobody)?;
        let messages = read::messages(&self.path, now)?;
        let sown = store.with(account, |boxes| {
            boxes.create(&self.mailbox, None)?;
            let new = unknown(boxes, &self.mailbox, messages);
            if new.is_empty() {
                return Ok(0);
            }
            boxes.append(&self.mailbox, new).map(|uids| uids.len())
        });
        sown.ok_or_else(nobody)?.map_err(|error| wrong(SeedProblem::Store(error)))
    }
}

/// Those messages that are not in the mailbox.
fn unknown(boxes: &Mailboxes, mailbox: &str, messages: Vec<Message>) -> Vec<Message> {
    let mut known: HashMap<usize, Vec<&Body>> = HashMap::new();
    for message in boxes.folders.get(mailbox).into_iter().flat_map(|m| &m.messages) {
        known.entry(message.body.len()).or_default().push(&message.body);
    }
    let is_known = |message: &Message| {
        let same = |body: &&Body| match (body.read(), message.body.read()) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        };
        known.get(&message.body.len()).is_some_and(|bodies| bodies.iter().any(same))
    };
    messages.into_iter().filter(|message| !is_known(message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_seeds() {
        let seed = |account: Option<&str>, mailbox: &str, path: &str| Seed {
            account: account.map(str::to_owned),
            mailbox: mailbox.to_owned(),
            path: PathBuf::from(path),
        };
        for (text, wanted) in [
            ("mails.mbox", seed(None, "INBOX", "mails.mbox")),
            ("bob=x=y.eml", seed(Some("bob"), "INBOX", "x=y.eml")),
            ("bob/inbox=x", seed(Some("bob"), "INBOX", "x")),
            ("bob/a/b/=x", seed(Some("bob"), "a/b", "x")),
            ("=x", seed(Some(""), "INBOX", "x")),
        ] {
            assert_eq!(Seed::parse(text), wanted);
        }
    }
}

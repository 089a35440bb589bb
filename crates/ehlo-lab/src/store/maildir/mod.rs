//! Mail on the disk: a Maildir++ for each account, which other programs may read and change as well.
//!
//! `DIR/<account>/` holds the inbox (`cur`, `new`, `tmp`) and a folder for each other mailbox (`.Sent`, `.a.b`). Beside
//! the messages each mailbox has `ehlo-uidlist` (UIDs and what belongs to them), `dovecot-keywords` (letters of keywords)
//! and `ehlo-mailbox` (special use, rights, identifier); each account has `subscriptions` and `ehlo-account` (numbers
//! that are never given twice). `DIR/.ehlo-lock` is locked as long as a lab uses the directory.
//!
//! # What a sudden end leaves, and why nothing is lost
//!
//! The system keeps every call that has returned, also when the process is killed the moment after (what a power failure
//! leaves is another matter: `fsync`). So only the gaps between two calls count. One rule closes them: *what the list
//! says holds, and files that wait in `tmp` go where the list says they are.*
//!
//! - A message comes: (1) its bytes are written to `tmp/ehlo-UID`; (2) a line goes to the list; (3) the file is renamed
//!   into `new` or `cur`; (4) the client is told. Killed before the end of 2, the message is not there and nobody was
//!   told; the file is taken away at the next start. Between 2 and 3 the next start does 3. Later there is nothing to do.
//!   A message in `new` or `cur` is always whole, because it gets there by renaming.
//! - Several messages come (COPY, MULTIAPPEND): their lines are one write, with their number in front, and count only if
//!   all of them are there. So all come or none.
//! - A UID is given by step 2, and the next UID is behind the largest in the list, also when the message is gone again.
//!   One that was meant for a message that did not come so far was told to nobody.
//! - Flags change: (1) a line goes to the list; (2) the file is renamed. Killed between them, the file has the old flags;
//!   the next start takes the file's word for it and gives the message a new modification sequence. Nobody was told.
//! - Messages go: (1) their files are renamed to `tmp/ehlo-UID`; (2) lines go to the list, in one write; (3) the files are
//!   removed. Killed before the end of 2, the next start puts the files back, so that none of them is gone; afterwards it
//!   removes them.
//! - The list is written anew now and then: to another file that is renamed over it. Killed in between, the old one holds.
//! - A mailbox is made: `cur` comes last, and what has none is no mailbox. It goes by renaming its folder to one that is
//!   none and is emptied later, also by the next start. It gets another name by (1) a new list with the new UIDVALIDITY,
//!   (2) renaming the folder; killed in between, it has a new UIDVALIDITY under the old name, which costs clients nothing
//!   but time.
//! - The largest UIDVALIDITY and identifier are written to `ehlo-account` before a mailbox gets one, or takes its own
//!   away with it.
//!
//! Where a call fails (disk full, no permission), what was done is taken back in reverse order, and the same rule holds
//! for a death during that.

mod attributes;
mod folder;
mod info;
mod names;
#[cfg(test)]
mod restart_tests;
mod scan;
mod uidlist;
mod words;

pub(crate) use scan::{contents, read};

use super::{Attributes, Foreign, Keeper, KeptAccount, Message};
use folder::Folder;
use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use std::{fs, process};

/// The file that says that a lab uses the directory.
const LOCK: &str = ".ehlo-lock";
const SUBSCRIPTIONS: &str = "subscriptions";
const ACCOUNT: &str = "ehlo-account";
/// Begins the names of folders of mailboxes that are gone.
const GONE: &str = "ehlo-gone-";

/// Keeps mail in a directory.
#[derive(Debug)]
pub(crate) struct Maildir {
    root: PathBuf,
    host: String,
    fsync: bool,
    accounts: BTreeMap<String, Account>,
    /// Makes file names unique.
    count: u64,
    /// The lock goes with it.
    _lock: fs::File,
}

#[derive(Debug)]
struct Account {
    path: PathBuf,
    folders: BTreeMap<String, Folder>,
    /// As they are kept.
    numbers: Numbers,
}

/// The largest numbers that were given in an account, apart from those that its mailboxes themselves tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    validity: u32,
    serial: u64,
}

impl Maildir {
    /// Takes the directory `root`, which is made if it is not there. `host` is a part of file names; with `fsync` what is
    /// written is on the disk itself before it is acknowledged.
    ///
    /// # Errors
    /// If it cannot be used, or another lab uses it ([`io::ErrorKind::WouldBlock`]).
    pub(crate) fn open(root: &Path, host: &str, fsync: bool) -> io::Result<Maildir> {
        // The directory itself may be a symbolic link: it is the user's own word.
        let builder = &mut fs::DirBuilder::new();
        private_dir(builder.recursive(true)).create(root).map_err(|error| about(root, "create", &error))?;
        let path = root.join(LOCK);
        refuse_link(&path)?;
        let lock = private_file(fs::OpenOptions::new().write(true).create(true))
            .open(&path)
            .map_err(|error| about(&path, "write", &error))?;
        // The one before may be about to end.
        let patience = Instant::now() + Duration::from_millis(500);
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(TryLockError::Error(error)) => return Err(about(&path, "lock", &error)),
            }
        }
        let host = host.replace('/', "\\057").replace(':', "\\072");
        Ok(Maildir { root: root.to_owned(), host, fsync, accounts: BTreeMap::new(), count: 0, _lock: lock })
    }

    fn account(&mut self, name: &str) -> io::Result<&mut Account> {
        self.accounts.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn folder(&mut self, account: &str, mailbox: &str) -> io::Result<&mut Folder> {
        let folders = &mut self.account(account)?.folders;
        folders.get_mut(mailbox).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Account {
    /// Where a mailbox is or will be.
    fn place(&self, mailbox: &str) -> PathBuf {
        match names::folder(mailbox) {
            None => self.path.clone(),
            Some(folder) => self.path.join(folder),
        }
    }

    /// Remembers numbers that were given for good.
    fn remember(&mut self, validity: u32, serial: u64, fsync: bool) -> io::Result<()> {
        let numbers = Numbers {
            validity: self.numbers.validity.max(validity),
            serial: self.numbers.serial.max(serial),
        };
        if numbers != self.numbers {
            replace(&self.path, ACCOUNT, numbers.text().as_bytes(), fsync)?;
            self.numbers = numbers;
        }
        Ok(())
    }
}

impl Numbers {
    fn text(self) -> String {
        format!("ehlo-account 1\nvalidity {}\nserial {}\n", self.validity, self.serial)
    }

    fn parse(text: &str) -> Numbers {
        let mut numbers = Numbers::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("validity", value)) => numbers.validity = value.parse().unwrap_or(0),
                Some(("serial", value)) => numbers.serial = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        numbers
    }
}

impl Keeper for Maildir {
    fn load(&mut self, name: &str) -> io::Result<KeptAccount> {
        let path = self.root.join(names::account(name));
        make_dir(&path)?;
        let numbers =
            read_control(&path, ACCOUNT)?.map_or_else(Numbers::default, |text| Numbers::parse(&text));
        let mut account = Account { path: path.clone(), folders: BTreeMap::new(), numbers };
        let mut kept = KeptAccount::default();
        let mut found: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&path).map_err(|error| about(&path, "read", &error))? {
            let entry = entry.map_err(|error| about(&path, "read", &error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(GONE) {
                fs::remove_dir_all(entry.path()).map_err(|error| about(&entry.path(), "remove", &error))?;
            } else if name.starts_with('.') && folder::is_folder(&entry.path()) {
                found.push(entry.path());
            }
        }
        found.sort();
        let mut mailboxes: Vec<(String, PathBuf)> = Vec::new();
        if folder::is_folder(&path) {
            mailboxes.push(("INBOX".to_owned(), path.clone()));
        }
        for path in found {
            // Two folders for one name can only come from elsewhere; the second is left alone.
            if let Some(name) = folder::name_of(&path)?
                && !name.eq_ignore_ascii_case("INBOX")
                && !mailboxes.iter().any(|(known, _)| *known == name)
            {
                mailboxes.push((name, path));
            }
        }
        let now = u32::try_from(scan::seconds(SystemTime::now()).rem_euclid(1 << 31)).unwrap_or(1);
        let mut largest = numbers;
        for (name, path) in mailboxes {
            let fresh = now.max(largest.validity.saturating_add(1));
            let (folder, mailbox) = folder::load(&path, &name, fresh, self.fsync)?;
            largest.validity = largest.validity.max(folder.list.head.validity);
            largest.serial = largest.serial.max(folder.list.head.serial);
            account.folders.insert(name, folder);
            kept.mailboxes.push(mailbox);
        }
        kept.subscribed = read_control(&path, SUBSCRIPTIONS)?.map(|text| subscriptions(&text));
        (kept.validity, kept.serial) = (largest.validity, largest.serial);
        self.accounts.insert(name.to_owned(), account);
        Ok(kept)
    }

    fn create(&mut self, account: &str, mailbox: &str, validity: u32) -> io::Result<()> {
        let fsync = self.fsync;
        let account = self.account(account)?;
        account.remember(validity, 0, fsync)?;
        let folder = folder::create(&account.place(mailbox), validity, mailbox == "INBOX", fsync)?;
        account.folders.insert(mailbox.to_owned(), folder);
        Ok(())
    }

    fn delete(&mut self, account: &str, mailbox: &str) -> io::Result<()> {
        let fsync = self.fsync;
        self.count += 1;
        let gone = format!("{GONE}{}-{}", process::id(), self.count);
        let account = self.account(account)?;
        let Some(folder) = account.folders.get(mailbox) else { return Err(io::ErrorKind::NotFound.into()) };
        if folder.path == account.path {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the inbox stays"));
        }
        let head = folder.list.head;
        let own = attributes::read(&folder.path)?.attributes.id;
        let (from, to) = (folder.path.clone(), account.path.join(gone));
        account.remember(head.validity, head.serial.max(own), fsync)?;
        fs::rename(&from, &to).map_err(|error| about(&from, "remove", &error))?;
        if fsync {
            sync_dir(&account.path)?;
        }
        account.folders.remove(mailbox);
        // What stays is taken away at the next start.
        let _ = fs::remove_dir_all(to);
        Ok(())
    }

    fn rename(
        &mut self,
        account: &str,
        from: &str,
        to: &str,
        validity: u32,
        messages: &mut [Message],
    ) -> io::Result<()> {
        let fsync = self.fsync;
        let account = self.account(account)?;
        account.remember(validity, 0, fsync)?;
        let place = account.place(to);
        if place == account.path || from == "INBOX" {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the inbox stays"));
        }
        if fs::symlink_metadata(&place).is_ok() {
            return Err(about(&place, "create", &io::ErrorKind::AlreadyExists.into()));
        }
        let Some(folder) = account.folders.get_mut(from) else { return Err(io::ErrorKind::NotFound.into()) };
        let before = folder.list.head.validity;
        let renamed = folder
            .relabel(to, validity, messages)
            .and_then(|()| fs::rename(&folder.path, &place).map_err(|error| about(&place, "create", &error)));
        if let Err(error) = renamed {
            // If that fails as well, the mailbox has another UIDVALIDITY after the next start.
            let _ = folder.relabel(from, before, messages);
            return Err(error);
        }
        for message in messages {
            if let super::Body::File { path, size } = &message.body
                && let Ok(inside) = path.strip_prefix(&folder.path)
            {
                message.body = super::Body::File { path: Arc::new(place.join(inside)), size: *size };
            }
        }
        let moved = account.folders.remove(from).map(|folder| folder.moved(place, validity));
        account.folders.extend(moved.map(|folder| (to.to_owned(), folder)));
        if fsync { sync_dir(&account.path) } else { Ok(()) }
    }

    fn subscribe(&mut self, account: &str, names: &[String]) -> io::Result<()> {
        let fsync = self.fsync;
        let text: String = names.iter().map(|name| format!("{}\n", names::listed(name))).collect();
        replace(&self.account(account)?.path, SUBSCRIPTIONS, text.as_bytes(), fsync)
    }

    fn describe(&mut self, account: &str, mailbox: &str, attributes: &Attributes) -> io::Result<()> {
        let fsync = self.fsync;
        attributes::write(&self.folder(account, mailbox)?.path, mailbox, attributes, fsync)
    }

    fn append(&mut self, account: &str, mailbox: &str, messages: &mut [Message]) -> io::Result<()> {
        let (mut count, host) = (self.count, self.host.clone());
        let mut unique = || {
            count += 1;
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            format!("{}.M{}P{}Q{count}.{host}", now.as_secs(), now.subsec_micros(), process::id())
        };
        let done = self.folder(account, mailbox)?.append(messages, &mut unique);
        self.count = count;
        done
    }

    fn flags(&mut self, account: &str, mailbox: &str, message: &mut Message) -> io::Result<()> {
        self.folder(account, mailbox)?.flags(message)
    }

    fn remove(&mut self, account: &str, mailbox: &str, messages: &[&Message]) -> io::Result<()> {
        self.folder(account, mailbox)?.remove(messages)
    }

    fn foreign(&mut self, account: &str, mailbox: &str, known: &[Message]) -> io::Result<Foreign> {
        self.folder(account, mailbox)?.foreign(known)
    }
}

/// The mailboxes that a file names. Dovecot writes them in two ways: with points between the parts, and, below a head
/// line, with tabs.
fn subscriptions(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let tabs = text.starts_with("V\t2");
    for line in text.lines().skip(usize::from(tabs)).filter(|line| !line.is_empty()) {
        let name = match tabs {
            true => line.split('\t').map(names::unlisted).collect::<Vec<_>>().join("/"),
            false => names::unlisted(line),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// An error of the system, with what was to be done.
fn about(path: &Path, doing: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {doing} {}: {error}", path.display()))
}

/// Makes a directory, unless it is there. One behind a symbolic link is refused: it may be anywhere.
fn make_dir(path: &Path) -> io::Result<()> {
    match private_dir(&mut fs::DirBuilder::new()).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(path).map_err(|error| about(path, "read", &error))?.is_dir() {
                true => Ok(()),
                false => Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{} is no directory (symbolic links are not followed)", path.display()),
                )),
            }
        }
        Err(error) => Err(about(path, "create", &error)),
    }
}

/// A file of ours as text; none if it is not there.
fn read_control(folder: &Path, name: &str) -> io::Result<Option<String>> {
    Ok(read_control_bytes(folder, name)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn read_control_bytes(folder: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let path = folder.join(name);
    refuse_link(&path)?;
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(about(&path, "read", &error)),
    }
}

fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is a symbolic link, which is not followed", path.display()),
        )),
        _ => Ok(()),
    }
}

/// Writes a small file so that readers find the old one or the new one.
fn replace(folder: &Path, name: &str, bytes: &[u8], fsync: bool) -> io::Result<()> {
    let (path, waits) = (folder.join(name), folder.join(format!("{name}.ehlo-new")));
    let work = || {
        let _ = fs::remove_file(&waits);
        let mut file = new_file(&waits)?;
        file.write_all(bytes)?;
        if fsync {
            file.sync_all()?;
        }
        fs::rename(&waits, &path)
    };
    work().map_err(|error| {
        let _ = fs::remove_file(&waits);
        about(&path, "write", &error)
    })?;
    if fsync { sync_dir(folder) } else { Ok(()) }
}

/// A new file, for this user alone: mail is nobody else's business.
fn new_file(path: &Path) -> io::Result<fs::File> {
    private_file(fs::OpenOptions::new().write(true).create_new(true)).open(path)
}

#[cfg(unix)]
fn private_file(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(unix)]
fn private_dir(builder: &mut fs::DirBuilder) -> &mut fs::DirBuilder {
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700)
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> io::Result<()> {
    fs::File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| about(path, "write", &error))
}

#[cfg(not(unix))]
fn private_file(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    options
}

#[cfg(not(unix))]
fn private_dir(builder: &mut fs::DirBuilder) -> &mut fs::DirBuilder {
    builder
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    // Directories cannot be opened there; the file system looks after them itself.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_of_both_forms() {
        let wanted = ["INBOX", "a/b", "Entwürfe", "x.y"];
        assert_eq!(subscriptions("INBOX\na.b\nEntw&APw-rfe\nx&AC4-y\n\na.b\n"), wanted);
        assert_eq!(subscriptions("V\t2\n\nINBOX\na\tb\nEntw&APw-rfe\nx&AC4-y\n"), wanted);
    }

    #[test]
    fn numbers_are_read_again() {
        let numbers = Numbers { validity: 7, serial: u64::MAX };
        assert_eq!(Numbers::parse(&numbers.text()), numbers);
        assert_eq!(Numbers::parse("\0\nvalidity x\n"), Numbers::default());
    }
}

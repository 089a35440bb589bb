//! One mailbox on the disk: loading it, and all that changes its messages.

use super::info::{self, Keywords};
use super::scan::{self, Place, Stamp};
use super::uidlist::{self, FILE, Head, Record, UidList};
use super::{about, attributes, names, sync_dir};
use crate::store::{Body, KeptMailbox, Message};
use std::collections::HashSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

/// A mailbox that is in use.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) list: UidList,
    pub(super) fsync: bool,
    /// Files of other programs that the store was told of, so that it may put them into the mailbox.
    pub(super) offered: HashSet<PathBuf>,
    /// When it was last looked at, as long as that says something.
    pub(super) stamp: Option<Stamp>,
}

/// Where messages wait until the list says that they are in the mailbox, or not any more.
fn waiting(folder: &Path, uid: u32) -> PathBuf {
    folder.join("tmp").join(format!("ehlo-{uid}"))
}

/// Makes a mailbox without messages. It is one for [`load`] once `cur` is there, which is made last.
pub(super) fn create(path: &Path, validity: u32, inbox: bool, fsync: bool) -> io::Result<Folder> {
    if is_folder(path) {
        return Err(about(path, "create", &io::ErrorKind::AlreadyExists.into()));
    }
    let fresh = fs::symlink_metadata(path).is_err();
    let made = fill(path, validity, inbox, fsync);
    if made.is_err() && fresh && !inbox {
        let _ = fs::remove_dir_all(path);
    }
    made
}

fn fill(path: &Path, validity: u32, inbox: bool, fsync: bool) -> io::Result<Folder> {
    super::make_dir(path)?;
    if !inbox {
        super::replace(path, "maildirfolder", b"", fsync)?;
    }
    let head = Head { validity, next_uid: 1, modseq: 1, serial: 0 };
    let list = UidList::write(path, head, std::iter::empty(), fsync)?;
    for part in ["tmp", "new", "cur"] {
        super::make_dir(&path.join(part))?;
    }
    if fsync {
        sync_dir(path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
    }
    Ok(Folder { path: path.to_owned(), list, fsync, offered: HashSet::new(), stamp: None })
}

/// Whether a mailbox is there, in a folder of its own: symbolic links are not followed.
pub(super) fn is_folder(path: &Path) -> bool {
    let real = |path: &Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    real(path) && real(&path.join("cur"))
}

/// Reads a mailbox, and puts right what a sudden end has left: what the list says holds, and files that wait in `tmp`
/// go where it says they are. `validity` is for one that has no list.
pub(super) fn load(path: &Path, name: &str, validity: u32, fsync: bool) -> io::Result<(Folder, KeptMailbox)> {
    for part in ["tmp", "new", "cur"] {
        let part = path.join(part);
        super::make_dir(&part)?;
    }
    let file = super::read_control_bytes(path, FILE)?;
    let (mut listed, known) = match file.as_deref().map(uidlist::parse) {
        Some(Some(listed)) => (listed, true),
        other => {
            if other.is_some() {
                // Nothing of it can be used; somebody may still want to look at it.
                fs::rename(path.join(FILE), path.join(format!("{FILE}.damaged")))
                    .map_err(|error| about(&path.join(FILE), "rename", &error))?;
            }
            let mut fresh = uidlist::Listed::default();
            fresh.head = Head { validity, next_uid: 1, modseq: 1, serial: 0 };
            (fresh, false)
        }
    };
    let table = Keywords::read(path)?;
    let found = scan::scan(path)?;
    let mut dirty = !known;
    let mut messages = Vec::with_capacity(listed.records.len());
    let mut gone = Vec::new();
    let mut modseq = listed.head.modseq;
    for (&uid, record) in &mut listed.records {
        let place = match found.get(&record.base) {
            Some(place) => place.clone(),
            None => match put_in_place(path, uid, record, &table)? {
                Some(place) => place,
                None => {
                    gone.push(uid);
                    continue;
                }
            },
        };
        let flags = table.flags(&info::letters(&place.name), &record.flags);
        if flags != record.flags {
            modseq += 1;
            (record.modseq, record.flags) = (modseq, flags);
            dirty = true;
        }
        messages.push(Message {
            body: Body::File { path: Arc::new(place.path(path)), size: record.size },
            uid,
            flags: record.flags.clone(),
            at: record.at,
            saved: record.saved,
            modseq: record.modseq,
            email_id: record.email_id,
            thread_id: record.thread_id,
            envelope: record.envelope.clone(),
            shown: Arc::default(),
        });
    }
    if !gone.is_empty() {
        gone.iter().for_each(|uid| drop(listed.records.remove(uid)));
        modseq += 1;
        dirty = true;
    }
    listed.head.modseq = modseq;
    let records = listed.records.iter().map(|(&uid, record)| (uid, record));
    let list = UidList::of(path, &listed, fsync);
    let list = match dirty || list.is_stale(messages.len()) {
        true => match UidList::write(path, listed.head, records, fsync) {
            // The old one says enough for now: a full disk must not be in the way of those who make room.
            Err(error) if known && error.kind() == io::ErrorKind::StorageFull => list,
            written => written?,
        },
        false => list,
    };
    clean(path)?;
    let kept = KeptMailbox {
        name: name.to_owned(),
        validity: listed.head.validity,
        next_uid: listed.head.next_uid,
        modseq,
        attributes: attributes::read(path)?.attributes,
        messages,
    };
    let folder = Folder { path: path.to_owned(), list, fsync, offered: HashSet::new(), stamp: None };
    Ok((folder, kept))
}

/// Puts a message that waits in `tmp` where the list says it is; none if it does not wait there.
fn put_in_place(path: &Path, uid: u32, record: &Record, table: &Keywords) -> io::Result<Option<Place>> {
    let from = waiting(path, uid);
    if !fs::symlink_metadata(&from).is_ok_and(|m| m.is_file()) {
        return Ok(None);
    }
    let name = info::with_letters(&record.base, &table.letters(&record.flags, ""));
    let place = Place { new: false, name };
    let to = place.path(path);
    fs::rename(&from, &to).map_err(|error| about(&to, "move a message to", &error))?;
    Ok(Some(place))
}

/// Takes away what an end of ours left in `tmp`. Nobody else calls files so.
fn clean(path: &Path) -> io::Result<()> {
    let tmp = path.join("tmp");
    for entry in fs::read_dir(&tmp).map_err(|error| about(&tmp, "read", &error))? {
        let entry = entry.map_err(|error| about(&tmp, "read", &error))?;
        let name = entry.file_name();
        let ours = name.to_str().and_then(|n| n.strip_prefix("ehlo-"));
        if ours.is_some_and(|uid| uid.bytes().all(|b| b.is_ascii_digit())) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// A message on its way into the mailbox.
struct Coming {
    /// None for a file of another program, which is where it shall be.
    from: Option<PathBuf>,
    to: PathBuf,
}

impl Folder {
    /// Puts messages into the mailbox. The list is written when all their bytes are on the disk; from there on they are
    /// in it, whatever happens.
    pub(super) fn append(
        &mut self,
        messages: &mut [Message],
        unique: &mut dyn FnMut() -> String,
    ) -> io::Result<()> {
        self.learn(messages.iter().flat_map(|m| &m.flags))?;
        let table = Keywords::read(&self.path)?;
        let mut coming = Vec::with_capacity(messages.len());
        let mut lines = Vec::with_capacity(messages.len());
        let staged = messages.iter().try_for_each(|message| {
            let (way, base) = self.stage(message, &table, unique)?;
            lines.extend(uidlist::came(message.uid, &Record::of(message, &base)));
            coming.push(way);
            Ok(())
        });
        let tmp = self.path.join("tmp");
        let staged = staged.and_then(|()| if self.fsync { sync_dir(&tmp) } else { Ok(()) });
        let before = match staged.and_then(|()| self.list.append(&lines)) {
            Ok(before) => before,
            Err(error) => {
                coming
                    .iter()
                    .filter_map(|way| way.from.as_ref())
                    .for_each(|from| drop(fs::remove_file(from)));
                return Err(error);
            }
        };
        let placed = coming.iter().try_for_each(|way| match &way.from {
            Some(from) => {
                fs::rename(from, &way.to).map_err(|error| about(&way.to, "move a message to", &error))
            }
            None => Ok(()),
        });
        if let Err(error) = placed.and_then(|()| self.sync_messages()) {
            for (way, from) in coming.iter().filter_map(|way| Some((way, way.from.as_ref()?))) {
                let _ = fs::remove_file(&way.to);
                let _ = fs::remove_file(from);
            }
            self.list.undo(before);
            return Err(error);
        }
        for (message, way) in messages.iter_mut().zip(coming) {
            self.offered.remove(&way.to);
            let head = &mut self.list.head;
            head.next_uid = head.next_uid.max(message.uid.saturating_add(1));
            head.modseq = head.modseq.max(message.modseq);
            head.serial = head.serial.max(message.email_id);
            message.body = Body::File { path: Arc::new(way.to), size: message.body.len() };
        }
        Ok(())
    }

    /// Brings the bytes of a message into `tmp`.
    fn stage(
        &self,
        message: &Message,
        table: &Keywords,
        unique: &mut dyn FnMut() -> String,
    ) -> io::Result<(Coming, OsString)> {
        if let Body::File { path, .. } = &message.body
            && self.offered.contains(&**path)
        {
            let base = info::base(path.file_name().unwrap_or_default()).to_owned();
            return Ok((Coming { from: None, to: path.to_path_buf() }, base));
        }
        let from = waiting(&self.path, message.uid);
        let _ = fs::remove_file(&from);
        let size = match bring(message, &from) {
            Ok(size) => size,
            Err(error) => {
                let _ = fs::remove_file(&from);
                return Err(about(&from, "write", &error));
            }
        };
        if self.fsync {
            fs::File::open(&from)?.sync_all()?;
        }
        // Dovecot need not read the file to know its size, nor its size with CR LF at all line ends.
        let base = OsString::from(format!("{},S={},W={}", unique(), size.file, size.lines_whole));
        let letters = table.letters(&message.flags, "");
        let place = match letters.is_empty() {
            true => Place { new: true, name: base.clone() },
            false => Place { new: false, name: info::with_letters(&base, &letters) },
        };
        Ok((Coming { from: Some(from), to: place.path(&self.path) }, base))
    }

    /// Gives a message other flags. What other programs have changed meanwhile stays changed.
    pub(super) fn flags(&mut self, message: &mut Message) -> io::Result<()> {
        let Body::File { path, size } = &message.body else { return Err(io::ErrorKind::InvalidInput.into()) };
        self.learn(message.flags.iter())?;
        let table = Keywords::read(&self.path)?;
        let known = info::letters(path.file_name().unwrap_or_default());
        let at = scan::locate(path)?;
        let name = at.file_name().unwrap_or_default();
        let found = info::letters(name);
        let wanted = table.letters(&message.flags, &known);
        let mut letters: Vec<char> = found
            .chars()
            .filter(|&c| wanted.contains(c) || !known.contains(c))
            .chain(wanted.chars().filter(|&c| !known.contains(c)))
            .collect();
        letters.sort_unstable();
        letters.dedup();
        let letters: String = letters.into_iter().collect();
        let flags = table.flags(&letters, &message.flags);
        let to = match letters == found {
            true => at.clone(),
            false => self.path.join("cur").join(info::with_letters(name, &letters)),
        };
        let before = self.list.append(&[uidlist::changed(message.uid, message.modseq, &flags)])?;
        let moved = match at == to {
            true => Ok(()),
            false => fs::rename(&at, &to)
                .map_err(|error| about(&to, "move a message to", &error))
                .and_then(|()| self.sync_messages()),
        };
        if let Err(error) = moved {
            self.list.undo(before);
            return Err(error);
        }
        self.list.head.modseq = self.list.head.modseq.max(message.modseq);
        message.body = Body::File { path: Arc::new(to), size: *size };
        message.flags = flags;
        Ok(())
    }

    /// Takes messages away, all or none: they wait in `tmp` until the list says that they are gone.
    pub(super) fn remove(&mut self, messages: &[&Message]) -> io::Result<()> {
        let mut moved: Vec<(PathBuf, PathBuf)> = Vec::with_capacity(messages.len());
        let modseq = self.list.head.modseq + 1;
        let mut work = || -> io::Result<()> {
            for message in messages {
                let Body::File { path, .. } = &message.body else { continue };
                let to = waiting(&self.path, message.uid);
                let at = match scan::locate(path) {
                    Ok(at) => at,
                    // Another program was faster.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                fs::rename(&at, &to).map_err(|error| about(&at, "remove", &error))?;
                moved.push((at, to));
            }
            if self.fsync {
                sync_dir(&self.path.join("tmp"))?;
                self.sync_messages()?;
            }
            let lines: Vec<String> = messages.iter().map(|m| uidlist::gone(m.uid, modseq)).collect();
            self.list.append(&lines).map(drop)
        };
        if let Err(error) = work() {
            for (at, waits) in moved {
                let _ = fs::rename(waits, at);
            }
            return Err(error);
        }
        self.list.head.modseq = modseq;
        for (_, waits) in moved {
            // What stays is taken away at the next start.
            let _ = fs::remove_file(waits);
        }
        Ok(())
    }

    /// Gives the mailbox another UIDVALIDITY, and says in it how it will be called.
    pub(super) fn relabel(&mut self, name: &str, validity: u32, messages: &[Message]) -> io::Result<()> {
        let described = attributes::read(&self.path)?;
        attributes::write(&self.path, name, &described.attributes, self.fsync)?;
        self.rewrite(Head { validity, ..self.list.head }, messages)
    }

    /// Writes the list anew.
    pub(super) fn rewrite(&mut self, head: Head, messages: &[Message]) -> io::Result<()> {
        let records: Vec<(u32, Record)> = messages
            .iter()
            .filter_map(|message| {
                let Body::File { path, .. } = &message.body else { return None };
                Some((message.uid, Record::of(message, info::base(path.file_name()?))))
            })
            .collect();
        let records = records.iter().map(|(uid, record)| (*uid, record));
        self.list = UidList::write(&self.path, head, records, self.fsync)?;
        Ok(())
    }

    /// Finds letters for new keywords.
    fn learn<'a>(&self, flags: impl Iterator<Item = &'a String>) -> io::Result<()> {
        let mut flags = flags.filter(|flag| !flag.starts_with('\\')).peekable();
        if flags.peek().is_none() {
            return Ok(());
        }
        let mut table = Keywords::read(&self.path)?;
        if table.learn(flags) {
            super::replace(&self.path, Keywords::file_name(), table.text().as_bytes(), self.fsync)?;
        }
        Ok(())
    }

    /// The mailbox under another name.
    pub(super) fn moved(mut self, path: PathBuf, validity: u32) -> Folder {
        self.list.moved(&path, validity);
        self.offered.clear();
        self.stamp = None;
        self.path = path;
        self
    }

    fn sync_messages(&self) -> io::Result<()> {
        if self.fsync {
            sync_dir(&self.path.join("new"))?;
            sync_dir(&self.path.join("cur"))?;
        }
        Ok(())
    }
}

/// How large a message is, in bytes.
struct Sizes {
    file: usize,
    lines_whole: usize,
}

/// Brings a message into the file `to`: a copy of one that is in a file shares it, unless its date is another one.
fn bring(message: &Message, to: &Path) -> io::Result<Sizes> {
    let date = u64::try_from(message.at).ok().map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at));
    if let Body::File { path, size } = &message.body {
        let from = scan::locate(path)?;
        let there = fs::symlink_metadata(&from)?;
        if there.modified().ok().map(scan::seconds) == Some(message.at) && fs::hard_link(&from, to).is_ok() {
            let file = usize::try_from(there.len()).unwrap_or(usize::MAX);
            let lines_whole = info::size_with_crlf(&from).unwrap_or(*size);
            return Ok(Sizes { file, lines_whole });
        }
    }
    let bytes = message.body.read()?;
    let mut file = super::new_file(to)?;
    file.write_all(&bytes)?;
    if let Some(date) = date {
        file.set_modified(date)?;
    }
    Ok(Sizes { file: bytes.len(), lines_whole: scan::size_with_crlf(&mut &bytes[..])? })
}

/// The mailbox that a folder holds: as its name says, or what is told inside.
pub(super) fn name_of(path: &Path) -> io::Result<Option<String>> {
    let Some(file) = path.file_name() else { return Ok(None) };
    let inside = attributes::read(path)?.name;
    if let Some(name) = inside
        && names::folder(&name).as_deref().map(std::ffi::OsStr::new) == Some(file)
    {
        return Ok(Some(name));
    }
    Ok(names::mailbox(&file.to_string_lossy()))
}

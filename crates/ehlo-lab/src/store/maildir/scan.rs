//! What is in the folders of a mailbox, and what other programs have changed there.

use super::folder::Folder;
use super::info::{self, Keywords};
use super::{about, uidlist};
use crate::store::{Body, Foreign, Message};
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

/// A change so soon before a look may leave the time of the folder as it is: clocks of file systems are coarse.
const COARSE: Duration = Duration::from_secs(2);

/// Where a message is inside its mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In `new`, not in `cur`.
    pub(super) new: bool,
    pub(super) name: OsString,
}

impl Place {
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(if self.new { "new" } else { "cur" }).join(&self.name)
    }
}

/// When a mailbox was looked at, and how old its folders were then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    times: [SystemTime; 2],
    looked: SystemTime,
}

impl Stamp {
    fn now(folder: &Path) -> io::Result<Stamp> {
        let time = |part: &str| {
            let path = folder.join(part);
            fs::symlink_metadata(&path)
                .and_then(|m| m.modified())
                .map_err(|error| about(&path, "read", &error))
        };
        Ok(Stamp { looked: SystemTime::now(), times: [time("new")?, time("cur")?] })
    }

    /// Whether nothing can have happened since.
    fn holds(&self, now: &Stamp) -> bool {
        self.times == now.times
            && self.times.iter().all(|&time| self.looked.duration_since(time).is_ok_and(|age| age > COARSE))
    }
}

/// The messages of a mailbox by the part of their file names that never changes. What is no file of its own (a folder,
/// a symbolic link) is none.
pub(super) fn scan(folder: &Path) -> io::Result<HashMap<OsString, Place>> {
    let mut found = HashMap::new();
    // A message that is moved from `new` to `cur` meanwhile is seen in one of them at least, in this order.
    for new in [true, false] {
        let path = folder.join(if new { "new" } else { "cur" });
        for entry in fs::read_dir(&path).map_err(|error| about(&path, "read", &error))? {
            let entry = entry.map_err(|error| about(&path, "read", &error))?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") || !entry.file_type().is_ok_and(|t| t.is_file()) {
                continue;
            }
            found.insert(info::base(&name).to_owned(), Place { new, name });
        }
    }
    Ok(found)
}

/// Where a message is now that was at `path`: other programs move and flag messages by renaming them.
pub(super) fn locate(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => return Ok(path.to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(about(path, "read", &error)),
        _ => {}
    }
    let found = path
        .parent()
        .and_then(Path::parent)
        .zip(path.file_name())
        .and_then(|(folder, name)| Some(scan(folder).ok()?.get(info::base(name))?.path(folder)));
    found.ok_or_else(|| about(path, "read", &io::ErrorKind::NotFound.into()))
}

/// The bytes of a message that was at `path`.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Twice, because it may be renamed between looking and reading.
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::read(locate(path)?),
        other => other,
    }
}

impl Folder {
    /// What other programs have done since the last look.
    pub(super) fn foreign(&mut self, known: &[Message]) -> io::Result<Foreign> {
        if self.list.is_stale(known.len()) {
            self.rewrite(self.list.head, known)?;
        }
        let now = Stamp::now(&self.path)?;
        if self.stamp.is_some_and(|stamp| stamp.holds(&now)) {
            return Ok(Foreign::default());
        }
        let table = Keywords::read(&self.path)?;
        let mut found = scan(&self.path)?;
        let paths = known.iter().filter_map(|message| match &message.body {
            Body::File { path, .. } => Some((message, path, info::base(path.file_name()?))),
            Body::Memory(_) => None,
        });
        let mut paths: Vec<(&Message, &Arc<PathBuf>, &OsStr)> = paths.collect();
        if paths.iter().any(|(_, _, base)| !found.contains_key(*base)) {
            // A file that is renamed while the folder is read may not be seen. Twice is enough to be sure.
            for (base, place) in scan(&self.path)? {
                found.insert(base, place);
            }
        }
        let mut foreign = Foreign::default();
        let mut lines = Vec::new();
        let mut modseq = self.list.head.modseq;
        paths.retain(|(message, path, base)| {
            let Some(place) = found.remove(*base) else {
                foreign.gone.push(message.uid);
                return false;
            };
            let at = place.path(&self.path);
            if at == ***path {
                return false;
            }
            let flags = table.flags(&info::letters(&place.name), &message.flags);
            let mut changed = (*message).clone();
            if flags != message.flags {
                modseq += 1;
                lines.push(uidlist::changed(message.uid, modseq, &flags));
                changed.flags = flags;
            }
            let size = message.body.len();
            changed.body = Body::File { path: Arc::new(at), size };
            foreign.changed.push(changed);
            true
        });
        if !foreign.gone.is_empty() {
            modseq += 1;
            lines.extend(foreign.gone.iter().map(|&uid| uidlist::gone(uid, modseq)));
        }
        if !lines.is_empty() {
            self.list.append(&lines)?;
            self.list.head.modseq = modseq;
        }
        let mut came: Vec<Place> = found.into_values().collect();
        came.sort_by(|a, b| order(&a.name).cmp(&order(&b.name)));
        let offers = came.iter().filter_map(|place| message(&self.path, place, &table, now.looked));
        foreign.came = offers.collect();
        self.offered = foreign.came.iter().filter_map(path_of).collect::<HashSet<_>>();
        self.stamp = Some(now);
        Ok(foreign)
    }
}

/// The messages of a folder that is in no store, in the order in which they came.
pub(crate) fn contents(folder: &Path) -> io::Result<Vec<Message>> {
    let table = Keywords::read(folder)?;
    let mut found: Vec<Place> = scan(folder)?.into_values().collect();
    found.sort_by(|a, b| order(&a.name).cmp(&order(&b.name)));
    let now = SystemTime::now();
    Ok(found.iter().filter_map(|place| message(folder, place, &table, now)).collect())
}

/// A message of another program, if it can be read.
fn message(folder: &Path, place: &Place, table: &Keywords, now: SystemTime) -> Option<Message> {
    let path = place.path(folder);
    let mut file = fs::File::open(&path).ok()?;
    let at = seconds(file.metadata().ok()?.modified().ok()?);
    let size = size_with_crlf(&mut file).ok()?;
    Some(Message {
        body: Body::File { path: Arc::new(path), size },
        uid: 0,
        flags: table.flags(&info::letters(&place.name), &[]),
        at,
        saved: seconds(now),
        modseq: 0,
        email_id: 0,
        thread_id: 0,
        envelope: None,
        shown: Arc::default(),
    })
}

fn path_of(message: &Message) -> Option<PathBuf> {
    match &message.body {
        Body::File { path, .. } => Some(path.to_path_buf()),
        Body::Memory(_) => None,
    }
}

/// Messages come in the order in which they were delivered: their names begin with that time.
fn order(name: &OsStr) -> (u64, &OsStr) {
    let digits = name.as_encoded_bytes().iter().take_while(|b| b.is_ascii_digit());
    (digits.fold(0, |n: u64, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0'))), name)
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(0, |seconds| -seconds),
    }
}

/// How many bytes something has when all its line ends are CR LF.
pub(super) fn size_with_crlf(bytes: &mut dyn Read) -> io::Result<usize> {
    let mut buffer = [0; 16 * 1024];
    let (mut size, mut last) = (0, 0);
    loop {
        let n = match bytes.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for &byte in &buffer[..n] {
            size += 1 + usize::from(byte == b'\n' && last != b'\r');
            last = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_whole_line_ends() {
        for text in ["", "\n", "a\nb\r\n\n", "\r\r\n", "x\r"] {
            let whole = crate::store::message::with_crlf(text.as_bytes().to_vec()).len();
            assert_eq!(size_with_crlf(&mut text.as_bytes()).unwrap(), whole, "{text:?}");
        }
    }

    #[test]
    fn the_order_is_that_of_time() {
        let mut names = ["10.b", "9.z", "x", "10.a"].map(OsStr::new);
        names.sort_by(|a, b| order(a).cmp(&order(b)));
        assert_eq!(names, ["x", "9.z", "10.a", "10.b"]);
    }
}

//! The file `ehlo-uidlist` of a mailbox: which message has which UID, and what else the name of a file does not say.
//!
//! The first line is `ehlo-uidlist 1 V… N… M… I…`: version, UIDVALIDITY, next UID, largest modification sequence, largest
//! identifier. Lines are appended, and what a later one says holds:
//!
//! - `+ UID MODSEQ EMAILID THREADID DATE SAVED SIZE NAME FLAG…`: a message came
//! - `@ UID MODSEQ FROM TO…`: with which envelope it came
//! - `= UID MODSEQ FLAG…`: it has other flags
//! - `- UID MODSEQ`: it is gone
//! - `* COUNT`: the next so many lines hold together, or not at all
//!
//! Words are escaped (see `words`), so there are no other blanks. A last line without line end was torn by the death of
//! its writer and does not count; the next writer cuts it off. A line that cannot be understood is passed over.

use super::words;
use crate::store::{Envelope, Message};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs};

/// The name of the file.
pub(super) const FILE: &str = "ehlo-uidlist";
const HEAD: &str = "ehlo-uidlist 1 ";
/// So many lines may say nothing any more before the file is written anew.
const MOST_OLD: usize = 1000;

/// A message as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) modseq: u64,
    pub(super) email_id: u64,
    pub(super) thread_id: u64,
    pub(super) at: i64,
    pub(super) saved: i64,
    pub(super) size: usize,
    /// The file name without flags.
    pub(super) base: OsString,
    pub(super) flags: Vec<String>,
    pub(super) envelope: Option<Arc<Envelope>>,
}

/// What a whole file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) head: Head,
    pub(super) records: BTreeMap<u32, Record>,
    /// Lines behind the first.
    lines: usize,
    /// So many bytes are whole lines that count.
    len: u64,
}

/// What holds for the mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) validity: u32,
    pub(super) next_uid: u32,
    /// At least as large as any that anybody was told of.
    pub(super) modseq: u64,
    /// The largest identifier of a message that was ever in it.
    pub(super) serial: u64,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { validity, next_uid, modseq, serial } = self;
        writeln!(f, "{HEAD}V{validity} N{next_uid} M{modseq} I{serial}")
    }
}

/// Takes a file apart; none if it is not of this kind.
pub(super) fn parse(file: &[u8]) -> Option<Listed> {
    let mut lines = file.split_inclusive(|&b| b == b'\n');
    let first = std::str::from_utf8(lines.next()?.strip_suffix(b"\n")?).ok()?;
    let mut listed = Listed::default();
    for word in first.strip_prefix(HEAD)?.split(' ') {
        let (key, value) = word.split_at_checked(1)?;
        match key {
            "V" => listed.head.validity = value.parse().ok().filter(|v| *v > 0)?,
            "N" => listed.head.next_uid = value.parse().ok()?,
            "M" => listed.head.modseq = value.parse().ok()?,
            "I" => listed.head.serial = value.parse().ok()?,
            _ => {}
        }
    }
    if listed.head.validity == 0 {
        return None;
    }
    listed.head.next_uid = listed.head.next_uid.max(1);
    listed.len = first.len() as u64 + 1;
    // Lines that hold together wait here until the last has come.
    let mut waiting: Vec<&[u8]> = Vec::new();
    let mut wanted: usize = 0;
    for line in lines {
        let Some(whole) = line.strip_suffix(b"\n") else { break };
        waiting.push(whole);
        if wanted == 0
            && let Some(count) = whole.strip_prefix(b"* ")
        {
            wanted = std::str::from_utf8(count).ok().and_then(|c| c.parse().ok()).unwrap_or(0);
        } else {
            wanted = wanted.saturating_sub(1);
        }
        if wanted == 0 {
            for line in waiting.drain(..) {
                listed.lines += 1;
                listed.len += line.len() as u64 + 1;
                // A line that cannot be understood says nothing.
                let _ = std::str::from_utf8(line).ok().and_then(|line| listed.take(line));
            }
        }
    }
    Some(listed)
}

impl Listed {
    fn take(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        if !matches!(kind, "+" | "@" | "=" | "-") {
            return None;
        }
        let uid: u32 = words.next()?.parse().ok().filter(|uid| *uid > 0)?;
        let modseq: u64 = words.next()?.parse().ok()?;
        match kind {
            "+" => {
                let record = Record {
                    modseq,
                    email_id: words.next()?.parse().ok()?,
                    thread_id: words.next()?.parse().ok()?,
                    at: words.next()?.parse().ok()?,
                    saved: words.next()?.parse().ok()?,
                    size: words.next()?.parse().ok()?,
                    base: words::name(words.next()?),
                    flags: words.map(words::text).collect(),
                    envelope: None,
                };
                self.head.serial = self.head.serial.max(record.email_id);
                self.records.insert(uid, record);
            }
            "@" => {
                let from = words::text(words.next()?);
                if let Some(record) = self.records.get_mut(&uid) {
                    record.envelope = Some(Arc::new(Envelope { from, to: words.map(words::text).collect() }));
                }
            }
            "=" => {
                if let Some(record) = self.records.get_mut(&uid) {
                    record.modseq = modseq;
                    record.flags = words.map(words::text).collect();
                }
            }
            _ => drop(self.records.remove(&uid)),
        }
        self.head.next_uid = self.head.next_uid.max(uid.saturating_add(1));
        self.head.modseq = self.head.modseq.max(modseq);
        Some(())
    }
}

/// The lines for a message that came.
pub(super) fn came(uid: u32, record: &Record) -> Vec<String> {
    let Record { modseq, email_id, thread_id, at, saved, size, base, flags, envelope } = record;
    let base = words::name_word(base);
    let mut lines = vec![format!(
        "+ {uid} {modseq} {email_id} {thread_id} {at} {saved} {size} {base}{}\n",
        all_words(flags)
    )];
    if let Some(envelope) = envelope {
        let from = words::word(envelope.from.as_bytes());
        lines.push(format!("@ {uid} {modseq} {from}{}\n", all_words(&envelope.to)));
    }
    lines
}

/// The line for a message that has other flags.
pub(super) fn changed(uid: u32, modseq: u64, flags: &[String]) -> String {
    format!("= {uid} {modseq}{}\n", all_words(flags))
}

/// The line for a message that is gone.
pub(super) fn gone(uid: u32, modseq: u64) -> String {
    format!("- {uid} {modseq}\n")
}

fn all_words(list: &[String]) -> String {
    list.iter().map(|text| format!(" {}", words::word(text.as_bytes()))).collect()
}

impl Record {
    /// As a message is to be listed whose file name without flags is `base`.
    pub(super) fn of(message: &Message, base: &OsStr) -> Record {
        Record {
            modseq: message.modseq,
            email_id: message.email_id,
            thread_id: message.thread_id,
            at: message.at,
            saved: message.saved,
            size: message.body.len(),
            base: base.to_owned(),
            flags: message.flags.clone(),
            envelope: message.envelope.clone(),
        }
    }
}

/// The file, open for more lines.
#[derive(Debug)]
pub(super) struct UidList {
    path: PathBuf,
    pub(super) head: Head,
    lines: usize,
    len: u64,
    fsync: bool,
}

/// How long the file was before lines were appended, so that they can be taken back.
#[derive(Debug)]
pub(super) struct Before {
    len: u64,
    lines: usize,
    head: Head,
}

impl UidList {
    /// The list of a mailbox that was read.
    pub(super) fn of(folder: &Path, listed: &Listed, fsync: bool) -> UidList {
        UidList { path: folder.join(FILE), head: listed.head, lines: listed.lines, len: listed.len, fsync }
    }

    /// Writes a whole new list; readers find the old one or the new one, and nothing between.
    pub(super) fn write<'a>(
        folder: &Path,
        head: Head,
        records: impl Iterator<Item = (u32, &'a Record)>,
        fsync: bool,
    ) -> io::Result<UidList> {
        let mut text = head.to_string();
        let mut lines = 0;
        for (uid, record) in records {
            for line in came(uid, record) {
                text.push_str(&line);
                lines += 1;
            }
        }
        super::replace(folder, FILE, text.as_bytes(), fsync)?;
        Ok(UidList { path: folder.join(FILE), head, lines, len: text.len() as u64, fsync })
    }

    /// Appends lines, all or none; what was before is for [`UidList::undo`]. The head is to be brought up to date by
    /// the caller.
    pub(super) fn append(&mut self, lines: &[String]) -> io::Result<Before> {
        let before = Before { len: self.len, lines: self.lines, head: self.head };
        let mut text = String::new();
        if lines.len() > 1 {
            text.push_str(&format!("* {}\n", lines.len()));
        }
        lines.iter().for_each(|line| text.push_str(line));
        match self.put(text.as_bytes()) {
            Ok(()) => {
                self.len += text.len() as u64;
                self.lines += lines.len() + usize::from(lines.len() > 1);
                Ok(before)
            }
            Err(error) => {
                self.undo(before);
                Err(super::about(&self.path, "write", &error))
            }
        }
    }

    fn put(&self, text: &[u8]) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().append(true).open(&self.path)?;
        let there = file.metadata()?.len();
        if there < self.len {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "another program has shortened it"));
        }
        if there > self.len {
            // A torn line, or one that could not be taken back.
            file.set_len(self.len)?;
        }
        file.write_all(text)?;
        if self.fsync {
            file.sync_data()?;
        }
        Ok(())
    }

    /// Takes lines back whose messages could not be put in place. Making a file shorter needs no room; if it fails all
    /// the same, the next writer does it.
    pub(super) fn undo(&mut self, before: Before) {
        (self.len, self.lines, self.head) = (before.len, before.lines, before.head);
        if let Ok(file) = fs::OpenOptions::new().write(true).open(&self.path) {
            let _ = file.set_len(self.len);
        }
    }

    /// The folder has another name.
    pub(super) fn moved(&mut self, folder: &Path, validity: u32) {
        self.path = folder.join(FILE);
        self.head.validity = validity;
    }

    /// Whether the file should be written anew: most of it says nothing any more, or somebody took it away.
    pub(super) fn is_stale(&self, messages: usize) -> bool {
        self.lines > 4 * messages + MOST_OLD
            || !fs::symlink_metadata(&self.path).is_ok_and(|m| m.is_file() && m.len() >= self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(base: &str, flags: &[&str]) -> Record {
        Record {
            modseq: 4,
            email_id: 7,
            thread_id: 7,
            at: -5,
            saved: 10,
            size: 99,
            base: base.into(),
            flags: flags.iter().map(|f| (*f).to_owned()).collect(),
            envelope: None,
        }
    }

    fn line(uid: u32, record: &Record) -> String {
        came(uid, record).concat()
    }

    const FIRST: &str = "ehlo-uidlist 1 V5 N3 M2 I0\n";

    #[test]
    fn what_a_list_says() {
        let to = vec!["a b@c".to_owned(), String::new()];
        let envelope = Some(Arc::new(Envelope { from: String::new(), to }));
        let one = Record { envelope, ..record("1.M2 P3%.höst", &["\\Seen", "two words"]) };
        let text = [
            FIRST.to_owned(),
            line(3, &one),
            line(4, &record("x", &[])),
            changed(4, 6, &["a".to_owned()]),
            line(5, &record("y", &[])),
            gone(5, 7),
            "nonsense\n+ x\n+ 0 1\n= 99 3\n\n".to_owned(),
        ]
        .concat();
        let listed = parse(text.as_bytes()).unwrap();
        assert_eq!(listed.head, Head { validity: 5, next_uid: 100, modseq: 7, serial: 7 });
        assert_eq!(listed.records.keys().collect::<Vec<_>>(), [&3, &4]);
        assert_eq!(listed.records[&3], one);
        assert_eq!((listed.records[&4].modseq, &listed.records[&4].flags[..]), (6, &["a".to_owned()][..]));
        assert_eq!((listed.len, listed.lines), (text.len() as u64, 11));
    }

    #[test]
    fn what_was_torn_does_not_count() {
        let whole = format!("{FIRST}{}", line(3, &record("x", &[])));
        for rest in
            ["+ 4 1 1 1 1 1 1 y", "+", "* 2\n+ 4 1 1 1 1 1 1 y\n", "* 2\n+ 4 1 1 1 1 1 1 y\n- 3 1", "* 9\n"]
        {
            let listed = parse(format!("{whole}{rest}").as_bytes()).unwrap();
            assert_eq!(listed.records.len(), 1, "{rest}");
            assert_eq!((listed.len, listed.head.next_uid), (whole.len() as u64, 4));
        }
        let all = format!("{whole}* 2\n+ 4 1 1 1 1 1 1 y\n- 3 1\n");
        assert_eq!(parse(all.as_bytes()).unwrap().records.keys().collect::<Vec<_>>(), [&4]);
        for bad in ["", "ehlo-uidlist 1 V5", "3 V5 N1\n", "ehlo-uidlist 1 \n", "ehlo-uidlist 1 V0 N1\n", "\n"]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = parse(&[FIRST.as_bytes(), &bytes].concat());
        }

        #[test]
        fn cut_anywhere_a_list_says_what_was_whole(cut in 0usize..200) {
            let text = format!("{FIRST}{}* 2\n{}{}", line(3, &record("x", &["f"])), line(4, &record("y", &[])), gone(3, 9));
            let cut = cut.min(text.len());
            let Some(listed) = parse(&text.as_bytes()[..cut]) else {
                prop_assert!(cut < FIRST.len());
                return Ok(());
            };
            prop_assert!(listed.len <= cut as u64);
            prop_assert!(listed.records.len() <= 1);
        }
    }
}

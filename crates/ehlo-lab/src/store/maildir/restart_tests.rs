//! What is there again after a restart, after a sudden end at any place, and after other programs.

use super::*;
use crate::store::{Body, FlagChange, Mailboxes, Store, StoreError};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of this test, gone afterwards.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ehlo-maildir-{}-{count}", process::id()));
        let _ = fs::remove_dir_all(&path);
        Dir(path)
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Store, StoreError> {
        self.with_fsync(false)
    }

    fn with_fsync(&self, fsync: bool) -> Result<Store, StoreError> {
        let keeper = Maildir::open(&self.0, "lab.test", fsync)?;
        Store::open(["alice"].into_iter(), 1_800_000_000, u64::MAX, Some(Box::new(keeper)))
    }

    fn of(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The names of the files in a folder.
    fn files(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.of(path)).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Puts a message where another program would.
    fn put(&self, path: &str, text: &str) {
        fs::write(self.of(path), text).unwrap();
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn on<T>(store: &Store, work: impl FnOnce(&mut Mailboxes) -> T) -> T {
    store.with("alice", work).unwrap()
}

fn mail(text: &str) -> Message {
    Message::new(text.as_bytes().to_vec(), 1_000_000_000)
}

fn add(store: &Store, mailbox: &str, texts: &[&str]) -> Vec<u32> {
    on(store, |boxes| boxes.append(mailbox, texts.iter().map(|text| mail(text)).collect()).unwrap())
}

fn flag(store: &Store, uid: u32, flags: &[&str]) {
    let flags: Vec<String> = flags.iter().map(|f| (*f).to_owned()).collect();
    on(store, |boxes| boxes.flag("INBOX", uid, &FlagChange::Set(&flags)).unwrap());
}

/// UID, flags and text of all messages of a mailbox.
fn listed(store: &Store, mailbox: &str) -> Vec<(u32, Vec<String>, String)> {
    on(store, |boxes| {
        let messages = boxes.folders[mailbox].messages.iter();
        messages
            .map(|m| (m.uid, m.flags.clone(), String::from_utf8_lossy(&m.body.read().unwrap()).into_owned()))
            .collect()
    })
}

fn uids(store: &Store, mailbox: &str) -> Vec<u32> {
    listed(store, mailbox).into_iter().map(|(uid, ..)| uid).collect()
}

fn head(store: &Store, mailbox: &str) -> (u32, u32, u64) {
    on(store, |boxes| {
        let mailbox = &boxes.folders[mailbox];
        (mailbox.validity, mailbox.next_uid, mailbox.highest_modseq())
    })
}

fn look(store: &Store) {
    on(store, |boxes| boxes.look("INBOX").unwrap());
}

#[test]
fn everything_outlives_a_restart() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["A: 1\r\n\r\nbare\nline feed\r\n", "B: 2\r\n", "C: 3\r\n"]);
    flag(&store, 2, &["\\Seen", "work", "$Forwarded"]);
    flag(&store, 3, &["\\Deleted"]);
    on(&store, |boxes| {
        boxes.remove("INBOX", &[3]).unwrap();
        boxes.create("a.b/ü/~x", None).unwrap();
        boxes.create(&"long/".repeat(80), None).unwrap();
        let copy = boxes.folders["INBOX"].by_uid(2).cloned().unwrap();
        assert_eq!(boxes.append("a.b/ü/~x", vec![copy]).unwrap(), [1]);
        let mut attributes = boxes.folders["Sent"].attributes.clone();
        attributes.rights.insert("bob".into(), "lr".into());
        boxes.describe("Sent", attributes).unwrap();
        boxes.set_subscribed(vec!["INBOX".into(), "a.b/ü/~x".into()]).unwrap();
    });
    let state = |store: &Store| {
        on(store, |boxes| {
            let mailboxes: Vec<_> = boxes
                .folders
                .iter()
                .map(|(name, m)| {
                    let ids: Vec<_> = m
                        .messages
                        .iter()
                        .map(|m| (m.modseq, m.email_id, m.thread_id, m.at, m.saved, m.body.len()))
                        .collect();
                    (name.clone(), m.validity, m.next_uid, m.attributes.clone(), ids)
                })
                .collect();
            (mailboxes, boxes.subscribed.clone())
        })
    };
    let (before, inbox, copy) = (state(&store), listed(&store, "INBOX"), listed(&store, "a.b/ü/~x"));
    let heads = head(&store, "INBOX");
    assert_eq!(inbox[1].1, ["\\Seen", "work", "$Forwarded"]);
    assert_eq!(inbox[0].2, "A: 1\r\n\r\nbare\nline feed\r\n");
    // Each is one file, whatever mailboxes it is in.
    #[cfg(unix)]
    {
        let copied = dir.files("alice/.a&AC4-b.&APw-.~x/cur");
        let meta = fs::metadata(dir.of("alice/.a&AC4-b.&APw-.~x/cur").join(&copied[0])).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::nlink(&meta), 2);
        assert_eq!(scan::seconds(meta.modified().unwrap()), 1_000_000_000);
    }
    drop(store);
    let store = dir.open();
    assert_eq!(state(&store), before);
    assert_eq!((listed(&store, "INBOX"), listed(&store, "a.b/ü/~x")), (inbox, copy));
    assert_eq!(head(&store, "INBOX"), heads);
    assert_eq!(add(&store, "INBOX", &["D: 4\r\n"]), [4]);
    assert_eq!(head(&store, "INBOX").2, heads.2 + 1);
}

#[test]
fn conversations_go_on_after_a_restart() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["Message-ID: <1@x>\r\n\r\n"]);
    drop(store);
    let store = dir.open();
    add(&store, "Sent", &["Message-ID: <2@x>\r\nReferences: <1@x>\r\n\r\n"]);
    let thread = |name: &str| on(&store, |boxes| boxes.folders[name].messages[0].thread_id);
    assert_eq!(thread("Sent"), thread("INBOX"));
}

#[test]
fn flags_are_in_file_names() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["A: 1\r\n"]);
    assert_eq!((dir.files("alice/new").len(), dir.files("alice/cur").len()), (1, 0));
    flag(&store, 1, &["\\Seen", "\\Answered", "work"]);
    let name = dir.files("alice/cur").remove(0);
    assert!(name.ends_with(".lab.test,S=6,W=6:2,RSa"), "{name}");
    assert_eq!(fs::read_to_string(dir.of("alice/dovecot-keywords")).unwrap(), "0 work\n");
    flag(&store, 1, &[]);
    assert!(dir.files("alice/cur")[0].ends_with(":2,"), "{:?}", dir.files("alice/cur"));
    // Keywords for which there is no letter are kept as well.
    let many: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
    flag(&store, 1, &many.iter().map(String::as_str).collect::<Vec<_>>());
    drop(store);
    let store = dir.open();
    let found = listed(&store, "INBOX").remove(0).1;
    assert!(many.iter().all(|k| found.contains(k)) && found.len() == 40, "{found:?}");
}

#[test]
fn mailboxes_go_and_get_other_names() {
    let dir = Dir::new();
    let store = dir.open();
    on(&store, |boxes| boxes.create("a/b", None).map(drop).unwrap());
    add(&store, "a/b", &["A: 1\r\n"]);
    on(&store, |boxes| boxes.create("a", None).map(drop).unwrap());
    let (first, id) = (head(&store, "a/b").0, on(&store, |boxes| boxes.folders["a/b"].attributes.id));
    // To a name that a folder has, to one that no folder can have, and back.
    for to in ["x/b", "y//z", "x"] {
        let from =
            on(&store, |boxes| boxes.folders.keys().find(|n| boxes.folders[*n].attributes.id == id).cloned());
        on(&store, |boxes| boxes.rename(&from.unwrap(), to).unwrap());
        assert_eq!(listed(&store, to)[0].2, "A: 1\r\n");
    }
    let last = head(&store, "x").0;
    assert!(last > first);
    assert!(on(&store, |boxes| boxes.rename("x", "a").is_err()));
    drop(store);
    let store = dir.open();
    assert_eq!((uids(&store, "x"), head(&store, "x").0), (vec![1], last));
    // The largest validity goes with its mailbox, and does not come again.
    on(&store, |boxes| boxes.create("new", None).map(drop).unwrap());
    let largest = head(&store, "new").0;
    on(&store, |boxes| {
        boxes.delete("new").unwrap();
        boxes.delete("x").unwrap();
    });
    assert!(!dir.files("alice").iter().any(|f| f.contains("gone") || f == ".x" || f == ".new"));
    drop(store);
    let store = dir.open();
    on(&store, |boxes| boxes.create("x", None).map(drop).unwrap());
    assert!(head(&store, "x").0 > largest && uids(&store, "x").is_empty());
}

#[test]
fn a_sudden_end_between_any_two_calls_loses_nothing() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["A: 1\r\n", "B: 2\r\n", "C: 3\r\n"]);
    flag(&store, 2, &["\\Flagged"]);
    drop(store);
    let list = dir.of("alice/ehlo-uidlist");
    let before = fs::read_to_string(&list).unwrap();
    let reset = || fs::write(&list, &before).unwrap();
    let line = |uid: u32| format!("+ {uid} 9 {uid} {uid} 0 0 6 late.{uid} \\Seen\n");

    // Written to tmp, not in the list: it never came, and its UID is free.
    dir.put("alice/tmp/ehlo-4", "D: 4\r\n");
    let store = dir.open();
    assert_eq!((uids(&store, "INBOX"), dir.files("alice/tmp")), (vec![1, 2, 3], vec![]));
    assert_eq!(head(&store, "INBOX").1, 4);
    drop(store);

    // In the list, not moved yet: it is moved.
    reset();
    dir.put("alice/tmp/ehlo-4", "D: 4\r\n");
    fs::write(&list, format!("{before}{}", line(4))).unwrap();
    let store = dir.open();
    let last = listed(&store, "INBOX").pop().unwrap();
    assert_eq!(last, (4, vec!["\\Seen".to_owned()], "D: 4\r\n".to_owned()));
    assert!(dir.files("alice/tmp").is_empty() && dir.of("alice/cur/late.4:2,S").exists());
    on(&store, |boxes| boxes.remove("INBOX", &[4]).unwrap());
    drop(store);
    let store = dir.open();
    assert_eq!((uids(&store, "INBOX"), head(&store, "INBOX").1), (vec![1, 2, 3], 5));
    drop(store);

    // Several, and their lines were torn: none came.
    for torn in [format!("* 2\n{}", line(4)), format!("* 2\n{}+ 5 9 5 5 0 0", line(4))] {
        fs::write(&list, format!("{before}{torn}")).unwrap();
        dir.put("alice/tmp/ehlo-4", "D: 4\r\n");
        dir.put("alice/tmp/ehlo-5", "E: 5\r\n");
        let store = dir.open();
        assert_eq!((uids(&store, "INBOX"), dir.files("alice/tmp")), (vec![1, 2, 3], vec![]));
        // The torn line is not in the way of the next one.
        assert_eq!(add(&store, "INBOX", &["F: 4\r\n"]), [4]);
        drop(store);
        let store = dir.open();
        assert_eq!(uids(&store, "INBOX"), [1, 2, 3, 4]);
        on(&store, |boxes| boxes.remove("INBOX", &[4]).unwrap());
    }
    reset();

    // On the way out, not in the list as gone: it comes back with its flags. Then it is gone for good.
    let name = dir.files("alice/cur").remove(0);
    fs::rename(dir.of("alice/cur").join(&name), dir.of("alice/tmp/ehlo-2")).unwrap();
    let store = dir.open();
    assert_eq!(listed(&store, "INBOX")[1], (2, vec!["\\Flagged".to_owned()], "B: 2\r\n".to_owned()));
    drop(store);
    let name = dir.files("alice/cur").remove(0);
    fs::rename(dir.of("alice/cur").join(&name), dir.of("alice/tmp/ehlo-2")).unwrap();
    fs::write(&list, format!("{before}- 2 9\n")).unwrap();
    let store = dir.open();
    assert_eq!((uids(&store, "INBOX"), dir.files("alice/tmp")), (vec![1, 3], vec![]));
    let modseq = head(&store, "INBOX").2;
    drop(store);

    // New flags in the list, the file not renamed: the file is right, and clients are told.
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{text}= 3 {} \\Draft\n", modseq + 1)).unwrap();
    let store = dir.open();
    let found = listed(&store, "INBOX").pop().unwrap();
    assert_eq!((found.0, found.1), (3, vec![]));
    assert_eq!(head(&store, "INBOX").2, modseq + 2);
    drop(store);

    // A mailbox half made, one half taken away, a file half replaced.
    fs::create_dir_all(dir.of("alice/.half/new")).unwrap();
    fs::create_dir_all(dir.of("alice/ehlo-gone-1-1/cur")).unwrap();
    dir.put("alice/ehlo-uidlist.ehlo-new", "ehlo-uid");
    let store = dir.open();
    assert!(on(&store, |boxes| !boxes.folders.contains_key("half")));
    on(&store, |boxes| assert!(boxes.create("half", None).unwrap()));
    assert_eq!(add(&store, "half", &["A: 1\r\n"]), [1]);
    assert_eq!(uids(&store, "INBOX"), [1, 3]);
    assert!(!dir.of("alice/ehlo-gone-1-1").exists());
}

#[test]
fn a_new_account_that_was_not_finished_is_finished() {
    let dir = Dir::new();
    drop(dir.open());
    fs::remove_file(dir.of("alice/subscriptions")).unwrap();
    fs::remove_dir_all(dir.of("alice/.Sent")).unwrap();
    fs::remove_file(dir.of("alice/.Trash/ehlo-mailbox")).unwrap();
    let store = dir.open();
    on(&store, |boxes| {
        for name in ["Sent", "Trash"] {
            assert_eq!(boxes.folders[name].attributes.special_use, Some(format!("\\{name}")));
            assert_ne!(boxes.folders[name].attributes.id, 0);
        }
        assert!(boxes.subscribed.contains(&"Sent".to_owned()));
    });
}

#[test]
fn what_fails_is_taken_back() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["A: 1\r\n"]);
    let before = fs::read_to_string(dir.of("alice/ehlo-uidlist")).unwrap();
    // Nothing can be moved into what is no directory.
    fs::rename(dir.of("alice/new"), dir.of("alice/was-new")).unwrap();
    dir.put("alice/new", "");
    let failed = on(&store, |boxes| boxes.append("INBOX", vec![mail("B: 2\r\n"), mail("C: 3\r\n")]));
    assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    assert_eq!(fs::read_to_string(dir.of("alice/ehlo-uidlist")).unwrap(), before);
    assert!(dir.files("alice/tmp").is_empty());
    fs::remove_file(dir.of("alice/new")).unwrap();
    fs::rename(dir.of("alice/was-new"), dir.of("alice/new")).unwrap();
    // The same for flags and removals.
    fs::rename(dir.of("alice/cur"), dir.of("alice/was-cur")).unwrap();
    dir.put("alice/cur", "");
    let seen = ["\\Seen".to_owned()];
    assert!(on(&store, |boxes| boxes.flag("INBOX", 1, &FlagChange::Add(&seen))).is_err());
    fs::remove_file(dir.of("alice/cur")).unwrap();
    fs::rename(dir.of("alice/was-cur"), dir.of("alice/cur")).unwrap();
    fs::rename(dir.of("alice/tmp"), dir.of("alice/was-tmp")).unwrap();
    assert!(on(&store, |boxes| boxes.remove("INBOX", &[1])).is_err());
    assert!(on(&store, |boxes| boxes.append("INBOX", vec![mail("B: 2\r\n")])).is_err());
    fs::rename(dir.of("alice/was-tmp"), dir.of("alice/tmp")).unwrap();
    assert_eq!(listed(&store, "INBOX"), [(1, vec![], "A: 1\r\n".to_owned())]);
    assert_eq!(add(&store, "INBOX", &["B: 2\r\n"]), [2]);
    drop(store);
    assert_eq!(uids(&dir.open(), "INBOX"), [1, 2]);
}

#[test]
fn other_programs_deliver_flag_and_remove() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["A: 1\r\n", "B: 2\r\n"]);
    look(&store);
    // Delivered with LF alone, as most do; it stays where it is.
    dir.put("alice/new/10.b.host", "Subject: x\n\nbody\n");
    dir.put("alice/new/9.a.host", "Subject: y\n");
    dir.put("alice/cur/11.c.host:2,FS", "Subject: z\n");
    dir.put("alice/new/.hidden", "no");
    fs::create_dir(dir.of("alice/new/folder")).unwrap();
    look(&store);
    let found = listed(&store, "INBOX");
    assert_eq!(
        found.iter().map(|m| (m.0, m.2.as_str())).collect::<Vec<_>>()[2..],
        [(3, "Subject: y\r\n"), (4, "Subject: x\r\n\r\nbody\r\n"), (5, "Subject: z\r\n"),]
    );
    assert_eq!(found[4].1, ["\\Flagged", "\\Seen"]);
    assert!(dir.of("alice/new/10.b.host").exists());
    on(&store, |boxes| assert_eq!(boxes.folders["INBOX"].by_uid(4).unwrap().body.len(), 20));
    look(&store);
    assert_eq!(uids(&store, "INBOX").len(), 5);
}

#[test]
fn what_others_did_holds() {
    let dir = Dir::new();
    let store = dir.open();
    dir.put("alice/new/10.b.host", "Subject: x\n\nbody\n");
    dir.put("alice/new/11.b.host", "Subject: y\n");
    look(&store);
    let modseq = head(&store, "INBOX").2;
    fs::rename(dir.of("alice/new/10.b.host"), dir.of("alice/cur/10.b.host:2,RX")).unwrap();
    assert_eq!(listed(&store, "INBOX")[0].2, "Subject: x\r\n\r\nbody\r\n");
    let seen = ["\\Seen".to_owned()];
    on(&store, |boxes| boxes.flag("INBOX", 1, &FlagChange::Add(&seen)).unwrap());
    assert_eq!(dir.files("alice/cur"), ["10.b.host:2,RSX"]);
    fs::rename(dir.of("alice/cur/10.b.host:2,RSX"), dir.of("alice/cur/10.b.host:2,FX")).unwrap();
    fs::remove_file(dir.of("alice/new/11.b.host")).unwrap();
    look(&store);
    let found = listed(&store, "INBOX");
    assert_eq!((found.len(), &found[0].1[..]), (1, &["\\Flagged".to_owned()][..]));
    assert!(head(&store, "INBOX").2 >= modseq + 3);
    let before = head(&store, "INBOX");
    // Removed and taken away at once: no matter.
    on(&store, |boxes| {
        fs::remove_file(dir.of("alice/cur/10.b.host:2,FX")).unwrap();
        boxes.remove("INBOX", &[1]).unwrap();
    });
    drop(store);
    let store = dir.open();
    assert_eq!((head(&store, "INBOX").0, head(&store, "INBOX").1), (before.0, 3));
    assert!(head(&store, "INBOX").2 > before.2);
    drop(store);
    // While nobody looked: flags and removals are seen at the start, with new modification sequences.
    let store = dir.open();
    add(&store, "INBOX", &["A: 1\r\n", "B: 2\r\n"]);
    let before = head(&store, "INBOX").2;
    drop(store);
    let names = dir.files("alice/new");
    fs::rename(dir.of("alice/new").join(&names[0]), dir.of("alice/cur").join(format!("{}:2,T", names[0])))
        .unwrap();
    fs::remove_file(dir.of("alice/new").join(&names[1])).unwrap();
    let store = dir.open();
    let found = listed(&store, "INBOX");
    assert_eq!((found.len(), found[0].0, &found[0].1[..]), (1, 3, &["\\Deleted".to_owned()][..]));
    assert!(head(&store, "INBOX").2 > before && head(&store, "INBOX").1 == 5);
}

#[test]
fn a_maildir_of_others_is_taken_over() {
    let dir = Dir::new();
    for part in ["cur", "new", "tmp", ".Old.Müll/cur", ".Old.Müll/new", ".&ANw-/cur", ".no-maildir"] {
        fs::create_dir_all(dir.of("alice").join(part)).unwrap();
    }
    dir.put("alice/cur/1.x:2,Sab", "Subject: x\n\n");
    dir.put("alice/dovecot-keywords", "0 $Junk\n1 work\n");
    dir.put("alice/.Old.Müll/new/2.y", "Subject: y\n\n");
    dir.put("alice/ehlo-uidlist", "rubbish");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc", dir.of("alice/.link")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", dir.of("alice/new/3.z")).unwrap();
        let odd: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(b"4.\xff\n z:2,F".to_vec());
        fs::write(dir.of("alice/cur").join(odd), "Subject: odd\n").unwrap();
    }
    for _ in 0..2 {
        let store = dir.open();
        let found = listed(&store, "INBOX");
        assert_eq!(
            found[0],
            (1, ["\\Seen", "$Junk", "work"].map(str::to_owned).to_vec(), "Subject: x\r\n\r\n".to_owned())
        );
        #[cfg(unix)]
        assert_eq!(found[1..], [(2, vec!["\\Flagged".to_owned()], "Subject: odd\r\n".to_owned())]);
        assert_eq!(uids(&store, "Old/Müll"), [1]);
        on(&store, |boxes| {
            assert!(boxes.folders.contains_key("Ü") && boxes.folders.contains_key("Sent"));
            assert!(!boxes.folders.contains_key("link") && !boxes.folders.contains_key("no-maildir"));
            assert_ne!(boxes.folders["Ü"].attributes.id, 0);
        });
    }
    assert_eq!(fs::read_to_string(dir.of("alice/ehlo-uidlist.damaged")).unwrap(), "rubbish");
}

#[test]
fn a_list_is_written_anew_and_found_again() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["A: 1\r\n"]);
    for n in 0..1200 {
        flag(&store, 1, if n % 2 == 0 { &["\\Seen", "k"] } else { &[] });
    }
    let long = fs::metadata(dir.of("alice/ehlo-uidlist")).unwrap().len();
    look(&store);
    assert!(fs::metadata(dir.of("alice/ehlo-uidlist")).unwrap().len() < long / 50);
    let before = head(&store, "INBOX");
    // Somebody takes it away: it is made again.
    fs::remove_file(dir.of("alice/ehlo-uidlist")).unwrap();
    assert!(on(&store, |boxes| boxes.append("INBOX", vec![mail("B: 2\r\n")])).is_err());
    look(&store);
    assert_eq!(add(&store, "INBOX", &["B: 2\r\n"]), [2]);
    drop(store);
    let store = dir.open();
    assert_eq!(uids(&store, "INBOX"), [1, 2]);
    assert_eq!(head(&store, "INBOX").0, before.0);
}

#[test]
fn with_fsync_it_is_the_same() {
    let dir = Dir::new();
    let store = dir.with_fsync(true).unwrap();
    add(&store, "INBOX", &["A: 1\r\n", "B: 2\r\n", "C: 3\r\n"]);
    flag(&store, 2, &["\\Seen", "k"]);
    on(&store, |boxes| {
        boxes.remove("INBOX", &[1]).unwrap();
        boxes.create("x", None).unwrap();
        boxes.rename("x", "y").unwrap();
        let copies = boxes.folders["INBOX"].messages.clone();
        boxes.append("y", copies).unwrap();
        boxes.delete("Sent").unwrap();
    });
    let before = (listed(&store, "INBOX"), listed(&store, "y"));
    drop(store);
    let store = dir.with_fsync(true).unwrap();
    assert_eq!((listed(&store, "INBOX"), listed(&store, "y")), before);
}

#[test]
fn a_directory_has_one_lab() {
    let dir = Dir::new();
    let store = dir.open();
    let second = Maildir::open(&dir.0, "lab.test", false).unwrap_err();
    assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
    drop(store);
    dir.open();
}

#[test]
fn links_are_not_followed() {
    #[cfg(unix)]
    {
        let (dir, elsewhere) = (Dir::new(), Dir::new());
        fs::create_dir_all(elsewhere.of("cur")).unwrap();
        fs::create_dir_all(&dir.0).unwrap();
        std::os::unix::fs::symlink(&elsewhere.0, dir.of("alice")).unwrap();
        let error = dir.try_open().unwrap_err().to_string();
        assert!(error.contains("symbolic links are not followed"), "{error}");
        fs::remove_file(dir.of("alice")).unwrap();
        drop(dir.open());
        fs::remove_dir(dir.of("alice/new")).unwrap();
        std::os::unix::fs::symlink(&elsewhere.0, dir.of("alice/new")).unwrap();
        assert!(dir.try_open().is_err());
    }
}

#[test]
fn ten_thousand_messages_are_there_at_once() {
    let dir = Dir::new();
    let store = dir.open();
    add(&store, "INBOX", &["Message-ID: <1@x>\r\n\r\nbody\r\n"]);
    // Copies share one file, which is what makes it bearable here.
    on(&store, |boxes| {
        let first = boxes.folders["INBOX"].messages[0].clone();
        boxes.append("INBOX", vec![first; 9_999]).unwrap();
    });
    drop(store);
    let start = std::time::Instant::now();
    let store = dir.open();
    let took = start.elapsed();
    on(&store, |boxes| assert_eq!(boxes.folders["INBOX"].messages.len(), 10_000));
    // It is a tenth of that; the rest is for slow machines.
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");

    on(&store, |boxes| assert!(matches!(boxes.folders["INBOX"].messages[0].body, Body::File { .. })));
}

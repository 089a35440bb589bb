//! What a user has of a store on the disk: restarts, other programs, and a disk that is full.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod common;

use common::{client, deliver, folder, imap, lab, talk};
use ehlo_core::Scheme;
use std::path::Path;
use std::process::Command;

const ALICE: &str = "alice wonderland";

#[test]
fn a_user_finds_again_what_was_there() {
    let dir = folder("maildir-again");
    let open = || lab(|config| config.store = Some(dir.clone())).unwrap();
    let first = open();
    assert!(deliver(&first, "Subject: hello\r\n\r\nbody\r\n").starts_with("250"));
    let said = imap(
        &first,
        ALICE,
        &[
            "CREATE Projekte.2026/Küche",
            "CREATE \"Projekte.2026/K&APw-che\"",
            "SUBSCRIBE \"Projekte.2026/K&APw-che\"",
            "SELECT INBOX",
            "STORE 1 +FLAGS (\\Seen \\Flagged $Important)",
            "COPY 1 \"Projekte.2026/K&APw-che\"",
            "MOVE 1 Archive",
            "RENAME Archive Old/2026",
        ],
    );
    assert!(said.contains("BAD") || said.contains("NO"), "raw UTF-8 is no name: {said}");
    let asked: &[&str] = &[
        "LIST \"\" * RETURN (SUBSCRIBED STATUS (MESSAGES UIDVALIDITY UIDNEXT))",
        "SELECT Old/2026",
        "FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ EMAILID THREADID BODY.PEEK[])",
        "SELECT \"Projekte.2026/K&APw-che\"",
        "FETCH 1 (UID FLAGS EMAILID)",
    ];
    // The first who looks is told that they are recent; that is over after a restart.
    imap(&first, ALICE, asked);
    let before = imap(&first, ALICE, asked);
    assert!(
        before.contains("\\Flagged") && before.contains("$Important") && before.contains("body"),
        "{before}"
    );
    drop(first);
    let second = open();
    assert_eq!(imap(&second, ALICE, asked), before);
}

#[test]
fn clients_are_told_what_other_programs_do() {
    let dir = folder("maildir-others");
    let lab = lab(|config| config.store = Some(dir.clone())).unwrap();
    let mut session = client(&lab, Scheme::Imap);
    talk(&mut session, "a LOGIN alice wonderland\r\nb SELECT INBOX\r\n");
    std::fs::write(dir.join("alice/new/1.x.host"), "Subject: from elsewhere\n\nbody\n").unwrap();
    let said = talk(&mut session, "c NOOP\r\n");
    assert!(said.contains("* 1 EXISTS"), "{said}");
    let said = talk(&mut session, "d FETCH 1 BODY.PEEK[]\r\n");
    assert!(said.contains("{33}\r\nSubject: from elsewhere\r\n\r\nbody\r\n"), "{said}");
    std::fs::rename(dir.join("alice/new/1.x.host"), dir.join("alice/cur/1.x.host:2,S")).unwrap();
    let said = talk(&mut session, "e NOOP\r\n");
    assert!(said.contains("* 1 FETCH") && said.contains("\\Seen"), "{said}");
    std::fs::remove_file(dir.join("alice/cur/1.x.host:2,S")).unwrap();
    let said = talk(&mut session, "f NOOP\r\n");
    assert!(said.contains("* 1 EXPUNGE"), "{said}");
    // A maildrop shows what is there when it is opened.
    std::fs::write(dir.join("alice/new/2.x.host"), "Subject: y\n\n.body\n").unwrap();
    let mut session = client(&lab, Scheme::Pop3);
    let said = talk(&mut session, "USER alice\r\nPASS wonderland\r\nLIST\r\nRETR 1\r\n");
    assert!(said.contains("\r\n1 21\r\n") && said.contains("\r\n..body\r\n"), "{said}");
}

/// A small file system of its own, gone with this.
struct Small<'a>(&'a Path);

impl Small<'_> {
    /// None where that is not allowed.
    fn mount(path: &Path) -> Option<Small<'_>> {
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(path).output();
        done.is_ok_and(|done| done.status.success()).then_some(Small(path))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "says what it left out")]
fn a_full_disk_takes_nothing_that_was_acknowledged() {
    let dir = folder("maildir-full");
    let Some(_small) = Small::mount(&dir) else {
        eprintln!("no file system of its own can be mounted here: left out");
        return;
    };
    let open = || lab(|config| config.store = Some(dir.clone())).unwrap();
    let first = open();
    let mail = format!("Subject: x\r\n\r\n{}", "line\r\n".repeat(1000));
    let mut there = 0;
    let refused = loop {
        let answer = deliver(&first, &mail);
        if !answer.starts_with("250") {
            break answer;
        }
        there += 1;
        assert!(there < 1000, "the disk has no end");
    };
    assert!(refused.starts_with("452 4.3.1"), "{refused}");
    assert!(there > 2);
    let append = format!("APPEND INBOX {{{}+}}\r\n{mail}", mail.len());
    let said = imap(&first, ALICE, &[&append, "CREATE one", "CREATE two"]);
    assert!(said.starts_with("b NO [OVERQUOTA]"), "{said}");
    let unfinished = || std::fs::read_dir(dir.join("alice/tmp")).unwrap().count();
    assert_eq!(unfinished(), 0);
    let state: &[&str] = &["STATUS INBOX (MESSAGES UIDNEXT)"];
    let wanted = format!("MESSAGES {there} UIDNEXT {}", there + 1);
    assert!(imap(&first, ALICE, state).contains(&wanted));
    drop(first);
    let second = open();
    assert!(imap(&second, ALICE, state).contains(&wanted), "{}", imap(&second, ALICE, state));
    // Where something goes, there is room again.
    let said = imap(&second, ALICE, &["SELECT INBOX", "STORE 1:2 FLAGS (\\Deleted)", "EXPUNGE"]);
    assert!(said.contains("* 1 EXPUNGE"), "{said}");
    assert!(deliver(&second, &mail).starts_with("250"));
}

#[test]
fn a_store_in_memory_is_full_at_its_limit() {
    let lab = lab(|config| config.limit = 2000).unwrap();
    let mail = format!("Subject: x\r\n\r\n{}", "line\r\n".repeat(200));
    assert!(deliver(&lab, &mail).starts_with("250"));
    assert!(deliver(&lab, &mail).starts_with("452 4.3.1"));
}

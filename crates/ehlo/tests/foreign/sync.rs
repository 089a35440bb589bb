//! Programs that keep two stores alike: mbsync and OfflineIMAP, both ways, twice.

use crate::common::RunningLab;
use crate::curl::imap;
use crate::programs::{Home, deliver, there};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LOGIN: &str = "alice:wonderland";

/// The messages of a Maildir: subject and flags. mbsync calls a folder `new` too, where unseen ones lie.
fn maildir(path: &Path) -> BTreeSet<(String, String)> {
    files(path)
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let subject = text.lines().find_map(|l| l.strip_prefix("Subject: ")).unwrap_or_default();
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let flags = name.split_once(":2,").map_or("", |(_, flags)| flags);
            (subject.trim().to_owned(), flags.to_owned())
        })
        .collect()
}

/// The files of the messages.
fn files(path: &Path) -> Vec<PathBuf> {
    let of =
        |part: &str| std::fs::read_dir(path.join(part)).into_iter().flatten().flatten().map(|e| e.path());
    of("cur").chain(of("new")).collect()
}

/// The file of the message with this subject.
fn file_of(path: &Path, subject: &str) -> PathBuf {
    let wanted = format!("Subject: {subject}");
    let is = |file: &PathBuf| std::fs::read_to_string(file).unwrap().lines().any(|l| l.trim() == wanted);
    files(path).into_iter().find(is).unwrap_or_else(|| panic!("{subject} is not there"))
}

/// Gives a message other flags, as a mail program does: by its name, in `cur`.
fn flag(path: &Path, subject: &str, flags: &str) {
    let file = file_of(path, subject);
    let name = file.file_name().unwrap().to_str().unwrap();
    let base = name.split(":2,").next().unwrap();
    std::fs::rename(&file, path.join("cur").join(format!("{base}:2,{flags}"))).unwrap();
}

/// Lays a message into a Maildir with a time that is past, or the programs wait until it is.
fn put(path: &Path, name: &str, subject: &str) {
    let file = path.join("cur").join(name);
    std::fs::write(
        &file,
        format!("From: alice@lab.test\nDate: Mon, 2 Feb 2026 10:00:00 +0000\nMessage-ID: <{name}@near>\nSubject: {subject}\n\nx\n"),
    )
    .unwrap();
}

/// What the lab holds of a mailbox: subject and flags as Maildir letters, without what each program adds of its own.
/// Every message has a date, so the subject is the second string of the envelope.
fn far(lab: &RunningLab, mailbox: &str) -> BTreeSet<(String, String)> {
    let count = imap(lab, LOGIN, "", &format!("STATUS {mailbox} (MESSAGES)"));
    let mut found = BTreeSet::new();
    if count.contains("(MESSAGES 0)") {
        return found;
    }
    let said = imap(lab, LOGIN, mailbox, "FETCH 1:* (FLAGS ENVELOPE)");
    for line in said.lines().filter(|l| l.contains(" FETCH (")) {
        let subject = line.split("ENVELOPE (").nth(1).unwrap().split('"').nth(3).unwrap();
        let letters: String = [("\\Draft", 'D'), ("\\Flagged", 'F'), ("\\Answered", 'R'), ("\\Seen", 'S')]
            .iter()
            .filter(|(flag, _)| line.contains(flag))
            .map(|(_, letter)| *letter)
            .collect();
        found.insert((subject.to_owned(), letters));
    }
    found
}

fn set(messages: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    messages.iter().map(|(s, f)| ((*s).to_owned(), (*f).to_owned())).collect()
}

/// The tale that both programs must get right. `sync` runs the program once; it yields what it said.
fn both_ways(lab: &RunningLab, near: &Path, sync: &dyn Fn() -> String) {
    let inbox = near.join("INBOX");
    for subject in ["one", "two", "three", "four"] {
        deliver(
            lab,
            "alice",
            &format!(
                "From: bob@example.org\nDate: Mon, 2 Feb 2026 10:00:00 +0000\nMessage-ID: <{subject}@far>\nSubject: {subject}\n\n.\n"
            ),
        );
    }
    sync();
    assert_eq!(maildir(&inbox), set(&[("one", ""), ("two", ""), ("three", ""), ("four", "")]));
    let names = |path: &Path| files(path).into_iter().collect::<BTreeSet<_>>();
    let before = names(&inbox);
    sync();
    assert_eq!(names(&inbox), before, "the second run changed something");

    // Near: flags, a deletion, a new message, a new folder. Far: flags, a deletion, a new message, a new folder.
    flag(&inbox, "one", "FS");
    std::fs::remove_file(file_of(&inbox, "two")).unwrap();
    put(&inbox, "1500000000.near", "near");
    imap(lab, LOGIN, "INBOX", "STORE 3 +FLAGS (\\Answered)");
    imap(lab, LOGIN, "INBOX", "STORE 4 +FLAGS (\\Deleted)");
    imap(lab, LOGIN, "INBOX", "EXPUNGE");
    imap(lab, LOGIN, "", "CREATE Projects");
    deliver(
        lab,
        "alice",
        "From: bob@example.org\nDate: Mon, 2 Feb 2026 10:00:00 +0000\nMessage-ID: <five@far>\nSubject: five\n\nx\n",
    );
    sync();
    let wanted = set(&[("one", "FS"), ("three", "R"), ("near", ""), ("five", "")]);
    assert_eq!(far(lab, "INBOX"), wanted);
    assert_eq!(maildir(&inbox), wanted);
    assert!(near.join("Projects").is_dir());

    let before = (names(&inbox), far(lab, "INBOX"), imap(lab, LOGIN, "INBOX", "UID SEARCH ALL"));
    let said = sync();
    let after = (names(&inbox), far(lab, "INBOX"), imap(lab, LOGIN, "INBOX", "UID SEARCH ALL"));
    assert_eq!(before, after, "{said}");
}

#[test]
fn mbsync_keeps_both_sides_alike() {
    if !there(&["mbsync", "curl"]) {
        return;
    }
    for (number, (scheme, tls)) in [("imap", "STARTTLS"), ("imaps", "IMAPS")].into_iter().enumerate() {
        let lab = RunningLab::start(&format!("foreign-mbsync-{number}"), &[]);
        let home = Home::new(&format!("mbsync-{number}"));
        let near = home.path().join("mail");
        std::fs::create_dir(&near).unwrap();
        // It compares the name in the certificate as text, so an address will not do.
        let (port, ca, mail) = (lab.port(scheme), lab.ca.display(), near.display());
        let config = format!(
            "FSync no\nIMAPAccount lab\nHost localhost\nPort {port}\nUser alice\nPass wonderland\nSSLType {tls}\n\
             CertificateFile {ca}\n\nIMAPStore far\nAccount lab\n\nMaildirStore near\nPath {mail}/\n\
             Inbox {mail}/INBOX\nSubFolders Verbatim\n\nChannel lab\nFar :far:\nNear :near:\nPatterns *\n\
             Create Both\nRemove Both\nExpunge Both\nSyncState *\n"
        );
        let config = home.file("mbsyncrc", &config);
        both_ways(&lab, &near, &|| home.run("mbsync", &["-c", config.to_str().unwrap(), "-V", "lab"]).good());
    }
}

#[test]
fn offlineimap_keeps_both_sides_alike() {
    if !there(&["offlineimap", "curl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-offlineimap", &[]);
    let home = Home::new("offlineimap");
    let near = home.path().join("mail");
    let config = format!(
        "[general]\naccounts = lab\nui = basic\nmetadata = {}\nmaxsyncaccounts = 1\nsocktimeout = 30\n\
         [Account lab]\nlocalrepository = near\nremoterepository = far\n\
         [Repository near]\ntype = Maildir\nlocalfolders = {}\n\
         [Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {}\nssl = yes\nsslcacertfile = {}\n\
         remoteuser = alice\nremotepass = wonderland\n",
        home.path().join("meta").display(),
        near.display(),
        lab.port("imaps"),
        lab.ca.display(),
    );
    let config = home.file("offlineimaprc", &config);
    both_ways(&lab, &near, &|| home.run("offlineimap", &["-c", config.to_str().unwrap(), "-o"]).good());
}

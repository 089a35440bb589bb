//! `ehlo lab --store`, `--limit` and `--seed`

use crate::common::{RunningLab, ehlo, folder};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// An IMAP client of alice.
struct Client(BufReader<TcpStream>);

impl Client {
    fn login(lab: &RunningLab) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", lab.port("imap"))).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut client = Client(BufReader::new(stream));
        client.line();
        assert!(client.say("a LOGIN alice wonderland").contains("a OK "));
        client
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// Says something; what comes up to the line that begins with the same word.
    fn say(&mut self, text: &str) -> String {
        self.0.get_mut().write_all(format!("{text}\r\n").as_bytes()).unwrap();
        let tag = format!("{} ", text.split(' ').next().unwrap());
        let mut said = String::new();
        loop {
            let line = self.line();
            said.push_str(&line);
            if line.is_empty() || line.starts_with(&tag) {
                return said;
            }
        }
    }
}

const CLEAR: [&str; 2] = ["--fault", "auth-clear-accepted"];

#[test]
fn mail_is_there_after_a_restart_and_comes_from_elsewhere() {
    let store = folder("lab-store").join("mail");
    let seed = folder("lab-store-seed").join("one.mbox");
    std::fs::write(&seed, "From a@b Thu Jan  1 00:00:01 1970\nSubject: one\n\nx\n").unwrap();
    let store_flag = ["--store", store.to_str().unwrap(), "--seed", seed.to_str().unwrap()];
    let arguments = [&store_flag[..], &CLEAR].concat();
    let lab = RunningLab::start("lab-store-1", &arguments);
    assert!(Client::login(&lab).say("b SELECT INBOX").contains("* 1 EXISTS"));
    // Nobody else may have it.
    let second = ehlo(&["lab", "--port-base", "0", "--store", store.to_str().unwrap()]);
    assert_eq!(second.code, 3);
    assert!(second.err.contains("another ehlo lab uses this store"), "{}", second.err);
    let second = ehlo(&["lab", "--port-base", "0", "--store", store.to_str().unwrap(), "--lang", "de"]);
    assert!(second.err.contains("Ein anderes ehlo lab benutzt diese Ablage"), "{}", second.err);
    drop(lab);
    let lab = RunningLab::start("lab-store-2", &arguments);
    let mut client = Client::login(&lab);
    assert!(client.say("b SELECT INBOX").contains("* 1 EXISTS"));
    // A client that waits is told what another program delivers.
    client.0.get_mut().write_all(b"c IDLE\r\n").unwrap();
    assert!(client.line().starts_with("+ "));
    let start = Instant::now();
    std::fs::write(store.join("alice/new/1.elsewhere"), "Subject: two\n\n").unwrap();
    while !client.line().starts_with("* 2 EXISTS") {}
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn what_cannot_be_is_said_at_the_start() {
    let dir = folder("lab-store-wrong");
    let file = dir.join("file");
    std::fs::write(&file, "hello\n").unwrap();
    let (file, below) = (file.to_str().unwrap(), dir.join("file/below"));
    let start = |arguments: &[&str]| ehlo(&[&["lab", "--port-base", "0"], arguments].concat());
    for (arguments, code, wanted) in [
        (&["--store", below.to_str().unwrap()][..], 3, "A directory is wanted"),
        (&["--store", file], 3, "cannot be used as a store"),
        (&["--fsync"], 2, "needs --store DIR"),
        (&["--limit", "much"], 2, "--limit much: a size such as 500M or 2G is wanted"),
        (&["--seed", file], 3, "file:1: a message begins here"),
        (&["--seed", "eve=x"], 2, "the lab has no account eve"),
        (&["--seed", "/no/such"], 3, "/no/such: "),
    ] {
        let ran = start(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{arguments:?}: {}", ran.err);
    }
}

#[test]
#[cfg(unix)]
#[allow(clippy::print_stderr, reason = "says what it left out")]
fn a_directory_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder("lab-store-denied").join("closed");
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(dir.join("x"), "").is_ok() {
        eprintln!("this user may write everywhere: left out");
        return;
    }
    let ran = ehlo(&["lab", "--port-base", "0", "--store", dir.to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("closed/.ehlo-lock: Permission denied"), "{}", ran.err);
}

/// Runs doveadm on the Maildirs in `store`, as the user whom they belong to.
fn doveadm(store: &Path, arguments: &[&str]) -> Option<String> {
    let config = store.parent().unwrap().join("dovecot.conf");
    let store = store.display();
    let text = format!(
        "base_dir = {store}/../run\nlog_path = {store}/../log\nssl = no\nprotocols =\nmail_location = maildir:{store}/alice\n\
         first_valid_uid = 1\nfirst_valid_gid = 1\nmail_uid = mail\nmail_gid = mail\n"
    );
    std::fs::write(&config, text).ok()?;
    let mut command = Command::new("doveadm");
    command.args(["-c", config.to_str()?]).args(arguments);
    let done = command.env("USER", "mail").env("HOME", "/nonexistent").output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
#[allow(clippy::print_stderr, reason = "says what it left out")]
fn dovecot_reads_the_same_mail() {
    let store = folder("lab-store-dovecot").join("mail");
    let arguments = [&["--store", store.to_str().unwrap()], &CLEAR[..]].concat();
    let lab = RunningLab::start("lab-store-dovecot-ca", &arguments);
    let mut client = Client::login(&lab);
    let mail = "Subject: for both\r\n\r\nbody\r\n";
    client.say("a CREATE \"K&APw-che/Neu\"");
    client.say("b SUBSCRIBE \"K&APw-che/Neu\"");
    let append = format!("c APPEND \"K&APw-che/Neu\" (\\Seen \\Flagged work) {{{}+}}\r\n{mail}", mail.len());
    assert!(client.say(&append).contains("c OK"));
    drop(lab);
    let owned = Command::new("chown").args(["-R", "mail:mail", store.to_str().unwrap()]).status();
    let version = doveadm(&store, &["mailbox", "list"]);
    let (true, Some(names)) = (owned.is_ok_and(|s| s.success()), version) else {
        eprintln!("doveadm cannot be used here: left out");
        return;
    };
    assert!(names.lines().any(|name| name == "Küche.Neu"), "{names}");
    let subscribed = doveadm(&store, &["mailbox", "list", "-s"]).unwrap();
    assert!(subscribed.contains("Küche.Neu"), "{subscribed}");
    let fields = "hdr.subject flags size.virtual size.physical body";
    let fetched = doveadm(&store, &["fetch", fields, "mailbox", "Küche.Neu"]).unwrap();
    for wanted in ["hdr.subject: for both", "\\Flagged", "\\Seen", "work", "size.virtual: 27", "body"] {
        assert!(fetched.contains(wanted), "{wanted}: {fetched}");
    }
    // What Dovecot does is seen by the lab.
    doveadm(&store, &["flags", "add", "\\Answered done", "mailbox", "Küche.Neu", "all"]).unwrap();
    let lab = RunningLab::start("lab-store-dovecot-ca", &arguments);
    let mut client = Client::login(&lab);
    client.say("a SELECT \"K&APw-che/Neu\"");
    let said = client.say("b FETCH 1 FLAGS");
    for flag in ["\\Answered", "\\Seen", "\\Flagged", "work", "done"] {
        assert!(said.contains(flag), "{said}");
    }
}

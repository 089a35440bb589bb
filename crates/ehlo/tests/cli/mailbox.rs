//! `ehlo mailbox`, against the lab inside the process and a lab of its own.

use crate::common::{Ran, RunningLab, ehlo, folder, program, ran};
use crate::shown::ehlo_with_input;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lab/sample.mbox");

/// At the lab inside the process, with the sample in the mailbox.
fn inside(verb: &str, target: &str, more: &[&str]) -> Ran {
    ehlo(&[&["mailbox", verb, target], more, &["-4", "--user", "alice", "--lab-seed", SAMPLE]].concat())
}

fn shown(verb: &str, target: &str, more: &[&str]) -> String {
    let ran = inside(verb, target, more);
    assert_eq!(ran.code, 0, "{verb} {target} {more:?}: {}", ran.err);
    let retrieves = verb == "show" && target.starts_with("pop3");
    assert_eq!(ran.err.contains("RETR"), retrieves, "{verb} {target} {more:?}: {}", ran.err);
    assert!(retrieves || ran.err.is_empty(), "{}", ran.err);
    let told = ran.out + &ran.err;
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    told
}

#[test]
fn what_a_person_sees_in_both_languages() {
    for lang in ["en", "de"] {
        let mut told = String::new();
        for (verb, target, more) in [
            ("list", "imaps://lab", &[][..]),
            ("ls", "imaps://lab", &[]),
            ("ls", "pop3s://lab", &["2:3"]),
            ("show", "imaps://lab", &["1"]),
            ("show", "pop3s://lab", &["2"]),
            ("show", "imaps://lab", &["2", "--structure"]),
            ("show", "imaps://lab", &["2", "--part", "2"]),
            ("search", "imaps://lab", &["subject:grüße", "not:from:bob"]),
            ("rights", "imaps://lab", &[]),
            ("quota", "imaps://lab", &[]),
        ] {
            told.push_str(&format!("$ ehlo mailbox {verb} {target} {}\n", more.join(" ")));
            told.push_str(&shown(verb, target, &[more, &["--lang", lang]].concat()));
        }
        insta::assert_snapshot!(format!("mailbox-{lang}"), told);
    }
}

#[test]
fn help_is_written_in_both_languages() {
    for lang in ["en", "de"] {
        let ran = ehlo(&["mailbox", "--help", "--lang", lang]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.lines().all(|l| l.chars().count() <= 100), "{}", ran.out);
        insta::assert_snapshot!(format!("help-mailbox-{lang}"), ran.out);
    }
}

#[test]
fn exit_codes_tell_the_truth() {
    for (code, verb, target, more) in [
        (0, "ls", "lab", &[][..]),
        (0, "ls", "lab", &["--all"]),
        (0, "search", "lab", &["nothing-like-that"]),
        (1, "ls", "lab", &["--lab-fault", "auth-refused"]),
        (1, "show", "lab", &["99"]),
        (1, "show", "lab", &["1", "--part", "9"]),
        (1, "ls", "lab", &["--folder", "nowhere"]),
        (1, "watch", "lab", &["--for", "200ms", "--count", "1"]),
        (0, "watch", "lab", &["--for", "200ms"]),
        (2, "delete", "lab", &["1"]),
        (2, "ls", "lab", &["one"]),
        (2, "ls", "lab", &["--limit", "0"]),
        (2, "show", "lab", &[]),
        (2, "look", "lab", &[]),
        (2, "search", "lab", &["form:bob"]),
        (2, "ls", "smtp://lab", &[]),
        (3, "quota", "pop3s://lab", &[]),
        (3, "ls", "pop3s://lab", &["--folder", "Junk"]),
        (3, "ls", "imaps://lab", &["--lab-fault", "connection-refused"]),
    ] {
        let ran = inside(verb, target, more);
        assert_eq!(ran.code, code, "{verb} {target} {more:?}: {}{}", ran.out, ran.err);
        assert_eq!(ran.err.is_empty(), code == 0 || verb == "watch", "{verb} {more:?}: {}", ran.err);
    }
    // The first service that answers is taken.
    assert_eq!(inside("ls", "lab", &["--lab-fault", "connection-refused@imaps"]).code, 0);
    assert_eq!(ehlo(&["mailbox"]).code, 2);
    assert_eq!(ehlo(&["mailbox", "ls", "lab"]).code, 2);
    assert_eq!(ehlo(&["mailbox", "append", "lab", "/nonexistent/x", "--write", "--user", "alice"]).code, 3);
    let nothing = ehlo_with_input(&["mailbox", "append", "lab", "-", "--write", "--user", "alice"], "");
    assert_eq!(nothing.code, 2, "{}", nothing.err);
}

/// At a lab of its own.
struct Mailbox {
    lab: RunningLab,
    password: std::path::PathBuf,
}

impl Mailbox {
    fn start(name: &str, arguments: &[&str]) -> Mailbox {
        let password = folder(&format!("{name}-password")).join("pw");
        std::fs::write(&password, "wonderland\n").unwrap();
        let seed = format!("alice={SAMPLE}");
        let lab = RunningLab::start(name, &[&["--seed", &seed], arguments].concat());
        Mailbox { lab, password }
    }

    fn command(&self, scheme: &str, verb: &str, more: &[&str]) -> std::process::Command {
        let mut command = program();
        command.args(["mailbox", verb, &self.lab.url(scheme)]).args(more);
        command.args(["--user", "alice", "--password-file", self.password.to_str().unwrap()]);
        command.args(["--ca", self.lab.ca.to_str().unwrap()]);
        command
    }

    fn run(&self, scheme: &str, verb: &str, more: &[&str]) -> Ran {
        ran(self.command(scheme, verb, more).output().unwrap())
    }

    fn good(&self, scheme: &str, verb: &str, more: &[&str]) -> String {
        let ran = self.run(scheme, verb, more);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{scheme} {verb} {more:?}: {}", ran.out);
        ran.out
    }
}

#[test]
fn what_is_changed_is_there_afterwards() {
    let mailbox = Mailbox::start("mailbox-changes", &[]);
    mailbox.good("imaps", "mkdir", &["Prüfung", "--write"]);
    let list = mailbox.good("imaps", "list", &[]);
    assert!(list.contains("Prüfung") && list.contains("= Pr&APw-fung"), "{list}");
    mailbox.good("imaps", "copy", &["1:2", "Prüfung", "--write"]);
    let flagged = mailbox.good(
        "imaps",
        "flag",
        &["1", "+\\Flagged", "-\\Seen", "$Work", "--write", "--folder", "Prüfung"],
    );
    assert!(flagged.contains("\\Flagged") && flagged.contains("$Work"), "{flagged}");
    mailbox.good("imaps", "move", &["3", "Prüfung", "--write"]);
    mailbox.good("imaps", "rename", &["Prüfung", "Ablage", "--write"]);
    let there = mailbox.good("imaps", "ls", &["--folder", "Ablage"]);
    assert!(there.contains("Ablage: 3 of 3 messages."), "{there}");
    let file = folder("mailbox-append").join("x.eml");
    std::fs::write(&file, "Subject: put in\n\nhello\n").unwrap();
    mailbox.good("imaps", "append", &[file.to_str().unwrap(), "--write"]);
    let raw = mailbox.good("imaps", "show", &["3", "--raw"]);
    assert_eq!(raw, "Subject: put in\r\n\r\nhello\r\n");
    let deleted = mailbox.good("pop3s", "delete", &["1", "--write"]);
    assert!(deleted.contains("1 will be deleted when the session ends with QUIT."), "{deleted}");
    assert!(deleted.contains("1 deleted."), "{deleted}");
    let left = mailbox.good("pop3s", "list", &[]);
    assert!(left.contains("Folders: 1."), "{left}");
    assert!(mailbox.good("pop3s", "ls", &[]).contains("2 of 2 messages"));
}

#[test]
fn watching_sees_what_comes() {
    let mailbox = Mailbox::start("mailbox-watch", &[]);
    for scheme in ["imaps", "pop3s"] {
        let mut watch = mailbox
            .command(scheme, "watch", &["--count", "1", "--interval", "200ms", "--for", "60s"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(watch.stdout.take().unwrap());
        let mut said = String::new();
        out.read_line(&mut said).unwrap();
        assert!(said.contains("messages; watching"), "{said}");
        let file = folder(&format!("mailbox-watch-{scheme}")).join("x.eml");
        std::fs::write(&file, format!("Subject: here by {scheme}\n\nhello\n")).unwrap();
        mailbox.good("imaps", "append", &[file.to_str().unwrap(), "--write"]);
        std::io::Read::read_to_string(&mut out, &mut said).unwrap();
        assert!(said.contains(&format!("here by {scheme}")), "{said}");
        assert!(watch.wait().unwrap().success());
    }
}

#[test]
fn reading_marks_nothing_as_seen() {
    let mailbox = Mailbox::start("mailbox-unseen", &[]);
    for more in
        [&["1"][..], &["2", "--raw"], &["2", "--structure"], &["2", "--part", "2"], &["3", "--headers"]]
    {
        mailbox.good("imaps", "show", more);
    }
    let unseen = mailbox.good("imaps", "search", &["unseen"]);
    assert!(unseen.contains("3 of 3 messages fit"), "{unseen}");
}

#[test]
fn documents_fit_the_published_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let mut id = String::new();
    for name in ["check-v1.json", "mailbox-v1.json"] {
        let text = std::fs::read_to_string(path.join(name)).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        id = schema["$id"].as_str().unwrap().to_owned();
        compiler.add_resource(&id, schema).unwrap();
    }
    let index = compiler.compile(&id, &mut schemas).unwrap();
    let file = folder("mailbox-schema").join("x.eml");
    std::fs::write(&file, "Subject: put in\n\nhello\n").unwrap();
    let file = file.to_str().unwrap();
    for (verb, target, more) in [
        ("list", "imaps://lab", &[][..]),
        ("list", "pop3s://lab", &[]),
        ("ls", "imaps://lab", &[]),
        ("ls", "pop3s://lab", &[]),
        ("show", "imaps://lab", &["2"]),
        ("show", "pop3s://lab", &["2"]),
        ("show", "imaps://lab", &["2", "--structure"]),
        ("show", "imaps://lab", &["2", "--raw"]),
        ("show", "pop3s://lab", &["1", "--raw"]),
        ("search", "imaps://lab", &["subject:grüße"]),
        ("watch", "imaps://lab", &["--for", "100ms"]),
        ("quota", "imaps://lab", &[]),
        ("rights", "imaps://lab", &[]),
        ("flag", "imaps://lab", &["1", "seen", "--write"]),
        ("copy", "imaps://lab", &["1", "Junk", "--write"]),
        ("delete", "pop3s://lab", &["1", "--write"]),
        ("append", "imaps://lab", &[file, "--write"]),
        ("mkdir", "imaps://lab", &["New", "--write"]),
        ("ls", "imaps://lab", &["--lab-fault", "auth-refused"]),
        ("ls", "imaps://lab", &["--lab-fault", "connection-refused", "--lang", "de"]),
        ("ls", "imaps://lab", &["--lab-fault", "hostile-escapes"]),
        ("show", "pop3s://lab", &["9"]),
        ("quota", "pop3s://lab", &[]),
    ] {
        let ran = inside(verb, target, &[more, &["--format", "json", "--timeout", "5"]].concat());
        let document: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{verb} {more:?}: {e}: {}", ran.out));
        if let Err(error) = schemas.validate(&document, index) {
            panic!("{verb} {target} {more:?}: {error:#}");
        }
        assert_eq!(document["trouble"].is_null(), ran.code == 0, "{verb} {more:?}: {}", ran.out);
        assert!(!ran.out.contains('\u{1b}') && ran.err.is_empty(), "{}", ran.err);
    }
    let raw = inside("show", "imaps://lab", &["1", "--raw", "--format", "json"]);
    let document: Value = serde_json::from_str(&raw.out).unwrap();
    let plain = inside("show", "imaps://lab", &["1", "--raw"]).out;
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(document["items"][0]["base64"].as_str().unwrap())
        .unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), plain);
}

#[test]
fn a_server_without_end_is_left_at_the_deadline() {
    for (scheme, fault) in
        [("imaps", "silence=FETCH"), ("pop3s", "message-endless"), ("imaps", "exists-wrong")]
    {
        let target = format!("{scheme}://lab");
        let begun = std::time::Instant::now();
        let ran = inside("ls", &target, &["--lab-fault", fault, "--deadline", "3s", "--all"]);
        assert!(ran.code <= 3 && begun.elapsed().as_secs() < 30, "{fault}: {} {}", ran.code, ran.err);
        let ran = inside("show", &target, &["1", "--lab-fault", fault, "--deadline", "3s"]);
        assert!(ran.code <= 3 && begun.elapsed().as_secs() < 60, "{fault}: {} {}", ran.code, ran.err);
    }
}

#[test]
fn hostile_mail_does_not_reach_the_terminal() {
    let file = folder("mailbox-hostile").join("x.mbox");
    std::fs::write(
        &file,
        "From x@y Mon Nov 16 09:12:00 2026\nFrom: =?utf-8?q?=1B[2J?= <x@y>\nSubject: =?utf-8?q?a=1B]0;x=07b?= \u{202e}c\nContent-Type: application/x; name=\"=?utf-8?q?=1B[2J?=\"\n\n\u{1b}[2Jtext\n\n",
    )
    .unwrap();
    let seed = file.to_str().unwrap();
    for target in ["imaps://lab", "pop3s://lab"] {
        for arguments in
            [&["ls", target, "-v"][..], &["show", target, "1", "-v"], &["show", target, "1", "--structure"]]
        {
            let ran =
                ehlo(&[&["mailbox"], arguments, &["-4", "--user", "alice", "--lab-seed", seed]].concat());
            assert_eq!(ran.code, 0, "{}", ran.err);
            let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!ran.out.contains(bad), "{arguments:?}: {:?}", ran.out);
        }
    }
}

//! Python: smtplib, poplib and imaplib, which people write tests with, and IMAPClient.

use crate::common::RunningLab;
use crate::programs::{Home, find, left_out, there};
use std::path::PathBuf;

/// Runs a script with the lab's CA and ports (`name=port`) as arguments.
fn python(program: &str, name: &str, script: &str) {
    let lab = RunningLab::start(&format!("foreign-{name}"), &[]);
    let home = Home::new(name);
    let file = home.file("script.py", script);
    let schemes = ["smtp", "submission", "submissions", "lmtp", "pop3", "pop3s", "imap", "imaps"];
    let ports: Vec<String> = schemes.iter().map(|s| format!("{s}={}", lab.port(s))).collect();
    let mut command = home.command(program);
    command.arg("-Wignore").arg(&file).arg(&lab.ca).args(&ports);
    let said = crate::programs::run(&mut command, "").good();
    assert!(said.ends_with("all good\n"), "{said}");
}

#[test]
fn smtplib_sends() {
    if there(&["python3"]) {
        python("python3", "smtplib", include_str!("smtplib_sends.py"));
    }
}

#[test]
fn poplib_fetches() {
    if there(&["python3"]) {
        python("python3", "poplib", include_str!("poplib_fetches.py"));
    }
}

#[test]
fn imaplib_knows_every_command() {
    if there(&["python3"]) {
        python("python3", "imaplib", include_str!("imaplib_all.py"));
    }
}

/// A Python that has IMAPClient: the environment that `cargo xtask` makes, or the system's.
fn with_imapclient() -> Option<String> {
    let own = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../foreign-python/bin/python3"));
    let system = find("python3");
    [own.filter(|path| path.is_file()), system]
        .into_iter()
        .flatten()
        .map(|p| p.display().to_string())
        .find(|program| Home::new("imapclient-there").run(program, &["-c", "import imapclient"]).code == 0)
}

#[test]
fn imapclient_works_on_a_mailbox() {
    match with_imapclient() {
        Some(program) => python(&program, "imapclient", include_str!("imapclient_all.py")),
        None => left_out("IMAPClient not installed"),
    }
}

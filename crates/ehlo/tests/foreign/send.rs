//! Programs that send: msmtp, and Postfix's load generator.

use crate::common::RunningLab;
use crate::curl::imap;
use crate::programs::{Home, find, left_out, run, there};
use std::path::PathBuf;
use std::process::Command;

#[test]
fn msmtp_sends_by_every_way() {
    if !there(&["msmtp", "curl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-msmtp", &[]);
    let home = Home::new("msmtp");
    let mut config = format!(
        "defaults\nhost 127.0.0.1\nfrom alice@lab.test\ntls_trust_file {}\nuser alice\npassword wonderland\n\n",
        lab.ca.display()
    );
    let mut accounts = Vec::new();
    for mechanism in
        ["plain", "login", "cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256", "oauthbearer", "xoauth2"]
    {
        for (scheme, starttls) in [("submission", "on"), ("submissions", "off")] {
            let name = format!("{scheme}-{mechanism}");
            config.push_str(&format!(
                "account {name}\nport {}\ntls on\ntls_starttls {starttls}\nauth {mechanism}\n\n",
                lab.port(scheme)
            ));
            accounts.push(name);
        }
    }
    config
        .push_str(&format!("account lmtp\nprotocol lmtp\nport {}\nauth off\ntls off\n\n", lab.port("lmtp")));
    config.push_str(&format!("account relay\nport {}\nauth off\ntls on\n", lab.port("smtp")));
    accounts.extend(["lmtp".to_owned(), "relay".to_owned()]);
    let config = home.file("msmtprc", &config);
    let msmtp = |account: &str, arguments: &[&str], message: &str| {
        run(home.command("msmtp").arg("-C").arg(&config).args(["-a", account]).args(arguments), message)
    };
    for account in &accounts {
        let message = format!("Subject: via {account}\n\n.dot\n");
        msmtp(account, &["name@lab.test", "benutzername@lab.test"], &message).good();
    }
    let all = accounts.len();
    for login in ["name:gEhEiM!", "benutzername:passwort"] {
        let said = imap(&lab, login, "", "STATUS INBOX (MESSAGES)");
        assert!(said.contains(&format!("(MESSAGES {all})")), "{said}");
    }
    let said = msmtp("submission-plain", &["--serverinfo"], "").good();
    for word in ["SIZE 26214400", "PIPELINING", "STARTTLS", "PLAIN SCRAM-SHA-1 SCRAM-SHA-256 CRAM-MD5"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // A recipient that is refused is told, and which.
    let done = msmtp("relay", &["niemand@lab.test"], "Subject: x\n\nx\n");
    assert!(done.code == 65 && done.said.contains("550 5.1.1"), "{} {}", done.code, done.said);
}

/// Postfix's load generator. Where Postfix is not installed, `EHLO_POSTFIX` says where its package is unpacked.
fn smtp_source() -> Option<Command> {
    if let Some(path) = find("smtp-source") {
        return Some(Command::new(path));
    }
    let root = PathBuf::from(std::env::var_os("EHLO_POSTFIX")?);
    let mut command = Command::new(root.join("usr/sbin/smtp-source"));
    let mut libraries = vec![root.join("usr/lib/postfix")];
    let lib = root.join("usr/lib");
    // Multiarch: /usr/lib/x86_64-linux-gnu and its like.
    libraries.extend(std::fs::read_dir(lib).ok()?.filter_map(|e| e.ok().map(|e| e.path())));
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).ok()?);
    Some(command)
}

#[test]
fn smtp_source_sends_many_at_once() {
    if !there(&["curl"]) {
        return;
    }
    if smtp_source().is_none() {
        return left_out("smtp-source not installed");
    }
    let lab = RunningLab::start("foreign-smtp-source", &[]);
    for (scheme, arguments) in [("smtp", &[][..]), ("smtp", &["-d"]), ("lmtp", &["-L", "-d"])] {
        let mut command = smtp_source().unwrap();
        command.args(arguments).args(["-s", "8", "-m", "200", "-l", "4096", "-f", "x@example.org"]);
        command.args(["-t", "alice@lab.test", &format!("127.0.0.1:{}", lab.port(scheme))]);
        assert_eq!(run(&mut command, "").good(), "", "{scheme} {arguments:?}");
    }
    let said = imap(&lab, "alice:wonderland", "", "STATUS INBOX (MESSAGES)");
    assert!(said.contains("(MESSAGES 600)"), "{said}");
}

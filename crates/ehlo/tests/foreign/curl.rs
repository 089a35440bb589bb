//! curl: each protocol in the clear up to STARTTLS, and inside TLS.

use crate::common::RunningLab;
use crate::programs::{Done, Home, deliver, there};

/// curl with the lab's CA.
pub(crate) fn curl(home: &Home, lab: &RunningLab, arguments: &[&str]) -> Done {
    let ca = lab.ca.to_str().unwrap();
    let fixed = ["-sS", "-q", "--max-time", "30", "--cacert", ca];
    home.run("curl", &[&fixed[..], arguments].concat())
}

/// What the lab answers to one IMAP command, asked inside TLS.
pub(crate) fn imap(lab: &RunningLab, login: &str, mailbox: &str, command: &str) -> String {
    let home = Home::new(&format!("curl-imap-{}-{}", std::process::id(), lab.port("imaps")));
    let url = format!("{}/{mailbox}", lab.url("imaps"));
    curl(&home, lab, &[&url, "--user", login, "-X", command]).good()
}

#[test]
fn curl_sends_and_fetches() {
    if !there(&["curl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-curl", &[]);
    let home = Home::new("curl");
    let mail = home.file("mail.eml", "Subject: curl\r\n\r\n.Hallo\r\n..\r\n");
    let mail = mail.to_str().unwrap();
    let smtp = |scheme: &str| format!("{scheme}://127.0.0.1:{}", lab.port(scheme));
    let envelope = ["--mail-from", "alice@lab.test", "--mail-rcpt", "name@lab.test", "-T", mail];
    // With STARTTLS demanded, with TLS from the first byte, and to port 25 without a login.
    let submission = smtp("submission").replace("submission:", "smtp:");
    let submissions = smtp("submissions").replace("submissions:", "smtps:");
    for (url, more) in [
        (&submission, &["--ssl-reqd", "--user", "alice:wonderland"][..]),
        (&submissions, &["--user", "alice:wonderland"]),
        (&smtp("smtp"), &["--ssl-reqd"]),
        (&smtp("smtp"), &[]),
    ] {
        let said = curl(&home, &lab, &[&[url.as_str()], &envelope[..], more].concat()).good();
        assert_eq!(said.trim(), "", "{url}");
    }
    for (url, more) in [
        (format!("{}/1", lab.url("pop3")), &["--ssl-reqd"][..]),
        (format!("{}/2", lab.url("pop3s")), &[]),
        (format!("{}/INBOX;MAILINDEX=3", lab.url("imap")), &["--ssl-reqd"]),
        (format!("{}/INBOX;UID=4", lab.url("imaps")), &[]),
    ] {
        let said = curl(&home, &lab, &[&[&url, "--user", "name:gEhEiM!"], more].concat()).good();
        assert!(
            said.contains("Subject: curl\r\n") && said.ends_with("\r\n\r\n.Hallo\r\n..\r\n"),
            "{url}: {said}"
        );
    }
    // Upload, list, search, sections, deletion.
    let box_ = format!("{}/Drafts", lab.url("imaps"));
    curl(&home, &lab, &[&box_, "--user", "name:gEhEiM!", "-T", mail]).good();
    let said =
        curl(&home, &lab, &[&format!("{box_};MAILINDEX=1;SECTION=TEXT"), "--user", "name:gEhEiM!"]).good();
    assert_eq!(said, ".Hallo\r\n..\r\n");
    let said = curl(&home, &lab, &[&format!("{box_}?SUBJECT%20curl"), "--user", "name:gEhEiM!"]).good();
    assert_eq!(said.trim(), "* SEARCH 1");
    let said = curl(&home, &lab, &[&format!("{}/", lab.url("imaps")), "--user", "name:gEhEiM!"]).good();
    assert!(said.contains("Drafts"), "{said}");
    let url = format!("{}/2", lab.url("pop3s"));
    curl(&home, &lab, &[&url, "--user", "name:gEhEiM!", "-X", "DELE", "--head"]).good();
    let said = curl(&home, &lab, &[&format!("{}/", lab.url("pop3s")), "--user", "name:gEhEiM!"]).good();
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn curl_logs_in_with_every_mechanism() {
    if !there(&["curl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-curl-auth", &[]);
    let home = Home::new("curl-auth");
    deliver(&lab, "name", "Subject: x\n\nx\n");
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5"] {
        let option = format!("AUTH={mechanism}");
        for scheme in ["pop3s", "imaps"] {
            let url = lab.url(scheme);
            let with = |user: &str| curl(&home, &lab, &[&url, "--user", user, "--login-options", &option]);
            let said = with("name:gEhEiM!").good();
            assert!(!said.is_empty(), "{scheme} {mechanism}");
            // 67: the login was refused.
            assert_eq!(with("name:falsch").code, 67, "{scheme} {mechanism}");
        }
    }
    // The timestamp of the greeting is used without being asked to, in the clear.
    let said =
        curl(&home, &lab, &[&lab.url("pop3"), "--user", "name:gEhEiM!", "--login-options", "AUTH=+APOP"]);
    assert!(said.good().starts_with("1 "));
}

#[test]
fn curl_does_not_trust_a_stranger() {
    if !there(&["curl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-curl-trust", &[]);
    let home = Home::new("curl-trust");
    for scheme in ["pop3s", "imaps"] {
        let done =
            home.run("curl", &["-sS", "-q", "--max-time", "30", &lab.url(scheme), "--user", "name:gEhEiM!"]);
        // 60: the certificate cannot be verified.
        assert_eq!(done.code, 60, "{scheme}: {}", done.said);
    }
}

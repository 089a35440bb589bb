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

/// How curl logs in with a mechanism: a password, or a token in its place.
fn login<'a>(mechanism: &str, password: &'a str) -> Vec<&'a str> {
    match mechanism {
        "XOAUTH2" | "OAUTHBEARER" => vec!["--user", "name:", "--oauth2-bearer", password],
        _ if password == "falsch" => vec!["--user", "name:falsch"],
        _ => vec!["--user", "name:gEhEiM!"],
    }
}

#[test]
fn curl_logs_in_with_every_mechanism() {
    if !there(&["curl"]) {
        return;
    }
    let home = Home::new("curl-auth");
    let certificates = home.path().join("certificates");
    let folder = certificates.to_str().unwrap();
    let lab = RunningLab::start("foreign-curl-auth", &["--client-certs", folder]);
    deliver(&lab, "name", "Subject: x\n\nx\n");
    // SMTP has nothing to show but that it goes on behind the login.
    let submissions = lab.url("submissions").replace("submissions:", "smtps:");
    let places =
        [(submissions.as_str(), &["-X", "NOOP"][..]), (&lab.url("pop3s"), &[]), (&lab.url("imaps"), &[])];
    let version = home.run("curl", &["--version"]).good();
    let mut mechanisms = vec!["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "XOAUTH2", "OAUTHBEARER"];
    // Debian builds curl without the library for SCRAM.
    if version.contains("gsasl") {
        mechanisms.extend(["SCRAM-SHA-1", "SCRAM-SHA-256"]);
    }
    for mechanism in mechanisms {
        let option = format!("AUTH={mechanism}");
        for (url, more) in places {
            let with = |password: &str| {
                let login = login(mechanism, password);
                curl(&home, &lab, &[&[url, "--login-options", &option], &login[..], more].concat())
            };
            let done = with("gEhEiM!");
            assert!(done.code == 0 && !done.said.is_empty(), "{url} {mechanism}: {}", done.said);
            // 67: the login was refused.
            let done = with("falsch");
            assert_eq!(done.code, 67, "{url} {mechanism}: {}", done.said);
        }
    }
    let (certificate, key) = (certificates.join("name.pem"), certificates.join("name.key"));
    let own = ["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    for (url, more) in places {
        let with = |own: &[&str]| {
            let fixed = [url, "--login-options", "AUTH=EXTERNAL", "--user", "name:"];
            curl(&home, &lab, &[&fixed[..], own, more].concat())
        };
        let done = with(&own);
        assert!(done.code == 0 && !done.said.is_empty(), "{url} EXTERNAL: {}", done.said);
        // Without a certificate it is not offered.
        let done = with(&[]);
        assert_eq!(done.code, 67, "{url} EXTERNAL: {}", done.said);
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

//! Other people's clients talk to the lab. Those that are not installed are left out, unless `EHLO_ALL_CLIENTS` says
//! that all are there, as `cargo xtask interop` does after it has installed them.

use crate::common::{RunningLab, folder};
use crate::site::said_by;
use std::process::{Command, Stdio};

fn has(program: &str) -> bool {
    let there =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        assert!(std::env::var_os("EHLO_ALL_CLIENTS").is_none(), "{program} is not installed");
        eprintln!("{program} is not installed: left out");
    }
    there
}

#[test]
fn pythons_smtplib_poplib_and_imaplib() {
    if !has("python3") {
        return;
    }
    let lab = RunningLab::start("python", &[]);
    let script = r#"
import sys, ssl, smtplib, poplib, imaplib
ca, submission, submissions, pop3, pop3s, imap, imaps = sys.argv[1], *map(int, sys.argv[2:])
tls = ssl.create_default_context(cafile=ca)
host = "127.0.0.1"
with smtplib.SMTP(host, submission) as s:
    s.starttls(context=tls)
    s.login("alice", "wonderland")
    assert s.sendmail("alice@lab.test", ["benutzername@lab.test", "name@lab.test"], "Subject: eins\r\n\r\n.punkt\r\n") == {}
with smtplib.SMTP_SSL(host, submissions, context=tls) as s:
    for mechanism in ("auth_plain", "auth_login", "auth_cram_md5"):
        pass
    s.login("benutzername", "passwort")
    s.sendmail("benutzername@lab.test", ["someone@example.com"], "Subject: zwei\r\n\r\nhinaus\r\n")
p = poplib.POP3(host, pop3)
p.stls(context=tls)
p.user("benutzername"); p.pass_("passwort")
assert p.stat()[0] == 1
assert b".punkt" in p.retr(1)[1], p.retr(1)
assert p.uidl()[1] and p.top(1, 0)[1]
p.quit()
p = poplib.POP3(host, pop3)
p.apop("name", "gEhEiM!")
p.dele(1); p.quit()
p = poplib.POP3_SSL(host, pop3s, context=tls)
p.user("name"); p.pass_("gEhEiM!")
assert p.stat()[0] == 0
p.quit()
for secure in (False, True):
    m = imaplib.IMAP4_SSL(host, imaps, ssl_context=tls) if secure else imaplib.IMAP4(host, imap)
    if not secure:
        m.starttls(ssl_context=tls)
    m.login_cram_md5("benutzername", "passwort") if secure else m.login("benutzername", "passwort")
    assert m.select("INBOX")[1] == [b"1"]
    typ, data = m.fetch("1", "(ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    assert typ == "OK" and b"eins" in data[0][0] + data[0][1], data
    assert m.search(None, "SUBJECT", "eins")[1] == [b"1"]
    assert m.list()[0] == "OK" and m.status("Outbound", "(MESSAGES)")[1] == [b'"Outbound" (MESSAGES 1)']
    assert m.append("Drafts", r"(\Draft)", None, b"Subject: drei\r\n\r\nx\r\n")[0] == "OK"
    m.store("1", "+FLAGS", r"(\Flagged)")
    assert m.uid("FETCH", "1", "(FLAGS)")[0] == "OK"
    m.logout()
print("all good")
"#;
    let file = folder("python-script").join("clients.py");
    std::fs::write(&file, script).unwrap();
    let ports =
        ["submission", "submissions", "pop3", "pop3s", "imap", "imaps"].map(|s| lab.port(s).to_string());
    let said = said_by(Command::new("python3").arg(&file).arg(&lab.ca).args(ports));
    assert!(said.ends_with("all good\n"), "{said}");
}

#[test]
fn curl_sends_and_fetches() {
    if !has("curl") {
        return;
    }
    let lab = RunningLab::start("curl", &[]);
    let mail = folder("curl-mail").join("mail.eml");
    std::fs::write(&mail, "Subject: curl\r\n\r\nHallo\r\n").unwrap();
    let curl = |arguments: &[&str]| {
        said_by(
            Command::new("curl").args(["-sS", "--max-time", "20", "--cacert"]).arg(&lab.ca).args(arguments),
        )
    };
    let said = curl(&[
        "--ssl-reqd",
        &lab.url("submission").replace("submission", "smtp"),
        "--user",
        "alice:wonderland",
        "--mail-from",
        "alice@lab.test",
        "--mail-rcpt",
        "name@lab.test",
        "-T",
        mail.to_str().unwrap(),
    ]);
    assert_eq!(said.trim(), "", "{said}");
    for (url, user) in [
        (format!("{}/1", lab.url("pop3s")), "name:gEhEiM!"),
        (format!("{}/INBOX;MAILINDEX=1", lab.url("imaps")), "name:gEhEiM!"),
    ] {
        let said = curl(&[&url, "--user", user]);
        assert!(said.contains("Subject: curl\r\n"), "{url}: {said}");
    }
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5"] {
        for scheme in ["pop3s", "imaps"] {
            let said = curl(&[
                &lab.url(scheme),
                "--user",
                "name:gEhEiM!",
                "--login-options",
                &format!("AUTH={mechanism}"),
            ]);
            assert!(!said.contains("curl:"), "{scheme} {mechanism}: {said}");
        }
    }
}

#[test]
fn swaks_delivers() {
    // Without Net::SSLeay swaks knows no TLS.
    if !has("swaks")
        || !has("perl")
        || !said_by(Command::new("perl").args(["-MNet::SSLeay", "-e", "1"])).is_empty()
    {
        assert!(std::env::var_os("EHLO_ALL_CLIENTS").is_none(), "swaks or Net::SSLeay is not installed");
        return;
    }
    let lab = RunningLab::start("swaks", &[]);
    let said = said_by(
        Command::new("swaks")
            .args([
                "--server",
                "127.0.0.1",
                "--port",
                &lab.port("smtp").to_string(),
                "--tls",
                "--to",
                "alice@lab.test",
            ])
            .args(["--from", "bob@example.org", "--tls-ca-path"])
            .arg(&lab.ca),
    );
    assert!(said.contains("<~  250 2.0.0 OK: queued as"), "{said}");
    let said = said_by(Command::new("swaks").args([
        "--server",
        "127.0.0.1",
        "--port",
        &lab.port("lmtp").to_string(),
        "--protocol",
        "LMTP",
        "--to",
        "alice@lab.test",
        "--from",
        "bob@example.org",
    ]));
    assert!(said.contains("250 2.0.0 <alice@lab.test> queued as"), "{said}");
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5"] {
        let said = said_by(Command::new("swaks").args([
            "--server",
            "127.0.0.1",
            "--port",
            &lab.port("submission").to_string(),
            "--tls",
            "--auth",
            mechanism,
            "--auth-user",
            "alice",
            "--auth-password",
            "wonderland",
            "--quit-after",
            "AUTH",
        ]));
        assert!(said.contains("235 2.7.0"), "{mechanism}: {said}");
    }
}

#[test]
fn openssl_sees_the_chain() {
    if !has("openssl") {
        return;
    }
    let lab = RunningLab::start("openssl", &[]);
    for (scheme, starttls) in
        [("smtp", Some("smtp")), ("imap", Some("imap")), ("pop3", Some("pop3")), ("imaps", None)]
    {
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-brief",
            "-verify_return_error",
            "-verify_hostname",
            "lab.test",
            "-CAfile",
        ]);
        command.arg(&lab.ca).args(["-connect", &format!("127.0.0.1:{}", lab.port(scheme))]);
        command.args(starttls.map(|p| ["-starttls", p]).into_iter().flatten());
        let said = said_by(&mut command);
        assert!(said.contains("Verification: OK") && said.contains("TLSv1.3"), "{scheme}: {said}");
    }
}

//! Programs that fetch: mpop and fetchmail.

use crate::common::RunningLab;
use crate::curl::imap;
use crate::programs::{Home, deliver, there};

/// The messages of a file in mbox format.
fn messages(home: &Home, file: &str) -> usize {
    let text = std::fs::read_to_string(home.path().join(file)).unwrap_or_default();
    text.lines().filter(|line| line.starts_with("Subject: ")).count()
}

fn seed(lab: &RunningLab, account: &str) {
    for number in 1..=3 {
        deliver(lab, account, &format!("From: bob@example.org\nSubject: number {number}\n\n.dot\n..\nend\n"));
    }
}

#[test]
fn mpop_keeps_then_fetches_away() {
    if !there(&["mpop"]) {
        return;
    }
    let lab = RunningLab::start("foreign-mpop", &[]);
    let home = Home::new("mpop");
    seed(&lab, "name");
    let mut config = format!(
        "defaults\nhost 127.0.0.1\nuser name\npassword gEhEiM!\ntls on\ntls_trust_file {}\n\n",
        lab.ca.display()
    );
    for (name, scheme, more) in [
        ("stls", "pop3", "tls_starttls on\nkeep on"),
        ("cram", "pop3s", "tls_starttls off\nkeep on\nauth cram-md5"),
        ("apop", "pop3", "tls off\nkeep on\nauth apop"),
        ("away", "pop3s", "tls_starttls off\nkeep off"),
    ] {
        config.push_str(&format!(
            "account {name}\nport {}\n{more}\ndelivery mbox {}\nuidls_file {}\n\n",
            lab.port(scheme),
            home.path().join(format!("{name}.mbox")).display(),
            home.path().join(format!("{name}.uidls")).display()
        ));
    }
    let config = home.file("mpoprc", &config);
    let mpop = |account: &str| home.run("mpop", &["-C", config.to_str().unwrap(), account]).good();
    for account in ["stls", "cram", "apop"] {
        mpop(account);
        assert_eq!(messages(&home, &format!("{account}.mbox")), 3, "{account}");
        // By their identifiers the same messages are known again.
        let said = mpop(account);
        assert!(said.contains("new: no messages, total: 3 messages"), "{said}");
        assert_eq!(messages(&home, &format!("{account}.mbox")), 3, "{account}");
    }
    let text = std::fs::read_to_string(home.path().join("stls.mbox")).unwrap();
    assert!(text.contains("\n.dot\n..\nend\n"), "{text}");
    mpop("away");
    let said = mpop("away");
    assert!(said.contains("no messages") && messages(&home, "away.mbox") == 3, "{said}");
}

#[test]
fn fetchmail_by_pop3_and_by_imap() {
    if !there(&["fetchmail", "curl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-fetchmail", &[]);
    for (number, (protocol, scheme, tls)) in [
        ("pop3", "pop3", "sslproto \"TLS1.2+\""),
        ("pop3", "pop3s", "ssl"),
        ("imap", "imap", "sslproto \"TLS1.2+\""),
        ("imap", "imaps", "ssl"),
    ]
    .into_iter()
    .enumerate()
    {
        let home = Home::new(&format!("fetchmail-{number}"));
        seed(&lab, "name");
        let box_ = home.path().join("box");
        let config = |keep: &str| {
            format!(
                "set no syslog\nset idfile {}\npoll lab via 127.0.0.1 protocol {protocol} port {} auth password {}\n \
                 user name with password \"gEhEiM!\" {tls} sslcertck sslcertfile {} sslcommonname lab.test {keep}\n \
                 mda \"cat >> {}\"\n",
                home.path().join("ids").display(),
                lab.port(scheme),
                if protocol == "pop3" { "uidl" } else { "" },
                lab.ca.display(),
                box_.display()
            )
        };
        let fetchmail = |keep: &str| {
            let file = home.file("fetchmailrc", &config(keep));
            let mut command = home.command("fetchmail");
            command.env("FETCHMAILHOME", home.path()).arg("-f").arg(file);
            crate::programs::run(&mut command, "")
        };
        assert_eq!(fetchmail("keep").code, 0, "{scheme}");
        assert_eq!(messages(&home, "box"), 3, "{scheme}");
        // 1: there was no new mail.
        let done = fetchmail("keep");
        assert_eq!(done.code, 1, "{scheme}: {}", done.said);
        let done = fetchmail("nokeep fetchall");
        assert_eq!(done.code, 0, "{scheme}: {}", done.said);
        assert_eq!(messages(&home, "box"), 6, "{scheme}");
        let said = imap(&lab, "name:gEhEiM!", "", "STATUS INBOX (MESSAGES)");
        assert!(said.contains("(MESSAGES 0)"), "{scheme}: {said}");
    }
}

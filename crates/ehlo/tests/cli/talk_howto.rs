//! What a how-to on testing mail servers lets people do by hand, in one sitting; and what was saved runs.

use crate::common::{ehlo, folder};
use crate::hand::Hand;

/// What is typed, and what must come of it.
const SITTING: &[(&str, &str)] = &[
    // SMTP: the greeting was seen. HELO tells nothing, EHLO lists what there is.
    ("helo test", "S: 250 "),
    ("ehlo test", "S: 250-STARTTLS"),
    ("quit", "S: 221"),
    // TLS inside the session, and the three lists.
    (":reconnect", "S: 220"),
    ("starttls", "    - STARTTLS"),
    ("auth login", "S: 334 VXNlcm5hbWU6"),
    (":b64 benutzername", "S: 334 UGFzc3dvcmQ6"),
    (":b64 passwort", "S: 235"),
    ("mail from:<benutzername@lab.test>", "S: 250"),
    ("rcpt to:<benutzername@lab.test>", "S: 250"),
    ("rcpt to:<alice@lab.test>", "S: 250"),
    ("data", "S: 354"),
    ("From: Somebody Else <else@example.org>", ">"),
    ("To: somebody@example.org", ">"),
    ("Date: Tue, 24 Nov 2026 12:00:00 +0000", ">"),
    ("Message-ID: <1@client.test>", ">"),
    ("Subject: by hand", ">"),
    ("", ">"),
    ("..dot", ">"),
    ("Hello", ">"),
    (".", "S: 250"),
    ("rset", "S: 250"),
    ("quit", "S: 221"),
    // The name with the command, then everything in one.
    (":reconnect", "S: 220"),
    ("starttls", "S: 220"),
    ("auth login YmVudXR6ZXJuYW1l", "S: 334 UGFzc3dvcmQ6"),
    ("cGFzc3dvcnQ=", "S: 235"),
    ("quit", "S: 221"),
    (":reconnect", "S: 220"),
    ("starttls", "S: 220"),
    ("auth plain YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==", "S: 235"),
    ("quit", "S: 221"),
    // In the clear behind STARTTLS: no server may take that.
    (":tls off", ">"),
    (":reconnect", "S: 220"),
    ("starttls", "S: 220"),
    ("ehlo test", ":reconnect"),
    (":tls on", ">"),
    // POP3.
    (":connect pop3://lab", "APOP"),
    ("capa", "S: STLS"),
    ("stls", "S: +OK"),
    ("user benutzername", "S: +OK"),
    ("pass passwort", "S: +OK"),
    ("stat", "S: +OK 1 "),
    ("list", "S: 1 "),
    ("retr 1", "S: ..dot"),
    ("top 1 0", "S: Subject: by hand"),
    ("dele 1", "S: +OK"),
    ("rset", "S: +OK"),
    ("quit", "S: +OK"),
    (":reconnect", "S: +OK"),
    (":do C: APOP benutzername {{apop(\"passwort\")}}", "S: +OK"),
    ("quit", "S: +OK"),
    (":reconnect", "S: +OK"),
    ("stls", "S: +OK"),
    ("auth login", "S: + VXNlcm5hbWU6"),
    (":b64 benutzername", "S: + UGFzc3dvcmQ6"),
    (":b64 passwort", "S: +OK"),
    ("quit", "S: +OK"),
    // IMAP: without a tag the verb is taken for one.
    (":connect imap://lab", "S: * OK"),
    (":tag off", ">"),
    ("capability", "BAD"),
    (":tag on", ">"),
    ("aa capability", "S: aa OK"),
    ("bb starttls", "S: bb OK"),
    ("cc login benutzername passwort", "S: cc OK"),
    ("select inbox", " OK"),
    ("02 logout", "S: 02 OK"),
    (":reconnect", "S: * OK"),
    ("starttls", " OK"),
    ("authenticate login", "S: + VXNlcm5hbWU6"),
    (":b64 benutzername", "S: + UGFzc3dvcmQ6"),
    (":b64 passwort", " OK"),
    ("logout", "S: * BYE"),
    (":reconnect", "S: * OK"),
    ("starttls", " OK"),
    ("authenticate plain", "S: +"),
    ("AGJlbnV0emVybmFtZQBwYXNzd29ydA==", " OK"),
    ("logout", "S: * BYE"),
    (":reconnect", "S: * OK"),
    ("starttls", " OK"),
    ("authenticate plain AGJlbnV0emVybmFtZQBwYXNzd29ydA==", " OK"),
    ("logout", "S: * BYE"),
    // Too hard by hand, and done.
    (":reconnect", "S: * OK"),
    (":auth cram-md5 alice", " OK"),
    ("logout", "S: * BYE"),
    (":reconnect", "S: * OK"),
    (":starttls", " OK"),
    (":auth digest-md5 alice", " OK"),
    ("logout", "S: * BYE"),
    (":reconnect", "S: * OK"),
    (":starttls", " OK"),
    (":auth ntlm alice", " OK"),
    ("logout", "S: * BYE"),
];

/// The other account, whose password no shell leaves alone.
const OTHER: &[(&str, &str)] = &[
    (":do C: APOP name {{apop(\"gEhEiM!\")}}", "S: +OK"),
    ("quit", "S: +OK"),
    (":connect imap://lab", "S: * OK"),
    ("bb starttls", "S: bb OK"),
    ("cc login name gEhEiM!", "S: cc OK"),
    ("02 logout", "S: 02 OK"),
];

/// In the name of another: the master user.
const MASTER: &[(&str, &str)] = &[
    ("starttls", " OK"),
    ("authenticate plain YWxpY2UAbWVpc3RlcgBnZW5lcmFsc2NobHVlc3NlbA==", " OK"),
    ("logout", "S: * BYE"),
];

/// Does all that by hand; what was seen, and the session that was saved.
fn sitting(name: &str, target: &str, lang: &str, lines: &[(&str, &str)]) -> (String, String) {
    let folder = folder(&format!("talk-howto-{name}"));
    let file = folder.join("session.ehlo");
    let file = file.to_str().unwrap();
    let arguments = ["talk", target, "--lang", lang, "--save-as", file, "--helo", "client.test"];
    let mut hand = Hand::start(&format!("howto-{name}"), &arguments, 120);
    let mut all = hand.is_ready();
    for (line, wanted) in lines {
        let came = hand.says(line);
        assert!(came.contains(wanted), "{name}: {line}: {wanted} is missing in\n{came}");
        all.push_str(&came);
    }
    hand.leaves();
    let script = std::fs::read_to_string(file).unwrap();
    for secret in ["cGFzc3dvcnQ=", "passwort", "gEhEiM!", "YWxpY2UAbWVpc3RlcgBnZW5"] {
        assert!(!script.contains(secret), "{secret}\n{script}");
    }
    (all, file.to_owned())
}

fn runs(file: &str, user: &str, lang: &str) {
    let run = ehlo(&["run", file, "--user", user, "--lang", lang]);
    assert_eq!(run.code, 0, "{}\n{}\n{}", run.out, run.err, std::fs::read_to_string(file).unwrap());
}

fn in_one_sitting(lang: &str, own: &[&str]) {
    let (all, file) = sitting(lang, "submission://lab", lang, SITTING);
    for text in own {
        assert!(all.contains(text), "{lang}: {text}\n{all}");
    }
    runs(&file, "benutzername", lang);
    let (_, file) = sitting(&format!("other-{lang}"), "pop3://lab", lang, OTHER);
    runs(&file, "name", lang);
    // Whose password it was cannot be told from what is masked, so that this runs with the right one only.
    sitting(&format!("master-{lang}"), "imap://lab", lang, MASTER);
}

#[test]
fn in_one_sitting_in_english() {
    in_one_sitting("en", &["The login succeeded", "Inside TLS the server says something else"]);
}

#[test]
fn in_one_sitting_in_german() {
    in_one_sitting("de", &["Die Anmeldung war erfolgreich", "Innerhalb von TLS sagt"]);
}

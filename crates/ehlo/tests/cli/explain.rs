//! `ehlo explain`: whatever is pasted is recognised, or said to be unknown.

use crate::common::ehlo;
use crate::shown::ehlo_with_input;

const SESSION: &str = "Trying 192.0.2.1...\nConnected to mail.example.org.\nEscape character is '^]'.\n220 mail.example.org ESMTP\nehlo me\n250-mail.example.org\n250 AUTH PLAIN LOGIN\nauth login\n334 VXNlcm5hbWU6\nYm9i\n334 UGFzc3dvcmQ6\nZ2VoZWlt\n535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6\nmail from:<a@example.org>\n250 2.1.0 Ok\nrcpt to:<c@example.net>\n554 5.7.1 <c@example.net>: Relay access denied\nquit\n221 2.0.0 Bye\n";

const REPORT: &str = "From: MAILER-DAEMON@mx.example.org\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n boundary=\"x\"\n\n--x\n\nI'm sorry.\n\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.2.2\nRemote-MTA: dns; mail.example.net\nDiagnostic-Code: smtp; 552 5.2.2 Mailbox\n over quota\n\n--x--\n";

#[test]
fn what_is_pasted_is_explained() {
    for lang in ["en", "de"] {
        for text in [
            "550 5.7.1 relaying denied",
            "4.7.0",
            "334 VXNlcm5hbWU6",
            "* OK [ALERT] Please log in via your web browser",
            "* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN X-UNHEARD-OF",
            "-ERR [IN-USE] mailbox locked",
            "599 what is that",
            "cert-expired",
            "dovecot",
        ] {
            let ran = ehlo(&["explain", text, "--lang", lang]);
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{text}: {}", ran.out);
            assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
        }
    }
}

#[test]
fn sessions_and_reports_are_read() {
    let session = ehlo_with_input(&["explain", "-"], SESSION);
    assert_eq!((session.code, session.err.as_str()), (0, ""));
    assert!(!session.out.contains("geheim") && !session.out.contains("Z2VoZWlt"), "{}", session.out);
    assert!(session.out.contains("AUTH") && session.out.contains("RCPT"), "{}", session.out);
    let report = ehlo_with_input(&["explain", "-"], REPORT);
    assert_eq!((report.code, report.err.as_str()), (0, ""));
    for wanted in ["bob@example.net: failed", "mail.example.net", "552 5.2.2 Mailbox over quota"] {
        assert!(report.out.contains(wanted), "{wanted}: {}", report.out);
    }
    let good = ehlo_with_input(&["explain", "-"], "220 x ESMTP\nEHLO y\n250 x\nQUIT\n221 bye\n");
    assert_eq!(good.code, 0);
    assert!(good.out.contains("nothing was refused (2 commands)"), "{}", good.out);
}

#[test]
fn bounces_for_people_are_read_recipient_by_recipient() {
    let letter = "I'm sorry to have to inform you that your message could not\nbe delivered.\n\n<bob@example.net>: host mx.example.net[192.0.2.5] said: 550 5.1.1\n    <bob@example.net>: User unknown (in reply to RCPT TO command)\n\n<eve@example.com>: host mx.example.com[192.0.2.6] said: 554 5.7.1 Relay access\n    denied (in reply to RCPT TO command)\n";
    let ran = ehlo_with_input(&["explain", "-"], letter);
    for wanted in ["for bob@example.net", "said by mx.example.net", "R02:", "for eve@example.com", "R01:"] {
        assert!(ran.out.contains(wanted), "{wanted}: {}", ran.out);
    }
    assert_eq!(ran.code, 0);
}

#[test]
fn what_was_never_answered_is_no_success() {
    let session = "C: EHLO x\nS: 250 y\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nT: RENEGOTIATING\n";
    let ran = ehlo_with_input(&["explain", "-"], session);
    assert!(
        ran.out.contains("Without an answer: RCPT.") && ran.out.contains("openssl s_client"),
        "{}",
        ran.out
    );
}

#[test]
fn a_check_and_the_fault_of_its_name_are_both_told() {
    let ran = ehlo(&["explain", "cert-expired"]);
    assert!(ran.out.contains("--lab-fault cert-expired") && ran.out.lines().count() > 3, "{}", ran.out);
    let word = ehlo(&["explain", "STARTTLS"]);
    // The keyword is told once, though three protocols have it; the command once for each.
    let keyword = word.out.lines().filter(|line| line.starts_with("  STARTTLS  "));
    assert_eq!(keyword.count(), 1, "{}", word.out);
    assert_eq!(word.out.matches("  STARTTLS (").count(), 3, "{}", word.out);
}

#[test]
fn json_has_a_version() {
    let ran = ehlo(&["explain", "550 5.7.1 relaying denied", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &document["version"], &document["recognised"]), (0, &1.into(), &true.into()));
    assert!(document["parts"][0]["explanations"].as_array().is_some_and(|e| !e.is_empty()), "{document}");
    let login = ehlo(&["explain", "AUTH PLAIN AGJvYgBnZWhlaW0=", "--format", "json"]);
    assert!(!login.out.contains("geheim") && !login.out.contains("AGJvYg"), "{}", login.out);
    let report = ehlo_with_input(&["explain", "-", "--format", "json"], REPORT);
    let document: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(document["parts"][0]["recipient"]["address"], "bob@example.net");
}

#[test]
fn what_is_unknown_is_said_to_be_unknown() {
    for text in ["the moon is full tonight", "xyzzy-frobnicate", ""] {
        let ran = ehlo(&["explain", text]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{text}: {}", ran.out);
        assert!(!ran.out.is_empty());
    }
    assert_eq!(ehlo(&["explain"]).code, 2);
    assert_eq!(ehlo(&["explain", "x", "--protocol", "http"]).code, 2);
}

#[test]
fn hostile_text_stays_text() {
    for text in ["550 \u{1b}[2Jgone", "\u{202e}554 5.7.1 x", "+ G1sySmhp", "* OK [\u{1b}] x", "a\u{7}b"] {
        for format in ["human", "json"] {
            let ran = ehlo(&["explain", text, "--format", format]);
            let hostile = ran.out.chars().any(|c| (c < ' ' && c != '\n') || c == '\u{202e}');
            assert!(!hostile && (ran.code == 0 || ran.code == 1), "{:?}", ran.out);
        }
    }
    let large = format!("550 {}\n", "x".repeat(1 << 20));
    let ran = ehlo_with_input(&["explain", "-"], &large);
    assert_eq!(ran.code, 0);
    assert!(ran.out.len() < 10_000, "{}", ran.out.len());
}

#[test]
fn commands_of_clients_are_explained() {
    for (text, wanted) in [
        ("EHLO", "EHLO (SMTP)"),
        ("RCPT TO:<bob@example.org>", "RCPT (SMTP)"),
        ("C: MAIL FROM:<>", "MAIL (SMTP)"),
        ("a1 SELECT INBOX", "SELECT (IMAP)"),
        ("TOP 1 0", "TOP (POP3)"),
        ("PUTSCRIPT", "PUTSCRIPT (ManageSieve)"),
    ] {
        let ran = ehlo(&["explain", text]);
        assert!(ran.code == 0 && ran.out.contains(wanted), "{text}: {}", ran.out);
    }
    // A sentence is none, and a reply comes first.
    assert_eq!(ehlo(&["explain", "please help me"]).code, 1);
    assert!(!ehlo(&["explain", "a1 OK LIST completed"]).out.contains("(IMAP)"));
    // In a protocol that was named, only its own.
    let pop3 = ehlo(&["explain", "NOOP", "--protocol", "pop3"]).out;
    assert!(pop3.contains("NOOP (POP3)") && !pop3.contains("(SMTP)"), "{pop3}");
}

#[test]
fn one_line_out_of_a_list_of_extensions_is_read_as_such() {
    let out = ehlo(&["explain", "250-AUTH GSSAPI NTLM"]).out;
    assert!(out.contains("AUTH GSSAPI NTLM") && out.contains("old Windows login"), "{out}");
    assert!(ehlo(&["explain", "250 SIZE 10240000"]).out.contains("10240000 bytes"));
    assert!(!ehlo(&["explain", "250 Hello client.example.org"]).out.contains("The server "));
}

#[test]
fn of_a_check_it_tells_what_it_sends_and_what_helps() {
    let listed = ehlo(&["check", "--list-checks", "--lang", "en"]).out;
    let ids: Vec<&str> =
        listed.lines().filter(|l| !l.starts_with(' ')).filter_map(|l| l.split(' ').next()).collect();
    assert!(ids.len() > 80, "{listed}");
    for id in ids {
        let told = ehlo(&["explain", id, "--lang", "en"]);
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{id}");
        // All that the list says stands there too: what it looks at, what it sends, by which norm.
        let (_, entry) = listed.split_once(&format!("\n{id} (")).unwrap_or(("", &listed));
        for line in entry.lines().skip(1).take_while(|line| line.starts_with(' ')) {
            assert!(told.out.contains(line), "{id}: {line:?}: {}", told.out);
        }
        let document = ehlo(&["explain", id, "--lang", "en", "--format", "json"]);
        let document: serde_json::Value = serde_json::from_str(&document.out).unwrap();
        let check = &document["parts"][0]["check"];
        assert_eq!(check["id"], id);
        let findings = check["findings"].as_array().unwrap();
        let arrows = told.out.lines().filter(|line| line.starts_with("      → ")).count();
        assert_eq!(arrows, findings.len(), "{id}: {}", told.out);
    }
    let relay = ehlo(&["explain", "smtp-open-relay", "--lang", "de"]).out;
    for wanted in ["nur mit --allow", "--as-outside", "→ ", "smtpd_relay_restrictions", "RFC 5321"] {
        assert!(relay.contains(wanted), "{wanted}: {relay}");
    }
}

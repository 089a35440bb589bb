//! mutt: a person reads a message and answers it.

use crate::common::RunningLab;
use crate::curl::imap;
use crate::programs::{Home, deliver, run, there};

#[test]
fn mutt_reads_and_answers() {
    // `script` lends it a terminal.
    if !there(&["mutt", "script", "curl"]) {
        return;
    }
    let lab = RunningLab::start("foreign-mutt", &[]);
    let home = Home::new("mutt");
    deliver(&lab, "alice", "From: x@example.org\nSubject: in the way\n\nx\n");
    deliver(
        &lab,
        "alice",
        "From: Bob <benutzername@lab.test>\nTo: alice@lab.test\nMessage-ID: <q1@example.org>\n\
         Subject: =?utf-8?q?Eine_gro=C3=9Fe_Frage?=\n\nWhat is the answer?\n",
    );
    let editor = home.file("editor", "#!/bin/sh\nprintf '\\nIt is 42.\\n' >> \"$1\"\n");
    // Left alone, mutt takes the mechanism that it ranks highest, SCRAM-SHA-256-PLUS, finds that it has no tls-exporter
    // binding to give to its SASL library, says so, and throws away the keys that were pressed.
    let config = format!(
        "set imap_authenticators=scram-sha-256 smtp_authenticators=scram-sha-256\n\
         set folder=imaps://alice@127.0.0.1:{}/ spoolfile=+INBOX record=+Sent copy=yes\n\
         set imap_user=alice imap_pass=wonderland smtp_pass=wonderland\n\
         set smtp_url=smtp://alice@127.0.0.1:{}/ ssl_force_tls=yes ssl_starttls=yes\n\
         set ssl_ca_certificates_file={} certificate_file={}\n\
         set from=alice@lab.test use_from=yes use_envelope_from=yes realname=Alice\n\
         set editor={} fast_reply=yes include=yes autoedit=yes quit=yes delete=yes move=no\n\
         set sort=date wait_key=no beep=no sleep_time=0 tmpdir={} header_cache=\"\"\n\
         set trash=+Trash\n\
         push \"<search>~s Frage<enter><display-message><exit><flag-message><reply><send-message>\
         <search>~s way<enter><delete-message><sync-mailbox><quit>\"\n",
        lab.port("imaps"),
        lab.port("submission"),
        lab.ca.display(),
        home.path().join("certificates").display(),
        editor.display(),
        home.path().display(),
    );
    let config = home.file("muttrc", &config);
    let line = format!("env TERM=xterm mutt -n -F {}", config.display());
    let mut command = home.command("script");
    let done = run(command.args(["-q", "-e", "-c", &line, "/dev/null"]), "");
    assert_eq!(done.code, 0, "{}", done.said);

    let answer = imap(&lab, "benutzername:passwort", "INBOX", "FETCH 1 (ENVELOPE BODYSTRUCTURE)");
    assert!(answer.contains("<q1@example.org>") && answer.contains("\"alice\" \"lab.test\""), "{answer}");
    let found = imap(&lab, "benutzername:passwort", "INBOX", "SEARCH BODY \"It is 42.\" SUBJECT \"Frage\"");
    assert_eq!(found.trim(), "* SEARCH 1");
    // The question is marked, the copy is kept, the rest is thrown away.
    let flags = imap(&lab, "alice:wonderland", "INBOX", "FETCH 1:* (FLAGS)");
    assert_eq!(flags.lines().count(), 1, "{flags}");
    for flag in ["\\Seen", "\\Answered", "\\Flagged"] {
        assert!(flags.contains(flag), "{flag}: {flags}");
    }
    for folder in ["Sent", "Trash"] {
        let said = imap(&lab, "alice:wonderland", "", &format!("STATUS {folder} (MESSAGES)"));
        assert!(said.contains("(MESSAGES 1)"), "{folder}: {said}");
    }
}

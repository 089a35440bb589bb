//! Mailboxes at Dovecot, seen by `ehlo mailbox` and by curl.

use crate::common::{Ran, ehlo, folder};
use crate::site::variable;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// The password of a user, in a file.
fn password(user: &str) -> PathBuf {
    let file = folder(&format!("interop-mailbox-{user}")).join("pw");
    let password = match user {
        "alice" => "wonderland",
        user => &format!("probe-kennwort-{}", &user[5..]),
    };
    std::fs::write(&file, format!("{password}\n")).unwrap();
    file
}

fn run(scheme: &str, user: &str, verb: &str, more: &[&str]) -> Ran {
    let port = variable(&format!("TS_{}_PORT", scheme.to_ascii_uppercase()));
    let url = format!("{scheme}://{}:{port}", variable("TS_NAME"));
    let (ca, host, file) = (variable("TS_CA"), variable("TS_HOST"), password(user));
    let site = ["--connect", &host, "--ca", &ca, "--user", user, "--password-file", file.to_str().unwrap()];
    ehlo(&[&["mailbox", verb, &url], more, &site].concat())
}

fn good(scheme: &str, user: &str, verb: &str, more: &[&str]) -> String {
    let ran = run(scheme, user, verb, more);
    assert_eq!(ran.code, 0, "{scheme} {verb} {more:?}: {}{}", ran.out, ran.err);
    // POP3 cannot read unnoticed, which is said; else there is nothing to say.
    let remarked = scheme.starts_with("pop3") && verb == "show" && ran.err.contains("(RETR)");
    assert!(ran.err.is_empty() || remarked, "{scheme} {verb} {more:?}: {}", ran.err);
    ran.out
}

fn document(scheme: &str, user: &str, verb: &str, more: &[&str]) -> Value {
    serde_json::from_str(&good(scheme, user, verb, &[more, &["--format", "json"]].concat())).unwrap()
}

fn items(document: &Value) -> &Vec<Value> {
    document["items"].as_array().unwrap()
}

/// The bytes that curl fetches.
fn curl(scheme: &str, user: &str, path: &str, more: &[&str]) -> Vec<u8> {
    let port = variable(&format!("TS_{}_PORT", scheme.to_ascii_uppercase()));
    let password = std::fs::read_to_string(password(user)).unwrap();
    let output = Command::new("curl")
        .args(["-sS", "--cacert", &variable("TS_CA"), "--resolve"])
        .arg(format!("{}:{port}:{}", variable("TS_NAME"), variable("TS_HOST")))
        .args(["-u", &format!("{user}:{}", password.trim())])
        .args(more)
        .arg(format!("{scheme}://{}:{port}/{path}", variable("TS_NAME")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
#[ignore = "needs real servers: cargo xtask interop"]
fn folders_and_messages_are_those_that_curl_sees() {
    let listed = String::from_utf8(curl("imaps", "alice", "", &[])).unwrap();
    let folders = document("imaps", "alice", "list", &[]);
    assert_eq!(items(&folders).len(), listed.lines().filter(|l| l.starts_with("* LIST")).count());
    for folder in items(&folders) {
        let wire = folder["name"]["wire"].as_str().or(folder["name"]["text"].as_str()).unwrap();
        assert!(listed.contains(wire), "{wire}: {listed}");
    }
    // Reading by IMAP marks nothing; curl does, so it comes last.
    let rows = document("imaps", "alice", "ls", &["--all"]);
    let pop3 = document("pop3s", "alice", "ls", &["--all"]);
    assert_eq!(items(&rows).len(), items(&pop3).len());
    assert!(items(&rows).len() >= 6);
    for (row, by_pop3) in items(&rows).iter().zip(items(&pop3)) {
        let number = row["number"].to_string();
        assert_eq!(row["subject"]["text"], by_pop3["subject"]["text"]);
        let flags = row["flags"].as_array().unwrap();
        let looked_at = |scheme: &str| {
            for what in ["--raw", "--structure"] {
                assert!(!good(scheme, "alice", "show", &[&number, what]).is_empty());
            }
        };
        looked_at("imaps");
        let again = document("imaps", "alice", "ls", &[&number]);
        let unseen = |flags: &Vec<Value>| !flags.iter().any(|f| f == "\\Seen");
        assert_eq!(unseen(items(&again)[0]["flags"].as_array().unwrap()), unseen(flags), "{number}");
        // Fetching by POP3 marks a message as seen at Dovecot, whoever does it.
        looked_at("pop3s");
        let bytes = |scheme: &str| {
            use base64::Engine as _;
            let shown = document(scheme, "alice", "show", &[&number, "--raw"]);
            let text = items(&shown)[0]["base64"].as_str().unwrap().to_owned();
            base64::engine::general_purpose::STANDARD.decode(text).unwrap()
        };
        assert!(
            bytes("imaps") == curl("imaps", "alice", &format!("INBOX;MAILINDEX={number}"), &[]),
            "{number}"
        );
        assert!(bytes("pop3s") == curl("pop3s", "alice", &number, &[]), "{number}");
    }
}

#[test]
#[ignore = "needs real servers: cargo xtask interop"]
fn what_is_changed_is_seen_by_others() {
    let user = "probe1";
    let file = folder("interop-mailbox-append").join("x.eml");
    for n in 1..=3 {
        std::fs::write(&file, format!("Subject: no. {n}\n\nline {n}\n.\n..\n")).unwrap();
        good("imaps", user, "append", &[file.to_str().unwrap(), "--write"]);
    }
    let found = document("imaps", user, "search", &["subject:\"no. 2\""]);
    let uid = items(&found)[0]["uid"].as_str().unwrap().to_owned();
    good("imaps", user, "flag", &[&uid, "--uid", "flagged", "--write"]);
    let seen = String::from_utf8(curl("imaps", user, "INBOX?FLAGGED", &[])).unwrap();
    assert!(seen.contains("* SEARCH "), "{seen}");
    good("imaps", user, "mkdir", &["Prüfung", "--write"]);
    good("imaps", user, "move", &[&uid, "Prüfung", "--uid", "--write"]);
    let moved = document("imaps", user, "ls", &["--folder", "Prüfung"]);
    assert_eq!(items(&moved)[0]["subject"]["text"], "no. 2");
    good("imaps", user, "rename", &["Prüfung", "Ablage", "--write"]);
    good("imaps", user, "delete", &["1:*", "--folder", "Ablage", "--write"]);
    // POP3, as the how-to does it by hand: STAT, LIST, TOP, RETR, DELE, QUIT.
    let before = items(&document("pop3s", user, "ls", &["--all"])).len();
    let number = before.to_string();
    let top = good("pop3s", user, "show", &[&number, "--headers"]);
    assert!(top.contains("Subject: no. 3"), "{top}");
    let retr = good("pop3s", user, "show", &[&number, "--raw"]);
    assert!(retr.ends_with("line 3\r\n.\r\n..\r\n"), "{retr}");
    let deleted = document("pop3s", user, "delete", &[&number, "--write"]);
    let states: Vec<&str> = items(&deleted).iter().map(|c| c["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["pending", "done"]);
    let list = String::from_utf8(curl("pop3s", user, "", &[])).unwrap();
    assert_eq!(list.lines().count(), before - 1, "{list}");
    let quota = run("imaps", user, "quota", &[]);
    assert!(quota.code == 0 || quota.code == 3, "{}", quota.err);
    let rights = good("imaps", user, "rights", &[]);
    assert!(rights.contains("l see the folder in lists"), "{rights}");
}

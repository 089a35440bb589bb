//! What `ehlo send` gives to Postfix, and what arrives at Dovecot, read by Python's imaplib and email.

use crate::common::{Ran, ehlo, folder};
use crate::site::variable;
use serde_json::Value;
use std::process::Command;

/// Waits until so many messages of a sender have come to bob, and prints them.
const READER: &str = r#"
import email, email.policy, imaplib, json, ssl, sys, time
host, port, ca, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
m = imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(cafile=ca))
m.login('bob', 'builder123')
end = time.monotonic() + 30
while True:
    m.select('INBOX', readonly=True)
    found = m.search(None, 'HEADER', 'X-Interop', 'send')[1][0].split()
    if len(found) >= count or time.monotonic() > end:
        break
    time.sleep(0.1)
out = []
for number in found:
    raw = m.fetch(number, '(BODY.PEEK[])')[1][0][1]
    read = email.message_from_bytes(raw, policy=email.policy.default)
    text = next(p.get_content() for p in read.walk() if p.get_content_type() == 'text/plain')
    files = [len(p.get_payload(decode=True)) for p in read.walk() if p.get_filename()]
    out.append({'subject': str(read['Subject']), 'text': text, 'files': files, 'received': str(read['Received']),
                'defects': [repr(d) for d in read.defects]})
print(json.dumps(out))
"#;

fn send(scheme: &str, port: &str, more: &[&str]) -> Ran {
    let url = format!("{scheme}://{}:{}", variable("TS_NAME"), variable(port));
    let (host, ca) = (variable("TS_HOST"), variable("TS_CA"));
    let fixed = ["send", &url, "--connect", &host, "--ca", &ca, "--header", "X-Interop: send"];
    ehlo(&[&fixed[..], more].concat())
}

#[test]
#[ignore = "needs real servers: cargo xtask interop"]
fn what_postfix_takes_arrives_at_dovecot() {
    let folder = folder("interop-send");
    let file = folder.join("data.bin");
    std::fs::write(&file, vec![9; 300_000]).unwrap();
    let password = folder.join("pw");
    std::fs::write(&password, "wonderland\n").unwrap();
    let (file, password) = (file.to_str().unwrap(), password.to_str().unwrap());
    let login = ["--user", "alice", "--password-file", password];
    let body = "Grüße\n.\n..zwei\n";
    let cases: Vec<(&str, &str, &str, Vec<&str>)> = vec![
        ("plain", "smtp", "TS_SMTP_PORT", vec![]),
        ("steps", "smtp", "TS_SMTP_PORT", vec!["--pipelining", "off", "--tls", "always"]),
        ("clear", "smtp", "TS_SMTP_PORT", vec!["--tls", "never"]),
        ("helo", "smtp", "TS_SMTP_PORT", vec!["--say-helo"]),
        ("chunks", "smtp", "TS_SMTP_PORT", vec!["--bdat", "64"]),
        ("utf8", "smtp", "TS_SMTP_PORT", vec!["--smtputf8", "on", "--body-type", "8bitmime"]),
        (
            "dsn",
            "smtp",
            "TS_SMTP_PORT",
            vec!["--dsn-notify", "failure", "--dsn-return", "hdrs", "--dsn-envid", "e+1"],
        ),
        ("file", "smtp", "TS_SMTP_PORT", vec!["--attach", file]),
        ("submitted", "submission", "TS_SUBMISSION_PORT", login.to_vec()),
        ("implicit", "submissions", "TS_SMTPS_PORT", login.to_vec()),
        ("lmtp", "lmtp", "TS_LMTP_PORT", vec!["--tls", "never"]),
    ];
    for (name, scheme, port, more) in &cases {
        let fixed =
            ["--from", "alice@example.test", "--to", "bob@example.test", "--subject", name, "--body", body];
        let ran = send(scheme, port, &[&fixed[..], more].concat());
        assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
    }
    let arguments =
        [variable("TS_NAME"), variable("TS_IMAPS_PORT"), variable("TS_CA"), cases.len().to_string()];
    let host = variable("TS_HOST");
    let output = Command::new("python3").args(["-c", READER, &host]).args(&arguments[1..]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for (name, ..) in &cases {
        let Some(message) = all.iter().find(|m| m["subject"] == *name) else {
            panic!("{name} did not arrive")
        };
        assert_eq!(message["text"].as_str().unwrap().replace('\r', ""), body, "{name}");
        assert_eq!(message["defects"].as_array().unwrap().len(), 0, "{message:#}");
        let files: Vec<u64> =
            message["files"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        assert_eq!(files, if *name == "file" { vec![300_000] } else { vec![] }, "{name}");
    }
}

#[test]
#[ignore = "needs real servers: cargo xtask interop"]
fn what_postfix_refuses_is_told_for_each_recipient() {
    let to = "bob@example.test,nobody@example.test,greylist@example.test,blocked@example.test";
    let ran = send("smtp", "TS_SMTP_PORT", &["--from", "x@example.test", "--to", to, "--format", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let recipients = document["transactions"][0]["recipients"].as_array().unwrap();
    let verdicts: Vec<&str> = recipients.iter().map(|r| r["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["accepted", "refused", "deferred", "refused"], "{document:#}");
    for recipient in &recipients[1..] {
        assert!(!recipient["explanations"].as_array().unwrap().is_empty(), "{recipient:#}");
    }
    let large = folder("interop-send-large").join("large.bin");
    std::fs::File::create(&large).unwrap().set_len(9 << 20).unwrap();
    let attach =
        ["--from", "x@example.test", "--to", "bob@example.test", "--attach", large.to_str().unwrap()];
    let ran = send("smtp", "TS_SMTP_PORT", &attach);
    assert!(ran.code == 1 && ran.out.contains("base64") && ran.out.contains("10240000"), "{}", ran.out);
}

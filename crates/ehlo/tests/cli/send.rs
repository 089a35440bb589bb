//! `ehlo send`, against the lab inside the process, a lab of its own, and servers that want to do harm.

use crate::common::{Ran, RunningLab, ehlo, folder, program, ran};
use crate::shown::ehlo_with_input;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

const FROM_TO: [&str; 4] = ["--from", "joe@example.test", "--to", "alice@lab.test"];

fn send(arguments: &[&str]) -> Ran {
    ehlo(&[&["send", "lab", "-4"], arguments].concat())
}

/// What differs each time: tokens, ports, queue ids, times.
fn shown(ran: &Ran) -> String {
    let mut text = ran.out.clone();
    for (pattern, by) in [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:#"),
        (r"[0-9a-f]{16}", "TOKEN"),
        (r"TOKEN-(\d+)@[A-Za-z0-9.-]+", "TOKEN-$1@HOST"),
        (r"(queued as|keeps it as|führt sie als) [A-Z0-9]+", "$1 ID"),
        (r"\b\d+(\.\d+)? s\b", "# s"),
        // The date has one digit or two.
        (r"\b\d+ (octets|Oktette)", "# $1"),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, by).into_owned();
    }
    text
}

#[test]
fn verdicts_in_both_languages() {
    for lang in ["en", "de"] {
        let arguments =
            ["--from", "joe@example.test", "--to", "alice@lab.test,nobody@lab.test", "--lang", lang];
        let ran =
            send(&[&arguments[..], &["--mail-from", "bounce@example.test", "--helo", "x.example"]].concat());
        assert_eq!(ran.code, 1, "{}", ran.err);
        insta::assert_snapshot!(format!("send-{lang}"), shown(&ran));
        let dry = send(&[&arguments[..], &["--dry-run", "--helo", "x.example", "--size", "off"]].concat());
        assert_eq!(dry.code, 0, "{}", dry.err);
        insta::assert_snapshot!(format!("send-dry-{lang}"), shown(&dry));
    }
}

#[test]
fn exit_codes_tell_the_truth() {
    let nobody = ["--from", "joe@example.test", "--to", "nobody@lab.test"];
    let mixed = ["--from", "joe@example.test", "--to", "nobody@lab.test,alice@lab.test"];
    for (own, swaks, arguments) in [
        (0, 0, &[&FROM_TO[..], &[]].concat()),
        (1, 24, &nobody.to_vec()),
        (1, 0, &mixed.to_vec()),
        (1, 23, &[&FROM_TO[..], &["--lab-fault", "reply=MAIL:550 5.7.1 no"]].concat()),
        (1, 26, &[&FROM_TO[..], &["--lab-fault", "reply=.:554 5.6.0 no"]].concat()),
        (3, 2, &[&FROM_TO[..], &["--lab-fault", "connection-refused"]].concat()),
        (1, 21, &[&FROM_TO[..], &["--lab-fault", "reply=greeting:554 5.3.2 no"]].concat()),
        (1, 28, &[&FROM_TO[..], &["--user", "alice", "--lab-fault", "auth-refused"]].concat()),
        (1, 29, &[&FROM_TO[..], &["--tls", "always", "--lab-fault", "starttls-hidden"]].concat()),
        (1, 10, &[&FROM_TO[..], &["--tls", "never", "--require-tls"]].concat()),
    ] {
        let ran = send(arguments);
        assert_eq!(ran.code, own, "{arguments:?}: {}{}", ran.out, ran.err);
        let as_swaks = send(&[&arguments[..], &["--exit-codes", "swaks"]].concat());
        assert_eq!(as_swaks.code, swaks, "{arguments:?}: {}{}", as_swaks.out, as_swaks.err);
    }
}

#[test]
fn wrong_usage_says_what_is_wrong() {
    let folder = folder("send-usage");
    std::fs::write(folder.join("empty.eml"), "").unwrap();
    let empty = folder.join("empty.eml");
    let empty = empty.to_str().unwrap();
    let mut told = String::new();
    for more in [
        &["--to", "alice@lab.test"][..],
        &["--from", "joe@example.test"],
        &["--from", "joe", "--to", "a b"],
        &["--from", "joe@example.test\r\nDATA", "--to", "alice@lab.test"],
        &["--from", "joe@example.test", "--to", "alice@lab.test\n"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--header", "X: a\r\nBcc: b"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--header", "no colon"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--subject", "a\nb"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--raw"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--mail-parameter", "A\r\nB"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--dsn-notify", "sometimes"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--deliver-by", "soon"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--priority", "10"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--count", "0"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--rate", "-1"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--xclient", "ADDR"],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--proxy-from", "192.0.2.1:1"],
        &[
            "--from",
            "joe@example.test",
            "--to",
            "alice@lab.test",
            "--quit-after",
            "mail",
            "--drop-after",
            "rcpt",
        ],
        &["--from", "joe@example.test", "--to", "alice@lab.test", "--dkim-selector", "x"],
    ] {
        let ran = send(more);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{more:?}: {}", ran.err);
        told.push_str(&ran.err);
    }
    for target in [&["imap://lab"][..], &["lab", "smtp://lab"], &["-"]] {
        let ran = ehlo(&[&["send"], target, &FROM_TO].concat());
        assert_eq!(ran.code, 2, "{target:?}: {}", ran.err);
        told.push_str(&ran.err);
    }
    insta::assert_snapshot!("send-usage", told);
    let ran = send(&[&FROM_TO[..], &["--eml", empty]].concat());
    assert!(ran.code == 2 && ran.err.contains("is empty"), "{}", ran.err);
    for flag in ["--attach", "--eml", "--dkim-key"] {
        let ran = send(&[&FROM_TO[..], &[flag, "/nonexistent/file"]].concat());
        assert!(ran.code == 3 && ran.err.contains("/nonexistent/file"), "{flag}: {}", ran.err);
    }
}

/// Reads the mailbox of alice with Python's imaplib and email, which know nothing of us.
const READER: &str = r#"
import email, email.policy, imaplib, json, sys
m = imaplib.IMAP4('127.0.0.1', int(sys.argv[1]))
m.login('alice', 'wonderland')
m.select('INBOX', readonly=True)
out = []
for number in m.search(None, 'ALL')[1][0].split():
    raw = m.fetch(number, '(BODY.PEEK[])')[1][0][1]
    read = email.message_from_bytes(raw, policy=email.policy.default)
    parts = [{'type': p.get_content_type(), 'name': p.get_filename(), 'bytes': len(p.get_payload(decode=True) or b''),
              'text': p.get_content() if p.get_content_type() == 'text/plain' and not p.get_filename() else None}
             for p in read.walk() if not p.is_multipart()]
    out.append({'headers': [[k, str(v)] for k, v in read.items()], 'defects': [repr(d) for d in read.defects],
                'parts': parts, 'raw': raw.decode('latin-1')})
print(json.dumps(out))
"#;

/// The messages that arrived, as Python reads them; none if there is no Python.
fn arrived(lab: &RunningLab) -> Option<Vec<Value>> {
    let output = Command::new("python3").args(["-c", READER, &lab.port("imap").to_string()]).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn header<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    let fields = message["headers"].as_array().unwrap();
    fields.iter().find(|f| f[0].as_str().unwrap().eq_ignore_ascii_case(name)).map(|f| f[1].as_str().unwrap())
}

#[test]
fn every_option_at_a_lab_looked_at_by_a_foreign_reader() {
    let options = ["--xclient", "--fault", "auth-clear-accepted"];
    let lab = RunningLab::start("send-options", &options);
    let folder = folder("send-options-files");
    let file = |name: &str, bytes: &[u8]| -> String {
        let path: PathBuf = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let image = file("Bild ü.png", &vec![7; 100_000]);
    let key = file("key.pem", include_bytes!("../../../ehlo-action/src/send/dkim-test-key.pem"));
    let eml = file("a.eml", b"From: x@example.test\nTo: y@example.test\nSubject: eml\n\n.dot\nend");
    let password = file("pw", b"wonderland\n");
    let attach = format!("{image};type=image/x-test");
    let body = format!("@{}", file("body.txt", "Schöne Grüße\n.\n..\nFrom me\n".as_bytes()));
    let smtp = lab.url("smtp");
    let (submission, lmtp) = (lab.url("submission"), lab.url("lmtp"));
    let cases: Vec<(&str, &str, Vec<&str>)> = vec![
        ("plain", &smtp, vec![]),
        ("text", &smtp, vec!["--body", &body]),
        ("both", &smtp, vec!["--body", "words", "--html", "<p>words</p>"]),
        ("attached", &smtp, vec!["--attach", &attach]),
        (
            "fields",
            &smtp,
            vec!["--header", "Subject: Grüße 日本", "--add-header", "X-A: 1", "--header", "Date:"],
        ),
        ("chunks", &smtp, vec!["--bdat", "100", "--body", &body]),
        ("binary", &smtp, vec!["--bdat", "1M", "--body-type", "binarymime"]),
        ("steps", &smtp, vec!["--pipelining", "off", "--size", "off", "--body-type", "8bitmime"]),
        (
            "dsn",
            &smtp,
            vec![
                "--dsn-notify",
                "never",
                "--dsn-return",
                "hdrs",
                "--dsn-envid",
                "q+1",
                "--dsn-orcpt",
                "o@x.test",
            ],
        ),
        ("times", &smtp, vec!["--deliver-by", "120;N", "--priority=-3", "--prdr"]),
        ("tls", &smtp, vec!["--tls", "always", "--require-tls"]),
        ("clear", &smtp, vec!["--tls", "never", "--smtputf8", "on"]),
        ("xclient", &smtp, vec!["--xclient", "ADDR=203.0.113.9", "--xforward", "NAME=inner.example"]),
        ("helo", &smtp, vec!["--say-helo", "--helo", "old.example"]),
        (
            "login",
            &submission,
            vec!["--user", "alice", "--password-file", &password, "--mechanism", "SCRAM-SHA-256"],
        ),
        ("lmtp", &lmtp, vec!["--body", &body]),
        ("signed", &smtp, vec!["--dkim-key", &key, "--dkim-selector", "s1"]),
        ("eml", &smtp, vec!["--eml", &eml, "--header", "X-B: 2"]),
        ("many", &smtp, vec!["--count", "3", "--per-connection", "2"]),
    ];
    let ca = lab.ca.to_str().unwrap();
    for (name, url, more) in &cases {
        let sender = format!("{name}@example.test");
        let mut arguments =
            vec!["send", url, "--ca", ca, "--from", &sender, "--to", "alice@lab.test", "--format", "json"];
        arguments.extend(more);
        let ran = ehlo(&arguments);
        assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
    }
    let Some(all) = arrived(&lab) else { return };
    assert_eq!(all.len(), cases.len() + 2);
    let of = |name: &str| -> &Value {
        let path = format!("<{name}@example.test>");
        all.iter()
            .find(|m| header(m, "Return-Path") == Some(path.as_str()))
            .unwrap_or_else(|| panic!("{name}"))
    };
    for message in &all {
        assert_eq!(message["defects"].as_array().unwrap().len(), 0, "{message:#}");
    }
    let plain = of("plain");
    for field in ["Date", "From", "To", "Subject", "Message-ID", "X-Ehlo-Test", "MIME-Version", "X-Mailer"] {
        assert!(header(plain, field).is_some(), "{field}: {plain:#}");
    }
    for name in ["text", "chunks", "lmtp"] {
        let text = of(name)["parts"][0]["text"].as_str().unwrap();
        assert_eq!(text.replace('\r', ""), "Schöne Grüße\n.\n..\nFrom me\n", "{name}");
    }
    assert_eq!(of("both")["parts"].as_array().unwrap().len(), 2);
    let attached = &of("attached")["parts"][1];
    assert_eq!(
        (attached["type"].as_str(), attached["name"].as_str(), attached["bytes"].as_u64()),
        (Some("image/x-test"), Some("Bild ü.png"), Some(100_000))
    );
    assert_eq!(header(of("fields"), "Subject"), Some("Grüße 日本"));
    assert!(header(of("fields"), "Date").is_none() && header(of("fields"), "X-A").is_some());
    assert!(header(of("tls"), "Received").unwrap().contains("TLS"));
    assert!(header(of("xclient"), "Received").unwrap().contains("203.0.113.9"));
    assert!(header(of("helo"), "Received").unwrap().contains("old.example"));
    assert!(header(of("login"), "Received").unwrap().contains("ESMTPSA"));
    assert!(header(of("signed"), "DKIM-Signature").unwrap().contains("d=example.test"));
    assert!(
        of("eml")["raw"].as_str().unwrap().ends_with("X-B: 2\r\n\r\n.dot\r\nend\r\n"),
        "{}",
        of("eml")["raw"]
    );
}

#[test]
fn a_message_may_come_from_standard_input() {
    let ran = ehlo_with_input(
        &["send", "lab", "-4", "--from", "joe@example.test", "--to", "alice@lab.test", "--eml", "-", "-v"],
        "Subject: from a pipe\n\nbody\n",
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("C: Subject: from a pipe"), "{}", ran.out);
    let ran = ehlo_with_input(
        &[
            "send",
            "lab",
            "--from",
            "joe@example.test",
            "--to",
            "alice@lab.test",
            "--body",
            "-",
            "--html",
            "-",
        ],
        "x",
    );
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[test]
fn what_is_too_large_is_refused_with_the_sum() {
    let folder = folder("send-large");
    let file = folder.join("large.bin");
    std::fs::File::create(&file).unwrap().set_len(30 << 20).unwrap();
    let ran = send(&[&FROM_TO[..], &["--attach", file.to_str().unwrap(), "-v"]].concat());
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("31457280"), "{}", ran.out);
    assert!(!ran.out.contains("MAIL FROM"), "{}", ran.out);
}

/// A server that speaks lines and ends the connection in the middle of the data.
fn that_hangs_up_in_the_data(behind_end: bool) -> (u16, std::thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut connections = 0;
        listener.set_nonblocking(false).unwrap();
        let (stream, _) = listener.accept().unwrap();
        connections += 1;
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        writer.write_all(b"220 x ESMTP\r\n").unwrap();
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 0 {
            let answer: &[u8] = match line.get(..4).unwrap_or_default() {
                "DATA" => b"354 go\r\n",
                _ => b"250 ok\r\n",
            };
            writer.write_all(answer).unwrap();
            if line.starts_with("DATA") {
                break;
            }
            line.clear();
        }
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while !(behind_end && seen.ends_with(b"\r\n.\r\n")) && (behind_end || seen.is_empty()) {
            let read = reader.read(&mut buffer).unwrap();
            if read == 0 {
                break;
            }
            seen.extend_from_slice(&buffer[..read]);
        }
        drop(reader);
        drop(writer);
        listener.set_nonblocking(true).unwrap();
        // Whoever sends it again comes again.
        std::thread::yield_now();
        connections + usize::from(listener.accept().is_ok())
    });
    (port, server)
}

#[test]
fn a_connection_that_is_lost_in_the_data_is_told_and_nothing_is_sent_again() {
    let (port, server) = that_hangs_up_in_the_data(true);
    let url = format!("smtp://127.0.0.1:{port}");
    let ran = ehlo(&[&["send", &url], &FROM_TO[..]].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Nobody knows whether the server has it"), "{}", ran.out);
    assert_eq!(server.join().unwrap(), 1);
}

fn schemas() -> (boon::Schemas, boon::SchemaIndex) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let mut last = String::new();
    for name in ["check-v1.json", "sasl-v1.json", "explain-v1.json", "send-v1.json"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        last = schema["$id"].as_str().unwrap().to_owned();
        compiler.add_resource(&last, schema).unwrap();
    }
    let index = compiler.compile(&last, &mut schemas).unwrap();
    (schemas, index)
}

#[test]
fn documents_fit_the_published_schema() {
    let (schemas, index) = schemas();
    for arguments in [
        "--to alice@lab.test",
        "--to alice@lab.test,nobody@lab.test --lang de --mail-from bounce@example.test",
        "--to alice@lab.test --user alice --lab-fault auth-refused",
        "--to alice@lab.test --user alice",
        "--to alice@lab.test --tls never --require-tls",
        "--to alice@lab.test --lab-fault connection-refused",
        "--to alice@lab.test --lab-fault hostile-escapes",
        "--to alice@lab.test --lab-fault close=.",
        "--to alice@lab.test --quit-after rcpt",
        "--to alice@lab.test --count 3 --rcpt name@lab.test",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let fixed = ["--from", "joe@example.test", "--timeout", "2", "--format", "json"];
        let ran = send(&[&fixed[..], &arguments[..]].concat());
        let document: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{arguments:?}: {e} {}", ran.err));
        if let Err(error) = schemas.validate(&document, index) {
            panic!("{arguments:?}: {error:#}");
        }
        assert_eq!(document["good"].as_bool().unwrap(), ran.code == 0, "{arguments:?}");
        assert!(!ran.out.contains('\u{1b}'));
        assert!(!ran.out.contains("wonderland"), "{arguments:?}");
    }
}

#[test]
fn the_dialogue_can_be_saved_as_a_script() {
    let folder = folder("send-script");
    let file = folder.join("send.ehlo");
    let ran = send(&[&FROM_TO[..], &["--transcript", file.to_str().unwrap(), "-q"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("MAIL FROM:<joe@example.test>"), "{text}");
    assert_eq!(ran_as_script(&file).code, 0);
}

fn ran_as_script(file: &Path) -> Ran {
    ran(program().args(["fmt", "--check", file.to_str().unwrap()]).output().unwrap())
}

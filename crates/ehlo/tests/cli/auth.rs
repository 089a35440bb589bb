//! `ehlo auth`, against the lab inside the process, a lab of its own, and servers that want to do harm.

use crate::common::{Ran, RunningLab, ehlo, folder, program, ran};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What has no secret in it, and no numbers that differ each time.
fn shown(arguments: &[&str]) -> String {
    let ran = ehlo(&[&["auth"], arguments].concat());
    assert!(ran.code <= 1, "{arguments:?}: {}", ran.err);
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    // Times, tags, challenges and what a challenge is made of.
    let mut text = ran.out;
    for (volatile, instead) in [
        (r", [0-9.]+ m?s\b", ", # ms"),
        (r"\be[0-9a-f]{5}\b", "######"),
        (r"(334|\+) [A-Za-z0-9+/]{12,}={0,2}", "$1 #"),
        (r"<[^<>@\s]+@lab\.test>", "<#@lab.test>"),
        (r"(random|timestamp)( +)[0-9a-f.]+", "$1$2#"),
    ] {
        text = regex::Regex::new(volatile).unwrap().replace_all(&text, instead).into_owned();
    }
    text
}

#[test]
fn the_table_in_both_languages() {
    for lang in ["en", "de"] {
        insta::assert_snapshot!(
            format!("auth-table-{lang}"),
            shown(&["pop3://lab", "imaps://lab", "-4", "--user", "alice", "--wrong", "--lang", lang])
        );
        let refused =
            ["pop3://lab", "imap://lab", "-4", "--user", "alice", "--lab-fault", "auth-refused@pop3"];
        let refused = [&refused[..], &["--lab-fault", "auth-clear-offered@pop3", "--lang", lang]].concat();
        insta::assert_snapshot!(format!("auth-refused-{lang}"), shown(&refused));
    }
}

#[test]
fn the_steps_of_each_exchange() {
    for lang in ["en", "de"] {
        let steps = ["submission://lab", "-4", "--user", "alice", "--steps", "--mechanism", "cram-md5"];
        let steps = [&steps[..], &["--mechanism", "PLAIN", "--lang", lang]].concat();
        insta::assert_snapshot!(format!("auth-steps-{lang}"), shown(&steps));
    }
}

#[test]
fn exit_codes_tell_the_truth() {
    // A server that takes a wrong password lacks the proof that SCRAM wants; it let somebody in all the same.
    let wrong = |mechanism: &'static str| {
        [
            "imaps://lab",
            "--user",
            "alice",
            "--wrong",
            "--lab-fault",
            "auth-any-password",
            "--mechanism",
            mechanism,
        ]
    };
    for (code, arguments) in [
        (0, &["imaps://lab", "--user", "alice", "--mechanism", "PLAIN"][..]),
        (0, &["lab", "--user", "alice", "-q", "--mechanism", "CRAM-MD5"]),
        (1, &["imaps://lab", "--user", "alice", "--lab-fault", "auth-refused"]),
        (
            1,
            &[
                "imaps://lab",
                "pop3s://lab",
                "--user",
                "alice",
                "--mechanism",
                "PLAIN",
                "--lab-fault",
                "connection-refused@imaps",
            ],
        ),
        (1, &wrong("PLAIN")),
        (1, &wrong("SCRAM-SHA-1")),
        (2, &["imaps://lab"]),
        (2, &["--user", "alice"]),
        (2, &["imaps://lab", "--user", "nobody"]),
        (2, &["imaps://lab", "--user", "alice", "--iteration-cap", "0"]),
        (2, &["imaps://lab", "--user", "alice", "--iteration-cap", "4000000000"]),
        (2, &["imaps://lab", "--user", "alice", "--password-form", "ebcdic"]),
        (2, &["mail.example.org", "--user", "alice", "--lab-persona", "exchange"]),
        (2, &["imap://192.0.2.1", "--user", "alice"]),
        (3, &["imaps://lab", "--user", "alice", "--lab-fault", "connection-refused"]),
        (3, &["imaps://lab", "--user", "alice", "--mechanism", "GSSAPI"]),
        (3, &["imaps://lab", "--user", "alice", "--token-file", "/nonexistent/token"]),
    ] {
        let ran = ehlo(&[&["auth"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
        assert_eq!(ran.err.is_empty(), code != 2 && !ran.out.is_empty(), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn after_three_failures_nothing_more_is_tried() {
    let ran = ehlo(&["auth", "lab", "--user", "alice", "--lab-fault", "auth-refused", "--wrong"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("3 logins failed, and nothing more was tried"), "{}", ran.out);
    assert!(ran.out.contains("3 logins tried as alice: 3 refused"), "{}", ran.out);
    assert_eq!(ran.out.matches(" ✘ ").count(), 3, "{}", ran.out);
    let one = ehlo(&[
        "auth",
        "imap://lab",
        "--user",
        "alice",
        "--lab-fault",
        "auth-refused",
        "--mechanism",
        "PLAIN",
        "-q",
    ]);
    assert_eq!(one.out, "2 logins tried as alice: 2 refused\n");
}

#[test]
fn what_is_not_tried_is_told_with_the_reason() {
    let ran = ehlo(&["auth", "imaps://lab", "--user", "alice", "--all"]);
    for says in ["not tried: needs a token", "→ Give a token with --token-file", "→ Give --client-cert and"]
    {
        assert!(ran.out.contains(says), "{says}: {}", ran.out);
    }
    let lab = RunningLab::start("auth-untrusted", &[]);
    let folder = folder("auth-untrusted-files");
    let password = folder.join("pw");
    std::fs::write(&password, "wonderland\n").unwrap();
    let url = lab.url("imaps");
    let ran = ehlo(&["auth", &url, "--user", "alice", "--password-file", password.to_str().unwrap()]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("not tried: server unverified"), "{}", ran.out);
    assert!(ran.out.contains("no login was tried as alice"), "{}", ran.out);
}

fn schemas() -> (boon::Schemas, boon::SchemaIndex) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    for name in ["check-v1.json", "auth-v1.json"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        compiler.add_resource(&id, schema).unwrap();
    }
    let text = std::fs::read_to_string(folder.join("auth-v1.json")).unwrap();
    let id = serde_json::from_str::<Value>(&text).unwrap()["$id"].as_str().unwrap().to_owned();
    let index = compiler.compile(&id, &mut schemas).unwrap();
    (schemas, index)
}

#[test]
fn documents_fit_the_published_schema() {
    let (schemas, index) = schemas();
    let mut seen = std::collections::BTreeSet::new();
    for arguments in [
        "lab --user alice --mechanism plain --mechanism gssapi",
        "submission://lab --user alice --wrong",
        "pop3s://lab --user alice --all --lang de",
        "lab --user alice --lab-fault auth-refused",
        "imap://lab sieve://lab --user alice --lab-fault auth-unavailable",
        "imap://lab submission://lab --user alice --lab-fault auth-bad-challenge",
        "lab --user alice --lab-fault hostile-escapes --mechanism cram-md5",
        "lab --user alice --lab-fault starttls-refused",
        "imaps://lab pop3s://lab --user alice --lab-fault connection-refused@imaps",
        "imaps://lab --user alice --mechanism GSSAPI --mechanism xoauth2 --all",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let ran = ehlo(&[&["auth", "-4", "--timeout", "2", "--format", "json"], &arguments[..]].concat());
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        if let Err(error) = schemas.validate(&document, index) {
            panic!("{arguments:?}: {error:#}");
        }
        for service in document["services"].as_array().unwrap() {
            for attempt in service["attempts"].as_array().unwrap() {
                seen.insert(attempt["result"]["is"].as_str().unwrap().to_owned());
                // What was tried is proved by lines of a transcript.
                if attempt["tried"] == true {
                    let id = &attempt["transcript"];
                    assert!(document["transcripts"].as_array().unwrap().iter().any(|t| t["id"] == *id));
                    assert!(!attempt["evidence"].as_array().unwrap().is_empty(), "{attempt:#}");
                }
            }
        }
    }
    let wanted = ["accepted", "given-up", "not-tried", "refused", "unavailable"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

/// The forms in which a secret could get out: as it is, quoted, in base64 at each place of a group of three.
fn forms(secret: &str) -> Vec<String> {
    let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let mut forms = vec![secret.to_owned(), quoted.clone(), quoted.replace('\\', "\\\\")];
    for before in ["", "x", "xx"] {
        let whole = format!("{before}{secret}");
        let encoded = STANDARD.encode(&whole);
        forms.push(encoded[[0, 2, 3][before.len()]..whole.len() * 8 / 6].to_owned());
    }
    forms
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}

#[test]
fn no_secret_gets_out() {
    let secret = "pa\"ss\\wort-ä7";
    let token = "to\"ken-ü9x";
    let folder = folder("auth-secrets");
    for (name, text) in [("pw", secret), ("token", token)] {
        std::fs::write(folder.join(name), format!("{text}\n")).unwrap();
    }
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let log = std::fs::File::create(folder.join("lab.log")).unwrap();
    let mut lab = program()
        .args(["lab", "--port-base", "0", "--log", "--transcripts", &path("lab-transcripts")])
        .args(["--account", &format!("bob:{secret}"), "--ca-out", &path("ca.pem")])
        .args(["--ports-file", &path("ports.json")])
        .stdout(log)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let ports: Value = loop {
        let text = std::fs::read_to_string(folder.join("ports.json")).unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(ports) => break ports,
            Err(_) => assert!(Instant::now() < deadline, "the lab does not start"),
        }
        std::thread::park_timeout(Duration::from_millis(20));
    };
    let services = ports["services"].as_array().unwrap().iter().filter(|s| s["address"] == "127.0.0.1");
    let urls: Vec<String> = services
        .filter(|s| ["submission", "pop3s", "imap", "sieve"].iter().any(|name| s["service"] == *name))
        .map(|s| format!("{}://127.0.0.1:{}", s["service"].as_str().unwrap(), s["port"]))
        .collect();
    assert_eq!(urls.len(), 4);
    let mut texts = vec![String::new()];
    let mut told = 0;
    let runs: [(&[String], &[&str]); 3] = [
        (&urls, &["--steps"]),
        (&urls[..1], &["--format", "json"]),
        (&urls[1..2], &["--steps", "--lang", "de", "--wrong"]),
    ];
    for (number, (urls, more)) in runs.into_iter().enumerate() {
        let transcript = path(&format!("transcript-{number}"));
        let output = program()
            .arg("auth")
            .args(urls)
            .args(["--user", "bob", "--password-file", &path("pw"), "--token-file", &path("token")])
            .args(["--ca", &path("ca.pem"), "--transcript", &transcript, "--all"])
            .args(more)
            .output()
            .unwrap();
        let Ran { out, err, .. } = ran(output);
        told += out.matches("accepted").count();
        texts.extend([out, err, std::fs::read_to_string(&transcript).unwrap()]);
    }
    assert!(told > 10, "{}", texts[1]);
    lab.kill().unwrap();
    lab.wait().unwrap();
    // The account and its password stand in the introduction of the log, and what is said behind it.
    let log = std::fs::read_to_string(folder.join("lab.log")).unwrap();
    let log = log.split("Its CA:").last().unwrap().to_owned();
    assert!(log.contains("AUTHENTICATE"), "{log}");
    texts.push(log);
    let written = files(&folder.join("lab-transcripts"));
    assert!(written.len() > 10, "{written:?}");
    texts.extend(written.iter().map(|file| std::fs::read_to_string(file).unwrap()));
    let all = texts.join("\n");
    // What a client makes of the password and of what it is asked, and can be used again, or be guessed at.
    let derived = [
        regex::Regex::new(r"\bbob [0-9a-f]{32}\b").unwrap(),
        regex::Regex::new(r"APOP bob [0-9a-f]").unwrap(),
        regex::Regex::new(r"\bp=[A-Za-z0-9+/]{20,}={0,2}").unwrap(),
        regex::Regex::new(r"(AUTH|AUTHENTICATE) \S+ [A-Za-z0-9+/]{12,}").unwrap(),
        regex::Regex::new(r"C: [A-Za-z0-9+/]{12,}={0,2}\n").unwrap(),
        regex::Regex::new(r"TlRMTVNTUAAD").unwrap(),
        regex::Regex::new(r"response=[0-9a-f]{32}").unwrap(),
    ];
    for form in forms(secret).into_iter().chain(forms(token)).chain(["wrong-".to_owned()]) {
        let at = all.find(&form).map(|at| all[at.saturating_sub(80)..].chars().take(160).collect::<String>());
        assert_eq!(at, None, "{form}");
    }
    for pattern in derived {
        assert_eq!(pattern.find(&all).map(|m| m.as_str()), None, "{pattern}");
    }
}

/// What a server answers to a line of a login, the number of which is given.
type Answer = fn(&str, usize) -> Vec<u8>;

/// A server that offers `mechanisms` and answers the lines of a login as it is told.
fn peer(mechanisms: &'static str, answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut out = stream.try_clone().unwrap();
                let _ = out.write_all(b"220 mail.example.test ESMTP\r\n");
                let mut number = 0;
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let answer = if line.starts_with("EHLO") {
                        format!("250-mail.example.test\r\n250 AUTH {mechanisms}\r\n").into_bytes()
                    } else if line.starts_with("QUIT") {
                        b"221 bye\r\n".to_vec()
                    } else {
                        number += 1;
                        answer(&line, number)
                    };
                    if out.write_all(&answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("submission://127.0.0.1:{port}")
}

fn challenge(text: &[u8]) -> Vec<u8> {
    format!("334 {}\r\n", STANDARD.encode(text)).into_bytes()
}

fn scram_first(line: &str, iterations: &str) -> Vec<u8> {
    let first = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
    let first = String::from_utf8(first).unwrap();
    challenge(format!("r={}x,s=QSXCRQ==,i={iterations}", first.rsplit("r=").next().unwrap()).as_bytes())
}

#[test]
fn servers_that_do_harm_are_told_as_such() {
    let password = folder("auth-hostile").join("pw");
    std::fs::write(&password, "geheim-4711\n").unwrap();
    let cases: [(&str, Answer, &str); 8] = [
        (
            "CRAM-MD5",
            |line, _| if line == "*" { b"501 gone\r\n".to_vec() } else { b"334 !!!!\r\n".to_vec() },
            "The login was given up: the server sent something that does not fit",
        ),
        (
            "CRAM-MD5",
            |_, _| [b"334 ".to_vec(), b"QUJD".repeat(250_000), b"\r\n".to_vec()].concat(),
            "Logging in: the server sent more than is taken",
        ),
        (
            "SCRAM-SHA-256",
            |line, number| match number {
                1 => scram_first(line, "2147483648"),
                _ => b"501 gone\r\n".to_vec(),
            },
            "the server asks for 2147483648 iterations",
        ),
        (
            "SCRAM-SHA-256",
            |line, number| match number {
                1 => scram_first(line, "4096"),
                2 => challenge(b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                _ => b"235 come in\r\n".to_vec(),
            },
            "The server's proof that it knows the password is wrong",
        ),
        ("SCRAM-SHA-256", |_, _| b"235 come in\r\n".to_vec(), "without proving that it knows the password"),
        (
            "DIGEST-MD5",
            |_, number| match number {
                1 => challenge(b"realm=\"\xff\xfe\x1b[2J\""),
                _ => b"501 gone\r\n".to_vec(),
            },
            "The login was given up: the server sent something that does not fit",
        ),
        ("X\u{1b}[2J\u{202e}Y", |_, _| b"535 no\r\n".to_vec(), r"X\x1b[2J\u{202e}Y"),
        (
            "PLAIN",
            |line, _| {
                let blob = line.rsplit(' ').next().unwrap_or_default();
                let raw = STANDARD.decode(blob).unwrap_or_default();
                [b"535-\x1b[2J ".as_slice(), line.as_bytes(), b"\r\n535 \x9b", &raw, b"\r\n"].concat()
            },
            r"535-\x1b[2J",
        ),
    ];
    std::thread::scope(|scope| {
        for (mechanisms, answer, says) in cases {
            let password = password.to_str().unwrap();
            scope.spawn(move || {
                let url = peer(mechanisms, answer);
                for more in [&["--steps"][..], &["--format", "json"]] {
                    let start = Instant::now();
                    let fixed =
                        ["auth", &url, "--user", "bob", "--password-file", password, "--insecure-auth"];
                    let ran = ehlo(&[&fixed[..], &["--timeout", "3", "--deadline", "20"], more].concat());
                    assert!(start.elapsed() < Duration::from_secs(25), "{says}");
                    assert!(matches!(ran.code, 1 | 3), "{says}: {} {}", ran.code, ran.err);
                    let whole = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
                    let clause = says.trim_start_matches("The ").trim_start_matches("Logging in: ");
                    let clause =
                        if more[0] == "--steps" { clause.to_owned() } else { clause.replace('\\', "\\\\") };
                    assert!(whole.contains(&clause), "{says}: {}", ran.out);
                    let control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c == '\u{9b}';
                    assert!(!ran.out.contains(control) && !ran.err.contains(control), "{}", ran.out);
                    for form in forms("geheim-4711") {
                        assert!(!ran.out.contains(&form) && !ran.err.contains(&form), "{form}: {}", ran.out);
                    }
                    if more[0] == "--steps" {
                        assert!(ran.out.lines().all(|l| l.chars().count() <= 80), "{}", ran.out);
                    }
                }
            });
        }
    });
}

//! `ehlo lab`: who may come in, and what is done with mail.

use crate::common::{RunningLab, ehlo, folder};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

fn talk(lab: &RunningLab, service: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", lab.port(service))).unwrap();
    stream.write_all(text.replace('\n', "\r\n").as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn mistakes_in_rules_are_told_with_their_line() {
    let file = folder("bad-rules").join("rules.toml");
    let path = file.to_str().unwrap();
    for (text, en, de) in [
        (
            "[[rule]]\nrefuse = 'no'\n",
            "line 2: refuse wants a reply",
            "Zeile 2: refuse erwartet eine Antwort",
        ),
        (
            "\n[[rule]]\nsender = 'x'\n",
            "line 2: a rule has exactly one action",
            "Zeile 2: eine Regel hat genau",
        ),
        ("[[rule]]\ndelay = 'x'\n", "line 2: delay wants seconds", "Zeile 2: delay erwartet Sekunden"),
        (
            "[[rule]]\nmagic = 1\n",
            "line 2: there is no key magic",
            "Zeile 2: den Schlüssel magic gibt es nicht",
        ),
        ("[[rule]\n", "line 1: ", "Zeile 1: "),
    ] {
        std::fs::write(&file, text).unwrap();
        for (lang, expected) in [("en", en), ("de", de)] {
            let ran = ehlo(&["lab", "--rules", path, "--lang", lang]);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{text}");
            // Long lines are wrapped.
            let told = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains(expected), "{expected:?} is not in {told}");
        }
    }
    assert_eq!(ehlo(&["lab", "--rules", "/nonexistent/rules"]).code, 3);
    assert_eq!(ehlo(&["lab", "--master", "nobody"]).code, 2);
}

#[test]
fn rules_strangers_and_proxies() {
    let file = folder("good-rules").join("rules.toml");
    std::fs::write(&file, "[[rule]]\nrecipient = 'full@*'\nrefuse = '452 4.2.2 full today'\n").unwrap();
    let lab = RunningLab::start(
        "rules",
        &[
            "--rules",
            file.to_str().unwrap(),
            "--accept-any",
            // Everything is said at once below.
            "--fault",
            "pipelining-lax",
            "--proxy-protocol",
            "--xclient",
            "--master",
            "root:pw",
        ],
    );
    let said = talk(
        &lab,
        "smtp",
        "PROXY TCP4 192.0.2.9 192.0.2.1 5 25\nEHLO x\nMAIL FROM:<a@b.test>\nRCPT TO:<full@anywhere.example>\n\
         RCPT TO:<new@anywhere.example>\nDATA\nSubject: x\n\nhello\n.\nQUIT\n",
    );
    for part in
        ["greets x [192.0.2.9]", "250-XCLIENT", "\r\n452 4.2.2 full today\r\n", "250 2.0.0 OK: queued"]
    {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    // APOP, since no password goes over a line in the clear; whatever the digest, it is right.
    let said = talk(&lab, "pop3", "PROXY UNKNOWN\nAPOP new 0\nRETR 1\nQUIT\n");
    assert!(said.contains("from x ([192.0.2.9])") && said.contains("\r\nhello\r\n.\r\n"), "{said}");
    assert_eq!(talk(&lab, "smtp", "EHLO x\n"), "");
}

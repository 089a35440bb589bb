//! The traps of testing by hand do not bite, or are warned of: by the lab, and by what reaches the wire.

use crate::common::{RunningLab, folder};
use crate::hand::{Hand, Place, TRAPS};
use crate::talk::{Fake, smtp};

fn lab(test: &str) -> (RunningLab, Place) {
    let accounts = ["benutzername:passwort", r#"sonder:Pa"ss\w0rd%&+=*{}()"#, "jörg:pässwörd"];
    let flags: Vec<&str> = accounts.iter().flat_map(|a| ["--account", a]).collect();
    let lab = RunningLab::start(test, &flags);
    let said = lab.said.clone();
    let port = move |scheme: &str| {
        let begin = format!("{scheme}://127.0.0.1:");
        let line = said.lines().find_map(|l| l.trim().strip_prefix(&begin)).unwrap();
        line.split(' ').next().unwrap().to_owned()
    };
    let place = Place {
        name: "lab.test".to_owned(),
        address: "127.0.0.1".to_owned(),
        ca: lab.ca.to_str().unwrap().to_owned(),
        domain: "lab.test".to_owned(),
        port: Box::new(port),
    };
    (lab, place)
}

#[test]
fn no_trap_bites() {
    let (_lab, place) = lab("talk-traps");
    for (number, trap) in TRAPS.iter().enumerate() {
        place.walk(number, trap);
    }
}

#[test]
fn what_was_deleted_by_pop3_is_gone_after_ctrl_d() {
    let (_lab, place) = lab("talk-deleted");
    let hand = place.talk("deleted-put", "smtp", &[]);
    hand.is_ready();
    for line in
        ["MAIL FROM:<a@example.org>", "RCPT TO:<benutzername@lab.test>", "DATA", "Subject: x", "", "text"]
    {
        hand.says(line);
    }
    // All that is missing is said when the message is sent.
    let came = hand.says(".");
    for text in ["no From", "no Date", "no Message-ID", "S: 250"] {
        assert!(came.contains(text), "{text}\n{came}");
    }
    let count = |test: &str| {
        let hand = place.talk(test, "pop3", &[]);
        hand.is_ready();
        for line in ["STLS", "USER benutzername", "PASS passwort"] {
            hand.says(line);
        }
        (hand.says("STAT"), hand)
    };
    let (before, mut hand) = count("deleted-one");
    assert!(before.contains("S: +OK 1 "), "{before}");
    hand.says("DELE 1");
    hand.leaves();
    let (after, _) = count("deleted-two");
    assert!(after.contains("S: +OK 0 "), "{after}");
}

fn fake(test: &str, fake: &Fake, flags: &[&str]) -> Hand {
    let url = format!("smtp://127.0.0.1:{}", fake.port);
    let arguments = [&["talk", &url, "--no-capabilities"], flags].concat();
    let hand = Hand::start(test, &arguments, 100);
    hand.is_ready();
    hand
}

#[test]
fn what_is_pasted_waits_for_each_answer() {
    // A server that says so if something comes before it has answered.
    let server = Fake::start(b"220 hi\r\n", |told| match told.iter().filter(|&&b| b == b'\n').count() {
        1 => smtp(told),
        _ => b"554 5.5.0 synchronization error\r\n".to_vec(),
    });
    let hand = fake("pasted", &server, &[]);
    // In brackets, as terminals paste, and without.
    hand.terminal.press("\x1b[200~RSET\rNOOP\rEXPN x\x1b[201~\r");
    hand.terminal.until("pasted", |screen| screen.matches("S: 250").count() == 3);
    hand.terminal.press("NOOP\rRSET\r");
    let screen = hand.terminal.until("typed", |screen| screen.matches("S: 250").count() == 5);
    assert!(!screen.contains("554"), "{screen}");
    assert_eq!(server.told(), ["RSET\r\n", "NOOP\r\n", "EXPN x\r\n", "NOOP\r\n", "RSET\r\n"]);
}

#[test]
fn bytes_that_telnet_would_change_and_long_base64_arrive_as_they_are() {
    let server = Fake::start(b"220 hi\r\n", |told| match told.starts_with(b"AUTH LOGIN") {
        true => b"334 VXNlcm5hbWU6\r\n".to_vec(),
        false => b"250 ok\r\n".to_vec(),
    });
    let hand = fake("bytes", &server, &["--insecure-auth"]);
    hand.says(r#":raw "\xff\xfd\x06\r\x00x\r\n""#);
    let name = "n".repeat(90);
    hand.says("AUTH LOGIN");
    hand.says(&format!(":b64 {name}"));
    // No end of line of whoever encodes, and none after 76 letters.
    assert_eq!(server.wrote()[0], b"\xff\xfd\x06\r\x00x\r\n");
    assert_eq!(server.told()[1..], ["AUTH LOGIN\r\n".to_owned(), format!("{}\r\n", "bm5u".repeat(30))]);
}

#[test]
fn the_name_of_the_server_is_in_the_handshake() {
    let server = Fake::start(b"220 hi\r\n", |told| match told {
        b"STARTTLS\r\n" => b"220 go ahead\r\n".to_vec(),
        _ => b"\x15\x03\x03\x00\x02\x02\x28".to_vec(),
    });
    let url = format!("smtp://mail.trap.test:{}", server.port);
    let hand = Hand::start("sni", &["talk", &url, "--connect", "127.0.0.1", "--no-capabilities"], 100);
    hand.is_ready();
    let came = hand.says("STARTTLS");
    assert!(came.contains("handshake_failure"), "{came}");
    let hello = &server.wrote()[1];
    assert!(hello.windows(14).any(|w| w == b"mail.trap.test"), "{hello:?}");
}

#[test]
fn a_server_that_says_nothing_does_not_hold_the_console() {
    let server = Fake::start(b"220 hi\r\n", |_| Vec::new());
    let hand = fake("silent", &server, &["--command-timeout", "200ms"]);
    let came = hand.says("NOOP");
    assert!(came.contains("No answer for"), "{came}");
    // Who types slowly learns that it was the time that ended the session.
    server.says(b"421 4.4.2 timeout\r\n");
    server.hangs_up();
    hand.terminal
        .until("closed", |screen| screen.contains("as the server had said") && screen.contains(":reconnect"));
}

#[test]
fn no_escape_code_of_the_lab_reaches_the_terminal() {
    let folder = folder("talk-escapes");
    let file = folder.join("session.ehlo");
    for scheme in ["smtp", "pop3", "imap"] {
        let target = format!("{scheme}://lab");
        let arguments =
            ["talk", &target, "--lab-fault", "hostile-escapes", "--save-as", file.to_str().unwrap()];
        let mut hand = Hand::start(&format!("escapes-{scheme}"), &arguments, 100);
        hand.is_ready();
        for line in ["NOOP", "HELP", "CAPA", ":explain", ":caps", "CAPABILITY"] {
            hand.says(line);
        }
        hand.terminal.press("\x04");
        hand.terminal.ends();
        let bytes = hand.terminal.bytes();
        // The editor's own codes end in these letters; a title or a code of the alternate screen is none of them.
        assert!(!bytes.windows(2).any(|w| w == b"\x1b]" || w == b"\x1bP" || w == b"\x1b_"), "{scheme}");
        let own = ["m", "K", "J", "A", "B", "C", "D", "G", "H", "?2004h", "?2004l", "?2026h", "?2026l"];
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for code in text.split("\x1b[").skip(1) {
            let digits = code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
            assert!(own.iter().any(|o| digits.starts_with(o) || code.starts_with(o)), "{scheme}: {code:?}");
        }
        let shown = hand.terminal.screen();
        assert!(shown.contains(r"\x1b"), "{scheme}: nothing hostile was said\n{shown}");
        let script = std::fs::read_to_string(&file).unwrap();
        assert!(!script.contains('\x1b'), "{script:?}");
    }
}

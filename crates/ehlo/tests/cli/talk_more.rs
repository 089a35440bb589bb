//! The console with other protocols, with what was saved, and on terminals that can do less.

use crate::common::{RunningLab, folder};
use crate::hand::Hand;
use crate::shown::ehlo_with_input;
use crate::talk::{Fake, smtp};
use crate::terminal::Terminal;

#[test]
fn a_protocol_that_nobody_knows_is_carried_as_it_is() {
    let fake = Fake::start(b"READY\r\n", |told| [b"you said ", told].concat());
    let url = format!("tcp://127.0.0.1:{}", fake.port);
    let mut hand = Hand::start("tcp", &["talk", &url], 80);
    hand.terminal.until("greeting", |screen| screen.contains("S: READY"));
    for line in ["R", "Q", "K x", ":unknown y", ""] {
        hand.terminal.line(line);
        let wanted = format!("S: you said {line}");
        hand.terminal
            .until(line, |screen| screen.contains(wanted.trim_end()) && screen.trim_end().ends_with('>'));
    }
    // Nobody knows how this protocol says goodbye.
    hand.leaves();
    assert_eq!(fake.told(), ["R\r\n", "Q\r\n", "K x\r\n", ":unknown y\r\n", "\r\n"]);
    let said = ehlo_with_input(&["talk", &url], "one\ntwo\n");
    assert_eq!(said.code, 0, "{}", said.out);
    // Nobody knows either whether a greeting comes: it may be taken for the first answer.
    for text in ["C: one\n", "S: READY\n", "S: you said one\n", "C: two\n"] {
        assert!(said.out.contains(text), "{text}\n{}", said.out);
    }
}

#[test]
fn any_protocol_inside_tls() {
    let lab = RunningLab::start("talk-tls", &[]);
    let url = format!("tls://lab.test:{}", lab.port("imaps"));
    let ca = lab.ca.to_str().unwrap();
    let mut hand = Hand::start("tls", &["talk", &url, "--connect", "127.0.0.1", "--ca", ca], 80);
    hand.terminal.until("greeting", |screen| screen.contains("S: * OK") && screen.contains("[TLS]>"));
    hand.terminal.line("x1 NOOP");
    hand.terminal.until("answer", |screen| screen.contains("S: x1 OK"));
    hand.leaves();
    let said = ehlo_with_input(&["talk", &url, "--connect", "127.0.0.1"], "x1 LOGOUT\n");
    assert!(
        said.out.contains("A strict program would stop here") && said.out.contains("S: x1 OK"),
        "{}",
        said.out
    );
}

#[test]
fn a_session_that_was_saved_is_typed_again() {
    let folder = folder("talk-replay");
    let file = folder.join("session.ehlo");
    let file = file.to_str().unwrap();
    let lines = "HELO test\nNOOP\n:assert S.code == 250\nRCPT TO:<a@b>\nQUIT\n";
    ehlo_with_input(&["talk", "smtp://lab", "--no-capabilities", "--save-as", file], lines);
    let replay = ["talk", "smtp://lab", "--replay", file];
    // On a terminal each line stands there, may be changed, and goes with Return.
    let mut hand = Hand::start("replay", &replay, 80);
    for line in ["HELO test", "NOOP", ":assert S.code == 250", "RCPT TO:<a@b>"] {
        // A hint may stand behind it.
        let begin = format!("> {line}");
        hand.terminal
            .until(line, |screen| screen.trim_end().lines().last().is_some_and(|l| l.contains(&begin)));
        hand.terminal.press("\r");
    }
    hand.terminal.until("last", |screen| screen.trim_end().ends_with("> QUIT"));
    hand.terminal.press("\x15NOOP\r");
    hand.terminal.until("changed", |screen| screen.matches("S: 250").count() == 3);
    // The end of the connection was in it, too.
    hand.terminal.until("end", |screen| screen.trim_end().ends_with("> :close"));
    hand.terminal.press("\x15");
    hand.leaves();
    // Without one everything is typed, and then what comes from standard input.
    let said = ehlo_with_input(&replay, "");
    assert!(said.out.contains("C: HELO test") && said.out.contains("C: QUIT\nS: 221"), "{}", said.out);
    assert_eq!(said.code, 1, "RCPT was refused\n{}", said.out);
    // A terminal that only prints shows the line; Return takes it.
    let mut terminal = Terminal::with("replay-dumb", &replay, (50, 80), &[("TERM", "dumb")]);
    for line in ["HELO test", "NOOP"] {
        terminal.until(line, |screen| screen.trim_end().ends_with(&format!("> {line}")));
        terminal.press("\r");
    }
    terminal.until("assert", |screen| screen.matches("S: 250").count() == 2 && screen.contains(":assert"));
    terminal.press("\x04");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn other_locales_and_what_is_no_text_in_them() {
    let fake = Fake::start(b"220 gr\xfc\xdfe\r\n", smtp);
    let url = format!("smtp://127.0.0.1:{}", fake.port);
    let arguments = ["talk", &url, "--no-capabilities"];
    for (name, locale) in [("c", "C"), ("latin", "de_DE.ISO-8859-1"), ("german", "de_DE.UTF-8")] {
        let env = [("LC_ALL", locale), ("LANG", locale), ("TERM", "xterm")];
        let mut terminal = Terminal::with(&format!("locale-{name}"), &arguments, (50, 80), &env);
        let screen = terminal.prompt_after(r"S: 220 gr\xfc\xdfe");
        assert_eq!(screen.contains("Zeilen"), locale.starts_with("de"), "{screen}");
        terminal.line("NOOP Grüße");
        terminal.prompt_after("250 2.0.0 ok");
        terminal.press("\x04");
        assert_eq!(terminal.ends(), 0);
        let told = fake.told();
        assert_eq!(told[told.len() - 2..], ["NOOP Grüße\r\n", "QUIT\r\n"]);
    }
}

#[test]
fn help_tells_what_a_command_of_the_protocol_is_for() {
    for (url, verb, text) in [
        ("smtp", "rcpt", "RFC 5321 §4.1.1.3"),
        ("pop3", "RETR", "Fetches a whole message: RETR 1."),
        ("imap", "EXAMINE", "RFC 9051 §6.3.3"),
        ("lmtp", "MAIL", "RFC 5321 §4.1.1.2"),
        ("sieve", "PUTSCRIPT", "RFC 5804 §2.6"),
    ] {
        let target = format!("{url}://lab");
        let said = ehlo_with_input(&["talk", &target, "--no-capabilities"], &format!(":help {verb}\n"));
        assert!(said.out.contains(text), "{}", said.out);
    }
}

#[test]
fn every_command_has_its_text() {
    use ehlo_core::Protocol::{Imap, Lmtp, Pop3, Sieve, Smtp};
    for protocol in [Smtp, Lmtp, Pop3, Imap, Sieve] {
        let names = ehlo_talk::verbs(Some(protocol));
        let protocol = protocol.id();
        let target = format!("{protocol}://lab");
        let listed = ehlo_with_input(&["talk", &target, "--no-capabilities", "--lang", "de"], ":help\n");
        assert!(listed.out.contains(":lesson"), "{}", listed.out);
        let word = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
        let all: Vec<String> = names.iter().map(|v| format!(":help {}\n", word(v.name))).collect();
        let said = ehlo_with_input(&["talk", &target, "--no-capabilities", "--lang", "de"], &all.concat());
        // The name, at least one line of text, and the RFC.
        let blocks = said.out.matches("    RFC ").count();
        assert_eq!(blocks, all.len(), "{protocol}\n{}", said.out);
        let lines: Vec<&str> = said.out.lines().collect();
        let bare = lines.windows(2).find(|w| w[1].starts_with("    RFC ") && !w[0].starts_with("    "));
        assert!(bare.is_none(), "{protocol}: {bare:?}");
    }
}

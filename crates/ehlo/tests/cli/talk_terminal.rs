//! The console in a terminal: what a person sees, and what reaches the server.

use crate::common::RunningLab;
use crate::shown::steady;
use crate::talk::{Fake, smtp};
use crate::terminal::Terminal;

const SIZE: (u16, u16) = (50, 80);

fn quiet(port: u16) -> [String; 3] {
    ["talk".to_owned(), format!("smtp://127.0.0.1:{port}"), "--no-capabilities".to_owned()]
}

fn start(name: &str, arguments: &[String]) -> Terminal {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Terminal::start(name, &arguments, SIZE)
}

#[test]
fn each_line_reaches_the_server_in_one_write_with_its_ending() {
    // R, Q, K and C are commands of `openssl s_client`; here they are letters.
    let fake = Fake::start(b"220 hi\r\n", smtp);
    let mut terminal = start("traps", &quiet(fake.port));
    terminal.prompt_after("220 hi");
    let mut wanted = Vec::new();
    for line in ["RSET", "RETR 1", "k1 NOOP", "K", "CAPA", "Q", "R", "B", "NOOP with Grüße"] {
        terminal.line(line);
        wanted.push(format!("{line}\r\n"));
        let count = wanted.len();
        terminal.until(line, |_| fake.told().len() == count);
        terminal.prompt_after(line);
    }
    // Keys edit the line, and are not sent.
    terminal.press("NOOX\x7fP");
    terminal.press("\x1b[D\x1b[D\x1b[C");
    terminal.press("\x1b[A\x1b[B\x01\x05\r");
    wanted.push("NOOP\r\n".to_owned());
    // The prompt that is waited for stands below the line: what is pressed before it would not reach the editor.
    let is_asked = |screen: &str| {
        screen.lines().any(|line| line.ends_with("> NOOP")) && screen.trim_end().ends_with('>')
    };
    terminal.until("edited", |screen| fake.told().len() == wanted.len() && is_asked(screen));
    terminal.press("\x04");
    assert_eq!(terminal.ends(), 0);
    wanted.push("QUIT\r\n".to_owned());
    assert_eq!(fake.told(), wanted);
}

#[test]
fn what_comes_unasked_does_not_destroy_the_line_that_is_typed() {
    let fake = Fake::start(b"* OK hi\r\n", |line| {
        let text = String::from_utf8_lossy(line);
        let tag = text.split(' ').next().unwrap_or_default();
        format!("{tag} OK done\r\n").into_bytes()
    });
    let url = format!("imap://127.0.0.1:{}", fake.port);
    let terminal = Terminal::start("push", &["talk", &url, "--no-capabilities"], SIZE);
    terminal.prompt_after("* OK hi");
    terminal.press("NOO");
    terminal.until("typed", |screen| screen.trim_end().ends_with("NOO"));
    fake.says(b"* 23 EXISTS\r\n");
    // The news stands above, and the line is still there.
    terminal.until("news", |screen| screen.contains("* 23 EXISTS") && screen.trim_end().ends_with("NOO"));
    terminal.press("P\r");
    terminal.until("sent", |_| fake.told().concat() == "a1 NOOP\r\n");
    terminal.prompt_after("a1 OK done");
    terminal.press("NOOP");
    fake.hangs_up();
    terminal.until("closed", |screen| screen.contains(":reconnect"));
    terminal.press("\x15:reconnect\r");
    terminal.until("again", |screen| screen.matches("* OK hi").count() == 2);
}

#[test]
fn ctrl_c_ends_a_wait_and_not_the_program() {
    let fake =
        Fake::start(b"220 hi\r\n", |line| if line.starts_with(b"NOOP") { Vec::new() } else { smtp(line) });
    let mut terminal = start("ctrl-c", &quiet(fake.port));
    terminal.prompt_after("220 hi");
    terminal.line("NOOP");
    terminal.until("sent", |_| fake.told().len() == 1);
    // What was typed before Ctrl-C is not thrown away.
    terminal.press("# typed");
    terminal.press("\x03");
    terminal.until("kept", |screen| screen.contains("Not waited for") && screen.ends_with("> # typed"));
    terminal.press("\x15");
    terminal.prompt_after("Not waited for");
    // The answer comes late, and is shown.
    fake.says(b"250 late\r\n");
    terminal.until("late", |screen| screen.contains("250 late"));
    terminal.line("RSET");
    terminal.prompt_after("2.0.0 ok");
    terminal.line(":quit");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(fake.told().concat(), "NOOP\r\nRSET\r\nQUIT\r\n");
}

#[test]
fn what_is_typed_during_a_wait_is_not_lost_and_not_shown() {
    let fake =
        Fake::start(b"220 hi\r\n", |line| if line.starts_with(b"NOOP") { Vec::new() } else { smtp(line) });
    let mut terminal = start("ahead", &quiet(fake.port));
    terminal.prompt_after("220 hi");
    // Two lines in one go, and what is typed while the first waits: each is sent when it is its turn.
    terminal.press("RSET\rNOOP\r");
    terminal.until("sent", |_| fake.told().concat() == "RSET\r\nNOOP\r\n");
    terminal.press("EXPN one\rVRFY two");
    fake.says(b"250 first\r\n");
    terminal.until("second", |_| fake.told().concat().ends_with("EXPN one\r\n"));
    let screen = terminal.until("typed", |screen| screen.trim_end().ends_with("> VRFY two"));
    // A line that was not asked for yet stands nowhere but behind its prompt.
    let alone = screen.lines().filter(|l| ["EXPN one", "VRFY two", "NOOP"].contains(&l.trim())).count();
    assert_eq!(alone, 0, "{screen}");
    // Ctrl-D says goodbye when it is its turn.
    terminal.press("\x15NOOP\r");
    terminal.until("waits", |_| fake.told().concat().ends_with("NOOP\r\n"));
    terminal.press("RSET\r\x04");
    fake.says(b"250 late\r\n");
    assert_eq!(terminal.ends(), 0);
    assert!(fake.told().concat().ends_with("EXPN one\r\nNOOP\r\nRSET\r\nQUIT\r\n"), "{:?}", fake.told());
}

#[test]
fn a_hidden_answer_is_stars_and_ctrl_c_gives_it_up() {
    let mut terminal = Terminal::start("hidden", &["talk", "submission://lab", "--no-capabilities"], SIZE);
    terminal.prompt_after("S: 220");
    for line in ["EHLO client.test", "STARTTLS", "EHLO client.test", "AUTH LOGIN"] {
        terminal.line(line);
        terminal.prompt_after(line);
    }
    terminal.line(":b64");
    terminal.press("benutzername\r");
    terminal.until("second", |screen| screen.matches("S: 334").count() == 2);
    terminal.line(":b64");
    terminal.press("pass\x7f\x7fsswort");
    let screen = terminal.until("stars", |screen| screen.trim_end().ends_with(": ********"));
    assert!(!screen.contains("passwort"), "{screen}");
    terminal.press("\x03");
    terminal.prompt_after("S: 334 UGFzc3dvcmQ6");
    terminal.line(":b64");
    terminal.press("passwort\r");
    terminal.prompt_after("S: 235");
    terminal.press("\x04");
    assert_eq!(terminal.ends(), 0);
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(!bytes.contains("passwort") && !bytes.contains("cGFzc3dvcnQ="), "{bytes:?}");
}

#[test]
fn a_program_that_is_told_to_end_gives_the_terminal_back_and_writes_what_it_shall() {
    let fake = Fake::start(b"220 hi\r\n", |_| Vec::new());
    let folder = crate::common::folder("talk-told-to-end");
    let file = folder.join("session.ehlo");
    let mut arguments = quiet(fake.port).to_vec();
    arguments.extend(["--save-as".to_owned(), file.to_str().unwrap().to_owned()]);
    let mut terminal = start("told", &arguments);
    let usual = terminal.modes();
    terminal.prompt_after("220 hi");
    terminal.line("NOOP");
    terminal.until("sent", |_| fake.told().len() == 1);
    assert_ne!(terminal.modes(), usual);
    terminal.terminate();
    assert_eq!(terminal.ends(), 3);
    assert_eq!(terminal.modes(), usual);
    assert!(std::fs::read_to_string(&file).unwrap().contains("C: NOOP"));
}

#[test]
fn secrets_are_not_seen_while_they_are_typed_and_not_remembered() {
    let lab = RunningLab::start("talk-history", &[]);
    let url = lab.url("pop3");
    let mut terminal = Terminal::start("history", &["talk", &url, "--ca", lab.ca.to_str().unwrap()], SIZE);
    terminal.prompt_after("SASL");
    terminal.line("USER benutzername");
    terminal.prompt_after("USER benutzername");
    terminal.press("PASS passwort");
    let screen = terminal.until("typed", |screen| screen.contains("PASS ********"));
    assert!(!screen.contains("passwort"), "{screen}");
    terminal.press("\r");
    terminal.prompt_after("Held back");
    terminal.line("NOOP");
    terminal.prompt_after("NOOP");
    terminal.press("\x04");
    terminal.ends();
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains("passwort"));
    let kept = std::fs::read_to_string(terminal.state.join("ehlo/talk-pop3")).unwrap();
    assert_eq!(kept, "USER benutzername\nNOOP\n");
}

#[test]
fn a_dumb_terminal_will_do() {
    let fake = Fake::start(b"220 hi\r\n", smtp);
    let arguments = quiet(fake.port);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut terminal = Terminal::with("dumb", &arguments, SIZE, &[("TERM", "dumb")]);
    terminal.until("prompt", |screen| screen.trim_end().ends_with('>'));
    terminal.line("NOOP");
    terminal.until("answer", |screen| screen.contains("250 2.0.0 ok"));
    terminal.press("\x04");
    assert_eq!(terminal.ends(), 0);
    assert!(!terminal.bytes().contains(&0x1b));
    assert_eq!(fake.told().concat(), "NOOP\r\nQUIT\r\n");
}

#[test]
fn completions_and_hints_while_typing() {
    let terminal = Terminal::start("complete", &["talk", "smtp://lab", "--helo", "client.test"], SIZE);
    terminal.prompt_after("EHLO client.test");
    terminal.press("ST\t");
    terminal.until("completed", |screen| screen.trim_end().ends_with("STARTTLS"));
    terminal.press("\x15RCPT TO: ");
    terminal.until("hint", |screen| screen.contains("! no blank belongs"));
}

/// The screen of a session, at one width, in one language.
fn screen(columns: u16, lang: &str) -> String {
    let name = format!("screen-{columns}-{lang}");
    let arguments = ["talk", "submission://lab", "--helo", "client.test", "--lang", lang];
    let terminal = Terminal::start(&name, &arguments, (70, columns));
    terminal.prompt_after("EHLO client.test");
    terminal.line("MAIL FROM: a@b");
    terminal.prompt_after("S: 5");
    terminal.line("STARTTLS");
    terminal.until("tls", |screen| screen.matches("EHLO client.test").count() == 2);
    terminal.prompt_after("    - STARTTLS");
    terminal.line("AUTH LOGIN");
    terminal.prompt_after("334");
    terminal.line(":b64 benutzername");
    terminal.until("second", |screen| screen.matches("S: 334").count() == 2);
    terminal.line("*");
    let screen = terminal.prompt_after("S: 501");
    // Prose of ours is wrapped; what a server says and what is typed stands as it is.
    let theirs = ["S:", "C:", "    + ", "    - "];
    let is_ours = |line: &&str| !theirs.iter().any(|t| line.starts_with(t)) && !line.contains("> ");
    assert!(
        screen.lines().filter(is_ours).all(|line| line.chars().count() <= usize::from(columns)),
        "{screen}"
    );
    steady(&screen)
}

#[test]
fn screens() {
    for columns in [80, 120] {
        for lang in ["en", "de"] {
            insta::assert_snapshot!(format!("talk-screen-{columns}-{lang}"), screen(columns, lang));
        }
    }
}

/// Colours as words in angle brackets; other codes are left out.
fn in_words(coloured: &str) -> String {
    let mut out = String::new();
    for (at, piece) in coloured.split('\x1b').enumerate() {
        let Some(code) = piece.strip_prefix('[').filter(|_| at > 0) else {
            out.push_str(piece);
            continue;
        };
        let end = code.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        if code[end..].starts_with('m') {
            let names = code[..end].split(';').map(|number| match number {
                "" | "0" => "plain",
                "1" => "bold",
                "2" => "dim",
                "31" => "red",
                "32" => "green",
                "33" => "yellow",
                "36" => "cyan",
                other => panic!("{other} is no colour that is used"),
            });
            out.push_str(&format!("<{}>", names.collect::<Vec<_>>().join(" ")));
        }
        out.push_str(&code[(end + 1).min(code.len())..]);
    }
    out
}

#[test]
fn colours_are_those_that_light_and_dark_terminals_choose() {
    let terminal = Terminal::start("colours", &["talk", "smtp://lab", "--helo", "client.test"], SIZE);
    terminal.prompt_after("EHLO client.test");
    let coloured = terminal.coloured();
    // Only the eight colours that every theme sets for itself: none is given by its number.
    assert!(
        coloured.contains("\x1b[32m") && !coloured.contains("38;2") && !coloured.contains("38;5"),
        "{coloured:?}"
    );
    // Neither black nor white, and no background: what is readable on a dark terminal is so on a light one.
    let codes = coloured.split("\x1b[").skip(1).filter_map(|c| c.split_once('m').map(|(code, _)| code));
    for number in
        codes.filter(|c| c.bytes().all(|b| b.is_ascii_digit() || b == b';')).flat_map(|c| c.split(';'))
    {
        let number: u8 = number.parse().unwrap_or(0);
        assert!(!matches!(number, 30 | 37 | 40..=47 | 90 | 97 | 100..=107), "{number} in {coloured:?}");
    }
    let volatile = regex::Regex::new(r"127\.0\.0\.1:\d+|[\d.]+ ms").unwrap();
    for columns in [80, 120] {
        let arguments = ["talk", "smtp://lab", "--helo", "client.test"];
        let terminal = Terminal::start(&format!("colours-{columns}"), &arguments, (50, columns));
        terminal.prompt_after("EHLO client.test");
        terminal.line("MAIL FROM: a@b");
        terminal.prompt_after("S: 5");
        terminal.press("RCPT TO: ");
        terminal.until("hint", |screen| screen.contains("! no blank"));
        // The same on dark and light: the colours are names, which the terminal fills.
        let shown = in_words(&terminal.coloured().replace("\r\n", "\n"));
        insta::assert_snapshot!(format!("talk-colours-{columns}"), volatile.replace_all(&shown, "#"));
    }
    let plain = Terminal::with(
        "plain",
        &["talk", "smtp://lab", "--helo", "client.test"],
        SIZE,
        &[("TERM", "xterm-256color"), ("NO_COLOR", "1")],
    );
    plain.prompt_after("EHLO client.test");
    assert!(!plain.coloured().contains("\x1b[3"), "{:?}", plain.coloured());
}

//! Somebody who types, line by line, and the traps of `TRAPS` in which he would be caught elsewhere.

use crate::terminal::Terminal;

/// A server, and who may log in there.
pub(crate) struct Place {
    /// What the server is called in its certificate.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) address: String,
    /// The file with its CA.
    pub(crate) ca: String,
    /// The part of an address behind the `@`.
    pub(crate) domain: String,
    /// The port of a service.
    pub(crate) port: Box<dyn Fn(&str) -> String>,
}

/// The account that every place has, `passwort` being its password.
const USER: &str = "benutzername";

/// One thing that is done, and what must then be seen.
pub(crate) enum Act {
    /// A line with Return behind it; all of this comes.
    Line(&'static str, &'static [&'static str]),
    /// A line with Return behind it; none of this comes.
    Without(&'static str, &'static [&'static str]),
    /// A line that is typed and then taken away again; this stands behind it meanwhile.
    Hint(&'static str, &'static str),
    /// Ctrl-D; all of this comes, and the program ends.
    End(&'static [&'static str]),
}

/// A trap of testing by hand.
pub(crate) struct Trap {
    /// What it is.
    pub(crate) name: &'static str,
    /// The service.
    pub(crate) scheme: &'static str,
    /// More flags.
    pub(crate) flags: &'static [&'static str],
    pub(crate) acts: &'static [Act],
}

use Act::{End, Hint, Line, Without};

const fn trap(name: &'static str, scheme: &'static str, acts: &'static [Act]) -> Trap {
    Trap { name, scheme, flags: &[], acts }
}

/// The flag of somebody who does not know the CA of the server.
pub(crate) const NO_CA: &str = "no-ca";

/// The traps that a server takes part in. Those of the bytes on the wire stand in `talk_traps.rs`.
pub(crate) static TRAPS: &[Trap] = &[
    trap(
        "R renegotiates in s_client (smtp)",
        "submissions",
        &[Line("RSET", &["S: 250"]), Line("RCPT TO:<x@{domain}>", &["S: 5"]), Line("NOOP", &["S: 250"])],
    ),
    trap(
        "R renegotiates in s_client (pop3)",
        "pop3s",
        &[Line("RETR 1", &["S: -ERR"]), Line("CAPA", &["S: +OK"])],
    ),
    trap("Q ends s_client", "submissions", &[Line("QUIT", &["S: 221"])]),
    trap("Q ends s_client (pop3)", "pop3s", &[Line("QUIT", &["S: +OK"])]),
    trap(
        "K is eaten by s_client",
        "imaps",
        &[Line("k1 NOOP", &["S: k1 OK"]), Line("K2 NOOP", &["S: K2 OK"])],
    ),
    trap(
        "C reconnects in s_client",
        "pop3s",
        &[Line("CAPA", &["S: +OK", "S: TOP"]), Line("NOOP", &["S: -ERR"])],
    ),
    trap("B is a heartbeat in s_client", "imaps", &[Line("B1 NOOP", &["S: B1 OK"])]),
    trap(
        "s_client hides the first EHLO",
        "submission",
        &[Line("STARTTLS", &["Inside TLS the server says something else", "    - STARTTLS"])],
    ),
    Trap {
        flags: &[NO_CA],
        ..trap(
            "s_client goes on after errors of the certificate",
            "submission",
            &[
                Line("STARTTLS", &["A strict program would stop here", "[TLS, not verified]"]),
                Line("NOOP", &["S: 250"]),
                Line("AUTH PLAIN AGIAYg==", &["not sent"]),
                Line(":yes", &["Nothing is held back"]),
            ],
        )
    },
    trap(
        "telnet sends backspace and arrows",
        "smtp",
        &[Line("NOOX\x7fP", &["S: 250"]), Line("OOP\x01N\x05", &["S: 250"]), Line("\x1b[A", &["S: 250"])],
    ),
    trap(
        "echo puts a newline behind the password",
        "submission",
        &[
            Line("STARTTLS", &["S: 220"]),
            Line("AUTH LOGIN", &["S: 334"]),
            Line(":b64 {user}", &["S: 334"]),
            Line(":b64 passwort", &["S: 235"]),
        ],
    ),
    trap(
        "shells and perl take letters out of passwords",
        "imap",
        &[
            Line(":starttls", &["S: a"]),
            Line(":login sonder", &["Password of sonder:"]),
            Line(r#"Pa"ss\w0rd%&+=*{}()"#, &[" OK"]),
        ],
    ),
    trap(
        "telnet spoils passwords that are not in ASCII",
        "submission",
        &[
            Line(":starttls", &["S: 220"]),
            Line(":auth plain jörg", &["Password of jörg:"]),
            Line("pässwörd", &["S: 235"]),
        ],
    ),
    trap(
        "a password in the clear (smtp)",
        "submission",
        &[
            Line("AUTH PLAIN AGJlbnV0emVybmFtZQBwYXNzd29ydA==", &["Held back"]),
            Line("NOOP", &["dropped", "S: 250"]),
        ],
    ),
    trap(
        "a password in the clear (imap)",
        "imap",
        &[
            Line("LOGIN {user} passwort", &["Held back"]),
            Line("a9 LOGIN {user} passwort", &["dropped", "Held back"]),
        ],
    ),
    trap(
        "a password in the clear (pop3)",
        "pop3",
        &[
            Line("USER {user}", &["S: "]),
            Line("PASS passwort", &["Held back"]),
            Line("CAPA", &["dropped", "S: +OK"]),
        ],
    ),
    trap("no EHLO after STARTTLS", "submission", &[Line("STARTTLS", &["C: EHLO", "AUTH"])]),
    trap(
        "blanks and no brackets in MAIL",
        "smtp",
        &[
            Hint("MAIL FROM: ", "no blank belongs"),
            Line("MAIL FROM: {user}@{domain}", &["no blank belongs", "<{user}@{domain}> (RFC"]),
            Line("RSET", &["S: 250"]),
            Without("MAIL FROM:<{user}@{domain}>", &["! ", "S: 5"]),
        ],
    ),
    trap(
        "header lines behind a refused DATA",
        "smtp",
        &[
            Line("DATA", &["S: 503"]),
            Hint("Subject: x", "DATA was refused"),
            // Postfix hangs up at once.
            Line("Subject: x", &["DATA was refused", "S: "]),
        ],
    ),
    trap(
        "dots, and a message without what it needs",
        "smtp",
        &[
            Line("MAIL FROM:<{user}@{domain}>", &["S: 250"]),
            Line("RCPT TO:<{user}@{domain}>", &["S: 250"]),
            Line("DATA", &["S: 354"]),
            Line("Subject: x", &["message>"]),
            Line("text at once", &["message>"]),
            Hint(".dot", "the server takes the first dot away"),
            Hint("QUIT", "part of the message"),
            Hint(".", "between header and text"),
            End(&["is not sent"]),
        ],
    ),
    trap("a lone dot outside of a message", "smtp", &[Line(".", &["no message is being sent", "S: "])]),
    trap(
        "no tag in IMAP",
        "imap",
        &[
            Line("NOOP", &["C: a", "OK"]),
            Line(":tag off", &["without a tag"]),
            Line("NOOP", &["takes the first word for one", "BAD"]),
        ],
    ),
    trap(
        "a literal waits, and counts octets",
        "imap",
        &[
            Line(":starttls", &["OK"]),
            Line("LOGIN {user} passwort", &["OK"]),
            Line("EXAMINE INBOX", &["OK"]),
            Line("SEARCH CHARSET UTF-8 SUBJECT {7}", &["S: +", "7 octets>"]),
            Hint("Grüße…", "7 octets of the literal are still wanted, and this line has 12"),
            Line("Grüße", &["S: * SEARCH", "OK"]),
        ],
    ),
    trap(
        "reading that marks as read",
        "imap",
        &[
            Line(":starttls", &["OK"]),
            Line("LOGIN {user} passwort", &["OK"]),
            Hint("SELECT INBOX", "SELECT takes \\Recent"),
            Line("SELECT INBOX", &["SELECT takes \\Recent", "OK"]),
            Hint("FETCH 1 BODY[]", "this marks the message as read"),
            Without("FETCH 1 (BODY.PEEK[HEADER])", &["! "]),
            Without("EXAMINE INBOX", &["! "]),
            Without("FETCH 1 (BODY[HEADER])", &["! "]),
        ],
    ),
    trap(
        "typing during IDLE",
        "imap",
        &[
            Line(":starttls", &["OK"]),
            Line("LOGIN {user} passwort", &["OK"]),
            Line("EXAMINE INBOX", &["OK"]),
            Line("IDLE", &["S: +", "idle>"]),
            Hint("NOOP", "IDLE is on"),
            Line("DONE", &["OK"]),
            Line("NOOP", &["OK"]),
        ],
    ),
    trap(
        "names of mailboxes in UTF-8",
        "imap",
        &[
            Line(":starttls", &["OK"]),
            Line("LOGIN {user} passwort", &["OK"]),
            Hint("STATUS Entwürfe", "names of mailboxes go"),
            Line("STATUS Entwürfe (MESSAGES)", &["Entw&APw-rfe."]),
            Without("STATUS INBOX (MESSAGES)", &["! "]),
        ],
    ),
    trap(
        "DELE marks only, and leaving without QUIT",
        "pop3",
        &[
            Line("STLS", &["S: +OK"]),
            Line("USER {user}", &["S: +OK"]),
            Line("PASS passwort", &["S: +OK"]),
            Line("DELE 99999", &["marked only", "S: -ERR"]),
            Line("RSET", &["S: +OK"]),
            End(&["C: QUIT", "S: +OK"]),
        ],
    ),
    trap(
        "the third wrong password in a row",
        "submission",
        &[
            Line("STARTTLS", &["S: 220"]),
            Line("AUTH PLAIN AG5vYm9keQB4", &["S: 535"]),
            Line("AUTH PLAIN AG5vYm9keQB4", &["S: 535"]),
            Line("AUTH PLAIN AG5vYm9keQB4", &["2 logins were refused already", "Held back"]),
        ],
    ),
];

impl Place {
    /// A console in front of a service.
    pub(crate) fn talk(&self, test: &str, scheme: &str, flags: &[&str]) -> Hand {
        let url = format!("{scheme}://{}:{}", self.name, (self.port)(scheme));
        let mut arguments = vec!["talk", &url, "--connect", &self.address, "--helo", "client.test"];
        if !flags.contains(&NO_CA) {
            arguments.extend(["--ca", &self.ca]);
        }
        arguments.extend(flags.iter().filter(|f| **f != NO_CA));
        Hand::start(test, &arguments, 100)
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{user}", USER).replace("{domain}", &self.domain)
    }

    /// Walks into a trap.
    pub(crate) fn walk(&self, number: usize, trap: &Trap) {
        let mut hand = self.talk(&format!("trap-{}-{number}", self.name), trap.scheme, trap.flags);
        hand.is_ready();
        for act in trap.acts {
            match act {
                Line(line, wanted) => {
                    let came = hand.says(&self.fill(line));
                    for text in *wanted {
                        let text = self.fill(text);
                        assert!(came.contains(&text), "{}: {line}: {text} is missing in\n{came}", trap.name);
                    }
                }
                Without(line, unwanted) => {
                    let came = hand.says(&self.fill(line));
                    let found = unwanted.iter().find(|text| came.contains(**text));
                    assert!(found.is_none(), "{}: {line}: {found:?} in\n{came}", trap.name);
                }
                Hint(line, text) => hand.is_warned(line, text),
                End(wanted) => {
                    let screen = hand.leaves();
                    for text in *wanted {
                        assert!(screen.contains(text), "{}: {text} is missing in\n{screen}", trap.name);
                    }
                }
            }
        }
        let bytes = String::from_utf8_lossy(&hand.terminal.bytes()).into_owned();
        // What was typed as a password was not seen, neither as it is nor in base64. A name is none.
        for secret in ["passwort", "cGFzc3dvcnQ", "d29ydA==", r"Pa\x22ss", "w0rd%", "pässw"] {
            assert!(!bytes.contains(secret), "{}: {secret} in\n{}", trap.name, hand.terminal.screen());
        }
    }
}

/// Somebody in front of a console, who waits for the prompt before he types.
pub(crate) struct Hand {
    pub(crate) terminal: Terminal,
}

/// So high that nothing scrolls away.
const ROWS: u16 = 2000;

impl Hand {
    /// Starts the program.
    pub(crate) fn start(test: &str, arguments: &[&str], columns: u16) -> Hand {
        Hand { terminal: Terminal::start(test, arguments, (ROWS, columns)) }
    }

    /// Waits for the first prompt.
    pub(crate) fn is_ready(&self) -> String {
        self.terminal.until("the first prompt", asks)
    }

    /// Types a line; what comes up to the next prompt, which is the end of it.
    pub(crate) fn says(&self, line: &str) -> String {
        let from = self.terminal.screen().trim_end().len();
        self.terminal.line(line);
        let screen = self.terminal.until(line, |screen| {
            screen.get(from..).is_some_and(|new| new.trim_end().contains('\n')) && asks(screen)
        });
        screen[from..].to_owned()
    }

    /// Types a line, waits for a hint behind it, and takes it away again.
    pub(crate) fn is_warned(&self, line: &str, hint: &str) {
        // A hint that is longer than the line is cut off.
        let begin: String = hint.chars().take(14).collect();
        self.terminal.press(line);
        self.terminal.until(hint, |screen| {
            let last = screen.trim_end().lines().last().unwrap_or_default();
            last.contains("! ") && last.contains(&begin)
        });
        self.terminal.press("\x15");
        self.terminal.until("taken away", asks);
    }

    /// Presses Ctrl-D and waits for the end; what is seen then.
    pub(crate) fn leaves(&mut self) -> String {
        self.terminal.press("\x04");
        assert_eq!(self.terminal.ends(), 0, "{}", self.terminal.screen());
        self.terminal.screen()
    }
}

/// Whether somebody is asked for a line, or for something that is not shown.
fn asks(screen: &str) -> bool {
    let last = screen.trim_end_matches('\n').lines().last().unwrap_or_default().trim_end();
    last.ends_with('>')
        || last.ends_with(':') && (last.starts_with("Password of") || last.starts_with("Answer ("))
}

//! The console without I/O: what is typed and what comes goes in, and what it does is written down, line by line.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::facts::TlsFacts;
use ehlo_core::{CloseKind, Limits, Protocol, Secret, Tick, escape};
use ehlo_talk::{Arrived, Console, Context, Do, Hidden, Settings, Show, View};
use ehlo_wire::{Tracked, Tracker};
use std::time::Duration;

/// A console, and a server that says what the test says.
struct Sim {
    console: Console,
    tracker: Tracker,
    stream: Vec<u8>,
    now: Tick,
    connected: bool,
}

fn settings(protocol: Protocol) -> Settings {
    Settings {
        protocol: Some(protocol),
        helo: "client.test".to_owned(),
        user: None,
        no_secrets: false,
        insecure_auth: false,
        asks: false,
        echo: false,
        wait: Duration::from_secs(30),
        data_wait: Duration::from_secs(120),
    }
}

impl Sim {
    fn new(settings: Settings, greeting: &str) -> (Sim, Vec<String>) {
        let protocol = settings.protocol.unwrap();
        let mut sim = Sim {
            tracker: Tracker::new(protocol, &Limits::default()),
            console: Console::new(settings),
            stream: Vec::new(),
            now: Tick(1_000_000),
            connected: true,
        };
        let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
        sim.console.opened(Some(protocol), &view);
        let log = sim.server(greeting);
        (sim, log)
    }

    fn of(protocol: Protocol) -> Sim {
        let greeting = match protocol {
            Protocol::Smtp | Protocol::Lmtp => "220 lab.test ESMTP\r\n",
            Protocol::Pop3 => "+OK ready <1.2@lab.test>\r\n",
            Protocol::Imap => "* OK ready\r\n",
            Protocol::Sieve => "\"SASL\" \"PLAIN\"\r\nOK\r\n",
        };
        Sim::new(settings(protocol), greeting).0
    }

    fn view(&self) -> View<'_> {
        View { tracker: self.connected.then_some(&self.tracker), tls: None, now: self.now }
    }

    /// Somebody types.
    fn types(&mut self, text: &str) -> Vec<String> {
        self.console.typed(text.as_bytes());
        self.obey()
    }

    /// The server speaks.
    fn server(&mut self, text: &str) -> Vec<String> {
        self.now = self.now.after(Duration::from_millis(3));
        self.stream.extend_from_slice(text.as_bytes());
        let mut log = Vec::new();
        for item in self.tracker.server_sent(text.as_bytes()) {
            let Tracked::Reply { reply, completes, verb } = item else { continue };
            let span = reply.value.span();
            let bytes = self.stream[span.from as usize..span.to as usize].to_vec();
            let arrived = Arrived { reply: Some(reply.value), verb, bytes, completes };
            let view = View { tracker: Some(&self.tracker), tls: None, now: self.now };
            self.console.arrived(arrived, &view);
            log.extend(self.obey());
        }
        log
    }

    fn obey(&mut self) -> Vec<String> {
        let mut log = Vec::new();
        loop {
            let view = View { tracker: self.connected.then_some(&self.tracker), tls: None, now: self.now };
            let Some(todo) = self.console.next(&view) else { return log };
            match todo {
                Do::Send(bytes) => {
                    log.push(format!("> {}", escape(&bytes)));
                    self.tracker.client_sent(&bytes);
                    let view = View { tracker: Some(&self.tracker), tls: None, now: self.now };
                    self.console.sent(&bytes, &view);
                }
                Do::Show(Show::Sent(bytes)) => log.push(format!("C {}", escape(&bytes))),
                Do::Show(Show::Reply(reply)) => {
                    let took = reply.took.map_or("-".to_owned(), |t| format!("{}ms", t.as_millis()));
                    log.push(format!("S {} [{} {took}]", escape(reply.bytes.trim_ascii_end()), reply.verb));
                }
                Do::Show(Show::Hint(hint)) => log.push(format!("! {}", hint.id)),
                Do::Show(Show::Note { id, .. }) => log.push(format!("- {id}")),
                Do::Show(Show::Changed { added, removed, why }) => {
                    let names = |list: &[ehlo_talk::Cap]| {
                        list.iter().map(ehlo_talk::Cap::shown).collect::<Vec<_>>().join(",")
                    };
                    log.push(format!("{why} +{} -{}", names(&added), names(&removed)));
                }
                Do::Show(other) => {
                    log.push(format!("{other:?}").split([' ', '(']).next().unwrap().to_owned())
                }
                Do::Statement(statement) => log.push(format!("run {}", statement.line)),
                other => log.push(format!("{other:?}")),
            }
        }
    }

    fn context(&self) -> Context {
        self.console.context(&self.view())
    }

    fn hints(&self, line: &str) -> Vec<&'static str> {
        self.context().hints(line).iter().map(|h| h.id).collect()
    }
}

#[test]
fn what_is_typed_is_sent_as_typed_in_one_write() {
    let mut sim = Sim::of(Protocol::Smtp);
    assert_eq!(
        sim.types("rcpt to: a@b  "),
        ["! blank-after-colon", "! no-brackets", r"> rcpt to: a@b  \x0d\x0a"]
    );
    assert_eq!(sim.server("503 5.5.1 first MAIL\r\n"), ["S 503 5.5.1 first MAIL [RCPT 3ms]"]);
    for line in ["RETR 1", "QUIT", "k1 NOOP", "CAPA"] {
        let mut sim = Sim::of(Protocol::Smtp);
        assert_eq!(sim.types(line).last().unwrap(), &format!(r"> {line}\x0d\x0a"));
    }
}

#[test]
fn pasted_lines_wait_for_their_answers() {
    let mut sim = Sim::of(Protocol::Smtp);
    assert_eq!(sim.types("EHLO x\r\nNOOP\nRSET"), [r"> EHLO x\x0d\x0a"]);
    assert_eq!(sim.server("250-lab\r\n250 SIZE\r\n").last().unwrap(), r"> NOOP\x0d\x0a");
    assert_eq!(sim.server("250 ok\r\n").last().unwrap(), r"> RSET\x0d\x0a");
    assert_eq!(sim.server("250 ok\r\n"), ["S 250 ok [RSET 3ms]"]);
    // What stands behind a line that is not answered is not sent blindly.
    sim.types("NOOP\nMAIL FROM:<a@b>\nDATA");
    let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
    sim.console.timed_out(&view);
    assert_eq!(sim.obey(), ["- timed-out", "- not-sent"]);
    assert!(sim.console.waits_until().is_none());
}

#[test]
fn the_console_asks_what_the_server_can_do_and_tells_what_has_changed() {
    let (mut sim, log) = Sim::new(Settings { asks: true, ..settings(Protocol::Imap) }, "* OK hi\r\n");
    assert_eq!(log, ["S * OK hi [ 3ms]", "C a1 CAPABILITY", r"> a1 CAPABILITY\x0d\x0a"]);
    sim.server("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na1 OK done\r\n");
    let log = sim.types("STARTTLS");
    assert_eq!(log, ["C a2 STARTTLS", r"> a2 STARTTLS\x0d\x0a"]);
    assert_eq!(sim.server("a2 OK begin\r\n"), ["S a2 OK begin [STARTTLS 3ms]", "Upgrade([])"]);
    sim.tracker.tls_started();
    let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
    sim.console.secured(&view);
    assert_eq!(sim.obey(), ["C a3 CAPABILITY", r"> a3 CAPABILITY\x0d\x0a"]);
    let log = sim.server("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na3 OK done\r\n");
    assert_eq!(log[1], "tls +AUTH=PLAIN -STARTTLS,LOGINDISABLED");
}

#[test]
fn after_starttls_the_handshake_follows_unless_it_is_left_to_the_user() {
    let mut sim = Sim::of(Protocol::Smtp);
    assert_eq!(sim.types(":tls off"), ["- tls-off"]);
    sim.types("STARTTLS");
    assert_eq!(sim.server("220 go\r\n"), ["S 220 go [STARTTLS 3ms]", "- tls-waits"]);
    assert_eq!(sim.types(":tls min=TLSv1.3"), [r#"Upgrade([("min", "TLSv1.3")])"#]);
    // Typed in the clear all the same: the server is to be seen.
    assert_eq!(sim.types("NOOP"), ["DeclineTls", r"> NOOP\x0d\x0a"]);
    let mut sim = Sim::of(Protocol::Pop3);
    assert_eq!(sim.types(":starttls"), ["C STLS", r"> STLS\x0d\x0a"]);
    assert_eq!(sim.server("-ERR no\r\n"), ["S -ERR no [STLS 3ms]"]);
}

#[test]
fn a_password_in_the_clear_waits_for_a_confirmation() {
    for (protocol, line) in [
        (Protocol::Smtp, "AUTH PLAIN AGEAYg=="),
        (Protocol::Pop3, "PASS wonderland"),
        (Protocol::Imap, "LOGIN alice wonderland"),
        (Protocol::Imap, "x1 authenticate plain AGEAYg=="),
        (Protocol::Sieve, "AUTHENTICATE \"PLAIN\" \"AGEAYg==\""),
        (Protocol::Smtp, "auth xoauth2 AGEAYg=="),
        (Protocol::Smtp, "AUTH UNHEARD-OF AGEAYg=="),
    ] {
        let mut sim = Sim::of(protocol);
        assert_eq!(sim.types(line), ["! secret-clear", "- held"], "{line}");
        assert_eq!(sim.types("NOOP").first().unwrap(), "- dropped", "{line}");
        let mut sim = Sim::of(protocol);
        sim.types(line);
        let log = sim.types(":yes");
        assert!(log.last().unwrap().starts_with("> "), "{line} {log:?}");
        // What is shown of it shows no secret.
        assert!(!log.iter().any(|l| l.starts_with("C ") && l.contains("wonderland")), "{log:?}");
        assert!(!sim.context().may_be_remembered(line), "{line}");
        let mut lab = Sim::new(Settings { no_secrets: true, ..settings(protocol) }, "220 x\r\n").0;
        assert!(lab.types(line).last().unwrap().starts_with("> "), "{line}");
    }
}

#[test]
fn the_answers_of_a_login_are_guarded_one_by_one() {
    let mut sim = Sim::of(Protocol::Smtp);
    assert_eq!(sim.types("AUTH LOGIN"), [r"> AUTH LOGIN\x0d\x0a"]);
    sim.server("334 VXNlcm5hbWU6\r\n");
    // The name is no password.
    assert_eq!(sim.types("YWxpY2U="), [r"> YWxpY2U=\x0d\x0a"]);
    sim.server("334 UGFzc3dvcmQ6\r\n");
    assert_eq!(sim.types(":b64 wonderland"), ["! secret-clear", "- held"]);
    assert!(!sim.context().may_be_remembered(":b64 wonderland"));
    assert_eq!(sim.types(":b64"), ["- dropped", "Ask(Answer)"]);
    let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
    sim.console.hidden(Hidden::Answer, Some(Secret::from("wonderland")), &view);
    assert_eq!(sim.obey(), ["! secret-clear", "- held"]);
    assert_eq!(sim.types(":yes"), [r"> d29uZGVybGFuZA==\x0d\x0a"]);
    assert_eq!(sim.server("535 no\r\n"), ["S 535 no [AUTH 3ms]"]);
    // A challenge is answered with a digest: worth a word, and no more.
    sim.types("AUTH CRAM-MD5");
    sim.server("334 PDFAeD4=\r\n");
    assert_eq!(sim.types("YWxpY2UgMDEyMw=="), ["! secret-hashed", r"> YWxpY2UgMDEyMw==\x0d\x0a"]);
    sim.server("535 no\r\n");
    // Two were refused: the third is worth a thought.
    assert_eq!(sim.types("AUTH LOGIN"), ["! third-login", "- held"]);
    assert_eq!(sim.types(":yes"), [r"> AUTH LOGIN\x0d\x0a"]);
}

#[test]
fn a_command_behind_a_refused_login_is_no_password() {
    let mut sim = Sim::of(Protocol::Imap);
    sim.types("AUTHENTICATE XOAUTH2");
    sim.server("a1 NO [PRIVACYREQUIRED] TLS first\r\n");
    for command in ["STARTTLS", "noop", "CAPABILITY"] {
        assert_eq!(sim.hints(command), Vec::<&str>::new(), "{command}");
        assert!(sim.context().may_be_remembered(command), "{command}");
    }
    assert_eq!(sim.hints("d29uZGVybGFuZA=="), ["answer-unasked"]);
    assert!(!sim.context().may_be_remembered("d29uZGVybGFuZA=="));
}

#[test]
fn an_unverified_server_gets_no_password_whatever_is_confirmed() {
    let sim = Sim::of(Protocol::Pop3);
    let context = Context { tls: Some(false), ..sim.context() };
    assert_eq!(context.hints("PASS wonderland")[0].id, "secret-unverified");
    let context = Context { tls: Some(true), ..sim.context() };
    assert!(context.hints("PASS wonderland").is_empty());
    assert_eq!(Context::of_tls(None::<&TlsFacts>), None);
}

#[test]
fn imap_lines_get_a_tag_unless_they_have_one() {
    let mut sim = Sim::of(Protocol::Imap);
    assert_eq!(sim.types("noop"), ["C a1 noop", r"> a1 noop\x0d\x0a"]);
    sim.server("a1 OK\r\n");
    assert_eq!(sim.types("02 noop"), [r"> 02 noop\x0d\x0a"]);
    sim.server("02 OK\r\n");
    assert_eq!(sim.types(":tag off"), ["- tag-off"]);
    assert_eq!(sim.types("noop"), ["! no-tag", r"> noop\x0d\x0a"]);
    assert_eq!(sim.server("* BAD what\r\n"), ["S * BAD what [ -]"]);
    assert!(sim.console.waits_until().is_none());
}

#[test]
fn untagged_data_is_not_taken_for_the_answer() {
    let mut sim = Sim::of(Protocol::Imap);
    sim.types("SELECT INBOX");
    assert_eq!(sim.server("* 3 EXISTS\r\n"), ["S * 3 EXISTS [ -]"]);
    assert!(sim.console.waits_until().is_some());
    assert_eq!(sim.server("a1 OK [READ-WRITE] done\r\n"), ["S a1 OK [READ-WRITE] done [SELECT 6ms]"]);
    assert!(sim.console.waits_until().is_none());
    // What the server pushes later is shown at once.
    assert_eq!(sim.server("* 4 EXISTS\r\n"), ["S * 4 EXISTS [ -]"]);
}

#[test]
fn literals_are_counted_in_octets_and_wait_for_leave() {
    let mut sim = Sim::of(Protocol::Imap);
    sim.types("APPEND INBOX {8}");
    assert!(sim.console.waits_until().is_some());
    sim.server("+ go\r\n");
    assert_eq!(sim.context().literal, Some(8));
    // Six characters, seven octets, and two for the end of the line.
    assert_eq!(sim.hints("Grüße!"), ["literal"]);
    assert_eq!(sim.types("Grüß"), ["! literal", r"> Grüß\x0d\x0a"]);
    assert_eq!(sim.context().literal, Some(0));
    assert!(sim.console.waits_until().is_none());
    assert_eq!(sim.types(""), ["! literal", r"> \x0d\x0a"]);
    assert!(sim.console.waits_until().is_some());
    assert_eq!(sim.server("a1 OK done\r\n"), ["S a1 OK done [APPEND 3ms]"]);
    // A refusal ends it.
    sim.types("APPEND INBOX {99999999}");
    sim.server("a2 NO [TOOBIG] no\r\n");
    assert_eq!(sim.context().literal, None);
    assert_eq!(sim.types("NOOP"), ["C a3 NOOP", r"> a3 NOOP\x0d\x0a"]);
}

#[test]
fn append_counts_by_itself() {
    let mut sim = Sim::of(Protocol::Imap);
    assert_eq!(sim.types(":append Entwürfe"), ["Compose(None)"]);
    let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
    sim.console.given(Some("Subject: x\n\nGrüße\n".into()), &view);
    assert_eq!(sim.obey(), ["C a1 APPEND Entw&APw-rfe {23}", r"> a1 APPEND Entw&APw-rfe {23}\x0d\x0a"]);
    let log = sim.server("+ go\r\n");
    assert_eq!(log[2], r"> Subject: x\x0d\x0a\x0d\x0aGrüße\x0d\x0a\x0d\x0a");
    assert_eq!(sim.server("a1 OK done\r\n"), ["S a1 OK done [APPEND 3ms]"]);
}

#[test]
fn mail_data_is_not_taken_for_commands_and_dots_are_told() {
    let mut sim = Sim::of(Protocol::Smtp);
    sim.types("DATA");
    assert_eq!(sim.server("354 go\r\n"), ["S 354 go [DATA 3ms]"]);
    assert_eq!(sim.types("From: <a@b>"), [r"> From: <a@b>\x0d\x0a"]);
    assert_eq!(sim.types("QUIT"), ["! command-in-data", r"> QUIT\x0d\x0a"]);
    assert_eq!(sim.types(".x"), ["! unstuffed", r"> .x\x0d\x0a"]);
    assert_eq!(sim.types(""), [r"> \x0d\x0a"]);
    assert_eq!(sim.types(":-)"), [r"> :-)\x0d\x0a"]);
    assert_eq!(sim.types("::help"), [r"> :help\x0d\x0a"]);
    assert!(sim.console.waits_until().is_none());
    assert!(!sim.context().may_be_remembered("dear diary"));
    let log = sim.types(".");
    assert_eq!(log, ["! no-blank-line", "! no-date", "! no-message-id", r"> .\x0d\x0a"]);
    assert_eq!(sim.server("250 queued\r\n"), ["S 250 queued [DATA 3ms]"]);
}

#[test]
fn data_is_composed_and_stuffed_when_the_server_asks_for_it() {
    let mut sim = Sim::of(Protocol::Smtp);
    assert_eq!(sim.types(":data m.eml"), ["C DATA", r"> DATA\x0d\x0a"]);
    assert_eq!(sim.server("354 go\r\n"), ["S 354 go [DATA 3ms]", r#"Compose(Some("m.eml"))"#]);
    let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
    sim.console.given(Some(b"From: a\nDate: x\nMessage-ID: <1>\n\n.dot\n".to_vec()), &view);
    let log = sim.obey();
    assert_eq!(log[0], "- data-sent");
    assert!(log[1].ends_with(r"\x0d\x0a..dot\x0d\x0a.\x0d\x0a"), "{log:?}");
    // Where DATA is refused, nothing is composed.
    let mut sim = Sim::of(Protocol::Smtp);
    sim.types(":data");
    assert_eq!(sim.server("503 no\r\n"), ["S 503 no [DATA 3ms]"]);
    assert_eq!(sim.types("Subject: x"), ["! header-after-refusal", r"> Subject: x\x0d\x0a"]);
}

#[test]
fn hints_for_what_looks_wrong() {
    let smtp = Sim::of(Protocol::Smtp);
    for (line, hints) in [
        ("MAIL FROM: <a@b>", &["blank-after-colon", "no-hello"][..]),
        ("MAIL FROM:a@b", &["no-brackets", "no-hello"]),
        ("RCPT TO:<a@b>", &[]),
        ("rcpt to a@b", &["no-colon"]),
        ("HELO x", &["helo"]),
        ("EHLO", &["hello-name"]),
        (".", &["lone-dot"]),
        ("NOOP\x1b[A", &["control"]),
        ("noop", &[]),
        (":help", &[]),
    ] {
        assert_eq!(smtp.hints(line), hints, "{line}");
    }
    let imap = Sim::of(Protocol::Imap);
    for (line, hints) in [
        ("FETCH 1 BODY[]", &["sets-seen"][..]),
        ("a1 UID FETCH 1:* (FLAGS BODY[TEXT])", &["sets-seen"]),
        ("FETCH 1 RFC822", &["sets-seen"]),
        ("FETCH 1 (BODY.PEEK[] RFC822.SIZE RFC822.HEADER)", &[]),
        ("SELECT INBOX", &["select"]),
        ("EXAMINE Entwürfe", &["mutf7"]),
        ("EXAMINE \"Gelöschte Objekte\"", &["mutf7"]),
        ("EXAMINE R&D", &["mutf7"]),
        ("EXAMINE Entw&APw-rfe", &[]),
        ("EXPUNGE", &["expunge"]),
    ] {
        assert_eq!(imap.hints(line), hints, "{line}");
    }
    let hint = &imap.context().hints("EXAMINE Entwürfe")[0];
    assert_eq!(hint.params["wire"], "Entw&APw-rfe");
    assert_eq!(Sim::of(Protocol::Pop3).hints("DELE 1"), ["dele"]);
}

#[test]
fn idle_waits_for_done() {
    let mut sim = Sim::of(Protocol::Imap);
    sim.types("IDLE");
    assert_eq!(sim.server("+ idling\r\n"), ["S + idling [ 3ms]"]);
    assert!(sim.console.waits_until().is_none() && sim.context().idling);
    assert_eq!(sim.server("* 4 EXISTS\r\n"), ["S * 4 EXISTS [ -]"]);
    assert_eq!(sim.hints("NOOP"), ["idle"]);
    assert_eq!(sim.types("done"), [r"> done\x0d\x0a"]);
    assert_eq!(sim.server("a1 OK idled\r\n"), ["S a1 OK idled [IDLE 3ms]"]);
    assert!(!sim.context().idling);
}

#[test]
fn ctrl_c_ends_a_wait_and_not_the_session() {
    let mut sim = Sim::of(Protocol::Smtp);
    sim.types("NOOP");
    sim.console.interrupted();
    assert_eq!(sim.obey(), ["- interrupted"]);
    assert!(sim.console.waits_until().is_none() && sim.console.is_connected());
    // The answer comes late, and is shown all the same.
    assert_eq!(sim.server("250 ok\r\n"), ["S 250 ok [NOOP -]"]);
    sim.console.interrupted();
    assert_eq!(sim.obey(), ["- to-leave"]);
}

#[test]
fn ctrl_d_says_goodbye_and_waits_for_the_answer() {
    for (protocol, goodbye, answer) in [
        (Protocol::Smtp, r"> QUIT\x0d\x0a", "221 bye\r\n"),
        (Protocol::Pop3, r"> QUIT\x0d\x0a", "+OK bye\r\n"),
        (Protocol::Imap, r"> a1 LOGOUT\x0d\x0a", "* BYE\r\na1 OK\r\n"),
        (Protocol::Sieve, r"> LOGOUT\x0d\x0a", "OK\r\n"),
    ] {
        let mut sim = Sim::of(protocol);
        let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
        sim.console.end(&view);
        let log = sim.obey();
        assert_eq!(log.last().unwrap(), goodbye, "{log:?}");
        assert_eq!(sim.server(answer).last().unwrap(), "Leave");
    }
    // Out of a login, and out of IDLE.
    let mut sim = Sim::of(Protocol::Smtp);
    sim.types("AUTH LOGIN");
    sim.server("334 VXNlcm5hbWU6\r\n");
    let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
    sim.console.end(&view);
    assert_eq!(sim.obey().last().unwrap(), r"> *\x0d\x0a");
    assert_eq!(sim.server("501 cancelled\r\n").last().unwrap(), r"> QUIT\x0d\x0a");
    // A message that nobody has finished is not sent.
    let mut sim = Sim::of(Protocol::Smtp);
    sim.types("DATA");
    sim.server("354 go\r\n");
    let view = View { tracker: Some(&sim.tracker), tls: None, now: sim.now };
    sim.console.end(&view);
    assert_eq!(sim.obey(), ["- left-in-data", "Leave"]);
}

#[test]
fn a_server_that_closes_leaves_the_console_usable() {
    let mut sim = Sim::of(Protocol::Smtp);
    sim.server("421 4.4.2 timeout\r\n");
    let state = sim.tracker.state().clone();
    assert!(state.ended);
    sim.connected = false;
    let view = View { tracker: None, tls: None, now: sim.now };
    sim.console.closed(CloseKind::End, &state, &view);
    assert_eq!(sim.obey(), ["Closed"]);
    assert_eq!(sim.types("NOOP"), ["- not-connected"]);
    assert_eq!(sim.types(":reconnect"), ["Open(None)"]);
    assert_eq!(sim.types(":nonsense"), ["- unknown-command"]);
}

#[test]
fn completions_follow_the_state_and_what_is_offered() {
    let words = |context: &Context, line: &str| -> Vec<String> {
        context.complete(line).1.into_iter().map(|c| c.text).collect()
    };
    let mut sim = Sim::of(Protocol::Smtp);
    sim.types("EHLO x");
    sim.server("250-lab\r\n250-SIZE 100\r\n250 AUTH PLAIN CRAM-MD5\r\n");
    let context = sim.context();
    assert_eq!(words(&context, "r"), ["RCPT TO:", "RSET"]);
    assert_eq!(words(&context, "ST"), Vec::<String>::new(), "STARTTLS is not offered");
    assert_eq!(words(&context, "AUTH C"), ["CRAM-MD5"]);
    assert_eq!(words(&context, "MAIL FROM:<a@b> S"), ["SIZE="]);
    assert_eq!(words(&context, ":sa"), ["save"]);
    assert_eq!(words(&context, ":auth p"), ["PLAIN"]);
    let mut sim = Sim::of(Protocol::Imap);
    assert_eq!(words(&sim.context(), "SEL"), Vec::<String>::new(), "not before the login");
    sim.types("LOGIN a b");
    sim.types(":yes");
    sim.server("a1 OK [CAPABILITY IMAP4rev1] in\r\n");
    sim.types("LIST \"\" *");
    sim.server("* LIST () \"/\" \"Sent Items\"\r\na2 OK\r\n");
    let context = sim.context();
    assert_eq!(words(&context, "SEL"), ["SELECT"]);
    assert_eq!(context.complete("a7 SEL").0, 3);
    assert_eq!(words(&context, "SELECT "), ["INBOX", "\"Sent Items\""]);
    assert_eq!(words(&context, "SELECT \"Sent"), ["\"Sent Items\""]);
}

#[test]
fn secrets_are_found_where_they_stand() {
    let sim = Sim::of(Protocol::Imap);
    let context = sim.context();
    assert_eq!(context.secrets(b"LOGIN alice wonderland"), std::iter::once(12..22).collect::<Vec<_>>());
    assert_eq!(context.secrets(b"x LOGIN alice wonderland"), std::iter::once(14..24).collect::<Vec<_>>());
    assert!(context.secrets(b"SELECT INBOX").is_empty());
    for (line, remembered) in [
        ("SELECT INBOX", true),
        ("LOGIN alice wonderland", false),
        (":b64 wonderland", false),
        (":raw \"a LOGIN b c\\r\\n\"", false),
        ("AUTHENTICATE PLAIN", true),
        ("AUTHENTICATE LOGIN\nd29uZGVybGFuZA==", false),
        ("NOOP\nSELECT INBOX", true),
    ] {
        assert_eq!(context.may_be_remembered(line), remembered, "{line}");
    }
}

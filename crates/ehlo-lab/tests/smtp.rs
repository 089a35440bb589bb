//! What SMTP, LMTP and POP3 of the lab do beyond the plain dialogue: extensions, reports, rules, who may come in, and
//! what a hostile client sends.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{ActiveFault, Connection, Lab, LabConfig, Rules, Service, Step};
use std::sync::Arc;

fn lab(change: impl FnOnce(&mut LabConfig)) -> Arc<Lab> {
    let mut config = LabConfig::new(7, 1_800_000_000);
    config.faults.push(ActiveFault::parse("auth-clear-accepted").unwrap());
    change(&mut config);
    Lab::new(config).unwrap()
}

struct Client {
    connection: Connection,
    now: Tick,
}

impl Client {
    fn new(lab: &Arc<Lab>, scheme: Scheme) -> Client {
        let service = Service { scheme, family: Family::V4 };
        Client { connection: Connection::new(lab, service, "192.0.2.7", Tick(0)), now: Tick(0) }
    }

    /// A client that has heard the greeting and has said EHLO or LHLO.
    fn greeted(lab: &Arc<Lab>, scheme: Scheme) -> Client {
        let mut client = Client::new(lab, scheme);
        client.hear();
        let hello = if scheme == Scheme::Lmtp { "LHLO c.example" } else { "EHLO c.example" };
        assert!(client.ask(hello).contains("250-DSN"));
        client
    }

    fn submitting(lab: &Arc<Lab>) -> Client {
        let mut client = Client::greeted(lab, Scheme::Submission);
        client.expect("AUTH PLAIN YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==", "235");
        client
    }

    /// All that it says until it has nothing more to say now.
    fn hear(&mut self) -> String {
        let mut bytes = Vec::new();
        loop {
            match self.connection.poll(self.now) {
                Step::Transmit(more) => bytes.extend(more),
                Step::Close => {
                    bytes.extend(b"(closed)");
                    break;
                }
                Step::Reset => panic!("reset"),
                Step::WaitUntil(_) | Step::Idle => break,
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.connection.handle(bytes, self.now);
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.hear()
    }

    #[track_caller]
    fn expect(&mut self, line: &str, answer: &str) {
        let got = self.ask(line);
        assert!(got.starts_with(answer), "{line}: wanted {answer}, got {got}");
    }

    #[track_caller]
    fn all(&mut self, dialogue: &[(&str, &str)]) {
        for (line, answer) in dialogue {
            self.expect(line, answer);
        }
    }
}

/// What is in a mailbox, the newest first.
fn messages(lab: &Arc<Lab>, user: &str, password: &str, mailbox: &str) -> Vec<String> {
    let mut client = Client::new(lab, Scheme::Imap);
    client.hear();
    assert!(client.ask(&format!("a LOGIN {user} {password}")).contains("a OK"));
    if !client.ask(&format!("b EXAMINE {mailbox}")).contains("b OK") {
        return Vec::new();
    }
    let text = client.ask("c FETCH 1:* BODY.PEEK[]");
    let mut found: Vec<String> = text.split(" FETCH (BODY[]").skip(1).map(str::to_owned).collect();
    found.reverse();
    found
}

fn inbox(lab: &Arc<Lab>, user: &str) -> Vec<String> {
    let password = match user {
        "alice" => "wonderland",
        "name" => "gEhEiM!",
        _ => "passwort",
    };
    messages(lab, user, password, "INBOX")
}

const LETTER: &str = "From: <a@b.test>\r\nSubject: letter\r\n\r\ntext\r\n.";

#[test]
fn parameters_of_mail_and_rcpt() {
    let lab = lab(|_| {});
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    for (parameters, answer) in [
        ("SIZE=99999999999999999999", "552 5.3.4"),
        ("SIZE=999999999999999999999", "501 5.5.4"),
        ("SIZE=", "501 5.5.4"),
        ("SIZE", "501 5.5.4"),
        ("SIZE=5 SIZE=5", "501 5.5.4"),
        ("BODY=9BIT", "501 5.5.4"),
        ("SMTPUTF8=yes", "501 5.5.4"),
        ("RET=SOME", "501 5.5.4"),
        ("ENVID=a+zz", "501 5.5.4"),
        ("BY=0;R", "501 5.5.4"),
        ("MT-PRIORITY=10", "501 5.5.4"),
        ("MT-PRIORITY=+1", "501 5.5.4"),
        ("AUTH=<>", "555 5.5.4"),
        ("HOLDFOR=5", "555 5.5.4"),
        ("REQUIRETLS", "555 5.5.4"),
        ("XYZ=1", "555 5.5.4"),
        ("=1", "501 5.5.4"),
        ("SIZE=5 BODY=BINARYMIME SMTPUTF8 RET=HDRS ENVID=x BY=-5;NT MT-PRIORITY=-9 PRDR", "250 2.1.0"),
    ] {
        client.expect(&format!("MAIL FROM:<a@b.test> {parameters}"), answer);
    }
    for (recipient, answer) in [
        ("<alice@lab.test> NOTIFY=NEVER,SUCCESS", "501 5.5.4"),
        ("<alice@lab.test> ORCPT=x", "501 5.5.4"),
        ("<alice@lab.test> XYZ", "555 5.5.4"),
        ("<al..ice@lab.test>", "501 5.1.3"),
        ("alice@lab.test", "501 5.1.3"),
        ("<alice>", "501 5.1.3"),
        ("<alice@[1.2.3]>", "501 5.1.3"),
        ("<alice@lab.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@z", "250 2.1.5"),
    ] {
        client.expect(&format!("RCPT TO:{recipient}"), answer);
    }
    let mut plain = Client::new(&lab, Scheme::Smtp);
    plain.hear();
    plain.all(&[
        ("HELO x", "250"),
        ("MAIL FROM:<a@b.test> SIZE=5", "555"),
        ("MAIL FROM:<a@@b.test>", "501 5.1.7"),
    ]);
}

#[test]
fn chunks_byte_by_byte() {
    let lab = lab(|_| {});
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.all(&[("MAIL FROM:<a@b.test>", "250"), ("RCPT TO:<alice@lab.test>", "250")]);
    let bytes = b"BDAT 17\r\nSubject: chunks\r\nDATA\r\nBDAT 8\r\n\r\n.\r\nx\r\nBDAT 0 LAST\r\nNOOP\r\n";
    let bytes = [&bytes[..], b"BDAT 6 LAST\r\nNOOP\r\nBDAT 99999999999999999999\r\nNOOP\r\n"].concat();
    let mut heard = String::new();
    for byte in bytes.chunks(1) {
        client.send(byte);
        heard.push_str(&client.hear());
    }
    let codes: Vec<&str> = heard.lines().map(|l| &l[..3]).collect();
    // The second BDAT is good although DATA between them was not.
    assert_eq!(codes, ["250", "503", "250", "250", "250", "503", "501", "(cl"], "{heard}");
    assert!(inbox(&lab, "alice")[0].contains("Subject: chunks\r\n\r\n.\r\nx"));
}

#[test]
fn data_byte_by_byte() {
    let lab = lab(|_| {});
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    let mut heard = String::new();
    for byte in
        b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@lab.test>\r\nDATA\r\nA: b\r\n\r\n..\r\n...\r\n.\r\nQUIT\r\n"
            .chunks(1)
    {
        client.send(byte);
        heard.push_str(&client.hear());
    }
    let codes: Vec<&str> = heard.lines().map(|l| &l[..3]).collect();
    assert_eq!(codes, ["250", "250", "354", "250", "221", "(cl"], "{heard}");
    assert!(inbox(&lab, "alice")[0].contains("A: b\r\n\r\n.\r\n..\r\n)"));
}

#[test]
fn hostile_clients() {
    let lab = lab(|_| {});
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.all(&[("MAIL FROM:<a@b.test>", "250"), ("RCPT TO:<alice@lab.test>", "250")]);
    client.send(b"BDAT 99999999999 LAST\r\n");
    for _ in 0..2000 {
        client.send(&[b'x'; 16 * 1024]);
    }
    assert_eq!(client.hear(), "");
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    for _ in 0..100 {
        client.send(&[b'x'; 1024]);
    }
    let heard = client.hear();
    assert!(heard.starts_with("500 5.5.6") && heard.ends_with("(closed)"), "{heard}");
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.send(b"POST / HTTP/1.1\r\nEHLO x\r\n");
    let heard = client.hear();
    assert!(heard.starts_with("421") && !heard.contains("250"), "{heard}");
    for noise in [
        &b"\0\xff\xfe\r\n"[..],
        b"MAIL FROM:<\xff@\xff> SMTPUTF8\r\n",
        b"RCPT TO:<\"\\\r\n",
        b"VRFY \xff\r\n",
        b"EXPN \xc3\xb6\r\n",
        b"XCLIENT ADDR=x\r\n",
    ] {
        client = Client::greeted(&lab, Scheme::Smtp);
        client.send(noise);
        let heard = client.hear();
        assert!(heard.starts_with('5'), "{noise:?}: {heard}");
        client.expect("NOOP", "250");
    }
}

#[test]
fn senders_are_told() {
    let lab = lab(|_| {});
    let mut client = Client::submitting(&lab);
    client.all(&[
        ("MAIL FROM:<benutzername@lab.test> ENVID=QQ+2B1 RET=FULL", "250"),
        ("RCPT TO:<alice@lab.test> NOTIFY=SUCCESS ORCPT=rfc822;al+2Bice@old.example", "250"),
        ("RCPT TO:<someone@example.com> NOTIFY=SUCCESS", "250"),
        ("RCPT TO:<name@lab.test>", "250"),
        ("DATA", "354"),
        (LETTER, "250"),
    ]);
    let report = &inbox(&lab, "benutzername")[0];
    for part in [
        "Return-Path: <>",
        "To: <benutzername@lab.test>",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; lab.test\r\nOriginal-Envelope-Id: QQ+1\r\n",
        "\r\n\r\nOriginal-Recipient: rfc822; al+ice@old.example\r\nFinal-Recipient: rfc822; alice@lab.test\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
        "Final-Recipient: rfc822; someone@example.com\r\nAction: relayed\r\n",
        "Content-Type: text/rfc822-headers\r\n\r\nFrom: <a@b.test>\r\nSubject: letter\r\n",
    ] {
        assert!(report.contains(part), "{part:?} is not in {report}");
    }
    assert!(!report.contains("name@lab.test\r\nAction") && !report.contains("text\r\n"), "{report}");
    assert_eq!(messages(&lab, "benutzername", "passwort", "Outbound").len(), 1);
    // Nobody has asked for anything: no report, and none about a report.
    client.all(&[
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<alice@lab.test> NOTIFY=SUCCESS", "250"),
        ("DATA", "354"),
        (LETTER, "250"),
    ]);
    client.all(&[
        ("MAIL FROM:<name@lab.test>", "250"),
        ("RCPT TO:<alice@lab.test>", "250"),
        ("DATA", "354"),
        (LETTER, "250"),
    ]);
    assert_eq!((inbox(&lab, "benutzername").len(), inbox(&lab, "name").len()), (1, 1));
}

const HALF: &str = "[[rule]]\nrecipient = 'alice@*'\ncontains = 'Subject'\nrefuse = '452 4.2.2 full'\n";

#[test]
fn some_did_not_get_it() {
    let lab = lab(|c| c.rules = Rules::read(HALF).unwrap());
    // SMTP has one reply for all: the one who missed it is reported, not passed over.
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    let both = [("RCPT TO:<alice@lab.test>", "250"), ("RCPT TO:<name@lab.test>", "250")];
    client.expect("MAIL FROM:<benutzername@lab.test>", "250");
    client.all(&both);
    client.all(&[("DATA", "354"), (LETTER, "250 2.0.0 OK: queued")]);
    let report = &inbox(&lab, "benutzername")[0];
    assert!(
        report.contains("Action: failed\r\nStatus: 4.2.2\r\nDiagnostic-Code: smtp; 452 4.2.2 full"),
        "{report}"
    );
    assert!(
        report.contains("message/rfc822\r\n\r\nFrom: <a@b.test>") && report.contains("text\r\n"),
        "{report}"
    );
    assert_eq!((inbox(&lab, "name").len(), inbox(&lab, "alice").len()), (1, 0));
    // A sender elsewhere is written to, as far as the lab can.
    client.expect("MAIL FROM:<far@away.example>", "250");
    client.all(&both);
    client.all(&[("DATA", "354"), (LETTER, "250")]);
    let outbound = messages(&lab, "alice", "wonderland", "Outbound");
    assert!(outbound[0].contains("X-Ehlo-Lab-Envelope-To: <far@away.example>"), "{outbound:?}");
    // If nobody got it, nobody is reported.
    client.all(&[
        ("MAIL FROM:<benutzername@lab.test>", "250"),
        both[0],
        ("DATA", "354"),
        (LETTER, "452 4.2.2 full"),
    ]);
    assert_eq!(inbox(&lab, "benutzername").len(), 1);
    // With a reply for each, nobody has to be reported.
    client.expect("MAIL FROM:<benutzername@lab.test> PRDR", "250");
    client.all(&both);
    client.expect("DATA", "354");
    let heard = client.ask(LETTER);
    let codes: Vec<&str> = heard.lines().map(|l| &l[..3]).collect();
    assert_eq!(codes, ["353", "452", "250", "250"], "{heard}");
    let mut client = Client::greeted(&lab, Scheme::Lmtp);
    client.expect("MAIL FROM:<benutzername@lab.test>", "250");
    client.all(&both);
    client.expect("DATA", "354");
    let heard = client.ask(LETTER);
    let codes: Vec<&str> = heard.lines().map(|l| &l[..3]).collect();
    assert_eq!(codes, ["452", "250"], "{heard}");
    assert_eq!((inbox(&lab, "benutzername").len(), inbox(&lab, "name").len()), (1, 4));
}

#[test]
fn the_example_of_the_documentation() {
    let page = include_str!("../../../docs/lab-rules.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let lab = lab(|c| c.rules = Rules::read(example).unwrap());
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.all(&[
        ("MAIL FROM:<bob@SPAM.example>", "550 5.7.1 nothing from you"),
        ("MAIL FROM:<bob@b.test>", "250"),
        ("RCPT TO:<name@lab.test>", "452 4.2.2 mailbox full"),
    ]);
    client.expect("RCPT TO:<alice+slow@lab.test>", "");
    let waits = client.connection.poll(client.now);
    assert_eq!(waits, Step::WaitUntil(Tick(2_000_000)));
    client.now = Tick(2_000_001);
    assert!(client.hear().starts_with("250 2.1.5"));
    client.all(&[("DATA", "354"), ("Subject: an invoice\r\n\r\nx\r\n.", "250")]);
    let send = |client: &mut Client, from: &str, text: &str, answer: &str| {
        client.all(&[
            (&format!("MAIL FROM:<{from}>"), "250"),
            ("RCPT TO:<alice@lab.test>", "250"),
            ("DATA", "354"),
            (&format!("{text}\r\n."), answer),
        ]);
    };
    send(&mut client, "bob@b.test", "Subject: Your\r\n INVOICE\r\n\r\nx", "250");
    send(&mut client, "bob@b.test", "Subject: x\r\n\r\nto unsubscribe", "250");
    send(&mut client, "bob@small.example", "Subject: x\r\n\r\ny", "250");
    send(&mut client, "bob@small.example", &"x".repeat(1001), "552 5.3.4 too large for you");
    // The first was decided at RCPT already: the delay is what its rule wants.
    assert_eq!(messages(&lab, "alice", "wonderland", "Invoices/2026").len(), 1);
    assert_eq!(inbox(&lab, "alice").len(), 2);
}

#[test]
fn held_messages_come_when_it_is_time() {
    let lab = lab(|_| {});
    let mut client = Client::submitting(&lab);
    client.all(&[
        ("MAIL FROM:<benutzername@lab.test> HOLDFOR=3600 HOLDUNTIL=2027-01-15T08:00:01Z", "501 5.5.4"),
        ("MAIL FROM:<benutzername@lab.test> HOLDFOR=3600 BY=60;R", "501 5.5.4"),
        ("MAIL FROM:<benutzername@lab.test> HOLDFOR=3600", "250"),
        ("RCPT TO:<alice@lab.test> NOTIFY=SUCCESS", "250"),
        ("DATA", "354"),
        (LETTER, "250 2.0.0 OK: held as"),
    ]);
    client.now = Tick(3_599_000_000);
    client.expect("NOOP", "250");
    assert_eq!((inbox(&lab, "alice").len(), inbox(&lab, "benutzername").len()), (0, 0));
    client.now = Tick(3_600_000_000);
    client.expect("NOOP", "250");
    assert_eq!((inbox(&lab, "alice").len(), inbox(&lab, "benutzername").len()), (1, 1));
    client.expect("NOOP", "250");
    assert_eq!(inbox(&lab, "alice").len(), 1);
}

#[test]
fn text_beyond_ascii_needs_to_be_announced() {
    let lab = lab(|c| c.accounts.add("jörg:x").unwrap());
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.all(&[
        ("MAIL FROM:<käse@b.test>", "553 5.6.7"),
        ("MAIL FROM:<a@b.test>", "250"),
        ("RCPT TO:<jörg@lab.test>", "553 5.6.7"),
        ("RCPT TO:<alice@lab.test>", "250"),
        ("DATA", "354"),
        ("Subject: Grüße\r\n\r\nx\r\n.", "550 5.6.7"),
        ("MAIL FROM:<käse@b.test> SMTPUTF8", "250"),
        ("RCPT TO:<jörg@lab.test>", "250"),
        ("DATA", "354"),
        ("Subject: Grüße\r\n\r\nx\r\n.", "250"),
        ("VRFY jörg", "553 5.6.7"),
        ("VRFY jörg SMTPUTF8", "252"),
    ]);
    let mut client = Client::new(&lab, Scheme::Pop3);
    client.hear();
    client.all(&[
        ("USER jörg", "+OK"),
        ("PASS x", "+OK 1 messages"),
        ("RETR 1", "-ERR [UTF8]"),
        ("UTF8", "-ERR"),
        ("QUIT", "+OK"),
    ]);
    let mut client = Client::new(&lab, Scheme::Pop3);
    client.hear();
    client.all(&[("UTF8", "+OK"), ("STLS", "-ERR"), ("USER jörg", "+OK"), ("PASS x", "+OK")]);
    let text = client.ask("RETR 1");
    assert!(text.contains("Subject: Grüße") && text.contains("with UTF8SMTP id"), "{text}");
}

#[test]
fn the_master_acts_as_anybody() {
    let lab = lab(|_| {});
    // printf 'alice\0meister\0generalschluessel' | base64
    let as_alice = "AUTH PLAIN YWxpY2UAbWVpc3RlcgBnZW5lcmFsc2NobHVlc3NlbA==";
    let as_himself = "AUTH PLAIN AG1laXN0ZXIAZ2VuZXJhbHNjaGx1ZXNzZWw=";
    let mut client = Client::greeted(&lab, Scheme::Submission);
    client.all(&[(as_himself, "535"), (as_alice, "235")]);
    let mut client = Client::new(&lab, Scheme::Pop3);
    client.hear();
    client.all(&[(as_himself, "-ERR [AUTH]"), ("AUTH CRAM-MD5 eA==", "-ERR"), (as_alice, "+OK 0 messages")]);
    let mut client = Client::new(&lab, Scheme::Imap);
    client.hear();
    let line = as_alice.replace("AUTH ", "a AUTHENTICATE ");
    assert!(client.ask(&line).contains("a OK"));
    // Another account may not: printf 'alice\0name\0gEhEiM!' | base64
    let mut client = Client::greeted(&lab, Scheme::Submission);
    client.all(&[("AUTH PLAIN YWxpY2UAbmFtZQBnRWhFaU0h", "535"), ("AUTH CRAM-MD5 eA==", "501 5.7.0")]);
}

#[test]
fn anybody_comes_in_and_everything_is_taken() {
    let lab = lab(|c| c.accounts.accept_any());
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.all(&[
        ("MAIL FROM:<a@b.test>", "250"),
        ("RCPT TO:<New.One+tag@anywhere.example>", "250"),
        ("RCPT TO:<a/b@anywhere.example>", "550"),
        ("DATA", "354"),
        (LETTER, "250"),
    ]);
    assert_eq!(messages(&lab, "new.one", "whatever", "INBOX").len(), 1);
    let mut client = Client::new(&lab, Scheme::Pop3);
    client.hear();
    client.all(&[("USER new.one@anywhere.example", "+OK"), ("PASS other", "+OK 1 messages")]);
    let mut client = Client::new(&lab, Scheme::Pop3);
    client.hear();
    client.all(&[("USER ../x", "+OK"), ("PASS other", "-ERR [AUTH]")]);
}

#[test]
fn proxies_say_who_the_client_is() {
    let lab = lab(|c| {
        c.proxy_protocol = true;
        c.xclient = true;
    });
    let mut client = Client::new(&lab, Scheme::Smtp);
    assert_eq!(client.hear(), "");
    for byte in b"PROXY TCP4 192.0.2.99 192.0.2.1 5 25\r\n".chunks(1) {
        assert_eq!(client.hear(), "");
        client.send(byte);
    }
    assert!(client.hear().starts_with("220"));
    assert!(client.ask("EHLO x").contains("greets x [192.0.2.99]"));
    client.all(&[
        ("XCLIENT ADDR=nonsense", "501"),
        ("XCLIENT NAME=[UNAVAILABLE] ADDR=IPv6:2001:db8::7 HELO=y LOGIN=alice", "220"),
        ("EHLO x", "250-lab.test greets x [2001:db8::7]"),
        ("XFORWARD ADDR=192.0.2.55 HELO=z", "250"),
        ("MAIL FROM:<a@b.test>", "250"),
        ("XCLIENT ADDR=192.0.2.1", "503"),
        ("RCPT TO:<alice@lab.test>", "250"),
        ("RCPT TO:<someone@example.com>", "250"),
        ("DATA", "354"),
        (LETTER, "250"),
    ]);
    let mut bad = Client::new(&lab, Scheme::Smtp);
    bad.send(b"EHLO x\r\n");
    assert_eq!(bad.hear(), "(closed)");
    // What follows the header at once is not lost.
    let mut quick = Client::new(&lab, Scheme::Pop3);
    quick.send(b"PROXY UNKNOWN\r\nQUIT\r\n");
    assert!(quick.hear().ends_with("+OK bye\r\n(closed)"));
}

#[test]
fn there_is_an_end_to_everything() {
    let lab = lab(|c| c.limit = 3000);
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    let big = format!("{}\r\n.", "x".repeat(2000));
    let mail = [("MAIL FROM:<a@b.test>", "250"), ("RCPT TO:<alice@lab.test>", "250"), ("DATA", "354")];
    client.all(&mail);
    client.expect(&big, "250");
    client.all(&mail);
    client.expect(&big, "452 4.3.1");
    // One of two does not fit: who did not get it is told in LMTP.
    let mut client = Client::greeted(&lab, Scheme::Lmtp);
    client.all(&[mail[0], mail[1], ("RCPT TO:<name@lab.test>", "250"), mail[2]]);
    let heard = client.ask(&format!("{}\r\n.", "x".repeat(500)));
    let codes: Vec<&str> = heard.lines().map(|l| &l[..9]).collect();
    assert_eq!(codes, ["250 2.0.0", "452 4.3.1"], "{heard}");
    // RCPTMAX
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.expect("MAIL FROM:<a@b.test>", "250");
    let heard = client.ask(&["RCPT TO:<alice@lab.test>"; 1001].join("\r\n"));
    assert_eq!(heard.lines().filter(|l| l.starts_with("250 2.1.5")).count(), 1000);
    assert!(heard.ends_with("452 4.5.3 too many recipients\r\n"));
}

#[test]
fn quit_tells_what_could_not_be_removed() {
    let folder = std::env::temp_dir().join(format!("ehlo-lab-quit-{}", std::process::id()));
    let lab = lab(|c| c.store = Some(folder.clone()));
    let mut client = Client::greeted(&lab, Scheme::Smtp);
    client.all(&[
        ("MAIL FROM:<a@b.test>", "250"),
        ("RCPT TO:<alice@lab.test>", "250"),
        ("DATA", "354"),
        (LETTER, "250"),
    ]);
    // Where mail is to outlive a restart, nothing waits in memory.
    let mut submission = Client::greeted(&lab, Scheme::Submission);
    assert!(!submission.ask("EHLO x").contains("FUTURERELEASE"));
    let mut client = Client::new(&lab, Scheme::Pop3);
    client.hear();
    client.all(&[("USER alice", "+OK"), ("PASS wonderland", "+OK 1 messages"), ("DELE 1", "+OK")]);
    // Messages are moved here before they go.
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
            match entry.ends_with("tmp") {
                true => std::fs::remove_dir_all(entry).unwrap(),
                false => folders.push(entry),
            }
        }
    }
    assert_eq!(client.ask("QUIT"), "-ERR [SYS/TEMP] some messages could not be removed\r\n(closed)");
    assert_eq!(inbox(&lab, "alice").len(), 1);
    std::fs::remove_dir_all(&folder).unwrap();
}

//! Dialogues with the lab as they are typed by hand, without I/O: what goes in is written behind `C:`, what must come
//! out behind `S:` (a prefix is enough; with `S*:` lines may come before). `C! name` is a client of its own.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{ActiveFault, Connection, Lab, LabConfig, Service, Step};
use std::collections::BTreeMap;
use std::sync::Arc;

fn lab(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, 1_800_000_000);
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

/// Everything that a connection says now, as lines; `(closed)` at the end if it is over.
fn said(connection: &mut Connection, now: Tick) -> Vec<String> {
    let mut bytes = Vec::new();
    let mut end = None;
    loop {
        match connection.poll(now) {
            Step::Transmit(more) => bytes.extend(more),
            Step::Idle | Step::WaitUntil(_) => break,
            Step::Close => {
                end = Some("(closed)");
                break;
            }
            Step::Reset => {
                end = Some("(reset)");
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    text.split_terminator("\r\n").map(str::to_owned).chain(end.map(str::to_owned)).collect()
}

fn play_on(lab: &Arc<Lab>, scheme: Scheme, dialogue: &str) {
    let service = Service { scheme, family: Family::V4 };
    let mut clients: BTreeMap<&str, (Connection, Vec<String>)> = BTreeMap::new();
    for (number, line) in dialogue.lines().map(str::trim_start).enumerate().filter(|(_, l)| !l.is_empty()) {
        let (head, text) = line.split_once(':').unwrap_or((line, ""));
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (side, name) = head.split_at(1);
        let (skipping, name) = name.strip_prefix('*').map_or((false, name), |name| (true, name));
        let (client, heard) = clients
            .entry(name)
            .or_insert_with(|| (Connection::new(lab, service, "192.0.2.7", Tick(0)), Vec::new()));
        match side {
            "C" => {
                heard.extend(said(client, Tick(0)));
                assert!(heard.is_empty(), "line {number}: {line}: still unexpected: {heard:#?}");
                let bytes = text.replace("\\n", "\r\n");
                client.handle(format!("{bytes}\r\n").as_bytes(), Tick(0));
            }
            "S" => {
                client.wake(Tick(0));
                heard.extend(said(client, Tick(0)));
                if let Some(at) = heard.iter().position(|l| l.starts_with(text)).filter(|_| skipping) {
                    heard.drain(..at);
                }
                assert!(!heard.is_empty(), "line {number}: {line}: nothing more came");
                let got = heard.remove(0);
                assert!(
                    got.starts_with(text),
                    "line {number}: wanted {text:?}, got {got:?}; then {heard:#?}"
                );
            }
            _ => panic!("{line}"),
        }
    }
    for (name, (client, mut heard)) in clients {
        heard.extend(said(&mut { client }, Tick(0)));
        assert!(heard.is_empty(), "client {name}: at the end unexpected: {heard:#?}");
    }
}

fn play(scheme: Scheme, faults: &[&str], dialogue: &str) {
    play_on(&lab(faults), scheme, dialogue);
}

#[test]
fn smtp_takes_local_mail_only() {
    play(
        Scheme::Smtp,
        &[],
        "S: 220 lab.test ESMTP ehlo lab
         C: MAIL FROM:<a@b.test>
         S: 503 5.5.1
         C: EHLO client.example
         S: 250-lab.test greets client.example [192.0.2.7]
         S: 250-PIPELINING
         S: 250-SIZE 26214400
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-SMTPUTF8
         S: 250-DSN
         S: 250-CHUNKING
         S: 250-BINARYMIME
         S: 250-LIMITS MAILMAX=100000 RCPTMAX=1000
         S: 250-DELIVERBY
         S: 250-MT-PRIORITY
         S: 250-PRDR
         S: 250-VRFY
         S: 250-EXPN
         S: 250-HELP
         S: 250 STARTTLS
         C: AUTH PLAIN
         S: 503 5.5.1
         C: MAIL FROM:<a@b.test> SIZE=99999999
         S: 552 5.3.4
         C: MAIL FROM:<a@b.test> XRET=HDRS
         S: 555 5.5.4
         C: MAIL FROM:<a@b.test> BODY=8BITMIME SIZE=5
         S: 250 2.1.0
         C: DATA
         S: 554 5.5.1 no valid
         C: RCPT TO:<nobody@lab.test>
         S: 550 5.1.1
         C: RCPT TO:<someone@example.com>
         S: 550 5.7.1
         C: RCPT TO:<ALICE+x@LAB.TEST>
         S: 250 2.1.5
         C: RCPT TO:<postmaster>
         S: 250 2.1.5
         C: DATA
         S: 354
         C: Subject: x\\n\\n..stuffed\\n.
         S: 250 2.0.0 OK: queued as
         C: FOO
         S: 500 5.5.1
         C: QUIT
         S: 221 2.0.0
         S: (closed)",
    );
}

#[test]
fn smtp_pipelined_commands_are_answered_in_order() {
    play(
        Scheme::Smtp,
        &[],
        "S: 220
         C: HELO x
         S: 250 lab.test
         C: MAIL FROM:<>\\nRCPT TO:<alice@lab.test>\\nRSET\\nNOOP
         S: 250 2.1.0
         S: 250 2.1.5
         S: 250 2.0.0
         S: 250 2.0.0",
    );
}

#[test]
fn submission_wants_tls_and_a_login() {
    play(
        Scheme::Submission,
        &[],
        "S: 220
         C: EHLO x
         S*: 250 AUTH CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 NTLM
         C: AUTH PLAIN
         S: 538 5.7.11
         C: AUTH GSSAPI
         S: 504 5.5.4
         C: MAIL FROM:<a@b.test>
         S: 530 5.7.0 say STARTTLS first",
    );
}

#[test]
fn smtp_logins_with_and_without_initial_response() {
    play(
        Scheme::Submission,
        &["auth-clear-accepted"],
        "S: 220
         C: EHLO x
         S*: 250 AUTH PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 NTLM OAUTHBEARER XOAUTH2
         C: AUTH LOGIN
         S: 334 VXNlcm5hbWU6
         C: YmVudXR6ZXJuYW1l
         S: 334 UGFzc3dvcmQ6
         C: ZmFsc2No
         S: 535 5.7.8
         C: AUTH PLAIN
         S: 334 
         C: *
         S: 501 5.7.0
         C: AUTH PLAIN !!!
         S: 501 5.5.2
         C: AUTH PLAIN YWxpY2UAYmVudXR6ZXJuYW1lAHBhc3N3b3J0
         S: 535 5.7.8
         C: AUTH PLAIN YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==
         S: 235 2.7.0
         C: AUTH PLAIN
         S: 503
         C: MAIL FROM:<benutzername@lab.test>
         S: 250
         C: RCPT TO:<someone@example.com>
         S: 250
         C: DATA
         S: 354
         C: x\\n.
         S: 250 2.0.0",
    );
}

#[test]
fn lmtp_answers_for_each_recipient() {
    play(
        Scheme::Lmtp,
        &[],
        "S: 220 lab.test LMTP
         C: EHLO x
         S: 500 5.5.1 this is LMTP
         C: LHLO x
         S*: 250 STARTTLS
         C: MAIL FROM:<>
         S: 250
         C: RCPT TO:<alice@lab.test>
         S: 250
         C: RCPT TO:<none@lab.test>
         S: 550
         C: RCPT TO:<name@lab.test>
         S: 250
         C: DATA
         S: 354
         C: Subject: x\\n\\nhi\\n.
         S: 250 2.0.0 <alice@lab.test>
         S: 250 2.0.0 <name@lab.test>",
    );
}

const LETTER: &str = "C1: EHLO x
    S*1: 250 STARTTLS
    C1: MAIL FROM:<a@b.test>
    S1: 250
    C1: RCPT TO:<benutzername@lab.test>
    S1: 250
    C1: DATA
    S1: 354
    C1: From: A <a@b.test>\\nTo: b@lab.test\\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\\n\\nHallo\\n..x\\n.
    S1: 250";

fn deliver(lab: &Arc<Lab>) {
    play_on(lab, Scheme::Smtp, &format!("S1: 220\n{LETTER}"));
}

#[test]
fn pop3_from_login_to_quit() {
    let lab = lab(&["auth-clear-accepted"]);
    deliver(&lab);
    deliver(&lab);
    play_on(
        &lab,
        Scheme::Pop3,
        "S: +OK lab.test ehlo lab <
         C: CAPA
         S: +OK
         S: TOP
         S: UIDL
         S: RESP-CODES
         S: AUTH-RESP-CODE
         S: PIPELINING
         S: EXPIRE NEVER
         S: UTF8 USER
         S: LANG
         S: IMPLEMENTATION ehlo-lab
         S: USER
         S: SASL PLAIN LOGIN CRAM-MD5
         S: STLS
         S: .
         C: STAT
         S: -ERR log in first
         C: PASS x
         S: -ERR say USER first
         C: USER benutzername
         S: +OK
         C: PASS falsch
         S: -ERR [AUTH]
         C: USER benutzername
         S: +OK
         C: PASS passwort
         S: +OK 2 messages
         C: STAT
         S: +OK 2 
         C: LIST 3
         S: -ERR there is no message 3
         C: TOP 1 1
         S: +OK
         S: Return-Path: <a@b.test>
         S: Received: from x ([192.0.2.7])
         S: 	by lab.test (ehlo lab) with ESMTP id
         S: From: A
         S: To: b
         S: Subject: =?UTF-8?Q?
         S: 
         S: Hallo
         S: .
         C: DELE 1
         S: +OK
         C: LIST
         S: +OK 1 messages
         S: 2 
         S: .
         C: RETR 1
         S: -ERR
         C: RSET
         S: +OK
         C: UIDL 2
         S: +OK 2 
         C: DELE 2
         S: +OK
         C: AUTH
         S: -ERR not after
         C: QUIT
         S: +OK
         S: (closed)",
    );
    play_on(
        &lab,
        Scheme::Pop3,
        "S: +OK
         C: USER benutzername
         S: +OK
         C: PASS passwort
         S: +OK 1 messages
         S2: +OK
         C2: USER benutzername
         S2: +OK
         C2: PASS passwort
         S2: -ERR [IN-USE]",
    );
}

#[test]
fn imap_commands_need_tags_and_logins() {
    play(
        Scheme::Imap,
        &[],
        "S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE STARTTLS LOGINDISABLED AUTH=CRAM-MD5 AUTH=DIGEST-MD5 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-512 AUTH=NTLM] lab.test
         C: CAPABILITY
         S: CAPABILITY BAD
         C: a+b NOOP
         S: * BAD
         C: a1 SELECT INBOX
         S: a1 BAD log in first
         C: a2 LOGIN benutzername passwort
         S: a2 NO [PRIVACYREQUIRED]
         C: a3 AUTHENTICATE PLAIN
         S: a3 NO [PRIVACYREQUIRED]
         C: a4 NONSENSE
         S: a4 BAD unknown command
         C: 02 logout
         S: * BYE
         S: 02 OK
         S: (closed)",
    );
}

#[test]
fn imap_logins_in_every_form() {
    play(
        Scheme::Imap,
        &["auth-clear-accepted"],
        "S: * OK
         C: a1 AUTHENTICATE LOGIN
         S: + VXNlcm5hbWU6
         C: YmVudXR6ZXJuYW1l
         S: + UGFzc3dvcmQ6
         C: ZmFsc2No
         S: a1 NO [AUTHENTICATIONFAILED]
         C: a2 LOGIN {12}
         S: + 
         C: benutzername {8}
         S: + 
         C: passwort
         S: a2 OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE
         C: a3 LOGIN a b
         S: a3 BAD
         S2: * OK
         C2: b1 AUTHENTICATE PLAIN YmVudXR6ZXJuYW1lAGJlbnV0emVybmFtZQBwYXNzd29ydA==
         S2: b1 OK
         S3: * OK
         C3: c1 AUTHENTICATE PLAIN
         S3: + 
         C3: *
         S3: c1 BAD
         C3: c2 LOGIN name \"gEhEiM!\"
         S3: c2 OK
         C3: c3 APPEND INBOX {999999999}
         S3: c3 NO [TOOBIG]",
    );
}

#[test]
fn imap_mail_from_arrival_to_expunge() {
    let lab = lab(&["auth-clear-accepted"]);
    deliver(&lab);
    play_on(
        &lab,
        Scheme::Imap,
        "S: * OK
         C: a LOGIN benutzername passwort
         S: a OK
         C: b SELECT inbox
         S: * FLAGS (
         S: * OK [PERMANENTFLAGS (
         S: * 1 EXISTS
         S: * 1 RECENT
         S: * OK [UNSEEN 1]
         S: * OK [UIDVALIDITY 
         S: * OK [UIDNEXT 2]
         S: * OK [HIGHESTMODSEQ 2]
         S: * OK [MAILBOXID (F
         S: b OK [READ-WRITE]
         C: c FETCH 1 (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)])
         S: * 1 FETCH (FLAGS (\\Recent) ENVELOPE (NIL \"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\" ((\"A\" NIL \"a\" \"b.test\"))
         S: Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=
         S: 
         S: )
         S: c OK
         C: d FETCH 1 BODY[TEXT]
         S: * 1 FETCH (BODY[TEXT] {11}
         S: Hallo
         S: .x
         S:  FLAGS (\\Seen \\Recent))
         S: d OK
         C: e SEARCH SUBJECT \"grüße\"
         S: * SEARCH 1
         S: e OK
         C: f SEARCH UNSEEN
         S: * SEARCH
         S: f OK
         C: f2 SEARCH OR (LARGER 100000) NOT FROM x@y
         S: * SEARCH 1
         S: f2 OK
         C: f3 SEARCH CHARSET EBCDIC ALL
         S: f3 NO [BADCHARSET
         C: g STORE 1 +FLAGS (\\Deleted $Junk)
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)
         S: * 1 FETCH (FLAGS (\\Seen \\Deleted $Junk \\Recent))
         S: g OK
         C: h COPY 1 Archive
         S: h OK [COPYUID 
         C: i EXPUNGE
         S: * 1 EXPUNGE
         S: i OK
         C: j STATUS Archive (MESSAGES UNSEEN UIDNEXT)
         S: * STATUS \"Archive\" (MESSAGES 1 UNSEEN 0 UIDNEXT 2)
         S: j OK
         C: k FETCH 1 FLAGS
         S: k BAD there is no such message
         C: l UID FETCH 99 FLAGS
         S: l OK
         C: m CLOSE
         S: m OK
         C: n FETCH 1 FLAGS
         S: n BAD select",
    );
}

#[test]
fn imap_folders() {
    play(
        Scheme::Imap,
        &["auth-clear-accepted"],
        "S: * OK
         C: a LOGIN alice wonderland
         S: a OK
         C: b CREATE Entw&APw-rfe/2026
         S: b OK
         C: c CREATE entwürfe
         S: c BAD an atom
         C: c2 CREATE \"entwürfe\"
         S: c2 NO [CANNOT]
         C: d LIST \"\" Entw*
         S: * LIST (\\HasChildren) \"/\" \"Entw&APw-rfe\"
         S: * LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe/2026\"
         S: d OK
         C: e LIST \"\" Sent
         S: * LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"
         S: e OK
         C: f LIST \"\" \"\"
         S: * LIST (\\Noselect) \"/\" \"\"
         S: f OK
         C: g DELETE Entw&APw-rfe
         S: g NO [HASCHILDREN]
         C: h RENAME Entw&APw-rfe Alt
         S: h OK
         C: i LIST \"\" Alt/%
         S: * LIST (\\HasNoChildren) \"/\" \"Alt/2026\"
         S: i OK
         C: j DELETE INBOX
         S: j NO [CANNOT]
         C: k SUBSCRIBE Alt
         S: k OK
         C: l LSUB \"\" Alt
         S: * LSUB () \"/\" \"Alt\"
         S: l OK
         C: m NAMESPACE
         S: * NAMESPACE ((\"\" \"/\")) ((\"user/\" \"/\")) NIL
         S: m OK
         C: n SELECT nowhere
         S: n NO [NONEXISTENT]",
    );
}

#[test]
fn imap_idle_tells_what_others_do() {
    let lab = lab(&["auth-clear-accepted"]);
    play_on(
        &lab,
        Scheme::Imap,
        "S: * OK
         C: a LOGIN alice wonderland
         S: a OK
         C: b EXAMINE INBOX
         S: * FLAGS
         S: * OK [PERMANENTFLAGS ()]
         S: * 0 EXISTS
         S: * 0 RECENT
         S: * OK [UIDVALIDITY
         S: * OK [UIDNEXT 1]
         S: * OK [HIGHESTMODSEQ 1]
         S: * OK [MAILBOXID (F
         S: b OK [READ-ONLY]
         C: c IDLE
         S: + waiting
         S2: * OK
         C2: a LOGIN alice wonderland
         S2: a OK
         C2: b APPEND INBOX (\\Flagged) \"17-Jul-1996 02:44:25 -0700\" {19+}\\nSubject: wake up\\n
         S2: b OK [APPENDUID 
         S: * 1 EXISTS
         S: * 1 RECENT
         C2: c SELECT INBOX
         S2: * FLAGS
         S2: * OK
         S2: * 1 EXISTS
         S2: * 1 RECENT
         S2: * OK [UNSEEN 1]
         S2: * OK
         S2: * OK
         S2: * OK [HIGHESTMODSEQ 2]
         S2: * OK [MAILBOXID
         S2: c OK
         C2: d FETCH 1 INTERNALDATE
         S2: * 1 FETCH (INTERNALDATE \"17-Jul-1996 09:44:25 +0000\")
         S2: d OK
         C2: e STORE 1 FLAGS.SILENT (\\Deleted)
         S2: e OK
         S: * 1 FETCH (FLAGS (\\Deleted \\Recent))
         C2: f EXPUNGE
         S2: * 1 EXPUNGE
         S2: f OK
         S: * 1 EXPUNGE
         C: DONE
         S: c OK",
    );
}

#[test]
fn faults_act_where_they_are_put() {
    play(Scheme::Smtp, &["connection-limit=1"], "S1: 220\nS2: 421 4.7.0\nS2: (closed)");
    play(Scheme::Imap, &["greeting-refused"], "S: * BYE\nS: (closed)");
    play(Scheme::Pop3, &["speaks-other=ssh"], "S: SSH-2.0\nS: (closed)");
    play(Scheme::Smtp, &["connection-reset"], "S: (reset)");
    play(
        Scheme::Smtp,
        &["reply=MAIL:451 4.3.0 not now"],
        "S: 220\nC: HELO x\nS: 250\nC: MAIL FROM:<>\nS: 451 4.3.0 not now",
    );
    play(Scheme::Imap, &["reply=NOOP:% NO not now"], "S: * OK\nC: a7 NOOP\nS: a7 NO not now");
    play(Scheme::Smtp, &["close=HELO"], "S: 220\nC: HELO x\nS: (closed)");
    play(
        Scheme::Smtp,
        &["starttls-cleartext-goes-on"],
        "S: 220\nC: HELO x\nS: 250\nC: STARTTLS\nS: 220\nC: NOOP\nS: 250",
    );
    play(
        Scheme::Smtp,
        &["starttls-cleartext-error"],
        "S: 220\nC: STARTTLS\nS: 220\nC: NOOP\nS: 554\nS: (closed)",
    );
}

#[test]
fn a_delay_is_a_wait_and_no_sleep() {
    let lab = lab(&["greeting-delay=8"]);
    let service = Service { scheme: Scheme::Smtp, family: Family::V4 };
    let mut connection = Connection::new(&lab, service, "192.0.2.7", Tick(0));
    assert_eq!(connection.poll(Tick(0)), Step::WaitUntil(Tick(8_000_000)));
    assert_eq!(connection.poll(Tick(7_999_999)), Step::WaitUntil(Tick(8_000_000)));
    assert!(matches!(connection.poll(Tick(8_000_000)), Step::Transmit(_)));
}

//! What is seen of a session: every line of the dialogue, no secret, and no more than there is room for.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::{EntryKind, Family, Scheme, Side, Tick};
use ehlo_lab::{ActiveFault, Connection, Happened, Lab, LabConfig, Service, Session, Step};
use std::sync::Arc;

fn lab(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, 1_800_000_000);
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    let lab = Lab::new(config).unwrap();
    lab.observe().record();
    lab
}

fn poll(connection: &mut Connection) -> bool {
    loop {
        match connection.poll(Tick(0)) {
            Step::Transmit(_) => {}
            Step::Idle | Step::WaitUntil(_) => return true,
            Step::Close | Step::Reset => return false,
        }
    }
}

/// Says these things one after the other, each when the answer to the last is there.
fn say(lab: &Arc<Lab>, scheme: Scheme, said: &[&[u8]]) -> Arc<Session> {
    let service = Service { scheme, family: Family::V4 };
    let mut connection = Connection::new(lab, service, "192.0.2.7", Tick(0));
    let mut open = poll(&mut connection);
    for bytes in said {
        if !open {
            break;
        }
        connection.handle(bytes, Tick(5));
        open = poll(&mut connection);
    }
    if open {
        connection.handle_loss(Tick(9));
    }
    drop(connection);
    lab.observe().sessions().pop().unwrap()
}

/// The transcript as lines.
fn shown(session: &Session) -> Vec<String> {
    let transcript = session.transcript();
    let line = |kind: &EntryKind| match kind {
        EntryKind::Data { span, .. } => {
            format!("{}: {}", span.side.letter(), ehlo_core::escape(&transcript.visible(*span)))
        }
        EntryKind::Note { id, params } => {
            format!("note {id} {}", params.get("bytes").cloned().unwrap_or_default())
        }
        EntryKind::Connect { address, .. } => format!("from {address}"),
        EntryKind::Closed { by, .. } => format!("closed by {by:?}"),
        other => format!("{other:?}"),
    };
    transcript.entries.iter().map(|e| line(&e.kind)).collect()
}

#[test]
fn a_session_is_written_down_line_by_line() {
    let lab = lab(&[]);
    let session = say(&lab, Scheme::Smtp, &[b"NOO", b"P\r\nQUIT\r\n"]);
    assert_eq!(
        shown(&session),
        [
            "from 192.0.2.7",
            r"S: 220 lab.test ESMTP ehlo lab\x0d\x0a",
            r"C: NOOP\x0d\x0a",
            r"C: QUIT\x0d\x0a",
            r"S: 250 2.0.0 OK\x0d\x0a",
            r"S: 221 2.0.0 bye\x0d\x0a",
            "closed by Server"
        ]
    );
    assert_eq!((session.ended(), session.id), (Some(1_800_000_000), 1));
}

#[test]
fn no_secret_is_shown() {
    // wonderland; AGFsaWNlAHdvbmRlcmxhbmQ= is alice and wonderland
    let plain: &[u8] = b"AGFsaWNlAHdvbmRlcmxhbmQ=\r\n";
    let faults = ["auth-clear-accepted"];
    let dialogues: Vec<(Scheme, Vec<&[u8]>)> = vec![
        (Scheme::Submission, vec![b"EHLO x\r\n", b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n"]),
        (Scheme::Submission, vec![b"EHLO x\r\n", b"AUTH PLAIN\r\n", plain]),
        (
            Scheme::Submission,
            vec![b"EHLO x\r\n", b"AUTH LOGIN\r\n", b"YWxpY2U=\r\n", b"d29uZGVybGFuZA==\r\n"],
        ),
        (Scheme::Submission, vec![b"EHLO x\r\n", b"AUTH\tPLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\nNOOP\r\n"]),
        (Scheme::Pop3, vec![b"USER alice\r\n", b"PASS wonderland\r\n", b"QUIT\r\n"]),
        (Scheme::Pop3, vec![b"USER alice\r\n", b"PASS wonder", b"land\r\nSTAT\r\n"]),
        (Scheme::Pop3, vec![b"USER alice\r\n", b"PASS wonderland"]),
        (Scheme::Imap, vec![b"a LOGIN alice wonderland\r\n"]),
        (Scheme::Imap, vec![b"a LOGIN alice \"wonder", b"land\"\r\n"]),
        (Scheme::Imap, vec![b"a LOGIN {5}\r\n", b"alice {10}\r\n", b"wonderland", b"\r\nb NOOP\r\n"]),
        (Scheme::Imap, vec![b"a LOGIN {5+}\r\nalice {10+}\r\nwonderland", b"\r\nb NOOP\r\n"]),
        (Scheme::Imap, vec![b"a LOGIN {5+}\r\nalice {10+}\r\nwonderland"]),
        (Scheme::Imap, vec![b"a LOGIN alice wonderland {999999999999}\r\n", b"b NOOP\r\n"]),
        (Scheme::Imap, vec![b"a AUTHENTICATE PLAIN\r\n", plain, b"b NOOP\r\n"]),
        (Scheme::Imap, vec![b"a AUTHENTICATE PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n"]),
        (Scheme::Sieve, vec![b"AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdvbmRlcmxhbmQ=\"\r\n"]),
        (
            Scheme::Sieve,
            vec![b"AUTHENTICATE \"PLAIN\" {24+}\r\n", b"AGFsaWNlAHdvbmRlcmxhbmQ=", b"\r\nNOOP\r\n"],
        ),
        (
            Scheme::Sieve,
            vec![b"AUTHENTICATE \"PLAIN\"\r\n", b"{24+}\r\nAGFsaWNlAHdvbmRlcmxhbmQ=", b"\r\nNOOP\r\n"],
        ),
        (Scheme::Sieve, vec![b"AUTHENTICATE \"PLAIN\" {24+}\r\nAGFsaWNlAHdvbmRlcmxhbmQ="]),
        // What the client says again later, the server may say, too.
        (Scheme::Imap, vec![b"a LOGIN alice wonderland\r\n", b"wonderland NOOP\r\n"]),
    ];
    // The same, a byte at a time.
    let singly = dialogues.clone().into_iter().map(|(scheme, said)| {
        (scheme, said.into_iter().flat_map(|bytes| bytes.chunks(1)).collect::<Vec<&[u8]>>())
    });
    let dialogues: Vec<_> = dialogues.iter().cloned().chain(singly).collect();
    for (scheme, said) in dialogues {
        let lab = lab(&faults);
        let mut events = lab.observe().events();
        let session = say(&lab, scheme, &said);
        let mut seen = shown(&session);
        while let Ok(event) = events.try_recv() {
            if let Happened::Entry { kind, text } = event.what {
                // What the client repeats in another place is its own affair.
                let theirs = matches!(kind, EntryKind::Data { span, .. } if span.side == Side::Client);
                if !(theirs && text.starts_with(b"wonderland NOOP")) {
                    seen.push(ehlo_core::escape(&text));
                }
            }
        }
        seen.push(serde_json::to_string(&session.transcript()).unwrap());
        for line in seen.iter().filter(|l| !l.contains("wonderland NOOP")) {
            for secret in ["wonder", "land\"", "d29uZGVy", "AGFsaWNl", "bmRlcmxhbmQ"] {
                assert!(!line.contains(secret), "{}: {line}", ehlo_core::escape(&said.concat()));
            }
        }
        let whole = seen.join("\n");
        // A line that never ended is not shown at all.
        let shown = said.last().is_some_and(|last| last.ends_with(b"\n"));
        assert!(whole.contains("**") || !shown, "{whole}");
    }
}

#[test]
fn a_login_whose_literal_is_refused_is_shown_in_order() {
    let lab = lab(&[]);
    let session = say(&lab, Scheme::Imap, &[b"a LOGIN alice {99999999}\r\n", b"b NOOP\r\n", b"c LOGOUT\r\n"]);
    let shown = shown(&session);
    let at = |part: &str| {
        shown.iter().position(|l| l.contains(part)).unwrap_or_else(|| panic!("{part}: {shown:#?}"))
    };
    assert!(at("C: a LOGIN") < at("S: a "), "{shown:#?}");
    assert!(at("S: a ") < at("C: b NOOP"), "{shown:#?}");
}

#[test]
fn of_a_large_message_the_beginning_is_kept() {
    let lab = lab(&[]);
    let line = [b'x'; 98];
    let message: Vec<u8> = (0..20_000).flat_map(|_| [&line[..], b"\r\n"].concat()).collect();
    let start: &[&[u8]] = &[
        b"EHLO x\r\n",
        b"MAIL FROM:<>\r\n",
        b"RCPT TO:<alice@lab.test>\r\n",
        b"DATA\r\n",
        &message,
        b".\r\n",
    ];
    let session = say(&lab, Scheme::Smtp, &[start, &[b"QUIT\r\n"]].concat());
    let smtp = shown(&session);
    let left_out = 2_000_000 + 3 - 8 * 1024;
    assert!(smtp.contains(&format!("note left-out {left_out}")), "{:#?}", &smtp[smtp.len() - 8..]);
    assert!(
        smtp.iter().any(|l| l.starts_with("S: 250 2.0.0 OK")) && smtp.contains(&r"C: QUIT\x0d\x0a".into())
    );
    assert_eq!(session.left_out(), left_out as u64);
    // The same on the way out, where a long answer ends with a line that matters.
    let fetch: &[&[u8]] =
        &[b"a LOGIN alice wonderland\r\n", b"b SELECT INBOX\r\n", b"c FETCH 1 BODY[]\r\n", b"d LOGOUT\r\n"];
    let lab_cleartext = lab.add_fault(ActiveFault::parse("auth-clear-accepted").unwrap());
    assert!(lab_cleartext.is_ok());
    let imap = shown(&say(&lab, Scheme::Imap, fetch));
    assert!(imap.iter().any(|l| l.starts_with("note left-out")), "{imap:#?}");
    assert!(imap.iter().any(|l| l.starts_with("S: c OK")), "{imap:#?}");
    let kept: usize = imap.iter().map(String::len).sum();
    assert!(kept < 64 * 1024, "{kept}");
}

#[test]
fn bytes_behind_the_answer_to_starttls_are_seen() {
    let lab = lab(&["starttls-injected"]);
    let session = say(&lab, Scheme::Smtp, &[b"EHLO x\r\n", b"STARTTLS\r\n"]);
    let shown = shown(&session);
    let answer = shown.iter().position(|l| l.starts_with("S: 220 2.0.0")).unwrap();
    assert!(shown[answer + 1].starts_with("S: "), "{shown:#?}");
}

#[test]
fn tls_that_fails_is_told() {
    let lab = lab(&[]);
    let session = say(&lab, Scheme::Imaps, &[b"GET / HTTP/1.0\r\n\r\n"]);
    assert!(
        shown(&session).iter().any(|l| l.contains("Failure") && l.contains("Handshake")),
        "{:#?}",
        shown(&session)
    );
}

#[test]
fn only_so_many_sessions_are_remembered() {
    let lab = lab(&[]);
    for _ in 0..1100 {
        say(&lab, Scheme::Smtp, &[b"QUIT\r\n"]);
    }
    let sessions = lab.observe().sessions();
    assert_eq!((sessions.len(), sessions[0].id, lab.observe().session(1100).is_some()), (1000, 101, true));
    lab.observe().forget();
    assert!(lab.observe().sessions().is_empty());
}

#[test]
fn nothing_is_recorded_unless_wanted() {
    let lab = Lab::new(LabConfig::new(7, 1_800_000_000)).unwrap();
    let service = Service { scheme: Scheme::Smtp, family: Family::V4 };
    drop(Connection::new(&lab, service, "192.0.2.7", Tick(0)));
    assert!(lab.observe().sessions().is_empty());
}

#[test]
fn hostile_clients_do_no_harm() {
    const WORDS: &[&[u8]] = &[
        b"\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\0",
        b"\xff\xfe",
        b"\x1b[2J",
        b"a ",
        b"LOGIN ",
        b"AUTHENTICATE PLAIN ",
        b"{3}\r\n",
        b"{3+}\r\n",
        b"{99999999999999999999}\r\n",
        b"{16777216+}\r\n",
        b"~{3}\r\n",
        b"\"",
        b"EHLO x\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH LOGIN ",
        b"*\r\n",
        b"MAIL FROM:<>\r\n",
        b"RCPT TO:<alice@lab.test>\r\n",
        b"DATA\r\n",
        b".\r\n",
        b"BDAT 10\r\n",
        b"BDAT 5 LAST\r\n",
        b"PASS ",
        b"USER alice\r\n",
        b"wonderland\r\n",
        b"STARTTLS\r\n",
        b"STLS\r\n",
        b"a STARTTLS\r\n",
        b"IDLE\r\n",
        b"DONE\r\n",
        b"b LOGIN alice wonderland\r\n",
        b"c SELECT INBOX\r\n",
        b"NOOP\r\n",
        b"QUIT\r\n",
    ];
    let faults = ["auth-clear-accepted", "starttls-cleartext-goes-on"];
    let faults: Vec<&str> = faults.into_iter().filter(|f| ActiveFault::parse(f).is_ok()).collect();
    let lab = lab(&faults);
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..600 {
        let scheme = Service::SCHEMES[round % Service::SCHEMES.len()];
        let said: Vec<Vec<u8>> = (0..20)
            .map(|_| (0..=next(4)).flat_map(|_| WORDS[next(WORDS.len())].repeat(1 + next(3) / 2)).collect())
            .collect();
        let said: Vec<&[u8]> = said.iter().map(Vec::as_slice).collect();
        let session = say(&lab, scheme, &said);
        let lines = shown(&session);
        assert!(
            session.has_ended() && lines.len() > 1 && lines.last().unwrap().starts_with("closed"),
            "{lines:#?}"
        );
        assert!(lines.iter().all(|l| ehlo_core::is_escaped(l)));
    }
}

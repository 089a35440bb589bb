use super::*;
use ehlo_core::escape;

/// Plays a dialogue: lines that begin with `C` or `S`, escapes as in Rust; yields what was told, one line each.
fn play(protocol: Protocol, turns: &[(char, &str)], portion: usize) -> (Vec<String>, Tracker) {
    let mut tracker = Tracker::new(protocol, &Limits::default());
    let mut streams = [Vec::new(), Vec::new()];
    let mut told = Vec::new();
    for (side, bytes) in turns {
        let index = usize::from(*side == 'S');
        for portion in bytes.as_bytes().chunks(portion) {
            streams[index].extend_from_slice(portion);
            let found =
                if *side == 'C' { tracker.client_sent(portion) } else { tracker.server_sent(portion) };
            for item in found {
                told.push(match item {
                    Tracked::Unit { span, sort } => {
                        let bytes = &streams[span.side as usize][span.from as usize..span.to as usize];
                        format!("{} {sort:?} {}", span.side.letter(), escape(bytes))
                    }
                    Tracked::Secret(span) => {
                        let bytes = &streams[0][span.from as usize..span.to as usize];
                        format!("secret {}", escape(bytes))
                    }
                    Tracked::Reply { reply, completes, .. } => {
                        let kinds: Vec<_> = reply.deviations.iter().map(|d| d.kind.id()).collect();
                        format!("reply {} completes={completes} {}", reply.value.shown(), kinds.join(" "))
                    }
                    Tracked::TooLarge { what, limit, .. } => format!("too large: {what} {limit}"),
                });
            }
        }
    }
    (told, tracker)
}

fn secrets(told: &[String]) -> Vec<&str> {
    told.iter().filter_map(|t| t.strip_prefix("secret ")).collect()
}

#[test]
fn smtp_login_data_and_end() {
    let turns = [
        ('S', "220 lab.test ESMTP\r\n"),
        ('C', "EHLO x\r\n"),
        ('S', "250-lab.test\r\n250 AUTH LOGIN\r\n"),
        ('C', "AUTH LOGIN YWxpY2U=\r\n"),
        ('S', "334 UGFzc3dvcmQ6\r\n"),
        ('C', "d29uZGVybGFuZA==\r\n"),
        ('S', "235 2.7.0 ok\r\n"),
        ('C', "MAIL FROM:<a@b>\r\n"),
        ('S', "250 ok\r\n"),
        ('C', "DATA\r\n"),
        ('S', "354 go\r\n"),
        ('C', "PASS hunter2\r\n..\r\n.\r\nQUIT\r\n"),
        ('S', "250 queued\r\n221 bye\r\n"),
    ];
    let (told, tracker) = play(Protocol::Smtp, &turns, 1000);
    assert_eq!(secrets(&told), ["YWxpY2U=", "d29uZGVybGFuZA=="]);
    assert!(told.contains(&r"C Blob PASS hunter2\x0d\x0a..\x0d\x0a.\x0d\x0a".to_owned()), "{told:#?}");
    assert!(told.contains(&r"C Line QUIT\x0d\x0a".to_owned()));
    assert!(tracker.state().authenticated && tracker.state().ended && !tracker.state().in_data);
    assert!(tracker.pending().is_empty());
    for portion in 1..20 {
        let (again, _) = play(Protocol::Smtp, &turns, portion);
        let strip = |told: &[String]| -> Vec<String> {
            told.iter().filter(|t| !t.starts_with("C Blob")).cloned().collect()
        };
        assert_eq!(strip(&again), strip(&told), "{portion}");
    }
}

#[test]
fn lmtp_answers_once_for_each_recipient() {
    let (told, tracker) = play(
        Protocol::Lmtp,
        &[
            ('S', "220 lab\r\n"),
            ('C', "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<no@b>\r\nRCPT TO:<c@b>\r\nDATA\r\n"),
            ('S', "250 lab\r\n250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n"),
            ('C', "x\r\n.\r\n"),
            ('S', "250 a saved\r\n"),
        ],
        1000,
    );
    assert_eq!(tracker.pending().len(), 1, "{told:#?}");
}

#[test]
fn starttls_stops_reading_and_keeps_what_stands_behind() {
    let (told, mut tracker) = play(
        Protocol::Smtp,
        &[('S', "220 lab\r\n"), ('C', "STARTTLS\r\n"), ('S', "220 go\r\n250 injected\r\n")],
        1000,
    );
    assert!(!told.iter().any(|t| t.contains("injected")));
    assert_eq!(tracker.leftover(), Some(Span::new(Side::Server, 17, 31)));
    tracker.tls_started();
    assert!(tracker.state().tls && !tracker.state().tls_next && tracker.leftover().is_none());
    let told = tracker.client_sent(b"EHLO x\r\n");
    assert_eq!(told.len(), 1);
    let told = tracker.server_sent(b"250 lab\r\n");
    assert!(matches!(&told[1], Tracked::Reply { completes: true, .. }), "{told:?}");
}

#[test]
fn pop3_secrets_and_multi_line_answers() {
    let (told, tracker) = play(
        Protocol::Pop3,
        &[
            ('S', "+OK <1@x>\r\n"),
            ('C', "CAPA\r\n"),
            ('S', "+OK\r\nSTLS\r\n.\r\n"),
            ('C', "APOP name 0123456789abcdef0123456789abcdef\r\n"),
            ('S', "-ERR no\r\n"),
            ('C', "USER name\r\nPASS two words\r\n"),
            ('S', "+OK\r\n+OK in\r\n"),
            ('C', "LIST 1\r\nQUIT\r\n"),
            ('S', "+OK 1 5\r\n+OK bye\r\n"),
        ],
        3,
    );
    assert_eq!(secrets(&told), ["0123456789abcdef0123456789abcdef", "two words"]);
    assert!(tracker.state().authenticated && tracker.state().ended && tracker.pending().is_empty());
}

#[test]
fn pop3_sasl_answers_are_secret_until_the_end() {
    let (told, tracker) = play(
        Protocol::Pop3,
        &[
            ('S', "+OK hi\r\n"),
            ('C', "AUTH PLAIN\r\n"),
            ('S', "+ \r\n"),
            ('C', "AGEAYg==\r\n"),
            ('S', "-ERR [AUTH] no\r\n"),
            ('C', "NOOP\r\n"),
        ],
        1000,
    );
    assert_eq!(secrets(&told), ["AGEAYg=="]);
    assert!(!tracker.state().authenticating && !tracker.state().authenticated);
}

#[test]
fn imap_secrets_in_every_form() {
    let (told, tracker) = play(
        Protocol::Imap,
        &[
            ('S', "* OK hi\r\n"),
            ('C', "a1 LOGIN {5}\r\n"),
            ('S', "+ go\r\n"),
            ('C', "alice {10}\r\n"),
            ('S', "+ go\r\n"),
            ('C', "wonderland\r\n"),
            ('S', "a1 NO no\r\n"),
            ('C', "a2 LOGIN bob \"pw x\"\r\n"),
            ('S', "a2 OK in\r\n"),
            ('C', "a3 AUTHENTICATE PLAIN AGEAYg==\r\n"),
            ('S', "a3 BAD no\r\n"),
            ('C', "a4 AUTHENTICATE LOGIN\r\n"),
            ('S', "+ VXNlcm5hbWU6\r\n"),
            ('C', "*\r\n"),
            ('S', "a4 BAD cancelled\r\n"),
            ('C', "a5 SELECT \"R&-D\"\r\n"),
            ('S', "* 3 EXISTS\r\na5 OK [READ-WRITE] done\r\n"),
        ],
        1000,
    );
    assert_eq!(secrets(&told), [r"{10}\x0d\x0awonderland", "\"pw x\"", "AGEAYg=="]);
    assert_eq!(told[2], r"C Line a1 LOGIN {5}\x0d\x0a", "{told:#?}");
    assert!(told[3].starts_with("S Line + go"));
    assert_eq!(tracker.state().selected.as_deref(), Some(&b"R&-D"[..]));
}

#[test]
fn imap_a_refused_literal_ends_the_command() {
    let (told, tracker) = play(
        Protocol::Imap,
        &[
            ('S', "* OK hi\r\n"),
            ('C', "a1 APPEND INBOX {99999999}\r\n"),
            ('S', "a1 NO [TOOBIG] no\r\n"),
            ('C', "a2 NOOP\r\n"),
            ('S', "a2 OK\r\n"),
        ],
        1000,
    );
    assert!(tracker.pending().is_empty(), "{told:#?}");
    assert!(told.last().unwrap().starts_with("reply a2 OK completes=true"));
}

#[test]
fn imap_lines_without_tags_are_answered_without() {
    let (told, tracker) = play(
        Protocol::Imap,
        &[
            ('S', "* OK hi\r\n"),
            ('C', "CAPABILITY\r\n"),
            ('S', "CAPABILITY BAD what\r\n"),
            ('C', "a+b NOOP\r\n"),
            ('S', "* BAD what\r\n"),
            ('C', "x LOGOUT\r\n"),
            ('S', "* BYE bye\r\nx OK\r\n"),
        ],
        1,
    );
    assert!(tracker.pending().is_empty() && tracker.state().ended, "{told:#?}");
}

#[test]
fn floods_are_told() {
    let (told, _) = play(Protocol::Smtp, &[('S', &"250-x\r\n".repeat(1100))], 4096);
    assert!(told.iter().any(|t| t == "too large: lines 1000"));
    let (told, _) = play(Protocol::Imap, &[('S', "* OK\r\n"), ('S', &"* OK x\r\n".repeat(1100))], 4096);
    assert!(told.iter().any(|t| t == "too large: lines 1000"));
    let (told, _) = play(
        Protocol::Pop3,
        &[('S', "+OK\r\n"), ('C', "CAPA\r\n"), ('S', "+OK\r\n"), ('S', &"x\r\n".repeat(1100))],
        4096,
    );
    assert!(told.iter().any(|t| t == "too large: lines 1000"));
}

#[test]
fn unasked_replies_are_told_as_such() {
    let (told, _) = play(Protocol::Smtp, &[('S', "220 a\r\n220 b\r\n")], 1000);
    assert_eq!(told.last().unwrap(), "reply 220 b completes=false unasked-reply");
}

#[test]
fn a_chunk_holds_no_commands() {
    let mut tracker = Tracker::new(Protocol::Smtp, &Limits::default());
    tracker.server_sent(b"220 x\r\n");
    for portion in [&b"BDAT 12 LAST\r\nQUIT\r\n"[..], b"RSET\r\nNOOP\r\n"] {
        tracker.client_sent(portion);
    }
    let verbs: Vec<String> = tracker.pending().into_iter().map(|p| p.verb).collect();
    assert_eq!(verbs, ["BDAT", "NOOP"]);
}

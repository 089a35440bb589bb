use super::*;

fn script(language: Language, lines: &[&str]) -> String {
    written(language, lines).script
}

/// `C:` and `S:` lines, and the words for other turns.
fn written(language: Language, lines: &[&str]) -> Imported {
    let turns: Vec<Turn> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let what = match (*line, line.split_at_checked(3)) {
                ("tls", _) => What::Tls,
                ("again", _) => What::Again,
                (_, Some(("C: ", text))) => What::Client(text.to_owned()),
                (_, Some(("S: ", text))) => What::Server(text.to_owned()),
                _ => What::Remark((*line).to_owned()),
            };
            Turn::new(number + 1, what)
        })
        .collect();
    write(Header::new("x", language), &turns)
}

fn body(language: Language, lines: &[&str]) -> String {
    let script = script(language, lines);
    script.split_once("\n\n").map(|(_, body)| body.to_owned()).unwrap_or(script)
}

#[test]
fn starttls_is_done_where_the_dialogue_goes_on() {
    let lines =
        ["S: * OK", "C: a STARTTLS", "S: a OK go", "C: b STARTTLS", "S: b BAD twice", "C: c NOOP", "S: c OK"];
    assert_eq!(
        body(Language::Imap, &lines),
        "S: * OK\nC: a STARTTLS\nS: a OK go\nC tls\nC: b STARTTLS\nS: b BAD twice\nC: c NOOP\nS: c OK\n"
    );
    assert_eq!(
        body(Language::Smtp, &["tls", "S: 220 x", "again", "tls", "S: 220 y"]),
        "C connect submissions\nS: 220 x\nC connect submissions\nS: 220 y\n"
    );
    assert_eq!(body(Language::Lmtp, &["S: 220 x", "again", "S: 220 y"]), "S: 220 x\nC reconnect\nS: 220 y\n");
}

#[test]
fn literals_that_are_counted_right_stay_as_they_are() {
    let lines = [
        "C: a APPEND x {10}",
        "S: + go",
        "C: {{a}}",
        "C: b",
        "C: ",
        "S: a OK",
        "C: b FETCH 1 BODY[]",
        "S: * 1 FETCH (BODY[] {3}",
        "S: a",
        "S: )",
        "S: b OK",
    ];
    assert_eq!(
        body(Language::Imap, &lines),
        "C: a APPEND x {10}\nS: + go\nC: {{a}}\nC: b\nC:\nS: a OK\nC: b FETCH 1 BODY[]\n\
         S: * 1 FETCH (BODY[] {3}\nS: a\nS: )\nS: b OK\n"
    );
}

#[test]
fn literals_that_are_counted_wrong() {
    let lines = [
        "C: a APPEND x {10}",
        "S: + go",
        "C: one {{",
        "C: MSG",
        "C: ",
        "S: a OK",
        "C: b FETCH 1 BODY[]",
        "S: * 1 FETCH (BODY[] {5}",
        "S: a",
        "S:  FLAGS ())",
        "S: ) UID 1)",
        "S: b OK",
        "C: c APPEND x {99}",
        "S: c NO",
    ];
    let found = written(Language::Imap, &lines);
    let expected = "C: a APPEND x {<<MSG2}\none {{{{\nMSG\nMSG2\nS: a OK\nC: b FETCH 1 BODY[]\n\
                    S: * 1 FETCH (BODY[] {{:any}}) UID 1)\nS: b OK\nC raw \"c APPEND x {99}\\r\\n\"\nS: c NO\n";
    assert!(found.script.ends_with(expected), "{}", found.script);
    assert_eq!(found.notes.iter().map(|n| n.line).collect::<Vec<_>>(), [1, 8]);
    assert!(found.script.contains("risk: writes-own\n"));
}

#[test]
fn secrets_in_literals() {
    let lines = [
        "C: a LOGIN {3}",
        "S: + OK",
        "C: ann {10}",
        "S: + OK",
        "C: opensesame",
        "S: a OK [X] hi opensesame",
        "C: b LOGIN ann {10+}",
        "C: opensesame",
        "S: b OK",
        "C: c LOGIN {3}",
        "C: ann pw12",
        "S: c OK",
        "C: d AUTHENTICATE \"PLAIN\" {12+}",
        "C: AGFubgBvcGVu",
        "S: d NO",
    ];
    assert_eq!(
        body(Language::Imap, &lines),
        "C: a LOGIN {=user} {=password}\nS: a OK [X] hi ***\nC: b LOGIN {{user}} {=password+}\nS: b OK\n\
         C: c LOGIN {=user} {{quote(password)}}\nS: c OK\n\
         C: d AUTHENTICATE \"PLAIN\" {=sasl_plain(user, password)+}\nS: d NO\n\
         # not carried over (line 13): this login was refused; if a wrong password was meant, write one in its place\n"
    );
}

#[test]
fn logins_that_only_a_verb_can_do() {
    let lines = [
        "C: AUTH XOAUTH2",
        "S: 334 ",
        "C: dXNlcj1h",
        "S: 334 eyJ9",
        "C: ",
        "S: 535 no",
        "C: AUTH GSSAPI x",
        "S: 504",
    ];
    assert_eq!(
        body(Language::Smtp, &lines),
        "C auth xoauth2 {{user}} token={{token}}\nS: 535 no\n\
         # not carried over (line 1): this login was refused; if a wrong password was meant, write one in its place\n\
         # not carried over (line 7): a login by GSSAPI\nS: 504\n\
         # not carried over (line 7): this login was refused; if a wrong password was meant, write one in its place\n"
    );
}

/// The answer of a client in each mechanism that `C auth` does as a whole, and one that nobody knows.
const WHOLE: &[(&str, &str)] = &[
    ("XOAUTH2", "dXNlcj1hQGIBYXV0aD1CZWFyZXIgeWEyOS5nZWhlaW0BAQ=="),
    ("OAUTHBEARER", "bixhPWFAYiwBYXV0aD1CZWFyZXIgeWEyOS5nZWhlaW0BAQ=="),
    ("SCRAM-SHA-1", "biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM"),
    ("SCRAM-SHA-256", "biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8="),
    ("SCRAM-SHA-256-PLUS", "cD10bHMtZXhwb3J0ZXIsLG49dXNlcixyPWFiY2RlZg=="),
    ("SCRAM-SHA-512", "biwsbj11c2VyLHI9YWJjZGVmZ2hpag=="),
    ("NTLM", "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAA"),
    ("DIGEST-MD5", "dXNlcm5hbWU9ImNocmlzIixyZXNwb25zZT1kMzg4ZGFk"),
    ("EXTERNAL", "YWRtaW5pc3RyYXRvcg=="),
    ("ANONYMOUS", "c29tZWJvZHlAZXhhbXBsZQ=="),
    ("GSSAPI", "YIIabcdefghijklmnopqrstuvw=="),
    ("X-UNHEARD-OF", "Z2VoZWltZ2VoZWlt"),
];

#[test]
fn no_answer_of_any_mechanism_gets_into_a_script() {
    for (name, answer) in WHOLE {
        let begin = format!("C: AUTH {name}");
        let initial = format!("C: AUTH {name} {answer}");
        let line = format!("C: {answer}");
        let echo = format!("S: 535 5.7.8 no: {answer}");
        // In the same line, after a challenge, repeated by the server, typed on after a refusal.
        for lines in [
            &[&initial, "S: 235 ok", "C: QUIT"][..],
            &[&begin, "S: 334 ", &line, "S: 334 Zm9v", &line, "S: 235 ok", "C: QUIT"],
            &[&initial, &echo, "C: QUIT"],
            &[&begin, "S: 504 no such", &line, "S: 500 what"],
            &[&initial, "S: 535 no", &line, "S: 500 what"],
        ] {
            let script = script(Language::Smtp, lines);
            assert!(!script.contains(answer), "{name}: {lines:?}\n{script}");
        }
        let tagged = [&format!("C: a AUTHENTICATE {name} {answer}"), "S: a NO no", "C: b NOOP", "S: b OK"];
        let script = script(Language::Imap, &tagged);
        assert!(!script.contains(answer) && script.contains("NOOP"), "{name}\n{script}");
    }
}

#[test]
fn a_line_that_was_wrapped_does_not_leak_its_end() {
    let script = script(
        Language::Smtp,
        &[
            "C: AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNS",
            "S: 501 5.5.4 no",
            "C: bGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBA",
            "S: 500 5.5.1 what",
        ],
    );
    assert!(!script.contains("bGNrQmhk"), "{script}");
}

#[test]
fn a_token_that_is_repeated_in_clear_is_masked() {
    let script = script(
        Language::Smtp,
        &[
            "C: AUTH XOAUTH2 dXNlcj1hQGIBYXV0aD1CZWFyZXIgeWEyOS5nZWhlaW0BAQ==",
            "S: 535 token ya29.geheim has expired",
        ],
    );
    assert!(!script.contains("ya29.geheim"), "{script}");
}

#[test]
fn messages() {
    let lines = ["C: DATA", "S: 354 go", "C: a: b", "C: ", "C: ..", "C: MSG", "C: .", "S: 250 ok"];
    assert_eq!(
        script(Language::Smtp, &lines),
        "title: x\nprotocol: smtp\nrisk: sends-mail\n\nC: DATA\nS: 354 go\nC data <<MSG2\na: b\n\n.\nMSG\nMSG2\nS: 250 ok\n"
    );
    let cut = written(Language::Smtp, &["C: DATA", "S: 354 go", "C: a: b"]);
    assert!(cut.script.ends_with("C data <<MSG\na: b\nMSG\n"));
    assert_eq!(cut.notes[0].text, "the message has no end; one was added");
}

#[test]
fn listings_that_are_cut_off() {
    let found = written(
        Language::Pop3,
        &["S: +OK", "C: LIST", "S: +OK 2", "S: 1 120", "C: STAT", "S: +OK 2 1", "S: ."],
    );
    assert!(
        found
            .script
            .ends_with("S: +OK\nC: LIST\nS: +OK 2\nS: 1 120\nS: ...\nS: .\nC: STAT\nS: +OK 2 1\nS: .\n")
    );
    assert_eq!((found.notes.len(), found.notes[0].line), (1, 4));
    let whole = ["S: +OK", "C: RETR 1", "S: +OK", "S: a", "S: +OK b", "S: .", "C: QUIT", "S: +OK"];
    let expected = whole.map(|line| format!("{line}\n")).concat();
    assert_eq!(body(Language::Pop3, &whole), expected);
}

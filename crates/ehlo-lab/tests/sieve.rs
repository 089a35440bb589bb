//! Dialogues with the lab's ManageSieve, without I/O: what goes in is written behind `C:`, what must come out behind `S:`
//! (a prefix is enough, `...` passes over lines up to the one below).

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{ActiveFault, Connection, LARGEST_SCRIPT, Lab, LabConfig, MOST_SCRIPTS, Service, Step};
use std::sync::Arc;

/// Logins without TLS are fine here, so that dialogues can be read.
fn lab(faults: &[&str]) -> Arc<Lab> {
    let mut config = LabConfig::new(7, 1_800_000_000);
    config.faults = faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
    Lab::new(config).unwrap()
}

fn connect(lab: &Arc<Lab>) -> Connection {
    Connection::new(lab, Service { scheme: Scheme::Sieve, family: Family::V4 }, "192.0.2.7", Tick(0))
}

fn said(connection: &mut Connection) -> String {
    let mut bytes = Vec::new();
    let end = loop {
        match connection.poll(Tick(0)) {
            Step::Transmit(more) => bytes.extend(more),
            Step::Idle | Step::WaitUntil(_) => break "",
            Step::Close => break "(closed)\r\n",
            Step::Reset => break "(reset)\r\n",
        }
    };
    format!("{}{end}", String::from_utf8_lossy(&bytes))
}

fn play_on(client: &mut Connection, dialogue: &str) {
    let mut heard: Vec<String> = Vec::new();
    let mut pass_over = false;
    for line in dialogue.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
        heard.extend(said(client).split_terminator("\r\n").map(str::to_owned));
        let (side, text) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        match side {
            "C" => {
                assert!(heard.is_empty(), "{line}: still unexpected: {heard:#?}");
                client.handle(format!("{}\r\n", text.replace("\\n", "\r\n")).as_bytes(), Tick(0));
            }
            "S" if text == "..." => pass_over = true,
            "S" => {
                let at = if pass_over { heard.iter().position(|l| l.starts_with(text)) } else { Some(0) };
                pass_over = false;
                let at = at.unwrap_or_else(|| panic!("{line}: did not come: {heard:#?}"));
                let got = heard.drain(..=at).next_back().unwrap_or_default();
                assert!(got.starts_with(text), "wanted {text:?}, got {got:?}; then {heard:#?}");
            }
            _ => panic!("{line}"),
        }
    }
    heard.extend(said(client).split_terminator("\r\n").map(str::to_owned));
    assert!(heard.is_empty(), "at the end unexpected: {heard:#?}");
}

fn play(faults: &[&str], dialogue: &str) {
    play_on(&mut connect(&lab(faults)), dialogue);
}

/// A client that is logged in as alice.
fn alice(lab: &Arc<Lab>) -> Connection {
    let mut client = connect(lab);
    play_on(
        &mut client,
        "S: ...
         S: OK \"lab.test ehlo lab\"
         C: AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdvbmRlcmxhbmQ=\"
         S: OK",
    );
    client
}

const CLEAR: &[&str] = &["auth-clear-accepted"];

#[test]
fn the_greeting_lists_what_it_can_do() {
    play(
        &[],
        "S: \"IMPLEMENTATION\" \"ehlo lab\"
         S: \"VERSION\" \"1.0\"
         S: \"SIEVE\" \"fileinto reject ereject envelope
         S: \"NOTIFY\" \"mailto\"
         S: \"MAXREDIRECTS\" \"4\"
         S: \"LANGUAGE\" \"en\"
         S: \"SASL\" \"CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 NTLM\"
         S: \"UNAUTHENTICATE\"
         S: \"STARTTLS\"
         S: OK \"lab.test ehlo lab\"
         C: capability
         S: \"IMPLEMENTATION\"
         S: ...
         S: OK
         C: NOOP
         S: OK
         C: NOOP \"STARTTLS-SYNC-42\"
         S: OK (TAG \"STARTTLS-SYNC-42\")
         C: NOOP {3+}\\na\"b
         S: OK (TAG \"a\\\"b\")
         C: LISTSCRIPTS
         S: NO \"log in first\"
         C: UNAUTHENTICATE
         S: NO \"log in first\"
         C: HAVESPACE \"x\"
         S: NO \"syntax: HAVESPACE
         C: XYZZY
         S: NO \"unknown command\"
         C:
         S: NO \"unknown command\"
         C: AUTHENTICATE \"PLAIN\"
         S: NO (ENCRYPT-NEEDED) \"only inside TLS
         C: STARTTLS now
         S: NO \"syntax: STARTTLS\"
         C: LOGOUT
         S: OK \"bye\"
         S: (closed)",
    );
}

#[test]
fn logins_in_every_form() {
    play(
        CLEAR,
        "S: ...
         S: OK
         C: AUTHENTICATE \"XYZZY\"
         S: NO \"unknown mechanism\"
         C: AUTHENTICATE \"PLAIN\"
         S: \"\"
         C: \"AGFsaWNlAHdvbmRlcmxhbmQ=\"
         S: OK \"logged in\"
         C: AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdvbmRlcmxhbmQ=\"
         S: NO \"you are logged in\"
         C: STARTTLS
         S: NO \"not after the login\"
         C: CAPABILITY
         S: ...
         S: \"OWNER\" \"alice\"
         S: OK
         C: UNAUTHENTICATE
         S: OK
         C: LISTSCRIPTS
         S: NO
         C: AUTHENTICATE \"LOGIN\"
         S: \"VXNlcm5hbWU6\"
         C: {8+}\\nYWxpY2U=
         S: \"UGFzc3dvcmQ6\"
         C: \"*\"
         S: NO \"login cancelled\"
         C: AUTHENTICATE \"PLAIN\" {24+}\\nAGFsaWNlAHdvbmRlcmxhbmQ=
         S: OK
         C: UNAUTHENTICATE
         S: OK
         C: AUTHENTICATE \"PLAIN\"
         S: \"\"
         C: no string
         S: NO \"this cannot be decoded\"
         C: AUTHENTICATE \"PLAIN\" \"!\"
         S: NO \"this cannot be decoded\"
         C: AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdyb25n\"
         S: NO \"user or password is wrong\"
         C: AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdyb25n\"
         S: NO
         C: AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdyb25n\"
         S: NO
         C: AUTHENTICATE \"PLAIN\" \"AGFsaWNlAHdyb25n\"
         S: NO
         S: BYE (TRYLATER)
         S: (closed)",
    );
}

#[test]
fn scripts_from_upload_to_deletion() {
    let lab = lab(CLEAR);
    let mut client = alice(&lab);
    play_on(
        &mut client,
        "C: LISTSCRIPTS
         S: OK
         C: HAVESPACE \"a\" 1000
         S: OK
         C: PUTSCRIPT \"größe\" {7+}\\nkeep;\\n
         S: OK \"the script is kept\"
         C: PUTSCRIPT {1+}\\nb \"require \\\"copy\\\"; stop;\"
         S: OK (WARNINGS) \"line 1, column 9: the extension \\\"copy\\\" is required, but not used\"
         C: SETACTIVE \"b\"
         S: OK
         C: LISTSCRIPTS
         S: \"b\" ACTIVE
         S: \"größe\"
         S: OK
         C: GETSCRIPT \"größe\"
         S: {7}
         S: keep;
         S:
         S: OK
         C: PUTSCRIPT \"b\" \"redirect;\"
         S: NO \"line 1, column 1: redirect needs a string\"
         C: GETSCRIPT \"b\"
         S: {21}
         S: require \"copy\"; stop;
         S: OK
         C: DELETESCRIPT \"b\"
         S: NO (ACTIVE)
         C: RENAMESCRIPT \"b\" \"größe\"
         S: NO (ALREADYEXISTS)
         C: RENAMESCRIPT \"b\" \"c\"
         S: OK
         C: LISTSCRIPTS
         S: \"c\" ACTIVE
         S: \"größe\"
         S: OK
         C: SETACTIVE \"\"
         S: OK \"no script is active\"
         C: DELETESCRIPT \"c\"
         S: OK
         C: DELETESCRIPT \"c\"
         S: NO (NONEXISTENT)
         C: SETACTIVE \"c\"
         S: NO (NONEXISTENT)
         C: GETSCRIPT \"c\"
         S: NO (NONEXISTENT)
         C: RENAMESCRIPT \"c\" \"d\"
         S: NO (NONEXISTENT)
         C: PUTSCRIPT \"\" \"keep;\"
         S: NO \"the name of a script must not be empty\"
         C: PUTSCRIPT \"a\tb\" \"keep;\"
         S: NO \"the name of a script must not hold U+0009\"
         C: CHECKSCRIPT \"keep;\"
         S: OK
         C: CHECKSCRIPT {19+}\\nfrob;\\nif true {\\nk
         S: NO \"line 3, column 2:
         C: LOGOUT
         S: OK
         S: (closed)",
    );
    // What was done stays, for the same account only.
    play_on(&mut alice(&lab), "C: LISTSCRIPTS\nS: \"größe\"\nS: OK");
    assert!(lab.scripts().list("name").unwrap().is_empty());
}

#[test]
fn several_problems_are_told_in_a_literal() {
    play_on(
        &mut alice(&lab(CLEAR)),
        "C: CHECKSCRIPT {12+}\\nfrob;\\nfrub;
         S: NO {86}
         S: line 1, column 1: there is no command frob
         S: line 2, column 1: there is no command frub",
    );
}

#[test]
fn there_are_quotas() {
    let lab = lab(CLEAR);
    let mut client = alice(&lab);
    for number in 0..MOST_SCRIPTS {
        lab.scripts().put("alice", &number.to_string(), b"keep;").unwrap();
    }
    let large = format!("#{}", "x".repeat(LARGEST_SCRIPT));
    play_on(
        &mut client,
        &format!(
            "C: HAVESPACE \"0\" 4294967295
             S: NO (QUOTA/MAXSIZE)
             C: HAVESPACE \"0\" 4294967296
             S: NO \"syntax
             C: HAVESPACE \"more\" 1
             S: NO (QUOTA/MAXSCRIPTS)
             C: PUTSCRIPT \"more\" \"keep;\"
             S: NO (QUOTA/MAXSCRIPTS)
             C: PUTSCRIPT \"0\" {{{}+}}\\n{large}
             S: NO (QUOTA/MAXSIZE)
             C: NOOP
             S: OK
             C: PUTSCRIPT \"0\" {{999999999999+}}
             S: BYE \"the line or literal is too long\"
             S: (closed)",
            large.len()
        ),
    );
}

#[test]
fn commands_that_come_together_are_answered_in_order() {
    play_on(
        &mut alice(&lab(CLEAR)),
        "C: PUTSCRIPT \"a\" \"keep;\"\\nSETACTIVE \"a\"\\nLISTSCRIPTS\\nLOGOUT\\nNOOP
         S: OK
         S: OK
         S: \"a\" ACTIVE
         S: OK
         S: OK \"bye\"
         S: (closed)",
    );
}

#[test]
fn after_starttls_no_text_is_taken() {
    play(
        &["starttls-cleartext-error"],
        "S: ...
         S: OK
         C: STARTTLS
         S: OK \"go ahead\"
         C: CAPABILITY
         S: BYE
         S: (closed)",
    );
}

#[test]
fn faults_act_where_they_are_put() {
    play(&["greeting-refused@sieve"], "S: BYE (TRYLATER)\nS: (closed)");
    play(&["greeting-text=hello"], "S: hello");
    play(&["reply=NOOP:NO (TRYLATER) \"later\""], "S: ...\nS: OK\nC: NOOP\nS: NO (TRYLATER) \"later\"");
    play(&["close=capabilities"], "S: ...\nS: OK\nC: CAPABILITY\nS: (closed)");
    play(&["starttls-refused"], "S: ...\nS: OK\nC: STARTTLS\nS: NO");
    play(&["starttls-hidden"], "S: ...\nS: \"UNAUTHENTICATE\"\nS: OK\nC: STARTTLS\nS: NO");
    play(&["auth-missing"], "S: ...\nS: \"SASL\" \"\"\nS: ...\nS: OK");
}

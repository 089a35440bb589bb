use super::super::{ImportNote, Imported};
use super::import;

#[test]
fn sessions_blocks_and_variables() {
    let text = "\
####################
# RFC 2177, an IDLE #
####################
SESSION: 1
C: a SELECT box
S: \\* 4 EXISTS
S: \\* OK \\[UIDNEXT \\d+\\].*
S: a OK \\[READ-WRITE\\] SELECT completed.

SESSION: 2
LOG INFO the other one
WAIT 100
C: b LIST \"\" ${what.ever}
SUB {
S: \\* LIST \\(\\) \\\"\\.\\\" \"x\"
S: \\* LIST \\(\\\\A(\\\\B)?\\) .*
}
S: b OK( x)?(?=y)
TIMER start t
";
    let expected = "\
title: Idle
protocol: imap
ref: RFC 2177
state: authenticated

C2 connect imap
S2: * OK
C2 login {{user}} {{password}}
S2: % OK

# RFC 2177, an IDLE

C: a SELECT box
S: * 4 EXISTS
S~ ^\\* OK \\[UIDNEXT \\d+\\].*$
S: a OK [READ-WRITE] SELECT completed.

# the other one
wait 100ms
# not carried over (line 13): the value of ${what_ever}; give it to the run
C2: b LIST \"\" {{what_ever}}
S2: * LIST () \".\" \"x\"
S2~ ^\\* LIST \\(\\\\A(\\\\B)?\\) .*$
# not carried over (line 18): the regular expression b OK( x)?(?=y)
# not carried over (line 19): TIMER start t
";
    let found = import(text, "Idle");
    assert_eq!(found.script, expected);
    assert_eq!(found.notes.iter().map(|n| n.line).collect::<Vec<_>>(), [13, 18, 19]);
}

#[test]
fn literals_and_logins() {
    let text = "\
C: a LOGIN ann opensesame
S: a OK .*
C: b APPEND x {7}
S: \\+
C: hello
C:
S: b OK (\\[.+\\] )?APPEND completed.
REINIT
C: c FETCH 1 BODY[]
S: \\* 1 FETCH \\(BODY\\[\\] \\{12\\}
S: hello.*
S: \\)
S: c OK FETCH completed.
";
    let expected = "\
title: Literals
protocol: imap
risk: writes-own

C: a LOGIN {{user}} {{quote(password)}}
S~ ^a OK .*$
C: b APPEND x {7}
S: +
C: hello
C:
S~ ^b OK (\\[.+\\] )?APPEND completed.$
C reconnect
C: c FETCH 1 BODY[]
S: * 1 FETCH (BODY[] {{:any}})
S: c OK FETCH completed.
";
    let note = |line, text: &str| ImportNote { line, text: text.to_owned() };
    assert_eq!(
        import(text, "Literals"),
        Imported {
            script: expected.to_owned(),
            notes: vec![
                note(1, "{{quote(password)}} stands for a secret"),
                note(10, "the literal is not 12 octets long; anything may stand in its place"),
            ],
        }
    );
}

#[test]
fn replies_of_many_lines() {
    let text = "S: 220 x smtp\nC: ehlo y\nS: 250.*\nS: 250-PIPELINING\nS: 250 8BITMIME\nC: rset\\r\\nnoop\nS: 250.*\n";
    let found = import(text, "Ehlo");
    assert_eq!(
        found.script,
        "title: Ehlo\nprotocol: smtp\n\nS: 220 x smtp\nC: ehlo y\nS: 250-\nS: 250-PIPELINING\nS: 250 8BITMIME\n\
         # not carried over (line 6): `\\r\\n` is sent as it stands here; `C raw` sends line ends\n\
         C: rset\\r\\nnoop\nS: 250\n"
    );
}

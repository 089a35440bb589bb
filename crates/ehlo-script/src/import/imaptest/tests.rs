use super::super::{ImportNote, Imported};
use super::import;

fn note(line: usize, text: &str) -> ImportNote {
    ImportNote { line, text: text.to_owned() }
}

const MBOX: &str = "the messages are those of NAME.mbox if there is one, else of default.mbox of imaptest";

#[test]
fn the_three_forms_of_commands() {
    let text = "\
# RFC 9051 §6.3
state: created
capabilities: idle move

# greeting
ok noop
* 1 exists
! 2 exists
? ok [alert] \"x\"
\"\" delete ${mailbox}x
select $mailbox
* ok [uidnext $next]
ok [read-write]

tag1 status $mailbox (messages)
tag2 noop
* status $mailbox (messages $)
tag2 ok
tag1 no [trycreate]
bad fetch $next flags
";
    let expected = "\
title: Forms
protocol: imap
ref: RFC 9051
risk: writes-own
needs: IDLE MOVE
state: mailbox

# RFC 9051 §6.3

# greeting
C: % noop
S: * 1 exists
S!: * 2 exists
S?: * OK [alert] \"x\"
S: % OK
C: % delete {{mailbox}}x
S: % OK|NO|BAD
C: % select {{mailbox}}
S: * OK [uidnext {{next:any}}]
S: % OK [read-write]

C: % status {{mailbox}} (messages)
C: % noop
S: * status {{mailbox}} (messages {{:any}})
S: % NO [trycreate]
S: % OK
C: % fetch {{next}} flags
S: % BAD
";
    assert_eq!(import(text, "Forms"), Imported { script: expected.to_owned(), notes: Vec::new() });
}

#[test]
fn connections_sequences_and_order() {
    let text = "connections: 2\nmessages: 2\n\n1 ok expunge\n!ordered\n* $1 expunge\n* $2 expunge\n!sleep 500ms\n\n2 ok noop\n";
    let expected = "\
title: Two
protocol: imap
risk: writes-own
state: selected
messages: default.mbox

# not carried over (line 2): that 2 messages are appended; the mbox must have as many
C2 connect imap
S2: * OK
C2 login {{user}} {{password}}
S2: % OK
C2: % SELECT {{mailbox}}
S2: % OK

C: % expunge
S: * {{seq(1)}} expunge
S>: * {{seq(2)}} expunge
wait 500ms
S: % OK

C2: % noop
S2: % OK
";
    let found = import(text, "Two");
    assert_eq!(found.script, expected);
    assert_eq!(
        found.notes,
        [note(1, MBOX), note(2, "that 2 messages are appended; the mbox must have as many")]
    );
}

#[test]
fn literals() {
    let text = "\
state: auth

ok append $mailbox (\\seen) catenate (text {{{
a: $user {{

}}} text {{{
no end}
}}} text ~{{{
b
c
}}})
ok append
";
    let expected = "\
title: Literals
protocol: imap
risk: writes-own
state: authenticated

let mailbox = ehlo-{{nonce()}}

C: % append {{mailbox}} (\\seen) catenate (text {<<MSG} text {=\"no end\\x7d\"} text ~{=\"b\\nc\"})
a: {{user}} {{{{
MSG
S: % OK
# not carried over (line 12): the message, which imaptest takes from an mbox; this one stands in for it
C: % append {{mailbox}} {<<MSG}
Subject: appended

text
MSG
S: % OK
";
    let found = import(text, "Literals");
    assert_eq!(found.script, expected);
    assert_eq!(
        found.notes,
        [
            note(1, "{{mailbox}} is not removed at the end"),
            note(12, "the message, which imaptest takes from an mbox; this one stands in for it"),
        ]
    );
}

#[test]
fn variables_and_directives() {
    let text = "\
state: nonauth
user 2: $user2

* ok $]
ok list \"\" *
* list ($!unordered $!ban=\\noselect \\subscribed) $sep ${case:INBOX}
* 1 fetch (modseq ($modseq1) flags ($!ignore=$$Junk $!extra))
! list () $other x
ok search return (tag $tag) $ $$x $unset
!ifenv FAST
!output hello
";
    let expected = "\
title: Values
protocol: imap
needs: account2
state: connected

S: * OK {{:any}}]
C: % list \"\" *
# not carried over (line 6): $!unordered; the list is compared as is usual for it
# not carried over (line 6): that case matters here
S: * list (!\\noselect \\subscribed) {{sep:any}} INBOX
S: * 1 fetch (modseq ({{modseq1:num}}) flags (?$Junk ...))
S!: * list () {{:any}} x
S: % OK
# not carried over (line 9): $unset has no value here
C: % search return (tag {{:str}}) $ $x {{unset}}
# not carried over (line 10): !ifenv FAST
# hello
S: % OK
";
    let found = import(text, "Values");
    assert_eq!(found.script, expected);
    let lines: Vec<usize> = found.notes.iter().map(|n| n.line).collect();
    assert_eq!(lines, [6, 6, 7, 9, 9, 10]);
}

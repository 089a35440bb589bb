use super::super::{ImportNote, Imported};
use super::import;

#[test]
fn a_listing_over_two_pages() {
    let text = "\
7.  Sample

   Long lines are broken.

   S:   * OK ready
   C:   a1 login ann opensesame
   S:   a1 OK in
   C:   a2 fetch 1 full
   S:   * 1 FETCH (FLAGS (\\Seen)
         RFC822.SIZE 4286

Author                    Standards Track                    [Page 8]
\u{c}
RFC 3999                        IMAP                       March 2003

         UID 7)
   S:   a2 OK {{done}}
   C:   a3 fetch 1 body[header]
   S:   * 1 FETCH (BODY[HEADER] {12}
   S:     folded
   S:
   S:   )
   S:   a3 OK done
";
    let expected = "\
title: Sample
protocol: imap
ref: RFC 3999 §7

S: * OK ready
C: a1 login {{user}} {{quote(password)}}
S: a1 OK in
C: a2 fetch 1 full
S: * 1 FETCH (FLAGS (\\Seen) RFC822.SIZE 4286 UID 7)
S: a2 OK {{{{done}}
C: a3 fetch 1 body[header]
S: * 1 FETCH (BODY[HEADER] {12}
S:   folded
S:
S: )
S: a3 OK done
";
    let note = ImportNote { line: 6, text: "{{quote(password)}} stands for a secret".to_owned() };
    assert_eq!(import(text, "Sample"), Imported { script: expected.to_owned(), notes: vec![note] });
}

#[test]
fn stage_directions() {
    let text = "\
   S: <wait for connection on TCP port 110>
   C: <open connection>
   S:    +OK ready <1.2@x>
   C:    STLS
   S:    +OK go
   C & S: <negotiate TLS>
   C: <check result of negotiation>
   C:    APOP ann 0123456789abcdef
   S:    +OK
   ...
   C:    RETR 1
   S:    +OK 120 octets
   S:    <the POP3 server sends message 1>
   S:    .
   C:    QUIT
   S:    +OK
   C: <close connection>
   C: <open connection>
   S:    +OK again
   S: <drops connection>
";
    let expected = "\
title: Directions
protocol: pop3

# <wait for connection on TCP port 110>
C connect pop3
S: +OK ready <1.2@x>
C: STLS
S: +OK go
C tls
# <check result of negotiation>
C: APOP {{user}} {{apop(password)}}
S: +OK
# ...
C: RETR 1
S: +OK 120 octets
S: ...
S: .
C: QUIT
S: +OK
C close
C reconnect
S: +OK again
S closed
";
    let found = import(text, "Directions");
    assert_eq!(found.script, expected);
    assert_eq!(found.notes.len(), 1);
}

#[test]
fn examples_messages_and_wrapped_base64() {
    let base64 = "A".repeat(40);
    let text = format!(
        "  Example:    C: EHLO x\n\
         \x20             S: 250 AUTH XOAUTH2\n\
         \x20             C: AUTH XOAUTH2 {base64}\n\
         \x20                {base64}==\n\
         \x20             S: 235 ok\n\
         \x20             C: ...\n\
         \x20             C: DATA\n\
         \x20             S: 354 go\n\
         \x20             C: Subject: x\n\
         \x20             C: ...etc.\n\
         \x20             C: .\n\
         \x20             S: 250 ok\n"
    );
    let expected = "\
title: Imported
protocol: smtp
risk: sends-mail

C: EHLO x
S: 250 AUTH XOAUTH2
C auth xoauth2 {{user}} token={{token}}
S: 235 ok
# not carried over (line 6): lines of the client that are left out
C: DATA
S: 354 go
C data <<MSG
Subject: x
..etc.
MSG
S: 250 ok
";
    assert_eq!(import(&text, " ").script, expected);
}

#[test]
fn senders_and_receivers() {
    let text = "R: 220 x\nS: EHLO y\nR: 250 x\nS: QUIT\nR: 221 bye\n";
    assert_eq!(
        import(text, "Old").script,
        "title: Old\nprotocol: smtp\n\nS: 220 x\nC: EHLO y\nS: 250 x\nC: QUIT\nS: 221 bye\n"
    );
}

#[test]
fn output_of_imtest_and_recordings() {
    let text = "\
# printf %s opensesame | md5sum
$ imtest -m login mail.example
S: * OK hi
C: S01 STARTTLS
S: S01 OK go
verify error:num=20:unable to get local issuer certificate
TLS connection established: TLSv1.3 with cipher X (256/256 bits)
C: L01 LOGIN ann {10}
S: + go
C: <omitted>
S: L01 OK in
C: NOOP
T: Authenticated.
Security strength factor: 256
$ imtest again
S: * OK hi
";
    let expected = "\
title: By imtest
protocol: imap

S: * OK hi
C: S01 STARTTLS
S: S01 OK go
C tls
C: L01 LOGIN {{user}} {=password}
S: L01 OK in
C: NOOP
C reconnect
S: * OK hi
";
    let found = import(text, "By imtest");
    assert_eq!(found.script, expected);
    assert_eq!(found.notes.len(), 1);
}

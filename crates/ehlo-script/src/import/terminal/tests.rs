use super::import;

fn script(text: &str, over_tls: bool) -> String {
    import(text, "T", over_tls).script
}

#[test]
fn mail_by_telnet() {
    let text = "\
me@here:~$ telnet mx.example 25
Trying 192.0.2.1...
Connected to mx.example.
Escape character is '^]'.
220 mx.example ESMTP
EHLP\u{8}O here.example
250-mx.example
250 AUTH LOGIN
AUTH LOGIN
334 VXNlcm5hbWU6
YW5u
334 UGFzc3dvcmQ6
b3BlbnNlc2FtZQ==
235 in

MAIL FROM:<a@here.example>
250 ok

500 what?
RCPT TO:<b@mx.example>
250 ok
DATA
354 go
Subject: {{x}}

250 lines follow
..
.
250 ok
QUIT
221 bye
Connection closed by foreign host.
me@here:~$ echo opensesame
";
    let expected = "\
title: T
protocol: smtp
risk: sends-mail

S: 220 mx.example ESMTP
C: EHLO here.example
S: 250-mx.example
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: {{b64(user)}}
S: 334 UGFzc3dvcmQ6
C: {{b64(password)}}
S: 235 in
C: MAIL FROM:<a@here.example>
S: 250 ok
C:
S: 500 what?
C: RCPT TO:<b@mx.example>
S: 250 ok
C: DATA
S: 354 go
C data <<MSG
Subject: {{{{x}}

250 lines follow
.
MSG
S: 250 ok
C: QUIT
S: 221 bye
S closed
";
    let found = import(text, "T", false);
    assert_eq!(found.script, expected);
    assert_eq!(found.notes.iter().map(|n| n.line).collect::<Vec<_>>(), [13]);
}

#[test]
fn pop3_with_data_that_looks_like_anything() {
    let text = "\
+OK <1.2@x>
USER ann
+OK
PASS open sesame
+OK in
LIST
+OK
1 120
.
LIST 1
+OK 1 120
RETR 1
+OK
-ERR is a word
open sesame
..
.
AUTH PLAIN
+
AGFubgBvcGVu
-ERR no
QUIT
+OK
";
    let expected = "\
title: T
protocol: pop3

S: +OK <1.2@x>
C: USER {{user}}
S: +OK
C: PASS {{password}}
S: +OK in
C: LIST
S: +OK
S: 1 120
S: .
C: LIST 1
S: +OK 1 120
C: RETR 1
S: +OK
S: -ERR is a word
S: {{:any}}
S: ..
S: .
C: AUTH PLAIN
S: +
C: {{sasl_plain(user, password)}}
S: -ERR no
# not carried over (line 20): this login was refused; if a wrong password was meant, write one in its place
C: QUIT
S: +OK
";
    assert_eq!(script(text, false), expected);
}

#[test]
fn imap_with_literals_on_both_sides() {
    let text = "\
* OK hi
a1 LOGIN {3}
+ go
ann {10}
+ go
opensesame
a1 OK in
a2 APPEND x {6}
+ go
a2 O

a2 OK done
a3 FETCH 1 BODY[]
* 1 FETCH (BODY[] {8}
a3 OK
)
a3 OK done
NOOP
NOOP BAD no tag
a4 IDLE
+ idling
DONE
a4 OK done
";
    let expected = "\
title: T
protocol: imap
risk: writes-own

S: * OK hi
C: a1 LOGIN {=user} {=password}
S: a1 OK in
C: a2 APPEND x {6}
S: + go
C: a2 O
C:
S: a2 OK done
C: a3 FETCH 1 BODY[]
S: * 1 FETCH (BODY[] {7}
S: a3 OK
S: )
S: a3 OK done
C: NOOP
S: NOOP BAD no tag
C: a4 IDLE
S: + idling
C: DONE
S: a4 OK done
";
    let text = text.replace("{8}", "{7}");
    assert_eq!(script(&text, false), expected);
    // `DONE` is no word of the tool here.
    assert_eq!(script(&text, true), expected.replace("S: * OK hi", "C connect imaps\nS: * OK hi"));
}

#[test]
fn openssl_with_starttls_and_its_traps() {
    let text = "\
$ openssl s_client -crlf -starttls smtp \\
    -connect mx.example:25
depth=0 CN = mx.example
verify return:1
CONNECTED(00000003)
---
Certificate chain
 0 s:CN = mx.example
---
Verification: OK
---
250 CHUNKING
EHLO here
250 AUTH PLAIN
---
Post-Handshake New Session Ticket arrived:
SSL-Session:
    Timeout   : 7200 (sec)
---
read R BLOCK
MAIL FROM:<a@here>
250 ok
RCPT TO:<b@mx.example>
RENEGOTIATING
rcpt to:<b@mx.example>
250 ok
QUIT
DONE
";
    let expected = "\
title: T
protocol: smtp

S: 220
C: EHLO {{helo}}
S: 250
C starttls
C: EHLO here
S: 250 AUTH PLAIN
C: MAIL FROM:<a@here>
S: 250 ok
# not carried over (line 23): the tool took this line for a command of its own and did not send it
C: rcpt to:<b@mx.example>
S: 250 ok
# not carried over (line 27): the tool took this line for a command of its own and did not send it
";
    assert_eq!(script(text, true), expected);
}

#[test]
fn openssl_where_nothing_of_starttls_is_shown() {
    let pop3 = "depth=0 CN = x\nverify return:1\nCAPA\n+OK\nUSER\n.\nQUIT\n+OK\nclosed\n";
    assert_eq!(
        script(pop3, true),
        "title: T\nprotocol: pop3\n\nS: +OK\nC starttls\nC: CAPA\nS: +OK\nS: USER\nS: .\nC: QUIT\nS: +OK\nS closed\n"
    );
    let imap = "depth=0 CN = x\nVerification: OK\n. OK Pre-login capabilities\na NOOP\na OK\nb LOGOUT\n* BYE\nb OK\n";
    assert_eq!(
        script(imap, true),
        "title: T\nprotocol: imap\n\nS: * OK\nC starttls\nC: a NOOP\nS: a OK\nC: b LOGOUT\nS: * BYE\nS: b OK\n"
    );
}

#[test]
fn sieve_and_two_sessions() {
    let text = "\
$ nc mail.example 4190
\"IMPLEMENTATION\" \"x\"
OK
AUTHENTICATE \"LOGIN\"
\"VXNlcm5hbWU6\"
\"YW5u\"
\"UGFzc3dvcmQ6\"
\"b3BlbnNlc2FtZQ==\"
OK
$ nc mail.example 4190
\"IMPLEMENTATION\" \"x\"
OK
LISTSCRIPTS
\"main\" ACTIVE
OK
";
    let expected = "\
title: T
protocol: sieve

S: \"IMPLEMENTATION\" \"x\"
S: OK
C: AUTHENTICATE \"LOGIN\"
S: \"VXNlcm5hbWU6\"
C: \"{{b64(user)}}\"
S: \"UGFzc3dvcmQ6\"
C: \"{{b64(password)}}\"
S: OK
C reconnect
S: \"IMPLEMENTATION\" \"x\"
S: OK
C: LISTSCRIPTS
S: \"main\" ACTIVE
S: OK
";
    assert_eq!(script(text, false), expected);
}

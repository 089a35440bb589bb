//! What `swaks` prints: a mark of three characters in front of each line says who sent it, and whether inside TLS.

use super::Imported;
use super::dialogue::{Turn, What, write};
use super::language::Language;
use super::output::Header;

/// What the mark of a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Client,
    Server,
    Info,
    Error,
}

pub(super) fn import(text: &str, title: &str) -> Imported {
    let mut turns: Vec<Turn> = Vec::new();
    let mut raw = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        let number = number + 1;
        let what = match mark(line) {
            Some((Mark::Client, text)) => What::Client(text.to_owned()),
            Some((Mark::Server, text)) => What::Server(text.to_owned()),
            Some((Mark::Info, text)) if text.starts_with("TLS started") => What::Tls,
            Some((Mark::Info, text)) if text.starts_with("Connected to") && spoken(&turns) => What::Again,
            Some((Mark::Info, _)) => continue,
            Some((Mark::Error, text)) if text.starts_with("Remote host closed") => What::Hangup,
            Some((Mark::Error, text)) => What::Remark(text.to_owned()),
            // The same lines once more, if raw text is shown as well.
            None if (line.starts_with(" > ") || line.starts_with(" < ")) && !raw => {
                raw = true;
                What::Lost("raw text of the connection".to_owned())
            }
            None => continue,
        };
        turns.push(Turn::new(number, what));
    }
    let texts = turns.iter().filter_map(|t| match &t.what {
        What::Client(text) | What::Server(text) => Some(text.as_str()),
        _ => None,
    });
    let language = match Language::guess(texts) {
        Some(Language::Lmtp) => Language::Lmtp,
        _ => Language::Smtp,
    };
    write(Header::new(title, language), &turns)
}

fn spoken(turns: &[Turn]) -> bool {
    turns.iter().any(|t| matches!(t.what, What::Client(_) | What::Server(_)))
}

/// The mark of a line and the text behind it.
pub(super) fn mark(line: &str) -> Option<(Mark, &str)> {
    const MARKS: &[(&str, Mark)] = &[
        ("<- ", Mark::Server),
        ("<~ ", Mark::Server),
        ("<**", Mark::Server),
        ("<~*", Mark::Server),
        (" ->", Mark::Client),
        (" ~>", Mark::Client),
        ("**>", Mark::Client),
        ("*~>", Mark::Client),
        ("===", Mark::Info),
        ("***", Mark::Error),
    ];
    let (mark, found) = MARKS.iter().find(|(mark, _)| line.starts_with(mark))?;
    let rest = &line[mark.len()..];
    if rest.is_empty() {
        return Some((*found, ""));
    }
    Some((*found, rest.strip_prefix(' ')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "\
=== Trying 192.0.2.1:25...
=== Connected to 192.0.2.1.
<-  220 mx.example ESMTP
 -> EHLO client.example
<-  250-mx.example
<-  250 STARTTLS
 -> STARTTLS
<-  220 go
=== TLS started with cipher TLSv1.3:X:256
=== TLS peer DN=\"/CN=mx.example\"
 ~> EHLO client.example
<~  250 AUTH LOGIN
 ~> AUTH LOGIN
<~  334 VXNlcm5hbWU6
 ~> YW5u
<~  334 UGFzc3dvcmQ6
 ~> b3BlbnNlc2FtZQ==
<~  235 hello
 ~> MAIL FROM:<a@client.example>
<~  250 ok
 ~> RCPT TO:<nobody@mx.example>
<~* 550 no opensesame here
 ~> DATA
<~  354 go on
 ~> Subject: x
 ~>
 ~> ..
 ~> .
<~  250 ok
*~> QUIT
<~  221 bye
=== Connection closed with remote host.
";

    #[test]
    fn a_session() {
        let found = import(SESSION, "By swaks");
        let expected = "\
title: By swaks
protocol: smtp
risk: sends-mail

S: 220 mx.example ESMTP
C: EHLO client.example
S: 250-mx.example
S: 250 STARTTLS
C: STARTTLS
S: 220 go
C tls
C: EHLO client.example
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: {{b64(user)}}
S: 334 UGFzc3dvcmQ6
C: {{b64(password)}}
S: 235 hello
C: MAIL FROM:<a@client.example>
S: 250 ok
C: RCPT TO:<nobody@mx.example>
S: 550 no *** here
C: DATA
S: 354 go on
C data <<MSG
Subject: x

.
MSG
S: 250 ok
C: QUIT
S: 221 bye
";
        assert_eq!(found.script, expected);
        assert_eq!(found.notes.len(), 1);
        assert_eq!(
            (found.notes[0].line, found.notes[0].text.as_str()),
            (17, "{{b64(password)}} stands for a secret")
        );
    }

    #[test]
    fn tls_from_the_start_and_a_hangup() {
        let found = import(
            "=== Connected to x.\n=== TLS started with y\n<~  220 z\n ~> QUIT\n*** Remote host closed connection unexpectedly.\n",
            "",
        );
        assert_eq!(
            found.script,
            "title: Imported\nprotocol: smtp\n\nC connect submissions\nS: 220 z\nC: QUIT\nS closed\n"
        );
    }
}

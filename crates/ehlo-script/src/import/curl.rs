//! What `curl -v` prints: `< ` from the server, `> ` from curl, `* ` about the connection; what it passes on to the
//! user has no mark, and what it uploads is not shown.

use super::Imported;
use super::dialogue::{Turn, What, write};
use super::language::Language;
use super::output::Header;

pub(super) fn import(text: &str, title: &str) -> Imported {
    let mut turns: Vec<Turn> = Vec::new();
    let mut spoken = false;
    // Lines without a mark are told once for each run.
    let mut passed_on: Option<(usize, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        let number = number + 1;
        let what = if let Some(said) = marked(line, '<') {
            What::Server(said.to_owned())
        } else if let Some(said) = marked(line, '>') {
            What::Client(said.to_owned())
        } else if let Some(info) = marked(line, '*') {
            let info = info.trim_start();
            let connected = info.starts_with("Connected to") || info.starts_with("Established connection");
            if info.starts_with("SSL connection using") {
                What::Tls
            } else if connected && spoken {
                What::Again
            } else {
                continue;
            }
        } else if let Some(trouble) = line.strip_prefix("curl: ") {
            What::Remark(format!("curl: {trouble}"))
        } else {
            if spoken && !is_progress(line) {
                let (_, count) = passed_on.get_or_insert((number, 0));
                *count += 1;
            }
            continue;
        };
        tell(&mut turns, &mut passed_on);
        spoken |= matches!(what, What::Client(_) | What::Server(_));
        turns.push(Turn::new(number, what));
    }
    tell(&mut turns, &mut passed_on);
    let texts = turns.iter().filter_map(|t| match &t.what {
        What::Client(text) | What::Server(text) => Some(text.as_str()),
        _ => None,
    });
    let language = Language::guess(texts).unwrap_or(Language::Smtp);
    write(Header::new(title, language), &turns)
}

fn tell(turns: &mut Vec<Turn>, passed_on: &mut Option<(usize, usize)>) {
    if let Some((line, count)) = passed_on.take() {
        let text = format!("lines that curl passed on without a mark ({count})");
        turns.push(Turn::new(line, What::Lost(text)));
    }
}

/// The text behind a mark.
pub(super) fn marked(line: &str, mark: char) -> Option<&str> {
    let rest = line.strip_prefix(mark)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(' ') }
}

/// Counts of octets, the meter, the command itself, and empty lines.
fn is_progress(line: &str) -> bool {
    let counted = |l: &str| l.ends_with(" bytes data]");
    let meter = line.trim_start();
    counted(line)
        || meter.is_empty()
        || meter.starts_with("% Total")
        || meter.starts_with("Dload")
        || line.starts_with("$ ")
        || line.contains("$ curl ")
        || meter.contains("--:--:--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_without_the_message() {
        let text = "\
* Connected to mx.example (192.0.2.1) port 25
< 220 mx.example
> EHLO client.example
< 250-mx.example
< 250 STARTTLS
> STARTTLS
< 220 go
} [5 bytes data]
* SSL connection using TLSv1.3 / X
* Server certificate:
> EHLO client.example
< 250 8BITMIME
> AUTH PLAIN AGFubgBvcGVu
< 535 no
> DATA
< 354 go on
} [80 bytes data]
< 250 ok
* Connection #0 to host mx.example left intact
";
        let found = import(text, "By curl");
        let expected = "\
title: By curl
protocol: smtp
risk: sends-mail

S: 220 mx.example
C: EHLO client.example
S: 250-mx.example
S: 250 STARTTLS
C: STARTTLS
S: 220 go
C tls
C: EHLO client.example
S: 250 8BITMIME
C: AUTH PLAIN {{sasl_plain(user, password)}}
S: 535 no
# not carried over (line 13): this login was refused; if a wrong password was meant, write one in its place
C: DATA
S: 354 go on
# not carried over (line 18): the message, which is not shown; this one stands in for it
C data <<MSG
Subject: test

MSG
S: 250 ok
";
        assert_eq!(found.script, expected);
        let lines: Vec<usize> = found.notes.iter().map(|n| n.line).collect();
        assert_eq!(lines, [13, 13, 18]);
    }

    #[test]
    fn tls_from_the_start_and_a_message_without_marks() {
        let text = "\
*   Trying 192.0.2.1:993...
* SSL connection using TLSv1.3 / X
< * OK hello
> A001 AUTHENTICATE DIGEST-MD5
< + cmVhbG0=
> *
< A001 BAD aborted
> A002 AUTHENTICATE SCRAM-SHA-256 biws
< + cj1hYmM=
> Yz1iaXdz
< * CAPABILITY IMAP4rev1
< A002 OK in
> A003 FETCH 1 BODY[]
< * 1 FETCH (BODY[] {9}
Hi there
< )
< A003 OK done
";
        let found = import(text, "Fetch");
        let expected = "\
title: Fetch
protocol: imap

C connect imaps
S: * OK hello
C: A001 AUTHENTICATE DIGEST-MD5
S: + cmVhbG0=
C: *
S: A001 BAD aborted
C auth scram-sha-256 {{user}} {{password}}
S: * CAPABILITY IMAP4rev1
S: % OK in
C: A003 FETCH 1 BODY[]
# not carried over (line 15): lines that curl passed on without a mark (1)
S: * 1 FETCH (BODY[] {{:any}})
S: A003 OK done
";
        assert_eq!(found.script, expected);
    }
}

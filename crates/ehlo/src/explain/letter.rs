//! The sentences of a bounce, for people: what the programs that write them put around the answer of the other server.

use super::bounce::Recipient;
use ehlo_core::escape;

/// More recipients than this are no help.
const MOST: usize = 20;
/// More of a letter than this is the message that came back.
const MOST_LINES: usize = 400;

/// The recipients that a letter names, each with what was said about it; none if it is no bounce that is known.
pub(super) fn recipients(input: &[u8]) -> Vec<Recipient> {
    let text = String::from_utf8_lossy(&input[..input.len().min(256 * 1024)]);
    let lines: Vec<&str> =
        text.lines().map(|l| l.trim_end().trim_start_matches("> ")).take(MOST_LINES).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let rest = lines.get(at + 1..).unwrap_or_default();
        let recipient = in_brackets(line, rest)
            .or_else(|| indented(line, rest))
            .or_else(|| quoted(line, &lines[..at], rest));
        if let Some(recipient) = recipient
            && !found.contains(&recipient)
        {
            found.push(recipient);
        }
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// Postfix and qmail: `<bob@example.net>: host … said: 550 …`, up to an empty line; sendmail: the reason in the next.
fn in_brackets(line: &str, rest: &[&str]) -> Option<Recipient> {
    let (address, behind) = line.strip_prefix('<')?.split_once('>')?;
    let address = address_of(address)?;
    let (first, paragraph) = match behind.strip_prefix(':') {
        Some(first) => (first, paragraph(rest)),
        None if behind.is_empty() => ("", reason(rest)?),
        None => return None,
    };
    let whole = format!("{} {paragraph}", first.trim());
    said(address, whole.trim())
}

/// Exim: the address alone, indented, and what happened below it, indented deeper.
fn indented(line: &str, rest: &[&str]) -> Option<Recipient> {
    let own = depth(line);
    let address = address_of(line.trim())?;
    let below: Vec<&str> =
        rest.iter().take_while(|l| depth(l) > own && !l.trim().is_empty()).map(|l| l.trim()).collect();
    if own < 2 || below.is_empty() {
        return None;
    }
    said(address, &below.join(" "))
}

/// Exchange and Gmail: a sentence that announces the answer. The address stands somewhere before it.
fn quoted(line: &str, before: &[&str], rest: &[&str]) -> Option<Recipient> {
    const EXCHANGE: &[&str] = &[
        "remote server returned",
        "der remoteserver hat zurückgegeben",
        "remoteserver gab folgendes zurück",
    ];
    const GMAIL: &[&str] = &[
        "the response from the remote server was:",
        "the response was:",
        "die antwort vom remote-server lautete:",
        "antwort des remoteservers:",
        "die antwort lautete:",
    ];
    let lower = line.to_lowercase();
    let address = || before.iter().rev().find_map(|l| l.split_whitespace().find_map(address_of));
    if let Some(mark) = EXCHANGE.iter().find(|mark| lower.contains(*mark)) {
        let at = lower.find(mark)? + mark.len();
        let answer = line.get(at..)?.trim_start_matches([':', ' ']);
        let quote = answer.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let answer = match quote {
            Some(quote) => answer.trim_start_matches(quote).trim_end_matches([quote, '.']),
            None => answer,
        };
        return is_answer(answer).then(|| said(address().unwrap_or_default(), answer)).flatten();
    }
    let is_announced = GMAIL.iter().any(|mark| lower.trim() == *mark || lower.trim_end().ends_with(mark));
    let answer: Vec<&str> =
        rest.iter().map(|l| l.trim()).skip_while(|l| l.is_empty()).take_while(|l| !l.is_empty()).collect();
    (is_announced && answer.first().is_some_and(|l| is_answer(l))).then(|| {
        // The codes at the beginning of each line belong to one reply.
        said(address().unwrap_or_default(), &answer.join("\n"))
    })?
}

/// The lines up to the next empty one. Those of an answer are indented, so an address in brackets at the margin is the
/// next recipient's.
fn paragraph(rest: &[&str]) -> String {
    let ends = |l: &&&str| l.trim().is_empty() || l.starts_with("--") || l.starts_with('<');
    let lines: Vec<&str> = rest.iter().take_while(|l| !ends(l)).map(|l| l.trim()).collect();
    lines.join(" ")
}

/// `(reason: 550 …)` in the next line.
fn reason(rest: &[&str]) -> Option<String> {
    let inner = rest.first()?.trim().strip_prefix("(reason: ")?;
    Some(inner.trim_end_matches(')').to_owned())
}

/// Takes host and answer out of a sentence. `None` if it tells of no failure.
fn said(address: String, sentence: &str) -> Option<Recipient> {
    let lower = sentence.to_ascii_lowercase();
    let behind = |mark: &str| lower.find(mark).map(|at| &sentence[at + mark.len()..]);
    // What looks like an answer is one; the rest is what the own server says.
    let answer = [" said: ", "remote host said: ", "returned ", "after end of data: ", "reason: "]
        .iter()
        .filter_map(|mark| behind(mark))
        .find(|answer| is_answer(answer));
    let inside = || {
        (0..sentence.len()).find(|at| {
            sentence.is_char_boundary(*at) && is_word_start(sentence, *at) && is_answer(&sentence[*at..])
        })
    };
    let diagnostic = answer.map(str::to_owned).or_else(|| inside().map(|at| sentence[at..].to_owned()));
    let host = ["host ", "connect to ", "while talking to "]
        .iter()
        .find_map(|mark| behind(mark))
        .map(|rest| rest.split([' ', '[', ':', ',']).next().unwrap_or_default())
        .filter(|host| host.contains('.'))
        .unwrap_or_default();
    let fails = [
        "connect to ",
        "host or domain name not found",
        "timed out",
        "timeout exceeded",
        "unrouteable",
        "unknown",
        "refused",
        "no such",
        "lost connection",
        "loops back",
        "over quota",
        "does not like recipient",
    ];
    if diagnostic.is_none() && !fails.iter().any(|mark| lower.contains(mark)) {
        return None;
    }
    let diagnostic = diagnostic.unwrap_or_else(|| sentence.to_owned());
    let diagnostic: Vec<String> = diagnostic.lines().map(|l| escape(l.as_bytes())).collect();
    Some(Recipient {
        address,
        host: escape(host.as_bytes()),
        diagnostic: diagnostic.join("\n"),
        ..Recipient::default()
    })
}

fn is_word_start(text: &str, at: usize) -> bool {
    at == 0 || text.as_bytes().get(at - 1) == Some(&b' ')
}

/// Whether it begins with a code of refusal or delay.
fn is_answer(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 4
        && matches!(bytes[0], b'4' | b'5')
        && bytes[1..3].iter().all(u8::is_ascii_digit)
        && matches!(bytes[3], b' ' | b'-')
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// An address, escaped, if the word is one.
fn address_of(word: &str) -> Option<String> {
    let word = word.trim_matches(['<', '>', '(', ')', ',', ':', '\'', '"']).trim_end_matches('.');
    let (local, domain) = word.rsplit_once('@')?;
    let fits =
        !local.is_empty() && domain.contains('.') && !word.contains([' ', '/', '=']) && word.len() < 320;
    fits.then(|| escape(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(letter: &str) -> Vec<(String, String, String)> {
        recipients(letter.as_bytes()).into_iter().map(|r| (r.address, r.host, r.diagnostic)).collect()
    }

    fn row(address: &str, host: &str, diagnostic: &str) -> (String, String, String) {
        (address.into(), host.into(), diagnostic.into())
    }

    #[test]
    fn postfix() {
        let letter = "I'm sorry to have to inform you that your message could not\nbe delivered.\n\n                   The mail system\n\n<bob@example.net>: host mx.example.net[192.0.2.5] said: 550 5.1.1\n    <bob@example.net>: Recipient address rejected: User unknown (in reply to RCPT\n    TO command)\n\n<eve@example.com>: connect to example.com[192.0.2.6]:25: Connection timed out\n";
        assert_eq!(
            told(letter),
            [
                row(
                    "bob@example.net",
                    "mx.example.net",
                    "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown (in reply to RCPT TO command)"
                ),
                row(
                    "eve@example.com",
                    "example.com",
                    "connect to example.com[192.0.2.6]:25: Connection timed out"
                ),
            ]
        );
    }

    #[test]
    fn exim() {
        let letter = "recipients. This is a permanent error. The following address(es) failed:\n\n  bob@example.net\n    host mx.example.net [192.0.2.5]\n    SMTP error from remote mail server after RCPT TO:<bob@example.net>:\n    550 5.7.1 relaying denied\n  eve@example.com\n    (ultimately generated from list@example.org)\n    retry timeout exceeded\n";
        assert_eq!(
            told(letter),
            [
                row("bob@example.net", "mx.example.net", "550 5.7.1 relaying denied"),
                row(
                    "eve@example.com",
                    "",
                    "(ultimately generated from list@example.org) retry timeout exceeded"
                ),
            ]
        );
    }

    #[test]
    fn exchange_and_gmail() {
        let exchange = "Your message to bob@example.net couldn't be delivered.\n\nGenerating server: x.example.com\n\nbob@example.net\nmx.example.net\nRemote Server returned '550 5.7.1 <bob@example.net>: Relay access denied'\n";
        assert_eq!(
            told(exchange),
            [row("bob@example.net", "", "550 5.7.1 <bob@example.net>: Relay access denied")]
        );
        let gmail = "Your message to bob@example.net has been blocked.\n\nThe response was:\n\n550-5.7.26 Your email has been blocked\n550 5.7.26 because. - gsmtp\n";
        assert_eq!(
            told(gmail),
            [row(
                "bob@example.net",
                "",
                "550-5.7.26 Your email has been blocked\n550 5.7.26 because. - gsmtp"
            )]
        );
    }

    #[test]
    fn qmail_and_sendmail() {
        let qmail = "<bob@example.net>:\n192.0.2.5 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.5.\n\n--- Below this line\n";
        assert_eq!(
            told(qmail),
            [row("bob@example.net", "", "550 5.1.1 User unknown Giving up on 192.0.2.5.")]
        );
        let sendmail = "   ----- The following addresses had permanent fatal errors -----\n<bob@example.net>\n    (reason: 550 5.1.1 <bob@example.net>... User unknown)\n";
        assert_eq!(
            told(sendmail),
            [row("bob@example.net", "", "550 5.1.1 <bob@example.net>... User unknown")]
        );
    }

    #[test]
    fn what_is_no_bounce_stays_what_it_is() {
        for text in [
            "554 5.7.1 <bob@example.net>: Relay access denied",
            "250-x\n250 ok",
            "From: <bob@example.net>\n",
            "<bob@example.net>: hello",
            "<",
            "<@>:",
            "  a@b.c\n    ",
            "The response was:",
            "Remote Server returned '",
            "\u{fffd}<a@b.c>: said: 550",
        ] {
            assert_eq!(told(text), [], "{text}");
        }
        let hostile = told("<bob@example.net>: host x.y said: 550 \u{1b}[2J\n");
        assert_eq!(hostile[0].2, "550 \\x1b[2J");
    }
}

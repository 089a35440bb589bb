use super::Symptom;
use crate::pattern::is_enhanced;

/// No reply that makes sense is longer.
const MOST_TEXT: usize = 16 * 1024;

/// A symptom, taken apart.
pub(super) struct Reading {
    /// `smtp`, `lmtp`, `pop3`, `imap`, `sieve`, or empty.
    pub protocol: &'static str,
    /// Id of the stage, or empty.
    pub stage: &'static str,
    /// Id of the cause, or empty.
    pub cause: &'static str,
    /// Id of the check, or empty.
    pub check: &'static str,
    /// The lines as they came, without marks of a transcript.
    pub lines: Vec<String>,
    /// The whole as one line in lower case; from the reply code on; without the tag. Patterns are tried on each.
    pub texts: Vec<String>,
    /// Three digits, or empty.
    pub code: String,
    /// E.g. `5.7.1`, or empty. The class may be `x`.
    pub enhanced: String,
    /// Words in brackets behind a status, in upper case.
    pub response_codes: Vec<String>,
}

impl Reading {
    pub(super) fn of(symptom: &Symptom<'_>) -> Reading {
        let mut end = symptom.text.len().min(MOST_TEXT);
        while !symptom.text.is_char_boundary(end) {
            end -= 1;
        }
        let lines: Vec<String> =
            symptom.text[..end].lines().map(|l| bare(l).to_owned()).filter(|l| !l.is_empty()).collect();
        let whole = join(&lines);
        let start = reply_start(&whole);
        let code = match (symptom.code, start) {
            (Some(code), _) => code.to_owned(),
            (None, Some(at)) => whole[at..at + 3].to_owned(),
            (None, None) => String::new(),
        };
        let protocol = symptom.protocol.and_then(protocol).unwrap_or_else(|| guess(&whole, start));
        let stage = symptom.stage.and_then(stage).unwrap_or_else(|| told_stage(&whole));
        let enhanced = match symptom.enhanced {
            Some(code) => code.to_owned(),
            None => enhanced(&whole, start).unwrap_or_default(),
        };
        let mut response_codes = match symptom.response_code {
            Some(code) => vec![code.to_ascii_uppercase()],
            None => Vec::new(),
        };
        if !matches!(protocol, "smtp" | "lmtp") {
            response_codes.extend(bracketed(&whole));
        }
        let lower = whole.to_lowercase();
        let mut texts = vec![lower];
        if let Some(at) = start.filter(|at| *at > 0) {
            texts.push(whole[at..].to_lowercase());
        }
        if let Some(rest) = status_start(&whole).filter(|at| *at > 0).map(|at| &whole[at..]) {
            texts.push(rest.to_lowercase());
        }
        Reading {
            protocol,
            stage,
            cause: symptom.cause.and_then(|id| known("cause/", id)).unwrap_or_default(),
            check: symptom.check.and_then(|id| known("check/", id)).unwrap_or_default(),
            lines,
            texts,
            code,
            enhanced,
            response_codes,
        }
    }

    /// The protocol by whose name the catalogue calls it: LMTP speaks the replies of SMTP.
    pub(super) fn family(&self) -> &'static str {
        if self.protocol == "lmtp" { "smtp" } else { self.protocol }
    }

    /// The only word of a text of one word.
    pub(super) fn word(&self) -> Option<&str> {
        match self.lines.as_slice() {
            [line] if !line.trim().contains(' ') => Some(line.trim()),
            _ => None,
        }
    }
}

/// A line without the mark of a transcript (`S: `, `< `) in front of it.
fn bare(line: &str) -> &str {
    let line = line.trim_end();
    for mark in ["S: ", "< ", "<< ", "<- ", "<** "] {
        if let Some(rest) = line.strip_prefix(mark) {
            return rest;
        }
    }
    line.trim_start()
}

/// The lines of a reply as one: servers spread sentences over them and repeat the codes in each.
fn join(lines: &[String]) -> String {
    let mut whole = String::new();
    let mut codes: Option<(String, String)> = None;
    for line in lines {
        let mut rest = line.as_str();
        if is_reply(rest) {
            let code = &rest[..3];
            let text = rest[3..].trim_start_matches(['-', ' ']);
            let status = text.split(' ').next().filter(|word| is_enhanced(word)).unwrap_or_default();
            match &codes {
                Some((first, status_first)) if first == code => {
                    rest = text;
                    if status == status_first {
                        rest = rest[status.len()..].trim_start();
                    }
                }
                _ => {
                    codes = Some((code.to_owned(), status.to_owned()));
                    if !whole.is_empty() {
                        whole.push(' ');
                    }
                    whole.push_str(code);
                    rest = text;
                }
            }
        }
        if !whole.is_empty() && !rest.is_empty() {
            whole.push(' ');
        }
        whole.push_str(rest);
    }
    whole
}

/// Whether `line` begins with a reply code.
fn is_reply(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() >= 3
        && (b'2'..=b'5').contains(&bytes[0])
        && bytes[1].is_ascii_digit()
        && bytes[2].is_ascii_digit()
        && matches!(bytes.get(3), None | Some(b' ' | b'-'))
}

/// Where the reply code stands: at the beginning, or behind what mail servers write in front of it in bounces.
fn reply_start(whole: &str) -> Option<usize> {
    if is_reply(whole) {
        return Some(0);
    }
    let marks =
        ["said: ", "smtp; ", "smtp;", ">: ", ": host ", "error: ", "response: ", "replied: ", "status: "];
    let lower = whole.to_ascii_lowercase();
    marks
        .iter()
        .filter_map(|mark| lower.find(mark).map(|at| at + mark.len()))
        .filter(|at| whole.is_char_boundary(*at) && is_reply(&whole[*at..]))
        .min()
}

fn enhanced(whole: &str, start: Option<usize>) -> Option<String> {
    let strip = |word: &str| {
        word.trim_start_matches("dsn=")
            .trim_matches(|c: char| !c.is_ascii_alphanumeric())
            .to_ascii_lowercase()
    };
    let behind = start.map_or(whole, |at| whole[at + 3..].trim_start());
    let first = strip(behind.split(' ').next().unwrap_or_default());
    if is_enhanced(&first) {
        return Some(first);
    }
    // Elsewhere a version of a program looks the same, so the code needs a mark in front of it.
    let marked = |word: &&str| ["#", "(#", "(", "[", "dsn="].iter().any(|mark| word.starts_with(mark));
    whole.split(' ').filter(marked).map(strip).find(|word| is_enhanced(word))
}

/// Where `OK`, `NO`, `BAD`, `BYE`, `PREAUTH` stand, at the beginning or behind a tag.
fn status_start(whole: &str) -> Option<usize> {
    let is_status = |word: &str| matches!(word, "OK" | "NO" | "BAD" | "BYE" | "PREAUTH");
    let mut words = whole.split(' ');
    let first = words.next()?;
    if is_status(first) {
        return Some(0);
    }
    words.next().filter(|word| is_status(word)).map(|_| first.len() + 1)
}

fn guess(whole: &str, start: Option<usize>) -> &'static str {
    if whole.starts_with("+OK") || whole.starts_with("-ERR") {
        "pop3"
    } else if start.is_some() {
        "smtp"
    } else if status_start(whole).is_some_and(|at| at > 0) || whole.starts_with("* ") {
        "imap"
    } else if ["OK", "NO", "BYE"].iter().any(|s| {
        let rest = whole.strip_prefix(s);
        rest.is_some_and(|r| r.is_empty() || r.starts_with(" (") || r.starts_with(" \""))
    }) {
        "sieve"
    } else {
        ""
    }
}

/// Words behind an opening bracket (`[CODE …]`), of ManageSieve behind the parenthesis that follows its status.
fn bracketed(whole: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let sieve = ["OK (", "NO (", "BYE ("].iter().find_map(|lead| whole.strip_prefix(lead));
    let others = whole.match_indices('[').map(|(at, _)| &whole[at + 1..]);
    for rest in sieve.into_iter().chain(others) {
        let end = rest.find([' ', ']', ')']).unwrap_or(rest.len());
        let word = &rest[..end];
        let is_code = word.len() > 2
            && word.len() < 40
            && word.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
            && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-/_".contains(&b));
        if is_code && found.len() < 8 && !found.iter().any(|f| f == word) {
            found.push(word.to_owned());
        }
    }
    found
}

fn protocol(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    ["smtp", "lmtp", "pop3", "imap", "sieve"].into_iter().find(|id| *id == lower)
}

/// The `id` of an entry of `topic`, which ends in a slash.
fn known(topic: &str, id: &str) -> Option<&'static str> {
    crate::keys(topic).map(|key| &key[topic.len()..]).find(|known| *known == id)
}

/// The id of a stage, from its id or the name of a command.
fn stage(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let first = lower.split([' ', ':']).next().unwrap_or_default();
    Some(match first {
        "resolve" | "dns" => "resolve",
        "connect" => "connect",
        "greeting" | "banner" => "greeting",
        "capabilities" | "ehlo" | "helo" | "lhlo" | "capa" | "capability" => "capabilities",
        "start-tls" | "starttls" | "stls" => "start-tls",
        "handshake" | "tls" => "handshake",
        "auth" | "authenticate" | "login" | "user" | "pass" | "apop" => "auth",
        "mail" => "mail",
        "rcpt" => "rcpt",
        "data" | "bdat" | "end-of-data" | "message" => "data",
        "quit" | "logout" => "quit",
        "" => return None,
        _ => "command",
    })
}

/// The stage that mail servers write into bounces and logs.
fn told_stage(whole: &str) -> &'static str {
    let lower = whole.to_ascii_lowercase();
    let marks = [
        ("end of data", "data"),
        ("in reply to data", "data"),
        ("in reply to rcpt to", "rcpt"),
        ("in reply to mail from", "mail"),
        ("in reply to ehlo", "capabilities"),
        ("in reply to helo", "capabilities"),
        ("after rcpt to", "rcpt"),
        ("after mail from", "mail"),
        ("while receiving the initial server greeting", "greeting"),
        ("while performing the ehlo handshake", "capabilities"),
    ];
    marks.iter().find(|(mark, _)| lower.contains(mark)).map_or("", |(_, stage)| stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_reply_are_one_sentence() {
        let text =
            "550-5.7.26 Your email has been blocked\r\n550 5.7.26 because it is unauthenticated. - gsmtp";
        let reading = Reading::of(&Symptom::of(text));
        assert_eq!(
            reading.texts,
            ["550 5.7.26 your email has been blocked because it is unauthenticated. - gsmtp"]
        );
        assert_eq!(
            (reading.code.as_str(), reading.enhanced.as_str(), reading.protocol),
            ("550", "5.7.26", "smtp")
        );
    }

    #[test]
    fn bounces_hold_a_reply_and_its_stage() {
        let text = "<a@b.example>: host mx.b.example[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command)";
        let reading = Reading::of(&Symptom::of(text));
        assert_eq!(
            (reading.code.as_str(), reading.enhanced.as_str(), reading.stage),
            ("550", "5.1.1", "rcpt")
        );
        assert!(reading.texts[1].starts_with("550 5.1.1 no"));
    }

    #[test]
    fn a_version_is_no_status() {
        let code = |text: &str| Reading::of(&Symptom::of(text)).enhanced;
        assert_eq!(code("220 mail Exim 4.96.2 ready"), "");
        assert_eq!(code("553 sorry (#5.7.1)"), "5.7.1");
        assert_eq!(code("5.7.27"), "5.7.27");
        assert_eq!(code("550 #5.1.0 Address rejected"), "5.1.0");
    }

    #[test]
    fn the_protocol_shows() {
        let of = |text: &str| Reading::of(&Symptom::of(text)).protocol;
        assert_eq!(
            [
                of("-ERR [AUTH] no"),
                of("a1 NO no"),
                of("* BYE"),
                of("550 no"),
                of("NO (QUOTA/MAXSIZE) \"x\""),
                of("x")
            ],
            ["pop3", "imap", "imap", "smtp", "sieve", ""]
        );
    }

    #[test]
    fn any_text_is_read() {
        for text in
            ["", "\u{0}", "ä", "55", "550", "550-", "[", "* [", "550 \u{130}: 550", "said: 55ä", "=", "+"]
        {
            Reading::of(&Symptom::of(text));
        }
    }
}

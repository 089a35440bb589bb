//! What faults and personas do to replies, whatever the protocol: taking them apart by responses, literals and lines,
//! and putting them together again.

use super::Moment;
use ehlo_core::Protocol;

/// A stretch of an IMAP reply: text, or the octets of a literal (RFC 9051 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a [u8]),
    Literal(&'a [u8]),
}

/// How a reply ends the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    /// More is wanted from the client.
    Continue,
    Bad,
}

/// Cuts a reply into text and literals. Without literals it is one piece.
pub(crate) fn pieces(protocol: Protocol, reply: &[u8]) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(end) = find(&reply[at..], b"\r\n").map(|n| at + n + 2) {
        let size = literal_size(protocol, &reply[at..end - 2]);
        at = end;
        if let Some(size) = size {
            let stop = end.saturating_add(size).min(reply.len());
            out.push(Piece::Text(&reply[start..end]));
            out.push(Piece::Literal(&reply[end..stop]));
            (start, at) = (stop, stop);
        }
    }
    if start < reply.len() {
        out.push(Piece::Text(&reply[start..]));
    }
    out
}

/// Cuts a reply into responses, each with its line end; an IMAP response holds its literals.
pub(crate) fn responses(protocol: Protocol, reply: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(end) = find(&reply[at..], b"\n").map(|n| at + n + 1) {
        let line = &reply[at..end];
        match literal_size(protocol, line.strip_suffix(b"\r\n").unwrap_or(line)) {
            Some(size) => at = end.saturating_add(size).min(reply.len()),
            None => {
                out.push(&reply[start..end]);
                (start, at) = (end, end);
            }
        }
    }
    if start < reply.len() {
        out.push(&reply[start..]);
    }
    out
}

/// Changes the text of a reply, and leaves literals alone.
pub(crate) fn map_text(protocol: Protocol, reply: &[u8], mut change: impl FnMut(&str) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces(protocol, reply) {
        match piece {
            Piece::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => out.extend_from_slice(change(text).as_bytes()),
                Err(_) => out.extend_from_slice(text),
            },
            Piece::Literal(bytes) => out.extend_from_slice(bytes),
        }
    }
    out
}

/// Changes every number behind `word` in the text of a reply, e.g. behind `RFC822.SIZE `.
pub(crate) fn map_number(
    protocol: Protocol,
    reply: &[u8],
    word: &str,
    mut change: impl FnMut(u64) -> u64,
) -> Vec<u8> {
    map_text(protocol, reply, |text| {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(word) {
            let (before, behind) = rest.split_at(at + word.len());
            let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
            out.push_str(before);
            match behind[..digits].parse() {
                Ok(number) => out.push_str(&change(number).to_string()),
                Err(_) => out.push_str(&behind[..digits]),
            }
            rest = &behind[digits..];
        }
        out + rest
    })
}

/// Changes the sizes with which literals are announced; the literals stay.
pub(crate) fn map_literal_sizes(reply: &[u8], mut change: impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut out = Vec::new();
    let pieces = pieces(Protocol::Imap, reply);
    for (index, piece) in pieces.iter().enumerate() {
        match (piece, pieces.get(index + 1)) {
            (Piece::Text(text), Some(Piece::Literal(literal))) => {
                let open = text.iter().rposition(|&b| b == b'{').unwrap_or(0);
                out.extend_from_slice(&text[..open]);
                out.extend_from_slice(format!("{{{}}}\r\n", change(literal.len())).as_bytes());
            }
            (Piece::Text(bytes) | Piece::Literal(bytes), _) => out.extend_from_slice(bytes),
        }
    }
    out
}

/// Changes every response.
pub(crate) fn map_responses(
    protocol: Protocol,
    reply: &[u8],
    change: impl FnMut(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    responses(protocol, reply).into_iter().flat_map(change).collect()
}

/// What stands before the last response, and that one.
pub(crate) fn split_last(protocol: Protocol, reply: &[u8]) -> (&[u8], &[u8]) {
    let last = responses(protocol, reply).last().map_or(0, |l| l.len());
    reply.split_at(reply.len() - last)
}

/// A line without its end.
pub(crate) fn body(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The tag of an IMAP command, from the reply to it: the first word of the last response.
pub(crate) fn tag(reply: &[u8]) -> String {
    let (_, last) = split_last(Protocol::Imap, reply);
    let word = body(last).split(|&b| b == b' ').next().unwrap_or_default();
    if word.is_empty() { "*".into() } else { String::from_utf8_lossy(word).into_owned() }
}

/// How a reply ends.
pub(crate) fn status(protocol: Protocol, reply: &[u8]) -> Status {
    let (_, last) = split_last(protocol, reply);
    match protocol {
        Protocol::Smtp | Protocol::Lmtp => match last.first() {
            Some(b'2') => Status::Good,
            Some(b'3') => Status::Continue,
            _ => Status::Bad,
        },
        // The first line has it, the last may be the dot behind a message.
        Protocol::Pop3 if reply.starts_with(b"+OK") => Status::Good,
        Protocol::Pop3 if reply.starts_with(b"+ ") => Status::Continue,
        Protocol::Pop3 => Status::Bad,
        Protocol::Imap if last.starts_with(b"+") => Status::Continue,
        Protocol::Imap => match last.split(|&b| b == b' ').nth(1) {
            Some(word) if word.eq_ignore_ascii_case(b"OK") || word.eq_ignore_ascii_case(b"PREAUTH") => {
                Status::Good
            }
            _ => Status::Bad,
        },
        Protocol::Sieve => match last.get(..2) {
            Some(word) if word.eq_ignore_ascii_case(b"OK") => Status::Good,
            Some(b"NO" | b"BY" | b"no" | b"by") => Status::Bad,
            _ => Status::Continue,
        },
    }
}

/// A refusal of the command in the words of the protocol, for good or for now.
pub(crate) fn refusal(moment: &Moment<'_>, for_now: bool, text: &str) -> Vec<u8> {
    let login = matches!(moment.command, "LOGIN" | "AUTHENTICATE" | "AUTH" | "PASS" | "APOP");
    let data = matches!(moment.command, "DATA" | "." | "BDAT");
    match (moment.service.scheme.protocol(), for_now) {
        (Protocol::Smtp | Protocol::Lmtp, true) if login => format!("454 4.7.0 {text}\r\n"),
        (Protocol::Smtp | Protocol::Lmtp, false) if login => format!("535 5.7.8 {text}\r\n"),
        (Protocol::Smtp | Protocol::Lmtp, true) => format!("451 4.3.0 {text}\r\n"),
        (Protocol::Smtp | Protocol::Lmtp, false) if data => format!("554 5.3.0 {text}\r\n"),
        (Protocol::Smtp | Protocol::Lmtp, false) => format!("550 5.7.1 {text}\r\n"),
        (Protocol::Pop3, true) => format!("-ERR [SYS/TEMP] {text}\r\n"),
        (Protocol::Pop3, false) if login => format!("-ERR [AUTH] {text}\r\n"),
        (Protocol::Pop3, false) => format!("-ERR [SYS/PERM] {text}\r\n"),
        (Protocol::Imap, true) => format!("{} NO [UNAVAILABLE] {text}\r\n", moment.tag),
        (Protocol::Imap, false) if login => format!("{} NO [AUTHENTICATIONFAILED] {text}\r\n", moment.tag),
        (Protocol::Imap, false) => format!("{} NO [CANNOT] {text}\r\n", moment.tag),
        (Protocol::Sieve, true) => format!("NO (TRYLATER) \"{text}\"\r\n"),
        (Protocol::Sieve, false) => format!("NO \"{text}\"\r\n"),
    }
    .into_bytes()
}

/// The end of a session that nobody asked for, in the words of the protocol.
pub(crate) fn farewell(protocol: Protocol, host: &str, text: &str) -> Vec<u8> {
    match protocol {
        Protocol::Smtp | Protocol::Lmtp => format!("421 4.3.2 {host} {text}\r\n"),
        Protocol::Pop3 => format!("-ERR [SYS/TEMP] {text}\r\n"),
        Protocol::Imap => format!("* BYE {text}\r\n"),
        Protocol::Sieve => format!("BYE \"{text}\"\r\n"),
    }
    .into_bytes()
}

/// Changes the list of capabilities in a reply, wherever it stands: the lines of EHLO behind the first, those of CAPA,
/// the words of `CAPABILITY` (RFC 9051 §7.2.2, §7.1), the lines of ManageSieve. A reply that has none stays.
pub(crate) fn map_capabilities(
    moment: &Moment<'_>,
    reply: &[u8],
    mut change: impl FnMut(Vec<String>) -> Vec<String>,
) -> Vec<u8> {
    let protocol = moment.service.scheme.protocol();
    let text = |line: &[u8]| String::from_utf8_lossy(body(line)).into_owned();
    match protocol {
        Protocol::Smtp | Protocol::Lmtp => {
            if !matches!(moment.command, "EHLO" | "LHLO") || status(protocol, reply) != Status::Good {
                return reply.to_vec();
            }
            let mut lines = responses(protocol, reply).into_iter().map(text);
            let first = lines.next().unwrap_or_default();
            let words = change(lines.map(|l| l.get(4..).unwrap_or_default().to_owned()).collect());
            smtp_lines(first.get(4..).unwrap_or_default(), &words)
        }
        Protocol::Pop3 => {
            if moment.command != "CAPA" || status(protocol, reply) != Status::Good {
                return reply.to_vec();
            }
            let mut lines = responses(protocol, reply).into_iter().map(text);
            let first = lines.next().unwrap_or_default();
            let words = change(lines.filter(|l| l != ".").collect());
            let lines = [first].into_iter().chain(words).chain([".".to_owned()]);
            lines.flat_map(|l| format!("{l}\r\n").into_bytes()).collect()
        }
        Protocol::Imap => map_text(protocol, reply, |text| {
            text.split_inclusive('\n').map(|line| imap_capabilities(line, &mut change)).collect()
        }),
        Protocol::Sieve => {
            let all = responses(protocol, reply);
            let (listed, rest): (Vec<&[u8]>, Vec<&[u8]>) =
                all.into_iter().partition(|l| l.starts_with(b"\""));
            if listed.is_empty() {
                return reply.to_vec();
            }
            let words = change(listed.into_iter().map(text).collect());
            let lines = words.into_iter().flat_map(|l| format!("{l}\r\n").into_bytes());
            lines.chain(rest.into_iter().flatten().copied()).collect()
        }
    }
}

/// The first word of a capability: the name of an EHLO keyword, without the quotes of ManageSieve.
pub(crate) fn keyword(capability: &str) -> &str {
    capability.trim_start_matches('"').split([' ', '"']).next().unwrap_or_default()
}

fn imap_capabilities(line: &str, change: &mut impl FnMut(Vec<String>) -> Vec<String>) -> String {
    let lead = "CAPABILITY ";
    let listed = line.strip_prefix("* ").is_some_and(|l| l.starts_with(lead));
    let open = format!("[{lead}");
    let start = match (listed, line.find(&open)) {
        (true, _) => 2 + lead.len(),
        (false, Some(at)) => at + open.len(),
        (false, None) => return line.to_owned(),
    };
    let rest = &line[start..];
    let end = rest.find(if listed { '\r' } else { ']' }).unwrap_or(rest.len());
    let words = change(rest[..end].split_ascii_whitespace().map(str::to_owned).collect());
    format!("{}{}{}", &line[..start], words.join(" "), &rest[end..])
}

fn smtp_lines(first: &str, rest: &[String]) -> Vec<u8> {
    let lines: Vec<&str> = [first].into_iter().chain(rest.iter().map(String::as_str)).collect();
    ehlo_wire::server::encode_reply(250, None, &lines)
}

/// Where the list ends that opens at `open`, its bracket included; none if it is never closed.
pub(crate) fn balanced(text: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut quoted = false;
    let mut at = open;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'{' => {
                // What a literal holds opens and closes nothing.
                let end = find(&text[at..], b"\r\n").map(|n| at + n)?;
                if let Some(size) = literal_size(Protocol::Imap, &text[at..end]) {
                    at = (end + 1).saturating_add(size);
                }
            }
            _ => {}
        }
        at = at.checked_add(1)?;
    }
    None
}

fn literal_size(protocol: Protocol, line: &[u8]) -> Option<usize> {
    if !matches!(protocol, Protocol::Imap | Protocol::Sieve) {
        return None;
    }
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&b| b == b'{')?;
    let digits = inner[open + 1..].strip_suffix(b"+").unwrap_or(&inner[open + 1..]);
    std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FETCH: &[u8] = b"* 1 FETCH (UID 7 BODY[] {9}\r\na {5}\r\nbc FLAGS ())\r\na1 OK done\r\n";

    #[test]
    fn literals_are_no_text() {
        assert_eq!(
            pieces(Protocol::Imap, FETCH),
            [
                Piece::Text(b"* 1 FETCH (UID 7 BODY[] {9}\r\n"),
                Piece::Literal(b"a {5}\r\nbc"),
                Piece::Text(b" FLAGS ())\r\na1 OK done\r\n"),
            ]
        );
        let all = responses(Protocol::Imap, FETCH);
        assert_eq!(all.len(), 2);
        assert_eq!(all[1], b"a1 OK done\r\n");
        assert_eq!(responses(Protocol::Pop3, b"+OK {9}\r\nx\r\n.\r\n").len(), 3);
        // What is announced and does not come is no reason to fail.
        assert_eq!(responses(Protocol::Imap, b"* {18446744073709551615}\r\nab").len(), 1);
        assert_eq!(pieces(Protocol::Imap, b"* {99}\r\nab").len(), 2);
        assert!(pieces(Protocol::Imap, b"").is_empty());
    }

    #[test]
    fn numbers_behind_words() {
        let changed = map_number(Protocol::Imap, FETCH, "UID ", |n| n + 1);
        assert_eq!(changed, String::from_utf8_lossy(FETCH).replace("UID 7", "UID 8").as_bytes());
        assert_eq!(map_number(Protocol::Imap, b"UID x UID 1", "UID ", |n| n + 1), b"UID x UID 2");
        let longer = map_literal_sizes(FETCH, |n| n + 1);
        assert!(longer.starts_with(b"* 1 FETCH (UID 7 BODY[] {10}\r\na {5}\r\n"));
    }

    #[test]
    fn how_replies_end() {
        for (protocol, reply, expected) in [
            (Protocol::Smtp, "250-a\r\n250 b\r\n", Status::Good),
            (Protocol::Smtp, "354 go\r\n", Status::Continue),
            (Protocol::Smtp, "550 no\r\n", Status::Bad),
            (Protocol::Pop3, "+OK\r\nx\r\n.\r\n", Status::Good),
            (Protocol::Pop3, "+ abc\r\n", Status::Continue),
            (Protocol::Pop3, "-ERR\r\n", Status::Bad),
            (Protocol::Imap, "* OK x\r\na NO y\r\n", Status::Bad),
            (Protocol::Imap, "a1 OK y\r\n", Status::Good),
            (Protocol::Imap, "+ x\r\n", Status::Continue),
            (Protocol::Sieve, "\"A\" \"b\"\r\nOK\r\n", Status::Good),
            (Protocol::Sieve, "NO \"x\"\r\n", Status::Bad),
        ] {
            assert_eq!(status(protocol, reply.as_bytes()), expected, "{reply}");
        }
        assert_eq!(tag(FETCH), "a1");
        assert_eq!(tag(b""), "*");
    }

    #[test]
    fn brackets() {
        let text = b"x (a (\"(\\\"\" {3}\r\n((( b) NIL) c)";
        assert_eq!(balanced(text, 2), Some(text.len() - 3));
        assert_eq!(balanced(b"(a", 0), None);
        assert_eq!(balanced(b"({99999999999999999999}\r\n)", 0), Some(26));
        assert_eq!(balanced(b"({18446744073709551615}\r\n)", 0), None);
    }

    #[test]
    fn capability_lists() {
        let drop_idle = |words: Vec<String>| words.into_iter().filter(|w| w != "IDLE").collect::<Vec<_>>();
        let line = |l: &str| imap_capabilities(l, &mut { drop_idle });
        assert_eq!(line("* CAPABILITY IMAP4rev1 IDLE ID\r\n"), "* CAPABILITY IMAP4rev1 ID\r\n");
        assert_eq!(line("a OK [CAPABILITY IDLE ID] welcome\r\n"), "a OK [CAPABILITY ID] welcome\r\n");
        assert_eq!(line("a OK welcome, IDLE\r\n"), "a OK welcome, IDLE\r\n");
        assert_eq!(keyword("\"SASL\" \"PLAIN\""), "SASL");
        assert_eq!(keyword("SIZE 5"), "SIZE");
    }
}

/// A command as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `USER name`
    User(Vec<u8>),
    /// `PASS string`; blanks belong to the password (RFC 1939 §7).
    Pass(Vec<u8>),
    /// `APOP name digest`
    Apop {
        /// The user.
        name: Vec<u8>,
        /// The digest in hex.
        digest: Vec<u8>,
    },
    /// `AUTH`, alone or with a mechanism in upper case and an initial response.
    Auth {
        /// The mechanism; none asks for the list.
        mechanism: Option<String>,
        /// The initial response, still in base64.
        initial: Option<Vec<u8>>,
    },
    /// `CAPA`
    Capa,
    /// `STLS`
    Stls,
    /// `UTF8` (RFC 6856 §2.1)
    Utf8,
    /// `LANG [tag]` (RFC 6856 §3.1)
    Lang(Option<String>),
    /// `STAT`
    Stat,
    /// `LIST [n]`
    List(Option<u32>),
    /// `UIDL [n]`
    Uidl(Option<u32>),
    /// `RETR n`
    Retr(u32),
    /// `TOP n lines`
    Top(u32, u64),
    /// `DELE n`
    Dele(u32),
    /// `RSET`
    Rset,
    /// `NOOP`
    Noop,
    /// `QUIT`
    Quit,
    /// A verb we know with wrong arguments.
    Syntax(&'static str),
    /// A verb we do not know.
    Unknown(Vec<u8>),
}

/// Reads a command line, without its ending.
pub fn parse_request(line: &[u8]) -> Request {
    let (verb, rest) = match line.iter().position(|&b| b == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &b""[..]),
    };
    let words: Vec<&[u8]> = rest.split(|&b| b == b' ').filter(|w| !w.is_empty()).collect();
    let alone = |request: Request, syntax| if words.is_empty() { request } else { Request::Syntax(syntax) };
    let optional = |make: fn(Option<u32>) -> Request, syntax| match words[..] {
        [] => make(None),
        [n] => number(n).map_or(Request::Syntax(syntax), |n| make(Some(n))),
        _ => Request::Syntax(syntax),
    };
    let one = |make: fn(u32) -> Request, syntax| match words[..] {
        [n] => number(n).map_or(Request::Syntax(syntax), make),
        _ => Request::Syntax(syntax),
    };
    match verb.to_ascii_uppercase().as_slice() {
        b"USER" if words.len() == 1 => Request::User(words[0].to_vec()),
        b"USER" => Request::Syntax("USER name"),
        b"PASS" if rest.is_empty() => Request::Syntax("PASS string"),
        b"PASS" => Request::Pass(rest.to_vec()),
        b"APOP" => match words[..] {
            [name, digest] => Request::Apop { name: name.to_vec(), digest: digest.to_vec() },
            _ => Request::Syntax("APOP name digest"),
        },
        b"AUTH" => match words[..] {
            [] => Request::Auth { mechanism: None, initial: None },
            [m] | [m, _] => Request::Auth {
                mechanism: Some(String::from_utf8_lossy(m).to_ascii_uppercase()),
                initial: words.get(1).map(|w| w.to_vec()),
            },
            _ => Request::Syntax("AUTH mechanism [initial-response]"),
        },
        b"CAPA" => alone(Request::Capa, "CAPA"),
        b"STLS" => alone(Request::Stls, "STLS"),
        b"UTF8" => alone(Request::Utf8, "UTF8"),
        b"LANG" => match words[..] {
            [] => Request::Lang(None),
            [tag] => Request::Lang(Some(String::from_utf8_lossy(tag).into_owned())),
            _ => Request::Syntax("LANG [tag]"),
        },
        b"STAT" => alone(Request::Stat, "STAT"),
        b"LIST" => optional(Request::List, "LIST [msg]"),
        b"UIDL" => optional(Request::Uidl, "UIDL [msg]"),
        b"RETR" => one(Request::Retr, "RETR msg"),
        b"TOP" => match words[..] {
            [n, lines] => match (number(n), count(lines)) {
                (Some(n), Some(lines)) => Request::Top(n, lines),
                _ => Request::Syntax("TOP msg n"),
            },
            _ => Request::Syntax("TOP msg n"),
        },
        b"DELE" => one(Request::Dele, "DELE msg"),
        b"RSET" => alone(Request::Rset, "RSET"),
        b"NOOP" => alone(Request::Noop, "NOOP"),
        b"QUIT" => alone(Request::Quit, "QUIT"),
        other => Request::Unknown(other.to_vec()),
    }
}

/// A number of a message. One that is larger than any is none that exists.
fn number(word: &[u8]) -> Option<u32> {
    Some(u32::try_from(count(word)?).unwrap_or(u32::MAX))
}

fn count(word: &[u8]) -> Option<u64> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(std::str::from_utf8(word).ok()?.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked() {
        assert_eq!(parse_request(b"pass two words "), Request::Pass(b"two words ".to_vec()));
        assert_eq!(parse_request(b"LIST"), Request::List(None));
        assert_eq!(parse_request(b"LIST 2"), Request::List(Some(2)));
        assert_eq!(parse_request(b"LIST -1"), Request::Syntax("LIST [msg]"));
        assert_eq!(parse_request(b"RETR"), Request::Syntax("RETR msg"));
        assert_eq!(parse_request(b"TOP 1 0"), Request::Top(1, 0));
        assert_eq!(
            parse_request(b"TOP 99999999999 99999999999999999999999"),
            Request::Top(u32::MAX, u64::MAX)
        );
        assert_eq!(parse_request(b"TOP 1 -1"), Request::Syntax("TOP msg n"));
        assert_eq!(parse_request(b"UTF8 x"), Request::Syntax("UTF8"));
        assert_eq!(parse_request(b"lang MUL"), Request::Lang(Some("MUL".into())));
        assert_eq!(
            parse_request(b"auth login"),
            Request::Auth { mechanism: Some("LOGIN".into()), initial: None }
        );
        assert_eq!(parse_request(b"LAST"), Request::Unknown(b"LAST".to_vec()));
    }
}

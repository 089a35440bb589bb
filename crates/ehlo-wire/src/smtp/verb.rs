use super::{Path, parse_path, xtext_decode};

/// A command as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `EHLO`, `HELO` or `LHLO` with the name.
    Hello {
        /// The verb in upper case.
        verb: &'static str,
        /// The name that the client gives itself.
        name: Vec<u8>,
    },
    /// `MAIL FROM:<…>`.
    Mail(MailArgs),
    /// `RCPT TO:<…>`.
    Rcpt(MailArgs),
    /// `DATA`.
    Data,
    /// `BDAT size [LAST]` (RFC 3030 §2): so many octets follow, whatever the server says.
    Bdat {
        /// How many.
        size: u64,
        /// Whether the message ends with them.
        last: bool,
    },
    /// BDAT without a size that can be read: nobody knows where the chunk ends.
    BadChunk,
    /// `AUTH mechanism [initial-response]`.
    Auth {
        /// The mechanism in upper case.
        mechanism: String,
        /// The initial response, still in base64.
        initial: Option<Vec<u8>>,
    },
    /// `STARTTLS`.
    StartTls,
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `VRFY string`.
    Vrfy(Vec<u8>),
    /// `EXPN string`.
    Expn(Vec<u8>),
    /// `HELP`.
    Help,
    /// `XCLIENT NAME=value …`, Postfix's way to pass on who the client is.
    XClient(Attributes),
    /// `XFORWARD NAME=value …`, the same for logs alone.
    XForward(Attributes),
    /// MAIL or RCPT with something that is no path.
    BadPath(&'static str),
    /// MAIL or RCPT with parameters against the grammar (RFC 5321 §4.1.2).
    BadParameters(&'static str),
    /// A verb we know with arguments that it must not have, or without those it needs.
    Syntax(&'static str),
    /// A verb we do not know, in upper case.
    Unknown(Vec<u8>),
}

/// The attributes of XCLIENT and XFORWARD: the name in upper case, and the value, decoded.
pub type Attributes = Vec<(String, Vec<u8>)>;

/// Path and parameters of MAIL and RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailArgs {
    /// The address.
    pub path: Path,
    /// `KEYWORD` or `KEYWORD=value`, the keyword in upper case.
    pub parameters: Vec<(String, Option<Vec<u8>>)>,
}

/// Reads a command line (RFC 5321 §4.1.1), without its ending.
pub fn parse_request(line: &[u8]) -> Request {
    let (verb, rest) = match line.iter().position(|&b| b == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &b""[..]),
    };
    let argument = rest.trim_ascii();
    let alone = |request: Request, syntax: &'static str| {
        if argument.is_empty() { request } else { Request::Syntax(syntax) }
    };
    match verb.to_ascii_uppercase().as_slice() {
        b"EHLO" => hello("EHLO", argument),
        b"HELO" => hello("HELO", argument),
        b"LHLO" => hello("LHLO", argument),
        b"MAIL" => match mail(argument, b"FROM:", "MAIL", "MAIL FROM:<address>") {
            Ok(args) => Request::Mail(args),
            Err(bad) => bad,
        },
        b"RCPT" => match mail(argument, b"TO:", "RCPT", "RCPT TO:<address>") {
            Ok(args) if args.path.is_null() => Request::BadPath("RCPT"),
            Ok(args) => Request::Rcpt(args),
            Err(bad) => bad,
        },
        b"BDAT" => bdat(argument),
        b"DATA" => alone(Request::Data, "DATA"),
        b"AUTH" => auth(argument),
        b"STARTTLS" => alone(Request::StartTls, "STARTTLS"),
        b"RSET" => alone(Request::Rset, "RSET"),
        b"NOOP" => Request::Noop,
        b"QUIT" => alone(Request::Quit, "QUIT"),
        b"VRFY" if argument.is_empty() => Request::Syntax("VRFY address"),
        b"VRFY" => Request::Vrfy(argument.to_vec()),
        b"EXPN" if argument.is_empty() => Request::Syntax("EXPN list"),
        b"EXPN" => Request::Expn(argument.to_vec()),
        b"HELP" => Request::Help,
        b"XCLIENT" => attributes(argument).map_or(Request::Syntax("XCLIENT NAME=value"), Request::XClient),
        b"XFORWARD" => attributes(argument).map_or(Request::Syntax("XFORWARD NAME=value"), Request::XForward),
        other => Request::Unknown(other.to_vec()),
    }
}

fn hello(verb: &'static str, name: &[u8]) -> Request {
    if name.is_empty() || name.contains(&b' ') {
        return Request::Syntax(match verb {
            "HELO" => "HELO hostname",
            "LHLO" => "LHLO hostname",
            _ => "EHLO hostname",
        });
    }
    Request::Hello { verb, name: name.to_vec() }
}

fn auth(argument: &[u8]) -> Request {
    let mut words = argument.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let (Some(mechanism), initial, None) = (words.next(), words.next(), words.next()) else {
        return Request::Syntax("AUTH mechanism [initial-response]");
    };
    let mechanism = String::from_utf8_lossy(mechanism).to_ascii_uppercase();
    Request::Auth { mechanism, initial: initial.map(<[u8]>::to_vec) }
}

fn mail(
    argument: &[u8],
    keyword: &[u8],
    verb: &'static str,
    syntax: &'static str,
) -> Result<MailArgs, Request> {
    let rest = match argument.split_at_checked(keyword.len()) {
        Some((head, rest)) if head.eq_ignore_ascii_case(keyword) && !rest.is_empty() => rest,
        _ => return Err(Request::Syntax(syntax)),
    };
    let (path, rest) = parse_path(rest).ok_or(Request::BadPath(verb))?;
    if !rest.is_empty() && !rest.starts_with(b" ") {
        return Err(Request::BadPath(verb));
    }
    let mut parameters = Vec::new();
    for word in rest.split(|&b| b == b' ').filter(|w| !w.is_empty()) {
        let (name, value) = match word.iter().position(|&b| b == b'=') {
            Some(at) => (&word[..at], Some(word[at + 1..].to_vec())),
            None => (word, None),
        };
        let good_name = name.first().is_some_and(u8::is_ascii_alphanumeric)
            && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        let good_value = |v: &Vec<u8>| !v.is_empty() && v.iter().all(|&b| b > b' ' && b != b'=' && b != 127);
        if !good_name || !value.as_ref().is_none_or(good_value) {
            return Err(Request::BadParameters(verb));
        }
        parameters.push((String::from_utf8_lossy(name).to_ascii_uppercase(), value));
    }
    Ok(MailArgs { path, parameters })
}

fn bdat(argument: &[u8]) -> Request {
    let words: Vec<&[u8]> = argument.split(|&b| b == b' ').filter(|w| !w.is_empty()).collect();
    let size = |word: &[u8]| {
        word.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(word).ok()?.parse().ok()).flatten()
    };
    match words[..] {
        [n] => size(n).map_or(Request::BadChunk, |size| Request::Bdat { size, last: false }),
        [n, last] if last.eq_ignore_ascii_case(b"LAST") => {
            size(n).map_or(Request::BadChunk, |size| Request::Bdat { size, last: true })
        }
        _ => Request::BadChunk,
    }
}

fn attributes(argument: &[u8]) -> Option<Attributes> {
    let mut found = Vec::new();
    for word in argument.split(|&b| b == b' ').filter(|w| !w.is_empty()) {
        let at = word.iter().position(|&b| b == b'=')?;
        let name = String::from_utf8_lossy(&word[..at]).to_ascii_uppercase();
        found.push((name, xtext_decode(&word[at + 1..])?));
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_case_blind_and_arguments_checked() {
        assert_eq!(parse_request(b"ehlo x"), Request::Hello { verb: "EHLO", name: b"x".to_vec() });
        assert_eq!(parse_request(b"EHLO"), Request::Syntax("EHLO hostname"));
        assert_eq!(parse_request(b"QUIT now"), Request::Syntax("QUIT"));
        assert_eq!(parse_request(b"noop anything"), Request::Noop);
        assert_eq!(
            parse_request(b"auth plain AGI="),
            Request::Auth { mechanism: "PLAIN".into(), initial: Some(b"AGI=".to_vec()) }
        );
        assert_eq!(parse_request(b"AUTH"), Request::Syntax("AUTH mechanism [initial-response]"));
        assert_eq!(parse_request(b"RCPT TO:<>"), Request::BadPath("RCPT"));
        assert_eq!(parse_request(b"RCPT TO:"), Request::Syntax("RCPT TO:<address>"));
        assert_eq!(parse_request(b"MAIL FROM:<a@b> SIZE="), Request::BadParameters("MAIL"));
        assert_eq!(parse_request(b"MAIL FROM:<a@b>x"), Request::BadPath("MAIL"));
        assert_eq!(parse_request(b"bdat 5 last"), Request::Bdat { size: 5, last: true });
        assert_eq!(parse_request(b"BDAT 0"), Request::Bdat { size: 0, last: false });
        for bad in ["BDAT", "BDAT x", "BDAT -1", "BDAT 5 LAST x", "BDAT 99999999999999999999"] {
            assert_eq!(parse_request(bad.as_bytes()), Request::BadChunk, "{bad}");
        }
        assert_eq!(
            parse_request(b"XCLIENT addr=192.0.2.9 NAME=a+2Bb"),
            Request::XClient(vec![("ADDR".into(), b"192.0.2.9".to_vec()), ("NAME".into(), b"a+b".to_vec())])
        );
        assert_eq!(parse_request(b"MAIL <a@b>"), Request::Syntax("MAIL FROM:<address>"));
        assert_eq!(parse_request(b"\x16\x03\x01"), Request::Unknown(b"\x16\x03\x01".to_vec()));
        let Request::Mail(args) = parse_request(b"MAIL FROM:<a@b.test> size=10 BODY=8BITMIME SMTPUTF8")
        else {
            panic!()
        };
        assert_eq!(args.parameters[0], ("SIZE".into(), Some(b"10".to_vec())));
        assert_eq!(args.parameters[2], ("SMTPUTF8".into(), None));
    }
}

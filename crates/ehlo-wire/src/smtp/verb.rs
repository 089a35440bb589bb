use super::{Path, parse_path};

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
    /// `HELP`.
    Help,
    /// A verb we know with arguments that it must not have, or without those it needs.
    Syntax(&'static str),
    /// A verb we do not know, in upper case.
    Unknown(Vec<u8>),
}

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
        b"MAIL" => mail(argument, b"FROM:").map_or(Request::Syntax("MAIL FROM:<address>"), Request::Mail),
        b"RCPT" => mail(argument, b"TO:")
            .filter(|args| !args.path.is_null())
            .map_or(Request::Syntax("RCPT TO:<address>"), Request::Rcpt),
        b"DATA" => alone(Request::Data, "DATA"),
        b"AUTH" => auth(argument),
        b"STARTTLS" => alone(Request::StartTls, "STARTTLS"),
        b"RSET" => alone(Request::Rset, "RSET"),
        b"NOOP" => Request::Noop,
        b"QUIT" => alone(Request::Quit, "QUIT"),
        b"VRFY" if argument.is_empty() => Request::Syntax("VRFY address"),
        b"VRFY" => Request::Vrfy(argument.to_vec()),
        b"HELP" => Request::Help,
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

fn mail(argument: &[u8], keyword: &[u8]) -> Option<MailArgs> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (path, rest) = parse_path(rest)?;
    if !rest.is_empty() && !rest.starts_with(b" ") {
        return None;
    }
    let mut parameters = Vec::new();
    for word in rest.split(|&b| b == b' ').filter(|w| !w.is_empty()) {
        let (name, value) = match word.iter().position(|&b| b == b'=') {
            Some(at) => (&word[..at], Some(word[at + 1..].to_vec())),
            None => (word, None),
        };
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-') {
            return None;
        }
        parameters.push((String::from_utf8_lossy(name).to_ascii_uppercase(), value));
    }
    Some(MailArgs { path, parameters })
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
        assert_eq!(parse_request(b"RCPT TO:<>"), Request::Syntax("RCPT TO:<address>"));
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

use super::{Value, values};
use crate::{Parsed, Unit};
use ehlo_core::{Deviation, Side, escape};

/// A command as a server reads it (RFC 5804 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `AUTHENTICATE`, with what the client sends at once, still in base64.
    Authenticate {
        /// The mechanism.
        mechanism: String,
        /// The first response.
        initial: Option<Vec<u8>>,
    },
    /// `STARTTLS`
    StartTls,
    /// `LOGOUT`
    Logout,
    /// `CAPABILITY`
    Capability,
    /// `HAVESPACE`
    HaveSpace {
        /// The name of a script.
        name: Vec<u8>,
        /// The octets it will have.
        size: u32,
    },
    /// `PUTSCRIPT`
    PutScript {
        /// Its name.
        name: Vec<u8>,
        /// The script.
        content: Vec<u8>,
    },
    /// `LISTSCRIPTS`
    ListScripts,
    /// `SETACTIVE`; an empty name means none.
    SetActive(Vec<u8>),
    /// `GETSCRIPT`
    GetScript(Vec<u8>),
    /// `DELETESCRIPT`
    DeleteScript(Vec<u8>),
    /// `RENAMESCRIPT`
    RenameScript {
        /// The name it has.
        old: Vec<u8>,
        /// The name it gets.
        new: Vec<u8>,
    },
    /// `CHECKSCRIPT`
    CheckScript(Vec<u8>),
    /// `NOOP`, with the tag to be repeated.
    Noop(Option<Vec<u8>>),
    /// `UNAUTHENTICATE`
    Unauthenticate,
    /// A known command with wrong arguments, and how it is written.
    Syntax(&'static str),
    /// Another command; its name in upper case, escaped.
    Unknown(String),
}

impl Request {
    /// The name of the command, in upper case; empty for an unknown one.
    pub fn verb(&self) -> &str {
        match self {
            Request::Authenticate { .. } => "AUTHENTICATE",
            Request::StartTls => "STARTTLS",
            Request::Logout => "LOGOUT",
            Request::Capability => "CAPABILITY",
            Request::HaveSpace { .. } => "HAVESPACE",
            Request::PutScript { .. } => "PUTSCRIPT",
            Request::ListScripts => "LISTSCRIPTS",
            Request::SetActive(_) => "SETACTIVE",
            Request::GetScript(_) => "GETSCRIPT",
            Request::DeleteScript(_) => "DELETESCRIPT",
            Request::RenameScript { .. } => "RENAMESCRIPT",
            Request::CheckScript(_) => "CHECKSCRIPT",
            Request::Noop(_) => "NOOP",
            Request::Unauthenticate => "UNAUTHENTICATE",
            Request::Syntax(usage) => usage.split(' ').next().unwrap_or_default(),
            Request::Unknown(name) => name,
        }
    }
}

/// The name of a command in upper case, escaped, and its arguments.
pub fn words(unit: &Unit, deviations: &mut Vec<Deviation>) -> (String, Vec<Value>) {
    let mut values = values(unit, Side::Client, deviations).into_iter();
    let name = values.next().and_then(|v| v.text().map(|t| escape(&t.to_ascii_uppercase())));
    (name.unwrap_or_default(), values.collect())
}

/// Reads a command.
pub fn parse_request(unit: &Unit) -> Parsed<Request> {
    let mut deviations = Vec::new();
    let (name, args) = words(unit, &mut deviations);
    let string = |at: usize| args.get(at).and_then(Value::string).map(<[u8]>::to_vec);
    let none = args.is_empty();
    let one = if args.len() == 1 { string(0) } else { None };
    let two = if args.len() == 2 { string(0).zip(string(1)) } else { None };
    let request = match name.as_str() {
        "AUTHENTICATE" => match (string(0), args.len()) {
            (Some(mechanism), 1) => {
                Some(Request::Authenticate { mechanism: escape(&mechanism), initial: None })
            }
            (Some(mechanism), 2) => string(1).map(|initial| Request::Authenticate {
                mechanism: escape(&mechanism),
                initial: Some(initial),
            }),
            _ => None,
        }
        .ok_or("AUTHENTICATE \"mechanism\" [\"response\"]"),
        "STARTTLS" => none.then_some(Request::StartTls).ok_or("STARTTLS"),
        "LOGOUT" => none.then_some(Request::Logout).ok_or("LOGOUT"),
        "CAPABILITY" => none.then_some(Request::Capability).ok_or("CAPABILITY"),
        "LISTSCRIPTS" => none.then_some(Request::ListScripts).ok_or("LISTSCRIPTS"),
        "UNAUTHENTICATE" => none.then_some(Request::Unauthenticate).ok_or("UNAUTHENTICATE"),
        "HAVESPACE" => match (string(0), args.get(1).and_then(Value::number), args.len()) {
            (Some(name), Some(size), 2) => Ok(Request::HaveSpace { name, size }),
            _ => Err("HAVESPACE \"name\" size"),
        },
        "PUTSCRIPT" => two
            .map(|(name, content)| Request::PutScript { name, content })
            .ok_or("PUTSCRIPT \"name\" \"script\""),
        "RENAMESCRIPT" => two
            .map(|(old, new)| Request::RenameScript { old, new })
            .ok_or("RENAMESCRIPT \"old name\" \"new name\""),
        "SETACTIVE" => one.map(Request::SetActive).ok_or("SETACTIVE \"name\""),
        "GETSCRIPT" => one.map(Request::GetScript).ok_or("GETSCRIPT \"name\""),
        "DELETESCRIPT" => one.map(Request::DeleteScript).ok_or("DELETESCRIPT \"name\""),
        "CHECKSCRIPT" => one.map(Request::CheckScript).ok_or("CHECKSCRIPT \"script\""),
        "NOOP" if none => Ok(Request::Noop(None)),
        "NOOP" => one.map(|tag| Request::Noop(Some(tag))).ok_or("NOOP [\"tag\"]"),
        _ => Ok(Request::Unknown(name)),
    };
    Parsed::new(request.unwrap_or_else(Request::Syntax), deviations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sieve::CommandBuilder;
    use crate::{Framer, FramerEvent, FramerMode};

    fn read(bytes: &[u8]) -> Request {
        let mut framer = Framer::new(FramerMode::SieveCommands, &ehlo_core::Limits::default());
        framer.push(bytes);
        loop {
            match framer.next() {
                Some(FramerEvent::Unit(unit)) => return parse_request(&unit).value,
                Some(other) => panic!("{other:?}"),
                None => framer.accept_literal(),
            }
        }
    }

    #[test]
    fn servers_read_what_clients_build() {
        for content in [&b"stop;"[..], b"keep;\r\nstop;\r\n", b"", b"\0\xff{5+}\r\n"] {
            let sent = CommandBuilder::new("putscript").unwrap().string(b"a \"b\"").string(content).finish();
            let expected = Request::PutScript { name: b"a \"b\"".to_vec(), content: content.to_vec() };
            assert_eq!(read(&sent.fragments.concat()), expected);
        }
    }

    #[test]
    fn arguments() {
        let syntax = |line: &str| match read(format!("{line}\r\n").as_bytes()) {
            Request::Syntax(usage) => usage.split(' ').next().unwrap_or_default(),
            other => panic!("{line}: {other:?}"),
        };
        for line in ["SETACTIVE", "SETACTIVE x", "SETACTIVE \"x\" \"y\"", "setactive (\"x\")"] {
            assert_eq!(syntax(line), "SETACTIVE");
        }
        for line in ["HAVESPACE \"x\"", "HAVESPACE \"x\" \"9\"", "HAVESPACE \"x\" -1"] {
            assert_eq!(syntax(line), "HAVESPACE");
        }
        for line in ["LOGOUT now", "AUTHENTICATE PLAIN", "NOOP x", "PUTSCRIPT \"x\"", "CHECKSCRIPT"] {
            syntax(line);
        }
        assert_eq!(read(b"noop\r\n"), Request::Noop(None));
        assert_eq!(read(b"NOOP \"a\"\r\n"), Request::Noop(Some(b"a".to_vec())));
        assert_eq!(read(b"SETACTIVE \"\"\r\n"), Request::SetActive(Vec::new()));
        assert_eq!(read(b"XYZZY 1 2\r\n").verb(), "XYZZY");
        assert_eq!(read(b"\r\n").verb(), "");
        let initial = Some(b"eA==".to_vec());
        let expected = Request::Authenticate { mechanism: "PLAIN".into(), initial };
        assert_eq!(read(b"AUTHENTICATE \"PLAIN\" \"eA==\"\r\n"), expected);
    }
}

//! IMAP connections to a lab in memory.

use crate::corpus::CORPUS;
use ehlo_core::{Family, Scheme, Tick};
use ehlo_lab::{ActiveFault, Connection, Lab, LabConfig, Service, Step};
use std::sync::Arc;

/// A lab that takes logins in the clear.
pub(crate) fn lab() -> Arc<Lab> {
    let mut config = LabConfig::new(7, 1_800_000_000);
    config.faults = vec![ActiveFault::parse("auth-clear-accepted").unwrap()];
    Lab::new(config).unwrap()
}

/// One connection.
pub(crate) struct Session {
    connection: Connection,
    /// The greeting.
    pub(crate) greeting: Vec<u8>,
    number: u32,
}

impl Session {
    pub(crate) fn new(lab: &Arc<Lab>) -> Session {
        let service = Service { scheme: Scheme::Imap, family: Family::V4 };
        let connection = Connection::new(lab, service, "192.0.2.7", Tick(0));
        let mut session = Session { connection, greeting: Vec::new(), number: 0 };
        session.greeting = session.heard();
        session
    }

    /// Logs in.
    pub(crate) fn logged_in(lab: &Arc<Lab>) -> Session {
        let mut session = Session::new(lab);
        session.ask("LOGIN alice wonderland");
        session
    }

    /// Gives a command a tag, sends it, and yields all that is answered. `@name@` stands for the message of that name
    /// as a literal, `\n` for CRLF.
    pub(crate) fn ask(&mut self, command: &str) -> Vec<u8> {
        self.number += 1;
        let text = format!("t{} {command}", self.number);
        self.send(&text)
    }

    /// Sends a line without a tag.
    pub(crate) fn send(&mut self, line: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let line = line.replace("\\n", "\r\n");
        let mut rest = line.as_str();
        while let Some((before, after)) = rest.split_once('@') {
            bytes.extend_from_slice(before.as_bytes());
            let found = after.split_once('@').and_then(|(name, tail)| {
                CORPUS.iter().find(|(known, _)| *known == name).map(|(_, text)| (text, tail))
            });
            rest = match found {
                Some((text, tail)) => {
                    let message = wire(text);
                    // RFC 3516 §4.4: a literal that may hold NUL begins with a tilde, which is written before `@`.
                    bytes.extend_from_slice(format!("{{{}+}}\r\n", message.len()).as_bytes());
                    bytes.extend_from_slice(&message);
                    tail
                }
                None => {
                    bytes.push(b'@');
                    after
                }
            };
        }
        bytes.extend_from_slice(rest.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        self.connection.handle(&bytes, Tick(0));
        self.heard()
    }

    /// Tells the connection that mailboxes may have changed, and yields what it says of that.
    pub(crate) fn wake(&mut self) -> Vec<u8> {
        self.connection.wake(Tick(0));
        self.heard()
    }

    fn heard(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            match self.connection.poll(Tick(0)) {
                Step::Transmit(more) => bytes.extend(more),
                _ => return bytes,
            }
        }
    }
}

/// A message as it goes over the wire.
pub(crate) fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// Cuts what a server said into its responses: lines, with the literals that they hold.
pub(crate) fn responses(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(end) = bytes[at..].windows(2).position(|w| w == b"\r\n").map(|n| at + n) {
        at = end + 2;
        let line = &bytes[begin..end];
        let literal = line.ends_with(b"}").then(|| line.iter().rposition(|&b| b == b'{')).flatten();
        let size = literal.and_then(|open| {
            let digits = std::str::from_utf8(&line[open + 1..line.len() - 1]).ok()?;
            digits.parse::<usize>().ok()
        });
        match size {
            Some(size) => at += size,
            None => {
                found.push(bytes[begin..at].to_vec());
                begin = at;
            }
        }
    }
    assert_eq!(begin, bytes.len(), "not a whole line: {}", String::from_utf8_lossy(&bytes[begin..]));
    found
}

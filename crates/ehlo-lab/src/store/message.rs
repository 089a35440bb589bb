use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its bytes.
    pub body: Body,
    /// Its unique identifier.
    pub uid: u32,
    /// Its flags and keywords, as first spelt.
    pub flags: Vec<String>,
    /// When it came, in seconds since 1970 (RFC 9051 §2.3.3).
    pub at: i64,
    /// When it was put into this mailbox, in seconds since 1970 (RFC 8514 §3).
    pub saved: i64,
    /// The sequence number of its last change (RFC 7162 §3.1).
    pub modseq: u64,
    /// What stays the same in copies: the identifier of its content (RFC 8474 §5.1).
    pub email_id: u64,
    /// The same for all messages of a conversation (RFC 8474 §5.2).
    pub thread_id: u64,
    /// From whom and to whom it was delivered, if it was; copies share it.
    pub envelope: Option<Arc<Envelope>>,
    /// What FETCH has told of its structure, so that it is read once; copies share it.
    pub(crate) shown: Arc<OnceLock<Shown>>,
}

/// Forms of what a message is made of, as IMAP tells them (RFC 9051 §7.5.2).
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) envelope: Box<[u8]>,
    pub(crate) body: Box<[u8]>,
    pub(crate) structure: Box<[u8]>,
}

/// What a message was delivered with (RFC 5321 §2.3.1): not to be read from its header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse-path, without brackets.
    pub from: String,
    /// The recipients that led into this mailbox, without brackets.
    pub to: Vec<String>,
}

/// The bytes of a message, lines ended by CR LF. Copies share them.
#[derive(Clone, Debug)]
pub enum Body {
    /// In memory.
    Memory(Arc<[u8]>),
    /// In a file.
    File {
        /// Where.
        path: Arc<PathBuf>,
        /// How many bytes it yields when it is read, line ends made CR LF.
        size: usize,
    },
}

impl Body {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Body::Memory(bytes) => bytes.len(),
            Body::File { size, .. } => *size,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn read(&self) -> io::Result<Arc<[u8]>> {
        match self {
            Body::Memory(bytes) => Ok(Arc::clone(bytes)),
            Body::File { path, size } => {
                let bytes = super::maildir::read(path)?;
                // A file that is as long as it should be is one of ours: not one of its line ends is changed.
                Ok(if bytes.len() == *size { bytes } else { with_crlf(bytes) }.into())
            }
        }
    }
}

/// Makes line ends CR LF: files of other programs may hold LF alone.
pub(crate) fn with_crlf(bytes: Vec<u8>) -> Vec<u8> {
    let lonely = |(at, &b): (usize, &u8)| b == b'\n' && (at == 0 || bytes[at - 1] != b'\r');
    if !bytes.iter().enumerate().any(lonely) {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    for (at, &byte) in bytes.iter().enumerate() {
        if lonely((at, &byte)) {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}

impl Message {
    /// A message without flags; it gets its identifiers when it is put into a mailbox.
    pub fn new(bytes: Vec<u8>, at: i64) -> Message {
        Message {
            body: Body::Memory(bytes.into()),
            uid: 0,
            flags: Vec::new(),
            at,
            saved: at,
            modseq: 0,
            email_id: 0,
            thread_id: 0,
            envelope: None,
            shown: Arc::default(),
        }
    }

    /// Whether it has the flag, whatever the case.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f.eq_ignore_ascii_case(flag))
    }

    /// Sets or clears a flag; whether that changed anything.
    pub fn set(&mut self, flag: &str, on: bool) -> bool {
        let had = self.has(flag);
        if on && !had {
            self.flags.push(flag.to_owned());
        } else if !on {
            self.flags.retain(|f| !f.eq_ignore_ascii_case(flag));
        }
        had != on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_made_whole() {
        assert_eq!(with_crlf(b"a\nb\r\n\n".to_vec()), b"a\r\nb\r\n\r\n");
        assert_eq!(with_crlf(b"\na\rb".to_vec()), b"\r\na\rb");
    }
}

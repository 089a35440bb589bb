use ehlo_core::Stage;

/// Something to send: one line, a line with synchronising literals, or raw bytes.
///
/// Strict constructors stand in the protocol modules ([`crate::smtp`], [`crate::pop3`], [`crate::imap`]) and refuse
/// what would break out of the line; [`Command::raw`] is the door for testers who want to send what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The bytes to send. Between two fragments the server must ask for more (`+`).
    pub fragments: Vec<Vec<u8>>,
    /// What it is for: decides the deadline and the stage of a failure.
    pub stage: Stage,
}

impl Command {
    /// The line `text` with its ending.
    ///
    /// # Errors
    /// [`BadArgument`] if the text holds CR, LF or NUL: it would not be one line.
    pub fn line(stage: Stage, text: impl Into<Vec<u8>>) -> Result<Command, BadArgument> {
        let mut bytes = text.into();
        if let Some(at) = bytes.iter().position(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(BadArgument { at, byte: bytes[at] });
        }
        bytes.extend_from_slice(b"\r\n");
        Ok(Command { fragments: vec![bytes], stage })
    }

    /// Exactly these bytes, whatever they are.
    pub fn raw(stage: Stage, bytes: impl Into<Vec<u8>>) -> Command {
        Command { fragments: vec![bytes.into()], stage }
    }
}

/// An argument of ours that would change the meaning of a command (CWE-93): it holds CR, LF or NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadArgument {
    /// Where the byte stands.
    pub at: usize,
    /// The byte.
    pub byte: u8,
}

impl std::fmt::Display for BadArgument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "byte {:#04x} at position {} cannot be sent inside a line", self.byte, self.at)
    }
}

impl std::error::Error for BadArgument {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let command = Command::line(Stage::Command, "NOOP").unwrap();
        assert_eq!(command.fragments, [b"NOOP\r\n".to_vec()]);
        for evil in ["a\r\nRCPT TO:<x>", "a\nb", "a\0b", "\r"] {
            assert!(Command::line(Stage::Command, evil).is_err(), "{evil:?}");
        }
    }
}

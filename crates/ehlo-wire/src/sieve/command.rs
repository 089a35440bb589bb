use super::LONGEST_QUOTED;
use crate::{BadArgument, Command};
use ehlo_core::Stage;

/// A command line, e.g. `command("LISTSCRIPTS")`.
///
/// # Errors
/// Text that would not stay inside the line.
pub fn command(text: &str) -> Result<Command, BadArgument> {
    Command::line(stage(text), text)
}

/// Builds a command with arguments that may hold anything.
#[derive(Clone, Debug)]
pub struct CommandBuilder {
    bytes: Vec<u8>,
    stage: Stage,
}

impl CommandBuilder {
    /// Begins a command.
    ///
    /// # Errors
    /// A name that would not stay inside the line.
    pub fn new(name: &str) -> Result<CommandBuilder, BadArgument> {
        let mut bytes = command(name)?.fragments.concat();
        bytes.truncate(bytes.len() - 2);
        Ok(CommandBuilder { bytes, stage: stage(name) })
    }

    /// Adds a string: quoted where that is possible, else as a literal.
    pub fn string(mut self, bytes: &[u8]) -> CommandBuilder {
        self.bytes.push(b' ');
        self.bytes.extend_from_slice(&string(bytes));
        self
    }

    /// Adds a number.
    pub fn number(mut self, number: u32) -> CommandBuilder {
        self.bytes.extend_from_slice(format!(" {number}").as_bytes());
        self
    }

    /// The command.
    pub fn finish(mut self) -> Command {
        self.bytes.extend_from_slice(b"\r\n");
        Command::raw(self.stage, self.bytes)
    }
}

/// `bytes` as a quoted string, if they can be one: UTF-8 without CR, LF and NUL, not more than 1024 octets.
pub fn quote(bytes: &[u8]) -> Option<Vec<u8>> {
    if std::str::from_utf8(bytes).is_err() || bytes.iter().any(|&b| matches!(b, 0 | b'\r' | b'\n')) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.push(b'"');
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    (out.len() - 2 <= LONGEST_QUOTED).then_some(out)
}

/// `bytes` as a client sends a string: quoted, or a literal `{n+}` (RFC 5804 §4, `literal-c2s`).
pub fn string(bytes: &[u8]) -> Vec<u8> {
    quote(bytes).unwrap_or_else(|| [format!("{{{}+}}\r\n", bytes.len()).as_bytes(), bytes].concat())
}

fn stage(text: &str) -> Stage {
    match text.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
        "CAPABILITY" => Stage::Capabilities,
        "STARTTLS" => Stage::StartTls,
        "AUTHENTICATE" => Stage::Auth,
        "LOGOUT" => Stage::Quit,
        _ => Stage::Command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_script_can_be_sent() {
        let built = |content: &[u8]| {
            let builder = CommandBuilder::new("PUTSCRIPT").unwrap().string("größe".as_bytes());
            String::from_utf8_lossy(&builder.string(content).finish().fragments.concat()).into_owned()
        };
        assert_eq!(built(b"stop;"), "PUTSCRIPT \"größe\" \"stop;\"\r\n");
        assert_eq!(built(b"a\"\\"), "PUTSCRIPT \"größe\" \"a\\\"\\\\\"\r\n");
        assert_eq!(built(b"keep;\r\n"), "PUTSCRIPT \"größe\" {7+}\r\nkeep;\r\n\r\n");
        assert!(built(&[b'x'; 1024]).contains("\"xx") && built(&[b'x'; 1025]).contains("{1025+}"));
        // The limit counts what stands between the quotes.
        assert!(quote(&[b'"'; 512]).is_some() && quote(&[b'"'; 513]).is_none());
        let space = CommandBuilder::new("HAVESPACE").unwrap().string(b"a").number(99).finish();
        assert_eq!(space.fragments.concat(), b"HAVESPACE \"a\" 99\r\n");
        assert!(CommandBuilder::new("NOOP\r\nX").is_err());
    }
}

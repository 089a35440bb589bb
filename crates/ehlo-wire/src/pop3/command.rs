use crate::{BadArgument, Command};
use ehlo_core::Stage;

/// A command line, e.g. `command("RETR 1")`.
///
/// # Errors
/// Text that would not stay inside the line.
pub fn command(text: &str) -> Result<Command, BadArgument> {
    let verb = text.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    let stage = match verb.as_str() {
        "CAPA" => Stage::Capabilities,
        "STLS" => Stage::StartTls,
        "USER" | "PASS" | "APOP" | "AUTH" => Stage::Auth,
        "QUIT" => Stage::Quit,
        _ => Stage::Command,
    };
    Command::line(stage, text)
}

/// Whether the positive response to a command line is followed by lines of data.
///
/// RFC 1939 §3: which commands do cannot be seen in the response; LIST and UIDL only do without an argument, AUTH
/// alone lists the mechanisms (RFC 1734, before CAPA had SASL).
pub fn answers_with_lines(line: &[u8]) -> bool {
    let mut words = line.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    match verb.as_slice() {
        b"RETR" | b"TOP" | b"CAPA" => true,
        b"LIST" | b"UIDL" | b"AUTH" | b"LANG" => words.next().is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_commands_bring_lines() {
        for (line, expected) in [
            ("LIST", true),
            ("list ", true),
            ("LIST 1", false),
            ("TOP 1 0", true),
            ("AUTH PLAIN", false),
            ("STAT", false),
        ] {
            assert_eq!(answers_with_lines(line.as_bytes()), expected, "{line}");
        }
    }
}

use crate::{BadArgument, Command};
use ehlo_core::Stage;

/// `EHLO name` (RFC 5321 §4.1.1.1).
///
/// # Errors
/// A name that would not stay inside the line.
pub fn ehlo_command(name: &str) -> Result<Command, BadArgument> {
    Command::line(Stage::Capabilities, format!("EHLO {name}"))
}

/// `HELO name`.
///
/// # Errors
/// A name that would not stay inside the line.
pub fn helo_command(name: &str) -> Result<Command, BadArgument> {
    Command::line(Stage::Capabilities, format!("HELO {name}"))
}

/// `LHLO name` (RFC 2033 §4.1).
///
/// # Errors
/// A name that would not stay inside the line.
pub fn lhlo_command(name: &str) -> Result<Command, BadArgument> {
    Command::line(Stage::Capabilities, format!("LHLO {name}"))
}

/// `MAIL FROM:<address> parameters`; an empty address is the null reverse-path.
///
/// # Errors
/// An address or parameter that would not stay inside the line.
pub fn mail_from(address: &str, parameters: &[&str]) -> Result<Command, BadArgument> {
    path_command(Stage::Mail, "MAIL FROM", address, parameters)
}

/// `RCPT TO:<address> parameters`.
///
/// # Errors
/// An address or parameter that would not stay inside the line.
pub fn rcpt_to(address: &str, parameters: &[&str]) -> Result<Command, BadArgument> {
    path_command(Stage::Rcpt, "RCPT TO", address, parameters)
}

/// A command without arguments, e.g. `RSET`.
///
/// # Errors
/// A verb that would not stay inside the line.
pub fn simple(verb: &str) -> Result<Command, BadArgument> {
    let stage = match verb {
        "QUIT" => Stage::Quit,
        "STARTTLS" => Stage::StartTls,
        "DATA" => Stage::Data,
        _ => Stage::Command,
    };
    Command::line(stage, verb)
}

/// A message as it goes over the wire behind DATA: dot-stuffed and ended.
///
/// Line endings are left as they are; a message that does not end in CR LF gets one (RFC 5321 §4.1.1.4).
pub fn data_end(message: &[u8]) -> Command {
    let mut bytes = dot_stuff(message);
    if !bytes.is_empty() && !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b".\r\n");
    Command::raw(Stage::Data, bytes)
}

/// Doubles each dot that begins a line (RFC 5321 §4.5.2, RFC 1939 §3).
pub fn dot_stuff(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 64 + 16);
    if text.starts_with(b".") {
        out.push(b'.');
    }
    let mut done = 0;
    for at in memchr::memmem::find_iter(text, b"\n.") {
        out.extend_from_slice(&text[done..=at]);
        out.push(b'.');
        done = at + 1;
    }
    out.extend_from_slice(&text[done..]);
    out
}

fn path_command(
    stage: Stage,
    verb: &str,
    address: &str,
    parameters: &[&str],
) -> Result<Command, BadArgument> {
    let mut line = format!("{verb}:<{address}>");
    for parameter in parameters {
        line.push(' ');
        line.push_str(parameter);
    }
    Command::line(stage, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_built_by_the_grammar() {
        let line =
            |c: Result<Command, BadArgument>| String::from_utf8(c.unwrap().fragments.concat()).unwrap();
        assert_eq!(
            line(mail_from("", &["SIZE=5", "BODY=8BITMIME"])),
            "MAIL FROM:<> SIZE=5 BODY=8BITMIME\r\n"
        );
        assert_eq!(line(rcpt_to("bob@example.test", &[])), "RCPT TO:<bob@example.test>\r\n");
        assert!(rcpt_to("a>\r\nDATA", &[]).is_err());
    }

    #[test]
    fn every_dot_at_the_beginning_of_a_line_is_doubled() {
        for (text, expected) in
            [("", ""), (".", ".."), ("a.", "a."), ("\n.", "\n.."), ("..\n.\n.a\r\n", "...\n..\n..a\r\n")]
        {
            assert_eq!(dot_stuff(text.as_bytes()), expected.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn data_ends_with_a_dot_of_its_own() {
        let sent = |m: &[u8]| String::from_utf8(data_end(m).fragments.concat()).unwrap();
        assert_eq!(sent(b".a\r\n..\r\nb"), "..a\r\n...\r\nb\r\n.\r\n");
        assert_eq!(sent(b""), ".\r\n");
    }
}

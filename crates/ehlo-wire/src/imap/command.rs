use super::{Value, quote, values};
use crate::{BadArgument, Command, Parsed, Unit};
use ehlo_core::{DeviationKind, Side, Span, Stage};

/// `tag text`, e.g. `command("a1", "SELECT INBOX")`.
///
/// # Errors
/// Text that would not stay inside the line.
pub fn command(tag: &str, text: &str) -> Result<Command, BadArgument> {
    Command::line(stage(text), format!("{tag} {text}"))
}

/// Builds a command with arguments that may hold anything.
#[derive(Clone, Debug)]
pub struct CommandBuilder {
    fragments: Vec<Vec<u8>>,
    stage: Stage,
    literal_plus: bool,
}

impl CommandBuilder {
    /// Begins `tag name`.
    ///
    /// # Errors
    /// Text that would not stay inside the line.
    pub fn new(tag: &str, name: &str) -> Result<CommandBuilder, BadArgument> {
        let mut first = command(tag, name)?.fragments.concat();
        first.truncate(first.len() - 2);
        Ok(CommandBuilder { fragments: vec![first], stage: stage(name), literal_plus: false })
    }

    /// Sends literals at once, as LITERAL+ allows (RFC 7888).
    pub fn literal_plus(mut self, on: bool) -> CommandBuilder {
        self.literal_plus = on;
        self
    }

    /// Adds text as it is.
    ///
    /// # Errors
    /// Text that would not stay inside the line.
    pub fn text(mut self, text: &str) -> Result<CommandBuilder, BadArgument> {
        let line = Command::line(self.stage, text)?.fragments.concat();
        self.last().push(b' ');
        self.last().extend_from_slice(&line[..line.len() - 2]);
        Ok(self)
    }

    /// Adds a string argument: quoted where that is possible, else as a literal. Never a bare atom, so that a
    /// password such as `NIL` or `{3}` is what it is.
    pub fn string(mut self, bytes: &[u8]) -> CommandBuilder {
        match quote(bytes) {
            Some(quoted) => {
                self.last().push(b' ');
                self.last().extend_from_slice(&quoted);
                self
            }
            None => self.literal(bytes),
        }
    }

    /// Adds a literal.
    pub fn literal(mut self, bytes: &[u8]) -> CommandBuilder {
        let plus = if self.literal_plus { "+" } else { "" };
        let announced = format!(" {{{}{plus}}}\r\n", bytes.len());
        self.last().extend_from_slice(announced.as_bytes());
        if self.literal_plus {
            self.last().extend_from_slice(bytes);
        } else {
            self.fragments.push(bytes.to_vec());
        }
        self
    }

    /// The command up to a literal of `size` octets, which are sent once the server asks for them, and CR LF behind
    /// them: for what is larger than memory.
    pub fn announce(mut self, size: u64) -> Command {
        self.last().extend_from_slice(format!(" {{{size}}}\r\n").as_bytes());
        Command { fragments: self.fragments, stage: self.stage }
    }

    /// The command.
    pub fn finish(mut self) -> Command {
        self.last().extend_from_slice(b"\r\n");
        Command { fragments: self.fragments, stage: self.stage }
    }

    fn last(&mut self) -> &mut Vec<u8> {
        if self.fragments.is_empty() {
            self.fragments.push(Vec::new());
        }
        let last = self.fragments.len() - 1;
        &mut self.fragments[last]
    }
}

fn stage(text: &str) -> Stage {
    match text.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
        "CAPABILITY" => Stage::Capabilities,
        "STARTTLS" => Stage::StartTls,
        "LOGIN" | "AUTHENTICATE" => Stage::Auth,
        "LOGOUT" => Stage::Quit,
        _ => Stage::Command,
    }
}

/// A command as a server reads it. What the arguments mean is up to the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The tag; none if the line has no word that can be one.
    pub tag: Option<String>,
    /// The name in upper case, escaped; `UID FETCH` and its like as two words.
    pub name: String,
    /// The arguments.
    pub args: Vec<Value>,
}

/// Reads a command.
pub fn parse_request(unit: &Unit) -> Parsed<Request> {
    let mut deviations = Vec::new();
    let line = unit.first_line();
    let end = |from: usize| line[from..].iter().position(|&b| b == b' ').map_or(line.len(), |n| from + n);
    let tag_end = end(0);
    let tag = &line[..tag_end];
    // tag = 1*<any ASTRING-CHAR except "+">
    let wellformed =
        !tag.is_empty() && tag.iter().all(|b| b.is_ascii_graphic() && !b"+(){%*\"\\".contains(b));
    if !wellformed {
        let span = Span::new(Side::Client, unit.from, unit.from + tag_end as u64);
        deviations.push(ehlo_core::Deviation::new(DeviationKind::BadTag, span));
    }
    let name_from = (tag_end + 1).min(line.len());
    let mut name_end = end(name_from);
    if line[name_from..name_end].eq_ignore_ascii_case(b"UID") && name_end < line.len() {
        name_end = end(name_end + 1);
    }
    let name = ehlo_core::escape(&line[name_from..name_end].to_ascii_uppercase());
    let args = values(unit, name_end, Side::Client, &mut deviations);
    let tag = wellformed.then(|| String::from_utf8_lossy(tag).into_owned());
    Parsed::new(Request { tag, name, args }, deviations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};

    #[test]
    fn any_password_can_be_sent() {
        let built = |pass: &[u8], plus| {
            let builder = CommandBuilder::new("a1", "LOGIN").unwrap().literal_plus(plus);
            builder.string(b"name").string(pass).finish().fragments
        };
        assert_eq!(built(b"gEhEiM!", false), [b"a1 LOGIN \"name\" \"gEhEiM!\"\r\n".to_vec()]);
        assert_eq!(
            built(b"a\"b\\", false),
            [br#"a1 LOGIN "name" "a\"b\\""#.iter().copied().chain(*b"\r\n").collect::<Vec<_>>()]
        );
        assert_eq!(
            built("pässwörd".as_bytes(), false),
            [b"a1 LOGIN \"name\" {10}\r\n".to_vec(), ["pässwörd".as_bytes(), b"\r\n"].concat()]
        );
        assert_eq!(built(b"\xff", true), [b"a1 LOGIN \"name\" {1+}\r\n\xff\r\n".to_vec()]);
        assert!(CommandBuilder::new("a1\r\n", "NOOP").is_err());
    }

    #[test]
    fn servers_read_what_clients_build() {
        let mut framer = Framer::new(FramerMode::ImapCommands, &ehlo_core::Limits::default());
        let sent = CommandBuilder::new("x9", "uid fetch")
            .unwrap()
            .text("1:* (FLAGS)")
            .unwrap()
            .literal(b"a\nb")
            .finish();
        framer.push(&sent.fragments.concat());
        assert_eq!(framer.next(), None);
        framer.accept_literal();
        let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!() };
        let request = parse_request(&unit).value;
        assert_eq!((request.tag.as_deref(), request.name.as_str()), (Some("x9"), "UID FETCH"));
        assert_eq!(request.args.len(), 3);
        assert_eq!(request.args[2].astring(), Some(&b"a\nb"[..]));
    }

    #[test]
    fn lines_without_a_tag() {
        for (line, tag, name) in
            [("", None, ""), ("NOOP", Some("NOOP"), ""), ("a+b NOOP", None, "NOOP"), (" NOOP", None, "NOOP")]
        {
            let mut framer = Framer::new(FramerMode::ImapCommands, &ehlo_core::Limits::default());
            framer.push(format!("{line}\r\n").as_bytes());
            let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!() };
            let request = parse_request(&unit).value;
            assert_eq!((request.tag.as_deref(), request.name.as_str()), (tag, name), "{line}");
        }
    }
}

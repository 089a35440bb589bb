/// A command of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandMeta {
    /// Its name, without the colon; its text stands below `talk/command/`.
    pub name: &'static str,
    /// What follows it.
    pub arguments: &'static str,
    /// Whether it is a statement of scripts, so that a saved session holds it.
    pub is_statement: bool,
}

const fn own(name: &'static str, arguments: &'static str) -> CommandMeta {
    CommandMeta { name, arguments, is_statement: false }
}

const fn statement(name: &'static str, arguments: &'static str) -> CommandMeta {
    CommandMeta { name, arguments, is_statement: true }
}

/// All commands of the console, in the order in which help lists them.
pub static COMMANDS: &[CommandMeta] = &[
    own("help", "[COMMAND]"),
    own("explain", "[TEXT]"),
    own("caps", ""),
    own("certs", ""),
    own("b64", "[TEXT]"),
    own("yes", ""),
    own("quiet", "[on|off]"),
    own("tag", "[on|off]"),
    statement("starttls", ""),
    statement("tls", "[on|off|OPTION=VALUE …]"),
    statement("login", "[NAME]"),
    statement("auth", "MECHANISM [NAME]"),
    statement("data", "[FILE]"),
    own("append", "MAILBOX [FILE]"),
    own("fetch", "N"),
    statement("raw", "\"BYTES\""),
    statement("assert", "QUERY OPERATOR VALUE"),
    statement("capture", "NAME = QUERY"),
    statement("do", "STATEMENT"),
    statement("connect", "[TARGET]"),
    statement("reconnect", ""),
    statement("close", ""),
    own("save", "FILE"),
    own("lesson", "[smtp|pop3|imap|next|stop]"),
    own("quit", ""),
];

/// The command of that name.
pub(crate) fn command(name: &str) -> Option<&'static CommandMeta> {
    COMMANDS.iter().find(|c| c.name.eq_ignore_ascii_case(name))
}

/// A line that is meant for the console: the command, and what follows it.
pub(crate) fn parse(line: &str) -> Option<(&'static str, &str)> {
    let rest = line.strip_prefix(':')?;
    let (name, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((command(name)?.name, arguments.trim()))
}

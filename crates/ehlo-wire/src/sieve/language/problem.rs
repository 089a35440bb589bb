use std::fmt;

/// Something wrong in a script, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What it is.
    pub fault: Fault,
}

/// What can be wrong in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The script is not UTF-8 (RFC 5228 §2.1).
    NotUtf8,
    /// A string is never closed.
    OpenString,
    /// A text of several lines has no line that is a dot alone (RFC 5228 §2.4.2).
    OpenText,
    /// A comment is never closed.
    OpenComment,
    /// A block, list or test list is never closed; the character that is missing.
    Unclosed(char),
    /// A number that is too large, or followed by letters.
    BadNumber(String),
    /// A character that cannot stand here.
    BadCharacter(char),
    /// Something else stands where this is needed.
    Wanted {
        /// What is needed.
        wanted: &'static str,
        /// What stands there.
        found: String,
    },
    /// Blocks or tests are nested too deep.
    TooDeep,
    /// A command that the language does not have.
    UnknownCommand(String),
    /// A test that the language does not have.
    UnknownTest(String),
    /// A test stands where a command is needed.
    TestAsCommand(String),
    /// A command stands where a test is needed.
    CommandAsTest(String),
    /// `require` of an extension that is not known.
    UnknownExtension(String),
    /// `require` stands behind other commands (RFC 5228 §3.2).
    LateRequire,
    /// The extension that this needs is not required.
    Needs {
        /// The command, test or argument.
        what: String,
        /// The extension.
        extension: String,
    },
    /// `elsif` or `else` does not follow `if` or `elsif` (RFC 5228 §3.1).
    NoIf(String),
    /// A block is missing.
    NoBlock(String),
    /// A block where none is allowed.
    StrayBlock(String),
    /// A test is missing, or there are too many.
    Tests {
        /// The command or test.
        what: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// A tagged argument that the command does not have.
    UnknownTag {
        /// The command or test.
        what: String,
        /// The argument.
        tag: String,
    },
    /// Two tagged arguments that exclude each other, or the same twice.
    TagsClash {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// A tagged argument behind the positional ones (RFC 5228 §2.6.2).
    LateTag(String),
    /// A tagged argument lacks what it takes, or has something else.
    TagValue {
        /// The argument.
        tag: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// A required tagged argument is missing.
    MissingTag {
        /// The command or test.
        what: String,
        /// The choices.
        wanted: &'static str,
    },
    /// An argument is missing.
    MissingArgument {
        /// The command or test.
        what: String,
        /// What it is.
        wanted: &'static str,
    },
    /// An argument is of the wrong type.
    BadArgument {
        /// The command or test.
        what: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// More arguments than the command takes.
    ExtraArgument(String),
    /// A value that is not possible; what is.
    BadValue {
        /// What stands there.
        value: String,
        /// What is possible.
        wanted: &'static str,
    },
    /// An extension is required and not used.
    Unused(String),
    /// What follows `stop` is never reached.
    Unreachable,
}

impl Problem {
    /// A problem at an offset of the script.
    pub(super) fn at(script: &[u8], offset: usize, fault: Fault) -> Problem {
        let before = &script[..offset.min(script.len())];
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        // Characters, not bytes: those that begin one.
        let column = before[start..].iter().filter(|&&b| b & 0xc0 != 0x80).count() + 1;
        Problem { line, column, fault }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotUtf8 => f.write_str("this is not UTF-8"),
            Fault::OpenString => f.write_str("this string is never closed"),
            Fault::OpenText => f.write_str("this text never ends: a line with a dot alone is missing"),
            Fault::OpenComment => f.write_str("this comment is never closed"),
            Fault::Unclosed(c) => write!(f, "{c} is missing for what was opened here"),
            Fault::BadNumber(number) => write!(f, "{number} is no number"),
            Fault::BadCharacter(c) => write!(f, "{c:?} cannot stand here"),
            Fault::Wanted { wanted, found } => write!(f, "{wanted} is needed here, not {found}"),
            Fault::TooDeep => f.write_str("this is nested too deep"),
            Fault::UnknownCommand(name) => write!(f, "there is no command {name}"),
            Fault::UnknownTest(name) => write!(f, "there is no test {name}"),
            Fault::TestAsCommand(name) => write!(f, "{name} is a test, not a command"),
            Fault::CommandAsTest(name) => write!(f, "{name} is a command, not a test"),
            Fault::UnknownExtension(name) => write!(f, "there is no extension {name:?} here"),
            Fault::LateRequire => f.write_str("require must stand before all other commands"),
            Fault::Needs { what, extension } => write!(f, "{what} needs: require \"{extension}\";"),
            Fault::NoIf(name) => write!(f, "{name} must follow the block of if or elsif"),
            Fault::NoBlock(name) => write!(f, "{name} needs a block in braces"),
            Fault::StrayBlock(name) => write!(f, "{name} takes no block"),
            Fault::Tests { what, wanted } => write!(f, "{what} takes {wanted}"),
            Fault::UnknownTag { what, tag } => write!(f, "{what} has no argument :{tag}"),
            Fault::TagsClash { first, second } if first == second => write!(f, ":{first} stands here twice"),
            Fault::TagsClash { first, second } => write!(f, ":{first} and :{second} exclude each other"),
            Fault::LateTag(tag) => write!(f, ":{tag} must stand before the other arguments"),
            Fault::TagValue { tag, wanted } => write!(f, ":{tag} takes {wanted}"),
            Fault::MissingTag { what, wanted } => write!(f, "{what} needs {wanted}"),
            Fault::MissingArgument { what, wanted } => write!(f, "{what} needs {wanted}"),
            Fault::BadArgument { what, wanted } => write!(f, "{what} needs {wanted} here"),
            Fault::ExtraArgument(what) => write!(f, "{what} takes no further argument"),
            Fault::BadValue { value, wanted } => write!(f, "{value:?} is not possible here: {wanted}"),
            Fault::Unused(name) => write!(f, "the extension {name:?} is required, but not used"),
            Fault::Unreachable => f.write_str("this is never reached, since stop stands before it"),
        }
    }
}

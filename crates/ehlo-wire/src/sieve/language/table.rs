//! The commands and tests that are known, as the RFCs give their usage lines.

/// The extensions that scripts may require, as the capability `SIEVE` lists them. `comparator-i;octet` and
/// `comparator-i;ascii-casemap` are part of the language itself (RFC 5228 §2.7.3).
pub static EXTENSIONS: &[&str] = &[
    "fileinto",
    "reject",
    "ereject",
    "envelope",
    "encoded-character",
    "vacation",
    "vacation-seconds",
    "subaddress",
    "comparator-i;ascii-numeric",
    "relational",
    "imap4flags",
    "copy",
    "variables",
    "body",
    "date",
    "index",
    "mailbox",
    "duplicate",
    "editheader",
    "enotify",
    "include",
    "environment",
    "ihave",
    "special-use",
];

/// The type of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Text,
    /// A string or a list of strings (RFC 5228 §2.4.2.1).
    List,
}

impl Type {
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Type::Number => "a number",
            Type::Text => "a string",
            Type::List => "a string or a list of strings",
        }
    }
}

/// A tagged argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) name: &'static str,
    /// Those of one group exclude each other.
    pub(super) group: &'static str,
    pub(super) takes: Option<Type>,
    pub(super) needs: Option<&'static str>,
}

/// How many tests a command or test takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tests {
    None,
    One,
    Many,
}

/// Which of the positional arguments may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Optional {
    None,
    First,
    Last,
}

/// A command or a test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) is_test: bool,
    /// The extension that it comes from; empty for the language itself.
    pub(super) needs: &'static str,
    pub(super) tags: &'static [&'static [Tag]],
    pub(super) args: &'static [Type],
    pub(super) optional: Optional,
    pub(super) tests: Tests,
    pub(super) block: bool,
}

const fn tag(name: &'static str, group: &'static str) -> Tag {
    Tag { name, group, takes: None, needs: None }
}

const fn with(name: &'static str, takes: Type) -> Tag {
    Tag { name, group: name, takes: Some(takes), needs: None }
}

impl Tag {
    const fn needing(self, extension: &'static str) -> Tag {
        Tag { needs: Some(extension), ..self }
    }

    const fn taking(self, takes: Type) -> Tag {
        Tag { takes: Some(takes), ..self }
    }
}

/// RFC 5228 §2.7.1, §2.7.3; RFC 5231.
static MATCH: &[Tag] = &[
    tag("is", "match"),
    tag("contains", "match"),
    tag("matches", "match"),
    tag("value", "match").taking(Type::Text).needing("relational"),
    tag("count", "match").taking(Type::Text).needing("relational"),
    with("comparator", Type::Text),
];
/// RFC 5228 §2.7.4; RFC 5233.
static PART: &[Tag] = &[
    tag("all", "part"),
    tag("localpart", "part"),
    tag("domain", "part"),
    tag("user", "part").needing("subaddress"),
    tag("detail", "part").needing("subaddress"),
];
/// RFC 5260 §6.
static INDEX: &[Tag] = &[with("index", Type::Number).needing("index"), tag("last", "last").needing("index")];
static SIZE: &[Tag] =
    &[tag("over", "limit").taking(Type::Number), tag("under", "limit").taking(Type::Number)];
static COPY: &[Tag] = &[tag("copy", "copy").needing("copy")];
static FLAGS: &[Tag] = &[with("flags", Type::List).needing("imap4flags")];
static INTO: &[Tag] =
    &[tag("create", "create").needing("mailbox"), with("specialuse", Type::Text).needing("special-use")];
static VACATION: &[Tag] = &[
    tag("days", "period").taking(Type::Number),
    tag("seconds", "period").taking(Type::Number).needing("vacation-seconds"),
    with("subject", Type::Text),
    with("from", Type::Text),
    with("addresses", Type::List),
    with("handle", Type::Text),
    tag("mime", "mime"),
];
/// RFC 5229 §4.1; those of one precedence exclude each other.
static MODIFIERS: &[Tag] = &[
    tag("lower", "case"),
    tag("upper", "case"),
    tag("lowerfirst", "first"),
    tag("upperfirst", "first"),
    tag("quotewildcard", "quote"),
    tag("length", "length"),
];
static BODY: &[Tag] =
    &[tag("raw", "transform"), tag("content", "transform").taking(Type::List), tag("text", "transform")];
static ZONE: &[Tag] = &[tag("zone", "zone").taking(Type::Text), tag("originalzone", "zone")];
static CURRENT_ZONE: &[Tag] = &[with("zone", Type::Text)];
static DUPLICATE: &[Tag] = &[
    tag("header", "id").taking(Type::Text),
    tag("uniqueid", "id").taking(Type::Text),
    with("handle", Type::Text),
    with("seconds", Type::Number),
    tag("last", "last"),
];
static ADD_HEADER: &[Tag] = &[tag("last", "last")];
static DELETE_HEADER: &[Tag] = &[with("index", Type::Number), tag("last", "last")];
static NOTIFY: &[Tag] = &[
    with("from", Type::Text),
    with("importance", Type::Text),
    with("options", Type::List),
    with("message", Type::Text),
];
static INCLUDE: &[Tag] =
    &[tag("personal", "place"), tag("global", "place"), tag("once", "once"), tag("optional", "optional")];

const COMMAND: Spec = Spec {
    name: "",
    is_test: false,
    needs: "",
    tags: &[],
    args: &[],
    optional: Optional::None,
    tests: Tests::None,
    block: false,
};
const TEST: Spec = Spec { is_test: true, ..COMMAND };

use Type::{List, Text};

/// All commands and tests.
pub(super) static SPECS: &[Spec] = &[
    // RFC 5228 §3, §4
    Spec { name: "require", args: &[List], ..COMMAND },
    Spec { name: "if", tests: Tests::One, block: true, ..COMMAND },
    Spec { name: "elsif", tests: Tests::One, block: true, ..COMMAND },
    Spec { name: "else", block: true, ..COMMAND },
    Spec { name: "stop", ..COMMAND },
    Spec { name: "keep", tags: &[FLAGS], ..COMMAND },
    Spec { name: "discard", ..COMMAND },
    Spec { name: "redirect", tags: &[COPY], args: &[Text], ..COMMAND },
    Spec { name: "fileinto", needs: "fileinto", tags: &[COPY, FLAGS, INTO], args: &[Text], ..COMMAND },
    // RFC 5228 §5
    Spec { name: "address", tags: &[MATCH, PART, INDEX], args: &[List, List], ..TEST },
    Spec { name: "allof", tests: Tests::Many, ..TEST },
    Spec { name: "anyof", tests: Tests::Many, ..TEST },
    Spec { name: "envelope", needs: "envelope", tags: &[MATCH, PART], args: &[List, List], ..TEST },
    Spec { name: "exists", args: &[List], ..TEST },
    Spec { name: "false", ..TEST },
    Spec { name: "header", tags: &[MATCH, INDEX], args: &[List, List], ..TEST },
    Spec { name: "not", tests: Tests::One, ..TEST },
    Spec { name: "size", tags: &[SIZE], ..TEST },
    Spec { name: "true", ..TEST },
    // RFC 5429
    Spec { name: "reject", needs: "reject", args: &[Text], ..COMMAND },
    Spec { name: "ereject", needs: "ereject", args: &[Text], ..COMMAND },
    // RFC 5230
    Spec { name: "vacation", needs: "vacation", tags: &[VACATION], args: &[Text], ..COMMAND },
    // RFC 5232
    Spec { name: "setflag", needs: "imap4flags", args: &[Text, List], optional: Optional::First, ..COMMAND },
    Spec { name: "addflag", needs: "imap4flags", args: &[Text, List], optional: Optional::First, ..COMMAND },
    Spec {
        name: "removeflag",
        needs: "imap4flags",
        args: &[Text, List],
        optional: Optional::First,
        ..COMMAND
    },
    Spec {
        name: "hasflag",
        needs: "imap4flags",
        tags: &[MATCH],
        args: &[List, List],
        optional: Optional::First,
        ..TEST
    },
    // RFC 5229
    Spec { name: "set", needs: "variables", tags: &[MODIFIERS], args: &[Text, Text], ..COMMAND },
    Spec { name: "string", needs: "variables", tags: &[MATCH], args: &[List, List], ..TEST },
    // RFC 5173
    Spec { name: "body", needs: "body", tags: &[MATCH, BODY], args: &[List], ..TEST },
    // RFC 5260
    Spec { name: "date", needs: "date", tags: &[MATCH, ZONE, INDEX], args: &[Text, Text, List], ..TEST },
    Spec { name: "currentdate", needs: "date", tags: &[MATCH, CURRENT_ZONE], args: &[Text, List], ..TEST },
    // RFC 5490
    Spec { name: "mailboxexists", needs: "mailbox", args: &[List], ..TEST },
    // RFC 8579
    Spec {
        name: "specialuse_exists",
        needs: "special-use",
        args: &[Text, List],
        optional: Optional::First,
        ..TEST
    },
    // RFC 7352
    Spec { name: "duplicate", needs: "duplicate", tags: &[DUPLICATE], ..TEST },
    // RFC 5293
    Spec { name: "addheader", needs: "editheader", tags: &[ADD_HEADER], args: &[Text, Text], ..COMMAND },
    Spec {
        name: "deleteheader",
        needs: "editheader",
        tags: &[DELETE_HEADER, MATCH],
        args: &[Text, List],
        optional: Optional::Last,
        ..COMMAND
    },
    // RFC 5435
    Spec { name: "notify", needs: "enotify", tags: &[NOTIFY], args: &[Text], ..COMMAND },
    Spec { name: "valid_notify_method", needs: "enotify", args: &[List], ..TEST },
    Spec {
        name: "notify_method_capability",
        needs: "enotify",
        tags: &[MATCH],
        args: &[Text, Text, List],
        ..TEST
    },
    // RFC 6609
    Spec { name: "include", needs: "include", tags: &[INCLUDE], args: &[Text], ..COMMAND },
    Spec { name: "return", needs: "include", ..COMMAND },
    Spec { name: "global", needs: "include", args: &[List], ..COMMAND },
    // RFC 5183
    Spec { name: "environment", needs: "environment", tags: &[MATCH], args: &[Text, List], ..TEST },
    // RFC 5463
    Spec { name: "ihave", needs: "ihave", args: &[List], ..TEST },
    Spec { name: "error", needs: "ihave", args: &[Text], ..COMMAND },
];

/// The command or test of that name, in lower case.
pub(super) fn spec(name: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == name)
}

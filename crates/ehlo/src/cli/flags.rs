use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, value_parser};
use ehlo_report::Texts;

/// A flag: one line of a table.
pub(crate) struct Flag {
    name: &'static str,
    short: Option<char>,
    kind: Kind,
    group: Group,
    /// Its key in the knowledge data.
    pub(crate) text: &'static str,
}

enum Kind {
    /// Words without a flag.
    Words(&'static str),
    /// On or off.
    Switch,
    /// How often it is given counts.
    Count,
    /// One value.
    Value(&'static str),
    /// One of these values.
    Choice(&'static str, &'static [&'static str]),
    /// One value, which may be a negative number.
    Signed(&'static str),
    /// A value, as often as wanted.
    Values(&'static str),
}

/// The headings under which flags are explained.
#[derive(Clone, Copy)]
pub(crate) enum Group {
    Target,
    Trust,
    Login,
    Explain,
    Envelope,
    Message,
    Smtp,
    Course,
    Mailbox,
    Trip,
    TripCourse,
    Sasl,
    Scripts,
    Checks,
    Waiting,
    Output,
    Lab,
}

const fn flag(name: &'static str, kind: Kind, group: Group) -> Flag {
    Flag { name, short: None, kind, group, text: name }
}

const fn short(name: &'static str, short: char, kind: Kind, group: Group) -> Flag {
    Flag { name, short: Some(short), kind, group, text: name }
}

/// The flags of `check`.
pub(crate) const CHECK_FLAGS: &[Flag] = &[
    flag("target", Kind::Words("TARGET"), Group::Target),
    flag("role", Kind::Choice("ROLE", &["mx", "submission", "lmtp", "access"]), Group::Target),
    flag("connect", Kind::Value("ADDR"), Group::Target),
    short("ipv4", '4', Kind::Switch, Group::Target),
    short("ipv6", '6', Kind::Switch, Group::Target),
    flag("source", Kind::Value("ADDR"), Group::Target),
    flag("helo", Kind::Value("NAME"), Group::Target),
    flag("sni", Kind::Value("NAME"), Group::Trust),
    flag("ca", Kind::Values("FILE"), Group::Trust),
    flag("pin", Kind::Values("SHA256"), Group::Trust),
    flag("client-cert", Kind::Value("FILE"), Group::Trust),
    flag("client-key", Kind::Value("FILE"), Group::Trust),
    flag("user", Kind::Value("NAME"), Group::Login),
    flag("password-file", Kind::Value("FILE"), Group::Login),
    flag("password-command", Kind::Value("COMMAND"), Group::Login),
    flag("mechanism", Kind::Value("NAME"), Group::Login),
    flag("insecure-auth", Kind::Switch, Group::Login),
    flag("only", Kind::Values("CHECK"), Group::Checks),
    flag("skip", Kind::Values("CHECK"), Group::Checks),
    flag("policy", Kind::Value("NAME"), Group::Checks),
    flag("allow", Kind::Values("CHECK"), Group::Checks),
    flag("relay-to", Kind::Value("ADDRESS"), Group::Checks),
    flag("relay-mailbox", Kind::Value("TARGET"), Group::Checks),
    flag("own-mailbox", Kind::Value("ADDRESS"), Group::Checks),
    flag("own-mailbox-in", Kind::Value("TARGET"), Group::Checks),
    Flag { name: "dry-run", short: None, kind: Kind::Switch, group: Group::Checks, text: "check-dry-run" },
    flag("as-outside", Kind::Switch, Group::Checks),
    flag("tls-list", Kind::Switch, Group::Checks),
    flag("deep", Kind::Switch, Group::Checks),
    flag("budget", Kind::Value("NUMBER"), Group::Checks),
    flag("gap", Kind::Value("TIME"), Group::Checks),
    flag("max-conn", Kind::Value("NUMBER"), Group::Checks),
    flag("now", Kind::Value("DATE"), Group::Checks),
    flag("fail-on", Kind::Choice("LEVEL", &["fail", "warn", "never"]), Group::Checks),
    flag("list-checks", Kind::Switch, Group::Checks),
    flag("rejudge", Kind::Value("FILE"), Group::Checks),
    flag("timeout", Kind::Value("TIME"), Group::Waiting),
    flag("connect-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("greeting-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("handshake-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("command-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("service-deadline", Kind::Value("TIME"), Group::Waiting),
    flag("deadline", Kind::Value("TIME"), Group::Waiting),
    CHECK_FORMAT,
    flag("warn", Kind::Value("TIME"), Group::Output),
    flag("critical", Kind::Value("TIME"), Group::Output),
    flag("transcript", Kind::Value("FILE"), Group::Output),
    flag("color", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Output),
    short("quiet", 'q', Kind::Switch, Group::Output),
    short("verbose", 'v', Kind::Count, Group::Output),
    flag("lab-fault", Kind::Values("FAULT"), Group::Lab),
    flag("lab-persona", Kind::Values("PERSONA"), Group::Lab),
];

/// The flags of `auth`.
pub(crate) const AUTH_FLAGS: &[Flag] = &[
    flag("target", Kind::Words("TARGET"), Group::Target),
    flag("connect", Kind::Value("ADDR"), Group::Target),
    short("ipv4", '4', Kind::Switch, Group::Target),
    short("ipv6", '6', Kind::Switch, Group::Target),
    flag("source", Kind::Value("ADDR"), Group::Target),
    flag("helo", Kind::Value("NAME"), Group::Target),
    flag("sni", Kind::Value("NAME"), Group::Trust),
    flag("ca", Kind::Values("FILE"), Group::Trust),
    flag("pin", Kind::Values("SHA256"), Group::Trust),
    flag("client-cert", Kind::Value("FILE"), Group::Trust),
    flag("client-key", Kind::Value("FILE"), Group::Trust),
    Flag { name: "user", short: None, kind: Kind::Value("NAME"), group: Group::Login, text: "auth-user" },
    flag("authzid", Kind::Value("NAME"), Group::Login),
    flag("password-file", Kind::Value("FILE"), Group::Login),
    flag("password-command", Kind::Value("COMMAND"), Group::Login),
    flag("token-file", Kind::Value("FILE"), Group::Login),
    flag("insecure-auth", Kind::Switch, Group::Login),
    Flag {
        name: "mechanism",
        short: None,
        kind: Kind::Values("NAME"),
        group: Group::Sasl,
        text: "auth-mechanism",
    },
    Flag { name: "all", short: None, kind: Kind::Switch, group: Group::Sasl, text: "auth-all" },
    Flag { name: "wrong", short: None, kind: Kind::Switch, group: Group::Sasl, text: "auth-wrong" },
    flag("password-form", Kind::Choice("FORM", &["prepared", "raw", "latin-1"]), Group::Sasl),
    flag("realm", Kind::Value("NAME"), Group::Sasl),
    flag("iteration-cap", Kind::Value("N"), Group::Sasl),
    flag("allow-ntlm-v1", Kind::Switch, Group::Sasl),
    flag("timeout", Kind::Value("TIME"), Group::Waiting),
    flag("connect-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("greeting-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("handshake-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("command-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("service-deadline", Kind::Value("TIME"), Group::Waiting),
    flag("deadline", Kind::Value("TIME"), Group::Waiting),
    flag("steps", Kind::Switch, Group::Output),
    CHECK_FORMAT,
    flag("warn", Kind::Value("TIME"), Group::Output),
    flag("critical", Kind::Value("TIME"), Group::Output),
    flag("transcript", Kind::Value("FILE"), Group::Output),
    flag("color", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Output),
    short("quiet", 'q', Kind::Switch, Group::Output),
    short("verbose", 'v', Kind::Count, Group::Output),
    flag("lab-fault", Kind::Values("FAULT"), Group::Lab),
    flag("lab-persona", Kind::Values("PERSONA"), Group::Lab),
];

/// The flags of `mailbox`.
pub(crate) const MAILBOX_FLAGS: &[Flag] = &[
    Flag {
        name: "word",
        short: None,
        kind: Kind::Words("VERB TARGET"),
        group: Group::Mailbox,
        text: "mailbox-word",
    },
    flag("folder", Kind::Value("FOLDER"), Group::Mailbox),
    flag("write", Kind::Switch, Group::Mailbox),
    flag("uid", Kind::Switch, Group::Mailbox),
    Flag { name: "limit", short: None, kind: Kind::Value("N"), group: Group::Mailbox, text: "mailbox-limit" },
    Flag { name: "all", short: None, kind: Kind::Switch, group: Group::Mailbox, text: "mailbox-all" },
    flag("raw", Kind::Switch, Group::Mailbox),
    flag("headers", Kind::Switch, Group::Mailbox),
    flag("structure", Kind::Switch, Group::Mailbox),
    flag("part", Kind::Value("N"), Group::Mailbox),
    flag("for", Kind::Value("TIME"), Group::Mailbox),
    Flag { name: "count", short: None, kind: Kind::Value("N"), group: Group::Mailbox, text: "mailbox-count" },
    flag("interval", Kind::Value("TIME"), Group::Mailbox),
    flag("connect", Kind::Value("ADDR"), Group::Target),
    short("ipv4", '4', Kind::Switch, Group::Target),
    short("ipv6", '6', Kind::Switch, Group::Target),
    flag("source", Kind::Value("ADDR"), Group::Target),
    flag("sni", Kind::Value("NAME"), Group::Trust),
    flag("ca", Kind::Values("FILE"), Group::Trust),
    flag("pin", Kind::Values("SHA256"), Group::Trust),
    flag("client-cert", Kind::Value("FILE"), Group::Trust),
    flag("client-key", Kind::Value("FILE"), Group::Trust),
    Flag { name: "user", short: None, kind: Kind::Value("NAME"), group: Group::Login, text: "mailbox-user" },
    flag("password-file", Kind::Value("FILE"), Group::Login),
    flag("password-command", Kind::Value("COMMAND"), Group::Login),
    flag("mechanism", Kind::Value("NAME"), Group::Login),
    flag("insecure-auth", Kind::Switch, Group::Login),
    flag("timeout", Kind::Value("TIME"), Group::Waiting),
    flag("connect-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("greeting-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("handshake-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("command-timeout", Kind::Value("TIME"), Group::Waiting),
    Flag {
        name: "deadline",
        short: None,
        kind: Kind::Value("TIME"),
        group: Group::Waiting,
        text: "mailbox-deadline",
    },
    flag("format", Kind::Choice("FORMAT", &["human", "json"]), Group::Output),
    flag("transcript", Kind::Value("FILE"), Group::Output),
    flag("color", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Output),
    Flag { name: "quiet", short: Some('q'), kind: Kind::Switch, group: Group::Output, text: "mailbox-quiet" },
    Flag {
        name: "verbose",
        short: Some('v'),
        kind: Kind::Count,
        group: Group::Output,
        text: "mailbox-verbose",
    },
    flag("lab-fault", Kind::Values("FAULT"), Group::Lab),
    flag("lab-persona", Kind::Values("PERSONA"), Group::Lab),
    flag("lab-seed", Kind::Values("[ACCOUNT[/MAILBOX]=]PATH"), Group::Lab),
];

/// What `check` and `auth` can write.
const CHECK_FORMAT: Flag = Flag {
    name: "format",
    short: None,
    kind: Kind::Choice("FORMAT", &["human", "json", "nagios", "prometheus"]),
    group: Group::Output,
    text: "check-format",
};

/// A flag whose text is not that of its name.
const fn named(name: &'static str, kind: Kind, group: Group, text: &'static str) -> Flag {
    Flag { name, short: None, kind, group, text }
}

/// The points at which `send` can be stopped.
const POINTS: &[&str] =
    &["banner", "first-ehlo", "tls", "ehlo", "xclient", "auth", "mail", "rcpt", "data", "end"];

/// The flags of `send`.
pub(crate) const SEND_FLAGS: &[Flag] = &[
    named("target", Kind::Words("TARGET"), Group::Target, "send-target"),
    flag("from", Kind::Value("ADDR"), Group::Envelope),
    flag("to", Kind::Values("ADDR"), Group::Envelope),
    flag("cc", Kind::Values("ADDR"), Group::Envelope),
    flag("bcc", Kind::Values("ADDR"), Group::Envelope),
    flag("mail-from", Kind::Value("ADDR"), Group::Envelope),
    flag("rcpt", Kind::Values("ADDR"), Group::Envelope),
    flag("subject", Kind::Value("TEXT"), Group::Message),
    flag("body", Kind::Value("TEXT|@FILE"), Group::Message),
    flag("html", Kind::Value("TEXT|@FILE"), Group::Message),
    flag("attach", Kind::Values("FILE"), Group::Message),
    flag("header", Kind::Values("NAME: VALUE"), Group::Message),
    flag("add-header", Kind::Values("NAME: VALUE"), Group::Message),
    flag("eml", Kind::Value("FILE"), Group::Message),
    named("raw", Kind::Switch, Group::Message, "send-raw"),
    flag("data-end", Kind::Value("TEXT"), Group::Message),
    flag("dkim-key", Kind::Value("FILE"), Group::Message),
    flag("dkim-domain", Kind::Value("NAME"), Group::Message),
    flag("dkim-selector", Kind::Value("NAME"), Group::Message),
    flag("pipelining", Kind::Choice("WHEN", &["auto", "on", "off"]), Group::Smtp),
    flag("bdat", Kind::Value("SIZE"), Group::Smtp),
    flag("size", Kind::Value("SIZE"), Group::Smtp),
    flag("body-type", Kind::Choice("TYPE", &["auto", "off", "7bit", "8bitmime", "binarymime"]), Group::Smtp),
    flag("smtputf8", Kind::Choice("WHEN", &["auto", "on", "off"]), Group::Smtp),
    flag("dsn-notify", Kind::Value("WHEN"), Group::Smtp),
    flag("dsn-return", Kind::Choice("WHAT", &["full", "hdrs"]), Group::Smtp),
    flag("dsn-envid", Kind::Value("TEXT"), Group::Smtp),
    flag("dsn-orcpt", Kind::Value("ADDR"), Group::Smtp),
    flag("require-tls", Kind::Switch, Group::Smtp),
    flag("deliver-by", Kind::Value("SECONDS[;MODE]"), Group::Smtp),
    flag("priority", Kind::Signed("N"), Group::Smtp),
    flag("hold-for", Kind::Value("SECONDS"), Group::Smtp),
    flag("hold-until", Kind::Value("DATE"), Group::Smtp),
    flag("prdr", Kind::Switch, Group::Smtp),
    flag("mail-parameter", Kind::Values("TEXT"), Group::Smtp),
    flag("rcpt-parameter", Kind::Values("TEXT"), Group::Smtp),
    named("xclient", Kind::Values("NAME=VALUE"), Group::Smtp, "send-xclient"),
    flag("xforward", Kind::Values("NAME=VALUE"), Group::Smtp),
    flag("proxy", Kind::Choice("VERSION", &["v1", "v2"]), Group::Smtp),
    flag("proxy-from", Kind::Value("ADDR:PORT"), Group::Smtp),
    flag("proxy-to", Kind::Value("ADDR:PORT"), Group::Smtp),
    flag("say-helo", Kind::Switch, Group::Smtp),
    flag("force", Kind::Switch, Group::Smtp),
    named("count", Kind::Value("N"), Group::Course, "send-count"),
    flag("rate", Kind::Signed("N"), Group::Course),
    flag("per-connection", Kind::Value("N"), Group::Course),
    flag("quit-after", Kind::Choice("POINT", POINTS), Group::Course),
    flag("drop-after", Kind::Choice("POINT", POINTS), Group::Course),
    flag("drop-after-send", Kind::Choice("POINT", POINTS), Group::Course),
    flag("dry-run", Kind::Switch, Group::Course),
    flag("connect", Kind::Value("ADDR"), Group::Target),
    short("ipv4", '4', Kind::Switch, Group::Target),
    short("ipv6", '6', Kind::Switch, Group::Target),
    flag("source", Kind::Value("ADDR"), Group::Target),
    flag("helo", Kind::Value("NAME"), Group::Target),
    flag("tls", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Trust),
    flag("insecure", Kind::Switch, Group::Trust),
    flag("sni", Kind::Value("NAME"), Group::Trust),
    flag("ca", Kind::Values("FILE"), Group::Trust),
    flag("pin", Kind::Values("SHA256"), Group::Trust),
    flag("client-cert", Kind::Value("FILE"), Group::Trust),
    flag("client-key", Kind::Value("FILE"), Group::Trust),
    named("user", Kind::Value("NAME"), Group::Login, "send-user"),
    flag("authzid", Kind::Value("NAME"), Group::Login),
    flag("password-file", Kind::Value("FILE"), Group::Login),
    flag("password-command", Kind::Value("COMMAND"), Group::Login),
    named("token-file", Kind::Value("FILE"), Group::Login, "send-token-file"),
    flag("mechanism", Kind::Value("NAME"), Group::Login),
    flag("insecure-auth", Kind::Switch, Group::Login),
    flag("timeout", Kind::Value("TIME"), Group::Waiting),
    flag("connect-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("greeting-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("handshake-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("command-timeout", Kind::Value("TIME"), Group::Waiting),
    named("deadline", Kind::Value("TIME"), Group::Waiting, "send-deadline"),
    flag("exit-codes", Kind::Choice("WHOSE", &["ehlo", "swaks"]), Group::Output),
    flag("format", Kind::Choice("FORMAT", &["human", "json"]), Group::Output),
    flag("transcript", Kind::Value("FILE"), Group::Output),
    flag("color", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Output),
    Flag { name: "quiet", short: Some('q'), kind: Kind::Switch, group: Group::Output, text: "send-quiet" },
    Flag { name: "verbose", short: Some('v'), kind: Kind::Count, group: Group::Output, text: "send-verbose" },
    flag("lab-fault", Kind::Values("FAULT"), Group::Lab),
    flag("lab-persona", Kind::Values("PERSONA"), Group::Lab),
];

/// The flags of `trip`.
pub(crate) const TRIP_FLAGS: &[Flag] = &[
    named("target", Kind::Words("FROM TO"), Group::Trip, "trip-target"),
    named("from", Kind::Value("ADDR"), Group::Trip, "trip-from"),
    flag("from-user", Kind::Value("NAME"), Group::Trip),
    flag("from-password-file", Kind::Value("FILE"), Group::Trip),
    flag("from-password-command", Kind::Value("COMMAND"), Group::Trip),
    flag("from-mechanism", Kind::Value("NAME"), Group::Trip),
    flag("from-profile", Kind::Value("NAME"), Group::Trip),
    named("to", Kind::Value("ADDR"), Group::Trip, "trip-to"),
    flag("to-user", Kind::Value("NAME"), Group::Trip),
    flag("to-password-file", Kind::Value("FILE"), Group::Trip),
    flag("to-password-command", Kind::Value("COMMAND"), Group::Trip),
    flag("to-mechanism", Kind::Value("NAME"), Group::Trip),
    flag("to-profile", Kind::Value("NAME"), Group::Trip),
    flag("config", Kind::Value("FILE"), Group::Trip),
    flag("insecure-auth", Kind::Switch, Group::Trip),
    named("eml", Kind::Value("FILE"), Group::TripCourse, "trip-eml"),
    named("count", Kind::Value("N"), Group::TripCourse, "trip-count"),
    flag("rate", Kind::Signed("N"), Group::TripCourse),
    named("timeout", Kind::Value("TIME"), Group::TripCourse, "trip-timeout"),
    named("interval", Kind::Value("TIME"), Group::TripCourse, "trip-interval"),
    flag("patient", Kind::Switch, Group::TripCourse),
    flag("keep", Kind::Switch, Group::TripCourse),
    short("ipv4", '4', Kind::Switch, Group::Target),
    short("ipv6", '6', Kind::Switch, Group::Target),
    flag("source", Kind::Value("ADDR"), Group::Target),
    flag("helo", Kind::Value("NAME"), Group::Target),
    flag("tls", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Trust),
    flag("insecure", Kind::Switch, Group::Trust),
    flag("ca", Kind::Values("FILE"), Group::Trust),
    flag("pin", Kind::Values("SHA256"), Group::Trust),
    flag("client-cert", Kind::Value("FILE"), Group::Trust),
    flag("client-key", Kind::Value("FILE"), Group::Trust),
    flag("connect-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("greeting-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("handshake-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("command-timeout", Kind::Value("TIME"), Group::Waiting),
    named("deadline", Kind::Value("TIME"), Group::Waiting, "send-deadline"),
    CHECK_FORMAT,
    named("warn", Kind::Value("TIME"), Group::Output, "trip-warn"),
    named("critical", Kind::Value("TIME"), Group::Output, "trip-critical"),
    flag("transcript", Kind::Value("FILE"), Group::Output),
    flag("color", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Output),
    Flag { name: "quiet", short: Some('q'), kind: Kind::Switch, group: Group::Output, text: "trip-quiet" },
    Flag { name: "verbose", short: Some('v'), kind: Kind::Count, group: Group::Output, text: "trip-verbose" },
    flag("lab-fault", Kind::Values("FAULT"), Group::Lab),
    flag("lab-persona", Kind::Values("PERSONA"), Group::Lab),
];

/// The flags of `run`.
pub(crate) const RUN_FLAGS: &[Flag] = &[
    Flag { name: "file", short: None, kind: Kind::Words("FILE"), group: Group::Scripts, text: "script-file" },
    flag("suite", Kind::Values("NAME"), Group::Scripts),
    flag("list", Kind::Switch, Group::Scripts),
    flag("tag", Kind::Values("TAG"), Group::Scripts),
    flag("skip-tag", Kind::Values("TAG"), Group::Scripts),
    flag(
        "risk",
        Kind::Choice("RISK", &["read-only", "writes-own", "sends-mail", "disruptive"]),
        Group::Scripts,
    ),
    flag("strict", Kind::Switch, Group::Scripts),
    flag("jobs", Kind::Value("N"), Group::Scripts),
    flag("until", Kind::Value("LINE"), Group::Scripts),
    flag("accept", Kind::Switch, Group::Scripts),
    flag("var", Kind::Values("NAME=VALUE"), Group::Scripts),
    flag("secret", Kind::Values("NAME=SOURCE"), Group::Scripts),
    Flag {
        name: "target",
        short: None,
        kind: Kind::Value("TARGET"),
        group: Group::Target,
        text: "run-target",
    },
    flag("profile", Kind::Value("NAME"), Group::Target),
    flag("config", Kind::Value("FILE"), Group::Target),
    flag("connect", Kind::Value("ADDR"), Group::Target),
    short("ipv4", '4', Kind::Switch, Group::Target),
    short("ipv6", '6', Kind::Switch, Group::Target),
    flag("source", Kind::Value("ADDR"), Group::Target),
    flag("helo", Kind::Value("NAME"), Group::Target),
    flag("ca", Kind::Values("FILE"), Group::Trust),
    flag("pin", Kind::Values("SHA256"), Group::Trust),
    flag("client-cert", Kind::Value("FILE"), Group::Trust),
    flag("client-key", Kind::Value("FILE"), Group::Trust),
    flag("user", Kind::Value("NAME"), Group::Login),
    flag("password-file", Kind::Value("FILE"), Group::Login),
    flag("password-command", Kind::Value("COMMAND"), Group::Login),
    flag("insecure-auth", Kind::Switch, Group::Login),
    flag("timeout", Kind::Value("TIME"), Group::Waiting),
    flag("connect-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("handshake-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("command-timeout", Kind::Value("TIME"), Group::Waiting),
    Flag {
        name: "deadline",
        short: None,
        kind: Kind::Value("TIME"),
        group: Group::Waiting,
        text: "run-deadline",
    },
    Flag {
        name: "format",
        short: None,
        kind: Kind::Choice("FORMAT", &["human", "json", "junit", "tap"]),
        group: Group::Output,
        text: "run-format",
    },
    flag("transcript", Kind::Value("FILE"), Group::Output),
    flag("color", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Output),
    short("quiet", 'q', Kind::Switch, Group::Output),
    short("verbose", 'v', Kind::Count, Group::Output),
    flag("lab-fault", Kind::Values("FAULT"), Group::Lab),
];

/// The flags of `talk`.
pub(crate) const TALK_FLAGS: &[Flag] = &[
    Flag {
        name: "target",
        short: None,
        kind: Kind::Words("TARGET"),
        group: Group::Target,
        text: "talk-target",
    },
    flag("connect", Kind::Value("ADDR"), Group::Target),
    short("ipv4", '4', Kind::Switch, Group::Target),
    short("ipv6", '6', Kind::Switch, Group::Target),
    flag("source", Kind::Value("ADDR"), Group::Target),
    flag("helo", Kind::Value("NAME"), Group::Target),
    flag("no-capabilities", Kind::Switch, Group::Target),
    flag("sni", Kind::Value("NAME"), Group::Trust),
    flag("ca", Kind::Values("FILE"), Group::Trust),
    flag("pin", Kind::Values("SHA256"), Group::Trust),
    flag("client-cert", Kind::Value("FILE"), Group::Trust),
    flag("client-key", Kind::Value("FILE"), Group::Trust),
    flag("user", Kind::Value("NAME"), Group::Login),
    flag("password-file", Kind::Value("FILE"), Group::Login),
    flag("password-command", Kind::Value("COMMAND"), Group::Login),
    flag("insecure-auth", Kind::Switch, Group::Login),
    flag("timeout", Kind::Value("TIME"), Group::Waiting),
    flag("connect-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("greeting-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("handshake-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("command-timeout", Kind::Value("TIME"), Group::Waiting),
    flag("save-as", Kind::Value("FILE"), Group::Output),
    flag("replay", Kind::Value("FILE"), Group::Output),
    COLOR,
    flag("lab-fault", Kind::Values("FAULT"), Group::Lab),
    flag("lab-persona", Kind::Values("PERSONA"), Group::Lab),
];

const COLOR: Flag = flag("color", Kind::Choice("WHEN", &["auto", "always", "never"]), Group::Output);

/// The flags of `fmt`.
pub(crate) const FMT_FLAGS: &[Flag] = &[
    Flag { name: "file", short: None, kind: Kind::Words("FILE"), group: Group::Scripts, text: "fmt-file" },
    Flag { name: "check", short: None, kind: Kind::Switch, group: Group::Scripts, text: "fmt-check" },
    COLOR,
];

/// The flags of `record`.
pub(crate) const RECORD_FLAGS: &[Flag] = &[
    Flag { name: "file", short: None, kind: Kind::Words("FILE"), group: Group::Scripts, text: "record-file" },
    flag("title", Kind::Value("TEXT"), Group::Scripts),
    flag("output", Kind::Value("FILE"), Group::Output),
    COLOR,
];

/// The flags of `import`.
pub(crate) const IMPORT_FLAGS: &[Flag] = &[
    Flag { name: "file", short: None, kind: Kind::Words("FILE"), group: Group::Scripts, text: "import-file" },
    Flag {
        name: "from",
        short: None,
        kind: Kind::Choice("FORMAT", &["rfc", "telnet", "openssl", "swaks", "curl", "imaptest", "mpt"]),
        group: Group::Scripts,
        text: "import-from",
    },
    flag("title", Kind::Value("TEXT"), Group::Scripts),
    flag("output", Kind::Value("FILE"), Group::Output),
    COLOR,
];

/// The flags of `explain`.
pub(crate) const EXPLAIN_FLAGS: &[Flag] = &[
    Flag {
        name: "text",
        short: None,
        kind: Kind::Words("TEXT"),
        group: Group::Explain,
        text: "explain-text",
    },
    flag("protocol", Kind::Choice("PROTOCOL", &["smtp", "lmtp", "pop3", "imap", "sieve"]), Group::Explain),
    flag("stage", Kind::Value("STAGE"), Group::Explain),
    flag("show-secrets", Kind::Switch, Group::Output),
    flag("format", Kind::Choice("FORMAT", &["human", "json"]), Group::Output),
    COLOR,
];

/// The flags of `sasl`.
pub(crate) const SASL_FLAGS: &[Flag] = &[
    Flag { name: "word", short: None, kind: Kind::Words("WORD"), group: Group::Sasl, text: "sasl-word" },
    flag("authzid", Kind::Value("NAME"), Group::Sasl),
    flag("challenge", Kind::Values("TEXT"), Group::Sasl),
    flag("realm", Kind::Value("NAME"), Group::Sasl),
    Flag { name: "host", short: None, kind: Kind::Value("NAME"), group: Group::Sasl, text: "sasl-host" },
    flag("service", Kind::Choice("PROTOCOL", &["smtp", "lmtp", "pop", "imap", "sieve"]), Group::Sasl),
    Flag {
        name: "random-seed",
        short: None,
        kind: Kind::Value("NUMBER"),
        group: Group::Sasl,
        text: "sasl-random-seed",
    },
    flag("password-file", Kind::Value("FILE"), Group::Login),
    flag("password-command", Kind::Value("COMMAND"), Group::Login),
    flag("show-secrets", Kind::Switch, Group::Output),
    flag("format", Kind::Choice("FORMAT", &["human", "json"]), Group::Output),
    COLOR,
];

/// The flags of `lab`.
pub(crate) const LAB_FLAGS: &[Flag] = &[
    flag("listen", Kind::Values("ADDR"), Group::Lab),
    flag("port-base", Kind::Value("PORT"), Group::Lab),
    flag("port", Kind::Values("SCHEME=PORT"), Group::Lab),
    flag("lmtp-socket", Kind::Value("PATH"), Group::Lab),
    flag("domain", Kind::Value("NAME"), Group::Lab),
    flag("account", Kind::Values("NAME:PASSWORD"), Group::Lab),
    flag("accounts", Kind::Value("FILE"), Group::Lab),
    flag("master", Kind::Value("NAME:PASSWORD"), Group::Lab),
    flag("accept-any", Kind::Switch, Group::Lab),
    Flag { name: "mechanism", short: None, kind: Kind::Values("NAME"), group: Group::Lab, text: "offer" },
    flag("rules", Kind::Value("FILE"), Group::Lab),
    flag("proxy-protocol", Kind::Switch, Group::Lab),
    flag("xclient", Kind::Switch, Group::Lab),
    flag("ca-out", Kind::Value("FILE"), Group::Lab),
    flag("client-certs", Kind::Value("DIR"), Group::Lab),
    flag("store", Kind::Value("DIR"), Group::Lab),
    flag("fsync", Kind::Switch, Group::Lab),
    flag("limit", Kind::Value("SIZE"), Group::Lab),
    flag("seed", Kind::Values("[ACCOUNT[/MAILBOX]=]PATH"), Group::Lab),
    flag("fault", Kind::Values("FAULT"), Group::Lab),
    flag("list-faults", Kind::Switch, Group::Lab),
    flag("persona", Kind::Values("PERSONA"), Group::Lab),
    flag("list-personas", Kind::Switch, Group::Lab),
    flag("random-seed", Kind::Value("NUMBER"), Group::Lab),
    flag("log", Kind::Switch, Group::Lab),
    flag("transcripts", Kind::Value("DIR"), Group::Lab),
    flag("http", Kind::Value("PORT"), Group::Lab),
    flag("ports-file", Kind::Value("FILE"), Group::Lab),
    flag("play", Kind::Value("FILE"), Group::Lab),
    flag("once", Kind::Switch, Group::Lab),
    Flag {
        name: "color",
        short: None,
        kind: Kind::Choice("WHEN", &["auto", "always", "never"]),
        group: Group::Output,
        text: "color",
    },
];

/// Adds flags to a command.
pub(super) fn add(command: Command, flags: &[Flag], texts: Texts) -> Command {
    flags.iter().fold(command, |command, flag| command.arg(argument(flag, texts)))
}

/// `--help`
pub(super) fn help(texts: Texts) -> Arg {
    Arg::new("help").short('h').long("help").action(ArgAction::Help).help(texts.get("cli/flag/help"))
}

/// `--version`
pub(super) fn version(texts: Texts) -> Arg {
    Arg::new("version")
        .short('V')
        .long("version")
        .action(ArgAction::Version)
        .help(texts.get("cli/flag/version"))
}

/// `--lang`
pub(super) fn lang(texts: Texts) -> Arg {
    Arg::new("lang")
        .long("lang")
        .value_name("en|de")
        .value_parser(PossibleValuesParser::new(["en", "de"]))
        .hide_possible_values(true)
        .help(texts.get("cli/flag/lang"))
}

fn argument(flag: &Flag, texts: Texts) -> Arg {
    let group = match flag.group {
        Group::Target => "target",
        Group::Trust => "trust",
        Group::Login => "login",
        Group::Checks => "checks",
        Group::Explain => "explain",
        Group::Envelope => "envelope",
        Group::Message => "message",
        Group::Smtp => "smtp",
        Group::Course => "course",
        Group::Mailbox => "mailbox",
        Group::Trip => "trip",
        Group::TripCourse => "trip-course",
        Group::Sasl => "sasl",
        Group::Scripts => "scripts",
        Group::Waiting => "waiting",
        Group::Output => "output",
        Group::Lab => "lab",
    };
    let mut arg = Arg::new(flag.name)
        .help(texts.get(&format!("cli/flag/{}", flag.text)))
        .help_heading(texts.get(&format!("cli/heading-{group}")));
    if !matches!(flag.kind, Kind::Words(_)) {
        arg = arg.long(flag.name);
    }
    if let Some(short) = flag.short {
        arg = arg.short(short);
    }
    match flag.kind {
        Kind::Words(name) => arg.value_name(name).num_args(1..).action(ArgAction::Append),
        Kind::Switch => arg.action(ArgAction::SetTrue),
        Kind::Count => arg.action(ArgAction::Count).value_parser(value_parser!(u8)),
        Kind::Value(name) => arg.value_name(name),
        Kind::Signed(name) => arg.value_name(name).allow_negative_numbers(true),
        Kind::Choice(name, values) => {
            arg.value_name(name).value_parser(PossibleValuesParser::new(values)).hide_possible_values(true)
        }
        Kind::Values(name) => arg.value_name(name).action(ArgAction::Append),
    }
}

use ehlo_core::Protocol;
use std::time::Duration;

/// A place in a script: a part of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct At {
    /// Which file: an index into [`Script::files`]; above 0 for included ones.
    pub file: usize,
    /// The line, from 1.
    pub line: usize,
    /// Offset of the first byte in the line.
    pub from: usize,
    /// Offset behind the last byte.
    pub to: usize,
}

impl At {
    /// The same line from `from` to `to`.
    pub fn part(self, from: usize, to: usize) -> At {
        At { from, to: to.max(from), ..self }
    }
}

/// A file that a script is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name as given by whoever read it.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

impl File {
    /// A line by its number, without its ending.
    pub fn line(&self, number: usize) -> &str {
        let line = self.text.split('\n').nth(number.saturating_sub(1)).unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }
}

/// A script that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The file itself, then what it includes.
    pub files: Vec<File>,
    /// What stands in front.
    pub header: Header,
    /// The connections that it uses; the first is the one without a label.
    pub connections: Vec<Connection>,
    /// What to do, in order; jumps go to positions in this list.
    pub ops: Vec<Op>,
    /// The steps, in order. The first begins in front of everything.
    pub steps: Vec<Step>,
}

impl Script {
    /// What it says, whatever the lines: two scripts with the same shape do the same.
    pub fn shape(&self) -> String {
        let steps: Vec<_> =
            self.steps.iter().map(|s| (&s.name, s.level, &s.xfail, s.always, s.first)).collect();
        let whole = format!("{:?}\n{:?}\n{steps:?}\n{:?}", self.header, self.connections, self.ops);
        // Places are left out.
        let mut out = String::with_capacity(whole.len());
        let mut rest = whole.as_str();
        while let Some(at) = rest.find("At { file: ") {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            rest = rest.find('}').map_or("", |end| &rest[end + 1..]);
        }
        out.push_str(rest);
        out
    }
}

/// The fields in front of a script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `title`: what holds if the script passes.
    pub title: Option<String>,
    /// `id`: its name, if not the path.
    pub id: Option<String>,
    /// `protocol`.
    pub protocol: Option<Protocol>,
    /// `ref`: where that is demanded.
    pub references: Vec<String>,
    /// `level`: how strongly.
    pub level: Level,
    /// `finding`: the check that says the same.
    pub finding: Option<String>,
    /// `risk`: what it may do to a server.
    pub risk: Risk,
    /// `tags`.
    pub tags: Vec<String>,
    /// `needs`: capabilities in capitals, resources in lower case.
    pub needs: Vec<String>,
    /// `state`: what is done before it begins.
    pub state: Prepared,
    /// `messages`: the mails that the mailbox holds.
    pub messages: Option<Messages>,
    /// `timeout`: how long to wait for an answer.
    pub timeout: Option<Duration>,
    /// `retry`: how often to begin anew after transient trouble.
    pub retry: u32,
    /// `xfail`: why it is known to fail.
    pub xfail: Option<String>,
    /// `role: server`: it plays a server.
    pub plays_server: bool,
}

/// The mails of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// The file that holds them.
    pub file: String,
    /// The mails, with CR LF.
    pub messages: Vec<Vec<u8>>,
}

/// How strongly something is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A server that does otherwise is wrong.
    #[default]
    Must,
    /// It should.
    Should,
    /// It may; failing says something, but nothing bad.
    May,
    /// Only to be told.
    Info,
}

impl Level {
    /// All, with their words.
    pub const ALL: &'static [(&'static str, Level)] =
        &[("must", Level::Must), ("should", Level::Should), ("may", Level::May), ("info", Level::Info)];

    /// Its word.
    pub fn id(self) -> &'static str {
        Level::ALL.iter().find(|(_, l)| *l == self).map_or("must", |(w, _)| w)
    }
}

/// What a script may do to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Looks only.
    #[default]
    ReadOnly,
    /// Writes into mailboxes of its own.
    WritesOwn,
    /// Sends mail.
    SendsMail,
    /// Floods, locks out, breaks.
    Disruptive,
}

impl Risk {
    /// All, with their words.
    pub const ALL: &'static [(&'static str, Risk)] = &[
        ("read-only", Risk::ReadOnly),
        ("writes-own", Risk::WritesOwn),
        ("sends-mail", Risk::SendsMail),
        ("disruptive", Risk::Disruptive),
    ];

    /// Its word.
    pub fn id(self) -> &'static str {
        Risk::ALL.iter().find(|(_, r)| *r == self).map_or("read-only", |(w, _)| w)
    }
}

/// How far a session is prepared before a script begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prepared {
    /// Connected, and nothing said.
    #[default]
    Connected,
    /// Inside TLS.
    Tls,
    /// Logged in.
    Authenticated,
    /// With a mailbox of its own.
    Mailbox,
    /// With that mailbox selected.
    Selected,
}

impl Prepared {
    /// All, with their words.
    pub const ALL: &'static [(&'static str, Prepared)] = &[
        ("connected", Prepared::Connected),
        ("tls", Prepared::Tls),
        ("authenticated", Prepared::Authenticated),
        ("mailbox", Prepared::Mailbox),
        ("selected", Prepared::Selected),
    ];
}

/// A connection of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// What stands behind `C` and `S`: empty, a number, or a name.
    pub label: String,
}

/// A step: one line of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name; empty for what stands in front of the first.
    pub name: String,
    /// How strongly it is demanded.
    pub level: Level,
    /// Why it is known to fail.
    pub xfail: Option<String>,
    /// Whether it is done even if another failed.
    pub always: bool,
    /// Where it begins in [`Script::ops`].
    pub first: usize,
    /// Where it stands.
    pub at: At,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Send lines, in one write.
    Send(Send),
    /// Read, and compare.
    Expect(Expect),
    /// A verb of the client.
    Verb(Verb),
    /// `S closed`
    Closed {
        /// On which connection.
        conn: usize,
        /// How long to wait.
        within: Option<Duration>,
        /// Where.
        at: At,
    },
    /// `S silent 2s`
    Silent {
        /// On which connection.
        conn: usize,
        /// How long nothing may come.
        time: Duration,
        /// Where.
        at: At,
    },
    /// A statement.
    Statement(Statement),
    /// Goes on at `to` if the condition does not hold.
    Unless {
        /// The condition.
        condition: Condition,
        /// Where to go on.
        to: usize,
    },
    /// Goes on at another place.
    Jump(usize),
}

impl Op {
    /// Where it stands.
    pub fn at(&self) -> Option<At> {
        match self {
            Op::Send(send) => send.lines.first().map(|l| l.at),
            Op::Expect(expect) => expect.lines.first().map(|l| l.payload.at),
            Op::Verb(verb) => Some(verb.at),
            Op::Closed { at, .. } | Op::Silent { at, .. } => Some(*at),
            Op::Statement(statement) => Some(statement.at()),
            Op::Unless { condition, .. } => Some(condition.at),
            Op::Jump(_) => None,
        }
    }
}

/// Lines that go out in one write.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// On which connection.
    pub conn: usize,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The lines.
    pub lines: Vec<Payload>,
}

/// What must, may and must not come.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// On which connection.
    pub conn: usize,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The lines.
    pub lines: Vec<Expected>,
}

/// One line that is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// `S`, `S?`, `S!`, `S>`
    pub mark: Mark,
    /// `:`, `=`, `~`
    pub mode: Mode,
    /// The rest of the line.
    pub payload: Payload,
}

/// Whether a line must come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It must.
    Must,
    /// It may.
    May,
    /// It must not.
    MustNot,
    /// It must, behind the line before.
    After,
}

/// How a line is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By its machine part.
    Machine,
    /// Whole and exactly.
    Exact,
    /// By a regular expression.
    Regex,
    /// Byte by byte, with the line ending (`S raw`).
    Raw,
}

/// What stands behind the prefix of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
    /// Where it stands.
    pub at: At,
}

impl Payload {
    /// The text, if it holds nothing but text.
    pub fn plain(&self) -> Option<String> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                _ => return None,
            }
        }
        String::from_utf8(out).ok()
    }

    /// The text in front of the first piece that is none.
    pub fn beginning(&self) -> &[u8] {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => &[],
        }
    }

    /// Whether it begins with a literal.
    pub fn begins_with_literal(&self) -> bool {
        matches!(self.pieces.first(), Some(Piece::Literal(_)))
    }

    /// Whether it is `...`.
    pub fn is_rest(&self) -> bool {
        self.pieces.len() == 1 && self.beginning() == b"..."
    }
}

/// A piece of a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Bytes as they stand.
    Text(Vec<u8>),
    /// `{{…}}`: a value.
    Value(Expr, At),
    /// `{{name:type}}`, `{{:type}}`
    Capture(Option<String>, Kind, At),
    /// `%` as a tag.
    Tag,
    /// A literal of IMAP or ManageSieve.
    Literal(Box<Literal>),
}

/// A literal: octets of which the size is announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// What it holds.
    pub content: Payload,
    /// `+`: does not wait for consent.
    pub non_synchronising: bool,
    /// `~`: literal8 (RFC 3516).
    pub binary: bool,
}

/// The types of captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Digits.
    Num,
    /// Up to the next blank.
    Word,
    /// A string.
    Str,
    /// A parenthesised list.
    List,
    /// Anything.
    Any,
    /// Hexadecimal digits.
    Hex,
    /// A date.
    Date,
}

impl Kind {
    /// All, with their words.
    pub const ALL: &'static [(&'static str, Kind)] = &[
        ("num", Kind::Num),
        ("word", Kind::Word),
        ("str", Kind::Str),
        ("list", Kind::List),
        ("any", Kind::Any),
        ("hex", Kind::Hex),
        ("date", Kind::Date),
    ];

    /// Its word.
    pub fn id(self) -> &'static str {
        Kind::ALL.iter().find(|(_, k)| *k == self).map_or("any", |(w, _)| w)
    }
}

/// Something that has a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A variable.
    Name(String),
    /// A number.
    Number(String),
    /// A string in quotes.
    Text(String),
    /// A function.
    Call(String, Vec<Expr>),
    /// A question about a connection.
    Query(Query),
}

/// `S.code`, `S2.tls.version`, `S.line(2)`
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// About which connection.
    pub conn: usize,
    /// What: the name in the table of queries.
    pub name: String,
    /// The number in brackets.
    pub index: Option<usize>,
    /// Where it stands.
    pub at: At,
}

/// `Q [not] op VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What is compared.
    pub left: Expr,
    /// Whether it must not hold.
    pub not: bool,
    /// How.
    pub operator: Operator,
    /// With what.
    pub right: Payload,
    /// Where it stands.
    pub at: At,
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `includes`: the list holds the item.
    Includes,
    /// `contains`: the text holds the text.
    Contains,
    /// `matches`: the regular expression.
    Matches,
}

impl Operator {
    /// All, with their words.
    pub const ALL: &'static [(&'static str, Operator)] = &[
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("includes", Operator::Includes),
        ("contains", Operator::Contains),
        ("matches", Operator::Matches),
    ];

    /// Its word.
    pub fn id(self) -> &'static str {
        Operator::ALL.iter().find(|(_, o)| *o == self).map_or("==", |(w, _)| w)
    }
}

/// A verb of the client: what a line cannot say.
#[derive(Clone, Debug, PartialEq)]
pub struct Verb {
    /// On which connection.
    pub conn: usize,
    /// What is spoken there (after it, for `connect`).
    pub protocol: Protocol,
    /// What.
    pub word: VerbWord,
    /// What stands behind it.
    pub args: Vec<Payload>,
    /// `name=value`
    pub options: Vec<(String, Payload)>,
    /// What `<<END` or `<file` holds.
    pub content: Option<Payload>,
    /// Where it stands.
    pub at: At,
}

impl Verb {
    /// An option by its name.
    pub fn option(&self, name: &str) -> Option<&Payload> {
        self.options.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// Whether a word without a value stands there.
    pub fn has(&self, word: &str) -> bool {
        self.args.iter().any(|a| a.plain().as_deref() == Some(word))
    }
}

/// The verbs of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerbWord {
    /// `connect TARGET`
    Connect,
    /// `reconnect`
    Reconnect,
    /// `tls`: the handshake.
    Tls,
    /// `starttls`: command, reply, handshake.
    StartTls,
    /// `login USER PASSWORD`
    Login,
    /// `auth MECHANISM USER PASSWORD`
    Auth,
    /// `data`: a message, with dots stuffed and the end.
    Data,
    /// `bdat`: a message in chunks.
    Bdat,
    /// `raw`: bytes.
    Raw,
    /// `drip`: bytes, one by one.
    Drip,
    /// `compress`: DEFLATE from here on.
    Compress,
    /// `close`: the proper end.
    Close,
    /// `shutdown`: no more from us.
    Shutdown,
    /// `reset`: the rude end.
    Reset,
}

impl VerbWord {
    /// All, with their words.
    pub const ALL: &'static [(&'static str, VerbWord)] = &[
        ("connect", VerbWord::Connect),
        ("reconnect", VerbWord::Reconnect),
        ("tls", VerbWord::Tls),
        ("starttls", VerbWord::StartTls),
        ("login", VerbWord::Login),
        ("auth", VerbWord::Auth),
        ("data", VerbWord::Data),
        ("bdat", VerbWord::Bdat),
        ("raw", VerbWord::Raw),
        ("drip", VerbWord::Drip),
        ("compress", VerbWord::Compress),
        ("close", VerbWord::Close),
        ("shutdown", VerbWord::Shutdown),
        ("reset", VerbWord::Reset),
    ];

    /// Its word.
    pub fn id(self) -> &'static str {
        VerbWord::ALL.iter().find(|(_, v)| *v == self).map_or("", |(w, _)| w)
    }
}

/// Statements, as the table of statements reads them.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `let name = text`
    Let(String, Payload),
    /// `capture name = query`
    Capture(String, Expr, At),
    /// `assert condition`
    Assert(Condition),
    /// `needs WORD…`
    Needs(Vec<String>, At),
    /// `skip if condition because "…"`
    Skip(Condition, Option<String>),
    /// `done if condition because "…"`
    Done(Condition, Option<String>),
    /// `poll 10s every 500ms`
    Poll(Duration, Duration, At),
    /// `wait 1s`
    Wait(Duration, At),
    /// `timeout 10s`
    Timeout(Duration, At),
    /// `note text`
    Note(Payload),
}

impl Statement {
    /// Where it stands.
    pub fn at(&self) -> At {
        match self {
            Statement::Let(_, payload) | Statement::Note(payload) => payload.at,
            Statement::Assert(c) | Statement::Skip(c, _) | Statement::Done(c, _) => c.at,
            Statement::Capture(_, _, at)
            | Statement::Needs(_, at)
            | Statement::Poll(_, _, at)
            | Statement::Wait(_, at)
            | Statement::Timeout(_, at) => *at,
        }
    }
}

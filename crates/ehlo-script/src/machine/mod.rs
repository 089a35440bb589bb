//! The interpreter, without I/O: it says what it wants done, and is told what happened.

mod auth;
mod conn;
mod exchange;
mod run;
mod values;

pub use conn::Arrived;
pub(crate) use conn::Seen;

use crate::{Script, Value};
use conn::Conn;
use ehlo_core::facts::TlsFacts;
use ehlo_core::run::{Problem, Reason, StepReport};
use ehlo_core::{CloseKind, Failure, Masker, Protocol, Tick};
use ehlo_wire::sasl::ChannelBinding;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What the interpreter wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// Connect, and do TLS at once where the target says so. Answer: [`Input::Opened`] or [`Input::Failed`].
    Open {
        /// Which connection.
        conn: usize,
        /// Where to: the name of a service, or a URL; empty for the target of the run.
        target: String,
        /// What will be spoken.
        protocol: Protocol,
        /// `sni=`, `source=`, `family=`
        options: Vec<(String, String)>,
    },
    /// Send in one write. Answer: [`Input::Done`] or [`Input::Failed`].
    Send {
        /// On which connection.
        conn: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Send one byte after the other. Answer: [`Input::Done`] or [`Input::Failed`].
    Drip {
        /// On which connection.
        conn: usize,
        /// The bytes.
        bytes: Vec<u8>,
        /// The time between two.
        pace: Duration,
    },
    /// Do the handshake. Answer: [`Input::Secured`] or [`Input::Failed`].
    Secure {
        /// On which connection.
        conn: usize,
        /// `sni=`, `verify=`, `min=` …
        options: Vec<(String, String)>,
    },
    /// Compress from here on. Answer: [`Input::Done`] or [`Input::Failed`].
    Compress {
        /// On which connection.
        conn: usize,
    },
    /// End the connection. Answer: [`Input::Done`].
    Close {
        /// Which connection.
        conn: usize,
        /// How.
        how: Ending,
    },
    /// Wait for something to come. Answer: [`Input::Arrived`], [`Input::TimedOut`], [`Input::Closed`] or
    /// [`Input::Failed`].
    Receive {
        /// On which connection.
        conn: usize,
        /// Until when.
        until: Tick,
    },
    /// Wait. Answer: [`Input::TimedOut`].
    Pause {
        /// Until when.
        until: Tick,
    },
    /// Nothing more.
    Finished,
}

/// How a connection is ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The end of TLS, then of the connection.
    Close,
    /// No more from us.
    Shutdown,
    /// A reset.
    Reset,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The connection was made.
    Opened {
        /// Where it goes.
        address: String,
        /// TLS, if it is on from the first byte.
        tls: Option<Box<TlsFacts>>,
        /// What logins can be tied to; empty without TLS.
        bindings: Vec<ChannelBinding>,
        /// Whether it goes to the server that the user named, and not to one that only the script names.
        named_by_user: bool,
    },
    /// It was done.
    Done,
    /// TLS is on, and logins can be tied to this.
    Secured(Box<TlsFacts>, Vec<ChannelBinding>),
    /// A reply came.
    Arrived(Box<Arrived>),
    /// The time is over.
    TimedOut,
    /// The server ended the connection.
    Closed(CloseKind),
    /// It could not be done.
    Failed(Failure),
}

/// What a script is run with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Values by name.
    pub variables: BTreeMap<String, Value>,
    /// Knows the secrets.
    pub masker: Masker,
    /// What is as good as a password may go out without TLS.
    pub insecure_auth: bool,
    /// The passwords are no secrets: the lab.
    pub no_secrets: bool,
    /// How long answers may take.
    pub timeout: Duration,
    /// How long the answer to a message may take.
    pub data_timeout: Duration,
    /// For numbers that nobody can guess.
    pub seed: u64,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// What the server can do, as an earlier connection found out.
    pub capabilities: Vec<String>,
    /// What there is besides: `account2`, `tls` …
    pub resources: Vec<String>,
    /// The last line that is run.
    pub until: Option<usize>,
    /// The letter that tags begin with, so that two scripts on one connection never use the same; `e` if none.
    pub tag_letter: Option<char>,
}

/// A connection that was prepared before the script began.
#[derive(Clone, Debug)]
pub struct PreparedConn {
    /// What is spoken.
    pub protocol: Protocol,
    /// Where it goes.
    pub address: String,
    /// TLS, if it is on.
    pub tls: Option<Box<TlsFacts>>,
    /// What logins can be tied to; empty without TLS.
    pub bindings: Vec<ChannelBinding>,
    /// What the server can do, in the words of `needs`.
    pub capabilities: Vec<String>,
    /// The replies of the last exchange, which queries ask about.
    pub exchange: Vec<Arrived>,
    /// How long that exchange took.
    pub took: Duration,
    /// The timestamp of the greeting (POP3), brackets included.
    pub stamp: Option<Vec<u8>>,
}

/// What came of a script.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its steps.
    pub steps: Vec<StepReport>,
    /// Why it was left out.
    pub skipped: Option<Reason>,
    /// Why it ended early, all being well.
    pub done: Option<Reason>,
    /// What its `note` statements say.
    pub notes: Vec<String>,
    /// Which machine parts failed, for `--accept`: line of the main file, and what should stand there.
    pub accept: Vec<(usize, String)>,
    /// What variables hold at the end.
    pub variables: BTreeMap<String, Value>,
    /// All that the server said it can do, on any connection at any time.
    pub capabilities: Vec<String>,
    /// The first connection, if it is still open.
    pub first: Option<PreparedConn>,
}

/// The interpreter of one script.
pub struct Machine {
    script: Arc<Script>,
    setup: Setup,
    conns: Vec<Conn>,
    variables: BTreeMap<String, Value>,
    pc: usize,
    activity: Activity,
    step: usize,
    step_began: Tick,
    steps: Vec<Option<StepReport>>,
    timeout: Option<Duration>,
    random: u64,
    tags: u64,
    /// How many logins had bytes that nobody can guess.
    nonces: u64,
    poll: Option<Poll>,
    /// The exchange before, which only forbids: what it forbids must not come before what follows has happened.
    forbidding: Option<usize>,
    skipped: Option<Reason>,
    done: Option<Reason>,
    notes: Vec<String>,
    accept: Vec<(usize, String)>,
    expunged: Vec<u64>,
    all_caps: std::collections::BTreeSet<String>,
    /// What a login has to hide, and nobody has taken yet.
    hidden: Vec<Hidden>,
    /// A step failed, or the user stopped it: only what is always done is still done.
    ending: bool,
    finished: bool,
}

/// What a login has sent or been sent that helps to guess the password, and must not be shown.
#[derive(Clone)]
pub struct Hidden {
    /// On which connection.
    pub conn: usize,
    /// What is not to be shown, wherever it comes.
    pub secret: ehlo_core::Secret<Vec<u8>>,
    /// The reply in which it stands already.
    pub at: Option<ehlo_core::Span>,
}

/// An exchange that is repeated.
#[derive(Clone, Debug)]
struct Poll {
    from: usize,
    until: Tick,
    pace: Duration,
}

/// What is being waited for.
enum Activity {
    /// The next operation.
    Next,
    /// The connection for the operation at `pc`.
    Opening(usize),
    /// A write, after which the rest of the pieces follow.
    Sending(exchange::Sending),
    /// Replies.
    Expecting(Box<exchange::Group>),
    /// A handshake.
    Securing { conn: usize, may_fail: bool },
    /// The answer to STARTTLS.
    StartTls { conn: usize, tag: String, sent: bool },
    /// An exchange of SASL, or a login.
    Login(Box<auth::Login>),
    /// Silence.
    Silent { conn: usize, until: Tick },
    /// The end of a connection.
    Closing { conn: usize, until: Tick },
    /// Time.
    Pausing(Tick),
    /// Something that is done or not.
    Doing,
}

/// A problem, or something that ends a script without one.
enum Stop {
    Problem(Box<Problem>),
    Skip(Reason),
}

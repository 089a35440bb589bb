//! The state machine.

mod commands;
pub(crate) mod learn;
mod lines;
mod replies;

use crate::{Context, Hint, Show};
use ehlo_core::facts::TlsFacts;
use ehlo_core::{CloseKind, Failure, Params, Protocol, Secret, Tick};
use ehlo_wire::{Reply, State, Tracker};
use std::collections::VecDeque;
use std::time::Duration;

/// What a console is begun with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is spoken; none for a protocol that nobody knows.
    pub protocol: Option<Protocol>,
    /// The name that we give ourselves.
    pub helo: String,
    /// The user who logs in unless another is named.
    pub user: Option<String>,
    /// The passwords are no secrets: the embedded lab.
    pub no_secrets: bool,
    /// What is as good as a password may go out in the clear.
    pub insecure_auth: bool,
    /// Ask what the server can do after connecting, after TLS and after a login.
    pub asks: bool,
    /// Nobody sees what is typed: show what is sent.
    pub echo: bool,
    /// How long answers may take.
    pub wait: Duration,
    /// How long the answer to a message may take.
    pub data_wait: Duration,
}

/// The connection, as it is now.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Follows the dialogue; none without a connection.
    pub tracker: Option<&'a Tracker>,
    /// TLS, if it is on.
    pub tls: Option<&'a TlsFacts>,
    /// The time.
    pub now: Tick,
}

/// Something that is to be done.
#[derive(Clone, Debug)]
pub enum Do {
    /// Show something.
    Show(Show),
    /// Send these bytes in one write, then call [`Console::sent`].
    Send(Vec<u8>),
    /// Do the handshake with these settings (`sni=`, `min=` …), then call [`Console::secured`] or [`Console::failed`].
    Upgrade(Vec<(String, String)>),
    /// Go on in the clear though the server waits for a handshake.
    DeclineTls,
    /// Run a statement of the script language, then call [`Console::ran`].
    Statement(Statement),
    /// Connect again, or to another target, then call [`Console::opened`] or [`Console::failed`].
    Open(Option<String>),
    /// End the connection.
    Close,
    /// Write the session as a script.
    Save(String),
    /// Ask for something that nobody may see, then call [`Console::hidden`].
    Ask(Hidden),
    /// Have a text composed, or read from a file, then call [`Console::given`].
    Compose(Option<String>),
    /// End.
    Leave,
}

/// A statement of the script language that the console runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// As it stands in a script, e.g. `C auth plain {{user}} {{password}}`.
    pub line: String,
    /// The user who logs in by it, if it is a login.
    pub user: Option<String>,
    /// Whether it is a login.
    pub is_login: bool,
    /// Whether a password may go out in the clear: somebody has confirmed this one statement.
    pub confirmed: bool,
}

/// What is asked for without showing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// The answer to the question of a login.
    Answer,
}

/// A reply that came.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// What it says; none for a protocol that nobody knows.
    pub reply: Option<Reply>,
    /// The verb of the command that it answers; `greeting`; empty if nobody knows.
    pub verb: String,
    /// Its bytes, secrets masked.
    pub bytes: Vec<u8>,
    /// Whether it is the last word on a command, or asks for more.
    pub completes: bool,
}

/// A line that waits for its turn.
#[derive(Clone, Debug)]
enum Item {
    /// Somebody typed it.
    Typed(Vec<u8>),
    /// The console says it by itself.
    Own(Vec<u8>),
}

/// What an answer is waited for.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    since: Tick,
    until: Tick,
    /// How many commands were unanswered when it began.
    before: usize,
    what: Awaited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Answer,
    /// Leave to send a literal of so many octets.
    Literal(u64),
}

/// What is held back until it is confirmed.
#[derive(Clone, Debug)]
enum Held {
    Line(Vec<u8>),
    Statement(Statement),
}

/// What a text that is composed is for.
#[derive(Clone, Debug)]
enum Purpose {
    MailData,
    Append(String),
}

/// The console.
pub struct Console {
    settings: Settings,
    context: Context,
    out: VecDeque<Do>,
    queue: VecDeque<Item>,
    waiting: Option<Waiting>,
    held: Option<Held>,
    purpose: Option<Purpose>,
    /// Mail data that goes out as soon as the server asks for it.
    when_asked: Option<Option<String>>,
    /// A literal that goes out as soon as the server asks for it.
    literal: Option<Vec<u8>>,
    /// The next message that comes is shown as a person reads it.
    fetching: bool,
    connected: bool,
    tags: u32,
    auto_tls: bool,
    upgrade_once: bool,
    quiet: bool,
    leaving: bool,
    left: bool,
    refused: usize,
    failed_assertion: bool,
    /// The list before, and why it is asked for anew.
    earlier: Option<(Vec<crate::Cap>, &'static str)>,
    was_authenticated: bool,
    stamp: Option<String>,
    last: Option<(String, String)>,
    last_word: Tick,
    lesson: learn::Lesson,
    /// A statement runs, which leads the dialogue itself.
    busy: bool,
    /// What is answered next was asked by the console itself.
    own_question: bool,
}

impl Console {
    /// A console in front of a connection.
    pub fn new(settings: Settings) -> Console {
        let context = Context {
            protocol: settings.protocol,
            tags: true,
            no_secrets: settings.no_secrets,
            insecure_auth: settings.insecure_auth,
            ..Context::default()
        };
        Console {
            settings,
            context,
            out: VecDeque::new(),
            queue: VecDeque::new(),
            waiting: None,
            held: None,
            purpose: None,
            when_asked: None,
            literal: None,
            fetching: false,
            connected: false,
            tags: 0,
            auto_tls: true,
            upgrade_once: false,
            quiet: false,
            leaving: false,
            left: false,
            refused: 0,
            failed_assertion: false,
            earlier: None,
            was_authenticated: false,
            stamp: None,
            last: None,
            last_word: Tick(0),
            lesson: learn::Lesson::default(),
            busy: false,
            own_question: false,
        }
    }

    /// What is to be done next; none if somebody must type, or something must come.
    pub fn next(&mut self, view: &View<'_>) -> Option<Do> {
        loop {
            if let Some(todo) = self.out.pop_front() {
                return Some(todo);
            }
            if self.waiting.is_some() || self.purpose.is_some() || self.busy {
                return None;
            }
            match self.queue.pop_front() {
                Some(item) => self.process(item, view),
                None if self.leaving && !self.left => {
                    self.left = true;
                    return Some(Do::Leave);
                }
                None => return None,
            }
        }
    }

    /// Until when an answer is waited for; none if somebody may type.
    pub fn waits_until(&self) -> Option<Tick> {
        self.waiting.map(|w| w.until)
    }

    /// What is known now, for judging a line while it is typed.
    pub fn context(&self, view: &View<'_>) -> Context {
        Context { tracker: view.tracker.cloned(), tls: Context::of_tls(view.tls), ..self.context.clone() }
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// How many commands were refused, or not answered.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// Whether an assertion failed.
    pub fn failed_assertion(&self) -> bool {
        self.failed_assertion
    }

    /// The timestamp of the greeting (POP3), brackets included, escaped.
    pub fn stamp(&self) -> Option<&str> {
        self.stamp.as_deref()
    }

    /// Takes note that a statement runs, which leads the dialogue itself.
    pub fn begin_statement(&mut self) {
        self.busy = true;
    }

    /// Takes note that it has ended.
    pub fn end_statement(&mut self) {
        self.busy = false;
    }

    /// Takes note that we ended the connection.
    pub fn gone(&mut self) {
        self.lost();
    }

    /// What the server says it can do.
    pub fn caps(&self) -> &[crate::Cap] {
        &self.context.caps
    }

    /// Takes what somebody typed: a line, or several that were pasted.
    pub fn typed(&mut self, text: &[u8]) {
        for line in text.split(|&b| b == b'\n') {
            self.queue.push_back(Item::Typed(line.strip_suffix(b"\r").unwrap_or(line).to_vec()));
        }
    }

    /// Takes note that the connection was made.
    pub fn opened(&mut self, protocol: Option<Protocol>, view: &View<'_>) {
        self.settings.protocol = protocol;
        self.context = Context {
            protocol,
            tags: self.context.tags,
            no_secrets: self.settings.no_secrets,
            insecure_auth: self.settings.insecure_auth,
            refused_logins: self.context.refused_logins,
            ..Context::default()
        };
        self.connected = true;
        self.earlier = None;
        self.was_authenticated = false;
        self.stamp = None;
        self.held = None;
        self.last_word = view.now;
        if let Some(tls) = view.tls {
            self.show(Show::Tls(Box::new(tls.clone())));
        }
        if protocol.is_some() {
            self.wait(Awaited::Greeting, view);
        }
    }

    /// Takes note that TLS is on.
    pub fn secured(&mut self, view: &View<'_>) {
        self.upgrade_once = false;
        if let Some(tls) = view.tls {
            self.show(Show::Tls(Box::new(tls.clone())));
        }
        self.earlier = Some((std::mem::take(&mut self.context.caps), "tls"));
        self.context.introduced = false;
        self.context.has_sender = false;
        self.context.data_refused = false;
        self.last_word = view.now;
        match self.settings.protocol {
            // RFC 5804 §2.2: the server says by itself what it can do.
            _ if self.busy => {}
            Some(Protocol::Sieve) => self.wait(Awaited::Greeting, view),
            _ => self.ask(),
        }
    }

    /// Takes note that the connection could not be made, or cannot go on.
    pub fn failed(&mut self, failure: Failure) {
        self.show(Show::Failed(failure));
        self.refused += 1;
        self.lost();
    }

    /// Takes note that the server ended the connection.
    pub fn closed(&mut self, how: CloseKind, state: &State, view: &View<'_>) {
        if !(self.leaving && state.ended) {
            let idle = view.now.since(self.last_word);
            self.show(Show::Closed { how, idle, announced: state.ended });
        }
        if self.waiting.is_some() && !state.ended {
            self.refused += 1;
        }
        self.lost();
    }

    /// Takes note that nothing came in time.
    pub fn timed_out(&mut self, view: &View<'_>) {
        let Some(waiting) = self.waiting.take() else { return };
        if self.settings.protocol.is_none() {
            return;
        }
        let seconds = view.now.since(waiting.since).as_secs();
        self.note("timed-out", &[("seconds", &seconds)]);
        self.refused += 1;
        self.drop_queue();
    }

    /// Takes note that Ctrl-C was pressed: it ends a wait, and nothing else.
    pub fn interrupted(&mut self) {
        if self.waiting.take().is_some() {
            self.note("interrupted", &[]);
            self.drop_queue();
        } else if self.held.take().is_some() {
            self.note("dropped", &[]);
        } else {
            self.note("to-leave", &[]);
        }
    }

    /// Ends the session as it should be ended: with QUIT or LOGOUT, and waits for the answer.
    pub fn end(&mut self, view: &View<'_>) {
        self.leaving = true;
        self.queue.clear();
        let state = view.tracker.map(|t| t.state().clone()).unwrap_or_default();
        if !self.connected
            || state.ended
            || self.settings.protocol.is_none()
            || !state.greeted
            || state.tls_next
        {
            return;
        }
        if state.in_data || self.context.literal.is_some() {
            // The end of the data would send a message that nobody has finished.
            self.note("left-in-data", &[]);
            return;
        }
        if self.context.idling {
            self.queue.push_back(Item::Own(b"DONE".to_vec()));
        }
        if state.authenticating {
            let cancel: &[u8] = if self.settings.protocol == Some(Protocol::Sieve) { b"\"*\"" } else { b"*" };
            self.queue.push_back(Item::Own(cancel.to_vec()));
        }
        let goodbye: &[u8] = match self.settings.protocol {
            Some(Protocol::Imap | Protocol::Sieve) => b"LOGOUT",
            _ => b"QUIT",
        };
        self.queue.push_back(Item::Own(goodbye.to_vec()));
    }

    /// Takes what was typed without being shown; none if it was given up.
    pub fn hidden(&mut self, what: Hidden, text: Option<Secret<String>>, view: &View<'_>) {
        let Some(text) = text else { return };
        match what {
            Hidden::Answer => self.answer(text.expose().as_bytes(), view),
        }
    }

    fn ask(&mut self) {
        if !self.settings.asks {
            return;
        }
        let question = match self.settings.protocol {
            Some(Protocol::Smtp) => format!("EHLO {}", self.settings.helo),
            Some(Protocol::Lmtp) => format!("LHLO {}", self.settings.helo),
            Some(Protocol::Pop3) => "CAPA".to_owned(),
            Some(Protocol::Imap | Protocol::Sieve) => "CAPABILITY".to_owned(),
            None => return,
        };
        self.queue.push_front(Item::Own(question.into_bytes()));
    }

    fn wait(&mut self, what: Awaited, view: &View<'_>) {
        let pending = view.tracker.map_or(0, |t| t.pending().len());
        // RFC 5321 §4.5.3.2: whatever belongs to DATA may take longer.
        let ends_data = view.tracker.is_some_and(|t| t.pending().iter().any(|p| p.verb == "DATA"));
        let time = match self.settings.protocol {
            None => self.settings.wait.min(Duration::from_secs(2)),
            Some(_) if ends_data => self.settings.data_wait,
            Some(_) => self.settings.wait,
        };
        self.waiting = Some(Waiting { since: view.now, until: view.now.after(time), before: pending, what });
    }

    fn lost(&mut self) {
        self.connected = false;
        self.waiting = None;
        self.held = None;
        self.purpose = None;
        self.when_asked = None;
        self.literal = None;
        self.upgrade_once = false;
        self.fetching = false;
        let kept = Context {
            protocol: self.context.protocol,
            tags: self.context.tags,
            no_secrets: self.context.no_secrets,
            insecure_auth: self.context.insecure_auth,
            refused_logins: self.context.refused_logins,
            ..Context::default()
        };
        self.context = kept;
        self.drop_queue();
    }

    /// Lines that were pasted behind one that failed are not sent.
    fn drop_queue(&mut self) {
        let dropped =
            self.queue.iter().filter(|i| matches!(i, Item::Typed(line) if !line.is_empty())).count();
        self.queue.clear();
        if dropped > 0 {
            self.note("not-sent", &[("count", &dropped)]);
        }
    }

    fn show(&mut self, show: Show) {
        self.out.push_back(Do::Show(show));
    }

    fn hint(&mut self, hint: Hint) {
        self.show(Show::Hint(hint));
    }

    fn note(&mut self, id: &'static str, places: &[(&str, &dyn std::fmt::Display)]) {
        let params: Params = places.iter().map(|(n, v)| ((*n).to_owned(), v.to_string())).collect();
        self.show(Show::Note { id, params });
    }
}

use crate::{Command, Parsed, Reply, State, Tracked, Tracker};
use ehlo_core::{DataSort, Limits, Protocol, Span, Stage, Tick};
use std::collections::VecDeque;
use std::time::Duration;

/// The client's side of a dialogue that we lead, without I/O.
///
/// Commands and received bytes go in by [`ClientSession::send`] and [`ClientSession::handle_received`]; after each,
/// [`ClientSession::poll`] is called until it yields [`Output::WaitUntil`] or [`Output::Idle`]. Time is an input: a
/// deadline that has passed comes out as an event, and a peer that drips single bytes never moves it.
#[derive(Debug)]
pub struct ClientSession {
    limits: Limits,
    tracker: Tracker,
    outputs: VecDeque<Output>,
    /// Fragments that wait until the server asks for more.
    held: VecDeque<Vec<u8>>,
    stage: Stage,
    since: Tick,
    deadline: Option<(Tick, Duration)>,
}

/// What a session wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes, in one write.
    Transmit(Vec<u8>),
    /// Something happened.
    Event(SessionEvent),
    /// Nothing to do until bytes come or this moment passes.
    WaitUntil(Tick),
    /// Nothing to do until somebody sends.
    Idle,
}

/// What happens in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Bytes passed, and these are what they are.
    Unit {
        /// Which bytes.
        span: Span,
        /// What they are.
        sort: DataSort,
    },
    /// Bytes of ours that must not be shown.
    Secret(Span),
    /// The server answered.
    Reply {
        /// Its answer.
        reply: Box<Parsed<Reply>>,
        /// Whether that ends the wait for the oldest command.
        completes: bool,
        /// The verb of the command that it answers, upper case, escaped; empty if nobody knows.
        verb: String,
    },
    /// The server sent more than is taken; the dialogue must end.
    TooLarge {
        /// `line`, `lines`, `reply` or `literal`.
        what: &'static str,
        /// The cap, in bytes or lines.
        limit: u64,
        /// The bytes that were looked at.
        at: Span,
    },
    /// The answer did not come in time; the dialogue must end.
    TimedOut {
        /// What was being done.
        stage: Stage,
        /// How long was waited.
        waited: Duration,
    },
}

impl ClientSession {
    /// A session on a connection that was made at `now`: it waits for the greeting.
    pub fn new(protocol: Protocol, limits: &Limits, now: Tick) -> ClientSession {
        let mut session = ClientSession {
            limits: limits.clone(),
            tracker: Tracker::new(protocol, limits),
            outputs: VecDeque::new(),
            held: VecDeque::new(),
            stage: Stage::Greeting,
            since: now,
            deadline: None,
        };
        session.arm(Stage::Greeting, now);
        session
    }

    /// What the session knows.
    pub fn state(&self) -> &State {
        self.tracker.state()
    }

    /// What follows the dialogue.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What is being done, or was done last.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Since when.
    pub fn since(&self) -> Tick {
        self.since
    }

    /// Whether an answer is due.
    pub fn is_waiting(&self) -> bool {
        self.deadline.is_some()
    }

    /// Sends a command. Its answers come out of [`ClientSession::poll`].
    pub fn send(&mut self, command: Command, now: Tick) {
        self.arm(command.stage, now);
        let mut fragments = command.fragments.into_iter();
        let first = fragments.next().unwrap_or_default();
        self.held.extend(fragments);
        self.transmit(first);
    }

    /// Sends bytes as they are, without waiting for anything: whoever sends them minds the time.
    pub fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.transmit(bytes);
    }

    /// Sends bytes that stand before the protocol begins: the header of a proxy.
    pub fn send_preamble(&mut self, bytes: Vec<u8>) {
        let Tracked::Unit { span, sort } = self.tracker.client_preamble(&bytes) else { return };
        self.outputs.push_back(Output::Transmit(bytes));
        self.event(SessionEvent::Unit { span, sort });
    }

    /// Takes note that the answer that is waited for is one to another command now, which was sent together with others.
    pub fn going_on(&mut self, stage: Stage, now: Tick) {
        if self.is_waiting() {
            self.arm(stage, now);
        }
    }

    /// Gives up the session's own deadlines: whoever leads it minds the time.
    pub fn disarm(&mut self) {
        self.deadline = None;
    }

    /// Takes bytes that the server sent.
    pub fn handle_received(&mut self, bytes: &[u8], now: Tick) {
        let tracked = self.tracker.server_sent(bytes);
        self.digest(tracked, now);
    }

    /// Takes note that the server's stream has ended.
    pub fn handle_end(&mut self, now: Tick) {
        let tracked = self.tracker.server_ended();
        self.digest(tracked, now);
        self.deadline = None;
    }

    /// The lines of data that have come of a POP3 response that is not complete.
    pub fn take_lines(&mut self) -> Vec<crate::pop3::DataLine> {
        self.tracker.take_lines()
    }

    /// Takes note that TLS is on.
    pub fn tls_started(&mut self) {
        self.tracker.tls_started();
    }

    /// Waits for what the server says unasked after the handshake (ManageSieve, RFC 5804 §2.2).
    pub fn await_greeting(&mut self, now: Tick) {
        self.arm(Stage::Greeting, now);
    }

    /// Waits for it no longer.
    pub fn forgo_greeting(&mut self) {
        self.tracker.forgo_greeting();
        self.deadline = None;
    }

    /// Takes note that no handshake follows though STARTTLS was accepted.
    pub fn tls_declined(&mut self) {
        self.tracker.tls_declined();
    }

    /// Bytes that stand behind the answer to STARTTLS.
    pub fn leftover(&self) -> Option<Span> {
        self.tracker.leftover()
    }

    /// What to do next.
    pub fn poll(&mut self, now: Tick) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match self.deadline {
            Some((deadline, waited)) if deadline <= now => {
                self.deadline = None;
                Output::Event(SessionEvent::TimedOut { stage: self.stage, waited })
            }
            Some((deadline, _)) => Output::WaitUntil(deadline),
            None => Output::Idle,
        }
    }

    fn arm(&mut self, stage: Stage, now: Tick) {
        let wait = match stage {
            Stage::Greeting => self.limits.greeting,
            Stage::Data => self.limits.data_end,
            _ => self.limits.command,
        };
        self.stage = stage;
        self.since = now;
        self.deadline = Some((now.after(wait), wait));
    }

    fn transmit(&mut self, bytes: Vec<u8>) {
        let tracked = self.tracker.client_sent(&bytes);
        self.outputs.push_back(Output::Transmit(bytes));
        for item in tracked {
            match item {
                Tracked::Unit { span, sort } => self.event(SessionEvent::Unit { span, sort }),
                Tracked::Secret(span) => self.event(SessionEvent::Secret(span)),
                // What we send ourselves is as long as we want it to be.
                Tracked::Reply { .. } | Tracked::TooLarge { .. } => {}
            }
        }
    }

    fn digest(&mut self, tracked: Vec<Tracked>, now: Tick) {
        for item in tracked {
            match item {
                Tracked::Unit { span, sort } => self.event(SessionEvent::Unit { span, sort }),
                Tracked::Secret(span) => self.event(SessionEvent::Secret(span)),
                Tracked::TooLarge { what, limit, at } => {
                    self.event(SessionEvent::TooLarge { what, limit, at });
                    self.deadline = None;
                }
                Tracked::Reply { reply, completes, verb } => {
                    let goes_on = completes
                        && reply.value.answered() == ehlo_core::facts::Answered::Continue
                        && !self.held.is_empty();
                    if goes_on {
                        // Part of sending the command, not an answer to it.
                        self.event(SessionEvent::Reply { reply, completes: false, verb });
                        if let Some(next) = self.held.pop_front() {
                            self.transmit(next);
                        }
                        continue;
                    }
                    if completes {
                        self.held.clear();
                        if self.tracker.pending().is_empty()
                            || self.state().authenticating
                            || self.state().in_data
                        {
                            self.deadline = None;
                        } else {
                            // Each pipelined command has its own time.
                            self.arm(self.stage, now);
                        }
                    }
                    self.event(SessionEvent::Reply { reply, completes, verb });
                }
            }
        }
    }

    fn event(&mut self, event: SessionEvent) {
        self.outputs.push_back(Output::Event(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::CommandBuilder;
    use crate::smtp;

    fn outputs(session: &mut ClientSession, now: Tick) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match session.poll(now) {
                Output::Transmit(bytes) => found.push(format!("> {}", ehlo_core::escape(&bytes))),
                Output::Event(SessionEvent::Reply { reply, completes, .. }) => {
                    found.push(format!("< {} {completes}", reply.value.shown()));
                }
                Output::Event(SessionEvent::TimedOut { stage, waited }) => {
                    found.push(format!("{} timed out after {waited:?}", stage.id()));
                }
                Output::Event(_) => {}
                Output::WaitUntil(tick) => {
                    found.push(format!("wait {}", tick.0 / 1_000_000));
                    return found;
                }
                Output::Idle => return found,
            }
        }
    }

    #[test]
    fn a_dripping_server_does_not_move_the_deadline() {
        let mut session = ClientSession::new(Protocol::Smtp, &Limits::default(), Tick(0));
        assert_eq!(outputs(&mut session, Tick(0)), ["wait 30"]);
        for second in 1..30 {
            let now = Tick(second * 1_000_000);
            session.handle_received(b"2", now);
            assert_eq!(outputs(&mut session, now), ["wait 30"]);
        }
        assert_eq!(outputs(&mut session, Tick(30_000_000)), ["greeting timed out after 30s"]);
    }

    #[test]
    fn one_command_one_answer() {
        let mut session = ClientSession::new(Protocol::Smtp, &Limits::default(), Tick(0));
        session.handle_received(b"220 lab\r\n", Tick(1));
        assert_eq!(outputs(&mut session, Tick(1)), ["< 220 lab true"]);
        session.send(smtp::ehlo_command("x").unwrap(), Tick(1));
        assert_eq!(outputs(&mut session, Tick(1)), [r"> EHLO x\x0d\x0a", "wait 30"]);
        session.handle_received(b"250-lab\r\n250 SIZE\r\n", Tick(9));
        assert_eq!(outputs(&mut session, Tick(9)), ["< 250 lab / SIZE true"]);
        assert!(!session.is_waiting());
    }

    #[test]
    fn literals_wait_for_consent_and_are_dropped_on_refusal() {
        let login = || CommandBuilder::new("a", "LOGIN").unwrap().literal(b"bob").literal(b"pw").finish();
        let mut session = ClientSession::new(Protocol::Imap, &Limits::default(), Tick(0));
        session.handle_received(b"* OK hi\r\n", Tick(1));
        session.send(login(), Tick(1));
        session.handle_received(b"+ go\r\n", Tick(2));
        session.handle_received(b"+ go\r\n", Tick(3));
        let found = outputs(&mut session, Tick(3));
        assert_eq!(
            found,
            [
                "< * OK hi true",
                r"> a LOGIN {3}\x0d\x0a",
                "< + go false",
                r"> bob {2}\x0d\x0a",
                "< + go false",
                r"> pw\x0d\x0a",
                "wait 30"
            ]
        );
        session.handle_received(b"a NO\r\n", Tick(4));
        session.send(login(), Tick(5));
        session.handle_received(b"a BAD no literals\r\n", Tick(6));
        assert!(!outputs(&mut session, Tick(6)).iter().any(|o| o.contains("bob")));
        assert!(!session.is_waiting());
    }
}

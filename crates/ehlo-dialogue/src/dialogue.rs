mod deflate;
mod hello;
mod lead;
mod mail;
mod raw;
mod sealed;
mod secrets;
mod secure;

pub use hello::Answered as AnsweredHello;
pub use lead::{Arrival, Arrived};
pub use raw::RawArrival;

use crate::connect::{cause_of, millis};
use crate::tls::{TlsOutcome, begin, describe};
use crate::{Clock, Connector, TlsSettings, Transport, Turn};
use ehlo_core::facts::{Spoken, TlsFacts};
use ehlo_core::{
    Address, Anchor, Cause, CloseKind, DataSort, Deviation, DeviationKind, EntryId, EntryKind, Evidence,
    Failure, Limits, Masker, Params, Protocol, Side, Span, Stage, Transcript,
};
use ehlo_wire::sasl::{BindingKind, ChannelBinding};
use ehlo_wire::{
    ClientSession, Command, Output, Reply, SessionEvent, State, imap, pop3, sieve, smtp, spoken,
};
use rustls::ClientConnection;
use sealed::Sealed;
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

/// So many broken rules of one server are kept; a mailbox may hold any number of them.
const MOST_DEVIATIONS: usize = 10_000;

/// How a dialogue is led.
#[derive(Clone)]
pub struct DialogueOptions {
    /// What is spoken.
    pub protocol: Protocol,
    /// The name of the server: for the certificate and the server name indication.
    pub host: String,
    /// How long to wait and how much to take.
    pub limits: Limits,
    /// When everything must be over.
    pub deadline: Instant,
    /// How TLS is done.
    pub tls: TlsSettings,
    /// Secrets that the server may echo.
    pub masker: Masker,
    /// Makes tags that nobody can guess.
    pub seed: u64,
}

/// A dialogue on one connection.
///
/// After a [`Failure`] nothing more can be said; [`Dialogue::finish`] yields the transcript in any case.
pub struct Dialogue {
    options: DialogueOptions,
    clock: Clock,
    transport: Box<dyn Transport>,
    tls: Option<Box<ClientConnection>>,
    sealed: Sealed,
    tls_facts: Option<TlsFacts>,
    session: ClientSession,
    transcript: Transcript,
    deviations: Vec<Deviation>,
    local: Option<IpAddr>,
    farewell: Option<String>,
    unasked: Vec<Reply>,
    failure: Option<Failure>,
    closed: bool,
    /// What comes is no reply, and not judged as one.
    lenient: bool,
    tags: u64,
    /// Replies for whoever leads the dialogue step by step.
    led: VecDeque<Arrived>,
    /// How the server ended the connection.
    ended: Option<CloseKind>,
    deflate: Option<Box<deflate::Deflate>>,
    order: secrets::Order,
    held: Option<Box<dyn std::any::Any + Send + Sync>>,
}

/// Bytes that came from the transport.
enum Received {
    Some(usize),
    End(CloseKind),
}

impl Dialogue {
    /// Connects. With `None` for the dialogue there is only a transcript that says why.
    pub async fn open(
        connector: &Connector,
        address: &Address,
        options: DialogueOptions,
        clock: Clock,
        mut transcript: Transcript,
    ) -> Result<Dialogue, (Failure, Transcript)> {
        let room = options.deadline.saturating_duration_since(Instant::now());
        match connector.connect(address, options.limits.connect.min(room)).await {
            Ok(connected) => {
                let local = connected.local.map(|l| l.ip());
                let kind = EntryKind::Connect {
                    address: address.to_string(),
                    local: connected.local.map(|l| l.to_string()),
                };
                transcript.push(clock.now(), kind);
                Ok(Dialogue::over(connected.transport, local, options, clock, transcript))
            }
            Err(failure) => {
                let entry = transcript.push(clock.now(), EntryKind::Failure { failure: failure.clone() });
                Err((failure.at(Anchor::Entry(entry)), transcript))
            }
        }
    }

    /// A dialogue over a transport that is connected already, e.g. in memory.
    pub fn over(
        transport: Box<dyn Transport>,
        local: Option<IpAddr>,
        options: DialogueOptions,
        clock: Clock,
        transcript: Transcript,
    ) -> Dialogue {
        Dialogue {
            session: ClientSession::new(options.protocol, &options.limits, clock.now()),
            options,
            clock,
            transport,
            tls: None,
            sealed: Sealed::default(),
            tls_facts: None,
            transcript,
            deviations: Vec::new(),
            local,
            farewell: None,
            unasked: Vec::new(),
            failure: None,
            closed: false,
            lenient: false,
            tags: 0,
            led: VecDeque::new(),
            ended: None,
            deflate: None,
            order: secrets::Order::default(),
            held: None,
        }
    }

    /// What the session knows.
    pub fn state(&self) -> &State {
        self.session.state()
    }

    /// What is spoken.
    pub fn protocol(&self) -> Protocol {
        self.options.protocol
    }

    /// The TLS session, if TLS is on.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.tls_facts.as_ref()
    }

    /// The transcript so far.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The address we come from.
    pub fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// The rules that the server broke so far.
    pub fn deviations(&self) -> &[Deviation] {
        &self.deviations
    }

    /// Why nothing more can be said, if so.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// A place in this transcript.
    pub fn evidence(&self, anchor: Anchor) -> Evidence {
        Evidence { transcript: self.transcript.id, anchor }
    }

    /// A tag that was not used before and cannot be guessed (`checks.md` §3 row 8).
    pub fn tag(&mut self) -> String {
        self.tags += 1;
        let mixed = (self.options.seed ^ self.tags.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_mul(0xff51_afd7_ed55_8ccd);
        format!("e{:04x}{}", (mixed >> 40) & 0xffff, self.tags)
    }

    /// Bytes that nobody can guess, for nonces.
    pub(crate) fn random(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        if ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).is_err() {
            // Without the system's randomness the seed has to do, as it does for tags.
            self.tags += 1;
            for (index, chunk) in bytes.chunks_mut(8).enumerate() {
                let mixed =
                    (self.options.seed ^ (self.tags << 8 | index as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                chunk.copy_from_slice(
                    &mixed.rotate_left(29).wrapping_mul(0xff51_afd7_ed55_8ccd).to_le_bytes(),
                );
            }
        }
        bytes
    }

    /// What a login can be tied to, the best first: the connection itself (RFC 9266), or the server's certificate
    /// (RFC 5929 §4). TLS 1.2 has the certificate only: its exporter is the connection's own only with an extension that
    /// the TLS library does not tell of, and `tls-unique`, the first Finished message, it does not give away.
    pub fn bindings(&self) -> Vec<ChannelBinding> {
        let Some(tls) = &self.tls else { return Vec::new() };
        let exported = (tls.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3))
            .then(|| tls.export_keying_material([0_u8; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok())
            .flatten()
            .map(|data| ChannelBinding { kind: BindingKind::TlsExporter, data: data.to_vec() });
        let end_point = tls
            .peer_certificates()
            .and_then(|chain| crate::tls::end_point(chain.first()?))
            .map(|data| ChannelBinding { kind: BindingKind::TlsServerEndPoint, data });
        exported.into_iter().chain(end_point).collect()
    }

    /// The name of the server, as it was asked for.
    pub(crate) fn host(&self) -> &str {
        &self.options.host
    }

    /// Notes something for the reader of the transcript.
    pub fn note(&mut self, id: &str, params: Params) {
        self.transcript.push(self.clock.now(), EntryKind::Note { id: id.to_owned(), params });
    }

    /// Waits for the greeting.
    ///
    /// # Errors
    /// A [`Failure`] of stage [`Stage::Greeting`].
    pub async fn greeting(&mut self) -> Result<Turn, Failure> {
        let start = Instant::now();
        let turn = self.collect(None, start).await?;
        self.settle()?;
        Ok(turn)
    }

    /// Waits no longer than `wait` for what a ManageSieve server says unasked after the handshake (RFC 5804 §2.2). A
    /// server that says nothing can be spoken with all the same.
    ///
    /// # Errors
    /// A [`Failure`] of stage [`Stage::Greeting`].
    pub async fn capabilities_after_tls(&mut self, wait: Duration) -> Result<Option<Turn>, Failure> {
        self.gone()?;
        self.session.await_greeting(self.clock.now());
        let start = Instant::now();
        match timeout_at(start + wait, self.collect(None, start)).await {
            Ok(said) => said.map(Some),
            Err(_) => {
                self.session.forgo_greeting();
                Ok(None)
            }
        }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// A [`Failure`] of the command's stage.
    pub async fn say(&mut self, command: Command) -> Result<Turn, Failure> {
        self.gone()?;
        let start = Instant::now();
        let from = self.transcript.sent_by(Side::Client);
        self.session.send(command, self.clock.now());
        self.collect(Some(from), start).await
    }

    /// Sends a command and waits no longer than `wait` for its answer.
    ///
    /// # Errors
    /// A [`Failure`] of the command's stage.
    pub async fn say_within(&mut self, command: Command, wait: Duration) -> Result<Turn, Failure> {
        let usual = self.options.deadline;
        let stage = command.stage;
        self.options.deadline = usual.min(Instant::now() + wait);
        let result = self.say(command).await;
        let own_deadline = self.options.deadline < usual;
        self.options.deadline = usual;
        match result {
            Err(Failure { cause: Cause::Deadline { .. }, at, .. }) if own_deadline => {
                let failure = Failure { stage, cause: Cause::TimedOut { waited_ms: millis(wait) }, at };
                self.failure = Some(failure.clone());
                Err(failure)
            }
            other => other,
        }
    }

    /// Sends a command in the clear though STARTTLS was accepted: a question, never a way to go on.
    ///
    /// # Errors
    /// A [`Failure`] of the command's stage: what a good server makes of it.
    pub async fn say_in_clear(&mut self, command: Command, wait: Duration) -> Result<Turn, Failure> {
        self.session.tls_declined();
        self.lenient = true;
        self.say_within(command, wait).await
    }

    /// Whether bytes stand behind the answer to STARTTLS: put there by somebody, and no answer to anything.
    pub fn has_injected_bytes(&self) -> bool {
        self.state().tls_next && self.session.leftover().is_some()
    }

    /// From here on replies are not judged by the rules: whoever breaks them first cannot complain.
    pub fn judge_no_replies(&mut self) {
        self.lenient = true;
    }

    /// The replies that came unasked since the last call.
    pub fn take_unasked(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.unasked)
    }

    /// Does the TLS handshake: after the answer to STARTTLS, or at once for TLS from the first byte.
    ///
    /// The certificate is not judged here: what is wrong with it stands in the facts, and secrets do not follow.
    ///
    /// # Errors
    /// A [`Failure`] of stage [`Stage::Handshake`], or bytes in front of the handshake.
    pub async fn upgrade(&mut self) -> Result<TlsFacts, Failure> {
        self.gone()?;
        self.nothing_injected()?;
        let start = Instant::now();
        let deadline = (start + self.options.limits.handshake).min(self.options.deadline);
        let (mut connection, outcome) = match begin(&self.options.tls, &self.options.host) {
            Ok(begun) => begun,
            Err(error) => {
                return Err(self.fail(Failure::new(Stage::Handshake, tls_cause(&error))));
            }
        };
        match self.shake_hands(&mut connection, deadline).await {
            Ok(()) => Ok(self.secured(connection, &outcome, start.elapsed())),
            Err(failure) => Err(self.fail(failure)),
        }
    }

    /// RFC 9051 §6.2.1: what stands behind the answer to STARTTLS must not be taken for something said inside TLS.
    fn nothing_injected(&mut self) -> Result<(), Failure> {
        let Some(span) = self.session.leftover() else { return Ok(()) };
        self.transcript.push(self.clock.now(), EntryKind::Data { span, sort: DataSort::Blob });
        let failure =
            Failure::new(Stage::StartTls, Cause::InjectedBeforeTls { span }).at(Anchor::Bytes(span));
        Err(self.fail(failure))
    }

    /// Holds something as long as the connection is there, such as a permit to have it.
    pub fn hold(&mut self, thing: impl std::any::Any + Send + Sync) {
        self.held = Some(Box::new(thing));
    }

    /// Ends the dialogue properly where that is possible: QUIT or LOGOUT, then the end of TLS and of the connection.
    pub async fn finish(mut self) -> (Transcript, Vec<Deviation>) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let state = self.session.state();
        let can_speak = self.failure.is_none()
            && !self.closed
            && state.greeted
            && !state.ended
            && !state.in_data
            && !state.authenticating
            // Whoever waits for a handshake does not read text.
            && !state.tls_next;
        if can_speak {
            let command = match self.options.protocol {
                Protocol::Smtp | Protocol::Lmtp => smtp::simple("QUIT"),
                Protocol::Pop3 => pop3::command("QUIT"),
                Protocol::Imap => {
                    let tag = self.tag();
                    imap::command(&tag, "LOGOUT")
                }
                Protocol::Sieve => sieve::command("LOGOUT"),
            };
            if let Ok(command) = command {
                // Whatever comes of it, the dialogue is over.
                let _ = self.say_within(command, PATIENCE).await;
            }
        }
        if !self.closed {
            self.shutdown().await;
        }
        (self.transcript, self.deviations)
    }

    /// Takes note of what has come already, without waiting for more.
    fn settle(&mut self) -> Result<(), Failure> {
        while let Output::Event(event) = self.session.poll(self.clock.now()) {
            self.take_note(event)?;
        }
        Ok(())
    }

    fn gone(&self) -> Result<(), Failure> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None if self.closed => Err(Failure::new(self.session.stage(), Cause::Closed)),
            None => Ok(()),
        }
    }

    /// Drives the session until a command is answered.
    async fn collect(&mut self, sent_from: Option<u64>, start: Instant) -> Result<Turn, Failure> {
        let mut replies = Vec::new();
        loop {
            match self.session.poll(self.clock.now()) {
                Output::Transmit(bytes) => self.transmit(&bytes).await?,
                Output::Event(event) => {
                    if let Some((reply, completes)) = self.take_note(event)? {
                        replies.push(reply);
                        if completes {
                            let to = self.transcript.sent_by(Side::Client);
                            return Ok(Turn {
                                sent: sent_from.map(|from| Span::new(Side::Client, from, to)),
                                replies,
                                took: start.elapsed(),
                                transcript: self.transcript.id,
                            });
                        }
                    }
                }
                Output::WaitUntil(tick) => {
                    let until = self.clock.instant(tick);
                    self.receive(until, &mut replies).await?;
                }
                Output::Idle => {
                    // Nothing is due: the session was ended while it waited.
                    return Err(self.fail(Failure::new(self.session.stage(), Cause::Closed)));
                }
            }
        }
    }

    /// Reads once, and lets the session look at it.
    async fn receive(&mut self, until: Instant, replies: &mut Vec<Reply>) -> Result<(), Failure> {
        let deadline = until.min(self.options.deadline);
        let mut buffer = [0; 16 * 1024];
        let stage = self.session.stage();
        match timeout_at(deadline, self.read(&mut buffer)).await {
            Err(_) if self.options.deadline <= until => {
                Err(self.fail(Failure::new(stage, Cause::Deadline { after_ms: self.age_ms() })))
            }
            // The session's own deadline: it says so when it is asked next.
            Err(_) => Ok(()),
            Ok(Err(cause)) => {
                self.closed = true;
                Err(self.fail(Failure::new(stage, cause)))
            }
            Ok(Ok(Received::Some(n))) => self.take(&buffer[..n]),
            Ok(Ok(Received::End(how))) => {
                self.closed = true;
                let now = self.clock.now();
                self.session.handle_end(now);
                while let Output::Event(event) = self.session.poll(now) {
                    if let Some((reply, _)) = self.take_note(event)? {
                        replies.push(reply);
                    }
                }
                let entry = self.transcript.push(now, EntryKind::Closed { by: Side::Server, how });
                Err(self.fail(Failure::new(stage, self.why_closed(how)).at(Anchor::Entry(entry))))
            }
        }
    }

    /// A server that says `421` or `BYE` and closes has refused; one that says nothing has only closed.
    fn why_closed(&self, how: CloseKind) -> Cause {
        match (&self.farewell, how) {
            (Some(code), _) => Cause::Rejected { code: ehlo_core::escape(code.as_bytes()) },
            (None, CloseKind::Reset) => Cause::Reset,
            (None, _) => Cause::Closed,
        }
    }

    /// Takes note of words with which a server announces that it will close.
    fn listen_for_farewell(&mut self, reply: &Reply) {
        let greeting = self.session.stage() == Stage::Greeting;
        let code = match reply {
            Reply::Smtp(reply) => {
                let last = |code: &u16| *code == 421 || (greeting && *code >= 400);
                reply.code.filter(last).map(|code| code.to_string())
            }
            Reply::Imap(response) => {
                response.status().filter(|s| s.kind == imap::StatusKind::Bye).map(|_| "BYE".to_owned())
            }
            Reply::Pop3(response) => {
                (greeting && response.status == pop3::Status::Err).then(|| "-ERR".to_owned())
            }
            Reply::Sieve(response) => (response.status == Some(sieve::Status::Bye)).then(|| "BYE".to_owned()),
        };
        self.farewell = code.or(self.farewell.take());
    }

    fn incoming(&mut self, bytes: &[u8]) {
        let now = self.clock.now();
        self.transcript.record(Side::Server, bytes, now);
        self.transcript.mask_received(&self.options.masker);
        self.session.handle_received(bytes, now);
    }

    /// Writes an event into the transcript; yields the reply that it holds.
    fn take_note(&mut self, event: SessionEvent) -> Result<Option<(Reply, bool)>, Failure> {
        match event {
            SessionEvent::Unit { span, sort } => {
                let tick =
                    self.transcript.time_of(span.side, span.to.saturating_sub(1)).unwrap_or(self.clock.now());
                self.transcript.push(tick, EntryKind::Data { span, sort });
                Ok(None)
            }
            SessionEvent::Secret(span) => {
                self.transcript.mark_secret(span);
                Ok(None)
            }
            SessionEvent::Reply { reply, completes, .. } => {
                self.order.lost |= reply.deviations.iter().any(|d| d.kind == DeviationKind::UnaskedReply);
                let judged = if self.lenient { Vec::new() } else { reply.deviations };
                for deviation in judged {
                    let tick = self.transcript.entries.last().map_or(self.clock.now(), |e| e.tick);
                    self.transcript.push(tick, EntryKind::Deviation { deviation: deviation.clone() });
                    if self.deviations.len() < MOST_DEVIATIONS {
                        self.deviations.push(deviation);
                    }
                }
                let is_unasked = !completes && !self.session.is_waiting();
                if is_unasked {
                    self.unasked.push(reply.value.clone());
                }
                self.listen_for_farewell(&reply.value);
                Ok(Some((reply.value, completes)))
            }
            SessionEvent::TooLarge { what, limit, at } => {
                let sort = DataSort::Blob;
                // A sample is enough: nobody reads a megabyte of a flood. Lines that were told already are not told twice.
                let sample = Span::new(at.side, at.from, at.to.min(at.from + 200));
                if self.transcript.entries_at(Anchor::Bytes(sample)).is_empty() {
                    self.transcript.push(self.clock.now(), EntryKind::Data { span: sample, sort });
                }
                let cause = Cause::TooLarge { what: what.to_owned(), limit };
                Err(self.fail(Failure::new(self.session.stage(), cause).at(Anchor::Bytes(sample))))
            }
            SessionEvent::TimedOut { stage, waited } => {
                let cause = Cause::TimedOut { waited_ms: millis(waited) };
                Err(self.fail(Failure::new(stage, cause)))
            }
        }
    }

    async fn transmit(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.transcript.record(Side::Client, bytes, self.clock.now());
        let stage = self.session.stage();
        let packed = self.deflate.as_mut().map(|d| d.pack(bytes));
        let bytes = packed.as_deref().unwrap_or(bytes);
        let out = match &mut self.tls {
            None => bytes.to_vec(),
            Some(tls) => {
                let mut out = Vec::new();
                let mut rest = bytes;
                while !rest.is_empty() {
                    let written = tls.writer().write(rest).unwrap_or(0);
                    if written == 0 {
                        break;
                    }
                    rest = &rest[written..];
                    drain(tls, &mut out);
                }
                out
            }
        };
        // A peer that does not read must not hold us either.
        let deadline = (Instant::now() + self.options.limits.command).min(self.options.deadline);
        match timeout_at(deadline, self.transport.write_all(&out)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // The server may have said why before it closed.
                let mut replies = Vec::new();
                let soon = Instant::now() + Duration::from_millis(200);
                while self.failure.is_none() && self.receive(soon, &mut replies).await.is_ok() {
                    if Instant::now() >= soon {
                        break;
                    }
                }
                self.closed = true;
                match self.failure.clone() {
                    Some(failure) => Err(failure),
                    None => Err(self.fail(Failure::new(stage, cause_of(&error)))),
                }
            }
            Err(_) => {
                self.closed = true;
                let waited_ms = millis(self.options.limits.command);
                Err(self.fail(Failure::new(stage, Cause::TimedOut { waited_ms })))
            }
        }
    }

    /// Bytes that came and belong to no line get an entry all the same.
    fn record_rest(&mut self) {
        let covered = self.transcript.entries.iter().filter_map(|e| match e.kind {
            EntryKind::Data { span, .. } if span.side == Side::Server => Some(span.to),
            _ => None,
        });
        let from = covered.max().unwrap_or(0);
        // Of a flood a sample is enough.
        let to = self.transcript.sent_by(Side::Server).min(from + 4096);
        let span = Span::new(Side::Server, from, to);
        if !span.is_empty() {
            self.transcript.push(self.clock.now(), EntryKind::Data { span, sort: DataSort::Blob });
        }
    }

    /// Takes a failure down. The first one counts: what follows from it is no news.
    fn fail(&mut self, mut failure: Failure) -> Failure {
        if let Some(first) = &self.failure {
            return first.clone();
        }
        self.record_rest();
        let entry: EntryId =
            self.transcript.push(self.clock.now(), EntryKind::Failure { failure: failure.clone() });
        if failure.at.is_none() {
            failure.at = Some(Anchor::Entry(entry));
        }
        self.failure = Some(failure.clone());
        failure
    }
}

/// The word that nothing more will come: a warning, so that it does not stand in the server's log as an error.
fn tls_closing(version: ehlo_wire::tls::Version) -> Vec<u8> {
    use ehlo_wire::tls::{Alert, Version, alert};
    alert(version.clamp(Version::SSL3, Version::TLS12), false, Alert::CLOSE_NOTIFY)
}

fn drain(tls: &mut ClientConnection, out: &mut Vec<u8>) {
    while tls.wants_write() {
        if tls.write_tls(out).is_err() {
            return;
        }
    }
}

/// A name of the TLS library in the spelling of RFC 8446 §6: `HandshakeFailure` is `handshake_failure`.
fn registered(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, c) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|b| letters[b]);
        let next = letters.get(at + 1);
        let begins = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || (b.is_ascii_uppercase() && next.is_some_and(char::is_ascii_lowercase))
            });
        if begins {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn tls_cause(error: &rustls::Error) -> Cause {
    match error {
        rustls::Error::AlertReceived(alert) => Cause::TlsAlert {
            alert: registered(&alert.as_str().map_or_else(|| format!("{alert:?}"), str::to_owned)),
        },
        other => Cause::TlsFailed { detail: ehlo_core::escape(other.to_string().as_bytes()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_rfc() {
        for (library, rfc) in [
            ("HandshakeFailure", "handshake_failure"),
            ("UnknownCA", "unknown_ca"),
            ("UnknownPSKIdentity", "unknown_psk_identity"),
            ("BadRecordMac", "bad_record_mac"),
        ] {
            assert_eq!(registered(library), rfc);
        }
    }
}

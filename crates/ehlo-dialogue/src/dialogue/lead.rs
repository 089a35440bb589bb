use super::{Dialogue, Received, TlsSettings};
use ehlo_core::facts::TlsFacts;
use ehlo_core::{
    Anchor, Cause, CloseKind, Deviation, EntryKind, Evidence, Failure, Side, Span, Tick, Transcript,
};
use ehlo_wire::{Output, Reply, SessionEvent, Tracker, pop3};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout_at};

/// What a dialogue that somebody else leads yields next.
#[derive(Debug)]
pub enum Arrival {
    /// A reply.
    Reply(Box<Arrived>),
    /// Nothing came in time.
    TimedOut,
    /// The server ended the connection.
    Closed(CloseKind),
    /// The dialogue cannot go on.
    Failed(Failure),
}

/// A reply, with its bytes.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// What it says.
    pub reply: Reply,
    /// The verb of the command that it answers; `greeting`; empty if nobody knows.
    pub verb: String,
    /// Its bytes, secrets masked.
    pub bytes: Vec<u8>,
    /// Where it stands.
    pub at: Evidence,
    /// When it came.
    pub tick: Tick,
    /// Whether it is the last word on a command (or asks for more), and not merely data that belongs to one.
    pub completes: bool,
}

/// For whoever leads a dialogue step by step, and minds the time himself: scripts, the console.
impl Dialogue {
    /// Sends bytes as they are, and waits for nothing.
    ///
    /// # Errors
    /// A [`Failure`] of the stage that the dialogue is in.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<Span, Failure> {
        self.gone()?;
        let from = self.transcript.sent_by(Side::Client);
        self.session.disarm();
        self.session.send_bytes(bytes.to_vec());
        // What we send is a secret by its value, too, wherever it stands.
        let secrets = self.options.masker.find(bytes);
        // Where the secrets stand is told behind the bytes: whoever shows them must know.
        loop {
            match self.session.poll(self.clock.now()) {
                Output::Transmit(bytes) => self.transmit(&bytes).await?,
                Output::Event(event) => self.keep(event)?,
                Output::WaitUntil(_) | Output::Idle => break,
            }
        }
        for range in secrets {
            let span = Span::new(Side::Client, from + range.start as u64, from + range.end as u64);
            self.transcript.mark_secret(span);
        }
        Ok(Span::new(Side::Client, from, self.transcript.sent_by(Side::Client)))
    }

    /// Waits until `until` for what comes next.
    pub async fn arrival(&mut self, until: Instant) -> Arrival {
        self.next(until, None).await.unwrap_or(Arrival::TimedOut)
    }

    /// Waits until `until` for what comes next, or for lines of data of a POP3 response that is not complete: these
    /// are put into `lines`, and there is no arrival. A response that completes holds the lines that were not told.
    pub async fn arrival_or_lines(
        &mut self,
        until: Instant,
        lines: &mut Vec<pop3::DataLine>,
    ) -> Option<Arrival> {
        self.next(until, Some(lines)).await
    }

    async fn next(&mut self, until: Instant, mut lines: Option<&mut Vec<pop3::DataLine>>) -> Option<Arrival> {
        if let Some(arrived) = self.led.pop_front() {
            return Some(Arrival::Reply(Box::new(arrived)));
        }
        self.session.disarm();
        loop {
            match self.session.poll(self.clock.now()) {
                Output::Transmit(bytes) => {
                    if let Err(failure) = self.transmit(&bytes).await {
                        return Some(Arrival::Failed(failure));
                    }
                }
                Output::Event(event) => {
                    if let Err(failure) = self.keep(event) {
                        return Some(Arrival::Failed(failure));
                    }
                    if let Some(arrived) = self.led.pop_front() {
                        return Some(Arrival::Reply(Box::new(arrived)));
                    }
                }
                Output::WaitUntil(_) | Output::Idle => {
                    if let Some(lines) = &mut lines {
                        **lines = self.session.take_lines();
                        if !lines.is_empty() {
                            return None;
                        }
                    }
                    if let Some(how) = self.ended {
                        return Some(Arrival::Closed(how));
                    }
                    if let Some(failure) = self.failure.clone() {
                        return Some(Arrival::Failed(failure));
                    }
                    match self.read_once(until).await {
                        Ok(true) => {}
                        Ok(false) => return Some(Arrival::TimedOut),
                        Err(failure) => return Some(Arrival::Failed(failure)),
                    }
                }
            }
        }
    }

    /// Reads once; `false` if nothing came in time.
    async fn read_once(&mut self, until: Instant) -> Result<bool, Failure> {
        let deadline = until.min(self.options.deadline);
        // On the heap: whoever leads the dialogue may lead many.
        let mut buffer = vec![0; 16 * 1024];
        let stage = self.session.stage();
        match timeout_at(deadline, self.read(&mut buffer)).await {
            Err(_) if self.options.deadline <= until => {
                Err(self.fail(Failure::new(stage, Cause::Deadline { after_ms: self.age_ms() })))
            }
            Err(_) => Ok(false),
            Ok(Err(cause)) => {
                self.closed = true;
                Err(self.fail(Failure::new(stage, cause)))
            }
            Ok(Ok(Received::Some(n))) => {
                self.take(&buffer[..n])?;
                self.session.disarm();
                Ok(true)
            }
            Ok(Ok(Received::End(how))) => {
                self.closed = true;
                let now = self.clock.now();
                self.session.handle_end(now);
                self.transcript.push(now, EntryKind::Closed { by: Side::Server, how });
                self.ended = Some(how);
                Ok(true)
            }
        }
    }

    /// Writes an event down, and keeps the reply that it holds until somebody asks for it.
    fn keep(&mut self, event: SessionEvent) -> Result<(), Failure> {
        let verb = match &event {
            SessionEvent::Reply { verb, .. } => verb.clone(),
            _ => String::new(),
        };
        let before = self.unasked.len();
        if let Some((reply, completes)) = self.take_note(event)? {
            // It is told here, so that nobody has to ask for it.
            self.unasked.truncate(before);
            let span = reply.span();
            self.led.push_back(Arrived {
                bytes: self.transcript.visible(span),
                at: Evidence { transcript: self.transcript.id, anchor: Anchor::Bytes(span) },
                tick: self.clock.now(),
                reply,
                verb,
                completes,
            });
        }
        Ok(())
    }

    /// Does the handshake with other settings than usual.
    ///
    /// # Errors
    /// As [`Dialogue::upgrade`].
    pub async fn upgrade_with(&mut self, settings: TlsSettings) -> Result<TlsFacts, Failure> {
        let usual = std::mem::replace(&mut self.options.tls, settings);
        let result = self.upgrade().await;
        self.options.tls = usual;
        result
    }

    /// What follows the dialogue: which commands wait for an answer, and where secrets would stand.
    pub fn tracker(&self) -> &Tracker {
        self.session.tracker()
    }

    /// Goes on in the clear though STARTTLS was accepted: whoever leads the dialogue wants to see what comes of it.
    pub fn decline_tls(&mut self) {
        self.session.tls_declined();
    }

    /// The settings of TLS that the dialogue was begun with.
    pub fn tls_settings(&self) -> &TlsSettings {
        &self.options.tls
    }

    /// Takes bytes that came, unpacked if they are packed.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let most = self.options.limits.reply_bytes;
        match self.deflate.as_mut().map(|d| d.unpack(bytes, most)) {
            None => self.incoming(bytes),
            Some(Ok(plain)) => self.incoming(&plain),
            Some(Err(cause)) => {
                self.closed = true;
                return Err(self.fail(Failure::new(self.session.stage(), cause)));
            }
        }
        Ok(())
    }

    /// Compresses from here on, in both directions (RFC 4978 §3): after the server agreed to COMPRESS DEFLATE.
    ///
    /// # Errors
    /// If the dialogue is over.
    pub fn compress(&mut self) -> Result<(), Failure> {
        self.gone()?;
        self.deflate = Some(Box::default());
        self.note("compressed", ehlo_core::Params::new());
        Ok(())
    }

    /// Sends no more.
    pub async fn shutdown(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let mut last = Vec::new();
            if tls.write_tls(&mut last).is_ok() {
                let _ = timeout_at(Instant::now() + PATIENCE, self.transport.write_all(&last)).await;
            }
        }
        let _ = timeout_at(Instant::now() + PATIENCE, self.transport.shutdown()).await;
        let how = if self.tls.is_some() { CloseKind::CloseNotify } else { CloseKind::End };
        self.transcript.push(self.clock.now(), EntryKind::Closed { by: Side::Client, how });
    }

    /// Ends the dialogue without a word: what is sent is not even QUIT.
    pub async fn drop_it(mut self, reset: bool) -> (Transcript, Vec<Deviation>) {
        if reset {
            // A socket that is dropped with unread bytes resets; that is as rude as we can be without unsafe code.
            self.transcript
                .push(self.clock.now(), EntryKind::Closed { by: Side::Client, how: CloseKind::Reset });
        } else {
            self.shutdown().await;
        }
        (self.transcript, self.deviations)
    }

    /// Sends bytes one by one.
    ///
    /// # Errors
    /// As [`Dialogue::write`].
    pub async fn drip(&mut self, bytes: &[u8], pace: Duration) -> Result<(), Failure> {
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(pace).await;
            }
            self.write(std::slice::from_ref(byte)).await?;
        }
        Ok(())
    }
}

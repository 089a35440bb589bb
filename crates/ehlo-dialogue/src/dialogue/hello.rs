use super::{Dialogue, tls_closing};
use crate::connect::cause_of;
use ehlo_core::{Anchor, Cause, CloseKind, DataSort, EntryKind, Failure, Side, Span, Stage};
use ehlo_wire::tls::{Flight, FlightReader, Progress, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

/// A hand-made hello and what came back.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What the server said in clear.
    pub flight: Flight,
    /// Where the hello stands.
    pub hello: Span,
    /// Where the answer stands.
    pub answer: Span,
}

/// For whoever asks by hand what a server would choose, and wants no session.
impl Dialogue {
    /// Sends a hello, reads what the server answers in clear, and ends the connection: no handshake is completed. It
    /// takes the place of [`Dialogue::upgrade`]. The bytes of both sides stand in the transcript.
    ///
    /// # Errors
    /// A [`Failure`] of stage [`Stage::Handshake`] if there is no answer from which anything follows, or bytes in front
    /// of the handshake.
    pub async fn ask_by_hello(&mut self, hello: &[u8], version: Version) -> Result<Answered, Failure> {
        self.gone()?;
        self.nothing_injected()?;
        let deadline = (Instant::now() + self.options.limits.handshake).min(self.options.deadline);
        let hello = self.write_raw(hello, deadline).await?;
        let from = self.transcript.sent_by(Side::Server);
        let mut reader = FlightReader::new(from);
        let result = self.read_flight(&mut reader, deadline).await;
        let answer = Span::new(Side::Server, from, self.transcript.sent_by(Side::Server));
        let flight = reader.finish();
        if !answer.is_empty() {
            self.transcript.push(self.clock.now(), EntryKind::Data { span: answer, sort: DataSort::Blob });
        }
        for deviation in &flight.deviations {
            let kind = EntryKind::Deviation { deviation: deviation.clone() };
            self.transcript.push(self.clock.now(), kind);
            self.deviations.push(deviation.clone());
        }
        // An alert or a choice is an answer, whatever became of the connection afterwards.
        if flight.hello.is_some() || flight.ssl2.is_some() || flight.alert.is_some() {
            if result.is_ok() && flight.alert.is_none() {
                let farewell = tls_closing(version);
                let _ = self.write_raw(&farewell, deadline).await;
            }
            self.end_by_hand().await;
            return Ok(Answered { flight, hello, answer });
        }
        let mut failure = match result {
            Ok(()) => Failure::new(Stage::Handshake, Cause::Closed),
            Err(failure) => failure,
        };
        if failure.at.is_none() && !answer.is_empty() {
            failure = failure.at(Anchor::Bytes(answer));
        }
        let failure = self.fail(failure);
        self.end_by_hand().await;
        Err(failure)
    }

    /// Reads until nothing more can come in clear.
    async fn read_flight(&mut self, reader: &mut FlightReader, deadline: Instant) -> Result<(), Failure> {
        let failed = |cause| Failure::new(Stage::Handshake, cause);
        let started = Instant::now();
        let mut raw = vec![0; 16 * 1024];
        let mut first = Vec::new();
        loop {
            let n = match timeout_at(deadline, self.transport.read(&mut raw)).await {
                Err(_) => return Err(failed(self.too_late(started, deadline))),
                Ok(Err(error)) => {
                    self.closed = true;
                    return Err(failed(cause_of(&error)));
                }
                Ok(Ok(0)) => {
                    self.closed = true;
                    let kind = EntryKind::Closed { by: Side::Server, how: CloseKind::End };
                    self.transcript.push(self.clock.now(), kind);
                    return Err(failed(Cause::Closed));
                }
                Ok(Ok(n)) => n,
            };
            self.transcript.record(Side::Server, &raw[..n], self.clock.now());
            if first.len() < 200 {
                first.extend_from_slice(&raw[..n.min(200)]);
            }
            match reader.feed(&raw[..n]) {
                Progress::More => {}
                Progress::Done => return Ok(()),
                Progress::NotTls => {
                    let line = first.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
                    return Err(failed(Cause::NotTls { first: ehlo_core::escape(line) }));
                }
                Progress::TooLarge => {
                    let limit = self.transcript.sent_by(Side::Server);
                    return Err(failed(Cause::TooLarge { what: "handshake".into(), limit }));
                }
            }
        }
    }

    /// Sends bytes past any session, and writes them down.
    async fn write_raw(&mut self, bytes: &[u8], deadline: Instant) -> Result<Span, Failure> {
        let span = self.transcript.record(Side::Client, bytes, self.clock.now());
        self.transcript.push(self.clock.now(), EntryKind::Data { span, sort: DataSort::Blob });
        let started = Instant::now();
        let cause = match timeout_at(deadline, self.transport.write_all(bytes)).await {
            Ok(Ok(())) => return Ok(span),
            Ok(Err(error)) => cause_of(&error),
            Err(_) => self.too_late(started, deadline),
        };
        Err(self.fail(Failure::new(Stage::Handshake, cause)))
    }

    /// Nothing can be said any more: not even QUIT would be understood.
    async fn end_by_hand(&mut self) {
        if !self.closed {
            self.shutdown().await;
        }
        self.closed = true;
    }
}

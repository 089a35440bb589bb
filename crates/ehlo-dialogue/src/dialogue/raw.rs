use super::{Dialogue, Received};
use ehlo_core::{Cause, CloseKind, DataSort, EntryKind, Failure, Side, Span};
use tokio::time::{Instant, timeout_at};

/// What comes on a connection whose protocol nobody knows.
#[derive(Debug)]
pub enum RawArrival {
    /// Bytes, secrets masked.
    Bytes(Vec<u8>),
    /// Nothing came in time.
    TimedOut,
    /// The server ended the connection.
    Closed(CloseKind),
    /// The dialogue cannot go on.
    Failed(Failure),
}

/// For a line protocol that nobody knows: bytes pass and are written down, and nothing is read into them.
impl Dialogue {
    /// Sends bytes as they are.
    ///
    /// # Errors
    /// A [`Failure`]: they could not be sent.
    pub async fn raw_write(&mut self, bytes: &[u8]) -> Result<Span, Failure> {
        self.gone()?;
        let from = self.transcript.sent_by(Side::Client);
        self.transmit(bytes).await?;
        let span = Span::new(Side::Client, from, self.transcript.sent_by(Side::Client));
        self.transcript.push(self.clock.now(), EntryKind::Data { span, sort: DataSort::Line });
        Ok(span)
    }

    /// Waits until `until` for what comes next.
    pub async fn raw_arrival(&mut self, until: Instant) -> RawArrival {
        if let Some(how) = self.ended {
            return RawArrival::Closed(how);
        }
        if let Some(failure) = self.failure.clone() {
            return RawArrival::Failed(failure);
        }
        let mut buffer = [0; 16 * 1024];
        let deadline = until.min(self.options.deadline);
        let stage = self.session.stage();
        match timeout_at(deadline, self.read(&mut buffer)).await {
            Err(_) if self.options.deadline <= until => {
                let cause = Cause::Deadline { after_ms: self.age_ms() };
                RawArrival::Failed(self.fail(Failure::new(stage, cause)))
            }
            Err(_) => RawArrival::TimedOut,
            Ok(Err(cause)) => {
                self.closed = true;
                RawArrival::Failed(self.fail(Failure::new(stage, cause)))
            }
            Ok(Ok(Received::End(how))) => {
                self.closed = true;
                self.ended = Some(how);
                self.transcript.push(self.clock.now(), EntryKind::Closed { by: Side::Server, how });
                RawArrival::Closed(how)
            }
            Ok(Ok(Received::Some(n))) => {
                let now = self.clock.now();
                let span = self.transcript.record(Side::Server, &buffer[..n], now);
                self.transcript.mask_received(&self.options.masker);
                self.transcript.push(now, EntryKind::Data { span, sort: DataSort::Blob });
                RawArrival::Bytes(self.transcript.visible(span))
            }
        }
    }
}

//! The bytes under the dialogue: read through TLS where it is on, and the handshake that turns it on.

use super::*;

impl Dialogue {
    /// Reads text, through TLS if it is on.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> Result<Received, Cause> {
        let Some(tls) = &mut self.tls else {
            return match self.transport.read(buffer).await {
                Ok(0) => Ok(Received::End(CloseKind::End)),
                Ok(n) => Ok(Received::Some(n)),
                Err(error) if cause_of(&error) == Cause::Reset => Ok(Received::End(CloseKind::Reset)),
                Err(error) => Err(cause_of(&error)),
            };
        };
        loop {
            match tls.reader().read(buffer) {
                Ok(0) if !buffer.is_empty() => return Ok(Received::End(CloseKind::CloseNotify)),
                Ok(n) => return Ok(Received::Some(n)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                // EOF without close_notify: the text may have been cut off (RFC 8446 §6.1).
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Ok(Received::End(CloseKind::Truncated));
                }
                Err(error) => return Err(cause_of(&error)),
            }
            if self.sealed.is_empty() {
                let n = match self.transport.read(self.sealed.room()).await {
                    Ok(n) => n,
                    Err(error) if cause_of(&error) == Cause::Reset => {
                        return Ok(Received::End(CloseKind::Reset));
                    }
                    Err(error) => return Err(cause_of(&error)),
                };
                self.sealed.filled(n);
                if n == 0 {
                    return Ok(Received::End(CloseKind::Truncated));
                }
            }
            let result = self.sealed.feed(tls);
            let mut out = Vec::new();
            drain(tls, &mut out);
            if !out.is_empty() {
                self.transport.write_all(&out).await.map_err(|e| cause_of(&e))?;
            }
            result?;
        }
    }

    pub(super) async fn shake_hands(
        &mut self,
        connection: &mut ClientConnection,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let failed = |cause| Failure::new(Stage::Handshake, cause);
        let started = Instant::now();
        let mut first = Vec::new();
        loop {
            let mut out = Vec::new();
            drain(connection, &mut out);
            if !out.is_empty() {
                match timeout_at(deadline, self.transport.write_all(&out)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Err(failed(cause_of(&error))),
                    Err(_) => return Err(failed(self.too_late(started, deadline))),
                }
            }
            if !connection.is_handshaking() {
                return Ok(());
            }
            match timeout_at(deadline, self.transport.read(self.sealed.room())).await {
                Err(_) => return Err(failed(self.too_late(started, deadline))),
                Ok(Err(error)) => {
                    self.closed = true;
                    return Err(failed(cause_of(&error)));
                }
                Ok(Ok(0)) => {
                    self.closed = true;
                    return Err(failed(Cause::Closed));
                }
                Ok(Ok(n)) => self.sealed.filled(n),
            }
            if first.len() < 16 {
                first.extend_from_slice(self.sealed.start());
                if first.len() >= 2 && spoken(&first) != Spoken::Tls {
                    let span = self.transcript.record(Side::Server, &first, self.clock.now());
                    self.transcript.push(self.clock.now(), EntryKind::Data { span, sort: DataSort::Blob });
                    let line = first.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
                    let cause = Cause::NotTls { first: ehlo_core::escape(line) };
                    return Err(failed(cause).at(Anchor::Bytes(span)));
                }
            }
            // What follows the handshake in the same portion is text, and waits until it is read.
            while !self.sealed.is_empty() && connection.is_handshaking() {
                if let Err(cause) = self.sealed.feed(connection) {
                    // Tell the peer why before we close.
                    let mut out = Vec::new();
                    drain(connection, &mut out);
                    let _ = timeout_at(deadline, self.transport.write_all(&out)).await;
                    return Err(failed(cause));
                }
            }
        }
    }

    /// How long this dialogue has been going on, in milliseconds.
    pub(super) fn age_ms(&self) -> u64 {
        let now = self.clock.now();
        millis(self.transcript.entries.first().map_or(std::time::Duration::ZERO, |e| now.since(e.tick)))
    }

    pub(super) fn too_late(&self, started: Instant, deadline: Instant) -> Cause {
        let waited_ms = millis(started.elapsed());
        if deadline >= self.options.deadline {
            Cause::Deadline { after_ms: self.age_ms() }
        } else {
            Cause::TimedOut { waited_ms }
        }
    }

    pub(super) fn secured(
        &mut self,
        connection: ClientConnection,
        outcome: &TlsOutcome,
        took: Duration,
    ) -> TlsFacts {
        let mut facts = describe(&connection, outcome, &self.options.tls, took);
        let entry =
            self.transcript.push(self.clock.now(), EntryKind::Handshake { tls: Box::new(facts.clone()) });
        facts.at = Some(self.evidence(Anchor::Entry(entry)));
        self.order = secrets::Order::begun(self.session.state().tls_next);
        self.session.tls_started();
        self.tls = Some(Box::new(connection));
        self.tls_facts = Some(facts.clone());
        facts
    }
}

use super::Dialogue;
use crate::Turn;
use ehlo_core::{DataSort, EntryKind, Failure, Side, Span, Stage};
use ehlo_wire::{Command, Output};
use tokio::time::Instant;

/// For whoever sends mail: several commands at once, several answers to one, and data that are larger than memory.
impl Dialogue {
    /// Sends bytes that stand before the protocol begins, such as the header of a proxy.
    ///
    /// # Errors
    /// A [`Failure`] of the stage that the dialogue is in.
    pub async fn preamble(&mut self, bytes: &[u8]) -> Result<Span, Failure> {
        self.gone()?;
        let from = self.transcript.sent_by(Side::Client);
        self.session.send_preamble(bytes.to_vec());
        self.flush().await?;
        Ok(Span::new(Side::Client, from, self.transcript.sent_by(Side::Client)))
    }

    /// The name that we give ourselves: `helo`, or the address literal of the connection.
    pub fn own_name(&self, helo: Option<&str>) -> String {
        helo.map_or_else(|| crate::capabilities::address_literal(self.local()), str::to_owned)
    }

    /// Sends commands in one write (RFC 2920), and waits for the answer to each. Where the dialogue breaks off, there are
    /// fewer answers than commands, and the failure says why.
    pub async fn say_all(&mut self, commands: Vec<Command>) -> (Vec<Turn>, Option<Failure>) {
        let mut turns = Vec::new();
        if let Err(failure) = self.gone() {
            return (turns, Some(failure));
        }
        let start = Instant::now();
        let mut from = self.transcript.sent_by(Side::Client);
        let mut asked = Vec::new();
        let mut whole = Vec::new();
        for command in commands {
            let length: usize = command.fragments.iter().map(Vec::len).sum();
            asked.push((command.stage, Span::new(Side::Client, from, from + length as u64)));
            from += length as u64;
            whole.extend(command.fragments.into_iter().flatten());
        }
        let Some((first, _)) = asked.first() else { return (turns, None) };
        self.session.send(Command::raw(*first, whole), self.clock.now());
        for (stage, span) in asked {
            self.session.going_on(stage, self.clock.now());
            match self.collect(Some(span.from), start).await {
                Ok(turn) => turns.push(Turn { sent: Some(span), ..turn }),
                Err(failure) => return (turns, Some(failure)),
            }
        }
        (turns, None)
    }

    /// Waits for one more answer to what was sent: LMTP and PRDR give one for each recipient.
    ///
    /// # Errors
    /// A [`Failure`] of `stage`.
    pub async fn further(&mut self, stage: Stage) -> Result<Turn, Failure> {
        self.gone()?;
        self.session.going_on(stage, self.clock.now());
        self.collect(None, Instant::now()).await
    }

    /// Sends a part of a message, and waits for nothing. What is sent in many parts has one entry in the transcript.
    ///
    /// # Errors
    /// A [`Failure`] of the stage that the dialogue is in.
    pub async fn stream(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        self.gone()?;
        let from = self.transcript.sent_by(Side::Client);
        let secrets = self.options.masker.find(&bytes);
        self.session.send_bytes(bytes);
        self.flush().await?;
        for range in secrets {
            let span = Span::new(Side::Client, from + range.start as u64, from + range.end as u64);
            self.transcript.mark_secret(span);
        }
        self.join_parts();
        Ok(())
    }

    /// The same for whoever leads the dialogue step by step: what the server says meanwhile is kept for
    /// [`Dialogue::arrival`].
    ///
    /// # Errors
    /// A [`Failure`] of the stage that the dialogue is in.
    pub async fn write_part(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write(bytes).await?;
        self.join_parts();
        Ok(())
    }

    /// Sends what is to be sent, and writes down what it is.
    async fn flush(&mut self) -> Result<(), Failure> {
        loop {
            match self.session.poll(self.clock.now()) {
                Output::Transmit(bytes) => self.transmit(&bytes).await?,
                Output::Event(event) => {
                    self.take_note(event)?;
                }
                Output::WaitUntil(_) | Output::Idle => return Ok(()),
            }
        }
    }

    /// Makes one entry of the last two if they are parts of the same data.
    fn join_parts(&mut self) {
        let data = |kind: &EntryKind| match kind {
            EntryKind::Data { span, sort: sort @ (DataSort::Blob | DataSort::Literal) }
                if span.side == Side::Client =>
            {
                Some((*span, *sort))
            }
            _ => None,
        };
        let entries = &mut self.transcript.entries;
        let [.., before, last] = entries.as_mut_slice() else { return };
        let (Some((first, sort)), Some((second, same))) = (data(&before.kind), data(&last.kind)) else {
            return;
        };
        if first.to == second.from && sort == same {
            before.kind = EntryKind::Data { span: first.join(second), sort };
            before.tick = last.tick;
            entries.pop();
        }
    }
}

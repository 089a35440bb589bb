//! One transaction: MAIL, RCPT, the data, and what becomes of each recipient.

use super::SendOptions;
use super::commands::{Offer, Said, attributes, said};
use super::connect::{End, Line, drop_behind, say, smtp_line, stop_at};
use super::message::{DotStuffer, Measured, Message, PORTION};
use super::options::Wish;
use ehlo_core::facts::Answered;
use ehlo_core::send::{
    SendAnswer, SendEvent, SendPoint, SendRecipient, SendRemark, SendTransaction, SendVerdict,
};
use ehlo_core::{Cause, Failure, Protocol, Stage, escape};
use ehlo_dialogue::Turn;
use ehlo_wire::{Command, Reply, smtp};
use std::io::{self, Read as _};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// A message and to whom it goes in this transaction.
pub(super) struct Letter<'a> {
    pub(super) number: u64,
    pub(super) message: &'a Message,
    pub(super) measured: &'a Measured,
    pub(super) recipients: Vec<String>,
}

struct Transaction<'a> {
    line: &'a mut Line,
    options: &'a SendOptions,
    letter: Letter<'a>,
    events: &'a UnboundedSender<SendEvent>,
    done: SendTransaction,
    /// Whether RCPT was accepted, for each recipient.
    taken: Vec<bool>,
    /// Whether the server has said that the data may come.
    data_begun: bool,
}

/// Sends a message. Beside what came of it: why the connection cannot be used any longer, if so.
pub(super) async fn send(
    line: &mut Line,
    options: &SendOptions,
    letter: Letter<'_>,
    events: &UnboundedSender<SendEvent>,
) -> (SendTransaction, Option<End>) {
    let started = Instant::now();
    let recipient = |address: &String| SendRecipient {
        address: address.clone(),
        verdict: SendVerdict::Unsent,
        answer: None,
    };
    let done = SendTransaction {
        message: letter.number,
        message_id: letter.message.message_id.as_ref().map(|id| escape(id.as_bytes())),
        token: letter.message.token.as_ref().map(|token| escape(token.as_bytes())),
        octets: letter.measured.octets,
        mail: None,
        recipients: letter.recipients.iter().map(recipient).collect(),
        data: None,
        queue_id: None,
        end_sent: false,
        failure: None,
        problem: None,
        took_us: 0,
        transcript: Some(line.dialogue.transcript().id),
    };
    let taken = vec![false; letter.recipients.len()];
    let mut transaction = Transaction { line, options, letter, events, done, taken, data_begun: false };
    let end = transaction.attempt().await.err();
    if let Some(end) = &end {
        transaction.broken_off(end);
    }
    let mut done = transaction.done;
    done.took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    (done, end)
}

impl Transaction<'_> {
    async fn attempt(&mut self) -> Result<(), End> {
        let offer = Offer::Listed(&self.line.list);
        let Letter { message, measured, recipients, .. } = &self.letter;
        let wanted = said(self.options, &offer, message, measured, recipients);
        let said = match wanted {
            Ok(said) => said,
            Err(problem) => {
                self.done.problem = Some(problem);
                return Ok(());
            }
        };
        let Some(commands) = self.envelope(&said) else {
            self.done.problem = Some(SendRemark::new("injection", &[]));
            return Ok(());
        };
        if !self.options.xforward.is_empty() {
            let line = attributes("XFORWARD", &self.options.xforward);
            self.line.dialogue.say(smtp_line(Command::line(Stage::Command, line))).await?;
        }
        let offered = self.line.list.has("PIPELINING");
        let together = match self.options.pipelining {
            Wish::Auto => offered,
            Wish::On => offered || self.options.force,
            Wish::Off => false,
        };
        let data = match together && self.options.stop.is_none() {
            true => self.together(commands).await?,
            false => self.one_by_one(commands).await?,
        };
        if !self.taken.contains(&true) {
            // RFC 2920 §3.1: who was told to send the data all the same sends none.
            if data.as_ref().is_some_and(|turn| turn.answered() == Answered::Continue) {
                self.line.dialogue.say(Command::raw(Stage::Data, ".\r\n")).await?;
            }
            return self.reset().await;
        }
        if self.options.chunk.is_none() {
            let turn = match data {
                Some(turn) => turn,
                None => self.say(SendPoint::Data, smtp_line(smtp::simple("DATA"))).await?,
            };
            if turn.answered() != Answered::Continue {
                self.judge_all("DATA", &turn);
                return self.reset().await;
            }
            self.data_begun = true;
            stop_at(self.options, SendPoint::Data)?;
        }
        let last = match self.options.chunk {
            None => self.data().await?,
            Some(size) => self.chunks(size).await?,
        };
        self.verdicts(last, &said).await?;
        stop_at(self.options, SendPoint::End)
    }

    /// MAIL and RCPT; none if a parameter would break out of its line.
    fn envelope(&self, said: &Said) -> Option<(Command, Vec<Command>)> {
        let words = |list: &[String]| list.to_vec();
        let (mail, rcpt) = (words(&said.mail), words(&said.rcpt));
        let mail: Vec<&str> = mail.iter().map(String::as_str).collect();
        let rcpt: Vec<&str> = rcpt.iter().map(String::as_str).collect();
        let first = smtp::mail_from(&self.options.sender, &mail).ok()?;
        let each = self.letter.recipients.iter().map(|r| smtp::rcpt_to(r, &rcpt).ok());
        Some((first, each.collect::<Option<Vec<Command>>>()?))
    }

    /// In one write (RFC 2920). Yields the answer to DATA.
    async fn together(&mut self, (mail, rcpt): (Command, Vec<Command>)) -> Result<Option<Turn>, End> {
        let mut commands = vec![mail];
        commands.extend(rcpt);
        if self.options.chunk.is_none() {
            commands.push(smtp_line(smtp::simple("DATA")));
        }
        let (turns, failure) = self.line.dialogue.say_all(commands).await;
        let mut turns = turns.into_iter();
        if let Some(turn) = turns.next() {
            self.take_mail(&turn);
        }
        for index in 0..self.taken.len() {
            if let Some(turn) = turns.next() {
                self.take_recipient(index, &turn);
            }
        }
        match failure {
            Some(failure) => Err(failure.into()),
            None => Ok(turns.next()),
        }
    }

    async fn one_by_one(&mut self, (mail, rcpt): (Command, Vec<Command>)) -> Result<Option<Turn>, End> {
        let turn = self.say(SendPoint::Mail, mail).await?;
        if !self.take_mail(&turn) {
            return Ok(None);
        }
        stop_at(self.options, SendPoint::Mail)?;
        for (index, command) in rcpt.into_iter().enumerate() {
            let turn = self.say(SendPoint::Rcpt, command).await?;
            self.take_recipient(index, &turn);
        }
        if self.taken.contains(&true) {
            stop_at(self.options, SendPoint::Rcpt)?;
        }
        Ok(None)
    }

    async fn say(&mut self, point: SendPoint, command: Command) -> Result<Turn, End> {
        say(&mut self.line.dialogue, self.options, point, command).await
    }

    fn take_mail(&mut self, turn: &Turn) -> bool {
        self.done.mail = answer("MAIL", turn);
        let good = turn.answered() == Answered::Accepted;
        if !good {
            for recipient in &mut self.done.recipients {
                recipient.verdict = verdict(turn);
                recipient.answer = answer("MAIL", turn);
            }
        }
        good
    }

    fn take_recipient(&mut self, index: usize, turn: &Turn) {
        let mail_taken = self.done.mail.as_ref().is_some_and(|a| a.code.is_some_and(|c| c / 100 == 2));
        let good = turn.answered() == Answered::Accepted;
        self.taken[index] = good && mail_taken;
        // What follows from a refused MAIL is no verdict on the recipient.
        if mail_taken {
            let recipient = &mut self.done.recipients[index];
            recipient.answer = answer("RCPT", turn);
            if !good {
                recipient.verdict = verdict(turn);
            }
        }
    }

    /// One answer for all who are still in it.
    fn judge_all(&mut self, to: &str, turn: &Turn) {
        self.done.data = answer(to, turn);
        for index in 0..self.taken.len() {
            if self.taken[index] {
                self.judge(index, to, turn);
            }
        }
    }

    fn judge(&mut self, index: usize, to: &str, turn: &Turn) {
        let recipient = &mut self.done.recipients[index];
        recipient.verdict = verdict(turn);
        recipient.answer = answer(to, turn);
        if recipient.verdict == SendVerdict::Accepted && self.done.queue_id.is_none() {
            self.done.queue_id = queue_id(&turn.shown());
        }
    }

    /// The message behind DATA. Yields the first answer to it.
    async fn data(&mut self) -> Result<Turn, End> {
        let mut reader = self.letter.message.reader().map_err(unreadable)?;
        let mut stuffer = DotStuffer::new();
        let mut buffer = vec![0; PORTION];
        let mut held: Vec<u8> = Vec::new();
        let mut done = 0;
        loop {
            let read = reader.read(&mut buffer).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            if !held.is_empty() {
                self.line.dialogue.stream(std::mem::take(&mut held)).await?;
                self.tell(done);
            }
            match self.options.raw {
                true => held.extend_from_slice(&buffer[..read]),
                false => stuffer.stuff(&buffer[..read], &mut held),
            }
            done += read as u64;
        }
        let ended = self.letter.measured.ends_in_line || self.letter.measured.octets == 0;
        match &self.options.data_end {
            Some(end) => held.extend_from_slice(end),
            None if ended => held.extend_from_slice(b".\r\n"),
            None => held.extend_from_slice(b"\r\n.\r\n"),
        }
        drop_behind(&mut self.line.dialogue, self.options, SendPoint::End, &held).await?;
        self.done.end_sent = true;
        self.tell(done);
        Ok(self.line.dialogue.say(Command::raw(Stage::Data, held)).await?)
    }

    /// The message in chunks (RFC 3030 §2). Yields the answer to the one that ended it, or that was refused.
    async fn chunks(&mut self, size: u64) -> Result<Turn, End> {
        let mends_end = !self.letter.measured.ends_in_line && !self.options.raw;
        let extra: &[u8] = if mends_end { b"\r\n" } else { b"" };
        let mut reader = self.letter.message.reader().map_err(unreadable)?.chain(extra);
        let total = self.letter.measured.octets + extra.len() as u64;
        let mut rest = total;
        loop {
            let chunk = rest.min(size.max(1));
            rest -= chunk;
            let last = rest == 0;
            let mut held = format!("BDAT {chunk}{}\r\n", if last { " LAST" } else { "" }).into_bytes();
            if total == rest + chunk {
                drop_behind(&mut self.line.dialogue, self.options, SendPoint::Data, &held).await?;
            }
            let mut left = chunk;
            while left > 0 {
                let portion = usize::try_from(left).unwrap_or(PORTION).min(PORTION);
                let from = held.len();
                held.resize(from + portion, 0);
                // A file that is shorter than it was cannot be ended properly.
                reader.read_exact(&mut held[from..]).map_err(unreadable)?;
                left -= portion as u64;
                if left > 0 {
                    self.line.dialogue.stream(std::mem::take(&mut held)).await?;
                    self.tell(total - rest - left);
                }
            }
            if last {
                drop_behind(&mut self.line.dialogue, self.options, SendPoint::End, &held).await?;
                self.done.end_sent = true;
            }
            self.data_begun = true;
            let turn = self.line.dialogue.say(Command::raw(Stage::Data, held)).await?;
            self.tell(total - rest);
            if last || turn.answered() != Answered::Accepted {
                return Ok(turn);
            }
            stop_at(self.options, SendPoint::Data)?;
        }
    }

    /// What the answers to the message say about each recipient.
    async fn verdicts(&mut self, first: Turn, said: &Said) -> Result<(), End> {
        let to = if self.options.chunk.is_some() { "BDAT" } else { "end-of-data" };
        let lmtp = self.line.dialogue.protocol() == Protocol::Lmtp;
        if !self.done.end_sent {
            // A chunk was refused, and the rest was not sent.
            self.judge_all(to, &first);
            return self.reset().await;
        }
        let each = first.last().is_some_and(|reply| code(reply) == Some(353)) && said.reply_each;
        if !lmtp && !each {
            self.judge_all(to, &first);
            return Ok(());
        }
        let mut next = if each { None } else { Some(first) };
        let whose: Vec<usize> = (0..self.taken.len()).filter(|index| self.taken[*index]).collect();
        for index in whose {
            let turn = match next.take() {
                Some(turn) => turn,
                None => self.line.dialogue.further(Stage::Data).await?,
            };
            self.judge(index, to, &turn);
            // What was judged is not judged again if the connection breaks off now.
            self.taken[index] = false;
        }
        if each {
            let whole = self.line.dialogue.further(Stage::Data).await?;
            self.done.data = answer(to, &whole);
            if self.done.queue_id.is_none() && whole.answered() == Answered::Accepted {
                self.done.queue_id = queue_id(&whole.shown());
            }
        }
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), End> {
        self.line.dialogue.say(smtp_line(smtp::simple("RSET"))).await?;
        Ok(())
    }

    /// What follows for the recipients that have no verdict.
    fn broken_off(&mut self, end: &End) {
        let undecided = |transaction: &Self, index: usize| {
            let recipient = &transaction.done.recipients[index];
            recipient.verdict == SendVerdict::Unsent
        };
        for index in 0..self.taken.len() {
            if !undecided(self, index) {
                continue;
            }
            self.done.recipients[index].verdict = match end {
                End::Stopped(_) => SendVerdict::Stopped,
                End::Failed(failure) => self.lost(index, failure),
            };
        }
        if let End::Failed(failure) = end {
            self.done.failure = Some(failure.clone());
        }
    }

    fn lost(&self, index: usize, failure: &Failure) -> SendVerdict {
        let said_no = match &failure.cause {
            Cause::Rejected { code } if code.starts_with('4') => Some(SendVerdict::Deferred),
            Cause::Rejected { .. } => Some(SendVerdict::Refused),
            _ => None,
        };
        match said_no {
            Some(verdict) => verdict,
            None if self.data_begun && self.taken[index] => SendVerdict::Unknown,
            None => SendVerdict::Unsent,
        }
    }

    fn tell(&self, done: u64) {
        // Nobody has to listen.
        let _ = self.events.send(SendEvent::Octets { done, of: self.letter.measured.octets });
    }
}

/// A file cannot be read any more: the message cannot be ended, so that the connection must be given up.
fn unreadable(error: io::Error) -> End {
    let detail = escape(error.to_string().as_bytes());
    End::Failed(Failure::new(Stage::Data, Cause::Io { detail }))
}

fn verdict(turn: &Turn) -> SendVerdict {
    match turn.answered() {
        Answered::Accepted => SendVerdict::Accepted,
        Answered::Later => SendVerdict::Deferred,
        _ => SendVerdict::Refused,
    }
}

fn code(reply: &Reply) -> Option<u16> {
    match reply {
        Reply::Smtp(reply) => reply.code,
        _ => None,
    }
}

fn answer(to: &str, turn: &Turn) -> Option<SendAnswer> {
    let Some(Reply::Smtp(reply)) = turn.last() else { return None };
    Some(SendAnswer {
        to: to.to_owned(),
        code: reply.code,
        enhanced: reply.enhanced.map(|code| code.to_string()),
        text: reply.shown(),
        at: turn.answer()?,
    })
}

/// The name under which a server keeps a message, as the common ones tell it.
fn queue_id(shown: &str) -> Option<String> {
    let word = |text: &str| {
        let word: String =
            text.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        Some(word.trim_end_matches('.').to_owned()).filter(|w| w.len() >= 4)
    };
    // Postfix and others; Exim.
    for lead in ["queued as ", "id=", "queue id "] {
        if let Some(at) = shown.to_ascii_lowercase().find(lead) {
            return word(&shown[at + lead.len()..]);
        }
    }
    // Sendmail: `250 2.0.0 3AB Message accepted for delivery`.
    let at = shown.find(" Message accepted")?;
    word(shown[..at].rsplit(' ').next()?).filter(|w| !w.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::queue_id;

    #[test]
    fn queue_ids_of_common_servers() {
        for (reply, id) in [
            ("250 2.0.0 Ok: queued as 4F2A1234", Some("4F2A1234")),
            ("250 OK id=1rXyZ-0001aB-2C", Some("1rXyZ-0001aB-2C")),
            ("250 2.0.0 38TBx1 Message accepted for delivery", Some("38TBx1")),
            ("250 2.0.0 Message accepted", None),
            ("250 2.0.0 OK", None),
            ("250 Queued As x", None),
        ] {
            assert_eq!(queue_id(reply).as_deref(), id, "{reply}");
        }
    }
}

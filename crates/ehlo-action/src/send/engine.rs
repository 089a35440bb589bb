use super::commands::{Offer, groups};
use super::connect::{End, Line, Route, Seen, close, open};
use super::options::SendOptions;
use super::transaction::{Letter, send};
use super::{Messages, oddities};
use crate::session::{self, Target};
use ehlo_core::send::{
    SendEvent, SendRemark, SendReport, SendStop, SendTotals, SendTransaction, SendVerdict,
};
use ehlo_core::{Address, Anchor, Cause, EntryKind, Failure, Masker, Stage, Transcript, escape};
use ehlo_dialogue::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep_until};

/// More transactions than this are counted, but not kept one by one.
const MOST_TRANSACTIONS: usize = 1000;
/// Nor are more dialogues.
const MOST_TRANSCRIPTS: usize = 20;

struct Run<'a> {
    route: Route<'a>,
    report: SendReport,
    seen: Seen,
    line: Option<Line>,
    events: &'a UnboundedSender<SendEvent>,
    /// Whether something went wrong on the connection that is open.
    troubled: bool,
    connections: u32,
}

/// Sends messages to a service: one after another, over as few connections as it takes.
pub async fn run(
    target: Target,
    messages: Arc<dyn Messages>,
    options: Arc<SendOptions>,
    events: UnboundedSender<SendEvent>,
) -> SendReport {
    let started = Instant::now();
    let clock = Clock::start();
    let mut masker = Masker::new();
    if let Some(credentials) = &options.credentials {
        masker.learn(credentials.password.expose().as_bytes());
    }
    let mut report = SendReport {
        url: target.url.clone(),
        protocol: target.endpoint.scheme.protocol(),
        address: None,
        sender: options.sender.clone(),
        offered: Vec::new(),
        tls: None,
        login: None,
        transactions: Vec::new(),
        totals: SendTotals { messages: options.count, ..SendTotals::default() },
        remarks: Vec::new(),
        stopped: None,
        failure: None,
        failed_at: None,
        took_us: 0,
        transcripts: Vec::new(),
    };
    let found = options.connection.addresses(&target.endpoint, target.addresses.as_deref()).await;
    let among: Vec<Address> = match found {
        Ok(among) => among,
        Err(failure) => {
            let mut transcript = session::transcript(&target, 0, "1", &options.connection.limits);
            let entry = transcript.push(clock.now(), EntryKind::Failure { failure: failure.clone() });
            report.failure = Some(failure.at(Anchor::Entry(entry)));
            report.transcripts.push(transcript);
            report.totals.unsent = options.count.saturating_mul(options.recipients.len() as u64);
            return report;
        }
    };
    let route = Route {
        target: &target,
        among: &among,
        options: &options,
        masker: &masker,
        clock,
        deadline: started + options.connection.limits.total,
    };
    let mut run = Run {
        route,
        report,
        seen: Seen::default(),
        line: None,
        events: &events,
        troubled: false,
        connections: 0,
    };
    run.all(messages.as_ref(), started).await;
    run.hang_up(None).await;
    let Run { mut report, seen, .. } = run;
    report.address = seen.address;
    report.tls = seen.tls;
    report.login = seen.login;
    report.offered = seen.offered;
    if report.failure.is_some() && report.failed_at.is_none() {
        report.failed_at = seen.point;
    }
    let wanted = options.count.saturating_mul(options.recipients.len() as u64);
    let totals = &mut report.totals;
    let counted = totals.accepted + totals.deferred + totals.refused + totals.unsent + totals.unknown;
    // What was not begun was not sent, unless it was meant so.
    if report.stopped.is_none() {
        totals.unsent += wanted.saturating_sub(counted + totals.stopped);
    }
    report.took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    report
}

impl Run<'_> {
    async fn all(&mut self, messages: &dyn Messages, started: Instant) {
        let options = self.route.options;
        for number in 1..=options.count {
            if let Some(rate) = options.rate.filter(|rate| *rate > 0.0) {
                let due = started + Duration::from_secs_f64((number - 1) as f64 / rate);
                sleep_until(due.min(self.route.deadline)).await;
            }
            if Instant::now() >= self.route.deadline {
                let after_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.report.failure = Some(Failure::new(Stage::Command, Cause::Deadline { after_ms }));
                return;
            }
            let _ = self.events.send(SendEvent::Message { number, of: options.count });
            if !self.one(messages, number).await {
                return;
            }
        }
    }

    /// Sends one message; `false` if that was the last.
    async fn one(&mut self, messages: &dyn Messages, number: u64) -> bool {
        let options = self.route.options;
        let prepared = messages.message(number).and_then(|mut message| {
            if let Some(signer) = &options.signer {
                let mut field = signer.sign(&message, options.connection.now)?;
                field.append(&mut message.header);
                message.header = field;
            }
            let measured = message.measure()?;
            Ok((message, measured))
        });
        let (message, measured) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let detail = escape(error.to_string().as_bytes());
                self.report.failure = Some(Failure::new(Stage::Data, Cause::Io { detail }));
                return false;
            }
        };
        if number == 1 {
            self.report.remarks.extend(oddities(&measured, options.raw));
        }
        self.report.totals.octets += measured.octets;
        let mut complete = true;
        let mut waiting: Vec<Vec<String>> = vec![options.recipients.clone()];
        let mut grouped = false;
        while let Some(recipients) = waiting.pop() {
            if !self.connected().await {
                return false;
            }
            let Some(line) = &mut self.line else { return false };
            if !grouped {
                grouped = true;
                waiting = groups(&recipients, &Offer::Listed(&line.list));
                if waiting.len() > 1 && number == 1 {
                    let params = [("count", waiting.len().to_string())];
                    self.report.remarks.push(SendRemark::new("grouped", &params));
                }
                waiting.reverse();
                // Without recipients there is nothing to group, and MAIL may be all that is wanted.
                if waiting.is_empty() {
                    waiting.push(Vec::new());
                }
                continue;
            }
            line.messages += 1;
            let letter = Letter { number, message: &message, measured: &measured, recipients };
            let (transaction, end) = send(line, options, letter, self.events).await;
            complete &= transaction.recipients.iter().all(|r| r.verdict == SendVerdict::Accepted);
            self.keep(transaction);
            match end {
                None => {}
                Some(End::Failed(failure)) => {
                    self.troubled = true;
                    self.hang_up(Some(End::Failed(failure))).await;
                }
                Some(End::Stopped(stop)) => {
                    self.report.stopped = Some(stop);
                    self.hang_up(Some(End::Stopped(stop))).await;
                    return false;
                }
            }
        }
        self.report.totals.complete += u64::from(complete);
        true
    }

    /// Makes sure that there is a connection on which one more message may be sent.
    async fn connected(&mut self) -> bool {
        let full = self.line.as_ref().is_some_and(|line| {
            let most = Offer::Listed(&line.list).limit("MAILMAX").unwrap_or(u64::MAX);
            line.messages >= most.min(self.route.options.per_connection.max(1))
                || line.dialogue.state().ended
                || line.dialogue.failure().is_some()
        });
        if full {
            self.hang_up(None).await;
        }
        if self.line.is_some() {
            return true;
        }
        let _ = self.events.send(SendEvent::Connecting);
        let label = (self.connections + 1).to_string();
        let transcript = session::transcript(
            self.route.target,
            self.connections,
            &label,
            &self.route.options.connection.limits,
        );
        self.connections += 1;
        self.troubled = false;
        self.seen.greeted = false;
        let opened = open(&self.route, transcript, &mut self.seen).await;
        self.report.totals.greeted += u64::from(self.seen.greeted);
        match opened {
            Ok(line) => {
                self.report.totals.connections += 1;
                self.line = Some(line);
                true
            }
            Err((end, transcript)) => {
                match end {
                    End::Failed(failure) => {
                        self.report.failure = Some(failure);
                        self.report.failed_at = self.seen.point;
                    }
                    End::Stopped(stop) => self.stopped(stop),
                }
                self.troubled = true;
                self.keep_transcript(transcript);
                false
            }
        }
    }

    fn stopped(&mut self, stop: SendStop) {
        self.report.totals.connections += 1;
        self.report.stopped = Some(stop);
    }

    async fn hang_up(&mut self, end: Option<End>) {
        if let Some(line) = self.line.take() {
            let transcript = close(line.dialogue, end.as_ref()).await;
            self.keep_transcript(transcript);
        }
    }

    fn keep(&mut self, transaction: SendTransaction) {
        let totals = &mut self.report.totals;
        let mut wrong = transaction.failure.is_some() || transaction.problem.is_some();
        for recipient in &transaction.recipients {
            *match recipient.verdict {
                SendVerdict::Accepted => &mut totals.accepted,
                SendVerdict::Deferred => &mut totals.deferred,
                SendVerdict::Refused => &mut totals.refused,
                SendVerdict::Unsent => &mut totals.unsent,
                SendVerdict::Unknown => &mut totals.unknown,
                SendVerdict::Stopped => &mut totals.stopped,
            } += 1;
            wrong |= !matches!(recipient.verdict, SendVerdict::Accepted | SendVerdict::Stopped);
        }
        self.troubled |= wrong;
        if self.report.transactions.len() < MOST_TRANSACTIONS {
            self.report.transactions.push(transaction);
        }
    }

    fn keep_transcript(&mut self, transcript: Transcript) {
        let most = if self.troubled { MOST_TRANSCRIPTS } else { MOST_TRANSCRIPTS / 2 };
        if self.report.transcripts.len() < most {
            self.report.transcripts.push(transcript);
        }
    }
}

use super::letter::{TripContent, whole};
use super::{authentication_results, changes, hops};
use crate::mailbox::{Lookout, MailboxOptions, Sighted, Trouble};
use crate::send::{self, Message, Messages, SendOptions, TOKEN_FIELD};
use crate::session::Target;
use ehlo_core::facts::LoginResult;
use ehlo_core::send::{SendReport, SendTransaction, SendVerdict};
use ehlo_core::trip::{Trip, TripCopy, TripEvent, TripStage, TripVerdict};
use ehlo_core::{Anchor, EntryKind, Side, Transcript};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};

/// The shortest time between two looks.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);
/// After all have come there is one more look, for what came twice.
const SETTLING: Duration = Duration::from_secs(1);
/// A mailbox session that is lost is begun anew, so often in a row.
const MOST_LOST: u32 = 3;
/// Of many reports of sending, so many are kept.
const MOST_REPORTS: usize = 10;
/// Nobody tests with more messages.
pub const MOST_TRIPS: u64 = 100_000;
/// The waits between tries, where the server does not say how long; the last one stays.
const WAITS: &[u64] = &[15, 60, 120, 300];

/// How a trip is made.
#[derive(Clone)]
pub struct TripOptions {
    /// How messages are sent. How many and how fast is said here.
    pub send: Arc<SendOptions>,
    /// How the mailbox is reached.
    pub mailbox: MailboxOptions,
    /// What is sent.
    pub content: TripContent,
    /// What all messages of this run are known by: letters and digits that nobody else uses.
    pub token: String,
    /// So many messages.
    pub count: u64,
    /// At most so many messages a second.
    pub rate: Option<f64>,
    /// How long each is waited for, once it was accepted.
    pub timeout: Duration,
    /// The longest time between two looks where the server does not tell by itself.
    pub interval: Duration,
    /// How long a message that was put off (4yz) is tried again; none: it is not.
    pub patience: Option<Duration>,
    /// Whether the test messages stay where they arrive.
    pub keep: bool,
    /// Nothing is sent after this time.
    pub longest: Duration,
}

/// How it went.
#[derive(Debug)]
pub struct TripReport {
    /// The service that messages were given to.
    pub from_url: String,
    /// The service where they were looked for.
    pub to_url: String,
    /// The sender of the envelope.
    pub sender: String,
    /// The recipient.
    pub recipient: String,
    /// The messages, in the order of their numbers.
    pub trips: Vec<Trip>,
    /// How the mailbox was watched: `idle` or `polling`; none if it could not be opened.
    pub watched_by: Option<&'static str>,
    /// Into how many folders one looked.
    pub folders: usize,
    /// How long it took to open the mailbox, in microseconds.
    pub opened_us: u64,
    /// Why the mailbox could not be watched until the end, if so.
    pub trouble: Option<Trouble>,
    /// How many test messages were removed.
    pub removed: u64,
    /// Why they could not be, if so.
    pub not_removed: Option<Trouble>,
    /// What sending yielded, the first and those in which something went wrong.
    pub sending: Vec<SendReport>,
    /// From beginning to end, in microseconds.
    pub took_us: u64,
    /// The dialogues with the mailbox.
    pub transcripts: Vec<Transcript>,
}

impl TripReport {
    /// Whether every message came, once, where it should, and as it was sent.
    pub fn is_good(&self) -> bool {
        self.trouble.is_none() && !self.trips.is_empty() && self.trips.iter().all(Trip::is_sound)
    }
}

/// Sends messages from one service and watches them arrive at another.
pub async fn run(
    from: &Target,
    to: &Target,
    options: &TripOptions,
    events: UnboundedSender<TripEvent>,
) -> TripReport {
    let started = Instant::now();
    let mut report = TripReport {
        from_url: from.url.clone(),
        to_url: to.url.clone(),
        sender: options.send.sender.clone(),
        recipient: options.send.recipients.first().cloned().unwrap_or_default(),
        trips: Vec::new(),
        watched_by: None,
        folders: 0,
        opened_us: 0,
        trouble: None,
        removed: 0,
        not_removed: None,
        sending: Vec::new(),
        took_us: 0,
        transcripts: Vec::new(),
    };
    let _ = events.send(TripEvent::Opening);
    // What cannot be looked for is not sent: it would stay there.
    let opened = Box::pin(Lookout::open(to, &options.mailbox)).await;
    report.opened_us = micros(started.elapsed());
    match opened {
        Ok(mut lookout) => {
            report.watched_by = Some(if lookout.is_told() { "idle" } else { "polling" });
            report.folders = lookout.folders();
            let run = Run {
                from,
                options,
                events: &events,
                started,
                state: Mutex::default(),
                stop: Notify::new(),
                halt: Notify::new(),
            };
            let watching = async {
                let watched = Box::pin(run.watch(&mut lookout)).await;
                if watched.is_err() {
                    run.state().halted = true;
                    run.halt.notify_one();
                }
                watched
            };
            let (watched, ()) = tokio::join!(Box::pin(watching), Box::pin(run.send_all()));
            report.trouble = watched.err();
            Box::pin(run.clean_up(&mut lookout, &mut report)).await;
            report.transcripts = Box::pin(lookout.close()).await;
            run.conclude(&mut report);
        }
        Err((trouble, transcripts)) => {
            report.trouble = Some(trouble);
            report.transcripts = transcripts;
        }
    }
    report.took_us = micros(started.elapsed());
    report
}

struct Run<'a> {
    from: &'a Target,
    options: &'a TripOptions,
    events: &'a UnboundedSender<TripEvent>,
    started: Instant,
    state: Mutex<State>,
    /// Wakes who watches.
    stop: Notify,
    /// Wakes who waits to send.
    halt: Notify,
}

/// What sending and watching tell each other.
#[derive(Default)]
struct State {
    journeys: Vec<Journey>,
    /// Nothing more is sent.
    sent_all: bool,
    /// The mailbox cannot be watched any more, so nothing more is to be sent.
    halted: bool,
    /// Letters are encoded, because the server takes seven bits only.
    seven_bit: bool,
    reports: Vec<SendReport>,
}

/// A message on its way.
struct Journey {
    trip: Trip,
    /// When it was begun.
    began: Instant,
    /// When the server took it.
    accepted: Option<Instant>,
    /// When it was composed, in seconds since 1970, and whether with eight bits.
    composed: (i64, bool),
    copies: Vec<(Instant, TripCopy)>,
}

impl Journey {
    /// Whether it is still to be waited for.
    fn is_open(&self) -> bool {
        self.copies.is_empty() && matches!(self.trip.verdict, TripVerdict::Lost | TripVerdict::Unknown)
    }
}

impl Run<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since 1970.
    fn unix(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.started).as_secs();
        self.options.send.connection.now.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Waits, unless there is nothing to wait for any more.
    async fn wait(&self, until: Instant) {
        let until = until.min(self.started + self.options.longest);
        tokio::select! {
            () = self.halt.notified() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }

    async fn send_all(&self) {
        let options = self.options;
        for number in 1..=options.count {
            if let Some(rate) = options.rate.filter(|rate| *rate > 0.0) {
                let due = self.started + Duration::from_secs_f64((number - 1) as f64 / rate);
                self.wait(due).await;
            }
            if self.state().halted || self.started.elapsed() >= options.longest {
                break;
            }
            let _ = self.events.send(TripEvent::Sending { number, of: options.count });
            if !Box::pin(self.send_one(number)).await {
                break;
            }
        }
        self.state().sent_all = true;
        self.stop.notify_one();
    }

    /// Sends one message, again if it was put off; `false` if nothing more can be sent.
    async fn send_one(&self, number: u64) -> bool {
        let began = Instant::now();
        let index = self.state().journeys.len();
        let trip = blank(number, &self.options.token);
        let journey = Journey { trip, began, accepted: None, composed: (0, true), copies: Vec::new() };
        self.state().journeys.push(journey);
        loop {
            let try_began = Instant::now();
            let (now, eight_bit) = (self.unix(try_began), !self.state().seven_bit);
            self.state().journeys[index].composed = (now, eight_bit);
            let one = One {
                content: self.options.content.clone(),
                token: self.options.token.clone(),
                number,
                now,
                eight_bit,
            };
            let (nobody, _) = tokio::sync::mpsc::unbounded_channel();
            let sending = send::run(self.from.clone(), Arc::new(one), Arc::clone(&self.options.send), nobody);
            let report = Box::pin(sending).await;
            let done = report.transactions.first();
            let lacks = done.and_then(|d| d.problem.as_ref());
            let composed = matches!(self.options.content, TripContent::Composed(_));
            if eight_bit
                && composed
                && lacks.is_some_and(|p| {
                    p.id == "not-offered" && p.params.get("what").is_some_and(|w| w == "8BITMIME")
                })
            {
                self.state().seven_bit = true;
                continue;
            }
            let reached = report.failure.is_none();
            let wait = self.take(index, try_began, report);
            match wait {
                Some(wait) => {
                    let _ = self.events.send(TripEvent::PutOff { number, seconds: wait.as_secs() });
                    self.wait(Instant::now() + wait).await;
                    let mut state = self.state();
                    state.journeys[index].trip.put_off_us += micros(wait);
                    if state.halted {
                        return false;
                    }
                }
                None => return reached,
            }
        }
    }

    /// Takes note of what came of a try; yields how long to wait for the next one, if there is to be one.
    fn take(&self, index: usize, began: Instant, report: SendReport) -> Option<Duration> {
        let mut state = self.state();
        let Journey { trip, accepted, began: first, .. } = &mut state.journeys[index];
        trip.tries += 1;
        trip.stages = stages(&report);
        trip.verdict = TripVerdict::Unsent;
        trip.failure = report.failure.clone();
        let mut wait = None;
        if let Some(done) = report.transactions.first() {
            trip.message_id = done.message_id.clone();
            trip.octets = done.octets;
            trip.queue_id = done.queue_id.clone();
            trip.problem = done.problem.clone();
            trip.failure = done.failure.clone().or(trip.failure.take());
            if let Some(recipient) = done.recipients.first() {
                trip.answer = recipient.answer.clone();
                trip.verdict = match recipient.verdict {
                    // Until it is seen it counts as lost.
                    SendVerdict::Accepted => TripVerdict::Lost,
                    SendVerdict::Deferred => TripVerdict::Deferred,
                    SendVerdict::Refused => TripVerdict::Refused,
                    SendVerdict::Unknown => TripVerdict::Unknown,
                    SendVerdict::Unsent | SendVerdict::Stopped => TripVerdict::Unsent,
                };
            }
            if trip.verdict == TripVerdict::Lost || trip.verdict == TripVerdict::Unknown {
                let took = accepted_after(&report, done);
                *accepted = Some(began + took);
                trip.accepted_us = (trip.verdict == TripVerdict::Lost).then(|| micros(took));
            }
        }
        if trip.verdict == TripVerdict::Deferred {
            let text = trip.answer.as_ref().map(|a| a.text.to_ascii_lowercase()).unwrap_or_default();
            trip.greylisted |= is_greylisting(&text);
            let number = usize::try_from(trip.tries - 1).unwrap_or(usize::MAX);
            let usual = WAITS.get(number).or(WAITS.last()).copied().unwrap_or(60);
            let next = Duration::from_secs(seconds_named(&text).unwrap_or(usual));
            let spent = first.elapsed();
            wait = self.options.patience.filter(|most| spent + next <= *most).map(|_| next);
        }
        let good = matches!(trip.verdict, TripVerdict::Lost);
        if state.reports.len() < MOST_REPORTS && (state.reports.is_empty() || !good) {
            state.reports.push(report);
        }
        wait
    }

    async fn watch(&self, lookout: &mut Lookout<'_>) -> Result<(), Trouble> {
        let mut lost = 0;
        let mut settled = false;
        loop {
            match self.look(lookout).await {
                Ok(()) => lost = 0,
                Err(Trouble::Failed(_)) if lost < MOST_LOST && self.left().is_some() => {
                    // A session may end while one waits, and the mailbox is there all the same.
                    lost += 1;
                    Box::pin(lookout.renew()).await;
                    sleep(SHORTEST_LOOK * lost).await;
                    continue;
                }
                Err(trouble) => return Err(trouble),
            }
            let Some(wake) = self.left() else {
                if settled || !self.state().journeys.iter().any(|j| !j.copies.is_empty()) {
                    return Ok(());
                }
                settled = true;
                sleep(SETTLING).await;
                continue;
            };
            if let Err(trouble) = Box::pin(lookout.pause(wake, &self.stop)).await {
                match trouble {
                    Trouble::Failed(_) if lost < MOST_LOST => {
                        lost += 1;
                        Box::pin(lookout.renew()).await;
                    }
                    other => return Err(other),
                }
            }
        }
    }

    /// When to look again; none if nothing more is to be waited for.
    fn left(&self) -> Option<Instant> {
        let now = Instant::now();
        let state = self.state();
        let end = |j: &Journey| j.accepted.unwrap_or(j.began) + self.options.timeout;
        let open = state.journeys.iter().filter(|j| j.is_open() && end(j) > now);
        let (mut last, mut since, mut any) = (None, None, !state.sent_all);
        for journey in open {
            any = true;
            last = last.max(Some(end(journey)));
            since = since.max(journey.accepted);
        }
        if !any {
            return None;
        }
        // What has just been accepted is looked for often, what is late seldom.
        let waited = now.saturating_duration_since(since.unwrap_or(self.started));
        let pause = (waited / 4).clamp(SHORTEST_LOOK.min(self.options.interval), self.options.interval);
        let wake = now + pause;
        Some(match last {
            Some(last) if state.sent_all => wake.min(last),
            _ => wake,
        })
    }

    async fn look(&self, lookout: &mut Lookout<'_>) -> Result<(), Trouble> {
        let found = Box::pin(lookout.fresh(TOKEN_FIELD, &self.options.token)).await?;
        for sighted in found {
            self.seen(sighted);
        }
        let state = self.state();
        let arrived = state.journeys.iter().filter(|j| !j.copies.is_empty()).count() as u64;
        let of = state.journeys.iter().filter(|j| j.accepted.is_some()).count() as u64;
        let _ = self.events.send(TripEvent::Waiting { arrived, of });
        Ok(())
    }

    /// Takes note of a message that was found.
    fn seen(&self, sighted: Sighted) {
        let (fields, _) = super::fields::split(&sighted.message);
        let number = fields.iter().filter(|f| f.is(TOKEN_FIELD)).find_map(|field| {
            let value = field.unfolded();
            let value = std::str::from_utf8(&value).ok()?;
            value.strip_prefix(&self.options.token)?.strip_prefix('-')?.parse::<u64>().ok()
        });
        self.arrived(number, sighted, false);
    }

    fn arrived(&self, number: Option<u64>, sighted: Sighted, found_late: bool) {
        let mut state = self.state();
        // Who altered the token has altered a message of ours all the same.
        let number = number.or_else(|| (state.journeys.len() == 1).then_some(1));
        let Some(journey) = state.journeys.iter_mut().find(|j| Some(j.trip.number) == number) else { return };
        let (now, eight_bit) = journey.composed;
        let message = self.options.content.message(now, &self.options.token, journey.trip.number, eight_bit);
        let sent = message.and_then(|message| whole(&message)).unwrap_or_default();
        let known = super::fields::split(&sent).0.iter().filter(|f| f.is("Received")).count();
        let copy = TripCopy {
            hops: hops(&sighted.message, known, now, self.unix(sighted.seen)),
            authentication_results: authentication_results(&sighted.message, &sent),
            changes: changes(&sent, &sighted.message),
            octets: sighted.message.len() as u64,
            folder: sighted.folder,
            special_use: sighted.special_use,
            uid: sighted.uid,
            found_late,
            seen_us: 0,
        };
        journey.copies.push((sighted.seen, copy));
    }

    /// Looks for lost ones by their Message-ID, and removes what was found.
    async fn clean_up(&self, lookout: &mut Lookout<'_>, report: &mut TripReport) {
        let mut fields = vec![(TOKEN_FIELD.to_owned(), self.options.token.clone())];
        let open: Vec<(u64, String)> = {
            let state = self.state();
            let open = state.journeys.iter().filter(|j| j.is_open());
            open.filter_map(|j| Some((j.trip.number, j.trip.message_id.clone()?))).collect()
        };
        // A server that drops the field with the token has delivered all the same.
        if report.trouble.is_none() && matches!(self.options.content, TripContent::Composed(_)) {
            for (number, id) in open.iter().take(MOST_REPORTS) {
                match Box::pin(lookout.look("Message-ID", id)).await {
                    Ok(found) if found.is_empty() => {}
                    Ok(found) => {
                        fields.push(("Message-ID".to_owned(), id.clone()));
                        found.into_iter().for_each(|sighted| self.arrived(Some(*number), sighted, true));
                    }
                    Err(trouble) => {
                        report.trouble = Some(trouble);
                        break;
                    }
                }
            }
        }
        if self.options.keep || self.state().journeys.iter().all(|j| j.copies.is_empty()) {
            return;
        }
        let _ = self.events.send(TripEvent::Removing);
        for (field, token) in &fields {
            match Box::pin(lookout.remove(field, token)).await {
                Ok((count, _)) => report.removed += count,
                Err(trouble) => {
                    report.not_removed = Some(trouble);
                    return;
                }
            }
        }
    }

    /// What came of each message.
    fn conclude(self, report: &mut TripReport) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        for Journey { mut trip, began, accepted, mut copies, .. } in state.journeys {
            copies.sort_by_key(|(seen, _)| *seen);
            let base = accepted.unwrap_or(began);
            if let Some((seen, copy)) = copies.first() {
                trip.verdict = TripVerdict::Arrived;
                // It may be seen while the dialogue is still being ended.
                let known = |time| (!copy.found_late).then_some(time);
                trip.arrival_us = known(micros(seen.saturating_duration_since(base)));
                trip.took_us = known(micros(seen.saturating_duration_since(began)));
            } else if report.trouble.is_some() && trip.verdict == TripVerdict::Lost {
                trip.verdict = TripVerdict::Unseen;
            }
            trip.copies = copies
                .into_iter()
                .map(|(seen, copy)| TripCopy {
                    seen_us: micros(seen.saturating_duration_since(base)),
                    ..copy
                })
                .collect();
            report.trips.push(trip);
        }
        // What was not begun was not sent.
        for number in report.trips.len() as u64 + 1..=self.options.count.min(MOST_TRIPS) {
            report.trips.push(blank(number, &self.options.token));
        }
        report.sending = state.reports;
    }
}

/// A message that was not sent yet.
fn blank(number: u64, token: &str) -> Trip {
    Trip {
        number,
        token: format!("{token}-{number}"),
        message_id: None,
        octets: 0,
        verdict: TripVerdict::Unsent,
        stages: Vec::new(),
        tries: 0,
        put_off_us: 0,
        greylisted: false,
        answer: None,
        queue_id: None,
        problem: None,
        failure: None,
        accepted_us: None,
        arrival_us: None,
        took_us: None,
        copies: Vec::new(),
    }
}

/// The message of one number.
struct One {
    content: TripContent,
    token: String,
    number: u64,
    now: i64,
    eight_bit: bool,
}

impl Messages for One {
    fn message(&self, _: u64) -> io::Result<Message> {
        self.content.message(self.now, &self.token, self.number, self.eight_bit)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The parts of the way to the server.
fn stages(report: &SendReport) -> Vec<TripStage> {
    let mut found = Vec::new();
    let mut add = |stage: &str, took_us: u64, detail: Option<String>| {
        found.push(TripStage { stage: stage.to_owned(), took_us, detail });
    };
    let transcript = report.transcripts.first();
    let connected = transcript.and_then(|transcript| {
        let entry = transcript.entries.iter().find(|e| matches!(e.kind, EntryKind::Connect { .. }))?;
        Some(entry.tick)
    });
    if let Some(tick) = connected {
        add("connect", tick.0, report.address.clone());
    }
    if let Some(tls) = &report.tls {
        add("tls", tls.took_us, Some(tls.version.clone()));
    }
    if let Some(login) = report.login.as_ref().filter(|l| l.result == LoginResult::Accepted) {
        add("auth", login.took_us, Some(login.mechanism.clone()));
    }
    if let Some(done) = report.transactions.first().filter(|d| d.problem.is_none()) {
        add("transaction", done.took_us, None);
    }
    found
}

/// How long after the beginning the server took the message.
fn accepted_after(report: &SendReport, done: &SendTransaction) -> Duration {
    let answered = || {
        let answer = done.data.as_ref().or(done.recipients.first()?.answer.as_ref())?;
        let transcript = report.transcripts.iter().find(|t| t.id == answer.at.transcript)?;
        match answer.at.anchor {
            Anchor::Bytes(span) => transcript.time_of(Side::Server, span.to.saturating_sub(1)),
            Anchor::Entry(id) => Some(transcript.entry(id)?.tick),
        }
    };
    Duration::from_micros(answered().map_or(report.took_us, |tick| tick.0.min(report.took_us)))
}

/// Whether a refusal for now reads like greylisting; the text is in lower case.
fn is_greylisting(text: &str) -> bool {
    [
        "greylist",
        "graylist",
        "grey-list",
        "gray-list",
        "grey list",
        "gray list",
        "postgrey",
        "first time",
        "initial contact",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// The time that a refusal for now names, in seconds: `in 300 seconds`, `for 5 minutes`; the text is in lower case.
fn seconds_named(text: &str) -> Option<u64> {
    /// A day is longer than anybody waits here.
    const LONGEST: u64 = 86_400;
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || "()[],;".contains(c)).collect();
    words.windows(2).find_map(|pair| {
        let number: u64 = pair[0].parse().ok()?;
        let unit = pair[1].trim_end_matches('.');
        let unit = match unit.trim_end_matches('s') {
            "second" | "sec" => 1,
            "minute" | "min" => 60,
            "hour" => 3600,
            _ => return None,
        };
        // One more, so that both clocks agree that the time is over.
        number.checked_mul(unit).filter(|n| *n <= LONGEST).map(|n| n + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greylisting_and_the_time_it_names_are_recognised() {
        for (text, grey, seconds) in [
            ("450 4.7.1 greylisted, come again later", true, None),
            ("451 4.7.1 greylisting in action, please come back in 300 seconds.", true, Some(301)),
            (
                "450 4.2.0 recipient address rejected: greylisted, see http://postgrey.example (5 minutes)",
                true,
                Some(301),
            ),
            ("452 4.2.2 mailbox full", false, None),
            ("421 4.7.0 try again in 99999999999999999 hours", false, None),
        ] {
            assert_eq!((is_greylisting(text), seconds_named(text)), (grey, seconds), "{text}");
        }
    }
}

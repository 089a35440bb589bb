//! Watching: by IDLE, by NOOP where the server has no IDLE, by new sessions where a session sees nothing new (POP3).

use super::imap::{Imap, Next};
use super::pop3::Pop3;
use super::run::{Mailbox, Opening, until};
use super::{Item, MailboxOptions, MailboxReport, Sink, Trouble, WatchFor};
use ehlo_core::mailbox::Happening;
use ehlo_dialogue::Arrival;
use ehlo_wire::Reply;
use ehlo_wire::imap::{self, Response, StatusKind};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// IDLE is begun anew after this; servers close after half an hour of silence (RFC 2177 §3), routers earlier.
const RENEWED: Duration = Duration::from_secs(9 * 60);
/// Of a maildrop that is fuller than this, only so many unique-ids are told apart.
const MOST_WATCHED: usize = 1_000_000;

/// Why a wait ended.
enum Woken {
    /// Something came.
    Arrived(Arrival),
    /// Somebody said stop, or the time is over.
    Over,
}

/// How far watching came.
struct Progress {
    end: Option<Instant>,
    left: Option<u64>,
}

impl Progress {
    fn new(how: WatchFor) -> Progress {
        Progress { end: how.time.map(until), left: how.count }
    }

    fn is_over(&self) -> bool {
        self.left == Some(0) || self.end.is_some_and(|end| end <= Instant::now())
    }

    /// Takes note of a message that came.
    fn came(&mut self) {
        self.left = self.left.map(|left| left.saturating_sub(1));
    }

    /// `moment`, or the end of everything if that is earlier.
    fn earlier(&self, moment: Instant) -> Instant {
        self.end.map_or(moment, |end| end.min(moment))
    }
}

impl Imap {
    /// Watches the folder until it is told to stop.
    pub(super) async fn watch(
        &mut self,
        options: &MailboxOptions,
        how: WatchFor,
        sink: &mut dyn Sink,
        stop: &Notify,
    ) -> Result<(), Trouble> {
        self.select(options.folder.as_deref(), false).await?;
        let mut progress = Progress::new(how);
        let mut known = self.messages().unwrap_or(0);
        let idle = self.has("IDLE");
        let by = if idle { "idle" } else { "polling" };
        let watching = Happening::Watching { by: by.to_owned(), messages: known };
        sink.take(Item::Happening(&watching))?;
        while !progress.is_over() {
            let stopped = match idle {
                true => self.idle(&progress, known, sink, stop).await?,
                false => self.ask_again(how.interval, &progress, stop).await?,
            };
            // What is gone is told first: it moves the numbers of what came.
            self.tell(&mut known, sink)?;
            let now = self.messages().unwrap_or(0);
            if now > known {
                let mut came = Came { sink, progress: &mut progress };
                self.rows(&[(known + 1, now)], &mut came).await?;
                known = now;
            }
            if stopped {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One IDLE (RFC 2177), up to the first news; whether it was told to stop.
    async fn idle(
        &mut self,
        progress: &Progress,
        known: u64,
        sink: &mut dyn Sink,
        stop: &Notify,
    ) -> Result<bool, Trouble> {
        let tag = self.begin("IDLE").await?;
        let renew = progress.earlier(until(RENEWED));
        let mut stopped = false;
        let mut known = known;
        let mut idling = false;
        loop {
            let limit = if idling { renew } else { until(self.wait()) };
            match self.wake(limit, stop).await {
                Woken::Over => {
                    stopped = true;
                    break;
                }
                Woken::Arrived(Arrival::TimedOut) if idling => break,
                Woken::Arrived(arrival) => match self.heard(arrival, &tag)? {
                    Next::Done => return Ok(false),
                    Next::Response(response) if response.continuation().is_some() => idling = true,
                    Next::Response(_) => {
                        self.tell(&mut known, sink)?;
                        if idling && self.messages().unwrap_or(0) > known {
                            break;
                        }
                    }
                },
            }
        }
        self.write(b"DONE\r\n").await?;
        while let Next::Response(_) = self.next(&tag).await? {}
        Ok(stopped)
    }

    /// Opens the folder and waits there, no longer than until `wake`, for a message that was not there before: `seen`
    /// is how many there were. `stop` ends the wait earlier.
    pub(super) async fn rest(
        &mut self,
        folder: &str,
        seen: u64,
        wake: Instant,
        stop: &Notify,
    ) -> Result<(), Trouble> {
        self.select(Some(folder), false).await?;
        if self.messages() != Some(seen) {
            return Ok(());
        }
        let progress = Progress { end: Some(wake), left: None };
        let mut nobody = Nobody;
        self.idle(&progress, seen, &mut nobody, stop).await?;
        Ok(())
    }

    /// NOOP after a while; whether it was told to stop.
    async fn ask_again(
        &mut self,
        interval: Duration,
        progress: &Progress,
        stop: &Notify,
    ) -> Result<bool, Trouble> {
        let wake = progress.earlier(until(interval));
        tokio::select! {
            () = stop.notified() => return Ok(true),
            () = tokio::time::sleep_until(wake) => {}
        }
        let tag = self.begin("NOOP").await?;
        while let Next::Response(_) = self.next(&tag).await? {}
        Ok(false)
    }

    async fn wake(&mut self, limit: Instant, stop: &Notify) -> Woken {
        tokio::select! {
            () = stop.notified() => Woken::Over,
            arrival = self.arrival(limit) => Woken::Arrived(arrival),
        }
    }

    /// Tells what was heard unasked since the last time.
    fn tell(&mut self, known: &mut u64, sink: &mut dyn Sink) -> Result<(), Trouble> {
        for response in self.take_news() {
            let imap::ResponseKind::Data(data) = &response.kind else { continue };
            let Some(number) = data.number else { continue };
            match data.name.as_str() {
                "EXPUNGE" if number <= *known => {
                    *known -= 1;
                    sink.take(Item::Happening(&Happening::Gone { number: Some(number), uid: None }))?;
                }
                "FETCH" if number <= *known => {
                    let items = imap::fetch_items(data).value;
                    if let Some(flags) =
                        items.iter().find(|(name, _)| name == "FLAGS").and_then(|(_, v)| v.list())
                    {
                        let flags = flags.iter().filter_map(|f| f.astring()).map(ehlo_core::escape).collect();
                        sink.take(Item::Happening(&Happening::Flags { number, flags }))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Does not want to know.
struct Nobody;

impl Sink for Nobody {
    fn take(&mut self, _: Item<'_>) -> std::io::Result<()> {
        Ok(())
    }
}

/// Makes news of the lines of a list.
struct Came<'a> {
    sink: &'a mut dyn Sink,
    progress: &'a mut Progress,
}

impl Sink for Came<'_> {
    fn take(&mut self, item: Item<'_>) -> std::io::Result<()> {
        let Item::Message(line) = item else { return Ok(()) };
        self.progress.came();
        self.sink.take(Item::Happening(&Happening::Arrived { message: Box::new(line.clone()) }))
    }
}

/// Watches a maildrop: what a POP3 session sees does not change, so a new one begins each time.
pub(super) async fn poll(
    opening: &Opening<'_>,
    mut pop3: Pop3,
    how: WatchFor,
    sink: &mut dyn Sink,
    stop: &Notify,
    report: &mut MailboxReport,
) -> Result<(), Trouble> {
    let mut progress = Progress::new(how);
    let mut known = match pop3.unique_ids(MOST_WATCHED).await {
        Ok(known) => known,
        Err(trouble) => {
            report.transcripts.push(pop3.finish(sink).await.0);
            return Err(trouble);
        }
    };
    let watching = Happening::Watching { by: "polling".into(), messages: pop3.messages() };
    sink.take(Item::Happening(&watching))?;
    loop {
        // Only the first and the last session are kept: of a watch of days the rest is the same again.
        let transcript = pop3.finish(sink).await.0;
        report.transcripts.truncate(1);
        report.transcripts.push(transcript);
        if progress.is_over() {
            return Ok(());
        }
        let wake = progress.earlier(until(how.interval));
        tokio::select! {
            () = stop.notified() => return Ok(()),
            () = tokio::time::sleep_until(wake) => {}
        }
        if progress.is_over() {
            return Ok(());
        }
        pop3 = match opening.open(&mut report.transcripts).await? {
            Mailbox::Pop3(pop3) => pop3,
            Mailbox::Imap(_) => return Err(Trouble::Unsupported("watch")),
        };
        report.messages = Some(pop3.messages());
        let seen = news(&mut pop3, &known, &mut progress, sink).await;
        match seen {
            Ok(now) => known = now,
            Err(trouble) => {
                report.transcripts.push(pop3.finish(sink).await.0);
                return Err(trouble);
            }
        }
    }
}

/// Tells what came and what is gone; yields what is there now.
async fn news(
    pop3: &mut Pop3,
    known: &HashMap<String, u64>,
    progress: &mut Progress,
    sink: &mut dyn Sink,
) -> Result<HashMap<String, u64>, Trouble> {
    let now = pop3.unique_ids(MOST_WATCHED).await?;
    for (uid, _) in known.iter().filter(|(uid, _)| !now.contains_key(*uid)) {
        sink.take(Item::Happening(&Happening::Gone { number: None, uid: Some(uid.clone()) }))?;
    }
    let mut came: Vec<u64> =
        now.iter().filter(|(uid, _)| !known.contains_key(*uid)).map(|(_, n)| *n).collect();
    came.sort_unstable();
    for number in came {
        let mut told = Came { sink, progress };
        pop3.rows(number, number, &mut told).await?;
    }
    Ok(now)
}

/// Whether a response says that the server is about to leave.
pub(super) fn is_bye(response: &Response) -> bool {
    response.status().is_some_and(|s| s.kind == StatusKind::Bye)
}

/// The IMAP response that arrived.
pub(super) fn of_imap(reply: Reply) -> Option<Response> {
    match reply {
        Reply::Imap(response) => Some(response),
        _ => None,
    }
}

//! `--log`: every dialogue while it goes on.

use crate::output;
use ehlo_core::Tick;
use ehlo_lab::{Event, Happened, Lab};
use ehlo_report::{Live, Paint, Texts, live};
use std::io::IsTerminal as _;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// So long may the last lines take when the lab has ended: a terminal that was stopped must not hold us.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints on a thread of its own: whoever stops the terminal does not stop the lab.
pub(crate) struct Log {
    events: Option<Receiver<Event>>,
    paint: Paint,
    texts: Texts,
    done: Option<mpsc::Receiver<()>>,
}

impl Log {
    /// Collects from now on, and prints nothing yet.
    pub(crate) fn new(lab: &Lab, color: Option<&str>, texts: Texts) -> Log {
        Log { events: Some(lab.observe().events()), paint: output::paint(color), texts, done: None }
    }

    /// Prints.
    pub(crate) fn start(&mut self) {
        let Some(events) = self.events.take() else { return };
        let (paint, texts) = (self.paint, self.texts);
        let (tell, done) = mpsc::channel();
        self.done = Some(done);
        std::thread::spawn(move || {
            print(events, paint, texts);
            // Nobody may be waiting any more.
            let _ = tell.send(());
        });
    }

    /// Waits for the last lines.
    pub(crate) fn end(self) {
        if let Some(done) = self.done {
            let _ = done.recv_timeout(PATIENCE);
        }
    }
}

fn print(mut events: Receiver<Event>, paint: Paint, texts: Texts) {
    let mut clock = WallClock::default();
    let terminal = std::io::stdout().is_terminal();
    loop {
        let text = match events.blocking_recv() {
            Err(RecvError::Closed) => return,
            Err(RecvError::Lagged(count)) => {
                format!("{}\n", texts.fill("cli/lab-log-lost", &[("count", &count)]))
            }
            Ok(event) => {
                let Happened::Entry { kind, text } = &event.what else { continue };
                let service = event.session.service.scheme;
                let event = Live {
                    time: &clock.time(event.tick),
                    number: event.session.id,
                    protocol: service.protocol().id(),
                    service: &service.to_string(),
                    kind,
                    bytes: text,
                };
                // The width may change while it goes on. In a pipe a line stays a line.
                live(&event, texts, paint, terminal.then(output::columns))
            }
        };
        if output::result(&text).is_err() {
            return;
        }
    }
}

/// The time of day of an event, even if it is printed late.
#[derive(Default)]
struct WallClock {
    /// What must be added to the clock of the lab, in microseconds since 1970: the least that was ever seen, since
    /// events come late, never early.
    offset: Option<u64>,
}

impl WallClock {
    fn time(&mut self, tick: Tick) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let offset = u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(tick.0);
        let offset = self.offset.map_or(offset, |before| before.min(offset));
        self.offset = Some(offset);
        let millis = offset.saturating_add(tick.0) / 1000;
        let (seconds, millis) = (millis / 1000 % 86_400, millis % 1000);
        format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

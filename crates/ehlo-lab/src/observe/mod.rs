//! Seeing what happens in a lab: sessions with what was said in them, and events while they go on.
//!
//! Nothing is recorded until somebody asks for it. What is recorded is bounded: so much of one turn, so much of a
//! session, so many sessions. Secrets are found by their place in the protocol, as [`ehlo_wire::Tracker`] sees it.

mod mail;
mod piece;
mod recorder;
mod session;

pub use mail::{Header, Mail, MailId, Wanted};
pub use session::{Event, Happened, Session};

pub(crate) use recorder::{Ended, Recorder};

use crate::{Lab, Service};
use ehlo_core::Tick;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::broadcast;

/// So many sessions are remembered; the oldest that has ended goes first.
const MOST_SESSIONS: usize = 1000;

/// So many bytes of dialogue are remembered in all sessions together.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// So many events wait for somebody who is slow; then the oldest are lost to him.
const MOST_EVENTS: usize = 4096;

type OnEnd = Box<dyn Fn(&Arc<Session>) + Send + Sync>;

/// The sessions of a lab, if somebody wants to see them.
pub struct Observe {
    on: AtomicBool,
    serial: AtomicU64,
    sessions: Mutex<VecDeque<Arc<Session>>>,
    events: OnceLock<broadcast::Sender<Event>>,
    on_end: OnceLock<OnEnd>,
}

impl Observe {
    pub(crate) fn new() -> Observe {
        Observe {
            on: AtomicBool::new(false),
            serial: AtomicU64::new(0),
            sessions: Mutex::new(VecDeque::new()),
            events: OnceLock::new(),
            on_end: OnceLock::new(),
        }
    }

    /// Records the sessions that begin from now on.
    pub fn record(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    /// Records, and tells what happens while it does. Who is too slow loses events and is told how many.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.record();
        self.events.get_or_init(|| broadcast::channel(MOST_EVENTS).0).subscribe()
    }

    /// Records, and hands every session that has ended to `work`, which must not take long. Only the first call counts.
    pub fn on_end(&self, work: impl Fn(&Arc<Session>) + Send + Sync + 'static) {
        self.record();
        let _ = self.on_end.set(Box::new(work));
    }

    /// The sessions that are remembered, the oldest first: those that go on, and those that have ended.
    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.lock().iter().cloned().collect()
    }

    /// The session of that number.
    pub fn session(&self, id: u64) -> Option<Arc<Session>> {
        self.lock().iter().find(|s| s.id == id).cloned()
    }

    /// Forgets the sessions that have ended.
    pub fn forget(&self) {
        self.lock().retain(|s| !s.has_ended());
    }

    /// A recorder for a connection that begins, if anybody wants to see it.
    pub(crate) fn begin(lab: &Arc<Lab>, service: Service, peer: &str, now: Tick) -> Option<Box<Recorder>> {
        let observe = lab.observe();
        if !observe.on.load(Ordering::Relaxed) {
            return None;
        }
        let id = observe.serial.fetch_add(1, Ordering::Relaxed) + 1;
        let session = Arc::new(Session::new(id, service, peer, lab.unix_time(now)));
        let mut sessions = observe.lock();
        sessions.push_back(Arc::clone(&session));
        make_room(&mut sessions);
        drop(sessions);
        Some(Box::new(Recorder::new(lab, session, now)))
    }

    fn tell(&self, event: Event) {
        if let Some(events) = self.events.get() {
            // Nobody listening is no error.
            let _ = events.send(event);
        }
    }

    fn end(&self, session: &Arc<Session>) {
        if let Some(work) = self.on_end.get() {
            work(session);
        }
        make_room(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Observe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observe({} sessions)", self.lock().len())
    }
}

/// Lets go of the oldest sessions that have ended while there are too many, or too much is in them.
fn make_room(sessions: &mut VecDeque<Arc<Session>>) {
    let mut bytes: usize = sessions.iter().map(|s| s.kept()).sum();
    while sessions.len() > MOST_SESSIONS || bytes > MOST_BYTES {
        // With more connections than that at once, even one that goes on is no longer listed.
        let oldest = match sessions.iter().position(|s| s.has_ended()) {
            Some(at) => sessions.remove(at),
            None if sessions.len() > 2 * MOST_SESSIONS => sessions.pop_front(),
            None => break,
        };
        bytes -= oldest.map_or(0, |s| s.kept());
    }
}

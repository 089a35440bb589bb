use crate::Service;
use ehlo_core::{EntryKind, Tick, Transcript, TranscriptId};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most bytes of dialogue that one session keeps.
pub(super) const MOST_KEPT: usize = 256 * 1024;

/// A connection of a client, and what was said on it.
pub struct Session {
    /// Its number in the lab, from 1.
    pub id: u64,
    /// Which service it came to.
    pub service: Service,
    /// Where it came from: an address, or `unix`.
    pub peer: String,
    /// When it began, in seconds since 1970.
    pub started: i64,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) transcript: Transcript,
    pub(super) ended: Option<i64>,
    pub(super) account: Option<String>,
    pub(super) tls: bool,
    pub(super) kept: usize,
    pub(super) left_out: u64,
}

impl Session {
    pub(super) fn new(id: u64, service: Service, peer: &str, started: i64) -> Session {
        let number = u32::try_from(id).unwrap_or(u32::MAX);
        let label = format!("{}://lab ({id})", service.scheme);
        let state = State {
            transcript: Transcript::new(TranscriptId(number), label, MOST_KEPT),
            ended: None,
            account: None,
            tls: false,
            kept: 0,
            left_out: 0,
        };
        Session { id, service, peer: peer.to_owned(), started, state: Mutex::new(state) }
    }

    /// What was said so far, secrets hidden. Offsets count the bytes that are kept; a note stands where bytes were left
    /// out.
    pub fn transcript(&self) -> Transcript {
        self.lock().transcript.clone()
    }

    /// When it ended, in seconds since 1970; none if it goes on.
    pub fn ended(&self) -> Option<i64> {
        self.lock().ended
    }

    /// Whether it is over.
    pub fn has_ended(&self) -> bool {
        self.ended().is_some()
    }

    /// Who logged in last, where the service tells.
    pub fn account(&self) -> Option<String> {
        self.lock().account.clone()
    }

    /// Whether TLS came about.
    pub fn has_tls(&self) -> bool {
        self.lock().tls
    }

    /// How many bytes of dialogue are not in the transcript.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    pub(super) fn kept(&self) -> usize {
        self.lock().kept
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, {}, {})", self.id, self.service.scheme, self.peer)
    }
}

/// Something happens in a session.
#[derive(Clone, Debug)]
pub struct Event {
    /// In which.
    pub session: Arc<Session>,
    /// When, on the clock of the lab.
    pub tick: Tick,
    /// What.
    pub what: Happened,
}

/// What can happen in a session.
#[derive(Clone, Debug)]
pub enum Happened {
    /// An entry of the transcript; the spans in it belong to no stream.
    Entry {
        /// What it is.
        kind: EntryKind,
        /// The bytes of a [`EntryKind::Data`], each secret one as `*`.
        text: Vec<u8>,
    },
    /// It is over.
    Ended,
}

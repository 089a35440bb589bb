//! Mail that was accepted and waits for its time (RFC 4865).

use crate::Lab;
use crate::talk::smtp::Held;
use ehlo_core::Tick;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

/// The most messages that wait, and their most bytes.
const MOST: usize = 1000;
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// Messages that wait, and when the time of each has come.
#[derive(Default)]
pub(crate) struct Queue {
    held: Mutex<Vec<Held>>,
    /// So that nobody takes the lock for an empty queue.
    count: AtomicUsize,
}

impl Queue {
    /// Puts a message into the queue; gives it back if there is no more room.
    pub(crate) fn hold(&self, message: Held) -> Result<(), Held> {
        let mut held = self.lock();
        let bytes: usize = held.iter().map(Held::size).sum();
        if held.len() >= MOST || bytes + message.size() > MOST_BYTES {
            return Err(message);
        }
        held.push(message);
        self.count.store(held.len(), Ordering::Relaxed);
        Ok(())
    }

    fn due(&self, now: i64) -> Vec<Held> {
        let mut held = self.lock();
        let (due, waiting) = std::mem::take(&mut *held).into_iter().partition(|h| h.due() <= now);
        *held = waiting;
        self.count.store(held.len(), Ordering::Relaxed);
        due
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Delivers what has waited long enough.
pub(crate) fn release(lab: &Lab, now: Tick) {
    lab.deliver_due(now);
    if lab.queue().count.load(Ordering::Relaxed) == 0 {
        return;
    }
    let now = lab.unix_time(now);
    for message in lab.queue().due(now) {
        message.deliver(lab, now);
    }
}

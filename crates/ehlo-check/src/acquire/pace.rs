//! Connections to one service take turns, if that is wanted.

use crate::Pace;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Lets connections begin one after the other.
pub(super) struct Paced {
    gap: Duration,
    open: Arc<Semaphore>,
    last: Mutex<Option<Instant>>,
}

impl Paced {
    pub(super) fn new(pace: Pace) -> Paced {
        let most =
            pace.max_conn.map_or(Semaphore::MAX_PERMITS, |most| most.get().min(Semaphore::MAX_PERMITS));
        Paced { gap: pace.gap, open: Arc::new(Semaphore::new(most)), last: Mutex::new(None) }
    }

    /// Waits for the turn of one more connection, which lasts as long as what is returned is kept; none if the time is up
    /// before.
    pub(super) async fn turn(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let turn = timeout_at(deadline, async {
            let permit = Arc::clone(&self.open).acquire_owned().await.ok()?;
            let mut last = self.last.lock().await;
            if let Some(last) = *last {
                sleep_until(last + self.gap).await;
            }
            *last = Some(Instant::now());
            Some(permit)
        });
        turn.await.ok().flatten().filter(|_| Instant::now() < deadline)
    }
}

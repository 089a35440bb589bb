//! Connections to one address take turns, if that is wanted.

use crate::Pace;
use ehlo_core::Address;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

/// What connections take turns at: a machine, whatever the port, or a socket on the disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Ip(IpAddr),
    Unix(PathBuf),
}

impl Place {
    pub(super) fn of(address: &Address) -> Place {
        match address {
            Address::Ip(address) => Place::Ip(address.ip()),
            Address::Unix(path) => Place::Unix(path.clone()),
        }
    }
}

/// The turns at all places of a run: its services share them, since a server counts the connections from one client, not
/// those to one port.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    places: Arc<Lock<HashMap<Place, Arc<Paced>>>>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Pacer {
        Pacer { pace, places: Arc::default() }
    }

    /// Waits for the turn of one more connection, which lasts as long as what is returned is kept; none if the time is up
    /// before.
    ///
    /// Whoever keeps several turns at once takes them in the order of their places, so that nobody waits for somebody who
    /// waits for him.
    pub(super) async fn turn(&self, place: Place, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let paced = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(place).or_insert_with(|| Arc::new(Paced::new(self.pace))))
        };
        paced.turn(deadline).await
    }
}

/// Lets connections begin one after the other.
#[derive(Debug)]
struct Paced {
    gap: Duration,
    open: Arc<Semaphore>,
    last: Mutex<Option<Instant>>,
}

impl Paced {
    fn new(pace: Pace) -> Paced {
        let most =
            pace.max_conn.map_or(Semaphore::MAX_PERMITS, |most| most.get().min(Semaphore::MAX_PERMITS));
        Paced { gap: pace.gap, open: Arc::new(Semaphore::new(most)), last: Mutex::new(None) }
    }

    async fn turn(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
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

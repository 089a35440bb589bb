use ehlo_core::Tick;
use tokio::time::Instant;

/// The time since a run began. On a paused runtime it is a virtual clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The moment that is now.
    pub fn now(&self) -> Tick {
        Tick(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment `tick` for waiting.
    pub fn instant(&self, tick: Tick) -> Instant {
        self.start + std::time::Duration::from_micros(tick.0)
    }
}

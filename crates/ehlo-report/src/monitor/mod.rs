//! What monitoring systems read: the lines of a Nagios plugin, and the text form of Prometheus.

mod check;
mod nagios;
mod prometheus;

pub use check::state as check_state;
pub(crate) use check::{Nagios, Prometheus};
pub use nagios::{Performance, Plugin};
pub use prometheus::{Exposition, Gauge};

use std::time::Duration;

/// How things stand, in the words and numbers of the Monitoring Plugins Development Guidelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Ok,
    /// To be looked at.
    Warning,
    /// It could not be found out, e.g. because the program was used wrongly.
    Unknown,
    /// To be mended now.
    Critical,
}

impl State {
    /// The word at the beginning of the line.
    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Warning => "WARNING",
            State::Unknown => "UNKNOWN",
            State::Critical => "CRITICAL",
        }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            State::Ok => 0,
            State::Warning => 1,
            State::Critical => 2,
            State::Unknown => 3,
        }
    }
}

/// How long something may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeLimits {
    /// What takes longer is to be looked at.
    pub warn: Option<Duration>,
    /// What takes longer is to be mended now.
    pub critical: Option<Duration>,
}

impl TimeLimits {
    /// What `took` amounts to, and the limit that it is over.
    pub fn judge(self, took: Duration) -> (State, Option<Duration>) {
        match (self.warn, self.critical) {
            (_, Some(limit)) if took > limit => (State::Critical, Some(limit)),
            (Some(limit), _) if took > limit => (State::Warning, Some(limit)),
            _ => (State::Ok, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_both_limits_is_critical() {
        let limits =
            TimeLimits { warn: Some(Duration::from_secs(1)), critical: Some(Duration::from_secs(5)) };
        assert_eq!(limits.judge(Duration::from_secs(1)), (State::Ok, None));
        assert_eq!(limits.judge(Duration::from_millis(1001)), (State::Warning, limits.warn));
        assert_eq!(limits.judge(Duration::from_secs(6)), (State::Critical, limits.critical));
        assert_eq!(TimeLimits::default().judge(Duration::MAX), (State::Ok, None));
        // The worst of several states is the greatest.
        assert!(State::Critical > State::Unknown && State::Unknown > State::Warning);
    }
}

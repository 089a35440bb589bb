//! Times, and how they are spread.

use ehlo_report::Texts;

/// A time for people: `1.2 s`, `34 ms`.
pub(super) fn shown(us: u64, texts: Texts) -> String {
    match us {
        0..10_000 => texts.fill("trip/ms", &[("count", &((us as f64 / 100.0).round() / 10.0))]),
        10_000..1_000_000 => texts.fill("trip/ms", &[("count", &((us + 500) / 1000))]),
        _ => texts.say("seconds", &[("count", &((us as f64 / 10_000.0).round() / 100.0))]),
    }
}

/// Times, sorted.
pub(super) struct Spread(Vec<u64>);

impl Spread {
    pub(super) fn new(times: impl Iterator<Item = u64>) -> Spread {
        let mut times: Vec<u64> = times.collect();
        times.sort_unstable();
        Spread(times)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many of a thousand messages did not exceed: the smallest such (nearest rank).
    pub(super) fn at(&self, permille: usize) -> Option<u64> {
        let rank = (self.0.len() * permille).div_ceil(1000).max(1);
        self.0.get(rank - 1).copied()
    }

    /// The names that are told: of the shortest, the median, and those that only few exceed.
    pub(super) const TOLD: &'static [(&'static str, usize)] =
        &[("min", 0), ("p50", 500), ("p90", 900), ("p95", 950), ("p99", 990), ("max", 1000)];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let spread = Spread::new([30, 10, 20, 40].into_iter());
        let of = |name: &str| {
            let (_, permille) = Spread::TOLD.iter().find(|(n, _)| *n == name).unwrap();
            spread.at(*permille).unwrap()
        };
        assert_eq!((of("min"), of("p50"), of("p90"), of("max")), (10, 20, 40, 40));
        assert_eq!(Spread::new(std::iter::empty()).at(500), None);
        assert_eq!(Spread::new((1..=100).rev()).at(990), Some(99));
    }
}

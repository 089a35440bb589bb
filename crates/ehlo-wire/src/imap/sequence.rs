/// A set of message numbers or UIDs, e.g. `1:3,7,9:*` (RFC 9051 §9, `sequence-set`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSet(Vec<(Option<u32>, Option<u32>)>);

impl SequenceSet {
    /// Reads a set; `None` if it is none.
    pub fn parse(text: &[u8]) -> Option<SequenceSet> {
        let text = std::str::from_utf8(text).ok()?;
        let number = |word: &str| match word {
            "*" => Some(None),
            _ if word.starts_with('0') || !word.bytes().all(|b| b.is_ascii_digit()) => None,
            _ => word.parse::<u32>().ok().map(Some),
        };
        let ranges = text.split(',').map(|range| {
            Some(match range.split_once(':') {
                Some((from, to)) => (number(from)?, number(to)?),
                None => (number(range)?, number(range)?),
            })
        });
        ranges.collect::<Option<Vec<_>>>().map(SequenceSet)
    }

    /// Whether it holds `number`, when `largest` stands for `*`.
    pub fn contains(&self, number: u32, largest: u32) -> bool {
        self.0.iter().any(|&(from, to)| {
            let (from, to) = (from.unwrap_or(largest), to.unwrap_or(largest));
            (from.min(to)..=from.max(to)).contains(&number)
        })
    }

    /// The parts of ascending, disjoint `ranges` that it holds; `*` stands for the largest number there can be.
    pub fn overlap(&self, ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
        let mut own: Vec<(u32, u32)> = self
            .0
            .iter()
            .map(|&(from, to)| {
                let (from, to) = (from.unwrap_or(u32::MAX), to.unwrap_or(u32::MAX));
                (from.min(to), from.max(to))
            })
            .collect();
        own.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (from, to) in own {
            match merged.last_mut() {
                Some((_, last)) if from <= last.saturating_add(1) => *last = to.max(*last),
                _ => merged.push((from, to)),
            }
        }
        let mut found = Vec::new();
        let mut at = 0;
        for &(from, to) in ranges {
            while merged.get(at).is_some_and(|&(_, last)| last < from) {
                at += 1;
            }
            found.extend(
                merged[at..]
                    .iter()
                    .take_while(|&&(first, _)| first <= to)
                    .map(|&(first, last)| (first.max(from), last.min(to))),
            );
        }
        found
    }

    /// Whether a number in it is larger than `largest`.
    pub fn exceeds(&self, largest: u32) -> bool {
        self.0.iter().any(|&(from, to)| from.is_some_and(|n| n > largest) || to.is_some_and(|n| n > largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_may_run_backwards_and_to_the_end() {
        let set = SequenceSet::parse(b"2,5:*,9:7").unwrap();
        let held: Vec<u32> = (1..=10).filter(|&n| set.contains(n, 6)).collect();
        assert_eq!(held, [2, 5, 6, 7, 8, 9]);
        assert!(set.exceeds(6) && !set.exceeds(9));
        assert_eq!(set.overlap(&[(1, 3), (4, 6), (8, 20)]), [(2, 2), (5, 6), (8, 20)]);
        assert_eq!(set.overlap(&[]), []);
        for bad in ["", "0", "1,", "a", "1:", "-1", "01", "4294967296"] {
            assert_eq!(SequenceSet::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}

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
        for bad in ["", "0", "1,", "a", "1:", "-1", "01", "4294967296"] {
            assert_eq!(SequenceSet::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}

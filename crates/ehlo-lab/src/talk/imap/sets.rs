use super::refusal::{Refusal, bad};
use super::selected::Selected;
use ehlo_wire::imap::{SequenceSet, Value};
use std::fmt::Write as _;

/// Numbers as a set, in the order given: neighbours that ascend become a range.
pub(super) fn compact(numbers: impl IntoIterator<Item = u32>) -> String {
    ranges(numbers.into_iter().map(|n| (n, n)))
}

/// Ranges as a set; those that touch become one.
pub(super) fn ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> String {
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(from) => *last = to,
            _ => merged.push((from, to)),
        }
    }
    let mut out = String::new();
    for (from, to) in merged {
        let comma = if out.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = match from == to {
            true => write!(out, "{comma}{from}"),
            false => write!(out, "{comma}{from}:{to}"),
        };
    }
    out
}

/// Which messages an argument names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Set(SequenceSet),
    /// `$`: what the last SEARCH saved (RFC 5182 §2.1).
    Saved,
}

impl Wanted {
    pub(super) fn read(value: &Value) -> Result<Wanted, Refusal> {
        match value.astring() {
            Some(b"$") => Ok(Wanted::Saved),
            Some(text) => match SequenceSet::parse(text) {
                Some(set) => Ok(Wanted::Set(set)),
                None => bad("a set of messages is wanted, e.g. 1:3,7"),
            },
            None => bad("a set of messages is wanted, e.g. 1:3,7"),
        }
    }

    /// The messages, as number and identifier.
    pub(super) fn named(&self, selected: &Selected, uid: bool) -> Result<Vec<(u32, u32)>, Refusal> {
        match self {
            Wanted::Saved => {
                Ok(selected.numbered().filter(|(_, uid)| selected.saved.binary_search(uid).is_ok()).collect())
            }
            // A number that no message has is an error; an identifier that none has is not (RFC 3501 §6.4.8).
            Wanted::Set(set) if !uid && (set.exceeds(selected.len()) || selected.len() == 0) => {
                bad("there is no such message")
            }
            Wanted::Set(set) => {
                let largest = if uid { selected.largest_uid() } else { selected.len() };
                Ok(selected
                    .numbered()
                    .filter(|&(number, id)| set.contains(if uid { id } else { number }, largest))
                    .collect())
            }
        }
    }
}

/// A set of identifiers without `*` and `$`, as QRESYNC has it.
pub(super) fn known_uids(value: &Value) -> Result<SequenceSet, Refusal> {
    match value.astring().filter(|text| !text.contains(&b'*')).and_then(SequenceSet::parse) {
        Some(set) => Ok(set),
        None => bad("a set of identifiers without * is wanted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_short() {
        assert_eq!(compact([1, 2, 3, 5, 7, 8]), "1:3,5,7:8");
        assert_eq!(compact([3, 2, 1]), "3,2,1");
        assert_eq!(compact([]), "");
        assert_eq!(ranges([(1, 4), (5, 5), (9, u32::MAX)]), "1:5,9:4294967295");
    }
}

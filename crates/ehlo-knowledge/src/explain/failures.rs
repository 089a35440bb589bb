use super::reading::Reading;
use crate::pattern::fits;
use crate::{keys, list};

/// A pattern with fewer letters than this, such as `^554`, says something only at a stage that is known.
const WEAK: usize = 8;
/// What a fitting stage weighs, in letters of a pattern.
const STAGE: usize = 8;
/// More of them than this are no help.
const MOST: usize = 4;

/// The ids of the rows that fit, those with the most words in common first.
pub(super) fn matching(reading: &Reading) -> Vec<&'static str> {
    let mut found: Vec<(usize, &'static str)> = keys("failure/")
        .filter(|key| !key["failure/".len()..].contains('/'))
        .filter_map(|key| weight(key, reading).map(|weight| (weight, key)))
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    found.into_iter().take(MOST).map(|(_, key)| &key["failure/".len()..]).collect()
}

fn weight(key: &str, reading: &Reading) -> Option<usize> {
    let best = |name: &str| {
        let patterns = list(key, name).iter();
        patterns.flat_map(|p| reading.texts.iter().filter_map(|text| fits(p, text))).max()
    };
    // The message of a program says by itself where the dialogue broke.
    if let Some(letters) = best("message") {
        return Some(letters + STAGE);
    }
    // What needs a check or a cause cannot be told from words alone.
    let (checks, causes) = (list(key, "check"), list(key, "cause"));
    let lacks = |wanted: &[&str], there: &str| !wanted.is_empty() && !wanted.contains(&there);
    if lacks(checks, reading.check) || lacks(causes, reading.cause) {
        return None;
    }
    let protocols = list(key, "protocol");
    if !reading.protocol.is_empty() && !protocols.is_empty() && !protocols.contains(&reading.family()) {
        return None;
    }
    let stages = list(key, "stage");
    let at_stage = stages.contains(&reading.stage);
    if !stages.is_empty() && !reading.stage.is_empty() && !at_stage {
        return None;
    }
    let bonus = if at_stage || !checks.is_empty() { STAGE } else { 0 };
    if list(key, "pattern").is_empty() {
        let is_told = !checks.is_empty() || !causes.is_empty();
        return (is_told && (stages.is_empty() || at_stage)).then_some(bonus);
    }
    // A code alone says little at a stage that is not known.
    let is_code = |pattern: &str| !pattern.bytes().any(|b| b.is_ascii_alphabetic());
    let patterns = list(key, "pattern").iter().filter(|p| at_stage || stages.is_empty() || !is_code(p));
    let letters = patterns.flat_map(|p| reading.texts.iter().filter_map(|text| fits(p, text))).max()?;
    // Rows of the handshake look at names and alerts; in other texts the same words mean nothing.
    let elsewhere =
        stages.iter().all(|s| ["handshake", "connect", "resolve"].contains(s)) && !stages.is_empty();
    if !at_stage && !stages.is_empty() && (letters < WEAK || elsewhere) {
        return None;
    }
    Some(letters + bonus)
}

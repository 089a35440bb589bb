//! The policies of `check`, read from the knowledge: `data/policy-NAME.toml`.

use ehlo_check::{CHECKS, Policy, PolicyRow};
use ehlo_core::{Outcome, Severity};
use ehlo_knowledge::{keys, list, references};
use ehlo_report::Texts;

const TOPIC: &str = "policy-";

/// The names of all policies, the one that holds unless another is named first.
pub(crate) fn names() -> Vec<&'static str> {
    let named = keys(TOPIC).filter_map(|key| key.strip_prefix(TOPIC)).filter(|name| !name.contains('/'));
    let (rfc, others): (Vec<_>, Vec<_>) = named.partition(|name| *name == Policy::default().id);
    rfc.into_iter().chain(others).collect()
}

/// The policy of that name.
pub(crate) fn named(name: &str) -> Option<Policy> {
    let name = names().into_iter().find(|known| *known == name)?;
    let rows = row_keys(name).into_iter().map(row).collect();
    Some(Policy { id: name.to_owned(), rows })
}

/// The keys of the rows of a policy.
pub(crate) fn row_keys(name: &str) -> Vec<&'static str> {
    let beginning = format!("{TOPIC}{name}/");
    keys(&beginning).collect()
}

/// The key of the policy itself.
pub(crate) fn key(name: &str) -> String {
    format!("{TOPIC}{name}")
}

/// A row, from its entry. What cannot be read there says nothing; a test demands that everything can.
fn row(key: &'static str) -> PolicyRow {
    let mut path = key.split('/').skip(1).map(str::to_owned);
    let first = |name: &str| list(key, name).first().copied();
    let required = |role: &str| list(key, "required").contains(&role);
    PolicyRow {
        check: path.next().unwrap_or_default(),
        message: path.next(),
        access: first("access").and_then(severity),
        mx: first("mx").and_then(severity),
        outcome: first("outcome").and_then(outcome),
        required: (required("access"), required("mx")),
        references: references(key).iter().map(|r| (*r).to_owned()).collect(),
    }
}

fn severity(word: &str) -> Option<Severity> {
    use Severity::{Critical, High, Info, Low, Medium};
    [Info, Low, Medium, High, Critical].into_iter().find(|severity| severity.id() == word)
}

fn outcome(word: &str) -> Option<Outcome> {
    [Outcome::Fail, Outcome::Warn, Outcome::Info].into_iter().find(|outcome| outcome.id() == word)
}

/// What the row at `key` changes, in one line.
pub(crate) fn change(key: &'static str, texts: Texts) -> String {
    let row = row(key);
    let word = |severity: Option<Severity>| {
        severity.map(|s| texts.ui(&format!("severity-{}", s.id()))).unwrap_or_else(|| "?".into())
    };
    let meta = CHECKS.iter().map(|check| check.meta()).find(|meta| meta.id == row.check);
    // Some messages are not as bad as their check.
    let own = list(key, "rfc").first().copied().and_then(severity);
    let rfc = word(own.or(meta.map(|meta| meta.severity)));
    let rfc_mx = word(own.or(meta.map(|meta| meta.severity_mx.unwrap_or(meta.severity))));
    let check = match &row.message {
        Some(message) => format!("{} ({message})", row.check),
        None => row.check.clone(),
    };
    let (access, mx) = (word(row.access), word(row.mx));
    let places: [(&str, &dyn std::fmt::Display); 5] =
        [("check", &check), ("rfc", &rfc), ("severity", &access), ("rfc-mx", &rfc_mx), ("mx", &mx)];
    let key = match (row.access, row.mx) {
        (Some(_), Some(_)) => "policy-row-mx",
        (Some(_), None) => "policy-row",
        (None, Some(_)) => "policy-row-mx-only",
        (None, None) => "policy-row-required",
    };
    texts.say(key, &places)
}

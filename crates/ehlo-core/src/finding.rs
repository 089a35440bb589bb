use crate::Evidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Values that a text names, by the name of the place they take in it.
pub type Params = BTreeMap<String, String>;

/// What a check concluded about a service.
///
/// It carries ids and parameters; the sentences are looked up in the knowledge data when a report is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the check.
    pub check: String,
    /// URL of the service it is about.
    pub service: String,
    /// The verdict.
    pub outcome: Outcome,
    /// How bad it is when the outcome is not good.
    pub severity: Severity,
    /// Which of the check's sentences says it, e.g. `expired`.
    pub message: String,
    /// Values for that sentence.
    pub params: Params,
    /// What proves it: at least one place in a transcript.
    pub evidence: Vec<Evidence>,
    /// Ids of likely causes in the knowledge of failures, most likely first.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Sections and advisories, e.g. `RFC 3207 §4`.
    pub references: Vec<String>,
    /// Whether mail or logins fail because of it.
    pub function: bool,
    /// Whether somebody can read, steal or inject because of it.
    pub exploitable: bool,
    /// Whether the level of the service depends on it.
    pub required: bool,
}

/// The verdict of a check. `Inconclusive` and `Skipped` are never a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "why")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Should be better.
    Warn,
    /// Wrong.
    Fail,
    /// Worth knowing, neither good nor bad.
    Info,
    /// Not looked at.
    Skipped(Why),
    /// Looked at without result.
    Inconclusive(Why),
}

impl Outcome {
    /// The word for it, as in JSON.
    pub fn id(&self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Warn => "warn",
            Outcome::Fail => "fail",
            Outcome::Info => "info",
            Outcome::Skipped(_) => "skipped",
            Outcome::Inconclusive(_) => "inconclusive",
        }
    }

    /// Whether the check did its work, with whatever result.
    pub fn is_conclusive(&self) -> bool {
        !matches!(self, Outcome::Skipped(_) | Outcome::Inconclusive(_))
    }
}

/// Why a check has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Servers treat loopback, their own address and private networks differently.
    Vantage,
    /// The dialogue ended before the answer.
    Failure,
    /// The server answered `421`, or hung up after several connections.
    RateLimited,
    /// It needs TLS, and there was none.
    NoTls,
    /// It needs credentials.
    NoCredentials,
    /// It was not asked for.
    NotAsked,
    /// The budget of connections was used up before.
    Budget,
    /// It would have taken DNS, which did not answer.
    NoDns,
    /// The answer fits neither verdict.
    Unclear,
}

impl Why {
    /// The id in kebab-case, as in JSON and in the knowledge data.
    pub fn id(&self) -> &'static str {
        match self {
            Why::Vantage => "vantage",
            Why::Failure => "failure",
            Why::RateLimited => "rate-limited",
            Why::NoTls => "no-tls",
            Why::NoCredentials => "no-credentials",
            Why::NotAsked => "not-asked",
            Why::Budget => "budget",
            Why::NoDns => "no-dns",
            Why::Unclear => "unclear",
        }
    }
}

/// How bad a bad verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// No fault by itself.
    Info,
    /// Untidy.
    Low,
    /// Misses a current MUST or SHOULD.
    Medium,
    /// Harms users.
    High,
    /// Harms users now, and badly.
    Critical,
}

impl Severity {
    /// The id, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_say_why_in_json() {
        let json = serde_json::to_value(Outcome::Inconclusive(Why::RateLimited)).unwrap();
        assert_eq!(json, serde_json::json!({"is": "inconclusive", "why": "rate-limited"}));
        assert_eq!(serde_json::to_value(Outcome::Pass).unwrap(), serde_json::json!({"is": "pass"}));
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Info);
    }
}

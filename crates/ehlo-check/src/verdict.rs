use ehlo_core::{Evidence, Outcome, Params, Severity, Why};

/// What a check says about a service, before it becomes a finding.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) message: &'static str,
    pub(crate) params: Params,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) severity: Option<Severity>,
    pub(crate) function: Option<bool>,
    pub(crate) exploitable: Option<bool>,
}

impl Verdict {
    /// As it should be.
    pub(crate) fn pass(message: &'static str) -> Verdict {
        Verdict::new(Outcome::Pass, message)
    }

    /// Should be better.
    pub(crate) fn warn(message: &'static str) -> Verdict {
        Verdict::new(Outcome::Warn, message)
    }

    /// Wrong.
    pub(crate) fn fail(message: &'static str) -> Verdict {
        Verdict::new(Outcome::Fail, message)
    }

    /// Worth knowing.
    pub(crate) fn info(message: &'static str) -> Verdict {
        Verdict::new(Outcome::Info, message)
    }

    /// Looked at without result.
    pub(crate) fn inconclusive(why: Why) -> Verdict {
        Verdict::new(Outcome::Inconclusive(why), "inconclusive")
    }

    /// Not looked at, because nobody asked for it; the sentence says how to ask.
    pub(crate) fn not_asked(message: &'static str) -> Verdict {
        Verdict::new(Outcome::Skipped(Why::NotAsked), message)
    }

    /// Says it in a sentence of the check's own, where "no result" is not all there is to say.
    pub(crate) fn saying(mut self, message: &'static str) -> Verdict {
        self.message = message;
        self
    }

    /// Fills a place of the sentence.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Verdict {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }

    /// Names what proves it.
    pub(crate) fn at(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Verdict {
        for place in evidence {
            if !self.evidence.contains(&place) {
                self.evidence.push(place);
            }
        }
        self
    }

    /// Sets another severity than the check's own.
    pub(crate) fn severity(mut self, severity: Severity) -> Verdict {
        self.severity = Some(severity);
        self
    }

    /// Says whether mail or logins fail because of it, where that depends.
    pub(crate) fn function(mut self, function: bool) -> Verdict {
        self.function = Some(function);
        self
    }

    /// Says whether somebody can read, steal or inject because of it, where that depends.
    pub(crate) fn exploitable(mut self, exploitable: bool) -> Verdict {
        self.exploitable = Some(exploitable);
        self
    }

    fn new(outcome: Outcome, message: &'static str) -> Verdict {
        Verdict {
            outcome,
            message,
            params: Params::new(),
            evidence: Vec::new(),
            severity: None,
            function: None,
            exploitable: None,
        }
    }
}

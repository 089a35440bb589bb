use crate::facts::RunFacts;
use crate::{Finding, LevelReport, Transcript, TranscriptId};

/// Everything that a run of checks came to: what a report is made of.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// What was seen.
    pub facts: RunFacts,
    /// What follows from it.
    pub findings: Vec<Finding>,
    /// The level of each service that could be looked at, by URL.
    pub levels: Vec<(String, LevelReport)>,
    /// The dialogues.
    pub transcripts: Vec<Transcript>,
    /// The policy by which verdicts were weighed; `rfc` unless another was asked for.
    pub policy: String,
}

impl RunReport {
    /// The transcript of that number.
    pub fn transcript(&self, id: TranscriptId) -> Option<&Transcript> {
        self.transcripts.iter().find(|t| t.id == id)
    }

    /// The level of a service.
    pub fn level(&self, url: &str) -> Option<&LevelReport> {
        self.levels.iter().find(|(service, _)| service == url).map(|(_, level)| level)
    }

    /// The findings about a service.
    pub fn findings_of(&self, url: &str) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |f| f.service == url)
    }
}

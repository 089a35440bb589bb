//! What running scripts yields, as plain data.

use crate::{Evidence, Params, Protocol, Transcript};
use serde::{Deserialize, Serialize};

/// How a script, or a step of one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All that it demands holds.
    Pass,
    /// It failed as it is known to.
    XFail,
    /// It was left out.
    Skip,
    /// It passed though it is known to fail.
    XPass,
    /// Something does not hold.
    Fail,
    /// Nothing follows: the dialogue or the script itself went wrong.
    Error,
}

impl Verdict {
    /// Its word.
    pub fn id(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::XFail => "xfail",
            Verdict::Skip => "skip",
            Verdict::XPass => "xpass",
            Verdict::Fail => "fail",
            Verdict::Error => "error",
        }
    }
}

/// A script that was run.
#[derive(Clone, Debug, Serialize)]
pub struct ScriptReport {
    /// Its name: the path without the ending, or what its header says.
    pub id: String,
    /// The file.
    pub file: String,
    /// What holds if it passes.
    pub title: String,
    /// Where that is demanded.
    pub references: Vec<String>,
    /// `must`, `should`, `may`, `info`
    pub level: String,
    /// The check that says the same.
    pub finding: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether a failure counts: it does for a *must*.
    pub counts: bool,
    /// Why it was left out, is known to fail, or ended early.
    pub reason: Option<Reason>,
    /// Its steps.
    pub steps: Vec<StepReport>,
    /// What its `note` statements say.
    pub notes: Vec<String>,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// How often it was begun: more than once after transient trouble.
    pub attempts: u32,
    /// The dialogues.
    pub dialogues: Vec<RunDialogue>,
}

/// A dialogue that a script led.
#[derive(Clone, Debug, Serialize)]
pub struct RunDialogue {
    /// The URL of the service.
    pub url: String,
    /// What was spoken.
    pub protocol: Protocol,
    /// What was said.
    pub transcript: Transcript,
}

/// A reason: a text of the knowledge, or one of a script or profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The id of the text in the knowledge; none if `text` stands for itself.
    pub id: Option<String>,
    /// Its values.
    #[serde(default)]
    pub params: Params,
    /// The text of a script or a profile.
    pub text: Option<String>,
}

impl Reason {
    /// A text of the knowledge.
    pub fn known(id: &str) -> Reason {
        Reason { id: Some(id.to_owned()), params: Params::new(), text: None }
    }

    /// The same with one more value.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Reason {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// Somebody's own words.
    pub fn text(text: impl Into<String>) -> Reason {
        Reason { id: None, params: Params::new(), text: Some(text.into()) }
    }
}

/// A step of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// Its name; empty for what stands in front of the first.
    pub name: String,
    /// `must`, `should`, `may`, `info`
    pub level: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it was left out, or is known to fail.
    pub reason: Option<Reason>,
    /// What does not hold.
    pub problem: Option<Box<Problem>>,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

/// Something that does not hold, with the place in the script and in the dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The id of its text in the knowledge.
    pub id: String,
    /// The values of the text.
    pub params: Params,
    /// Where in the script.
    pub place: Place,
    /// The line before it, for the eye.
    pub before: Option<(usize, String)>,
    /// What was expected, as the script says it with its values.
    pub expected: Option<String>,
    /// What came, escaped; the nearest miss first.
    pub received: Vec<String>,
    /// Where that stands.
    pub evidence: Vec<Evidence>,
    /// The id of a hint in the knowledge.
    pub hint: Option<String>,
    /// Why the dialogue could not go on, if that is the problem.
    pub failure: Option<crate::Failure>,
    /// Whether the trouble may go away by itself.
    pub transient: bool,
}

/// A place in a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The first column, in bytes from 0.
    pub from: usize,
    /// The column behind the last.
    pub to: usize,
    /// The line itself.
    pub text: String,
}

/// What happens while scripts run.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// So many scripts will run.
    Started {
        /// How many.
        scripts: usize,
        /// Against which server.
        target: String,
    },
    /// A script has ended.
    Script(Box<ScriptReport>),
    /// All have.
    Finished {
        /// How long it took, in microseconds.
        took_us: u64,
    },
}

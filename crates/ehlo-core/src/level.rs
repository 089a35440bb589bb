use serde::{Deserialize, Serialize};

/// What the findings about one service amount to. The worst finding decides; nothing is averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All required checks of the role passed.
    Sound,
    /// Works, but misses a current MUST or SHOULD.
    Dated,
    /// An attacker can read, steal or inject now.
    Exposed,
    /// Mail or logins fail now.
    Broken,
}

impl Level {
    /// The word for it, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Level::Sound => "sound",
            Level::Dated => "dated",
            Level::Exposed => "exposed",
            Level::Broken => "broken",
        }
    }
}

/// The level of a service, with the rule that decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelReport {
    /// The level.
    pub level: Level,
    /// The check that decided it; none when the level is [`Level::Sound`].
    pub decided_by: Option<String>,
    /// How many required checks have a result.
    pub proven: u32,
    /// Required checks that have none.
    pub unproven: Vec<String>,
    /// Whether nothing bad was found, but not everything could be looked at: the level reads "sound?".
    pub doubtful: bool,
}

impl LevelReport {
    /// Whether a required check has no result, so that the level is a guess at best.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }
}

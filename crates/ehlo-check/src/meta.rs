use crate::{Judging, Verdict};
use ehlo_core::{Role, Severity};

/// A check: judges facts, and touches nothing.
pub trait Check: Sync {
    /// What is known about it.
    fn meta(&self) -> &'static CheckMeta;
    /// Its verdicts about a service. None at all means that it does not apply there.
    fn judge(&self, facts: &Judging<'_>) -> Vec<Verdict>;
}

/// What is known about a check.
#[derive(Clone, Copy, Debug)]
pub struct CheckMeta {
    /// Its id in kebab-case: the name of its file, its key in the knowledge data, its name for `--only` and `--skip`.
    pub id: &'static str,
    /// The group it belongs to, for `--only` and `--skip`.
    pub group: &'static str,
    /// How bad a bad verdict is where users log in.
    pub severity: Severity,
    /// How bad it is on an MX, where that differs.
    pub severity_mx: Option<Severity>,
    /// Sections and advisories.
    pub references: &'static [&'static str],
    /// A failure means that mail or logins fail.
    pub function: bool,
    /// A failure means that somebody can read, steal or inject.
    pub exploitable: bool,
    /// What it takes to look.
    pub manner: Manner,
    /// Whether a bad verdict may be due to where we look from.
    pub vantage: bool,
}

/// What it takes to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Nothing but what any client sends.
    Passive,
    /// Further commands or connections, but no mail and no credentials.
    Active,
    /// Mail, or what looks like an attack: only if it is allowed.
    OptIn,
}

impl Manner {
    /// The id in kebab-case, as in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            Manner::Passive => "passive",
            Manner::Active => "active",
            Manner::OptIn => "opt-in",
        }
    }
}

impl CheckMeta {
    /// A passive check of medium severity without references; the rest is set with `..`.
    pub(crate) const DEFAULT: CheckMeta = CheckMeta {
        id: "",
        group: "",
        severity: Severity::Medium,
        severity_mx: None,
        references: &[],
        function: false,
        exploitable: false,
        manner: Manner::Passive,
        vantage: false,
    };

    /// How bad a bad verdict is for a service of this role. LMTP takes the values of an MX.
    pub fn severity_for(&self, role: Role) -> Severity {
        match role {
            Role::Mx | Role::Lmtp => self.severity_mx.unwrap_or(self.severity),
            Role::Submission | Role::Access => self.severity,
        }
    }
}

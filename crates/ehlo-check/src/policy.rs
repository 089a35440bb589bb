//! Policies: how bad a verdict is, and what must be proven, by another norm than the RFCs.

use ehlo_core::{Finding, Outcome, Role, Severity};

/// A norm by which verdicts are weighed. It changes how bad they are and what must be proven, never what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name: `rfc` is the one that changes nothing.
    pub id: String,
    /// In what it differs from `rfc`.
    pub rows: Vec<PolicyRow>,
}

/// A deviation of a policy from `rfc`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRow {
    /// The id of the check.
    pub check: String,
    /// Only for this message of the check; none for all that have no row of their own.
    pub message: Option<String>,
    /// How bad it is where users log in.
    pub access: Option<Severity>,
    /// How bad it is on an MX, and for LMTP.
    pub mx: Option<Severity>,
    /// What it comes to, where that differs.
    pub outcome: Option<Outcome>,
    /// The check must be proven where users log in; on an MX. A policy without any such row demands every check.
    pub required: (bool, bool),
    /// Where that is written.
    pub references: Vec<String>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { id: "rfc".into(), rows: Vec::new() }
    }
}

impl PolicyRow {
    /// How bad it is for a service of this role, if the row says so.
    pub fn severity_for(&self, role: Role) -> Option<Severity> {
        if role.takes_logins() { self.access } else { self.mx }
    }
}

impl Policy {
    /// The row for a message of a check: the message's own before the check's.
    pub fn row(&self, check: &str, message: &str) -> Option<&PolicyRow> {
        let of = |wanted: Option<&str>| {
            self.rows.iter().find(|row| row.check == check && row.message.as_deref() == wanted)
        };
        of(Some(message)).or_else(|| of(None))
    }

    /// Whether a check must be proven for a service of this role.
    pub fn requires(&self, check: &str, role: Role) -> bool {
        let demands = |row: &PolicyRow| if role.takes_logins() { row.required.0 } else { row.required.1 };
        let silent = !self.rows.iter().any(|row| row.required != (false, false));
        silent || self.rows.iter().any(|row| row.check == check && demands(row))
    }

    /// Weighs a finding, and notes in it what was changed and by which source.
    pub(crate) fn weigh(&self, finding: &mut Finding, role: Role) {
        finding.required = self.requires(&finding.check, role);
        if !matches!(finding.outcome, Outcome::Fail | Outcome::Warn | Outcome::Info) {
            return;
        }
        let Some(row) = self.row(&finding.check, &finding.message) else { return };
        let severity = row.severity_for(role).unwrap_or(finding.severity);
        let outcome = row.outcome.clone().filter(|_| row.severity_for(role).is_some());
        let outcome = outcome.unwrap_or_else(|| finding.outcome.clone());
        if severity == finding.severity && outcome == finding.outcome {
            return;
        }
        finding.params.insert("policy".into(), self.id.clone());
        finding.params.insert("policy-was".into(), finding.severity.id().into());
        finding.params.insert("policy-source".into(), row.references.join(", "));
        finding.references.extend(row.references.iter().cloned());
        (finding.severity, finding.outcome) = (severity, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(check: &str, message: Option<&str>) -> PolicyRow {
        PolicyRow { check: check.into(), message: message.map(str::to_owned), ..PolicyRow::default() }
    }

    #[test]
    fn the_row_of_a_message_comes_before_that_of_its_check() {
        let policy = Policy { id: "x".into(), rows: vec![row("a", None), row("a", Some("m"))] };
        let found = |message| policy.row("a", message).map(|row| row.message.as_deref());
        assert_eq!((found("m"), found("n")), (Some(Some("m")), Some(None)));
        assert_eq!(policy.row("b", "m"), None);
    }

    #[test]
    fn a_policy_that_demands_nothing_demands_everything() {
        assert!(Policy::default().requires("a", Role::Mx));
        let required = PolicyRow { required: (true, false), ..row("a", None) };
        let policy = Policy { id: "x".into(), rows: vec![required, row("b", None)] };
        assert!(policy.requires("a", Role::Access) && !policy.requires("a", Role::Mx));
        assert!(!policy.requires("b", Role::Access));
    }
}

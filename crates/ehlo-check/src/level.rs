use ehlo_core::{Finding, Level, LevelReport, Outcome, Severity, Why};

/// The level of a service: the worst finding decides, nothing is averaged (`checks.md` §4).
pub fn level(findings: &[Finding]) -> LevelReport {
    let failed = |f: &&Finding| f.outcome == Outcome::Fail;
    let broken = findings.iter().filter(failed).filter(|f| f.function).max_by_key(|f| f.severity);
    let exposed = findings.iter().filter(failed).filter(|f| f.exploitable).max_by_key(|f| f.severity);
    let dated = findings
        .iter()
        .filter(|f| matches!(f.outcome, Outcome::Fail | Outcome::Warn) && f.severity >= Severity::Medium)
        .max_by_key(|f| (f.severity, f.outcome == Outcome::Fail));
    let (level, decided_by) = match (broken, exposed, dated) {
        (Some(finding), _, _) => (Level::Broken, Some(finding)),
        (None, Some(finding), _) => (Level::Exposed, Some(finding)),
        (None, None, Some(finding)) => (Level::Dated, Some(finding)),
        (None, None, None) => (Level::Sound, None),
    };
    // What nobody asked for is no doubt.
    let asked = |f: &&Finding| f.outcome != Outcome::Skipped(Why::NotAsked);
    let required: Vec<&Finding> = findings.iter().filter(|f| f.required).filter(asked).collect();
    let mut unproven: Vec<String> =
        required.iter().filter(|f| !f.outcome.is_conclusive()).map(|f| f.check.clone()).collect();
    unproven.dedup();
    let mut proven: Vec<&str> =
        required.iter().filter(|f| f.outcome.is_conclusive()).map(|f| f.check.as_str()).collect();
    proven.dedup();
    LevelReport {
        level,
        decided_by: decided_by.map(|f| f.check.clone()),
        proven: u32::try_from(proven.len()).unwrap_or(u32::MAX),
        doubtful: level == Level::Sound && !unproven.is_empty(),
        unproven,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::Params;

    fn finding(
        check: &str,
        outcome: Outcome,
        severity: Severity,
        function: bool,
        exploitable: bool,
    ) -> Finding {
        Finding {
            check: check.into(),
            service: "x".into(),
            outcome,
            severity,
            message: String::new(),
            params: Params::new(),
            evidence: Vec::new(),
            causes: Vec::new(),
            references: Vec::new(),
            function,
            exploitable,
            required: true,
        }
    }

    #[test]
    fn the_worst_finding_decides() {
        use Severity::{High, Low, Medium};
        let pass = finding("a", Outcome::Pass, High, false, false);
        let low = finding("b", Outcome::Warn, Low, false, false);
        let warn = finding("c", Outcome::Warn, Medium, false, false);
        let exposed = finding("d", Outcome::Fail, Medium, false, true);
        let broken = finding("e", Outcome::Fail, Low, true, true);
        let open = finding("f", Outcome::Inconclusive(Why::Failure), High, false, false);
        for (findings, expected, by) in [
            (vec![&pass, &low], Level::Sound, None),
            (vec![&pass, &warn], Level::Dated, Some("c")),
            (vec![&warn, &exposed], Level::Exposed, Some("d")),
            (vec![&exposed, &broken], Level::Broken, Some("e")),
        ] {
            let findings: Vec<Finding> = findings.into_iter().cloned().collect();
            let report = level(&findings);
            assert_eq!((report.level, report.decided_by.as_deref()), (expected, by));
            assert!(!report.is_doubtful());
        }
        let not_asked = finding("g", Outcome::Skipped(Why::NotAsked), High, false, false);
        assert!(!level(&[pass.clone(), not_asked]).is_doubtful());
        let report = level(&[pass, open]);
        assert!(report.is_doubtful());
        assert_eq!((report.proven, report.unproven), (1, vec!["f".to_owned()]));
    }
}

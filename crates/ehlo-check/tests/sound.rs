//! A lab without faults is sound.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod common;

use common::{Setup, told};
use ehlo_core::{Family, Level, Outcome, Why};

#[tokio::test(start_paused = true)]
async fn a_lab_without_faults_is_sound() {
    let mut setup = Setup::with(&[]);
    setup.families = vec![Family::V4, Family::V6];
    let run = setup.examine().await;
    let bad: Vec<_> = run
        .findings
        .iter()
        .filter(|f| !matches!(f.outcome, Outcome::Pass | Outcome::Info | Outcome::Warn))
        // What is asked on request only is no doubt.
        .filter(|f| f.outcome != Outcome::Skipped(Why::NotAsked))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    for (service, report) in &run.levels {
        assert_eq!(report.level, Level::Sound, "{service}: {:#?}", told(&run));
        assert!(!report.is_doubtful(), "{service}: {:?}", report.unproven);
        assert!(report.proven > 10, "{service}");
    }
    assert_eq!(run.levels.len(), 9);
    let asked: Vec<String> = told(&run).into_iter().filter(|t| !t.ends_with(" skipped not-asked")).collect();
    insta::assert_snapshot!(asked.join("\n"));
}

use super::{RunFormat, problem::problem, reason};
use crate::{FormatOptions, Paint};
use ehlo_core::run::{RunEvent, ScriptReport, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// JUnit XML, as CI servers read it: a suite for each folder, a case for each script.
pub(super) struct Junit {
    options: FormatOptions,
    target: String,
    suites: Vec<(String, Vec<TestCase>)>,
}

impl Junit {
    pub(super) fn new(options: FormatOptions) -> Junit {
        Junit { options, target: String::new(), suites: Vec::new() }
    }

    fn case(&self, report: &ScriptReport) -> TestCase {
        let texts = self.options.texts;
        let why = report.reason.as_ref().map(|r| reason(texts, r));
        let problems: Vec<String> = report
            .steps
            .iter()
            .filter_map(|s| s.problem.as_ref())
            .map(|p| problem(texts, Paint { on: false }, p, 200))
            .collect();
        let failed = |kind: NonSuccessKind| {
            let mut status = TestCaseStatus::non_success(kind);
            let first = problems.first().and_then(|p| p.lines().next()).unwrap_or_default().to_owned();
            status.set_message(first).set_description(problems.join("\n"));
            status
        };
        let skipped = |text: String| {
            let mut status = TestCaseStatus::skipped();
            status.set_message(text);
            status
        };
        let status = match report.verdict {
            Verdict::Pass => TestCaseStatus::success(),
            Verdict::Fail if report.counts => failed(NonSuccessKind::Failure),
            Verdict::Error => failed(NonSuccessKind::Error),
            Verdict::Fail => skipped(format!("{}: {}", report.level, problems.join("\n"))),
            Verdict::Skip | Verdict::XFail | Verdict::XPass => {
                skipped(format!("{}: {}", report.verdict.id(), why.unwrap_or_default()))
            }
        };
        let mut case = TestCase::new(format!("{}: {}", report.id, report.title), status);
        case.set_time(Duration::from_micros(report.took_us));
        case.set_classname(report.id.clone());
        case
    }
}

impl RunFormat for Junit {
    fn on(&mut self, event: &RunEvent) -> String {
        match event {
            RunEvent::Started { target, .. } => self.target.clone_from(target),
            RunEvent::Script(report) => {
                let folder = report.id.rsplit_once('/').map_or("scripts", |(f, _)| f).to_owned();
                let case = self.case(report);
                match self.suites.iter_mut().find(|(f, _)| *f == folder) {
                    Some((_, cases)) => cases.push(case),
                    None => self.suites.push((folder, vec![case])),
                }
            }
            RunEvent::Finished { took_us } => {
                let mut report = Report::new(format!("ehlo run {}", self.target));
                report.set_time(Duration::from_micros(*took_us));
                for (folder, cases) in std::mem::take(&mut self.suites) {
                    let mut suite = TestSuite::new(folder);
                    suite.add_test_cases(cases);
                    report.add_test_suite(suite);
                }
                return report.to_string().unwrap_or_default();
            }
        }
        String::new()
    }
}

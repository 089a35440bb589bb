use super::{RunFormat, problem::problem, reason};
use crate::{FormatOptions, Paint};
use ehlo_core::run::{RunEvent, Verdict};

/// The Test Anything Protocol, version 14.
pub(super) struct Tap {
    options: FormatOptions,
    number: usize,
}

impl Tap {
    pub(super) fn new(options: FormatOptions) -> Tap {
        Tap { options, number: 0 }
    }
}

/// `#` begins a directive.
fn escaped(text: &str) -> String {
    ehlo_core::escape(text.as_bytes()).replace('#', "\\#")
}

impl RunFormat for Tap {
    fn on(&mut self, event: &RunEvent) -> String {
        let texts = self.options.texts;
        match event {
            RunEvent::Started { scripts, .. } => format!("TAP version 14\n1..{scripts}\n"),
            RunEvent::Finished { .. } => String::new(),
            RunEvent::Script(report) => {
                self.number += 1;
                let why = report.reason.as_ref().map(|r| escaped(&reason(texts, r))).unwrap_or_default();
                let (ok, directive) = match report.verdict {
                    Verdict::Pass => ("ok", String::new()),
                    Verdict::Skip => ("ok", format!(" # SKIP {why}")),
                    Verdict::XFail => ("not ok", format!(" # TODO {why}")),
                    Verdict::XPass => ("ok", format!(" # TODO {why}")),
                    // What does not count must not break a harness either.
                    Verdict::Fail if !report.counts => ("not ok", format!(" # TODO {}", report.level)),
                    Verdict::Fail | Verdict::Error => ("not ok", String::new()),
                };
                let mut out = format!(
                    "{ok} {} - {}: {}{directive}\n",
                    self.number,
                    escaped(&report.id),
                    escaped(&report.title)
                );
                let problems = report.steps.iter().filter_map(|s| s.problem.as_ref());
                for found in problems {
                    out.push_str("  ---\n  message: |\n");
                    for line in problem(texts, Paint { on: false }, found, 200).lines() {
                        out.push_str(&format!("    {line}\n"));
                    }
                    out.push_str("  ...\n");
                }
                out
            }
        }
    }
}

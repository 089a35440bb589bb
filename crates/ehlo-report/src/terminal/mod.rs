//! The report for a person: what matters first, details on demand.

mod account;
mod certificates;
mod details;
mod dialogue;
mod findings;
mod summary;

pub(crate) use dialogue::dialogue_lines;
pub(crate) use summary::verdict_sentence;

use crate::format::{Format, FormatOptions, Rendered};
use ehlo_core::RunReport;

/// Text on a terminal, and the same without colours in a pipe.
pub(crate) struct Terminal;

impl Format for Terminal {
    fn name(&self) -> &'static str {
        "human"
    }

    fn render(&self, report: &RunReport, options: &FormatOptions) -> Rendered {
        let view = View { report, options: *options };
        if options.quiet {
            return view.verdict();
        }
        let mut sections = vec![view.summary()];
        if options.verbosity > 0 {
            sections.extend(report.facts.services.iter().map(|s| view.details(s)));
        }
        sections.push(view.findings());
        sections.push(view.certificates());
        sections.push(view.accounts());
        if options.verbosity > 1 {
            sections.extend(report.transcripts.iter().map(|t| view.dialogue(t)));
        }
        if report.policy != "rfc" {
            let said = options.texts.say("policy", &[("policy", &report.policy)]);
            sections.push(crate::layout::block("", &said, 0, options.columns));
        }
        sections.push(view.verdict());
        let sections: Vec<String> = sections.into_iter().filter(|s| !s.trim().is_empty()).collect();
        sections.join("\n")
    }
}

/// A report and how it is to look.
pub(super) struct View<'a> {
    report: &'a RunReport,
    options: FormatOptions,
}

use crate::monitor::{self, TimeLimits};
use crate::{Paint, Texts, json, terminal};
use ehlo_core::RunReport;

/// A form in which a report is written.
pub trait Format: Sync {
    /// Its name for `--format`.
    fn name(&self) -> &'static str;
    /// Writes the report.
    fn render(&self, report: &RunReport, options: &FormatOptions) -> Rendered;
}

/// What a report is to look like.
#[derive(Clone, Copy, Debug)]
pub struct FormatOptions {
    /// The language of prose.
    pub texts: Texts,
    /// Colours, or none.
    pub paint: Paint,
    /// Columns to stay within.
    pub columns: usize,
    /// 0 for what matters, 1 for details, 2 for the dialogues.
    pub verbosity: u8,
    /// Only the verdict.
    pub quiet: bool,
    /// How long a service may take, for monitoring.
    pub limits: TimeLimits,
}

/// A report, written.
pub type Rendered = String;

/// All formats.
pub static FORMATS: &[&dyn Format] =
    &[&terminal::Terminal, &json::Json, &monitor::Nagios, &monitor::Prometheus];

//! The report as JSON, with a schema that is published beside the program (`schema/check-v1.json`).

mod v1;

pub use v1::{Document, ReadError, SCHEMA_VERSION, read};

use crate::format::{Format, FormatOptions, Rendered};
use ehlo_core::RunReport;

/// One JSON document.
pub(crate) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, report: &RunReport, options: &FormatOptions) -> Rendered {
        let document = Document::of(report, options.texts);
        // Everything in it can be written: no maps with other keys than strings, no numbers that JSON lacks.
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        text
    }
}

use super::{RunFormat, Tally, problem::problem, reason};
use crate::{FormatOptions, Paint};
use ehlo_core::run::{RunEvent, ScriptReport};
use serde_json::{Value, json};

/// One document, as `schema/run-v1.json` describes it.
pub(super) struct Json {
    options: FormatOptions,
    target: String,
    scripts: Vec<Value>,
    tally: Tally,
}

impl Json {
    pub(super) fn new(options: FormatOptions) -> Json {
        Json { options, target: String::new(), scripts: Vec::new(), tally: Tally::default() }
    }

    fn script(&self, report: &ScriptReport) -> Value {
        let texts = self.options.texts;
        // The facts as they are; the prose beside them.
        let mut value = serde_json::to_value(report).unwrap_or_default();
        value["reason"] = report.reason.as_ref().map_or(Value::Null, |r| reason(texts, r).into());
        for (step, value) in report.steps.iter().zip(value["steps"].as_array_mut().into_iter().flatten()) {
            value["reason"] = step.reason.as_ref().map_or(Value::Null, |r| reason(texts, r).into());
            if let Some(found) = &step.problem {
                value["problem"]["message"] = problem(texts, Paint { on: false }, found, 200).into();
            }
        }
        value
    }
}

impl RunFormat for Json {
    fn on(&mut self, event: &RunEvent) -> String {
        match event {
            RunEvent::Started { target, .. } => self.target.clone_from(target),
            RunEvent::Script(report) => {
                self.tally.count(report);
                let script = self.script(report);
                self.scripts.push(script);
            }
            RunEvent::Finished { took_us } => {
                let t = self.tally;
                let document = json!({
                    "version": 1,
                    "language": self.options.texts.lang.code(),
                    "target": self.target,
                    "took_us": took_us,
                    "summary": {
                        "pass": t.pass, "fail": t.fail, "weak": t.weak, "error": t.error,
                        "xfail": t.xfail, "xpass": t.xpass, "skip": t.skip,
                    },
                    "scripts": std::mem::take(&mut self.scripts),
                });
                let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
                text.push('\n');
                return text;
            }
        }
        String::new()
    }
}

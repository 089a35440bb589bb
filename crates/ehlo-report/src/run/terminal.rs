use super::{RunFormat, Tally, problem::problem, reason};
use crate::FormatOptions;
use crate::layout::{block, pad, width};
use ehlo_core::run::{RunEvent, ScriptReport, StepReport, Verdict};

/// For people.
pub(super) struct Terminal {
    options: FormatOptions,
    tally: Tally,
    must: (usize, usize),
    should: (usize, usize),
    target: String,
    left_out: Vec<(String, usize)>,
}

impl Terminal {
    pub(super) fn new(options: FormatOptions) -> Terminal {
        Terminal {
            options,
            tally: Tally::default(),
            must: (0, 0),
            should: (0, 0),
            target: String::new(),
            left_out: Vec::new(),
        }
    }

    fn word(&self, verdict: Verdict, counts: bool) -> String {
        let word = self.options.texts.ui(&format!("verdict-{}", verdict.id()));
        let padded = pad(&word, 6);
        let paint = self.options.paint;
        match verdict {
            Verdict::Pass => paint.good(&padded),
            Verdict::Skip => paint.dim(&padded),
            Verdict::XFail | Verdict::XPass => paint.warn(&padded),
            Verdict::Fail if !counts => paint.warn(&padded),
            Verdict::Fail | Verdict::Error => paint.bad(&padded),
        }
    }

    fn script(&mut self, report: &ScriptReport) -> String {
        self.tally.count(report);
        for step in report.steps.iter().filter(|s| matches!(s.verdict, Verdict::Pass | Verdict::Fail)) {
            let passed = usize::from(step.verdict == Verdict::Pass);
            let count = match step.level.as_str() {
                "must" => &mut self.must,
                "should" => &mut self.should,
                _ => continue,
            };
            count.0 += passed;
            count.1 += 1;
        }
        let bad = matches!(report.verdict, Verdict::Fail | Verdict::Error | Verdict::XPass);
        let wordy = self.options.verbosity > 0;
        if report.verdict == Verdict::Skip && !wordy {
            let why = report.reason.as_ref().map(|r| reason(self.options.texts, r)).unwrap_or_default();
            match self.left_out.iter_mut().find(|(w, _)| *w == why) {
                Some((_, count)) => *count += 1,
                None => self.left_out.push((why, 1)),
            }
            return String::new();
        }
        if self.options.quiet && !bad {
            return String::new();
        }
        let mut out = String::new();
        let word = self.word(report.verdict, report.counts);
        let time = format!("{} ms", report.took_us.div_ceil(1000));
        let room = self.options.columns.saturating_sub(7 + width(&time) + 1);
        let name = pad(&crop(&report.id, room), room);
        out.push_str(&format!("{word} {name} {}\n", self.options.paint.dim(&time)));
        if wordy || bad {
            out.push_str(&block("", &ehlo_core::escape(report.title.as_bytes()), 7, self.options.columns));
        }
        if let Some(why) = &report.reason
            && (wordy || report.verdict != Verdict::Pass)
        {
            out.push_str(&block("", &reason(self.options.texts, why), 7, self.options.columns));
        }
        for note in &report.notes {
            out.push_str(&block("", note, 7, self.options.columns));
        }
        if report.attempts > 1 {
            let said = self.options.texts.say("run-attempts", &[("n", &report.attempts)]);
            out.push_str(&block("", &said, 7, self.options.columns));
        }
        let named = report.steps.iter().filter(|s| !s.name.is_empty()).count() > 0;
        for step in &report.steps {
            out.push_str(&self.step(report, step, named && (wordy || bad), wordy));
        }
        if bad && !report.references.is_empty() {
            let references = report.references.join("; ");
            out.push_str(&block("", &ehlo_core::escape(references.as_bytes()), 7, self.options.columns));
        }
        if self.options.verbosity > 1 {
            for dialogue in &report.dialogues {
                let lines = crate::terminal::dialogue_lines(&dialogue.transcript, &self.options);
                out.push_str(&lines);
            }
        }
        out
    }

    fn step(&self, report: &ScriptReport, step: &StepReport, named: bool, wordy: bool) -> String {
        let mut out = String::new();
        let shows = step.problem.is_some() || wordy;
        if named && shows {
            let name = match step.name.is_empty() {
                true => self.options.texts.ui("run-beginning"),
                false => ehlo_core::escape(step.name.as_bytes()),
            };
            let level = if step.level == "must" { String::new() } else { format!(" ({})", step.level) };
            out.push_str(&format!("  {} {name}{level}\n", self.word(step.verdict, step.level == "must")));
            if let Some(why) = &step.reason {
                out.push_str(&block("", &reason(self.options.texts, why), 9, self.options.columns));
            }
        }
        if let Some(found) = &step.problem
            && (wordy || (step.verdict != Verdict::XFail && report.verdict != Verdict::XFail))
        {
            out.push_str(&problem(self.options.texts, self.options.paint, found, self.options.columns));
        }
        out
    }

    fn summary(&self, took_us: u64) -> String {
        let texts = self.options.texts;
        let tally = self.tally;
        let mut out = String::new();
        if !self.left_out.is_empty() && !self.options.quiet {
            out.push_str(&format!("{}\n", texts.ui("run-left-out")));
            for (why, count) in &self.left_out {
                out.push_str(&block(&format!("{count:>6}"), why, 7, self.options.columns));
            }
        }
        let mut parts = Vec::new();
        for (name, count) in [
            ("pass", tally.pass),
            ("fail", tally.fail),
            ("weak", tally.weak),
            ("error", tally.error),
            ("xfail", tally.xfail),
            ("xpass", tally.xpass),
            ("skip", tally.skip),
        ] {
            if count > 0 || name == "pass" {
                parts.push(format!("{count} {}", texts.ui(&format!("run-count-{name}"))));
            }
        }
        let seconds = format!("{:.1}", took_us as f64 / 1e6);
        let line = format!(
            "{}: {}. MUST {}/{}, SHOULD {}/{}. {seconds} s",
            self.target,
            parts.join(", "),
            self.must.0,
            self.must.1,
            self.should.0,
            self.should.1
        );
        let paint = self.options.paint;
        let bad = tally.fail + tally.error > 0;
        let lines = block("", &line, 0, self.options.columns);
        out.push_str(&if bad { paint.bad(lines.trim_end()) } else { paint.strong(lines.trim_end()) });
        out.push('\n');
        out
    }
}

fn crop(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept: Vec<char> = text.chars().rev().take(columns.saturating_sub(1)).collect();
    std::iter::once('…').chain(kept.into_iter().rev()).collect()
}

impl RunFormat for Terminal {
    fn on(&mut self, event: &RunEvent) -> String {
        match event {
            RunEvent::Started { target, .. } => {
                self.target.clone_from(target);
                String::new()
            }
            RunEvent::Script(report) => self.script(report),
            RunEvent::Finished { took_us } => self.summary(*took_us),
        }
    }
}

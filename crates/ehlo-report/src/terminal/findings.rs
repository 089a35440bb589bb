use super::View;
use crate::excerpt::{Line, excerpt};
use crate::layout::{block, shorten, wrap};
use crate::sentence::sentences;
use ehlo_core::{Finding, Outcome, Side};

impl View<'_> {
    /// What is wrong or should be better, the worst first; the same thing at several services once.
    pub(super) fn findings(&self) -> String {
        let mut groups: Vec<(&Finding, Vec<&Finding>)> = Vec::new();
        let shown = |f: &&Finding| {
            View::is_complaint(&f.outcome)
                || matches!(&f.outcome, Outcome::Inconclusive(why) if *why == ehlo_core::Why::Vantage)
        };
        for finding in self.report.findings.iter().filter(shown) {
            let same = |(first, _): &&mut (&Finding, Vec<&Finding>)| {
                first.check == finding.check
                    && first.message == finding.message
                    && first.outcome == finding.outcome
                    && first.severity == finding.severity
                    && first.params.get("would-be") == finding.params.get("would-be")
            };
            match groups.iter_mut().find(same) {
                Some((_, group)) => group.push(finding),
                None => groups.push((finding, vec![finding])),
            }
        }
        groups.sort_by_key(|(first, _)| {
            let rank = match first.outcome {
                Outcome::Fail => 0,
                Outcome::Warn => 1,
                _ => 2,
            };
            (rank, std::cmp::Reverse(first.severity))
        });
        groups.iter().map(|(first, group)| self.finding(first, group)).collect::<Vec<_>>().join("\n")
    }

    fn finding(&self, first: &Finding, group: &[&Finding]) -> String {
        let (texts, paint, columns) = (self.options.texts, self.options.paint, self.options.columns);
        let sentences = sentences(texts, first);
        let services: Vec<&str> = group.iter().map(|f| f.service.as_str()).collect();
        let severity = texts.ui(&format!("severity-{}", first.severity.id()));
        let head = format!("{} · {severity} · {}", first.check, services.join(", "));
        let mut out = String::new();
        for (index, line) in wrap(&head, columns.saturating_sub(3)).iter().enumerate() {
            let mark = if index == 0 { self.sign(&first.outcome) } else { " ".into() };
            let line = if index == 0 {
                match line.split_once(" · ") {
                    Some((id, rest)) => format!("{} · {rest}", paint.strong(id)),
                    None => paint.strong(line),
                }
            } else {
                line.clone()
            };
            out.push_str(&format!(" {mark} {line}\n"));
        }
        out.push_str(&block("", &sentences.message, 3, columns));
        if let Some(was) = first.params.get("policy-was") {
            let value = |name: &str| first.params.get(name).cloned().unwrap_or_default();
            let was = texts.ui(&format!("severity-{was}"));
            let places: [(&str, &dyn std::fmt::Display); 3] =
                [("policy", &value("policy")), ("was", &was), ("source", &value("policy-source"))];
            out.push_str(&block("", &texts.say("weighed-by", &places), 3, columns));
        }
        if View::is_complaint(&first.outcome) {
            for line in excerpt(texts, self.report, first, 3) {
                out.push_str(&self.quoted(&line, 3));
            }
        }
        for cause in &first.causes {
            out.push_str(&self.cause(cause, sentences.advice.is_none()));
        }
        if let Some(advice) = &sentences.advice {
            out.push_str(&block("   →", advice, 5, columns));
        }
        if self.options.verbosity > 0 {
            out.push_str(&block("", &sentences.explanation, 3, columns));
            if !first.references.is_empty() {
                out.push_str(&block("", &first.references.join(", "), 3, columns));
            }
        }
        out
    }

    /// What the catalogue of failures says about a finding: what is going on; with -v also why, how to make sure, and
    /// what to do (which is told anyway if the check itself gives no advice).
    pub(super) fn cause(&self, id: &str, with_fix: bool) -> String {
        let (texts, columns) = (self.options.texts, self.options.columns);
        let part = |name: &str| texts.find(&format!("failure/{id}{name}")).unwrap_or_default();
        let mut out = block("", &texts.say("cause", &[("id", &id), ("text", &part(""))]), 3, columns);
        if self.options.verbosity > 0 {
            for name in ["causes", "confirm"] {
                let text = texts.say(&format!("cause-{name}"), &[("text", &part(&format!("/{name}")))]);
                out.push_str(&block("", &text, 5, columns));
            }
        }
        if with_fix || self.options.verbosity > 0 {
            out.push_str(&block("   →", part("/fix"), 5, columns));
        }
        out
    }

    /// A line of the dialogue, quoted.
    pub(super) fn quoted(&self, line: &Line, indent: usize) -> String {
        let lead = match line.side {
            Some(Side::Client) => "C: ",
            Some(Side::Server) => "S: ",
            None => "",
        };
        let room = self.options.columns.saturating_sub(indent + 2);
        let text = shorten(&format!("{lead}{}", line.text), room);
        format!("{}{} {}\n", " ".repeat(indent), self.options.paint.dim("│"), self.options.paint.code(&text))
    }

    pub(super) fn sign(&self, outcome: &Outcome) -> String {
        let paint = self.options.paint;
        match outcome {
            Outcome::Pass => paint.good("✔"),
            Outcome::Warn => paint.warn("!"),
            Outcome::Fail => paint.bad("✘"),
            Outcome::Info => paint.dim("i"),
            Outcome::Skipped(_) | Outcome::Inconclusive(_) => paint.warn("?"),
        }
    }
}

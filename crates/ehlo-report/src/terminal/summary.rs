use super::View;
use crate::format::FormatOptions;
use crate::layout::{columns, pad, shorten, width, wrap};
use ehlo_core::facts::{Moment, ServiceFacts};
use ehlo_core::{Level, LevelReport, Outcome, RunReport, TlsMode};

impl View<'_> {
    /// A line for each service: level, encryption, logins.
    pub(super) fn summary(&self) -> String {
        let texts = self.options.texts;
        let paint = self.options.paint;
        let services: Vec<&ServiceFacts> =
            self.report.facts.services.iter().filter(|s| !s.is_absent()).collect();
        let head: Vec<String> = ["service", "level", "encryption", "logins"]
            .map(|column| texts.ui(&format!("column-{column}")))
            .to_vec();
        let mut rows = vec![head];
        rows.extend(services.iter().map(|s| {
            vec![self.name(s), self.level_word(self.report.level(&s.url)), self.encryption(s), self.logins(s)]
        }));
        let mut widths = columns(&rows);
        // The last column takes what is left.
        let room = self.options.columns.saturating_sub(3 + widths[..3].iter().map(|w| w + 2).sum::<usize>());
        widths[3] = widths[3].min(room.max(7));
        let mut out = String::new();
        if services.is_empty() {
            rows.clear();
        }
        for (index, row) in rows.iter().enumerate() {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(c, cell)| {
                    let cell = if c == 3 { fewer_words(cell, widths[3]) } else { shorten(cell, widths[c]) };
                    pad(&cell, widths[c])
                })
                .collect();
            if index == 0 {
                out.push_str(&paint.dim(format!("   {}", cells.join("  ")).trim_end()));
            } else {
                let level = self.report.level(&services[index - 1].url);
                let line = format!(
                    " {} {}  {}  {}  {}",
                    self.mark(level),
                    cells[0],
                    self.level_paint(level, &cells[1]),
                    cells[2],
                    cells[3]
                );
                out.push_str(line.trim_end());
            }
            out.push('\n');
        }
        let absent: Vec<String> =
            self.report.facts.services.iter().filter(|s| s.is_absent()).map(|s| self.name(s)).collect();
        if !absent.is_empty() {
            let text = texts.say("not-there", &[("services", &absent.join(", "))]);
            for line in wrap(&text, self.options.columns.saturating_sub(3)) {
                out.push_str(&paint.dim(&format!("   {line}")));
                out.push('\n');
            }
        }
        out
    }

    /// How many connections were made, and how many might have been: those for TLS, which are counted as handshakes, and the
    /// others. Nothing if nobody has counted.
    fn connections(&self) -> Vec<String> {
        let services = &self.report.facts.services;
        let counted = || services.iter().filter(|s| !s.is_absent() && s.most_connections.is_some());
        if counted().next().is_none() {
            return Vec::new();
        }
        let made: u32 = counted().map(ServiceFacts::made_connections).sum();
        let most: u32 = counted().filter_map(|s| s.most_connections).sum();
        let probes = || counted().filter_map(|s| s.tls_probe.as_ref());
        let handshakes: u32 = probes().map(|probe| probe.handshakes).sum();
        let budget: u32 = probes().map(|probe| probe.budget).sum();
        let places: [(&str, &dyn std::fmt::Display); 4] =
            [("made", &made), ("most", &most), ("handshakes", &handshakes), ("budget", &budget)];
        let key = if budget > 0 { "connections" } else { "connections-alone" };
        let text = self.options.texts.say(key, &places);
        wrap(&text, self.options.columns).iter().map(|line| self.options.paint.dim(line)).collect()
    }

    /// The last lines: how many services are how good, and on what that rests.
    pub(super) fn verdict(&self) -> String {
        let texts = self.options.texts;
        let levels: Vec<&LevelReport> = self.report.levels.iter().map(|(_, level)| level).collect();
        let text = verdict_sentence(self.report, &self.options);
        if levels.is_empty() {
            return format!("{text}\n");
        }
        let mut open: Vec<String> = levels.iter().flat_map(|l| l.unproven.clone()).collect();
        open.sort();
        open.dedup();
        let mut lines = wrap(&text, self.options.columns);
        if !open.is_empty() {
            let text = texts.say("verdict-open", &[("checks", &open.join(", "))]);
            lines.extend(wrap(&text, self.options.columns));
        }
        if !self.options.quiet {
            lines.extend(self.connections());
        }
        if !self.options.quiet && self.options.verbosity == 0 {
            lines.extend(
                wrap(&texts.ui("verdict-more"), self.options.columns)
                    .iter()
                    .map(|l| self.options.paint.dim(l)),
            );
        }
        let worst = levels.iter().map(|l| l.level).max().unwrap_or(Level::Sound);
        let first = lines.first().cloned().unwrap_or_default();
        let painted = match worst {
            Level::Sound => self.options.paint.good(&first),
            Level::Dated => self.options.paint.warn(&first),
            Level::Exposed | Level::Broken => self.options.paint.bad(&first),
        };
        let rest: String = lines.iter().skip(1).map(|l| format!("{l}\n")).collect();
        format!("{painted}\n{rest}")
    }

    /// The name of a service: scheme and port within a host, else the URL.
    pub(super) fn name(&self, service: &ServiceFacts) -> String {
        service.url.clone()
    }

    pub(super) fn level_word(&self, level: Option<&LevelReport>) -> String {
        let Some(report) = level else { return String::new() };
        let mark = if report.is_doubtful() { "?" } else { "" };
        format!("{}{mark}", self.options.texts.get(&format!("level/{}", report.level.id())))
    }

    pub(super) fn level_paint(&self, level: Option<&LevelReport>, text: &str) -> String {
        let paint = self.options.paint;
        match level {
            Some(report) if report.is_doubtful() => paint.warn(text),
            Some(LevelReport { level: Level::Sound, .. }) => paint.good(text),
            Some(LevelReport { level: Level::Dated, .. }) => paint.warn(text),
            Some(_) => paint.bad(text),
            None => text.to_owned(),
        }
    }

    fn mark(&self, level: Option<&LevelReport>) -> String {
        let sign = match level {
            Some(report) if report.is_doubtful() => "?",
            Some(LevelReport { level: Level::Sound, .. }) => "✔",
            Some(LevelReport { level: Level::Dated, .. }) => "!",
            _ => "✘",
        };
        debug_assert_eq!(width(sign), 1);
        self.level_paint(level, sign)
    }

    fn encryption(&self, service: &ServiceFacts) -> String {
        let texts = self.options.texts;
        let Some(main) = service.main() else { return texts.ui("dash") };
        let version = main.tls.as_ref().map(|t| t.version.replace("TLSv", "TLS "));
        match (version, service.endpoint.scheme.tls_mode()) {
            (Some(version), TlsMode::Implicit) => version,
            (Some(version), TlsMode::StartTls) => format!("STARTTLS, {version}"),
            (None, _) if main.greeting.is_none() => texts.ui("dash"),
            (None, _) => texts.ui("none"),
        }
    }

    fn logins(&self, service: &ServiceFacts) -> String {
        let texts = self.options.texts;
        let Some(main) = service.main() else { return texts.ui("dash") };
        let protocol = service.endpoint.scheme.protocol();
        let list = main.capabilities_at(Moment::Tls).or_else(|| main.capabilities_at(Moment::Plain));
        let Some(list) = list else { return texts.ui("dash") };
        let mut names: Vec<String> = list.mechanisms(protocol).into_iter().map(|(name, _)| name).collect();
        if list.has("USER") && protocol == ehlo_core::Protocol::Pop3 {
            names.insert(0, "USER".into());
        }
        if names.is_empty() { texts.ui("none") } else { names.join(" ") }
    }

    /// Whether a finding is one that everybody should see.
    pub(super) fn is_complaint(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Fail | Outcome::Warn)
    }
}

/// How many services are how good.
pub(crate) fn verdict_sentence(report: &RunReport, options: &FormatOptions) -> String {
    let texts = options.texts;
    let view = View { report, options: *options };
    let levels: Vec<&LevelReport> = report.levels.iter().map(|(_, level)| level).collect();
    if levels.is_empty() {
        return texts.ui("verdict-nothing");
    }
    let mut parts = Vec::new();
    for level in [Level::Broken, Level::Exposed, Level::Dated, Level::Sound] {
        for doubtful in [false, true] {
            let count = levels.iter().filter(|l| l.level == level && l.is_doubtful() == doubtful).count();
            if count > 0 {
                let mark = if doubtful { "?" } else { "" };
                let word = texts.get(&format!("level/{}", level.id()));
                parts.push(
                    texts.say("verdict-part", &[("count", &count), ("level", &format!("{word}{mark}"))]),
                );
            }
        }
    }
    let checks: u32 = levels.iter().map(|l| l.proven).sum();
    let of = levels.len();
    let key = if of == 1 { "verdict-one" } else { "verdict" };
    let parts = if of == 1 { view.level_word(levels.first().copied()) } else { parts.join(", ") };
    texts.say(key, &[("parts", &parts), ("of", &of), ("checks", &checks)])
}

/// As many words as fit, and how many there are besides.
fn fewer_words(text: &str, room: usize) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    for shown in (1..=words.len()).rev() {
        let rest = words.len() - shown;
        let more = if rest > 0 { format!(" +{rest}") } else { String::new() };
        let line = format!("{}{more}", words[..shown].join(" "));
        if width(&line) <= room {
            return line;
        }
    }
    shorten(text, room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_do_not_fit_are_counted() {
        assert_eq!(fewer_words("PLAIN LOGIN CRAM-MD5", 20), "PLAIN LOGIN CRAM-MD5");
        assert_eq!(fewer_words("PLAIN LOGIN CRAM-MD5 NTLM", 20), "PLAIN LOGIN +2");
        assert_eq!(fewer_words("PLAINLOGINCRAM", 5), "PLAI…");
    }
}

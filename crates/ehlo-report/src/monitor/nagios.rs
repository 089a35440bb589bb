use super::State;
use ehlo_core::escape;

/// What a plugin prints: a line with the state and the figures, then details, a line each.
///
/// Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios".
#[derive(Clone, Debug)]
pub struct Plugin {
    /// How things stand.
    pub state: State,
    /// Why, in a sentence.
    pub summary: String,
    /// Figures.
    pub measures: Vec<Performance>,
    /// More lines, for who looks closer.
    pub details: Vec<String>,
}

/// A figure that a monitoring system keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// What it is.
    pub label: String,
    /// Its value.
    pub value: f64,
    /// `s`, `B`, `c`, `%`, or nothing for plain numbers.
    pub unit: &'static str,
    /// Above it there is a warning.
    pub warn: Option<f64>,
    /// Above it things are critical.
    pub critical: Option<f64>,
}

impl Plugin {
    /// A plugin that could not find out how things stand.
    pub fn unknown(why: &str) -> Plugin {
        Plugin { state: State::Unknown, summary: why.to_owned(), measures: Vec::new(), details: Vec::new() }
    }

    /// The text. A `|` begins the figures, and a line end the details, so neither may stand in a sentence.
    pub fn render(&self) -> String {
        let mut out = format!("EHLO {} - {}", self.state.word(), one_line(&self.summary));
        if !self.measures.is_empty() {
            let measures: Vec<String> = self.measures.iter().map(Performance::render).collect();
            out.push_str(&format!(" | {}", measures.join(" ")));
        }
        out.push('\n');
        for detail in &self.details {
            out.push_str(&one_line(detail));
            out.push('\n');
        }
        out
    }
}

impl Performance {
    /// `'label'=value[UOM];[warn];[crit];[min];[max]`
    fn render(&self) -> String {
        // "label can contain any characters except the equals sign or single quote (')"
        let label: String = escape(self.label.as_bytes())
            .chars()
            .map(|c| if matches!(c, '\'' | '=' | '|') { '_' } else { c })
            .collect();
        let limit = |limit: Option<f64>| limit.map(number).unwrap_or_default();
        format!(
            "'{label}'={}{};{};{};0",
            number(self.value),
            self.unit,
            limit(self.warn),
            limit(self.critical)
        )
    }
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    escape(lines.join(" ").as_bytes()).replace('|', "¦")
}

/// At most six decimals, none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_plugin() {
        let plugin = Plugin {
            state: State::Warning,
            summary: "slow | very\nslow".to_owned(),
            measures: vec![Performance {
                label: "it's time=".to_owned(),
                value: 1.25,
                unit: "s",
                warn: Some(1.0),
                critical: None,
            }],
            details: vec!["the\u{1b}[31m server".to_owned()],
        };
        assert_eq!(
            plugin.render(),
            "EHLO WARNING - slow ¦ very slow | 'it_s time_'=1.25s;1;;0\nthe\\x1b[31m server\n"
        );
        assert_eq!(Plugin::unknown("no target").render(), "EHLO UNKNOWN - no target\n");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(100.0), "100");
    }
}

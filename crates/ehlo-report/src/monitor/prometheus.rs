/// Metrics in the text form that Prometheus and the textfile collector of its node exporter read, version 0.0.4.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    gauges: Vec<Gauge>,
}

/// A metric that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge {
    name: &'static str,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Gauge {
    /// A gauge without samples. `name` is in the form of Prometheus, `help` a clause in English.
    pub fn new(name: &'static str, help: &'static str) -> Gauge {
        Gauge { name, help, samples: Vec::new() }
    }

    /// Adds a value.
    pub fn add(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.samples.push((labels, value));
    }

    /// Adds whether something is so, as 1 or 0.
    pub fn add_truth(&mut self, labels: &[(&'static str, &str)], value: bool) {
        self.add(labels, if value { 1.0 } else { 0.0 });
    }
}

impl Exposition {
    /// Adds a gauge; one without samples is left out.
    pub fn push(&mut self, gauge: Gauge) {
        if !gauge.samples.is_empty() {
            self.gauges.push(gauge);
        }
    }

    /// The text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for gauge in &self.gauges {
            out.push_str(&format!("# HELP {} {}\n# TYPE {} gauge\n", gauge.name, gauge.help, gauge.name));
            for (labels, value) in &gauge.samples {
                let labels: Vec<String> =
                    labels.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
                let labels =
                    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                out.push_str(&format!("{}{labels} {value}\n", gauge.name));
            }
        }
        out
    }
}

/// "backslash (\), double-quote ("), and line feed (\n) characters have to be escaped"; what is no text never gets
/// here raw.
fn quoted(value: &str) -> String {
    ehlo_core::escape(value.as_bytes()).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_with_labels() {
        let mut gauge = Gauge::new("probe_success", "Whether all is well");
        gauge.add_truth(&[("target", "imap://\"odd\"\n")], true);
        gauge.add(&[], 0.25);
        let mut exposition = Exposition::default();
        exposition.push(gauge);
        exposition.push(Gauge::new("empty", "Nothing"));
        assert_eq!(
            exposition.render(),
            "# HELP probe_success Whether all is well\n# TYPE probe_success gauge\n\
             probe_success{target=\"imap://\\\"odd\\\"\\\\x0a\"} 1\nprobe_success 0.25\n"
        );
    }
}

//! A run of checks for monitoring.

use super::{Exposition, Gauge, Performance, Plugin, State, TimeLimits};
use crate::format::{Format, FormatOptions, Rendered};
use crate::sentence::{failure, sentences};
use crate::terminal::verdict_sentence;
use ehlo_core::facts::{LoginResult, ServiceFacts};
use ehlo_core::{Finding, Outcome, RunReport, Severity};
use std::time::Duration;

const DAY: f64 = 86_400.0;

/// The output of a Nagios plugin.
pub(crate) struct Nagios;

/// Metrics for Prometheus.
pub(crate) struct Prometheus;

/// A reason for not being well, the gravest first.
struct Trouble {
    state: State,
    text: String,
}

/// How a run of checks stands: a `fail` is critical and a `warn` a warning, if it is not of low severity, whatever
/// `--fail-on` says; so is what takes longer than its limit. Refusals and timeouts are critical, as the guidelines for plugins want.
pub fn state(report: &RunReport, options: &FormatOptions) -> State {
    troubles(report, options).iter().map(|t| t.state).max().unwrap_or(State::Ok)
}

impl Format for Nagios {
    fn name(&self) -> &'static str {
        "nagios"
    }

    fn render(&self, report: &RunReport, options: &FormatOptions) -> Rendered {
        let texts = options.texts;
        let troubles = troubles(report, options);
        let summary = match troubles.split_first() {
            None => verdict_sentence(report, options),
            Some((first, [])) => first.text.clone(),
            Some((first, rest)) => {
                texts.say("monitor-more", &[("first", &first.text), ("count", &rest.len())])
            }
        };
        let plugin = Plugin {
            state: troubles.iter().map(|t| t.state).max().unwrap_or(State::Ok),
            summary,
            measures: measures(report, options.limits),
            details: troubles.iter().map(|t| format!("{}: {}", t.state.word(), t.text)).collect(),
        };
        plugin.render()
    }
}

fn troubles(report: &RunReport, options: &FormatOptions) -> Vec<Trouble> {
    let texts = options.texts;
    let mut found = Vec::new();
    for service in report.facts.services.iter().filter(|s| !s.is_absent()) {
        let before = found.len();
        // A login is told below, in a sentence of its own.
        let findings = report.findings_of(&service.url).filter(|f| f.check != "auth-login");
        let complaints = findings.filter_map(|f| Some((gravity(f)?, f)));
        for (state, finding) in complaints {
            let message = sentences(texts, finding).message;
            found.push(Trouble { state, text: format!("{} {}: {message}", service.url, finding.check) });
        }
        if let Some(why) = service.failure.as_ref().filter(|_| !service.is_reachable()) {
            // Some failures are findings already.
            if found.len() == before {
                let text = format!("{}: {}", service.url, failure(texts, why));
                found.push(Trouble { state: State::Critical, text });
            }
        }
        let login = service.main().and_then(|c| c.login.as_ref());
        if let Some(login) = login.filter(|l| l.result != LoginResult::Accepted) {
            let text = crate::sentence::login(texts, login);
            found.push(Trouble { state: State::Critical, text: format!("{}: {text}", service.url) });
        }
        let took = took(report, service).unwrap_or_default();
        if let (state, Some(limit)) = options.limits.judge(took) {
            let text = texts.say(
                "monitor-slow",
                &[("service", &service.url), ("took", &seconds(took)), ("limit", &limit.as_secs_f64())],
            );
            found.push(Trouble { state, text });
        }
    }
    if report.facts.services.iter().all(ServiceFacts::is_absent) {
        found.push(Trouble { state: State::Critical, text: texts.ui("verdict-nothing") });
    }
    // Stable: what is equally grave stays in the order of the services.
    found.sort_by_key(|t| std::cmp::Reverse(t.state));
    found
}

/// What is of low severity leaves a service sound, and wakes nobody.
fn gravity(finding: &Finding) -> Option<State> {
    match finding.outcome {
        Outcome::Fail => Some(State::Critical),
        Outcome::Warn if finding.severity >= Severity::Medium => Some(State::Warning),
        _ => None,
    }
}

/// How long the dialogue with a service took, from the connection to the end.
fn took(report: &RunReport, service: &ServiceFacts) -> Option<Duration> {
    let transcript = report.transcript(service.main()?.transcript)?;
    let (first, last) = (transcript.entries.first()?, transcript.entries.last()?);
    Some(last.tick.since(first.tick))
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// When the first of the certificates that a service shows ends, in seconds since 1970.
fn certificate_end(service: &ServiceFacts) -> Option<i64> {
    service.main()?.tls.as_ref()?.chain.iter().map(|c| c.not_after).min()
}

fn measures(report: &RunReport, limits: TimeLimits) -> Vec<Performance> {
    let limit = |limit: Option<Duration>| limit.map(|l| l.as_secs_f64());
    let mut measures = Vec::new();
    for service in report.facts.services.iter().filter(|s| s.is_reachable()) {
        if let Some(took) = took(report, service) {
            measures.push(Performance {
                label: format!("{} time", service.url),
                value: took.as_secs_f64(),
                unit: "s",
                warn: limit(limits.warn),
                critical: limit(limits.critical),
            });
        }
        if let Some(end) = certificate_end(service) {
            let days = ((end - report.facts.now) as f64 / DAY).trunc();
            measures.push(Performance {
                label: format!("{} certificate days", service.url),
                value: days,
                unit: "",
                warn: None,
                critical: None,
            });
        }
    }
    measures
}

impl Format for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn render(&self, report: &RunReport, _: &FormatOptions) -> Rendered {
        let mut success = Gauge::new("probe_success", "Whether the service was reached and no check failed");
        let mut duration =
            Gauge::new("probe_duration_seconds", "How long the dialogue with the service took");
        let mut phase = Gauge::new("ehlo_phase_seconds", "How long a part of the dialogue took");
        let mut expiry = Gauge::new(
            "probe_ssl_earliest_cert_expiry",
            "When the first of the certificates shown ends, in seconds since 1970",
        );
        let mut version = Gauge::new("probe_tls_version_info", "The version and suite of TLS in use");
        let mut level = Gauge::new("ehlo_level", "1 for the level of the service");
        let mut findings = Gauge::new("ehlo_findings", "How many checks came to this outcome");
        let mut failed = Gauge::new("ehlo_finding", "1 for each check that failed or warns");
        let mut login = Gauge::new("ehlo_login_success", "Whether the login was accepted");
        for service in report.facts.services.iter().filter(|s| !s.is_absent()) {
            let target: (&str, &str) = ("target", &service.url);
            let of: Vec<&Finding> = report.findings_of(&service.url).collect();
            let bad = of.iter().any(|f| f.outcome == Outcome::Fail);
            success.add_truth(&[target], service.is_reachable() && !bad);
            if let Some(took) = took(report, service) {
                duration.add(&[target], took.as_secs_f64());
            }
            if let Some(end) = certificate_end(service) {
                expiry.add(&[target], end as f64);
            }
            for (name, micros) in phases(service) {
                phase.add(&[target, ("phase", name)], micros as f64 / 1e6);
            }
            if let Some(tls) = service.main().and_then(|c| c.tls.as_ref()) {
                version.add(&[target, ("version", &tls.version), ("cipher", &tls.suite)], 1.0);
            }
            if let Some(report) = report.level(&service.url) {
                level.add(&[target, ("level", report.level.id())], 1.0);
            }
            for outcome in ["pass", "warn", "fail", "inconclusive"] {
                let count = of.iter().filter(|f| f.outcome.id() == outcome).count();
                findings.add(&[target, ("outcome", outcome)], count as f64);
            }
            for finding in of.iter().filter(|f| matches!(f.outcome, Outcome::Fail | Outcome::Warn)) {
                let labels = [
                    target,
                    ("check", finding.check.as_str()),
                    ("outcome", finding.outcome.id()),
                    ("severity", finding.severity.id()),
                ];
                failed.add(&labels, 1.0);
            }
            if let Some(tried) = service.main().and_then(|c| c.login.as_ref()) {
                let labels = [target, ("mechanism", tried.mechanism.as_str())];
                login.add_truth(&labels, tried.result == LoginResult::Accepted);
            }
        }
        let mut exposition = Exposition::default();
        for gauge in [success, duration, phase, expiry, version, level, findings, failed, login] {
            exposition.push(gauge);
        }
        exposition.render()
    }
}

/// The parts of the main dialogue, in microseconds.
fn phases(service: &ServiceFacts) -> Vec<(&'static str, u64)> {
    let connect = service.addresses.iter().find_map(|a| a.connect_us);
    let main = service.main();
    [
        ("connect", connect),
        ("greeting", main.and_then(|c| c.greeting.as_ref()).map(|g| g.last_byte_us)),
        ("tls", main.and_then(|c| c.tls.as_ref()).map(|t| t.took_us)),
        ("login", main.and_then(|c| c.login.as_ref()).map(|l| l.took_us)),
    ]
    .into_iter()
    .filter_map(|(name, micros)| Some((name, micros?)))
    .collect()
}

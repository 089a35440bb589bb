//! Logins for monitoring.

use super::View;
use super::table::{self, counts, safe};
use ehlo_core::auth::{AuthAttempt, AuthReport, AuthResult, AuthService};
use ehlo_report::failure_text;
use ehlo_report::monitor::{Exposition, Gauge, Performance, Plugin, State, TimeLimits};
use std::time::Duration;

/// The output of a Nagios plugin: what was tried and refused, or cannot be reached, is critical; a server that lets
/// nobody in for now is to be looked at.
pub(super) fn plugin(report: &AuthReport, limits: TimeLimits, view: View) -> Plugin {
    let texts = view.texts;
    let mut troubles: Vec<(State, String)> = Vec::new();
    for service in &report.services {
        if let Some(why) = service.failure.as_ref().filter(|_| service.explicit) {
            let text = format!("{}: {}", service.url, failure_text(texts, why));
            troubles.push((State::Critical, text));
        }
        for attempt in service.attempts.iter().filter(|a| a.is_tried()) {
            if let Some(state) = gravity(&attempt.result) {
                let reply = attempt.reply.as_deref().map(|r| format!(": {}", safe(r))).unwrap_or_default();
                let result = texts.get(&format!("auth/result/{}", attempt.result.id()));
                troubles.push((state, format!("{} {}: {result}{reply}", service.url, safe(&attempt.way))));
            }
            let took = Duration::from_micros(attempt.took_us);
            if let (state, Some(limit)) = limits.judge(took) {
                let name = format!("{} {}", service.url, safe(&attempt.way));
                let took = (took.as_secs_f64() * 1000.0).round() / 1000.0;
                let places: [(&str, &dyn std::fmt::Display); 3] =
                    [("service", &name), ("took", &took), ("limit", &limit.as_secs_f64())];
                troubles.push((state, texts.say("monitor-slow", &places)));
            }
        }
        let wrong = service.wrong.as_ref();
        if let Some(wrong) = wrong.filter(|w| matches!(w.result, AuthResult::Accepted | AuthResult::Unproven))
        {
            let places: [(&str, &dyn std::fmt::Display); 2] =
                [("way", &safe(&wrong.way)), ("user", &safe(&report.user))];
            let text = format!("{}: {}", service.url, texts.fill("auth/wrong-accepted", &places));
            troubles.push((State::Critical, text));
        }
    }
    let verdict = table::verdict(report, view);
    let verdict = verdict.lines().last().unwrap_or_default();
    if troubles.is_empty() && tried(report).next().is_none() {
        // Nothing was found out.
        let state = if report.services.iter().any(AuthService::is_reachable) {
            State::Unknown
        } else {
            State::Critical
        };
        troubles.push((state, verdict.to_owned()));
    }
    troubles.sort_by_key(|(state, _)| std::cmp::Reverse(*state));
    let state = troubles.first().map_or(State::Ok, |(state, _)| *state);
    let summary = match troubles.as_slice() {
        [] => verdict.to_owned(),
        [(_, only)] => only.clone(),
        [(_, first), rest @ ..] => texts.say("monitor-more", &[("first", first), ("count", &rest.len())]),
    };
    let seconds = |limit: Option<Duration>| limit.map(|l| l.as_secs_f64());
    let measures = tried(report).map(|(service, attempt)| Performance {
        label: label(service, attempt),
        value: attempt.took_us as f64 / 1e6,
        unit: "s",
        warn: seconds(limits.warn),
        critical: seconds(limits.critical),
    });
    Plugin {
        state,
        summary,
        measures: measures.collect(),
        details: troubles.iter().map(|(state, text)| format!("{}: {text}", state.word())).collect(),
    }
}

fn tried(report: &AuthReport) -> impl Iterator<Item = (&AuthService, &AuthAttempt)> {
    let of = |service| std::iter::repeat(service);
    report.services.iter().flat_map(move |s| of(s).zip(s.attempts.iter().filter(|a| a.is_tried())))
}

fn gravity(result: &AuthResult) -> Option<State> {
    match result {
        AuthResult::Unavailable => Some(State::Warning),
        result => counts(result).then_some(State::Critical),
    }
}

fn label(service: &AuthService, attempt: &AuthAttempt) -> String {
    format!(
        "{} {}{}",
        service.url,
        safe(&attempt.way),
        if attempt.initial_response == Some(false) { " without initial response" } else { "" }
    )
}

/// Metrics for Prometheus.
pub(super) fn exposition(report: &AuthReport) -> Exposition {
    let mut success = Gauge::new("ehlo_login_success", "Whether the login was accepted");
    let mut duration =
        Gauge::new("ehlo_login_seconds", "From the first command of the login to the last answer");
    let mut offered = Gauge::new("ehlo_login_offered", "1 for each way to log in that is offered inside TLS");
    let mut reached = Gauge::new("probe_success", "Whether the service was reached, and accepted all logins");
    for service in &report.services {
        let target: (&str, &str) = ("target", &service.url);
        let own: Vec<&AuthAttempt> = service.attempts.iter().filter(|a| a.is_tried()).collect();
        if service.explicit || service.is_reachable() {
            let well = own.iter().all(|a| a.result == AuthResult::Accepted);
            reached.add_truth(&[target], service.is_reachable() && service.failure.is_none() && well);
        }
        for way in service.inside_tls.iter().flat_map(|offer| &offer.ways) {
            offered.add(&[target, ("mechanism", way)], 1.0);
        }
        for attempt in own {
            let initial = match attempt.initial_response {
                Some(true) => "with",
                Some(false) => "without",
                None => "",
            };
            let labels = [target, ("mechanism", attempt.way.as_str()), ("initial_response", initial)];
            success.add_truth(&labels, attempt.result == AuthResult::Accepted);
            duration.add(&labels, attempt.took_us as f64 / 1e6);
        }
    }
    let mut exposition = Exposition::default();
    for gauge in [reached, success, duration, offered] {
        exposition.push(gauge);
    }
    exposition
}

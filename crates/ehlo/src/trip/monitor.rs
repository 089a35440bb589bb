//! Trips for monitoring.

use super::times::Spread;
use super::{View, human, told};
use ehlo_action::trip::TripReport;
use ehlo_core::Protocol;
use ehlo_core::trip::TripVerdict;
use ehlo_report::failure_text;
use ehlo_report::monitor::{Exposition, Gauge, Performance, Plugin, State, TimeLimits};
use std::time::Duration;

/// The output of a Nagios plugin: mail that does not arrive is critical; mail that is put off, comes twice, altered or as
/// unwanted mail, or takes longer than it may, is to be looked at.
pub(super) fn plugin(report: &TripReport, protocol: Protocol, limits: TimeLimits, view: View) -> Plugin {
    let texts = view.texts;
    let mut troubles: Vec<(State, String)> = Vec::new();
    if let Some(trouble) = &report.trouble {
        let why = told(trouble, report, protocol, texts).what;
        let key = if report.trips.is_empty() { "trip/not-opened" } else { "trip/not-watched" };
        troubles.push((State::Critical, texts.fill(key, &[("why", &why)])));
    }
    let state_of = |id: &str| match id {
        "deferred" | "unknown" | "junk" | "duplicate" | "damaged" => State::Warning,
        _ => State::Critical,
    };
    let wrong: Vec<(State, usize)> =
        human::counts(report).iter().filter(|(_, n)| *n > 0).map(|(id, n)| (state_of(id), *n)).collect();
    if let Some(state) = wrong.iter().map(|(state, _)| *state).max() {
        troubles.push((state, format!("{}{}", human::verdict(report, view), reason(report, view))));
    }
    let slowest = report.trips.iter().filter_map(|trip| trip.took_us).max().map(Duration::from_micros);
    if let Some(slowest) = slowest
        && let (state, Some(limit)) = limits.judge(slowest)
    {
        let took = (slowest.as_secs_f64() * 1000.0).round() / 1000.0;
        let places: [(&str, &dyn std::fmt::Display); 2] = [("took", &took), ("limit", &limit.as_secs_f64())];
        troubles.push((state, texts.fill("trip/slow", &places)));
    }
    troubles.sort_by_key(|(state, _)| std::cmp::Reverse(*state));
    let state = troubles.first().map_or(State::Ok, |(state, _)| *state);
    let summary = match troubles.as_slice() {
        [] => human::verdict(report, view),
        [(_, only)] => only.clone(),
        [(_, first), rest @ ..] => texts.say("monitor-more", &[("first", first), ("count", &rest.len())]),
    };
    Plugin {
        state,
        summary,
        measures: measures(report, limits),
        details: troubles.iter().map(|(state, text)| format!("{}: {text}", state.word())).collect(),
    }
}

/// Why the first that is wrong is so.
fn reason(report: &TripReport, view: View) -> String {
    let texts = view.texts;
    let Some(trip) = report.trips.iter().find(|trip| !trip.is_sound()) else { return String::new() };
    let why = match (&trip.failure, &trip.problem, &trip.answer) {
        (Some(failure), ..) => failure_text(texts, failure),
        (None, Some(problem), _) => texts.with(&format!("send/problem/{}", problem.id), &problem.params),
        (None, None, Some(answer))
            if matches!(trip.verdict, TripVerdict::Deferred | TripVerdict::Refused) =>
        {
            answer.text.clone()
        }
        _ => return String::new(),
    };
    format!(": {why}")
}

fn measures(report: &TripReport, limits: TimeLimits) -> Vec<Performance> {
    let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64());
    let plain = |label: &str, value: f64, unit: &'static str| Performance {
        label: label.to_owned(),
        value,
        unit,
        warn: None,
        critical: None,
    };
    let took = Spread::new(report.trips.iter().filter_map(|trip| trip.took_us));
    let accepted = Spread::new(report.trips.iter().filter_map(|trip| trip.accepted_us));
    let mut found = Vec::new();
    if let Some(us) = took.at(1000) {
        found.push(Performance {
            warn: seconds(limits.warn),
            critical: seconds(limits.critical),
            ..plain("trip", us as f64 / 1e6, "s")
        });
    }
    if report.trips.len() > 1 {
        for (label, permille) in [("median", 500), ("p95", 950)] {
            found.extend(took.at(permille).map(|us| plain(label, us as f64 / 1e6, "s")));
        }
    }
    found.extend(accepted.at(1000).map(|us| plain("accepted", us as f64 / 1e6, "s")));
    let arrived = report.trips.iter().filter(|trip| trip.verdict == TripVerdict::Arrived).count();
    found.push(plain("arrived", arrived as f64, ""));
    found.push(plain("sent", report.trips.len() as f64, ""));
    found
}

/// Metrics for Prometheus.
pub(super) fn exposition(report: &TripReport) -> Exposition {
    let way: [(&'static str, &str); 2] = [("from", &report.from_url), ("to", &report.to_url)];
    let mut success = Gauge::new(
        "probe_success",
        "Whether every message arrived once, where it should, and as it was sent",
    );
    success.add_truth(&way, report.is_good());
    let mut messages = Gauge::new("ehlo_trip_messages", "How many messages came to this end");
    let arrived = report.trips.iter().filter(|trip| trip.verdict == TripVerdict::Arrived).count();
    let counted = std::iter::once(("arrived", arrived)).chain(human::counts(report));
    for (id, count) in counted {
        messages.add(&[way[0], way[1], ("result", id)], count as f64);
    }
    let mut took =
        Gauge::new("ehlo_trip_seconds", "From the first connection until a message was seen in the mailbox");
    let mut arrival =
        Gauge::new("ehlo_trip_arrival_seconds", "From the answer that took a message until it was seen");
    for (gauge, times) in [
        (&mut took, Spread::new(report.trips.iter().filter_map(|trip| trip.took_us))),
        (&mut arrival, Spread::new(report.trips.iter().filter_map(|trip| trip.arrival_us))),
    ] {
        for (name, permille) in [("0.5", 500), ("0.95", 950), ("1", 1000)] {
            if let Some(us) = times.at(permille) {
                gauge.add(&[way[0], way[1], ("quantile", name)], us as f64 / 1e6);
            }
        }
    }
    let mut stage =
        Gauge::new("ehlo_trip_stage_seconds", "How long a part of giving the first message in took");
    for part in report.trips.iter().take(1).flat_map(|trip| &trip.stages) {
        stage.add(&[way[0], way[1], ("stage", &part.stage)], part.took_us as f64 / 1e6);
    }
    let mut exposition = Exposition::default();
    for gauge in [success, messages, took, arrival, stage] {
        exposition.push(gauge);
    }
    exposition
}

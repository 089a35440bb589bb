//! What came of each way to log in, for people.

use super::explained::{Explained, of_attempt, sentence, why_id};
use super::{View, steps};
use crate::explain::show;
use ehlo_core::auth::{AuthAttempt, AuthOffer, AuthReport, AuthResult, AuthService, NotTried};
use ehlo_core::{Protocol, escape, is_escaped};
use ehlo_report::{failure_text, pad, shorten, width, wrapped};
use ehlo_wire::sasl::mechanism;
use std::fmt::Write as _;

/// The widest name of a mechanism that is shown whole; registered names have at most twenty characters (RFC 4422 §3.1).
const WIDEST: usize = 24;

/// The whole report.
pub(super) fn human(report: &AuthReport, with_steps: bool, view: View) -> String {
    let texts = view.texts;
    let mut out = String::new();
    let (mut not_there, mut no_login) = (Vec::new(), Vec::new());
    for service in &report.services {
        match &service.failure {
            Some(_) if !service.explicit => not_there.push(service.url.as_str()),
            None if !service.explicit && !service.offers_login() => no_login.push(service.url.as_str()),
            _ => {
                of_service(&mut out, report, service, with_steps, view);
                out.push('\n');
            }
        }
    }
    for (key, services) in [("no-login", no_login), ("not-there", not_there)] {
        if !services.is_empty() {
            let text = texts.fill(&format!("auth/{key}"), &[("services", &services.join(", "))]);
            for line in wrapped(&text, 0, view.columns).lines() {
                let _ = writeln!(out, "{}", view.paint.dim(line));
            }
        }
    }
    out.push_str(&verdict(report, view));
    if !with_steps && report.services.iter().flat_map(|s| &s.attempts).any(AuthAttempt::is_tried) {
        let _ = writeln!(out, "{}", view.paint.dim(&texts.get("auth/more")));
    }
    out
}

/// One line, and a warning if not everything was tried.
pub(super) fn verdict(report: &AuthReport, view: View) -> String {
    let texts = view.texts;
    let attempts = report.services.iter().flat_map(|s| s.attempts.iter().chain(&s.wrong));
    let failed = attempts.filter(|a| counts(&a.result)).count();
    let tried: Vec<&AuthAttempt> =
        report.services.iter().flat_map(|s| &s.attempts).filter(|a| a.is_tried()).collect();
    let mut parts: Vec<(&str, usize)> = Vec::new();
    for attempt in &tried {
        let id = attempt.result.id();
        match parts.iter_mut().find(|(known, _)| *known == id) {
            Some((_, count)) => *count += 1,
            None => parts.push((id, 1)),
        }
    }
    let mut out = String::new();
    if report.stopped {
        // A wrong password that is refused is no trouble.
        let by_wrong = tried.iter().all(|a| !counts(&a.result));
        let key = if by_wrong { "auth/stopped-wrong" } else { "auth/stopped" };
        let text = wrapped(&texts.fill(key, &[("count", &failed)]), 3, view.columns);
        let _ = write!(out, " {} {}", view.paint.warn("!"), text.trim_start());
    }
    let user = safe(&report.user);
    let text = if tried.is_empty() {
        texts.fill("auth/nothing", &[("user", &user)])
    } else {
        let named =
            |(id, count): &(&str, usize)| format!("{count} {}", texts.get(&format!("auth/result/{id}")));
        let parts = parts.iter().map(named).collect::<Vec<_>>().join(", ");
        texts.fill("auth/summary", &[("count", &tried.len()), ("user", &user), ("parts", &parts)])
    };
    out.push_str(&wrapped(&text, 0, view.columns));
    out
}

/// Whether a server may have taken it for a failed login.
pub(super) fn counts(result: &AuthResult) -> bool {
    matches!(
        result,
        AuthResult::Refused | AuthResult::GivenUp | AuthResult::Unproven | AuthResult::Broken { .. }
    )
}

fn of_service(out: &mut String, report: &AuthReport, service: &AuthService, with_steps: bool, view: View) {
    let (texts, paint) = (view.texts, view.paint);
    let _ = writeln!(out, "{}", paint.strong(&service.url));
    // Where every way has its row, the lists say nothing more.
    let has_row = |way: &String| service.attempts.iter().any(|a| a.way == *way);
    for (key, offer) in [("before", &service.before_tls), ("inside", &service.inside_tls)] {
        if let Some(offer) = offer.as_ref().filter(|o| o.ways.is_empty() || !o.ways.iter().all(has_row)) {
            let ways = if offer.ways.is_empty() { texts.get("auth/word/none") } else { listed(offer) };
            let text = texts.fill(&format!("auth/{key}"), &[("ways", &ways)]);
            for line in wrapped(&text, 3, view.columns).lines() {
                let _ = writeln!(out, "{}", paint.dim(line));
            }
        }
    }
    if let Some(failure) = &service.failure {
        let text = wrapped(&sentence(&failure_text(texts, failure)), 3, view.columns);
        let _ = write!(out, " {} {}", paint.bad("✘"), text.trim_start());
        if let Some(advice) = texts.find(&format!("cause/{}/advice", failure.cause.id())) {
            next_step(out, advice, view);
        }
        return;
    }
    rows(out, service, view);
    clear(out, service, view);
    if let Some(wrong) = &service.wrong {
        of_wrong(out, report, wrong, view);
    }
    explanations(out, service, view);
    if with_steps {
        for attempt in service.attempts.iter().chain(&service.wrong).filter(|a| a.is_tried()) {
            out.push('\n');
            out.push_str(&steps::human(report, service, attempt, view));
        }
    }
}

fn listed(offer: &AuthOffer) -> String {
    offer.ways.iter().map(|way| safe(way)).collect::<Vec<_>>().join(", ")
}

fn rows(out: &mut String, service: &AuthService, view: View) {
    let (texts, paint) = (view.texts, view.paint);
    if service.attempts.is_empty() {
        return;
    }
    let word = |id: &str| texts.get(&format!("auth/word/{id}"));
    let dash = texts.ui("dash");
    let offered = |offered: Option<bool>| match offered {
        Some(true) => word("yes"),
        Some(false) => word("no"),
        None => dash.clone(),
    };
    let initial = |initial: Option<bool>| match initial {
        Some(true) => word("with"),
        Some(false) => word("without"),
        None => dash.clone(),
    };
    let heading = |id: &str| texts.get(&format!("auth/column/{id}"));
    let mut table = vec![["way", "initial", "before", "inside"].map(heading)];
    for attempt in &service.attempts {
        table.push([
            name(attempt),
            initial(attempt.initial_response),
            offered(attempt.offered_before_tls),
            offered(attempt.offered_inside_tls),
        ]);
    }
    let widths: Vec<usize> =
        (0..4).map(|c| table.iter().map(|row| width(&row[c])).max().unwrap_or(0)).collect();
    let lead = |row: &[String; 4]| {
        row.iter().zip(&widths).map(|(cell, &wide)| pad(cell, wide)).collect::<Vec<_>>().join("  ")
    };
    let at = 3 + widths.iter().sum::<usize>() + 8;
    let first = format!("   {}  {}", lead(&table[0]), heading("result"));
    let _ = writeln!(out, "{}", paint.dim(&first));
    for (attempt, row) in service.attempts.iter().zip(&table[1..]) {
        let mark = match &attempt.result {
            AuthResult::Accepted => paint.good("✔"),
            AuthResult::NotTried { .. } => paint.dim("–"),
            AuthResult::Unavailable => paint.warn("!"),
            _ => paint.bad("✘"),
        };
        let result = wrapped(&result(attempt, view), at, view.columns.max(at + 20));
        let _ = write!(out, " {mark} {}  {}", lead(row), result.trim_start());
    }
}

/// A name that a server may have chosen.
fn name(attempt: &AuthAttempt) -> String {
    shorten(&safe(&attempt.way), WIDEST)
}

fn result(attempt: &AuthAttempt, view: View) -> String {
    let texts = view.texts;
    match &attempt.result {
        AuthResult::NotTried { why: NotTried::Unknown } => texts.get("auth/result/unknown"),
        AuthResult::NotTried { why } => {
            let why = texts.get(&format!("auth/why/{}", why_id(why)));
            format!("{}: {why}", texts.get("auth/result/not-tried"))
        }
        other => {
            let result = texts.get(&format!("auth/result/{}", other.id()));
            match attempt.took_us {
                0 => result,
                took => format!("{result}, {}", time(took, view)),
            }
        }
    }
}

fn time(micros: u64, view: View) -> String {
    let ms = micros.div_ceil(1000);
    match ms {
        0..1000 => format!("{ms} ms"),
        _ => view.texts.say("seconds", &[("count", &format!("{:.1}", ms as f64 / 1000.0))]),
    }
}

/// A server that takes what is as good as the password without TLS.
fn clear(out: &mut String, service: &AuthService, view: View) {
    let Some(offer) = &service.before_tls else { return };
    let gives_away = |way: &&String| match mechanism(way) {
        Some(mechanism) => mechanism.meta().password_equivalent,
        None => matches!((way.as_str(), service.protocol), ("USER", Protocol::Pop3) | ("LOGIN command", _)),
    };
    let ways: Vec<&str> = offer.ways.iter().filter(gives_away).map(String::as_str).collect();
    if !ways.is_empty() {
        let text = view.texts.fill("auth/clear", &[("ways", &ways.join(", "))]);
        let text = wrapped(&text, 3, view.columns);
        let _ = write!(out, " {} {}", view.paint.warn("!"), text.trim_start());
    }
}

fn of_wrong(out: &mut String, report: &AuthReport, wrong: &AuthAttempt, view: View) {
    let (texts, paint) = (view.texts, view.paint);
    let way = name(wrong);
    let (mark, text) = match &wrong.result {
        // Whoever knows the password could prove it; this one lets in without.
        AuthResult::Accepted | AuthResult::Unproven => {
            let user = safe(&report.user);
            (paint.bad("✘"), texts.fill("auth/wrong-accepted", &[("way", &way), ("user", &user)]))
        }
        AuthResult::Refused => (paint.good("✔"), texts.fill("auth/wrong-refused", &[("way", &way)])),
        _ => {
            let result = result(wrong, view);
            (paint.warn("!"), texts.fill("auth/wrong-other", &[("way", &way), ("result", &result)]))
        }
    };
    let text = wrapped(&text, 3, view.columns);
    let _ = write!(out, " {mark} {}", text.trim_start());
}

/// What is to be said about attempts that were not accepted, once for all that came out alike.
fn explanations(out: &mut String, service: &AuthService, view: View) {
    let mut groups: Vec<(Vec<String>, Explained)> = Vec::new();
    for attempt in &service.attempts {
        let Some(explained) = of_attempt(service, attempt, view.texts) else { continue };
        let name = name(attempt);
        match groups.iter_mut().find(|(_, known)| *known == explained) {
            Some((names, _)) if names.contains(&name) => {}
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], explained)),
        }
    }
    for (names, explained) in &groups {
        out.push('\n');
        let lead = format!("{}{}", names.join(", "), if explained.said.is_empty() { "" } else { ":" });
        let text = format!("{lead} {}", explained.said);
        for line in wrapped(&text, 2, view.columns).lines() {
            let _ = writeln!(out, "{}", view.paint.strong(line));
        }
        let mut meant = explained.meaning.clone().unwrap_or_default();
        if let Some(cause) = &explained.cause {
            let _ = write!(meant, " {} {cause}", view.texts.ui("explain-likely"));
        }
        if !meant.is_empty() {
            out.push_str(&wrapped(&meant, 4, view.columns));
        }
        for known in &explained.known {
            show::in_full(out, known, view.paint, view.texts);
        }
        if let Some(next) = &explained.next {
            next_step(out, next, view);
        }
    }
}

fn next_step(out: &mut String, next: &str, view: View) {
    let text = wrapped(next, 6, view.columns);
    let _ = write!(out, "    → {}", text.trim_start());
}

/// Words of a server.
pub(super) fn safe(text: &str) -> String {
    if is_escaped(text) { text.to_owned() } else { escape(text.as_bytes()) }
}

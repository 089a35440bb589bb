//! What became of it, for people.

use super::{View, dialogue};
use crate::explain::show::in_full;
use ehlo_core::facts::{LoginResult, TlsFacts};
use ehlo_core::send::{SendAnswer, SendPoint, SendReport, SendTransaction, SendVerdict};
use ehlo_core::{Failure, escape};
use ehlo_knowledge::explain::{Explanation, Kind, Symptom, explain};
use ehlo_report::{failure_text, wrapped};
use std::fmt::Write as _;

/// More explanations of one answer than this are no help.
const MOST: usize = 2;
/// More transactions are not shown one by one, if nothing is wrong with them.
const FEW: usize = 5;

/// The text for people.
pub(super) fn human(report: &SendReport, view: View) -> String {
    let mut out = String::new();
    if !view.quiet {
        out.push_str(&head(report, view));
        remarks(&mut out, report, view);
        for transcript in report.transcripts.iter().filter(|_| view.verbosity > 0) {
            out.push('\n');
            out.push_str(&dialogue::human(transcript, view.verbosity > 1, view));
        }
        let mut explained: Vec<String> = Vec::new();
        for (index, done) in report.transactions.iter().enumerate() {
            let good = done.recipients.iter().all(|r| r.verdict == SendVerdict::Accepted);
            if good && index >= FEW {
                continue;
            }
            transaction(&mut out, done, report, &mut explained, view);
        }
        if !out.is_empty() {
            out.push('\n');
        }
    }
    verdict(&mut out, report, view);
    out
}

fn head(report: &SendReport, view: View) -> String {
    let View { texts, paint, columns, .. } = view;
    let url = escape(report.url.as_bytes());
    let first = match &report.address {
        Some(address) => texts.fill("send/head", &[("url", &url), ("address", address)]),
        None => texts.fill("send/head-unreached", &[("url", &url)]),
    };
    let mut out = format!("{}\n", paint.strong(&first));
    let mut words = Vec::new();
    match &report.tls {
        Some(tls) => {
            let trust = if tls.is_verified() { "send/trusted" } else { "send/untrusted" };
            let places: [(&str, &dyn std::fmt::Display); 2] =
                [("version", &tls.version), ("trust", &texts.get(trust))];
            words.push(texts.fill("send/with-tls", &places));
        }
        None if report.totals.greeted > 0 => words.push(texts.get("send/without-tls")),
        None => {}
    }
    if let Some(login) = report.login.as_ref().filter(|l| l.result == LoginResult::Accepted) {
        let places: [(&str, &dyn std::fmt::Display); 2] =
            [("user", &escape(login.user.as_bytes())), ("mechanism", &login.mechanism)];
        words.push(texts.fill("send/logged-in", &places));
    }
    if !words.is_empty() {
        out.push_str(&wrapped(&words.join(", "), 2, columns));
    }
    out
}

fn remarks(out: &mut String, report: &SendReport, view: View) {
    let View { texts, paint, columns, .. } = view;
    let mut told: Vec<String> =
        report.remarks.iter().map(|r| texts.with(&format!("send/remark/{}", r.id), &r.params)).collect();
    if report.tls.as_ref().is_some_and(|tls| !TlsFacts::is_verified(tls)) && report.totals.accepted > 0 {
        told.push(texts.get("send/remark/untrusted"));
    }
    for text in told {
        for line in wrapped(&text, 4, columns).lines().enumerate() {
            let (index, line) = line;
            let line = if index == 0 { format!("  · {}", line.trim_start()) } else { line.to_owned() };
            let _ = writeln!(out, "{}", paint.warn(&line));
        }
    }
}

fn transaction(
    out: &mut String,
    done: &SendTransaction,
    report: &SendReport,
    explained: &mut Vec<String>,
    view: View,
) {
    let View { texts, paint, columns, .. } = view;
    out.push('\n');
    let key = if done.message_id.is_some() { "send/message" } else { "send/message-raw" };
    let id = done.message_id.clone().unwrap_or_default();
    let places: [(&str, &dyn std::fmt::Display); 3] =
        [("number", &done.message), ("octets", &done.octets), ("id", &id)];
    out.push_str(&wrapped(&texts.fill(key, &places), 0, columns));
    if let Some(problem) = &done.problem {
        out.push_str(&wrapped(
            &texts.with(&format!("send/problem/{}", problem.id), &problem.params),
            2,
            columns,
        ));
    }
    for recipient in &done.recipients {
        let word = texts.get(&format!("send/verdict/{}", recipient.verdict.id()));
        let mark = match recipient.verdict {
            SendVerdict::Accepted => paint.good(&format!("✔ {word}")),
            SendVerdict::Stopped => paint.dim(&format!("· {word}")),
            SendVerdict::Refused => paint.bad(&format!("✘ {word}")),
            _ => paint.warn(&format!("! {word}")),
        };
        let _ = writeln!(out, "  {mark}  {}", escape(recipient.address.as_bytes()));
        let Some(answer) = &recipient.answer else { continue };
        out.push_str(&wrapped(&answer.text, 6, columns));
        if matches!(recipient.verdict, SendVerdict::Refused | SendVerdict::Deferred) {
            if answer.to == "MAIL" {
                out.push_str(&wrapped(&texts.get("send/sender-refused"), 6, columns));
            }
            // What was explained once is not explained again.
            let known = format!("{} {:?} {:?}", answer.to, answer.code, answer.enhanced);
            if !explained.contains(&known) {
                explained.push(known);
                for explanation in known_about(report, answer) {
                    in_full(out, &explanation, paint, texts);
                }
            }
        }
    }
    if let Some(id) = &done.queue_id {
        out.push_str(&wrapped(&texts.fill("send/queued", &[("id", &escape(id.as_bytes()))]), 2, columns));
    }
    if let Some(failure) = &done.failure {
        out.push_str(&wrapped(
            &texts.fill("send/broken-off", &[("cause", &failure_text(texts, failure))]),
            2,
            columns,
        ));
        let unknown = done.recipients.iter().any(|r| r.verdict == SendVerdict::Unknown);
        match (unknown, done.end_sent) {
            (true, true) => out.push_str(&wrapped(&texts.get("send/lost-after-end"), 2, columns)),
            (true, false) => out.push_str(&wrapped(&texts.get("send/lost-before-end"), 2, columns)),
            _ => advice(out, failure, view),
        }
    }
}

/// What is known about an answer.
pub(crate) fn known_about(report: &SendReport, answer: &SendAnswer) -> Vec<Explanation> {
    let code = answer.code.map(|code| code.to_string());
    let symptom = Symptom {
        protocol: Some(report.protocol.id()),
        stage: Some(&answer.to),
        code: code.as_deref(),
        enhanced: answer.enhanced.as_deref(),
        ..Symptom::of(&answer.text)
    };
    let mut known = explain(&symptom);
    known.retain(|e| e.kind != Kind::Unknown);
    known.truncate(MOST);
    known
}

fn advice(out: &mut String, failure: &Failure, view: View) {
    let key = format!("cause/{}/advice", failure.cause.id());
    if let Some(advice) = view.texts.find(&key) {
        let text = wrapped(advice, 6, view.columns);
        let _ = write!(out, "    → {}", text.trim_start());
    }
}

fn verdict(out: &mut String, report: &SendReport, view: View) {
    let View { texts, paint, columns, .. } = view;
    let totals = &report.totals;
    if let Some(failure) = &report.failure {
        let cause = failure_text(texts, failure);
        let key = if report.transactions.is_empty() { "send/nothing" } else { "send/broken-off" };
        for line in wrapped(&texts.fill(key, &[("cause", &cause)]), 0, columns).lines() {
            let _ = writeln!(out, "{}", paint.bad(line));
        }
        if let Some(login) = report.login.as_ref().filter(|l| l.result != LoginResult::Accepted)
            && let Some(reply) = &login.reply
        {
            out.push_str(&wrapped(&texts.fill("send/login-refused", &[("reply", reply)]), 2, columns));
            let stage = Some("auth");
            let mut known =
                explain(&Symptom { protocol: Some(report.protocol.id()), stage, ..Symptom::of(reply) });
            known.retain(|e| e.kind != Kind::Unknown);
            for explanation in known.iter().take(MOST).filter(|_| !view.quiet) {
                in_full(out, explanation, paint, texts);
            }
        } else if !view.quiet {
            advice(out, failure, view);
        }
        if totals.accepted == 0 {
            return;
        }
    }
    if let Some(stop) = &report.stopped {
        let point = if stop.point == SendPoint::End { "." } else { stop.point.id() };
        let key = if report.is_good() { "send/stopped" } else { "send/stopped-refused" };
        out.push_str(&wrapped(&texts.fill(key, &[("point", &point)]), 0, columns));
        if report.is_good() {
            return;
        }
    }
    let all = totals.accepted + totals.deferred + totals.refused + totals.unsent + totals.unknown;
    let line = if all == totals.accepted {
        paint.good(wrapped(&texts.fill("send/accepted-all", &[("count", &all)]), 0, columns).trim_end())
    } else {
        let counts = [
            ("send/count-deferred", totals.deferred),
            ("send/count-refused", totals.refused),
            ("send/count-unsent", totals.unsent),
            ("send/count-unknown", totals.unknown),
        ];
        let rest: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(key, count)| texts.fill(key, &[("count", count)]))
            .collect();
        let places: [(&str, &dyn std::fmt::Display); 3] =
            [("accepted", &totals.accepted), ("all", &all), ("rest", &rest.join(", "))];
        paint.bad(wrapped(&texts.fill("send/mixed", &places), 0, columns).trim_end())
    };
    let _ = writeln!(out, "{line}");
    if totals.messages > 1 {
        let seconds = (report.took_us as f64 / 100_000.0).round() / 10.0;
        let time = texts.say("seconds", &[("count", &seconds)]);
        let places: [(&str, &dyn std::fmt::Display); 5] = [
            ("complete", &totals.complete),
            ("messages", &totals.messages),
            ("octets", &totals.octets),
            ("connections", &totals.connections),
            ("time", &time),
        ];
        out.push_str(&wrapped(&texts.fill("send/messages", &places), 0, columns));
    }
}

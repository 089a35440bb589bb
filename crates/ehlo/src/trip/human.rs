//! What became of the messages, for people.

use super::times::{Spread, shown};
use super::{View, changes, told};
use crate::explain::show::in_full;
use crate::send::show::known_about;
use crate::send::{View as SendView, dialogue};
use ehlo_action::trip::TripReport;
use ehlo_core::send::SendReport;
use ehlo_core::trip::{Trip, TripCopy, TripVerdict};
use ehlo_core::{Protocol, escape};
use ehlo_report::{failure_text, pad, width, wrapped};
use std::fmt::{Display, Write as _};

/// More messages are not shown one by one, if nothing is wrong with them.
const FEW: usize = 5;
/// More messages with which something is wrong are counted only.
const MANY: usize = 20;
/// More explanations of one answer than this are no help.
const MOST_EXPLAINED: usize = 2;

/// The text for people.
pub(super) fn human(report: &TripReport, protocol: Protocol, view: View) -> String {
    let View { texts, columns, .. } = view;
    let mut out = String::new();
    if !view.quiet {
        out.push_str(&head(report, view));
        let mut told_bad = 0;
        for (index, trip) in report.trips.iter().enumerate() {
            let full = report.trips.len() == 1 || view.verbosity > 0;
            let bad = !trip.is_sound();
            told_bad += usize::from(bad);
            if !full && (index >= FEW && !bad || told_bad > MANY) {
                continue;
            }
            message(&mut out, trip, report, full, view);
        }
        if report.trips.len() > 1 {
            spread(&mut out, report, view);
        }
        dialogues(&mut out, report, view);
        if !out.is_empty() {
            out.push('\n');
        }
    }
    if let Some(trouble) = &report.trouble {
        let told = told(trouble, report, protocol, texts);
        let key = if report.trips.is_empty() { "trip/not-opened" } else { "trip/not-watched" };
        let text = texts.fill(key, &[("why", &told.what)]);
        for line in wrapped(&text, 0, columns).lines() {
            let _ = writeln!(out, "{}", view.paint.bad(line));
        }
        for (lead, text) in [("", &told.meaning), ("→ ", &told.next)] {
            if let Some(text) = text {
                out.push_str(&wrapped(&format!("{lead}{text}"), 2, columns));
            }
        }
    }
    if !report.trips.is_empty() {
        let line = verdict(report, view);
        let wrapped = wrapped(&line, 0, columns);
        let text = wrapped.trim_end();
        let text = if report.is_good() { view.paint.good(text) } else { view.paint.bad(text) };
        let _ = writeln!(out, "{text}");
    }
    if !view.quiet {
        after(&mut out, report, protocol, view);
    }
    out
}

fn head(report: &TripReport, view: View) -> String {
    let View { texts, paint, columns, .. } = view;
    let places: [(&str, &dyn Display); 2] =
        [("sender", &escape(report.sender.as_bytes())), ("recipient", &escape(report.recipient.as_bytes()))];
    let mut out = format!("{}\n", paint.strong(&texts.fill("trip/head", &places)));
    if let Some(by) = report.watched_by {
        let by = texts.get(&format!("trip/by/{by}"));
        let places: [(&str, &dyn Display); 4] = [
            ("from", &escape(report.from_url.as_bytes())),
            ("to", &escape(report.to_url.as_bytes())),
            ("count", &report.folders),
            ("by", &by),
        ];
        out.push_str(&wrapped(&texts.fill("trip/way", &places), 2, columns));
    }
    out
}

fn message(out: &mut String, trip: &Trip, report: &TripReport, full: bool, view: View) {
    let View { texts, columns, .. } = view;
    if full {
        out.push('\n');
    }
    let places: [(&str, &dyn Display); 4] = [
        ("number", &trip.number),
        ("octets", &trip.octets),
        ("id", &escape(trip.message_id.as_deref().unwrap_or_default().as_bytes())),
        ("token", &trip.token),
    ];
    let key = if trip.message_id.is_some() { "trip/message" } else { "trip/message-unknown" };
    if full {
        out.push_str(&wrapped(&texts.fill(key, &places), 0, columns));
        stages(out, trip, view);
    } else {
        row(out, trip, view);
    }
    trouble(out, trip, report, view);
    if full {
        for (index, copy) in trip.copies.iter().enumerate() {
            // What is the same again is not said again.
            let same = |other: &TripCopy| other.hops == copy.hops && other.changes == copy.changes;
            if trip.copies[..index].iter().any(same) {
                continue;
            }
            out.push('\n');
            changes::way(out, copy, view);
            changes::differences(out, &copy.changes, view);
            changes::results(out, copy, view);
        }
    }
}

/// The stages, each with its time.
fn stages(out: &mut String, trip: &Trip, view: View) {
    let View { texts, paint, .. } = view;
    let accepted = matches!(trip.verdict, TripVerdict::Arrived | TripVerdict::Lost | TripVerdict::Unseen);
    // Mark, name, time, more.
    let mut rows: Vec<(char, String, String, String)> = Vec::new();
    for stage in &trip.stages {
        let mut name = texts.get(&format!("trip/stage/{}", stage.stage));
        let mut mark = '✔';
        let mut more = escape(stage.detail.as_deref().unwrap_or_default().as_bytes());
        if stage.stage == "transaction" {
            if !accepted {
                name = texts.get(&format!("trip/verdict/{}", trip.verdict.id()));
                mark = if trip.verdict == TripVerdict::Refused { '✘' } else { '!' };
            } else if let Some(id) = &trip.queue_id {
                more = texts.fill("trip/queued", &[("id", &escape(id.as_bytes()))]);
            }
        }
        rows.push((mark, name, shown(stage.took_us, texts), more));
    }
    if let Some(copy) = trip.copies.first() {
        let more = texts.fill("trip/in-folder", &[("folder", &copy.folder.text)]);
        let time = trip.arrival_us.map(|us| shown(us, texts)).unwrap_or_default();
        rows.push(('✔', texts.get("trip/stage/arrived"), time, more));
    }
    if matches!(trip.verdict, TripVerdict::Lost | TripVerdict::Unseen) {
        rows.push((
            '✘',
            texts.get(&format!("trip/verdict/{}", trip.verdict.id())),
            String::new(),
            String::new(),
        ));
    }
    let wide = |of: fn(&(char, String, String, String)) -> &String| {
        rows.iter().map(|row| width(of(row))).max().unwrap_or(0)
    };
    let (names, times) = (wide(|row| &row.1), wide(|row| &row.2));
    for (mark, name, time, more) in &rows {
        let text = pad(name, names);
        let text = format!("{mark} {text}");
        let text = match mark {
            '✔' => paint.good(&text),
            '!' => paint.warn(&text),
            _ => paint.bad(&text),
        };
        let time = format!("{}{time}", " ".repeat(times - width(time)));
        let line = format!("  {text}  {time}  {more}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// A message in a line.
fn row(out: &mut String, trip: &Trip, view: View) {
    let View { texts, paint, .. } = view;
    let word = texts.get(&format!("trip/verdict/{}", trip.verdict.id()));
    let time = trip.took_us.map(|us| shown(us, texts)).unwrap_or_default();
    let place =
        trip.copies.first().map(|copy| texts.fill("trip/in-folder", &[("folder", &copy.folder.text)]));
    let mark = match (trip.is_sound(), trip.verdict) {
        (true, _) => paint.good("✔"),
        (false, TripVerdict::Arrived | TripVerdict::Deferred | TripVerdict::Unknown) => paint.warn("!"),
        _ => paint.bad("✘"),
    };
    let line = format!("  {mark} {:>5}  {word}  {time}  {}", trip.number, place.unwrap_or_default());
    let _ = writeln!(out, "{}", line.trim_end());
}

/// What is wrong with it, and what that means.
fn trouble(out: &mut String, trip: &Trip, report: &TripReport, view: View) {
    let View { texts, paint, columns, .. } = view;
    let mut say = |text: &str| {
        for line in wrapped(text, 4, columns).lines() {
            let _ = writeln!(out, "{}", paint.warn(line));
        }
    };
    let time = shown(u64::try_from(view.timeout.as_micros()).unwrap_or(u64::MAX), texts);
    match trip.verdict {
        TripVerdict::Lost => {
            say(&texts.fill("trip/lost", &[("time", &time), ("token", &trip.token)]));
        }
        TripVerdict::Unknown => say(&texts.fill("trip/unknown", &[("time", &time)])),
        TripVerdict::Unseen => say(&texts.get("trip/unseen")),
        TripVerdict::Unsent if trip.problem.is_none() && trip.failure.is_none() => {
            say(&texts.get("trip/unsent"));
        }
        _ => {}
    }
    if let Some(first) = trip.copies.first() {
        let folder = &first.folder.text;
        if first.found_late {
            say(&texts.get("trip/found-late"));
        }
        if first.is_junk() {
            say(&texts.fill("trip/junk", &[("folder", folder)]));
        } else if first.special_use.as_deref() != Some("inbox") && !folder.eq_ignore_ascii_case("INBOX") {
            say(&texts.fill("trip/folder", &[("folder", folder)]));
        }
    }
    if trip.copies.len() > 1 {
        let folders: Vec<&str> = trip.copies.iter().map(|copy| copy.folder.text.as_str()).collect();
        let places: [(&str, &dyn Display); 2] =
            [("count", &trip.copies.len()), ("folders", &folders.join(", "))];
        say(&texts.fill("trip/duplicate", &places));
    }
    if trip.tries > 1 && trip.accepted_us.is_some() {
        let places: [(&str, &dyn Display); 2] =
            [("count", &trip.tries), ("time", &shown(trip.put_off_us, texts))];
        say(&texts.fill("trip/tries", &places));
    }
    if trip.greylisted {
        say(&match (trip.verdict, view.patient) {
            (TripVerdict::Deferred, false) => texts.get("trip/greylisted"),
            (TripVerdict::Deferred, true) => texts.fill("trip/greylisted-in-vain", &[("count", &trip.tries)]),
            _ => texts.get("trip/greylisted-waited"),
        });
    }
    if let Some(problem) = &trip.problem {
        say(&texts.with(&format!("send/problem/{}", problem.id), &problem.params));
    }
    if let Some(failure) = &trip.failure {
        say(&texts.fill("trip/broken-off", &[("cause", &failure_text(texts, failure))]));
        if let Some(advice) = texts.find(&format!("cause/{}/advice", failure.cause.id())) {
            out.push_str(&wrapped(&format!("→ {advice}"), 4, columns));
        }
    }
    if matches!(trip.verdict, TripVerdict::Deferred | TripVerdict::Refused)
        && let Some(answer) = &trip.answer
    {
        out.push_str(&wrapped(&answer.text, 4, columns));
        let about = |sent: &SendReport| known_about(sent, answer);
        // What was explained once is not explained again.
        if trip.number == 1 {
            let known = report.sending.first().map(about).unwrap_or_default();
            for explanation in known.iter().take(MOST_EXPLAINED) {
                in_full(out, explanation, paint, texts);
            }
        }
    }
}

fn spread(out: &mut String, report: &TripReport, view: View) {
    let View { texts, paint, .. } = view;
    let times = Spread::new(report.trips.iter().filter_map(|trip| trip.took_us));
    if times.count() == 0 {
        return;
    }
    out.push('\n');
    let _ = writeln!(out, "  {}", paint.dim(&texts.fill("trip/percentiles", &[("count", &times.count())])));
    let told: Vec<String> = Spread::TOLD
        .iter()
        .filter_map(|(name, permille)| Some(format!("{name} {}", shown(times.at(*permille)?, texts))))
        .collect();
    out.push_str(&wrapped(&told.join(" · "), 4, view.columns));
}

fn dialogues(out: &mut String, report: &TripReport, view: View) {
    if view.verbosity < 2 {
        return;
    }
    let inner = SendView {
        texts: view.texts,
        paint: view.paint,
        columns: view.columns,
        verbosity: view.verbosity,
        quiet: view.quiet,
    };
    let sent = report.sending.iter().flat_map(|sent| &sent.transcripts);
    for transcript in sent.chain(&report.transcripts) {
        let _ = writeln!(out, "\n{}", view.paint.strong(&escape(transcript.label.as_bytes())));
        out.push_str(&dialogue::human(transcript, false, inner));
    }
}

/// All in one line.
pub(super) fn verdict(report: &TripReport, view: View) -> String {
    let texts = view.texts;
    let arrived = report.trips.iter().filter(|trip| trip.verdict == TripVerdict::Arrived).count();
    let counted: Vec<String> = counts(report)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(id, count)| texts.fill(&format!("trip/count/{id}"), &[("count", &count)]))
        .collect();
    let slowest = report.trips.iter().filter_map(|trip| trip.took_us).max();
    let time = shown(slowest.unwrap_or(0), texts);
    match report.trips.as_slice() {
        [only] if only.is_sound() => texts.fill("trip/good-one", &[("time", &time)]),
        [only] if arrived == 1 => {
            let mut what: Vec<String> = Vec::new();
            if let Some(copy) = only.copies.first().filter(|copy| copy.is_junk()) {
                what.push(texts.fill("trip/in-folder", &[("folder", &copy.folder.text)]));
            }
            if only.copies.len() > 1 {
                what.push(texts.fill("trip/times", &[("count", &only.copies.len())]));
            }
            if only.copies.iter().any(|copy| copy.changes.is_damaged()) {
                what.push(texts.get("trip/altered"));
            }
            let key = if slowest.is_some() { "trip/found-one" } else { "trip/found-sometime" };
            texts.fill(key, &[("time", &time), ("what", &what.join(", "))])
        }
        [only] => texts.get(&format!("trip/verdict/{}", only.verdict.id())),
        all if counted.is_empty() => texts.fill("trip/good-many", &[("count", &all.len()), ("time", &time)]),
        all => {
            let places: [(&str, &dyn Display); 3] =
                [("arrived", &arrived), ("count", &all.len()), ("what", &counted.join(", "))];
            texts.fill("trip/mixed", &places)
        }
    }
}

/// How many messages something is wrong with, by what.
pub(super) fn counts(report: &TripReport) -> Vec<(&'static str, usize)> {
    let of = |fits: &dyn Fn(&Trip) -> bool| report.trips.iter().filter(|trip| fits(trip)).count();
    let mut found: Vec<(&'static str, usize)> = TripVerdict::ALL
        .iter()
        .filter(|verdict| **verdict != TripVerdict::Arrived)
        .map(|verdict| (verdict.id(), of(&|trip| trip.verdict == *verdict)))
        .collect();
    found.push(("junk", of(&|trip| trip.copies.iter().any(|copy| copy.is_junk()))));
    found.push(("duplicate", of(&|trip| trip.copies.len() > 1)));
    found.push(("damaged", of(&|trip| trip.copies.iter().any(|copy| copy.changes.is_damaged()))));
    found
}

/// What happened to the test messages.
fn after(out: &mut String, report: &TripReport, protocol: Protocol, view: View) {
    let View { texts, columns, paint, .. } = view;
    if let Some(trouble) = &report.not_removed {
        let why = told(trouble, report, protocol, texts).what;
        let text = wrapped(&texts.fill("trip/not-removed", &[("why", &why)]), 0, columns);
        let _ = writeln!(out, "{}", paint.warn(text.trim_end()));
    } else if report.trips.iter().any(|trip| !trip.copies.is_empty()) {
        let text = match view.keep {
            true => texts.get("trip/kept-mail"),
            false => texts.fill("trip/removed-mail", &[("count", &report.removed)]),
        };
        out.push_str(&wrapped(&text, 0, columns));
    }
}

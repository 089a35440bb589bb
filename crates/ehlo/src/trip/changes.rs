//! What came, for people: the way it took, and how it differs.

use super::View;
use ehlo_core::trip::{Hop, TripChanges, TripCopy};
use ehlo_report::{pad, shorten, width, wrapped};
use std::fmt::{Display, Write as _};

/// A value of a header field that is longer is cut.
const LONGEST: usize = 200;

/// The servers on the way, each with its delay.
pub(super) fn way(out: &mut String, copy: &TripCopy, view: View) {
    let View { texts, paint, columns, .. } = view;
    if copy.hops.is_empty() {
        out.push_str(&wrapped(&texts.get("trip/no-hops"), 2, columns));
        return;
    }
    let _ = writeln!(out, "  {}", paint.dim(&texts.get("trip/hops")));
    let delays: Vec<String> = copy.hops.iter().map(delay).collect();
    let wide = delays.iter().map(|d| width(d)).max().unwrap_or(0);
    for (hop, delay) in copy.hops.iter().zip(&delays) {
        let nobody = texts.get("trip/nobody");
        let name = |name: &Option<String>| short(name.as_deref().unwrap_or(&nobody));
        let places: [(&str, &dyn Display); 2] = [("from", &name(&hop.from)), ("by", &name(&hop.by))];
        let mut line = match hop.from {
            Some(_) => texts.fill("trip/by-server", &places),
            None => name(&hop.by),
        };
        for more in [&hop.with, &hop.id].into_iter().flatten() {
            line.push_str(&format!(" · {}", short(more)));
        }
        let lead = format!("    {}{delay}  ", " ".repeat(wide - width(delay)));
        let text = wrapped(&line, width(&lead), columns);
        let _ = write!(out, "{lead}{}", text.trim_start());
        if let Some(oddity) = hop.oddity {
            let date = short(hop.date.as_deref().unwrap_or_default());
            let text = texts.fill(&format!("trip/oddity/{}", oddity.id()), &[("date", &date)]);
            for line in wrapped(&text, width(&lead), columns).lines() {
                let _ = writeln!(out, "{}", paint.warn(line));
            }
        }
    }
}

fn delay(hop: &Hop) -> String {
    hop.delay_s.map_or_else(|| "?".into(), |seconds| format!("{seconds:+} s"))
}

/// What receivers wrote about the sender.
pub(super) fn results(out: &mut String, copy: &TripCopy, view: View) {
    let View { texts, paint, columns, .. } = view;
    if copy.authentication_results.is_empty() {
        out.push_str(&wrapped(&texts.get("trip/no-auth-results"), 2, columns));
        return;
    }
    let _ = writeln!(out, "  {}", paint.dim(&texts.get("trip/auth-results")));
    for result in &copy.authentication_results {
        out.push_str(&wrapped(result, 4, columns));
    }
}

/// How it differs from what was sent.
pub(super) fn differences(out: &mut String, changes: &TripChanges, view: View) {
    let View { texts, paint, columns, .. } = view;
    let _ = writeln!(out, "  {}", paint.dim(&texts.get("trip/changes")));
    let mut say = |text: &str, bad: bool| {
        for (index, line) in wrapped(text, 6, columns).lines().enumerate() {
            let line = match (index, bad) {
                (0, true) => format!("    ! {}", line.trim_start()),
                (0, false) => format!("    · {}", line.trim_start()),
                _ => line.to_owned(),
            };
            let _ = writeln!(out, "{}", if bad { paint.warn(&line) } else { line });
        }
    };
    if !changes.added.is_empty() {
        say(
            &texts.fill("trip/added", &[("names", &names(changes.added.iter().map(|f| f.name.as_str())))]),
            false,
        );
    }
    for field in &changes.removed {
        let places: [(&str, &dyn Display); 2] = [("name", &field.name), ("value", &short(&field.value))];
        say(&texts.fill("trip/removed", &places), true);
    }
    for field in &changes.changed {
        let places: [(&str, &dyn Display); 3] =
            [("name", &field.name), ("sent", &short(&field.sent)), ("received", &short(&field.received))];
        say(&texts.fill("trip/changed", &places), true);
    }
    if !changes.refolded.is_empty() {
        say(
            &texts.fill("trip/refolded", &[("names", &names(changes.refolded.iter().map(String::as_str)))]),
            false,
        );
    }
    for kind in &changes.body {
        let places: [(&str, &dyn Display); 2] =
            [("sent", &changes.body_sent), ("received", &changes.body_received)];
        say(&texts.fill(&format!("trip/body/{}", kind.id()), &places), kind.is_damage());
    }
    for part in &changes.parts {
        let places: [(&str, &dyn Display); 3] = [
            ("name", &short(&part.name)),
            ("sent", &short(&part.sent)),
            ("received", &short(&part.received)),
        ];
        let bad = !matches!(part.what.as_str(), "encoding" | "charset");
        say(&texts.fill(&format!("trip/part/{}", part.what), &places), bad);
    }
    match &changes.first {
        None => say(&texts.fill("trip/same", &[("octets", &changes.body_sent)]), false),
        Some(first) => {
            let places: [(&str, &dyn Display); 2] = [("line", &first.line), ("offset", &first.offset)];
            say(&texts.fill("trip/first", &places), false);
            let rows = [("trip/first-sent", &first.sent), ("trip/first-received", &first.received)];
            let rows = rows.map(|(key, text)| (texts.get(key), text));
            let wide = rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
            for (label, text) in rows {
                // Blanks count here, so that nothing is wrapped.
                let line = format!("        {}  {text}", pad(&label, wide));
                let _ = writeln!(out, "{}", shorten(&line, columns).trim_end());
            }
        }
    }
}

/// Names, each once, with how often it is there.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut found: Vec<(&str, usize)> = Vec::new();
    for name in names {
        match found.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, count)) => *count += 1,
            None => found.push((name, 1)),
        }
    }
    let told: Vec<String> = found
        .into_iter()
        .map(|(name, count)| if count > 1 { format!("{name} ({count}×)") } else { name.to_owned() })
        .collect();
    told.join(", ")
}

fn short(text: &str) -> String {
    shorten(text, LONGEST)
}

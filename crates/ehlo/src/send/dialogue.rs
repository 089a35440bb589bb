//! The dialogue, for `-v`: the data in lines, and only some of them.

use super::View;
use ehlo_core::{DataSort, EntryKind, Side, Tick, Transcript, escape};
use ehlo_report::happened;

/// So many lines of data are shown at the beginning, and half as many at the end.
const SOME: usize = 20;

/// The lines of a dialogue, each with its time; all of the data if `whole`.
pub(crate) fn human(transcript: &Transcript, whole: bool, view: View) -> String {
    let View { texts, paint, .. } = view;
    let mut out = String::new();
    let start = transcript.entries.first().map_or(Tick(0), |e| e.tick);
    for entry in &transcript.entries {
        let time = paint.dim(&format!("{:>9.3}", entry.tick.since(start).as_secs_f64()));
        let EntryKind::Data { span, sort } = entry.kind else {
            if let Some(text) = happened(texts, &entry.kind) {
                let lead = match entry.kind {
                    EntryKind::Failure { .. } | EntryKind::Deviation { .. } => " !",
                    _ => " ·",
                };
                out.push_str(&format!("{time} {lead} {}\n", paint.dim(&text)));
            }
            continue;
        };
        let bytes = transcript.visible(span);
        let lines: Vec<String> = match sort {
            DataSort::Line => vec![shown(&bytes)],
            _ => bytes.split_inclusive(|b| *b == b'\n').map(shown).collect(),
        };
        let lead = if span.side == Side::Client { "C:" } else { "S:" };
        let paint_line = |line: &str| match span.side {
            Side::Client => paint.strong(line),
            Side::Server => line.to_owned(),
        };
        let cut = if whole { lines.len() } else { SOME.min(lines.len()) };
        let tail = if whole { 0 } else { (SOME / 2).min(lines.len() - cut) };
        for (index, line) in lines[..cut].iter().enumerate() {
            let time = if index == 0 { time.clone() } else { " ".repeat(9) };
            out.push_str(format!("{time} {lead} {}", paint_line(line)).trim_end());
            out.push('\n');
        }
        let between = lines.len() - cut - tail;
        if between > 0 {
            let text = texts.fill("send/more-lines", &[("count", &between)]);
            out.push_str(&format!("{} {lead} {}\n", " ".repeat(9), paint.dim(&text)));
        }
        for line in &lines[lines.len() - tail..] {
            out.push_str(format!("{} {lead} {}", " ".repeat(9), paint_line(line)).trim_end());
            out.push('\n');
        }
        if (bytes.len() as u64) < span.len() {
            let text = texts.fill("send/more-octets", &[("count", &span.len())]);
            out.push_str(&format!("{} {lead} {}\n", " ".repeat(9), paint.dim(&text)));
        }
    }
    out
}

/// A line without its end, unless that is not CR LF.
fn shown(line: &[u8]) -> String {
    escape(line.strip_suffix(b"\r\n").unwrap_or(line))
}

//! Rules that hold for every line of every protocol.

use crate::{Ending, Part, PartKind, Unit};
use ehlo_core::{Deviation, DeviationKind, Side, Span};

/// What is wrong with the lines of `unit` as such: endings, control characters, bytes above 127. Each kind is
/// reported once a line, at its first byte, so that a hostile line cannot flood the report.
pub(crate) fn lint(unit: &Unit, side: Side, longest: usize, utf8_allowed: bool) -> Vec<Deviation> {
    let mut found = Vec::new();
    for part in unit.parts.iter().filter(|p| p.kind == PartKind::Line) {
        lint_line(unit, part, side, longest, utf8_allowed, &mut found);
    }
    found
}

fn lint_line(
    unit: &Unit,
    part: &Part,
    side: Side,
    longest: usize,
    utf8_allowed: bool,
    found: &mut Vec<Deviation>,
) {
    let line = &unit.bytes[part.from..part.to];
    let start = unit.from + part.from as u64;
    let mut report = |kind, at: usize, len: usize| {
        found.push(Deviation::new(kind, Span::new(side, start + at as u64, start + (at + len) as u64)));
    };
    let body = match part.ending {
        Ending::CrLf => &line[..line.len() - 2],
        Ending::Lf => {
            report(DeviationKind::BareLf, line.len() - 1, 1);
            &line[..line.len() - 1]
        }
        Ending::None => {
            report(DeviationKind::UnfinishedLine, 0, line.len());
            line
        }
    };
    if line.len() > longest {
        report(DeviationKind::LineTooLong, 0, line.len());
    }
    let mut first = |kind, wrong: &dyn Fn(u8) -> bool| {
        if let Some(at) = body.iter().position(|&b| wrong(b)) {
            report(kind, at, 1);
        }
    };
    first(DeviationKind::Nul, &|b| b == 0);
    first(DeviationKind::BareCr, &|b| b == b'\r');
    first(DeviationKind::ControlCharacter, &|b| (b < 32 && !matches!(b, 0 | b'\r' | b'\t')) || b == 127);
    if !utf8_allowed || std::str::from_utf8(body).is_err() {
        first(DeviationKind::EightBit, &|b| b > 127);
    }
}

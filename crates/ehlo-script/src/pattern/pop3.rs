use super::tokens::{Captures, Tok, holds_values, match_text, plain_text, words};
use super::{Differs, imap::regex_matches};
use crate::machine::Arrived;
use crate::{Expected, Mode};
use ehlo_core::escape;
use ehlo_wire::pop3::{Response, Status};
use std::ops::Range;

fn is_status(line: &Expected) -> bool {
    let begins = line.payload.beginning();
    match line.mode {
        Mode::Machine | Mode::Exact => begins.starts_with(b"+") || begins.starts_with(b"-ERR"),
        Mode::Regex | Mode::Raw => true,
    }
}

/// Which lines belong to one response: a status line, and data up to the dot if the data is printed.
pub(crate) fn blocks(lines: &[Expected]) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let from = at;
        at += 1;
        if lines.get(at).is_some_and(|next| begins_data(next, &lines[at..])) {
            while at < lines.len() && !is_dot(&lines[at]) {
                at += 1;
            }
            at = (at + 1).min(lines.len());
        }
        out.push(from..at);
    }
    out
}

/// Whether a line behind a status line is data. A regular expression may be either: it is data if the dot that ends
/// data follows before the next status line.
fn begins_data(next: &Expected, rest: &[Expected]) -> bool {
    match next.mode {
        Mode::Regex => {
            rest.iter().find(|l| is_dot(l) || (l.mode != Mode::Regex && is_status(l))).is_some_and(is_dot)
        }
        _ => !is_status(next),
    }
}

fn is_dot(line: &Expected) -> bool {
    line.mode != Mode::Regex && line.payload.plain().as_deref() == Some(".")
}

/// Whether a response is what a block expects. `rest[n]`: whether line n is `...`.
pub(crate) fn matches(
    block: &[(Mode, Vec<Tok>)],
    arrived: &Arrived,
    response: &Response,
) -> Result<Captures, Differs> {
    let Some(((mode, tokens), data)) = block.split_first() else { return Ok(Vec::new()) };
    let mut captures = match mode {
        Mode::Raw => (plain_text(tokens).as_deref() == Some(&arrived.bytes[..]))
            .then(Vec::new)
            .ok_or_else(|| Differs::new("text-differs"))?,
        Mode::Exact => {
            match_text(tokens, &response.line, false).ok_or_else(|| Differs::new("text-differs"))?
        }
        Mode::Regex => {
            let lines: Vec<&[u8]> = std::iter::once(&response.line[..])
                .chain(response.data.iter().map(|d| &d.text[..]))
                .collect();
            regex_matches(tokens, &lines)?.ok_or_else(|| Differs::new("text-differs"))?
        }
        Mode::Machine => status_line(tokens, arrived, response)?,
    };
    if data.is_empty() {
        return Ok(captures);
    }
    // As they stand on the wire: a script prints them so (RFC 1939 §3 doubles a leading dot).
    let body = arrived.bytes.strip_suffix(b"\n").unwrap_or(&arrived.bytes);
    let mut wire: Vec<&[u8]> =
        body.split(|&b| b == b'\n').skip(1).map(|l| l.strip_suffix(b"\r").unwrap_or(l)).collect();
    if wire.last() == Some(&&b"."[..]) {
        wire.pop();
    }
    let ends = data.last().is_some_and(|(_, t)| is(t, b"."));
    let mut expected = data[..data.len() - usize::from(ends)].to_vec();
    if !ends {
        // Printed without its end: it begins so.
        expected.push((Mode::Machine, b"...".iter().map(|b| Tok::Byte(*b)).collect()));
    }
    let expected = &expected[..];
    if arrived.verb == "CAPA" {
        captures.extend(capabilities(expected, &wire)?);
    } else {
        captures.extend(data_lines(expected, &wire)?);
    }
    Ok(captures)
}

fn is(tokens: &[Tok], text: &[u8]) -> bool {
    plain_text(tokens).as_deref() == Some(text)
}

fn status_line(tokens: &[Tok], arrived: &Arrived, response: &Response) -> Result<Captures, Differs> {
    let end = tokens.iter().position(|t| *t == Tok::Byte(b' ')).unwrap_or(tokens.len());
    let wanted = plain_text(&tokens[..end]).unwrap_or_default();
    let word = match response.status {
        Status::Ok => "+OK",
        Status::Err => "-ERR",
        Status::Continue => "+",
        _ => "?",
    };
    if !wanted.split(|&b| b == b'|').any(|w| w.eq_ignore_ascii_case(word.as_bytes())) {
        let got = if word == "?" { escape(&response.line) } else { word.to_owned() };
        return Err(Differs::new("status-differs").with("expected", escape(&wanted)).with("got", got));
    }
    let mut rest = tokens.get(end + 1..).unwrap_or_default();
    if rest.first() == Some(&Tok::Byte(b'[')) {
        let close = rest.iter().position(|t| *t == Tok::Byte(b']')).unwrap_or(rest.len() - 1);
        let inside = &rest[1..close.max(1)];
        let got = response.code.clone().unwrap_or_default();
        let wanted = plain_text(inside);
        let fits = match &wanted {
            Some(codes) => codes.split(|&b| b == b'|').any(|c| c.eq_ignore_ascii_case(got.as_bytes())),
            None => match_text(inside, got.as_bytes(), true).is_some(),
        };
        if !fits {
            return Err(Differs::new("response-code-differs")
                .with("expected", wanted.map_or_else(|| "?".into(), |w| escape(&w)))
                .with("got", if got.is_empty() { "–".into() } else { got })
                .near(1));
        }
        rest = rest.get(close + 1..).unwrap_or_default();
        while rest.first() == Some(&Tok::Byte(b' ')) {
            rest = &rest[1..];
        }
    }
    let numbers = match arrived.verb.as_str() {
        "STAT" => 2,
        "LIST" | "UIDL" if response.data.is_empty() => 2,
        _ => 0,
    };
    let mut captures = Vec::new();
    if numbers > 0 && response.status == Status::Ok {
        let got: Vec<&[u8]> = response.text.split(|&b| b == b' ').filter(|w| !w.is_empty()).collect();
        for (at, word) in words(rest).into_iter().take(numbers).enumerate() {
            // Text for people behind the numbers, or in their place.
            let is_number = plain_text(word).is_none_or(|w| w.iter().all(u8::is_ascii_digit))
                || (arrived.verb == "UIDL" && at == 1);
            if !is_number {
                break;
            }
            let have = got.get(at).copied().unwrap_or_default();
            let kept = match_text(word, have, false).ok_or_else(|| {
                let wanted = plain_text(word).map_or_else(|| "{{…}}".into(), |w| escape(&w));
                Differs::new("number-differs").with("expected", wanted).with("got", escape(have)).near(2)
            })?;
            captures.extend(kept);
        }
    } else if holds_values(rest) {
        // The text of a continuation is its challenge.
        let kept = match_text(rest, &response.text, true);
        captures.extend(kept.ok_or_else(|| Differs::new("text-differs").near(2))?);
    }
    Ok(captures)
}

/// CAPA is a set: what is printed must be there.
fn capabilities(expected: &[(Mode, Vec<Tok>)], lines: &[&[u8]]) -> Result<Captures, Differs> {
    let mut captures = Vec::new();
    for (at, (mode, tokens)) in expected.iter().enumerate() {
        if is(tokens, b"...") {
            continue;
        }
        if *mode == Mode::Regex {
            let kept = regex_matches(tokens, lines)?;
            captures.extend(kept.ok_or_else(|| Differs::new("text-differs").near(1).line(at + 1))?);
            continue;
        }
        let words = words(tokens);
        let Some((first, args)) = words.split_first() else { continue };
        let offered = lines.iter().find_map(|line| {
            let have: Vec<&[u8]> = line.split(|&b| b == b' ').filter(|w| !w.is_empty()).collect();
            let (name, have) = have.split_first()?;
            let mut kept = match_text(first, name, true)?;
            for arg in args {
                kept.extend(have.iter().find_map(|h| match_text(arg, h, true))?);
            }
            Some(kept)
        });
        match offered {
            Some(kept) => captures.extend(kept),
            None => {
                let word = plain_text(tokens).map_or_else(|| "{{…}}".into(), |w| escape(&w));
                let all: Vec<String> = lines.iter().map(|l| escape(l)).collect();
                return Err(Differs::new("keyword-missing")
                    .with("word", word)
                    .with("offered", all.join(", "))
                    .near(1)
                    .line(at + 1));
            }
        }
    }
    Ok(captures)
}

/// Data lines in order; `...` stands for any number of them.
fn data_lines(expected: &[(Mode, Vec<Tok>)], lines: &[&[u8]]) -> Result<Captures, Differs> {
    // As with file names: on a mismatch the last `...` takes one line more.
    let (mut e, mut l) = (0, 0);
    let mut captures: Captures = Vec::new();
    let mut back: Option<(usize, usize, usize)> = None;
    let mut deepest = 0;
    loop {
        if e < expected.len() && is(&expected[e].1, b"...") {
            back = Some((e, l, captures.len()));
            e += 1;
            deepest = deepest.max(e);
            continue;
        }
        let matched =
            if e < expected.len() && l < lines.len() { data_line(&expected[e], lines[l]) } else { None };
        match matched {
            Some(kept) => {
                captures.extend(kept);
                e += 1;
                l += 1;
                deepest = deepest.max(e);
            }
            None if e == expected.len() && l == lines.len() => return Ok(captures),
            None => match back {
                Some((at, from, kept)) if from < lines.len() => {
                    captures.truncate(kept);
                    back = Some((at, from + 1, kept));
                    e = at + 1;
                    l = from + 1;
                }
                _ => {
                    let id = if deepest >= expected.len() { "data-more" } else { "data-differs" };
                    let shown = lines.get(l).map_or_else(|| ".".to_owned(), |d| escape(d));
                    return Err(Differs::new(id)
                        .with("got", shown)
                        .near(3)
                        // What is too much shows at the dot.
                        .line(if deepest >= expected.len() { expected.len() + 1 } else { deepest + 1 }));
                }
            },
        }
    }
}

fn data_line((mode, tokens): &(Mode, Vec<Tok>), line: &[u8]) -> Option<Captures> {
    match mode {
        Mode::Regex => regex_matches(tokens, &[line]).ok().flatten(),
        _ => match_text(tokens, line, false),
    }
}

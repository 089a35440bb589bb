use super::tokens::{Captures, Tok, holds_values, match_text, plain_text, words};
use super::{Differs, match_text as text};
use crate::machine::Arrived;
use crate::{Expected, Mark, Mode};
use ehlo_core::escape;
use ehlo_wire::smtp::{self, Reply};
use std::ops::Range;

/// Which lines belong to one reply: `250-` goes on, everything else ends it.
pub(crate) fn blocks(lines: &[Expected]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = 0;
    for (at, line) in lines.iter().enumerate() {
        let begins = line.payload.beginning();
        let begins =
            if line.mode == Mode::Regex { begins.strip_prefix(b"^").unwrap_or(begins) } else { begins };
        let goes_on = begins.len() > 3
            && begins[3] == b'-'
            && begins[..3].iter().all(|b| b.is_ascii_digit() || *b == b'x')
            && lines.get(at + 1).is_some_and(|next| next.mark == line.mark || next.mark == Mark::Must);
        // `...` stands for further lines of the same reply.
        let more = lines.get(at + 1).is_some_and(|next| next.payload.is_rest() && next.mark == line.mark);
        if !goes_on && !more {
            out.push(from..at + 1);
            from = at + 1;
        }
    }
    if from < lines.len() {
        out.push(from..lines.len());
    }
    out
}

/// Whether a reply is what a block expects. `enhanced`: the server advertises enhanced status codes.
pub(crate) fn matches(
    block: &[(Mode, Vec<Tok>)],
    arrived: &Arrived,
    reply: &Reply,
    enhanced: bool,
) -> Result<Captures, Differs> {
    let mut captures = Vec::new();
    let wire: Vec<&[u8]> = wire_lines(&arrived.bytes);
    if block.iter().all(|(mode, _)| *mode == Mode::Exact) && !block.is_empty() {
        if block.len() != wire.len() {
            return Err(Differs::new("lines-differ")
                .with("expected", block.len().to_string())
                .with("got", wire.len().to_string()));
        }
        for (at, ((_, tokens), line)) in block.iter().zip(&wire).enumerate() {
            captures.extend(text(tokens, line, false).ok_or_else(|| Differs::new("text-differs").line(at))?);
        }
        return Ok(captures);
    }
    let is_ehlo = matches!(arrived.verb.as_str(), "EHLO" | "LHLO") && reply.code == Some(250);
    let offered = if is_ehlo { Some(smtp::ehlo(reply).value) } else { None };
    for (at, (mode, tokens)) in block.iter().enumerate() {
        if *mode == Mode::Machine && plain_text(tokens).as_deref() == Some(b"...") {
            continue;
        }
        let found = match mode {
            Mode::Raw => (plain_text(tokens).as_deref() == Some(&arrived.bytes[..])).then(Vec::new),
            Mode::Exact => wire.iter().find_map(|line| text(tokens, line, false)),
            Mode::Regex => super::imap::regex_matches(tokens, &wire)?,
            Mode::Machine => machine_line(tokens, at, arrived, reply, offered.as_ref(), enhanced)
                .map_err(|d| d.line(at))?,
        };
        captures.extend(found.ok_or_else(|| Differs::new("text-differs").line(at))?);
    }
    Ok(captures)
}

/// The lines of a reply as they stand on the wire.
pub(super) fn wire_lines(bytes: &[u8]) -> Vec<&[u8]> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    body.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).collect()
}

fn machine_line(
    tokens: &[Tok],
    index: usize,
    arrived: &Arrived,
    reply: &Reply,
    offered: Option<&smtp::Ehlo>,
    enhanced: bool,
) -> Result<Option<Captures>, Differs> {
    let end = tokens.iter().position(|t| matches!(t, Tok::Byte(b' ' | b'-'))).unwrap_or(tokens.len());
    let (code, rest) = tokens.split_at(end);
    let rest = rest.get(1..).unwrap_or_default();
    let mut captures = Vec::new();
    match (plain_text(code), reply.code) {
        (Some(pattern), Some(code)) if !code_fits(&pattern, code) => {
            return Err(Differs::new("code-differs")
                .with("expected", escape(&pattern))
                .with("got", code.to_string()));
        }
        (Some(_), Some(_)) => {}
        (Some(pattern), None) => {
            return Err(Differs::new("no-code").with("expected", escape(&pattern)));
        }
        // `{{code:num}}`
        (None, Some(number)) => {
            let digits = number.to_string();
            let kept = match_text(code, digits.as_bytes(), true);
            captures.extend(kept.ok_or_else(|| Differs::new("code-differs").with("got", digits.clone()))?);
        }
        (None, None) => return Err(Differs::new("no-code").with("expected", "?")),
    }
    if let Some(offered) = offered {
        captures.extend(keyword(rest, index, offered)?);
        return Ok(Some(captures));
    }
    let mut text_tokens = rest;
    let first = rest.iter().position(|t| *t == Tok::Byte(b' ')).unwrap_or(rest.len());
    if let Some(pattern) = plain_text(&rest[..first]).filter(|p| is_enhanced(p)) {
        text_tokens = rest.get(first + 1..).unwrap_or_default();
        let got = reply.enhanced.map(|e| e.to_string());
        let fits = got.as_deref().is_some_and(|got| enhanced_fits(&pattern, got));
        if !fits && (enhanced || got.is_some()) && !(arrived.verb == "greeting" && got.is_none()) {
            return Err(Differs::new("enhanced-differs")
                .with("expected", escape(&pattern))
                .with("got", got.unwrap_or_else(|| "–".into()))
                .near(1));
        }
    }
    if holds_values(text_tokens) {
        // The text may stand in any line of the reply, with the enhanced code in front of it.
        let found = reply.lines.iter().find_map(|line| {
            let without = match line.enhanced {
                Some(code) => line.text.get(code.to_string().len() + 1..).unwrap_or_default(),
                None => &line.text[..],
            };
            match_text(text_tokens, without, true).or_else(|| match_text(text_tokens, &line.text, true))
        });
        captures.extend(found.ok_or_else(|| Differs::new("text-differs").near(2))?);
    }
    Ok(Some(captures))
}

/// One line of an EHLO reply: the keyword must be offered, with the arguments that are listed.
fn keyword(tokens: &[Tok], index: usize, offered: &smtp::Ehlo) -> Result<Captures, Differs> {
    let words = words(tokens);
    let Some((first, args)) = words.split_first() else { return Ok(Vec::new()) };
    let Some(name) = plain_text(first) else {
        // A capture in the place of the greeting, or of a keyword.
        if index == 0
            && let Some(host) = &offered.host
        {
            return match_text(first, host, true).ok_or_else(|| Differs::new("text-differs"));
        }
        let found = offered.keywords.iter().find_map(|k| match_text(first, k.name.as_bytes(), true));
        return found.ok_or_else(|| Differs::new("text-differs"));
    };
    // RFC 5321 §4.1.1.1: the first line names the host; whoever prints it prints a domain or an address literal.
    let is_host = name.contains(&b'.')
        || name.starts_with(b"[")
        || offered.host.as_ref().is_some_and(|h| h.eq_ignore_ascii_case(&name));
    if index == 0 && is_host {
        return Ok(Vec::new());
    }
    let upper = escape(&name.to_ascii_uppercase());
    let same: Vec<_> = offered.keywords.iter().filter(|k| k.name == upper).collect();
    if same.is_empty() {
        let all: Vec<&str> = offered.keywords.iter().map(|k| k.name.as_str()).collect();
        return Err(Differs::new("keyword-missing")
            .with("word", upper)
            .with("offered", all.join(" "))
            .near(1));
    }
    let mut captures = Vec::new();
    for arg in args {
        let found = same.iter().flat_map(|k| &k.args).find_map(|have| match_text(arg, have, true));
        match found {
            Some(kept) => captures.extend(kept),
            None => {
                let wanted = plain_text(arg).map_or_else(|| "{{…}}".into(), |p| escape(&p));
                let have: Vec<String> = same.iter().flat_map(|k| &k.args).map(|a| escape(a)).collect();
                return Err(Differs::new("argument-missing")
                    .with("word", upper)
                    .with("argument", wanted)
                    .with("offered", have.join(" "))
                    .near(2));
            }
        }
    }
    Ok(captures)
}

/// `250`, `25x`, `250|251`
fn code_fits(pattern: &[u8], code: u16) -> bool {
    let code = format!("{code:03}");
    pattern.split(|&b| b == b'|').any(|one| {
        one.len() == 3 && one.iter().zip(code.bytes()).all(|(p, c)| *p == c || matches!(p, b'x' | b'X'))
    })
}

/// `5.7.x`, `2.1.0|2.1.5`
fn is_enhanced(word: &[u8]) -> bool {
    word.split(|&b| b == b'|').all(|one| {
        let parts: Vec<&[u8]> = one.split(|&b| b == b'.').collect();
        let part =
            |p: &[u8]| p == b"x" || (!p.is_empty() && p.len() <= 3 && p.iter().all(u8::is_ascii_digit));
        parts.len() == 3
            && matches!(parts[0], b"2" | b"4" | b"5" | b"x")
            && parts[1..].iter().all(|p| part(p))
    })
}

fn enhanced_fits(pattern: &[u8], code: &str) -> bool {
    pattern.split(|&b| b == b'|').any(|one| {
        let one = String::from_utf8_lossy(one);
        one.split('.').zip(code.split('.')).all(|(p, c)| p == "x" || p == c)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        assert!(code_fits(b"25x", 251) && code_fits(b"250|251", 251) && code_fits(b"4xx", 421));
        assert!(!code_fits(b"250", 251) && !code_fits(b"2", 250) && !code_fits(b"", 250));
        assert!(is_enhanced(b"5.7.x") && is_enhanced(b"2.1.0|2.1.5"));
        assert!(!is_enhanced(b"5.7") && !is_enhanced(b"192.0.2.1") && !is_enhanced(b"Ok"));
        assert!(enhanced_fits(b"5.x.8", "5.7.8") && !enhanced_fits(b"5.7.8", "5.7.80"));
    }
}

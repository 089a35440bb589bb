use super::smtp::wire_lines;
use super::tokens::{Captures, Tok, holds_values, match_text, plain_text};
use super::{Differs, imap::regex_matches};
use crate::machine::Arrived;
use crate::{Expected, Kind, Mark, Mode};
use ehlo_core::{Side, escape};
use ehlo_wire::Unit;
use ehlo_wire::sieve::{Item, Response, Value, ValueKind, values};
use std::ops::Range;

/// Whether a line ends a response: a status, or something in its place.
fn is_end(line: &Expected) -> bool {
    let begins = line.payload.beginning();
    let begins = if line.mode == Mode::Regex { begins.strip_prefix(b"^").unwrap_or(begins) } else { begins };
    let word = begins.split(|b| !b.is_ascii_alphabetic()).next().unwrap_or_default();
    // A line that begins with a value or capture, without a quote, can only be a status.
    (begins.is_empty() && !line.payload.begins_with_literal())
        || [&b"OK"[..], b"NO", b"BYE"].iter().any(|status| word.eq_ignore_ascii_case(status))
}

/// Which lines belong to one response: data, up to the status. What must not come stands for itself.
pub(crate) fn blocks(lines: &[Expected]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = 0;
    for (at, line) in lines.iter().enumerate() {
        let goes_on = lines.get(at + 1).is_some_and(|next| {
            next.mark != Mark::MustNot && (next.mark == line.mark || next.mark == Mark::Must)
        });
        if is_end(line) || line.mark == Mark::MustNot || !goes_on {
            out.push(from..at + 1);
            from = at + 1;
        }
    }
    out
}

/// Whether a response is what a block expects.
pub(crate) fn matches(
    block: &[(Mode, Vec<Tok>)],
    arrived: &Arrived,
    response: &Response,
) -> Result<Captures, Differs> {
    let mut captures = Vec::new();
    let wire = wire_lines(&arrived.bytes);
    let mut used = vec![false; response.items.len()];
    for (at, (mode, tokens)) in block.iter().enumerate() {
        if plain_text(tokens).as_deref() == Some(b"...") {
            continue;
        }
        let found = match mode {
            Mode::Raw => plain_text(tokens).filter(|raw| is_raw(raw, arrived, response)).map(|_| Vec::new()),
            Mode::Exact => wire.iter().find_map(|line| match_text(tokens, line, false)),
            Mode::Regex => regex_matches(tokens, &wire)?,
            Mode::Machine => {
                let pattern = read(tokens);
                let kept = match pattern.first() {
                    Some(Pattern::Text { quoted: true, .. }) if response.challenge.is_some() => {
                        challenge(&pattern, response)
                    }
                    Some(Pattern::Text { quoted: true, .. }) => data(&pattern, arrived, response, &mut used),
                    _ => status_line(&pattern, response),
                };
                Some(kept.map_err(|differs| differs.line(at))?)
            }
        };
        captures.extend(found.ok_or_else(|| Differs::new("text-differs").line(at))?);
    }
    Ok(captures)
}

/// Whether these are the bytes of the response, or of one of its lines of data.
fn is_raw(raw: &[u8], arrived: &Arrived, response: &Response) -> bool {
    let item = |item: &Item| {
        let from = usize::try_from(item.span.from - response.span.from).unwrap_or(usize::MAX);
        let to = usize::try_from(item.span.to - response.span.from).unwrap_or(usize::MAX);
        arrived.bytes.get(from..to) == Some(raw)
    };
    arrived.bytes == raw || response.items.iter().any(item)
}

/// Whether a client's command, or its response in a login, is what the server's script expects: the same values, whether
/// quoted or in literals.
pub(crate) fn command(tokens: &[Tok], unit: &Unit) -> Option<Captures> {
    // What is wrong with it is up to the script.
    let mut deviations = Vec::new();
    all(&read(tokens), &values(unit, Side::Client, &mut deviations))
}

/// A piece of a line as a script writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// A string, or a word without quotes.
    Text { tokens: Vec<Tok>, quoted: bool },
    /// A list in round brackets.
    List(Vec<Pattern>),
    /// Any value.
    Any(Option<String>, Kind),
}

/// Reads a line. A quote or bracket that is not closed ends with the line.
fn read(tokens: &[Tok]) -> Vec<Pattern> {
    let mut at = 0;
    list(tokens, &mut at, false)
}

fn list(tokens: &[Tok], at: &mut usize, inside: bool) -> Vec<Pattern> {
    let mut found = Vec::new();
    while let Some(token) = tokens.get(*at) {
        match token {
            Tok::Byte(b' ') => *at += 1,
            Tok::Byte(b')') if inside => {
                *at += 1;
                break;
            }
            Tok::Byte(b'(') => {
                *at += 1;
                found.push(Pattern::List(list(tokens, at, true)));
            }
            Tok::Byte(b'"') => {
                *at += 1;
                found.push(Pattern::Text { tokens: quoted(tokens, at), quoted: true });
            }
            Tok::Literal(content) => {
                *at += 1;
                found.push(Pattern::Text { tokens: content.clone(), quoted: true });
            }
            _ => {
                let from = *at;
                *at += 1;
                while tokens.get(*at).is_some_and(|t| !matches!(t, Tok::Byte(b' ' | b'"' | b'(' | b')'))) {
                    *at += 1;
                }
                found.push(match &tokens[from..*at] {
                    [Tok::Capture(name, kind)] => Pattern::Any(name.clone(), *kind),
                    word => Pattern::Text { tokens: word.to_vec(), quoted: false },
                });
            }
        }
    }
    found
}

fn quoted(tokens: &[Tok], at: &mut usize) -> Vec<Tok> {
    let mut text = Vec::new();
    while let Some(token) = tokens.get(*at) {
        *at += 1;
        match token {
            Tok::Byte(b'"') => break,
            Tok::Byte(b'\\') => {
                text.extend(tokens.get(*at).cloned());
                *at += 1;
            }
            other => text.push(other.clone()),
        }
    }
    text
}

impl Pattern {
    fn shown(&self) -> String {
        match self {
            Pattern::Text { tokens, .. } => plain_text(tokens).map_or_else(|| "{{…}}".into(), |t| escape(&t)),
            Pattern::List(items) => {
                format!("({})", items.iter().map(Pattern::shown).collect::<Vec<_>>().join(" "))
            }
            Pattern::Any(..) => "{{…}}".into(),
        }
    }

    fn fits(&self, value: &Value) -> Option<Captures> {
        match (self, &value.kind) {
            // A string is not the same as a word: whoever writes `"ACTIVE"` means a name.
            (Pattern::Text { tokens, quoted: true }, ValueKind::Quoted(text) | ValueKind::Literal(text)) => {
                match_text(tokens, text, false)
            }
            (Pattern::Text { tokens, quoted: false }, ValueKind::Atom(word)) => {
                match_text(tokens, word, true)
            }
            (Pattern::List(wanted), ValueKind::List(have)) => all(wanted, have),
            (Pattern::Any(name, kind), _) => {
                match_text(&[Tok::Capture(name.clone(), *kind)], value.text()?, false)
            }
            _ => None,
        }
    }
}

fn all(wanted: &[Pattern], have: &[Value]) -> Option<Captures> {
    if wanted.len() != have.len() {
        return None;
    }
    let mut captures = Vec::new();
    for (wanted, have) in wanted.iter().zip(have) {
        captures.extend(wanted.fits(have)?);
    }
    Some(captures)
}

/// `OK`, `NO`, `BYE` with a code; text is compared only if it holds a value.
fn status_line(pattern: &[Pattern], response: &Response) -> Result<Captures, Differs> {
    let got = response.status.map_or_else(|| escape(&response.line), |status| status.word().to_owned());
    let differs = |wanted: &Pattern| {
        Differs::new("status-differs").with("expected", wanted.shown()).with("got", got.clone())
    };
    let Some((first, mut rest)) = pattern.split_first() else {
        return Err(Differs::new("text-differs"));
    };
    let word = response.status.ok_or_else(|| differs(first))?.word();
    let mut captures = match first {
        Pattern::Text { tokens, .. } => alternatives(tokens, word.as_bytes()),
        Pattern::Any(name, kind) => match_text(&[Tok::Capture(name.clone(), *kind)], word.as_bytes(), false),
        Pattern::List(_) => None,
    }
    .ok_or_else(|| differs(first))?;
    if let Some(Pattern::List(code)) = rest.first() {
        captures.extend(response_code(code, &rest[0], response)?);
        rest = &rest[1..];
    }
    // Words without quotes are what people write for a text.
    let text = match rest {
        [Pattern::Text { tokens, quoted: true }] => tokens.clone(),
        [Pattern::Any(name, kind)] => vec![Tok::Capture(name.clone(), *kind)],
        _ => return Ok(captures),
    };
    if holds_values(&text) {
        let kept = match_text(&text, response.text.as_deref().unwrap_or_default(), true);
        captures.extend(kept.ok_or_else(|| Differs::new("text-differs").near(2))?);
    }
    Ok(captures)
}

fn response_code(code: &[Pattern], whole: &Pattern, response: &Response) -> Result<Captures, Differs> {
    let have = response.code.as_ref();
    let differs = || {
        Differs::new("response-code-differs")
            .with("expected", whole.shown())
            .with("got", have.map_or_else(|| "–".into(), |code| code.name.clone()))
            .near(1)
    };
    let (Some(have), Some((name, args))) = (have, code.split_first()) else { return Err(differs()) };
    let mut captures = match name {
        Pattern::Text { tokens, .. } => alternatives(tokens, have.name.as_bytes()),
        Pattern::Any(name, kind) => {
            match_text(&[Tok::Capture(name.clone(), *kind)], have.name.as_bytes(), true)
        }
        Pattern::List(_) => None,
    }
    .ok_or_else(differs)?;
    if !args.is_empty() {
        captures.extend(all(args, &have.args).ok_or_else(differs)?);
    }
    Ok(captures)
}

/// `OK|NO`
fn alternatives(tokens: &[Tok], have: &[u8]) -> Option<Captures> {
    match plain_text(tokens) {
        Some(text) => text.split(|&b| b == b'|').any(|one| one.eq_ignore_ascii_case(have)).then(Vec::new),
        None => match_text(tokens, have, true),
    }
}

fn challenge(pattern: &[Pattern], response: &Response) -> Result<Captures, Differs> {
    let have = response.challenge.as_deref().unwrap_or_default();
    match pattern {
        [Pattern::Text { tokens, quoted: true }] => match_text(tokens, have, false),
        _ => None,
    }
    .ok_or_else(|| Differs::new("text-differs"))
}

/// A line of data, wherever it stands in the response.
fn data(
    pattern: &[Pattern],
    arrived: &Arrived,
    response: &Response,
    used: &mut [bool],
) -> Result<Captures, Differs> {
    let capabilities = matches!(arrived.verb.as_str(), "greeting" | "CAPABILITY");
    let mut name_fits = false;
    for (item, used) in response.items.iter().zip(used.iter_mut()).filter(|(_, used)| !**used) {
        let kept = match capabilities {
            true => capability(pattern, item, &mut name_fits),
            false => all(pattern, &item.values),
        };
        if let Some(kept) = kept {
            *used = true;
            return Ok(kept);
        }
    }
    let offered: Vec<String> =
        response.items.iter().filter_map(|item| item.values.first()?.text().map(escape)).collect();
    let word = pattern.first().map_or_else(String::new, Pattern::shown);
    Err(match (capabilities, name_fits) {
        (true, true) => Differs::new("argument-missing")
            .with("word", word)
            .with("argument", pattern.get(1).map_or_else(String::new, Pattern::shown))
            .near(2),
        (true, false) => {
            Differs::new("keyword-missing").with("word", word).with("offered", offered.join(" ")).near(1)
        }
        (false, _) => Differs::new("data-differs").near(1),
    })
}

/// A capability: its name in any case, and the words that the script names among those of its value. A value that
/// holds something to keep is compared as a whole.
fn capability(pattern: &[Pattern], item: &Item, name_fits: &mut bool) -> Option<Captures> {
    let Pattern::Text { tokens, .. } = pattern.first()? else { return None };
    let mut captures = match_text(tokens, item.values.first()?.string()?, true)?;
    *name_fits = true;
    let Some(wanted) = pattern.get(1) else { return Some(captures) };
    let have = item.values.get(1)?;
    match wanted {
        Pattern::Text { tokens, .. } if !tokens.is_empty() && !holds_values(tokens) => {
            let wanted = plain_text(tokens)?;
            let have: Vec<&[u8]> = have.string()?.split(|&b| b == b' ').collect();
            wanted
                .split(|&b| b == b' ')
                .all(|w| have.iter().any(|h| h.eq_ignore_ascii_case(w)))
                .then_some(())?;
        }
        other => captures.extend(other.fits(have)?),
    }
    Some(captures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ehlo_core::{Limits, Protocol, Tick};
    use ehlo_wire::{Reply, Tracked, Tracker};

    /// Compares the answer to `command` with lines of a script.
    fn compare(command: &str, answer: &str, expected: &str) -> Result<Captures, &'static str> {
        let script = format!("title: x\nprotocol: sieve\n{expected}\n");
        let script = crate::parse("x", &script, &crate::NoFiles).unwrap();
        let Some(crate::Op::Expect(expect)) = script.ops.first() else { panic!("{expected}") };
        let mut tracker = Tracker::new(Protocol::Sieve, &Limits::default());
        tracker.server_sent(b"\"IMPLEMENTATION\" \"x\"\r\nOK\r\n");
        tracker.client_sent(command.as_bytes());
        let tracked = tracker.server_sent(answer.as_bytes());
        let Some(Tracked::Reply { reply, verb, .. }) = tracked.into_iter().next_back() else { panic!() };
        let arrived =
            Arrived { reply: reply.value, verb, bytes: answer.as_bytes().to_vec(), at: None, tick: Tick(0) };
        let Reply::Sieve(response) = arrived.reply.clone() else { panic!() };
        let tokens = |line: &Expected| line.payload.pieces.iter().flat_map(tokens_of).collect::<Vec<_>>();
        let blocks = blocks(&expect.lines);
        assert_eq!(blocks.len(), 1, "{expected}");
        let block: Vec<_> = expect.lines.iter().map(|l| (l.mode, tokens(l))).collect();
        matches(&block, &arrived, &response).map_err(|differs| differs.id)
    }

    fn tokens_of(piece: &crate::Piece) -> Vec<Tok> {
        match piece {
            crate::Piece::Text(text) => text.iter().map(|b| Tok::Byte(*b)).collect(),
            crate::Piece::Capture(name, kind, _) => vec![Tok::Capture(name.clone(), *kind)],
            crate::Piece::Literal(literal) => {
                vec![Tok::Literal(literal.content.pieces.iter().flat_map(tokens_of).collect())]
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_compared_and_what_is_not() {
        let list = "\"a\"\r\n{3}\r\nb\"c\r\n\"d\" ACTIVE\r\nOK \"done\"\r\n";
        let caps = "\"IMPLEMENTATION\" \"x y\"\r\n\"SIEVE\" \"fileinto copy\"\r\n\"SASL\" \"\"\r\nOK\r\n";
        for (command, answer, expected, result) in [
            ("LISTSCRIPTS\r\n", list, "S: OK", None),
            ("LISTSCRIPTS\r\n", list, "S: ok \"other words\"", None),
            ("LISTSCRIPTS\r\n", list, "S: \"d\" ACTIVE\nS: \"a\"\nS: OK", None),
            ("LISTSCRIPTS\r\n", list, "S: \"b\\\"c\"\nS: OK", None),
            ("LISTSCRIPTS\r\n", list, "S: \"d\"\nS: OK", Some("data-differs")),
            ("LISTSCRIPTS\r\n", list, "S: \"a\" ACTIVE\nS: OK", Some("data-differs")),
            ("LISTSCRIPTS\r\n", list, "S: \"A\"\nS: OK", Some("data-differs")),
            ("LISTSCRIPTS\r\n", list, "S: \"a\"\nS: \"a\"\nS: OK", Some("data-differs")),
            ("LISTSCRIPTS\r\n", list, "S: NO|BYE", Some("status-differs")),
            ("LISTSCRIPTS\r\n", list, "S: OK (WARNINGS)", Some("response-code-differs")),
            ("CAPABILITY\r\n", caps, "S: \"sieve\" \"copy\"\nS: \"SASL\" \"\"\nS: OK", None),
            ("CAPABILITY\r\n", caps, "S: \"SIEVE\" \"vacation\"\nS: OK", Some("argument-missing")),
            ("CAPABILITY\r\n", caps, "S: \"STARTTLS\"\nS: OK", Some("keyword-missing")),
            ("CAPABILITY\r\n", caps, "S: \"SASL\" \"PLAIN\"\nS: OK", Some("argument-missing")),
            ("X\r\n", "NO (QUOTA/MAXSIZE) \"big\"\r\n", "S: NO (quota/maxsize|quota)", None),
            ("X\r\n", "NO (QUOTA/MAXSIZE) \"big\"\r\n", "S: NO (QUOTA)", Some("response-code-differs")),
            ("X\r\n", "NO \"x\"\r\n", "S: NO (QUOTA)", Some("response-code-differs")),
            ("X\r\n", "OK (TAG {1}\r\na)\r\n", "S: OK (TAG \"a\")", None),
            ("X\r\n", "OK (TAG \"a\")\r\n", "S: OK (TAG \"b\")", Some("response-code-differs")),
            ("X\r\n", "JUNK\r\n", "S: OK", Some("status-differs")),
            ("AUTHENTICATE \"LOGIN\"\r\n", "\"eA==\"\r\n", "S: \"eA==\"", None),
            ("AUTHENTICATE \"LOGIN\"\r\n", "{4}\r\neA==\r\n", "S: \"eA==\"", None),
            ("AUTHENTICATE \"LOGIN\"\r\n", "\"eA==\"\r\n", "S: OK", Some("status-differs")),
            ("GETSCRIPT \"a\"\r\n", "{7}\r\nkeep;\r\n\r\nOK\r\n", "S: {<<END}\nkeep;\nEND\nS: OK", None),
            (
                "GETSCRIPT \"a\"\r\n",
                "{7}\r\nstop;\r\n\r\nOK\r\n",
                "S: {<<END}\nkeep;\nEND\nS: OK",
                Some("data-differs"),
            ),
        ] {
            assert_eq!(compare(command, answer, expected).err(), result, "{answer}{expected}");
        }
    }

    #[test]
    fn captures() {
        let kept = |command, answer, expected| {
            let kept = compare(command, answer, expected).unwrap();
            kept.into_iter().map(|(n, v)| format!("{n}={}", escape(&v.bytes()))).collect::<Vec<_>>()
        };
        assert_eq!(
            kept(
                "CAPABILITY\r\n",
                "\"IMPLEMENTATION\" \"x y\"\r\nOK\r\n",
                "S: \"IMPLEMENTATION\" {{i:str}}\nS: OK"
            ),
            ["i=x y"]
        );
        assert_eq!(
            kept(
                "X\r\n",
                "NO (A) \"line 7: no\"\r\n",
                "S: {{s:word}} ({{c:word}}) \"line {{n:num}}: {{:any}}\""
            ),
            ["s=NO", "c=A", "n=7"]
        );
        assert_eq!(kept("AUTHENTICATE \"X\"\r\n", "\"eA==\"\r\n", "S: \"{{c:str}}\""), ["c=eA=="]);
    }
}

use super::Differs;
use super::imap_parse::{Item, List, Order, Pat, data};
use super::tokens::{Captures, Tok, fits, match_text, plain_text};
use crate::query::status_word;
use crate::{Kind, Value};
use ehlo_core::escape;
use ehlo_wire::imap::{Data, Response, ResponseKind, Status, StatusKind, Value as Wire, ValueKind};
use regex::bytes::Regex;

/// A response that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImapPattern {
    /// `+`
    Continuation(Vec<Tok>),
    /// `tag OK [CODE]`, `* NO`
    Status {
        /// The tag; none for `*`.
        tag: Option<Vec<Tok>>,
        /// Which words are right.
        words: Vec<StatusKind>,
        /// The response code, if printed.
        code: Option<Vec<Tok>>,
        /// The text behind it.
        text: Vec<Tok>,
    },
    /// `* 1 EXISTS`
    Data(Vec<Tok>),
}

impl ImapPattern {
    /// Reads it. Never fails: what is nothing else is data, which will not match.
    pub(crate) fn read(tokens: &[Tok]) -> ImapPattern {
        let end = tokens.iter().position(|t| *t == Tok::Byte(b' ')).unwrap_or(tokens.len());
        let (first, rest) = tokens.split_at(end);
        let rest = rest.get(1..).unwrap_or_default();
        if first == [Tok::Byte(b'+')] {
            return ImapPattern::Continuation(rest.to_vec());
        }
        let untagged = first == [Tok::Byte(b'*')];
        let end = rest.iter().position(|t| *t == Tok::Byte(b' ')).unwrap_or(rest.len());
        if let Some(words) = plain_text(&rest[..end]).and_then(|w| statuses(&w)) {
            let mut text = rest.get(end + 1..).unwrap_or_default();
            let mut code = None;
            if text.first() == Some(&Tok::Byte(b'[')) {
                let close = text.iter().rposition(|t| *t == Tok::Byte(b']')).unwrap_or(text.len() - 1);
                code = Some(text[1..close.max(1)].to_vec());
                text = text.get(close + 1..).unwrap_or_default();
                if text.first() == Some(&Tok::Byte(b' ')) {
                    text = &text[1..];
                }
            }
            let tag = (!untagged).then(|| first.to_vec());
            return ImapPattern::Status { tag, words, code, text: text.to_vec() };
        }
        if untagged { ImapPattern::Data(rest.to_vec()) } else { ImapPattern::Data(tokens.to_vec()) }
    }

    /// The tag that ends an exchange, if it is one.
    pub(crate) fn tag(&self) -> Option<Vec<u8>> {
        match self {
            ImapPattern::Status { tag: Some(tag), .. } => plain_text(tag),
            _ => None,
        }
    }

    /// Whether a response is what it says.
    pub(crate) fn matches(&self, response: &Response) -> Result<Captures, Differs> {
        match (self, &response.kind) {
            (ImapPattern::Continuation(text), ResponseKind::Continuation(have)) => {
                if text.iter().all(|t| matches!(t, Tok::Byte(_))) {
                    // Text for people, unless it is a challenge.
                    return Ok(Vec::new());
                }
                match_text(text, have, false).ok_or_else(|| Differs::new("text-differs").near(1))
            }
            (ImapPattern::Status { tag, words, code, text }, ResponseKind::Status(status)) => {
                status_matches(tag.as_deref(), words, code.as_deref(), text, status)
            }
            (ImapPattern::Data(tokens), ResponseKind::Data(have)) => data_matches(tokens, have),
            _ => Err(Differs::new("other-kind")),
        }
    }
}

fn statuses(word: &[u8]) -> Option<Vec<StatusKind>> {
    word.split(|&b| b == b'|')
        .map(|w| match &w.to_ascii_uppercase()[..] {
            b"OK" => Some(StatusKind::Ok),
            b"NO" => Some(StatusKind::No),
            b"BAD" => Some(StatusKind::Bad),
            b"BYE" => Some(StatusKind::Bye),
            b"PREAUTH" => Some(StatusKind::Preauth),
            _ => None,
        })
        .collect()
}

fn status_matches(
    tag: Option<&[Tok]>,
    words: &[StatusKind],
    code: Option<&[Tok]>,
    text: &[Tok],
    status: &Status,
) -> Result<Captures, Differs> {
    let mut captures = match (tag, &status.tag) {
        (None, None) => Vec::new(),
        (Some(tag), Some(have)) => match_text(tag, have, false).ok_or_else(|| Differs::new("tag-differs"))?,
        _ => return Err(Differs::new("tag-differs")),
    };
    if !words.contains(&status.kind) {
        let wanted: Vec<&str> = words.iter().map(|w| status_word(*w)).collect();
        return Err(Differs::new("status-differs")
            .with("expected", wanted.join("|"))
            .with("got", status_word(status.kind))
            .near(2));
    }
    if let Some(code) = code {
        let pats = data(code);
        let shown: String = plain_text(code).map_or_else(|| "…".into(), |c| escape(&c));
        let differs = || {
            let got = status.code.as_ref().map_or("–".to_owned(), |c| c.name.clone());
            Differs::new("response-code-differs").with("expected", shown.clone()).with("got", got).near(3)
        };
        let have = status.code.as_ref().ok_or_else(differs)?;
        let Some((name, args)) = pats.items.split_first() else { return Ok(captures) };
        let fits_name = match &name.pat {
            Pat::Atom(tokens) => match plain_text(tokens) {
                Some(names) => {
                    names.split(|&b| b == b'|').any(|n| n.eq_ignore_ascii_case(have.name.as_bytes()))
                }
                None => match_text(tokens, have.name.as_bytes(), true).is_some(),
            },
            Pat::Capture(capture, _) => {
                captures.extend(capture.iter().map(|n| (n.clone(), Value::text(have.name.clone()))));
                true
            }
            _ => false,
        };
        if !fits_name {
            return Err(differs());
        }
        if !args.is_empty() {
            let context = match have.name.as_str() {
                "CAPABILITY" => Context::Set { extras: true },
                _ => Context::Exact,
            };
            let inner = if matches!(have.name.as_str(), "PERMANENTFLAGS" | "BADCHARSET") {
                Context::Set { extras: true }
            } else {
                Context::Exact
            };
            let wanted = List { items: args.to_vec(), order: None, extras: pats.extras };
            captures.extend(list_matches(&wanted, &have.args, context, &|_| inner).ok_or_else(differs)?);
        }
    }
    if super::tokens::holds_values(text) {
        let kept = match_text(text, &status.text, true);
        captures.extend(kept.ok_or_else(|| Differs::new("text-differs").near(3))?);
    }
    Ok(captures)
}

/// Whether a command of a client is what a script that plays a server expects: its name whatever the case, its
/// arguments as data.
pub(crate) fn arguments(tokens: &[Tok], request: &ehlo_wire::imap::Request) -> Option<Captures> {
    let mut wanted = data(tokens);
    for word in request.name.split(' ') {
        if !wanted.items.first().is_some_and(|item| is_word(&item.pat, word)) {
            return None;
        }
        wanted.items.remove(0);
    }
    list_matches(&wanted, &request.args, Context::Exact, &|_| Context::Exact)
}

/// How the items of a list are compared, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    /// These, in this order.
    Exact,
    /// In any order.
    Set {
        /// More may come.
        extras: bool,
    },
    /// Names with values, in any order.
    Pairs {
        /// More may come.
        extras: bool,
    },
    /// Flags of a message: a set; of what is not printed only `\Recent` may come.
    Flags,
}

fn data_matches(tokens: &[Tok], have: &Data) -> Result<Captures, Differs> {
    let mut wanted = data(tokens);
    let mut captures = Vec::new();
    let differs = |near| Differs::new("data-differs").near(near);
    if let Some(number) = have.number {
        if wanted.items.is_empty() {
            return Err(Differs::new("other-kind"));
        }
        let digits = number.to_string();
        let first = wanted.items.remove(0);
        let name_fits = wanted.items.first().is_some_and(|item| is_word(&item.pat, &have.name));
        if !name_fits {
            return Err(Differs::new("other-kind"));
        }
        wanted.items.remove(0);
        let kept = match &first.pat {
            Pat::Atom(tokens) => match_text(tokens, digits.as_bytes(), true),
            Pat::Capture(name, kind) => fits(*kind, digits.as_bytes())
                .then(|| name.iter().map(|n| (n.clone(), Value::text(digits.clone()))).collect()),
            _ => None,
        };
        captures.extend(kept.ok_or_else(|| {
            Differs::new("number-differs")
                .with("expected", shown(&first.pat))
                .with("got", digits.clone())
                .near(1)
        })?);
    } else {
        if !wanted.items.first().is_some_and(|item| is_word(&item.pat, &have.name)) {
            return Err(Differs::new("other-kind"));
        }
        wanted.items.remove(0);
    }
    let pairs = Context::Pairs { extras: true };
    let set = Context::Set { extras: true };
    let kept = match have.name.as_str() {
        // What a message is made of: names and values in any order, more may come (RFC 9051 §7.5.2).
        "FETCH" => list_matches(&wanted, &have.items, Context::Exact, &|_| pairs),
        "STATUS" => list_matches(&wanted, &have.items, Context::Exact, &|at| {
            if at == 1 { pairs } else { Context::Exact }
        }),
        "ID" => list_matches(&wanted, &have.items, Context::Exact, &|_| pairs),
        "LIST" | "LSUB" | "XLIST" => {
            wanted.extras = true;
            list_matches(&wanted, &have.items, Context::Exact, &|at| {
                if at == 0 { set } else { Context::Exact }
            })
        }
        "CAPABILITY" | "ENABLED" => list_matches(&wanted, &have.items, set, &|_| Context::Exact),
        "FLAGS" => list_matches(&wanted, &have.items, Context::Exact, &|_| set),
        "SEARCH" => list_matches(&wanted, &have.items, Context::Set { extras: false }, &|_| Context::Exact),
        "ESEARCH" => esearch(&wanted, &have.items),
        "ACL" | "METADATA" => {
            let context = Context::Exact;
            list_matches(&wanted, &have.items, context, &|_| Context::Pairs { extras: false })
        }
        _ => list_matches(&wanted, &have.items, Context::Exact, &|_| Context::Exact),
    };
    captures.extend(kept.ok_or_else(|| differs(2))?);
    Ok(captures)
}

/// The correlator is compared only if it is printed; the rest are pairs, `UID` stands alone (RFC 4731 §3.1).
fn esearch(wanted: &List, have: &[Wire]) -> Option<Captures> {
    let mut have = have.to_vec();
    let printed = wanted.items.first().is_some_and(|i| matches!(i.pat, Pat::List(_)));
    let mut wanted = wanted.clone();
    let mut captures = Vec::new();
    if have.first().is_some_and(|v| v.list().is_some_and(|l| !l.is_empty())) {
        let correlator = have.remove(0);
        if printed {
            let item = wanted.items.remove(0);
            captures.extend(value_matches(&item.pat, &correlator, Context::Exact)?);
        }
    } else if printed {
        return None;
    }
    let uid = |i: &Item| is_word(&i.pat, "UID");
    let wants_uid = wanted.items.first().is_some_and(uid);
    let has_uid = have.first().is_some_and(|v| v.is_atom("UID"));
    if wants_uid != has_uid {
        return None;
    }
    if wants_uid {
        wanted.items.remove(0);
        have.remove(0);
    }
    captures
        .extend(list_matches(&wanted, &have, Context::Pairs { extras: wanted.extras }, &|_| Context::Exact)?);
    Some(captures)
}

fn is_word(pat: &Pat, word: &str) -> bool {
    matches!(pat, Pat::Atom(tokens) if plain_text(tokens).is_some_and(|t| escape(&t).eq_ignore_ascii_case(word)))
}

/// Whether the items are what is wanted. `inner` says how lists inside are compared, by their position.
fn list_matches(
    wanted: &List,
    have: &[Wire],
    context: Context,
    inner: &dyn Fn(usize) -> Context,
) -> Option<Captures> {
    let extras = |by_place: bool| wanted.extras || (by_place && wanted.order.is_none());
    match (wanted.order, context) {
        (Some(Order::Exact), _) | (None, Context::Exact) => ordered(wanted, have, inner),
        (Some(Order::Any), _) => unordered(wanted, have, extras(false), &[], inner),
        (None, Context::Set { extras: more }) => unordered(wanted, have, extras(more), &[], inner),
        (None, Context::Flags) => unordered(wanted, have, extras(false), &[b"\\Recent"], inner),
        (None, Context::Pairs { extras: more }) => pairs(wanted, have, extras(more)),
    }
}

fn ordered(wanted: &List, have: &[Wire], inner: &dyn Fn(usize) -> Context) -> Option<Captures> {
    let mut captures = Vec::new();
    let mut at = 0;
    for item in &wanted.items {
        let found = have.get(at).and_then(|v| value_matches(&item.pat, v, inner(at)));
        match found {
            Some(_) if item.absent => return None,
            Some(kept) => {
                captures.extend(kept);
                at += 1;
            }
            None if item.absent || item.optional => {}
            None => return None,
        }
    }
    (wanted.extras || at == have.len()).then_some(captures)
}

fn unordered(
    wanted: &List,
    have: &[Wire],
    extras: bool,
    ignored: &[&[u8]],
    inner: &dyn Fn(usize) -> Context,
) -> Option<Captures> {
    let mut used = vec![false; have.len()];
    let mut captures = Vec::new();
    // What is definite chooses first; a capture takes what is left.
    let definite = wanted.items.iter().filter(|i| !is_open(&i.pat));
    for item in definite.chain(wanted.items.iter().filter(|i| is_open(&i.pat))) {
        let found = have
            .iter()
            .enumerate()
            .filter(|(at, _)| !used[*at])
            .find_map(|(at, value)| Some((at, value_matches(&item.pat, value, inner(at))?)));
        match found {
            Some(_) if item.absent => return None,
            Some((at, kept)) => {
                used[at] = true;
                captures.extend(kept);
            }
            None if item.absent || item.optional => {}
            // Numbers may come in other ranges than they are printed in.
            None => return number_sets(wanted, have).then_some(captures),
        }
    }
    let rest = have.iter().zip(&used).filter(|(value, used)| {
        !**used && !ignored.iter().any(|i| value.astring().is_some_and(|a| a.eq_ignore_ascii_case(i)))
    });
    (extras || rest.count() == 0).then_some(captures)
}

fn is_open(pat: &Pat) -> bool {
    matches!(pat, Pat::Capture(..))
}

/// Whether both are numbers, and the same ones.
fn number_sets(wanted: &List, have: &[Wire]) -> bool {
    let ours: Option<Vec<_>> = wanted
        .items
        .iter()
        .map(|i| match &i.pat {
            Pat::Atom(tokens) => plain_text(tokens).and_then(|t| ranges(&t)),
            _ => None,
        })
        .collect();
    let theirs: Option<Vec<_>> = have.iter().map(|v| v.astring().and_then(ranges)).collect();
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => merged(ours.concat()) == merged(theirs.concat()),
        _ => false,
    }
}

fn pairs(wanted: &List, have: &[Wire], extras: bool) -> Option<Captures> {
    let mut captures = Vec::new();
    let mut used = vec![false; have.len()];
    let mut at = 0;
    while at < wanted.items.len() {
        let key = &wanted.items[at];
        let found =
            have.chunks(2).position(|pair| value_matches(&key.pat, &pair[0], Context::Exact).is_some());
        if key.absent {
            if found.is_some() {
                return None;
            }
            at += 1;
            continue;
        }
        let value = wanted.items.get(at + 1);
        at += 2;
        let Some(pair) = found else {
            if key.optional {
                continue;
            }
            return None;
        };
        captures.extend(value_matches(&key.pat, &have[pair * 2], Context::Exact)?);
        used[pair * 2] = true;
        if let Some(value) = value {
            let context = if is_word(&key.pat, "FLAGS") { Context::Flags } else { Context::Exact };
            captures.extend(value_matches(&value.pat, have.get(pair * 2 + 1)?, context)?);
            used[pair * 2 + 1] = true;
        }
    }
    (extras || used.iter().all(|u| *u)).then_some(captures)
}

fn value_matches(pat: &Pat, value: &Wire, context: Context) -> Option<Captures> {
    match pat {
        Pat::Capture(name, kind) => {
            let kept = captured(*kind, value)?;
            Some(name.iter().map(|n| (n.clone(), kept.clone())).collect())
        }
        // `NIL` is no list: an ENVELOPE tells "nobody" from "an empty list" by it.
        Pat::List(list) => match &value.kind {
            ValueKind::List(items) => list_matches(list, items, context, &|_| Context::Exact),
            _ => None,
        },
        Pat::Literal(tokens) => match_text(tokens, value.nstring()?, false),
        Pat::Quoted(tokens) => {
            let have = value.nstring()?;
            if let Some(kept) = match_text(tokens, have, false) {
                return Some(kept);
            }
            let plain = plain_text(tokens)?;
            let inbox = plain.eq_ignore_ascii_case(b"INBOX") && have.eq_ignore_ascii_case(b"INBOX");
            let same_instant = instant(&plain).is_some_and(|t| instant(have) == Some(t));
            (inbox || same_instant).then(Vec::new)
        }
        Pat::Atom(tokens) => {
            let plain = plain_text(tokens);
            if plain.as_deref().is_some_and(|p| p.eq_ignore_ascii_case(b"NIL")) {
                // `()` and `NIL` are different things; a string "NIL" is neither.
                return (value.kind == ValueKind::Nil).then(Vec::new);
            }
            let have = value.nstring()?;
            if let Some(kept) = match_text(tokens, have, true) {
                return Some(kept);
            }
            let plain = plain?;
            let bare =
                |b: &[u8]| b.iter().filter(|c| **c != b'"').map(u8::to_ascii_uppercase).collect::<Vec<u8>>();
            let same_section = plain.contains(&b'[') && bare(&plain) == bare(have);
            let same_set = match (ranges(&plain), ranges(have)) {
                (Some(a), Some(b)) => merged(a) == merged(b),
                _ => false,
            };
            (same_section || same_set).then(Vec::new)
        }
    }
}

fn captured(kind: Kind, value: &Wire) -> Option<Value> {
    match (kind, &value.kind) {
        (Kind::List, ValueKind::List(_)) => Some(Value::Structure(encoded(value))),
        (Kind::Any, ValueKind::List(_)) => Some(Value::Structure(encoded(value))),
        (Kind::Any, ValueKind::Nil) => Some(Value::Structure(b"NIL".to_vec())),
        (_, ValueKind::List(_) | ValueKind::Nil) | (Kind::List, _) => None,
        (kind, _) => {
            let have = value.astring()?;
            fits(kind, have).then(|| Value::Text(have.to_vec()))
        }
    }
}

/// A value as it may stand on the wire.
fn encoded(value: &Wire) -> Vec<u8> {
    match &value.kind {
        ValueKind::Nil => b"NIL".to_vec(),
        ValueKind::Atom(atom) => atom.clone(),
        ValueKind::Quoted(text) | ValueKind::Literal(text) | ValueKind::Literal8(text) => {
            ehlo_wire::imap::quote(text)
                .unwrap_or_else(|| [format!("{{{}}}\r\n", text.len()).as_bytes(), text].concat())
        }
        ValueKind::List(items) => {
            let inner: Vec<Vec<u8>> = items.iter().map(encoded).collect();
            [b"(", &inner.join(&b' ')[..], b")"].concat()
        }
    }
}

/// The numbers of a set such as `1:3,7`.
fn ranges(text: &[u8]) -> Option<Vec<(u64, u64)>> {
    let text = std::str::from_utf8(text).ok()?;
    let number = |w: &str| w.bytes().all(|b| b.is_ascii_digit()).then(|| w.parse::<u64>().ok()).flatten();
    text.split(',')
        .map(|part| match part.split_once(':') {
            Some((a, b)) => {
                let (a, b) = (number(a)?, number(b)?);
                Some((a.min(b), a.max(b)))
            }
            None => number(part).map(|n| (n, n)),
        })
        .collect()
}

fn merged(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut out: Vec<(u64, u64)> = Vec::new();
    for (from, to) in ranges {
        match out.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

/// The moment that a date-time of IMAP names, in seconds since 1970 (RFC 9051 §9, `date-time`).
pub(super) fn instant(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (date, rest) = text.split_once(' ')?;
    let (clock, zone) = rest.split_once(' ')?;
    let mut parts = date.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
    let month = MONTHS.split(' ').position(|m| m.eq_ignore_ascii_case(month))? as u8 + 1;
    let date =
        time::Date::from_calendar_date(year.parse().ok()?, month.try_into().ok()?, day.parse().ok()?).ok()?;
    let mut clock = clock.split(':').map(|n| n.parse::<i64>().ok());
    let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone.get(1..).filter(|d| d.len() == 4)?.parse::<i64>().ok()?;
    let offset = sign * (digits / 100 * 3600 + digits % 100 * 60);
    let days = i64::from(date.to_julian_day()) - 2_440_588;
    Some(days * 86_400 + hours * 3600 + minutes * 60 + seconds - offset)
}

fn shown(pat: &Pat) -> String {
    match pat {
        Pat::Atom(tokens) | Pat::Quoted(tokens) | Pat::Literal(tokens) => {
            plain_text(tokens).map_or_else(|| "{{…}}".into(), |t| escape(&t))
        }
        Pat::Capture(..) => "{{…}}".into(),
        Pat::List(_) => "(…)".into(),
    }
}

/// Whether a regular expression finds something in one of the lines; its named groups are kept.
pub(crate) fn regex_matches(tokens: &[Tok], lines: &[&[u8]]) -> Result<Option<Captures>, Differs> {
    let mut source = String::from("(?-u)");
    let mut names: Vec<(String, String)> = Vec::new();
    // What a script writes is a regular expression; what a value holds is text.
    let mut plain = Vec::new();
    for tok in tokens {
        match tok {
            Tok::Byte(b) => plain.push(*b),
            other => {
                source.push_str(&String::from_utf8_lossy(&std::mem::take(&mut plain)));
                match other {
                    Tok::Opaque(b) => source.push_str(&format!("\\x{b:02x}")),
                    Tok::Capture(name, kind) => {
                        let class = match kind {
                            Kind::Num => "[0-9]+",
                            Kind::Word => "[^ ]+",
                            Kind::Hex => "[0-9A-Fa-f]+",
                            _ => ".*?",
                        };
                        let group = format!("ehlo{}", names.len());
                        source.push_str(&format!("(?<{group}>{class})"));
                        names.extend(name.iter().map(|n| (group.clone(), n.clone())));
                    }
                    _ => {}
                }
            }
        }
    }
    source.push_str(&String::from_utf8_lossy(&plain));
    // Text beyond ASCII needs the Unicode mode.
    if !source.is_ascii() {
        source = source.replacen("(?-u)", "", 1);
    }
    let regex = Regex::new(&source).map_err(|e| {
        Differs::new("regex-bad").with("why", e.to_string().lines().last().unwrap_or_default())
    })?;
    for line in lines {
        if let Some(found) = regex.captures(line) {
            let mut kept = Vec::new();
            for name in regex.capture_names().flatten() {
                let Some(text) = found.name(name) else { continue };
                let name = names.iter().find(|(g, _)| g == name).map_or(name, |(_, n)| n);
                kept.push((name.to_owned(), Value::Text(text.as_bytes().to_vec())));
            }
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

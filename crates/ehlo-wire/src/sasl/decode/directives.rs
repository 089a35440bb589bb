use super::Kind;
use super::fields::{FIELDS, Flaw, FlawKind, Reader};
use ehlo_core::escape;
use std::ops::Range;

/// A directive of DIGEST-MD5: `name=value` (RFC 2831 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Directive<'a> {
    pub(in super::super) name: &'a [u8],
    /// Without quotes and backslashes.
    pub(in super::super) value: Vec<u8>,
    pub(in super::super) quoted: bool,
    /// Where the value stands.
    pub(in super::super) at: Range<usize>,
}

impl Directive<'_> {
    /// Whether it has this name, whatever the case.
    pub(in super::super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Reads a list of directives. Empty elements and blanks are let pass (RFC 2616 §2.1); the list ends where it cannot be
/// read on, with a flaw that says so.
pub(in super::super) fn directives(bytes: &[u8]) -> (Vec<Directive<'_>>, Vec<Flaw>) {
    let (mut list, mut flaws) = (Vec::new(), Vec::new());
    let mut at = 0;
    loop {
        at += bytes[at..].iter().take_while(|&&b| is_blank(b) || b == b',').count();
        if at == bytes.len() {
            break;
        }
        if list.len() == FIELDS {
            flaws.push(Flaw { kind: FlawKind::TooMany, at: at..bytes.len() });
            break;
        }
        let name_from = at;
        at += bytes[at..].iter().take_while(|&&b| is_token(b)).count();
        let name = &bytes[name_from..at];
        at += bytes[at..].iter().take_while(|&&b| is_blank(b)).count();
        if name.is_empty() || bytes.get(at) != Some(&b'=') {
            flaws.push(Flaw { kind: FlawKind::Unreadable, at: name_from..bytes.len() });
            break;
        }
        at += 1;
        at += bytes[at..].iter().take_while(|&&b| is_blank(b)).count();
        let quoted = bytes.get(at) == Some(&b'"');
        let (value, end) = if quoted { string(bytes, at + 1) } else { token(bytes, at) };
        let Some(end) = end else {
            flaws.push(Flaw { kind: FlawKind::Unfinished, at: at..bytes.len() });
            break;
        };
        let place = if quoted { at + 1..end - 1 } else { at..end };
        list.push(Directive { name, value, quoted, at: place });
        at = end;
        let after = bytes[at..].iter().take_while(|&&b| is_blank(b)).count();
        if !matches!(bytes.get(at + after), None | Some(b',')) {
            flaws.push(Flaw { kind: FlawKind::Unreadable, at: at..bytes.len() });
            break;
        }
    }
    (list, flaws)
}

/// A text in quotes whose first byte is at `from`, and where it ends, behind the quote.
fn string(bytes: &[u8], from: usize) -> (Vec<u8>, Option<usize>) {
    let mut value = Vec::new();
    let mut rest = bytes[from..].iter().enumerate();
    while let Some((index, &byte)) = rest.next() {
        match byte {
            b'"' => return (value, Some(from + index + 1)),
            b'\\' => value.extend(rest.next().map(|(_, &byte)| byte)),
            other => value.push(other),
        }
    }
    (value, None)
}

/// A value without quotes: to the next comma or blank, as peers that forget the quotes do not stick to tokens.
fn token(bytes: &[u8], from: usize) -> (Vec<u8>, Option<usize>) {
    let length = bytes[from..].iter().take_while(|&&b| b != b',' && !is_blank(b)).count();
    (bytes[from..from + length].to_vec(), Some(from + length))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte)
}

/// Directives, which must be quoted, and which may be there more than once (RFC 2831 §2.1).
type Rules = &'static [(&'static str, bool, bool)];

const CHALLENGE: Rules = &[
    ("realm", true, true),
    ("nonce", true, false),
    ("qop", true, false),
    ("stale", false, false),
    ("maxbuf", false, false),
    ("charset", false, false),
    ("algorithm", false, false),
    ("cipher", true, false),
];

const RESPONSE: Rules = &[
    ("username", true, false),
    ("realm", true, false),
    ("nonce", true, false),
    ("cnonce", true, false),
    ("nc", false, false),
    ("qop", false, false),
    ("digest-uri", true, false),
    ("response", false, false),
    ("maxbuf", false, false),
    ("charset", false, false),
    ("cipher", false, false),
    ("authzid", true, false),
];

const PROOF: Rules = &[("rspauth", false, false)];

pub(super) fn digest(reader: &mut Reader<'_>, kind: Kind) {
    let (rules, needed): (Rules, &[&str]) = match kind {
        Kind::DigestChallenge => (CHALLENGE, &["nonce", "algorithm"]),
        Kind::DigestResponse => (RESPONSE, &["username", "nonce", "cnonce", "nc", "digest-uri", "response"]),
        _ => (PROOF, &["rspauth"]),
    };
    let bytes = reader.bytes;
    let (list, flaws) = directives(bytes);
    for (index, directive) in list.iter().enumerate() {
        let part = &bytes[directive.at.clone()];
        let name = escape(&directive.name.to_ascii_lowercase());
        // What either side proves with can be used to guess the password at leisure.
        let secret = name == "response" || name == "rspauth";
        reader.add(&name, escape(&directive.value), secret, part);
        match rules.iter().find(|(known, ..)| directive.is(known)) {
            Some((_, quotes, many)) => {
                if *quotes != directive.quoted {
                    reader.flaw(if *quotes { FlawKind::Unquoted } else { FlawKind::Quoted }, part);
                }
                let before =
                    list[..index].iter().any(|other| other.name.eq_ignore_ascii_case(directive.name));
                if before && !many {
                    reader.flaw(FlawKind::Repeated, part);
                }
            }
            None => reader.flaw(FlawKind::Unknown, part),
        }
    }
    reader.flaws(flaws);
    if needed.iter().any(|name| !reader.has(name)) {
        reader.flaw(FlawKind::Missing, bytes);
    }
}

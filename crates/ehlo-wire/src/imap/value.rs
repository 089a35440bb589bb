use ehlo_core::Span;

/// A piece of IMAP data (RFC 9051 §4), with the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Its bytes, quotes and brackets included.
    pub span: Span,
}

/// The kinds of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// `NIL`
    Nil,
    /// An atom, a number, a flag, or a section such as `BODY[HEADER.FIELDS (DATE)]<0>`.
    Atom(Vec<u8>),
    /// A quoted string, unquoted.
    Quoted(Vec<u8>),
    /// The octets of a literal.
    Literal(Vec<u8>),
    /// The octets of a `literal8`, announced as `~{n}`, which may hold NUL (RFC 3516 §4.2, RFC 9051 §9).
    Literal8(Vec<u8>),
    /// A parenthesised list.
    List(Vec<Value>),
}

impl Value {
    /// The octets of an atom or string; `NIL` counts as an atom here, since an astring `NIL` is one
    /// (RFC 9051 §4.1).
    pub fn astring(&self) -> Option<&[u8]> {
        match &self.kind {
            ValueKind::Atom(bytes)
            | ValueKind::Quoted(bytes)
            | ValueKind::Literal(bytes)
            | ValueKind::Literal8(bytes) => Some(bytes),
            ValueKind::Nil => Some(b"NIL"),
            ValueKind::List(_) => None,
        }
    }

    /// The octets of a string; none for `NIL` and lists.
    pub fn nstring(&self) -> Option<&[u8]> {
        match &self.kind {
            ValueKind::Nil => None,
            _ => self.astring(),
        }
    }

    /// The elements of a list; `NIL` is an empty one.
    pub fn list(&self) -> Option<&[Value]> {
        match &self.kind {
            ValueKind::List(items) => Some(items),
            ValueKind::Nil => Some(&[]),
            _ => None,
        }
    }

    /// The number that an atom spells.
    pub fn number(&self) -> Option<u64> {
        match &self.kind {
            ValueKind::Atom(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                std::str::from_utf8(digits).ok()?.parse().ok()
            }
            _ => None,
        }
    }

    /// Whether it is an atom that spells `word`, whatever the case.
    pub fn is_atom(&self, word: &str) -> bool {
        matches!(&self.kind, ValueKind::Atom(atom) if atom.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// `bytes` as a quoted string, if they can be one: no CR, LF, NUL, nothing above 127 (RFC 9051 §4.3).
pub fn quote(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.iter().any(|&b| matches!(b, 0 | b'\r' | b'\n' | 128..)) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.push(b'"');
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    Some(out)
}

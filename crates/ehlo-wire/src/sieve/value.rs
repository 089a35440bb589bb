use crate::{Part, PartKind, Unit};
use ehlo_core::{Deviation, DeviationKind, Side, Span};

/// The most octets between the quotes of a quoted string (RFC 5804 §4, `quoted`).
pub const LONGEST_QUOTED: usize = 1024;

/// How deep lists are followed. The grammar knows one level only.
const DEEPEST: usize = 8;

/// A piece of a command or response (RFC 5804 §4), with the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Its bytes, quotes, braces and brackets included.
    pub span: Span,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A word without quotes, or a number.
    Atom(Vec<u8>),
    /// A quoted string, unquoted.
    Quoted(Vec<u8>),
    /// The octets of a literal.
    Literal(Vec<u8>),
    /// A list in round brackets: a response code.
    List(Vec<Value>),
}

impl Value {
    /// The octets of a string, quoted or literal.
    pub fn string(&self) -> Option<&[u8]> {
        match &self.kind {
            ValueKind::Quoted(bytes) | ValueKind::Literal(bytes) => Some(bytes),
            ValueKind::Atom(_) | ValueKind::List(_) => None,
        }
    }

    /// The octets of a string or of an atom.
    pub fn text(&self) -> Option<&[u8]> {
        match &self.kind {
            ValueKind::Atom(bytes) => Some(bytes),
            _ => self.string(),
        }
    }

    /// The number that an atom spells: 32 bits (RFC 5804 §4, `number`).
    pub fn number(&self) -> Option<u32> {
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

/// Reads all values of a unit. What breaks the grammar is read as well as can be, and told.
pub fn values(unit: &Unit, side: Side, deviations: &mut Vec<Deviation>) -> Vec<Value> {
    let mut reader = Reader { unit, side, deviations, part: 0, at: 0 };
    reader.list(0)
}

struct Reader<'a> {
    unit: &'a Unit,
    side: Side,
    deviations: &'a mut Vec<Deviation>,
    /// Which part is being read; always a line.
    part: usize,
    /// Offset in the unit.
    at: usize,
}

impl Reader<'_> {
    fn span(&self, from: usize, to: usize) -> Span {
        Span::new(self.side, self.unit.from + from as u64, self.unit.from + to as u64)
    }

    fn deviates(&mut self, kind: DeviationKind, from: usize, to: usize) {
        let deviation = Deviation::new(kind, self.span(from, to));
        self.deviations.push(deviation);
    }

    /// The end of the line that is being read, its ending left out.
    fn line_end(&self) -> usize {
        self.unit.parts.get(self.part).map_or(self.at, |part| part.from + self.unit.line_body(part).len())
    }

    fn peek(&self) -> Option<u8> {
        (self.at < self.line_end()).then(|| self.unit.bytes[self.at])
    }

    fn list(&mut self, depth: usize) -> Vec<Value> {
        let mut found = Vec::new();
        loop {
            let blanks = self.at;
            while self.peek() == Some(b' ') {
                self.at += 1;
            }
            let (count, end) = (self.at - blanks, self.peek().is_none());
            // A blank belongs between two values, nowhere else.
            if count > 0 && (end || (depth > 0 && self.peek() == Some(b')'))) {
                self.deviates(DeviationKind::TrailingSpace, blanks, self.at);
            } else if count > 1 || (count == 1 && found.is_empty()) {
                self.deviates(DeviationKind::ExtraSpace, blanks, self.at);
            }
            let from = self.at;
            match self.peek() {
                None => {
                    if depth > 0 {
                        self.deviates(DeviationKind::Unclosed, from, from);
                    }
                    return found;
                }
                Some(b')') => {
                    self.at += 1;
                    if depth > 0 {
                        return found;
                    }
                    self.deviates(DeviationKind::Unopened, from, from + 1);
                }
                Some(b'(') => {
                    self.at += 1;
                    if depth >= DEEPEST {
                        self.deviates(DeviationKind::TooDeep, from, from + 1);
                        continue;
                    }
                    let items = self.list(depth + 1);
                    let span = self.span(from, self.at);
                    found.push(Value { kind: ValueKind::List(items), span });
                }
                Some(b'"') => {
                    let text = self.quoted();
                    found.push(Value { kind: ValueKind::Quoted(text), span: self.span(from, self.at) });
                }
                Some(b'{') if self.literal_follows() => {
                    let octets = self.literal();
                    found.push(Value { kind: ValueKind::Literal(octets), span: self.span(from, self.at) });
                }
                Some(_) => {
                    let atom = self.atom();
                    found.push(Value { kind: ValueKind::Atom(atom), span: self.span(from, self.at) });
                }
            }
        }
    }

    fn quoted(&mut self) -> Vec<u8> {
        let from = self.at;
        self.at += 1;
        let mut text = Vec::new();
        let mut bad = false;
        loop {
            match self.peek() {
                None => {
                    self.deviates(DeviationKind::Unclosed, from, self.at);
                    return text;
                }
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(byte @ (b'"' | b'\\')) => {
                            text.push(byte);
                            self.at += 1;
                        }
                        // What is escaped without need stands for itself.
                        _ => bad = true,
                    }
                }
                Some(byte) => {
                    bad |= byte == 0;
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        if bad || self.at - from - 2 > LONGEST_QUOTED {
            self.deviates(DeviationKind::BadQuoted, from, self.at);
        }
        text
    }

    /// Whether the rest of the line announces the literal that is the next part.
    fn literal_follows(&self) -> bool {
        let next = self.unit.parts.get(self.part + 1);
        let rest = &self.unit.bytes[self.at..self.line_end()];
        next.is_some_and(|part| part.kind == PartKind::Literal)
            && rest.iter().position(|&b| b == b'}') == Some(rest.len() - 1)
    }

    fn literal(&mut self) -> Vec<u8> {
        let (from, end) = (self.at, self.line_end());
        // RFC 5804 §4: clients write `{n+}` (literal-c2s), servers `{n}` (literal-s2c).
        let plus = self.unit.bytes[from..end].ends_with(b"+}");
        if plus == (self.side == Side::Server) {
            self.deviates(DeviationKind::BadLiteral, from, end);
        }
        let Some(&Part { from, to, .. }) = self.unit.parts.get(self.part + 1) else { return Vec::new() };
        self.part += 2;
        self.at = to;
        self.unit.bytes[from..to].to_vec()
    }

    fn atom(&mut self) -> Vec<u8> {
        let from = self.at;
        while self.peek().is_some_and(|b| !matches!(b, b' ' | b'(' | b')' | b'"')) {
            // A brace that announces a literal begins a value of its own.
            if self.at > from && self.peek() == Some(b'{') && self.literal_follows() {
                break;
            }
            self.at += 1;
        }
        let atom = self.unit.bytes[from..self.at].to_vec();
        // RFC 5804 §4, ATOM-CHAR: printable, without brackets, braces, quotes and backslashes.
        if atom.iter().any(|b| !b.is_ascii_graphic() || matches!(b, b'{' | b'}' | b'\\')) {
            self.deviates(DeviationKind::BadAtom, from, self.at);
        }
        // A quote or a bracket directly behind a word: the blank is missing.
        if matches!(self.peek(), Some(b'"' | b'(')) {
            self.deviates(DeviationKind::BadAtom, from, self.at);
        }
        atom
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};

    fn read(bytes: &[u8], side: Side) -> (Vec<Value>, Vec<&'static str>) {
        let mode = if side == Side::Client { FramerMode::SieveCommands } else { FramerMode::SieveResponses };
        let mut framer = Framer::new(mode, &ehlo_core::Limits::default());
        framer.push(bytes);
        let unit = loop {
            match framer.next() {
                Some(FramerEvent::Unit(unit)) => break unit,
                Some(other) => panic!("{other:?}"),
                None => framer.accept_literal(),
            }
        };
        let mut deviations = Vec::new();
        let found = values(&unit, side, &mut deviations);
        (found, deviations.iter().map(|d| d.kind.id()).collect())
    }

    fn shown(values: &[Value]) -> String {
        let one = |value: &Value| match &value.kind {
            ValueKind::Atom(atom) => ehlo_core::escape(atom),
            ValueKind::Quoted(text) => format!("q<{}>", ehlo_core::escape(text)),
            ValueKind::Literal(text) => format!("l<{}>", ehlo_core::escape(text)),
            ValueKind::List(items) => format!("({})", shown(items)),
        };
        values.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_servers_say() {
        for (bytes, expected, deviations) in [
            (&b"OK\r\n"[..], "OK", &[][..]),
            (b"\"SIEVE\" \"a b\"\r\n", "q<SIEVE> q<a b>", &[]),
            (b"NO (QUOTA/MAXSIZE) \"too \\\"big\\\"\"\r\n", "NO (QUOTA/MAXSIZE) q<too \"big\">", &[]),
            (b"OK (TAG {4}\r\na\"\r\n) \"x\"\r\n", r#"OK (TAG l<a"\x0d\x0a>) q<x>"#, &[]),
            (b"{3}\r\nabc\r\n", "l<abc>", &[]),
            (b"{3+}\r\nabc\r\n", "l<abc>", &["bad-literal"]),
            (b"\"open\r\n", "q<open>", &["unclosed"]),
            (b"OK  \"x\" \r\n", "OK q<x>", &["extra-space", "trailing-space"]),
            (b"NO (A (B\r\n", "NO (A (B))", &["unclosed", "unclosed"]),
            (b"NO )\r\n", "NO", &["unopened"]),
            (b"\"a\\x\"\r\n", "q<ax>", &["bad-quoted"]),
            (b"OK(X)\r\n", "OK (X)", &["bad-atom"]),
            (b"\r\n", "", &[]),
        ] {
            let (values, found) = read(bytes, Side::Server);
            assert_eq!((shown(&values).as_str(), &found[..]), (expected, deviations), "{bytes:?}");
        }
    }

    #[test]
    fn what_clients_say() {
        let (values, found) = read(b"PUTSCRIPT \"a\" {5+}\r\nstop;\r\n", Side::Client);
        assert_eq!(shown(&values), "PUTSCRIPT q<a> l<stop;>");
        assert!(found.is_empty());
        assert_eq!(read(b"HAVESPACE {1}\r\nx 99\r\n", Side::Client).1, ["bad-literal"]);
        assert_eq!(read(b"X 4294967295\r\n", Side::Client).0[1].number(), Some(u32::MAX));
        assert_eq!(read(b"X 4294967296\r\n", Side::Client).0[1].number(), None);
    }

    #[test]
    fn the_limit_of_quoted_strings_is_exact() {
        for (length, expected) in [(1024, &[][..]), (1025, &["bad-quoted"])] {
            let line = format!("\"{}\"\r\n", "x".repeat(length));
            assert_eq!(read(line.as_bytes(), Side::Server).1, expected);
        }
    }
}

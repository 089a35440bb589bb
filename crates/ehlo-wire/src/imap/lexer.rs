use super::{Value, ValueKind};
use crate::{PartKind, Unit};
use ehlo_core::{Deviation, DeviationKind, Side, Span};

/// Lists nested deeper than this are not followed (`checks.md` row 14: deep nesting costs memory and stack).
const DEEPEST: usize = 32;

/// Reads the values from `at` (an offset in the unit) to its end.
///
/// One pass, no recursion. What is wrong is told and read as well as it can be: an unclosed string ends with its
/// line, an unclosed list with the unit, a closing bracket too many is left out.
pub fn values(unit: &Unit, at: usize, side: Side, deviations: &mut Vec<Deviation>) -> Vec<Value> {
    let mut lexer = Lexer { unit, side, at, deviations };
    lexer.run()
}

struct Lexer<'a> {
    unit: &'a Unit,
    side: Side,
    at: usize,
    deviations: &'a mut Vec<Deviation>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Vec<Value> {
        let mut stack: Vec<(Vec<Value>, usize)> = Vec::new();
        let mut current: Vec<Value> = Vec::new();
        let mut too_deep = 0usize;
        loop {
            let line_end = self.line_end();
            if self.at >= line_end {
                break;
            }
            match self.unit.bytes[self.at] {
                b' ' => self.blanks(line_end),
                b'(' if stack.len() >= DEEPEST => {
                    if too_deep == 0 {
                        self.deviate(DeviationKind::TooDeep, self.at, self.at + 1);
                    }
                    too_deep += 1;
                    self.at += 1;
                }
                b'(' => {
                    stack.push((std::mem::take(&mut current), self.at));
                    self.at += 1;
                }
                b')' if too_deep > 0 => {
                    too_deep -= 1;
                    self.at += 1;
                }
                b')' => {
                    self.at += 1;
                    match stack.pop() {
                        Some((outer, from)) => {
                            let list = std::mem::replace(&mut current, outer);
                            current.push(self.value(ValueKind::List(list), from));
                        }
                        None => self.deviate(DeviationKind::Unopened, self.at - 1, self.at),
                    }
                }
                b'"' => {
                    let value = self.quoted(line_end);
                    current.push(value);
                }
                b'{' | b'~' => {
                    let value = self.literal(line_end).unwrap_or_else(|| self.atom(line_end));
                    current.push(value);
                }
                _ => {
                    let value = self.atom(line_end);
                    current.push(value);
                }
            }
        }
        while let Some((outer, from)) = stack.pop() {
            self.deviate(DeviationKind::Unclosed, from, from + 1);
            let list = std::mem::replace(&mut current, outer);
            current.push(self.value(ValueKind::List(list), from));
        }
        current
    }

    /// The end of the text of the line part that holds the current position; the end of everything if none does.
    fn line_end(&mut self) -> usize {
        // Parts are few and visited in order; a search by position keeps the state simple.
        let index = self.unit.parts.partition_point(|p| p.to <= self.at);
        match self.unit.parts.get(index) {
            Some(part) if part.kind == PartKind::Line => part.from + self.unit.line_body(part).len(),
            _ => self.at,
        }
    }

    fn blanks(&mut self, line_end: usize) {
        let from = self.at;
        while self.at < line_end && self.unit.bytes[self.at] == b' ' {
            self.at += 1;
        }
        if self.at == line_end && self.at_last_line() {
            self.deviate(DeviationKind::TrailingSpace, from, self.at);
        } else if self.at - from > 1 {
            self.deviate(DeviationKind::ExtraSpace, from, self.at);
        }
    }

    fn at_last_line(&self) -> bool {
        self.unit.parts.last().is_none_or(|p| p.from <= self.at)
    }

    fn quoted(&mut self, line_end: usize) -> Value {
        let from = self.at;
        let mut text = Vec::new();
        let mut bad = None;
        self.at += 1;
        loop {
            if self.at >= line_end {
                self.deviate(DeviationKind::Unclosed, from, line_end);
                break;
            }
            let byte = self.unit.bytes[self.at];
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' if self.at < line_end => {
                    let escaped = self.unit.bytes[self.at];
                    if !matches!(escaped, b'"' | b'\\') {
                        bad = bad.or(Some(self.at - 1));
                        text.push(b'\\');
                    }
                    text.push(escaped);
                    self.at += 1;
                }
                byte => {
                    if byte == 0 || byte == b'\r' {
                        bad = bad.or(Some(self.at - 1));
                    }
                    text.push(byte);
                }
            }
        }
        if let Some(at) = bad {
            self.deviate(DeviationKind::BadQuoted, at, at + 1);
        }
        self.value(ValueKind::Quoted(text), from)
    }

    /// The literal that the line announces at its end, if the position is there.
    fn literal(&mut self, line_end: usize) -> Option<Value> {
        let index = self.unit.parts.partition_point(|p| p.to <= self.at);
        let literal = self.unit.parts.get(index + 1).filter(|p| p.kind == PartKind::Literal)?;
        let announced = &self.unit.bytes[self.at..line_end];
        let inner = announced.strip_prefix(b"~").unwrap_or(announced);
        if inner.first() != Some(&b'{') || inner[1..].contains(&b'{') {
            return None;
        }
        let from = self.at;
        let octets = self.unit.bytes[literal.from..literal.to].to_vec();
        let binary = announced.first() == Some(&b'~');
        self.at = literal.to;
        Some(self.value(if binary { ValueKind::Literal8(octets) } else { ValueKind::Literal(octets) }, from))
    }

    fn atom(&mut self, line_end: usize) -> Value {
        let from = self.at;
        let mut bad = None;
        while self.at < line_end {
            match self.unit.bytes[self.at] {
                b' ' | b'(' | b')' => break,
                b'[' => {
                    // A section: blanks and brackets inside belong to it.
                    let rest = &self.unit.bytes[self.at..line_end];
                    match rest.iter().position(|&b| b == b']') {
                        Some(close) => self.at += close + 1,
                        None => {
                            self.deviate(DeviationKind::Unclosed, self.at, line_end);
                            self.at = line_end;
                        }
                    }
                    continue;
                }
                b'\\' if self.at == from => {}
                // `\*` and the wildcards of LIST are fine where they are; the server judges that.
                b'"' | b'\\' | b'{' | 0..=31 | 127.. => bad = bad.or(Some(self.at)),
                _ => {}
            }
            self.at += 1;
        }
        if let Some(at) = bad {
            self.deviate(DeviationKind::BadAtom, at, at + 1);
        }
        let atom = &self.unit.bytes[from..self.at];
        if atom.eq_ignore_ascii_case(b"NIL") {
            return self.value(ValueKind::Nil, from);
        }
        let atom = atom.to_vec();
        self.value(ValueKind::Atom(atom), from)
    }

    fn value(&self, kind: ValueKind, from: usize) -> Value {
        Value { kind, span: self.span(from, self.at) }
    }

    fn deviate(&mut self, kind: DeviationKind, from: usize, to: usize) {
        let span = self.span(from, to);
        self.deviations.push(Deviation::new(kind, span));
    }

    fn span(&self, from: usize, to: usize) -> Span {
        Span::new(self.side, self.unit.from + from as u64, self.unit.from + to as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, FramerEvent, FramerMode};

    pub(crate) fn shown(value: &Value) -> String {
        match &value.kind {
            ValueKind::Nil => "NIL".into(),
            ValueKind::Atom(a) => ehlo_core::escape(a),
            ValueKind::Quoted(q) => format!("{:?}", ehlo_core::escape(q)),
            ValueKind::Literal(l) => format!("<{}>", ehlo_core::escape(l)),
            ValueKind::Literal8(l) => format!("~<{}>", ehlo_core::escape(l)),
            ValueKind::List(items) => format!("({})", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        }
    }

    fn read(bytes: &[u8]) -> (String, Vec<DeviationKind>) {
        let mut framer = Framer::new(FramerMode::ImapResponses, &ehlo_core::Limits::default());
        framer.push(bytes);
        let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no unit") };
        let mut deviations = Vec::new();
        let found = values(&unit, 0, Side::Server, &mut deviations);
        (found.iter().map(shown).collect::<Vec<_>>().join(" "), deviations.iter().map(|d| d.kind).collect())
    }

    #[test]
    fn all_kinds_of_values() {
        let (text, deviations) = read(
            b"FETCH (UID 7 FLAGS (\\Seen $Junk) X NIL BODY[HEADER.FIELDS (DATE \"X)\")]<0> {5}\r\na\r\n)( (\"q\\\"\\\\\") ~{2}\r\n\0x)\r\n",
        );
        assert_eq!(
            text,
            "FETCH (UID 7 FLAGS (\\Seen $Junk) X NIL BODY[HEADER.FIELDS (DATE \"X)\")]<0> <a\\x0d\\x0a)(> (\"q\\\"\\\\\") ~<\\x00x>)"
        );
        assert!(deviations.is_empty(), "{deviations:?}");
    }

    #[test]
    fn adjacent_lists_need_no_blank() {
        assert_eq!(read(b"((NIL NIL a b)(NIL NIL c d))\r\n").0, "((NIL NIL a b) (NIL NIL c d))");
    }

    #[test]
    fn whatever_comes_is_read() {
        use DeviationKind::*;
        for (bytes, text, expected) in [
            (&b"a  b\r\n"[..], "a b", vec![ExtraSpace]),
            (b"a \r\n", "a", vec![TrailingSpace]),
            (b"(a (b\r\n", "(a (b))", vec![Unclosed, Unclosed]),
            (b"a) b\r\n", "a b", vec![Unopened]),
            (b"\"open\r\n", "\"open\"", vec![Unclosed]),
            (b"\"a\\n\"\r\n", "\"a\\\\n\"", vec![BadQuoted]),
            (b"x[1 y\r\n", "x[1 y", vec![Unclosed]),
            (b"{3} x\r\n", "{3} x", vec![BadAtom]),
            (b"gr\xfc\xdf\r\n", "gr\\xfc\\xdf", vec![BadAtom]),
            (b"~\r\n", "~", vec![]),
        ] {
            let (shown, deviations) = read(bytes);
            assert_eq!((shown.as_str(), deviations), (text, expected), "{}", ehlo_core::escape(bytes));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let mut bytes = vec![b'('; 10_000];
        bytes.extend_from_slice(&[b')'; 10_000]);
        bytes.extend_from_slice(b" tail\r\n");
        let (text, deviations) = read(&bytes);
        assert!(text.ends_with(" tail"));
        assert_eq!(deviations, [DeviationKind::TooDeep]);
    }
}

use ehlo_core::Limits;

/// Cuts a stream of bytes into lines and literals before any grammar runs, so that one malformed message never
/// desynchronises the stream.
///
/// Bytes go in by [`Framer::push`] in any portions; [`Framer::next`] yields the same units whatever the portions
/// were. The work is linear in the bytes, and nothing is allocated because a peer announced it.
#[derive(Clone, Debug)]
pub struct Framer {
    mode: FramerMode,
    longest_line: usize,
    largest_unit: usize,
    buffer: Vec<u8>,
    /// Offset in the stream of `buffer[0]`.
    base: u64,
    /// Where the unit begins that is being put together.
    start: usize,
    /// Where its next part begins.
    part: usize,
    /// Up to where no LF was found.
    scanned: usize,
    parts: Vec<Part>,
    literal: Literal,
    broken: bool,
}

/// What a framer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramerMode {
    /// Lines: SMTP, LMTP, POP3.
    Lines,
    /// IMAP responses: lines and literals. Status responses and continuation requests hold no literals
    /// (RFC 9051 §9, `resp-text`), so that a `{5}` at the end of a human text announces nothing.
    ImapResponses,
    /// IMAP commands: lines and literals, where a synchronising literal waits for the server's consent.
    ImapCommands,
    /// ManageSieve responses: lines and literals `{n}` (RFC 5804 §4, `literal-s2c`).
    SieveResponses,
    /// ManageSieve commands: lines and literals `{n+}`, which never wait for consent (`literal-c2s`). They are announced
    /// all the same, so that somebody looks at the size before the octets are let in.
    SieveCommands,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// CR LF, as it should be.
    CrLf,
    /// LF alone.
    Lf,
    /// The stream ended.
    None,
}

/// What a part of a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// A line with its ending.
    Line,
    /// The octets of a literal.
    Literal,
}

/// A part of a unit: a range of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Offset of its first byte in the unit.
    pub from: usize,
    /// Offset behind its last byte, line ending included.
    pub to: usize,
    /// How it ended, if it is a line.
    pub ending: Ending,
}

/// A line, or an IMAP message of lines and literals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// All bytes, line endings included.
    pub bytes: Vec<u8>,
    /// Offset in the stream of the first byte.
    pub from: u64,
    /// The parts, in order; together they cover all bytes.
    pub parts: Vec<Part>,
}

impl Unit {
    /// Offset in the stream behind the last byte.
    pub fn to(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }

    /// The bytes of the first line without its ending.
    pub fn first_line(&self) -> &[u8] {
        self.parts.first().map_or(&[], |part| self.line_body(part))
    }

    /// The bytes of a line part without its ending.
    pub fn line_body(&self, part: &Part) -> &[u8] {
        let cut = match part.ending {
            Ending::CrLf => 2,
            Ending::Lf => 1,
            Ending::None => 0,
        };
        &self.bytes[part.from..part.to - cut]
    }
}

/// A literal that a command announces and whose octets may not come before the server agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// How many octets.
    pub size: u64,
    /// Whether the client waits for consent (`{n}`), or sends at once (`{n+}`).
    pub synchronising: bool,
}

/// What a framer found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FramerEvent {
    /// A whole unit.
    Unit(Unit),
    /// A line, or a unit, or an announced literal is larger than allowed. Nothing more is read.
    TooLarge {
        /// `line`, `reply` or `literal`.
        what: &'static str,
        /// The cap.
        limit: u64,
        /// Offset in the stream where the unit began.
        from: u64,
        /// Offset in the stream behind the bytes that were looked at.
        to: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Literal {
    None,
    /// Announced, and consent is due.
    Waiting(Announced),
    /// So many octets are still to come.
    Reading(usize),
}

impl Framer {
    /// A framer for a stream that begins now.
    pub fn new(mode: FramerMode, limits: &Limits) -> Framer {
        let longest_line = match mode {
            FramerMode::Lines | FramerMode::SieveResponses | FramerMode::SieveCommands => limits.line,
            FramerMode::ImapResponses | FramerMode::ImapCommands => limits.imap_line,
        };
        Framer {
            mode,
            longest_line,
            largest_unit: limits.reply_bytes,
            buffer: Vec::new(),
            base: 0,
            start: 0,
            part: 0,
            scanned: 0,
            parts: Vec::new(),
            literal: Literal::None,
            broken: false,
        }
    }

    /// Takes bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken {
            // What follows an oversize unit cannot be told apart any more; it is counted and dropped.
            self.base += bytes.len() as u64;
            return;
        }
        if self.start > 16 * 1024 && self.start > self.buffer.len() / 2 {
            self.compact();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The bytes that are in no unit yet.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The stream offset at which [`Framer::rest`] begins.
    pub fn rest_from(&self) -> u64 {
        self.base + self.start as u64
    }

    /// The parts of the unit that is being put together, and the stream offset where it begins.
    pub fn partial(&self) -> (&[Part], u64) {
        (&self.parts, self.rest_from())
    }

    /// Drops the bytes that are in no unit yet and begins anew behind them, as after a TLS handshake.
    pub fn reset(&mut self) {
        self.base += self.buffer.len() as u64;
        self.buffer.clear();
        self.start = 0;
        self.part = 0;
        self.scanned = 0;
        self.parts.clear();
        self.literal = Literal::None;
    }

    /// Takes `count` bytes as they are, out of any line: mail data, for example.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.buffer.len() - self.start);
        let taken = self.buffer[self.start..self.start + count].to_vec();
        self.skip(count);
        taken
    }

    /// Passes over `count` bytes, which were looked at by [`Framer::rest`].
    pub fn skip(&mut self, count: usize) {
        let count = count.min(self.buffer.len() - self.start);
        self.begin_unit(self.start + count);
    }

    /// The literal that waits for consent.
    pub fn announced(&self) -> Option<Announced> {
        match self.literal {
            Literal::Waiting(announced) => Some(announced),
            _ => None,
        }
    }

    /// Lets the octets of the announced literal come.
    pub fn accept_literal(&mut self) {
        if let Literal::Waiting(announced) = self.literal {
            self.literal = Literal::Reading(usize::try_from(announced.size).unwrap_or(usize::MAX));
        }
    }

    /// Gives up the command that announced the literal; yields what there is of it.
    pub fn refuse_literal(&mut self) -> Option<Unit> {
        self.literal = Literal::None;
        (!self.parts.is_empty()).then(|| self.finish_unit(self.part))
    }

    /// The next unit, if its bytes are here.
    #[expect(clippy::should_implement_trait, reason = "a framer goes on after `None`; an iterator would not")]
    pub fn next(&mut self) -> Option<FramerEvent> {
        while !self.broken {
            match self.literal {
                Literal::Waiting(_) => return None,
                Literal::Reading(size) => {
                    if self.buffer.len() - self.part < size {
                        return None;
                    }
                    self.add_part(PartKind::Literal, self.part + size, Ending::None);
                    self.literal = Literal::None;
                }
                Literal::None => match self.line_end() {
                    Some(end) => {
                        let ending = match self.buffer[self.part..end] {
                            [.., b'\r', b'\n'] => Ending::CrLf,
                            _ => Ending::Lf,
                        };
                        if end - self.part > self.longest_line {
                            return Some(self.too_large("line", self.longest_line));
                        }
                        let body_end = end - if ending == Ending::CrLf { 2 } else { 1 };
                        let announced = self.announced_at(body_end);
                        self.add_part(PartKind::Line, end, ending);
                        let Some(announced) = announced else {
                            return Some(FramerEvent::Unit(self.finish_unit(end)));
                        };
                        let size = usize::try_from(announced.size).unwrap_or(usize::MAX);
                        if size.saturating_add(end - self.start) > self.largest_unit
                            && matches!(self.mode, FramerMode::ImapResponses | FramerMode::SieveResponses)
                        {
                            return Some(self.too_large("literal", self.largest_unit));
                        }
                        self.literal = match self.mode {
                            FramerMode::ImapCommands | FramerMode::SieveCommands => {
                                Literal::Waiting(announced)
                            }
                            _ => Literal::Reading(size),
                        };
                        if matches!(self.literal, Literal::Waiting(_)) && !announced.synchronising {
                            // Somebody has to look at the size before the octets are let in.
                            return None;
                        }
                    }
                    None if self.buffer.len() - self.part > self.longest_line => {
                        return Some(self.too_large("line", self.longest_line));
                    }
                    None => return None,
                },
            }
            if self.part - self.start > self.largest_unit {
                return Some(self.too_large("reply", self.largest_unit));
            }
        }
        None
    }

    /// What is left when the stream has ended: a line without its ending, or nothing.
    pub fn finish(&mut self) -> Option<Unit> {
        let end = self.buffer.len();
        if self.broken || end == self.start {
            return None;
        }
        if end > self.part {
            let kind = match self.literal {
                Literal::Reading(_) => PartKind::Literal,
                _ => PartKind::Line,
            };
            self.add_part(kind, end, Ending::None);
        }
        self.literal = Literal::None;
        Some(self.finish_unit(end))
    }

    fn line_end(&mut self) -> Option<usize> {
        let from = self.scanned.max(self.part);
        match self.buffer[from..].iter().position(|&b| b == b'\n') {
            Some(at) => Some(from + at + 1),
            None => {
                self.scanned = self.buffer.len();
                None
            }
        }
    }

    fn announced_at(&self, body_end: usize) -> Option<Announced> {
        let line = &self.buffer[self.part..body_end];
        match self.mode {
            FramerMode::Lines => None,
            FramerMode::ImapResponses if self.parts.is_empty() && has_no_literals(line) => None,
            // An open quote in front of the brace: it is text.
            FramerMode::SieveResponses | FramerMode::SieveCommands if ends_in_quote(line) => None,
            _ => announced(line),
        }
    }

    fn add_part(&mut self, kind: PartKind, end: usize, ending: Ending) {
        self.parts.push(Part { kind, from: self.part - self.start, to: end - self.start, ending });
        self.part = end;
        self.scanned = end;
    }

    fn finish_unit(&mut self, end: usize) -> Unit {
        let unit = Unit {
            bytes: self.buffer[self.start..end].to_vec(),
            from: self.base + self.start as u64,
            parts: std::mem::take(&mut self.parts),
        };
        self.begin_unit(end);
        unit
    }

    fn begin_unit(&mut self, at: usize) {
        self.start = at;
        self.part = at;
        self.scanned = at;
        self.parts.clear();
        self.literal = Literal::None;
        if at == self.buffer.len() {
            self.compact();
        }
    }

    fn compact(&mut self) {
        self.buffer.drain(..self.start);
        // What one large literal needed is not kept for the rest of the connection.
        if self.buffer.capacity() > 16 * 1024 && self.buffer.len() < 4 * 1024 {
            self.buffer.shrink_to(4 * 1024);
        }
        self.base += self.start as u64;
        self.part -= self.start;
        self.scanned = self.scanned.saturating_sub(self.start);
        self.start = 0;
    }

    fn too_large(&mut self, what: &'static str, limit: usize) -> FramerEvent {
        let event = FramerEvent::TooLarge {
            what,
            limit: limit as u64,
            from: self.base + self.start as u64,
            to: self.base + self.buffer.len() as u64,
        };
        self.base += self.buffer.len() as u64;
        self.buffer = Vec::new();
        self.start = 0;
        self.part = 0;
        self.scanned = 0;
        self.parts.clear();
        self.broken = true;
        event
    }
}

/// The literal that a line announces at its end: `{n}`, `{n+}` (RFC 7888), `~{n}` (RFC 3516).
fn announced(line: &[u8]) -> Option<Announced> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&b| b == b'{')?;
    let inner = &inner[open + 1..];
    let (digits, synchronising) = match inner.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        // `{n-}` is not a literal of any RFC; LITERAL- uses `{n+}` too.
        None => (inner, true),
    };
    if digits.is_empty() || digits.len() > 20 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0u64, |n, &d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')));
    Some(Announced { size, synchronising })
}

/// Whether a line of ManageSieve ends inside a quoted string.
fn ends_in_quote(line: &[u8]) -> bool {
    let (mut open, mut escaped) = (false, false);
    for &byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if open => escaped = true,
            b'"' => open = !open,
            _ => {}
        }
    }
    open
}

/// Whether an IMAP response line begins a response in which human text, not a literal, stands at the end.
fn has_no_literals(line: &[u8]) -> bool {
    if line.first() == Some(&b'+') {
        return true;
    }
    let mut words = line.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let (_, Some(word)) = (words.next(), words.next()) else { return false };
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { line: 40, imap_line: 60, reply_bytes: 200, ..Limits::default() }
    }

    fn cut(mode: FramerMode, bytes: &[u8], portion: usize) -> Vec<String> {
        let mut framer = Framer::new(mode, &limits());
        let mut found = Vec::new();
        let mut note = |framer: &mut Framer| {
            loop {
                match framer.next() {
                    Some(FramerEvent::Unit(unit)) => {
                        assert_eq!(&bytes[unit.from as usize..unit.to() as usize], &unit.bytes[..]);
                        let kinds: Vec<_> =
                            unit.parts.iter().map(|p| (p.kind == PartKind::Literal, p.ending)).collect();
                        found.push(format!("{} {kinds:?}", ehlo_core::escape(&unit.bytes)));
                    }
                    Some(other) => found.push(format!("{other:?}")),
                    None if framer.announced().is_some() => framer.accept_literal(),
                    None => break,
                }
            }
        };
        for portion in bytes.chunks(portion) {
            framer.push(portion);
            note(&mut framer);
        }
        if let Some(unit) = framer.finish() {
            found.push(format!("end {}", ehlo_core::escape(&unit.bytes)));
        }
        found
    }

    #[test]
    fn lines_come_out_the_same_whatever_the_portions() {
        let bytes = b"220 a\r\n250 b\n\r\nx\ry\r\nunfinished";
        let whole = cut(FramerMode::Lines, bytes, bytes.len());
        assert_eq!(
            whole,
            [
                r"220 a\x0d\x0a [(false, CrLf)]",
                r"250 b\x0a [(false, Lf)]",
                r"\x0d\x0a [(false, CrLf)]",
                r"x\x0dy\x0d\x0a [(false, CrLf)]",
                "end unfinished",
            ]
        );
        for portion in 1..bytes.len() {
            assert_eq!(cut(FramerMode::Lines, bytes, portion), whole, "{portion}");
        }
    }

    #[test]
    fn literals_belong_to_their_response() {
        let bytes =
            b"* 1 FETCH (BODY[] {5}\r\na\r\n)\n UID 3 X ~{0}\r\n)\r\n* OK text {9}\r\n+ go {3}\r\na OK\r\n";
        for portion in 1..bytes.len() {
            let units = cut(FramerMode::ImapResponses, bytes, portion);
            assert_eq!(units.len(), 4, "{units:#?}");
            assert!(
                units[0]
                    .ends_with("[(false, CrLf), (true, None), (false, CrLf), (true, None), (false, CrLf)]")
            );
        }
    }

    #[test]
    fn commands_wait_with_their_literals() {
        let mut framer = Framer::new(FramerMode::ImapCommands, &limits());
        framer.push(b"a LOGIN {3}\r\n");
        assert_eq!(framer.next(), None);
        assert_eq!(framer.announced(), Some(Announced { size: 3, synchronising: true }));
        framer.accept_literal();
        framer.push(b"bob {2+}\r\npw\r\n");
        assert_eq!(framer.next(), None);
        assert_eq!(framer.announced(), Some(Announced { size: 2, synchronising: false }));
        framer.accept_literal();
        let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no unit") };
        assert_eq!(unit.parts.len(), 5);
        framer.push(b"b LOGIN {9}\r\n");
        assert_eq!(framer.next(), None);
        assert_eq!(framer.refuse_literal().unwrap().bytes, b"b LOGIN {9}\r\n");
        framer.push(b"c NOOP\r\n");
        assert!(matches!(framer.next(), Some(FramerEvent::Unit(_))));
    }

    #[test]
    fn nothing_grows_without_bound() {
        let endless = vec![b'x'; 1000];
        assert!(cut(FramerMode::Lines, &endless, 7)[0].contains("what: \"line\", limit: 40"));
        let huge = b"* 1 FETCH (BODY[] {4294967295}\r\nabc";
        assert!(cut(FramerMode::ImapResponses, huge, 9)[0].contains("what: \"literal\", limit: 200"));
        let absurd = b"* 1 FETCH (BODY[] {99999999999999999999}\r\nabc";
        assert!(cut(FramerMode::ImapResponses, absurd, 9)[0].contains("literal"));
        let many = b"* X {1}\r\nab {1}\r\n".repeat(40);
        assert!(cut(FramerMode::ImapResponses, &many, 5)[0].contains("TooLarge"));
    }

    #[test]
    fn a_reset_forgets_what_came_before_tls() {
        let mut framer = Framer::new(FramerMode::Lines, &limits());
        framer.push(b"220 go\r\nEVIL");
        assert!(framer.next().is_some());
        assert_eq!((framer.rest(), framer.rest_from()), (&b"EVIL"[..], 8));
        framer.reset();
        framer.push(b"250 ok\r\n");
        let Some(FramerEvent::Unit(unit)) = framer.next() else { panic!("no unit") };
        assert_eq!((unit.from, &unit.bytes[..]), (12, &b"250 ok\r\n"[..]));
    }
}

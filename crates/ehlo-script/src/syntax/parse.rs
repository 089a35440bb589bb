use super::args::{Arg, duration, payload};
use super::condition::bad_regex;
use super::error::{SyntaxError, nearest};
use super::expr::{connection, unescape};
use super::header::{field, take};
use super::lines::{Line, LineKind, Prefix, lines, prefix};
use super::mbox::mbox;
use super::payload::{Allowed, Read, pieces};
use super::verbs::{client_verb, protocol_of};
use crate::statement::{STATEMENTS, Words};
use crate::{
    At, Connection, Expect, Expected, File, Header, Level, Literal, Mark, Mode, Op, Payload, Piece, Script,
    Send, Step, Verb, VerbWord,
};
use ehlo_core::Protocol;

/// Reads the files that a script names.
pub trait Loader {
    /// The name and the bytes of `path`, as it is named in `from`.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn load(&self, from: &str, path: &str) -> Result<(String, Vec<u8>), String>;
}

/// For scripts that name no files.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        Err(format!("{path}: no files here"))
    }
}

/// Reads a script. `name` is that of the file.
///
/// # Errors
/// Everything that is wrong with it, in order.
pub fn parse(name: &str, text: &str, loader: &dyn Loader) -> Result<Script, (Vec<File>, Vec<SyntaxError>)> {
    let mut parser = Parser {
        loader,
        files: Vec::new(),
        header: Header::default(),
        seen: Vec::new(),
        conns: vec![String::new()],
        protocols: Vec::new(),
        ops: Vec::new(),
        steps: vec![Step {
            name: String::new(),
            level: Level::Must,
            xfail: None,
            always: false,
            first: 0,
            at: At::default(),
        }],
        open_ifs: Vec::new(),
        stack: Vec::new(),
        errors: Vec::new(),
        joinable: false,
    };
    parser.file(name, text, "");
    parser.finish();
    if parser.errors.is_empty() {
        Ok(Script {
            files: parser.files,
            header: parser.header,
            connections: parser.conns.into_iter().map(|label| Connection { label }).collect(),
            ops: parser.ops,
            steps: parser.steps,
        })
    } else {
        parser.errors.sort_by_key(|e| (e.at.file, e.at.line, e.at.from));
        Err((parser.files, parser.errors))
    }
}

/// An `if` whose `end` is still to come.
struct OpenIf {
    /// The position of the jump that leaves the part that is being read.
    branch: usize,
    /// Whether that is the part behind `else`.
    in_else: bool,
    at: At,
}

struct Parser<'a> {
    loader: &'a dyn Loader,
    files: Vec<File>,
    header: Header,
    seen: Vec<String>,
    conns: Vec<String>,
    /// What is spoken on each connection, where a `connect` said so.
    protocols: Vec<Option<Protocol>>,
    ops: Vec<Op>,
    steps: Vec<Step>,
    open_ifs: Vec<OpenIf>,
    /// The files that are being read, for cycles.
    stack: Vec<String>,
    errors: Vec<SyntaxError>,
    /// Whether the next line of the dialogue may join the group before it.
    joinable: bool,
}

/// Files that include files that include files: no script needs more.
const DEEPEST_INCLUDE: usize = 8;

impl Parser<'_> {
    fn file(&mut self, name: &str, text: &str, suffix: &str) {
        let index = self.files.len();
        self.files.push(File { name: name.to_owned(), text: text.to_owned() });
        self.stack.push(name.to_owned());
        let all = lines(text);
        let main = index == 0;
        let mut number = 0;
        while number < all.len() {
            let line = all[number];
            let body = line.body();
            let at = At { file: index, line: number + 1, from: 0, to: body.len() };
            number += 1;
            let result = match line.kind {
                LineKind::Blank | LineKind::Comment | LineKind::Here | LineKind::HereEnd => Ok(()),
                LineKind::Field if main => self.field(body, at),
                LineKind::Field => Ok(()),
                LineKind::Step => self.step(body, at),
                LineKind::Dialogue => self.dialogue(&all, &mut number, at, suffix),
                LineKind::Verb => self.verb(&all, &mut number, at, suffix),
                LineKind::Statement => self.statement(body, at, suffix),
            };
            if let Err(error) = result {
                self.errors.push(error);
            }
        }
        self.stack.pop();
    }

    fn field(&mut self, body: &str, at: At) -> Result<(), SyntaxError> {
        let Some((key, value)) = field(body) else { return Ok(()) };
        take(&mut self.header, &mut self.seen, key, value, at)?;
        if key == "messages" {
            let place = at.part(at.to.saturating_sub(value.len()), at.to);
            let (_, bytes) = self.load(at.file, value, place)?;
            let messages = mbox(&bytes);
            if messages.is_empty() {
                return Err(SyntaxError::new("mbox-empty", place).with("word", value));
            }
            self.header.messages = Some(crate::Messages { file: value.to_owned(), messages });
        }
        Ok(())
    }

    fn load(&self, file: usize, path: &str, at: At) -> Result<(String, Vec<u8>), SyntaxError> {
        self.loader
            .load(&self.files[file].name, path)
            .map_err(|why| SyntaxError::new("file-unreadable", at).with("word", path).with("why", why))
    }

    fn step(&mut self, body: &str, at: At) -> Result<(), SyntaxError> {
        self.joinable = false;
        if let Some(open) = self.open_ifs.last() {
            return Err(SyntaxError::new("step-in-if", at).with("line", open.at.line.to_string()));
        }
        let Some(text) = body.strip_prefix("== ") else { return Err(SyntaxError::new("step-blank", at)) };
        let text = text.trim();
        let mut step = Step {
            name: text.to_owned(),
            level: self.header.level,
            xfail: None,
            always: text == "cleanup",
            first: self.ops.len(),
            at,
        };
        if let Some(inner) = text.strip_suffix(')')
            && let Some(open) = notes_open(inner)
        {
            let notes: Vec<&str> = inner[open + 1..].split(';').map(str::trim).collect();
            // `(a remark)` that is no note belongs to the name.
            if notes.iter().all(|n| is_note(n)) {
                step.name = inner[..open].trim().to_owned();
                step.always |= step.name == "cleanup";
                for note in notes {
                    match (Level::ALL.iter().find(|(w, _)| *w == note), note.strip_prefix("xfail:")) {
                        (Some((_, level)), _) => step.level = *level,
                        (_, Some(reason)) => step.xfail = Some(reason.trim().to_owned()),
                        _ => step.always = true,
                    }
                }
            }
        }
        if step.name.is_empty() {
            return Err(SyntaxError::new("step-nameless", at));
        }
        self.steps.push(step);
        Ok(())
    }

    fn protocol(&self, conn: usize, at: At) -> Result<Protocol, SyntaxError> {
        self.protocols
            .get(conn)
            .copied()
            .flatten()
            .or(self.header.protocol)
            .ok_or_else(|| SyntaxError::new("protocol-missing", at))
    }

    fn label(&self, label: &str, suffix: &str) -> String {
        if label.is_empty() { suffix.to_owned() } else { label.to_owned() }
    }

    fn dialogue(
        &mut self,
        all: &[Line<'_>],
        number: &mut usize,
        at: At,
        suffix: &str,
    ) -> Result<(), SyntaxError> {
        let body = all[at.line - 1].body();
        let indent = body.len() - body.trim_start().len();
        let Some(prefix) = prefix(&body[indent..]) else { return Ok(()) };
        let from = indent + prefix.length;
        let label = self.label(prefix.label, suffix);
        let conn = connection(&label, &mut self.conns);
        let protocol = match self.protocol(conn, at) {
            Ok(protocol) => protocol,
            Err(error) => {
                // Told once; without it nothing can be read.
                let told = self.errors.iter().any(|e| e.id == "protocol-missing");
                return if told { Ok(()) } else { Err(error) };
            }
        };
        if prefix.side == 'C' && (prefix.mark.is_some() || prefix.mode != Some(':')) {
            return Err(SyntaxError::new("mark-on-client", at.part(indent, from)));
        }
        let mode = match prefix.mode {
            Some('=') => Mode::Exact,
            Some('~') => Mode::Regex,
            _ => Mode::Machine,
        };
        let allowed = match (protocol, mode) {
            (Protocol::Imap, Mode::Machine) => Allowed::TagsAndLiterals,
            (Protocol::Sieve, Mode::Machine) => Allowed::Literals,
            _ => Allowed::Templates,
        };
        let line_at = at.part(from, body.len());
        let payload = self.payload(all, number, &body[from..], line_at, allowed, prefix, suffix)?;
        if prefix.side == 'C' {
            self.send(conn, protocol, payload);
            return Ok(());
        }
        if mode == Mode::Regex {
            check_regex(&payload)?;
        }
        let mark = match prefix.mark {
            Some('?') => Mark::May,
            Some('!') => Mark::MustNot,
            Some('>') => Mark::After,
            _ => Mark::Must,
        };
        if payload.pieces.is_empty() && (mode == Mode::Regex || mark != Mark::Must) {
            return Err(SyntaxError::new("expect-empty", at));
        }
        self.expect(conn, protocol, Expected { mark, mode, payload });
        Ok(())
    }

    fn send(&mut self, conn: usize, protocol: Protocol, payload: Payload) {
        match self.ops.last_mut() {
            Some(Op::Send(send)) if self.joinable && send.conn == conn => send.lines.push(payload),
            _ => self.ops.push(Op::Send(Send { conn, protocol, lines: vec![payload] })),
        }
        self.joinable = true;
    }

    fn expect(&mut self, conn: usize, protocol: Protocol, expected: Expected) {
        match self.ops.last_mut() {
            Some(Op::Expect(expect)) if self.joinable && expect.conn == conn => expect.lines.push(expected),
            _ => self.ops.push(Op::Expect(Expect { conn, protocol, lines: vec![expected] })),
        }
        self.joinable = true;
    }

    /// Puts a payload together, with what it takes from the lines below.
    #[expect(clippy::too_many_arguments, reason = "it is the place where all of them meet")]
    fn payload(
        &mut self,
        all: &[Line<'_>],
        number: &mut usize,
        text: &str,
        at: At,
        allowed: Allowed,
        prefix: Prefix<'_>,
        suffix: &str,
    ) -> Result<Payload, SyntaxError> {
        let mut out = Vec::new();
        let mut rest = Some((text.to_owned(), at));
        while let Some((text, place)) = rest.take() {
            for read in pieces(&text, place, allowed, &mut self.conns)? {
                match read {
                    Read::Piece(piece) => out.push(piece),
                    Read::Here { end, plus, binary } => {
                        let content = self.here(all, number, &end, place)?;
                        out.push(literal(content, plus, binary));
                    }
                    Read::File { name, plus, binary } => {
                        let (_, bytes) = self.load(place.file, &name, place)?;
                        let content = Payload { pieces: vec![Piece::Text(bytes)], at: place };
                        out.push(literal(content, plus, binary));
                    }
                    Read::Expr { value, plus, binary } => {
                        out.push(literal(Payload { pieces: vec![value], at: place }, plus, binary));
                    }
                    Read::Counted { size, plus, binary } => {
                        let (content, more) = counted(
                            all,
                            number,
                            size,
                            place,
                            prefix,
                            &self.label(prefix.label, suffix),
                            suffix,
                        )?;
                        out.push(literal(content, plus, binary));
                        rest = Some(more);
                    }
                }
            }
        }
        Ok(Payload { pieces: out, at })
    }

    /// The lines up to `end`, each with CR LF.
    fn here(
        &mut self,
        all: &[Line<'_>],
        number: &mut usize,
        end: &str,
        at: At,
    ) -> Result<Payload, SyntaxError> {
        let mut out = Vec::new();
        while let Some(line) = all.get(*number) {
            let place = At { file: at.file, line: *number + 1, from: 0, to: line.body().len() };
            match line.kind {
                LineKind::Here => {
                    *number += 1;
                    let mut line = payload(line.body(), place, &mut self.conns)?;
                    line.pieces.push(Piece::Text(b"\r\n".to_vec()));
                    out.append(&mut line.pieces);
                }
                LineKind::HereEnd if line.body() == end => {
                    *number += 1;
                    return Ok(Payload { pieces: joined(out), at });
                }
                _ => break,
            }
        }
        Err(SyntaxError::new("here-open", at).with("word", end))
    }

    fn verb(
        &mut self,
        all: &[Line<'_>],
        number: &mut usize,
        at: At,
        suffix: &str,
    ) -> Result<(), SyntaxError> {
        self.joinable = false;
        let body = all[at.line - 1].body();
        let indent = body.len() - body.trim_start().len();
        let Some(prefix) = prefix(&body[indent..]) else { return Ok(()) };
        let from = indent + prefix.length;
        let text = body[from..].trim_end();
        let at = at.part(from, from + text.len());
        let conn = connection(&self.label(prefix.label, suffix), &mut self.conns);
        if prefix.side == 'S' {
            return self.server_verb(text, at, conn);
        }
        if self.header.plays_server && text == "closed" {
            self.ops.push(Op::Closed { conn, within: None, at });
            return Ok(());
        }
        let read = client_verb(text, at, &mut self.conns)?;
        if read.word == VerbWord::Raw && !text["raw".len()..].trim_start().starts_with('"') {
            return Err(SyntaxError::new("raw-string", at));
        }
        if self.header.plays_server && !matches!(read.word, VerbWord::Tls) {
            return Err(SyntaxError::new("verb-role", at).with("word", read.word.id()));
        }
        let content = match read.content {
            Some(Arg::Here(end)) => Some(self.here(all, number, &end, at)?),
            Some(Arg::File(name, place)) => {
                let (_, bytes) = self.load(at.file, &name, place)?;
                Some(Payload { pieces: vec![Piece::Text(bytes)], at: place })
            }
            _ => None,
        };
        if read.word == VerbWord::Connect {
            let target = read.args[0].plain();
            let spoken = target.as_deref().and_then(protocol_of);
            if let (Some(target), None) = (&target, spoken)
                && !target.contains("://")
            {
                return Err(SyntaxError::new("target-unknown", read.args[0].at).with("word", target.clone()));
            }
            if self.protocols.len() <= conn {
                self.protocols.resize(conn + 1, None);
            }
            self.protocols[conn] = spoken.or(self.header.protocol);
        }
        let protocol = self.protocol(conn, at)?;
        let misfit = match read.word {
            VerbWord::Data | VerbWord::Bdat => !matches!(protocol, Protocol::Smtp | Protocol::Lmtp),
            VerbWord::Compress => protocol != Protocol::Imap,
            _ => false,
        };
        if misfit {
            return Err(SyntaxError::new("verb-protocol", at)
                .with("word", read.word.id())
                .with("protocol", protocol.id()));
        }
        self.ops.push(Op::Verb(Verb {
            conn,
            protocol,
            word: read.word,
            args: read.args,
            options: read.options,
            content,
            at,
        }));
        Ok(())
    }

    fn server_verb(&mut self, text: &str, at: At, conn: usize) -> Result<(), SyntaxError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let wait = |word: &str| {
            duration(word).ok_or_else(|| SyntaxError::new("duration-bad", at).with("word", word))
        };
        match words.as_slice() {
            ["closed"] => self.ops.push(Op::Closed { conn, within: None, at }),
            ["closed", "within", time] => {
                let within = Some(wait(time)?);
                self.ops.push(Op::Closed { conn, within, at });
            }
            ["silent", ..] | ["closed", ..] if words.len() != 2 || words[0] == "closed" => {
                let usage = if words[0] == "silent" { "S silent TIME" } else { "S closed [within TIME]" };
                return Err(SyntaxError::new("verb-usage", at).with("word", words[0]).with("usage", usage));
            }
            ["silent", time] => {
                let time = wait(time)?;
                self.ops.push(Op::Silent { conn, time, at });
            }
            ["raw", ..] => {
                let quoted = text["raw".len()..].trim_start();
                let place = at.part(at.to - quoted.len(), at.to);
                let payload = quoted_payload(quoted, place, &mut self.conns)?;
                let protocol = self.protocol(conn, at)?;
                self.joinable = matches!(self.ops.last(), Some(Op::Expect(e)) if e.conn == conn);
                self.expect(conn, protocol, Expected { mark: Mark::Must, mode: Mode::Raw, payload });
            }
            ["tls" | "close" | "reset" | "drip", ..] if self.header.plays_server => {
                let read = client_verb(text, at, &mut self.conns)?;
                let protocol = self.protocol(conn, at)?;
                self.ops.push(Op::Verb(Verb {
                    conn,
                    protocol,
                    word: read.word,
                    args: read.args,
                    options: read.options,
                    content: None,
                    at,
                }));
            }
            [first, ..] => {
                let place = at.part(at.from, at.from + first.len());
                let looks_like_reply = first.chars().next().is_some_and(|c| {
                    c.is_ascii_digit() || c.is_ascii_uppercase() || matches!(c, '+' | '*' | '-' | '%' | '.')
                });
                if looks_like_reply {
                    return Err(SyntaxError::new("colon-missing", place)
                        .with("word", *first)
                        .with("side", "S"));
                }
                let meant = nearest(first, ["closed", "silent", "raw"].into_iter())
                    .map_or_else(|| "closed, silent, raw".to_owned(), str::to_owned);
                return Err(SyntaxError::new("verb-unknown", place)
                    .with("word", *first)
                    .with("meant", meant));
            }
            [] => return Err(SyntaxError::new("verb-missing", at)),
        }
        Ok(())
    }

    fn statement(&mut self, body: &str, at: At, suffix: &str) -> Result<(), SyntaxError> {
        self.joinable = false;
        let indent = body.len() - body.trim_start().len();
        let text = body[indent..].trim_end();
        let at = at.part(indent, indent + text.len());
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = (&text[..end], text[end..].trim_start());
        let rest_at = at.part(at.to - rest.len(), at.to);
        // Who plays a server answers one client in one way: what would be passed over in silence is refused.
        if self.header.plays_server && !matches!(word, "let" | "wait" | "note" | "include") {
            let known =
                matches!(word, "if" | "else" | "end") || STATEMENTS.iter().any(|s| s.meta().word == word);
            if known {
                return Err(SyntaxError::new("verb-role", at).with("word", word));
            }
        }
        match word {
            "if" => {
                let condition = super::condition::condition(rest, rest_at, &mut self.conns)?;
                self.open_ifs.push(OpenIf { branch: self.ops.len(), in_else: false, at });
                self.ops.push(Op::Unless { condition, to: 0 });
                Ok(())
            }
            "else" | "end" => {
                if !rest.is_empty() {
                    return Err(SyntaxError::new("statement-usage", at).with("usage", word));
                }
                let Some(open) = self.open_ifs.pop() else {
                    return Err(SyntaxError::new("if-missing", at).with("word", word));
                };
                if word == "else" {
                    if open.in_else {
                        return Err(SyntaxError::new("else-twice", at));
                    }
                    let jump = self.ops.len();
                    self.ops.push(Op::Jump(0));
                    self.land(open.branch);
                    self.open_ifs.push(OpenIf { branch: jump, in_else: true, at: open.at });
                } else {
                    self.land(open.branch);
                }
                Ok(())
            }
            "include" => self.include(rest, rest_at, suffix),
            _ => {
                let Some(statement) = STATEMENTS.iter().find(|s| s.meta().word == word) else {
                    return Err(unknown_statement(word, text, at));
                };
                let mut words = Words { text: rest, at: rest_at, whole: at, conns: &mut self.conns };
                let read = statement.read(&mut words)?;
                self.ops.push(Op::Statement(read));
                Ok(())
            }
        }
    }

    /// Lets the jump at `branch` go to what comes next.
    fn land(&mut self, branch: usize) {
        let here = self.ops.len();
        match &mut self.ops[branch] {
            Op::Unless { to, .. } | Op::Jump(to) => *to = here,
            _ => {}
        }
    }

    fn include(&mut self, rest: &str, at: At, suffix: &str) -> Result<(), SyntaxError> {
        let usage = || SyntaxError::new("statement-usage", at).with("usage", "include \"FILE\" [as LABEL]");
        if !rest.starts_with('"') {
            return Err(usage());
        }
        let end = super::expr::string_end(rest).ok_or_else(|| SyntaxError::new("string-open", at))?;
        let path = unescape(&rest[1..end - 1])
            .map_err(|bad| SyntaxError::new("escape-bad", at).with("word", bad))?;
        let path = String::from_utf8_lossy(&path).into_owned();
        let suffix = match rest[end..].trim() {
            "" => suffix.to_owned(),
            other => match other.strip_prefix("as ").map(|l| l.trim().trim_start_matches('@')) {
                Some(label) if !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric()) => {
                    label.to_owned()
                }
                _ => return Err(usage()),
            },
        };
        let (name, bytes) = self.load(at.file, &path, at)?;
        if self.stack.contains(&name) || self.stack.len() >= DEEPEST_INCLUDE {
            return Err(SyntaxError::new("include-cycle", at).with("word", path));
        }
        let text =
            String::from_utf8(bytes).map_err(|_| SyntaxError::new("not-utf8", at).with("word", path))?;
        self.file(&name, &text, &suffix);
        self.joinable = false;
        Ok(())
    }

    fn finish(&mut self) {
        for open in std::mem::take(&mut self.open_ifs) {
            self.errors.push(SyntaxError::new("if-open", open.at));
        }
        if self.ops.is_empty() && self.errors.is_empty() {
            self.errors.push(SyntaxError::new("script-empty", At { file: 0, line: 1, from: 0, to: 0 }));
        }
        if self.errors.is_empty() && !self.header.plays_server {
            self.check_ends();
        }
    }

    /// `S!` alone ends no exchange: something must.
    fn check_ends(&mut self) {
        for (at, op) in self.ops.iter().enumerate() {
            let Op::Expect(expect) = op else { continue };
            let ends = expect.lines.iter().any(|l| matches!(l.mark, Mark::Must | Mark::After));
            let silent = matches!(self.ops.get(at + 1), Some(Op::Silent { .. } | Op::Closed { .. }));
            let forbidding = expect.lines.iter().find(|l| l.mark == Mark::MustNot);
            if let (false, false, Some(line)) = (ends, silent, forbidding) {
                self.errors.push(SyntaxError::new("exchange-endless", line.payload.at));
            }
        }
    }
}

fn literal(content: Payload, non_synchronising: bool, binary: bool) -> Piece {
    Piece::Literal(Box::new(Literal { content, non_synchronising, binary }))
}

/// Adjacent text as one piece.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (out.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.extend_from_slice(&text),
            (_, piece) => out.push(piece),
        }
    }
    out
}

/// Takes `size` octets from the lines that follow on the same side, as RFCs print literals. What stands behind them in
/// the last line goes on.
fn counted(
    all: &[Line<'_>],
    number: &mut usize,
    size: usize,
    at: At,
    side: Prefix<'_>,
    label: &str,
    suffix: &str,
) -> Result<(Payload, (String, At)), SyntaxError> {
    let mut text = String::new();
    let short = |held: usize| {
        SyntaxError::new("literal-size", at)
            .with("announced", size.to_string())
            .with("held", held.to_string())
    };
    let mut at_number = *number;
    loop {
        let Some(line) = all.get(at_number) else { return Err(short(text.len())) };
        let body = line.body();
        let indent = body.len() - body.trim_start().len();
        let found = prefix(&body[indent..]).filter(|p| {
            let own = if p.label.is_empty() { suffix } else { p.label };
            p.mode == Some(':') && own == label
        });
        at_number += 1;
        match found {
            // The consent that is printed between announcement and octets.
            Some(p) if side.side == 'C' && p.side == 'S' && body[indent + p.length..].starts_with('+') => {
                continue;
            }
            Some(p) if p.side == side.side && p.mark.is_none() => {
                let from = indent + p.length;
                let line_text = &body[from..];
                let missing = size - text.len();
                let place = At { file: at.file, line: at_number, from, to: body.len() };
                if missing <= line_text.len() {
                    if !line_text.is_char_boundary(missing) {
                        return Err(short(text.len() + line_text.len()));
                    }
                    text.push_str(&line_text[..missing]);
                    *number = at_number;
                    let content = Payload { pieces: vec![Piece::Text(text.into_bytes())], at };
                    let rest = line_text[missing..].to_owned();
                    return Ok((content, (rest, place.part(from + missing, body.len()))));
                }
                text.push_str(line_text);
                text.push_str("\r\n");
                if text.len() > size {
                    return Err(short(text.len() - 2));
                }
                if text.len() == size && !follows_same_side(all, at_number, side, label, suffix) {
                    return Err(short(text.len()));
                }
            }
            _ if line.kind == LineKind::Comment => continue,
            _ => return Err(short(text.len())),
        }
    }
}

fn follows_same_side(all: &[Line<'_>], number: usize, side: Prefix<'_>, label: &str, suffix: &str) -> bool {
    all.get(number).is_some_and(|line| {
        prefix(line.body().trim_start()).is_some_and(|p| {
            let own = if p.label.is_empty() { suffix } else { p.label };
            p.side == side.side && p.mode == Some(':') && own == label
        })
    })
}

/// `"bytes\r\n"` with templates.
fn quoted_payload(quoted: &str, at: At, conns: &mut Vec<String>) -> Result<Payload, SyntaxError> {
    if !quoted.starts_with('"') || super::expr::string_end(quoted) != Some(quoted.len()) {
        return Err(SyntaxError::new("raw-string", at));
    }
    super::args::value_of(quoted, at, conns)
}

/// A regular expression is tried before anything is connected; values stand for themselves.
fn check_regex(payload: &Payload) -> Result<(), SyntaxError> {
    let mut text = String::new();
    for piece in &payload.pieces {
        match piece {
            Piece::Text(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
            _ => text.push('x'),
        }
    }
    regex::bytes::Regex::new(&text).map(|_| ()).map_err(|e| bad_regex(&e, payload.at))
}

/// Where the bracket opens that the text would close.
fn notes_open(inner: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in inner.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' if depth == 0 => return Some(at),
            '(' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_note(note: &str) -> bool {
    note == "always" || Level::ALL.iter().any(|(w, _)| *w == note) || note.starts_with("xfail:")
}

fn unknown_statement(word: &str, text: &str, at: At) -> SyntaxError {
    let place = at.part(at.from, at.from + word.len());
    if field(text).is_some_and(|(key, _)| super::header::FIELDS.contains(&key)) {
        return SyntaxError::new("field-late", place).with("word", word.trim_end_matches(':'));
    }
    let looks = word.trim_end_matches([':', '=', '~']);
    if matches!(looks, "c" | "s") && looks.len() < word.len() {
        return SyntaxError::new("prefix-case", place).with("word", word);
    }
    let known = STATEMENTS.iter().map(|s| s.meta().word).chain(["if", "else", "end", "include"]);
    match nearest(word, known.clone()) {
        Some(meant) => SyntaxError::new("statement-near", place).with("word", word).with("meant", meant),
        None => SyntaxError::new("statement-unknown", place)
            .with("word", word)
            .with("known", known.collect::<Vec<_>>().join(" ")),
    }
}

//! A script that plays a server: `C:` lines are expected, `S:` lines are sent.
//!
//! What `C:` compares: the verb and all words whatever their case; in IMAP the tag is bound (`%`, or a literal tag
//! that must be the same), and arguments are compared as data: atom, quoted string and literal are the same; so are
//! strings in ManageSieve. `...`
//! stands for any number of lines. `{{name:type}}` keeps, `{{name}}` sends.

use crate::pattern::{Captures, Tok, imap_arguments, match_text, sieve_command};
use crate::{At, Op, Payload, Piece, Script, Statement, Value, VerbWord};
use ehlo_core::run::Place;
use ehlo_core::{Limits, Protocol, escape};
use ehlo_wire::{Framer, FramerEvent, FramerMode, Unit, imap};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What a player wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum PlayWant {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Send them one by one.
    Drip(Vec<u8>, Duration),
    /// Wait for bytes, or for the end of the stream.
    Read,
    /// Wait for the client to hang up.
    ReadEnd,
    /// Let the client begin TLS.
    Tls,
    /// Let time pass.
    Pause(Duration),
    /// End the connection.
    Close,
    /// End it with a reset.
    Reset,
    /// All was played.
    Finished,
    /// The client did something else.
    Wrong(Box<PlayProblem>),
}

/// Where a client left the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayProblem {
    /// Where in the script.
    pub place: Place,
    /// What was expected.
    pub expected: String,
    /// What came, escaped; none if the client hung up.
    pub received: Option<String>,
}

/// Plays a server on one connection.
pub struct Player {
    script: Arc<Script>,
    pc: usize,
    /// Which line of the operation is next.
    line: usize,
    variables: BTreeMap<String, Value>,
    framer: Framer,
    protocol: Protocol,
    tags: VecDeque<String>,
    out: VecDeque<PlayWant>,
    ended: bool,
    random: u64,
    /// The time, in seconds since 1970.
    now: i64,
    /// Mail data: lines are no commands.
    finished: bool,
}

impl Player {
    /// A player at the beginning of the script.
    pub fn new(script: Arc<Script>, variables: BTreeMap<String, Value>, seed: u64, now: i64) -> Player {
        let protocol = script.header.protocol.unwrap_or(Protocol::Smtp);
        let mode = match protocol {
            Protocol::Imap => FramerMode::ImapCommands,
            Protocol::Sieve => FramerMode::SieveCommands,
            _ => FramerMode::Lines,
        };
        let limits = Limits { line: 1 << 20, imap_line: 1 << 20, ..Limits::default() };
        Player {
            script,
            pc: 0,
            line: 0,
            variables,
            framer: Framer::new(mode, &limits),
            protocol,
            tags: VecDeque::new(),
            out: VecDeque::new(),
            ended: false,
            random: seed,
            now,
            finished: false,
        }
    }

    /// Takes bytes of the client.
    pub fn received(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// The client's stream has ended.
    pub fn ended(&mut self) {
        self.ended = true;
    }

    /// TLS is on: what was left is void.
    pub fn secured(&mut self) {
        self.framer.reset();
    }

    /// What to do next.
    pub fn poll(&mut self) -> PlayWant {
        loop {
            if let Some(want) = self.out.pop_front() {
                return want;
            }
            if self.finished {
                return PlayWant::Finished;
            }
            let script = Arc::clone(&self.script);
            let Some(op) = script.ops.get(self.pc) else {
                self.finished = true;
                self.out.push_back(PlayWant::Close);
                continue;
            };
            match op {
                Op::Expect(expect) => {
                    // `S:` lines are what we send; one write for all that stand together.
                    let mut bytes = Vec::new();
                    for line in &expect.lines {
                        bytes.extend(self.render(&line.payload));
                        if line.mode != crate::Mode::Raw {
                            bytes.extend_from_slice(b"\r\n");
                        }
                    }
                    self.pc += 1;
                    return PlayWant::Send(bytes);
                }
                Op::Send(send) => {
                    let Some(expected) = send.lines.get(self.line) else {
                        self.pc += 1;
                        self.line = 0;
                        continue;
                    };
                    match self.next_unit() {
                        Some(unit) => {
                            if let Some(problem) = self.take(expected, send.lines.get(self.line + 1), &unit) {
                                self.finished = true;
                                return PlayWant::Wrong(Box::new(problem));
                            }
                        }
                        None if self.out.front().is_some() => {}
                        None if self.ended => {
                            self.finished = true;
                            return PlayWant::Wrong(Box::new(self.problem(expected, None)));
                        }
                        None => return PlayWant::Read,
                    }
                }
                Op::Verb(verb) => {
                    self.pc += 1;
                    match verb.word {
                        VerbWord::Tls => return PlayWant::Tls,
                        VerbWord::Close => return PlayWant::Close,
                        VerbWord::Reset => return PlayWant::Reset,
                        VerbWord::Drip => {
                            let pace = self.render(&verb.args[0]);
                            let pace =
                                crate::syntax::duration(&String::from_utf8_lossy(&pace)).unwrap_or_default();
                            let bytes = self.render(&verb.args[1]);
                            return PlayWant::Drip(bytes, pace);
                        }
                        _ => {}
                    }
                }
                Op::Closed { .. } => {
                    if self.ended {
                        self.pc += 1;
                    } else {
                        return PlayWant::ReadEnd;
                    }
                }
                Op::Silent { time, .. } | Op::Statement(Statement::Wait(time, _)) => {
                    self.pc += 1;
                    return PlayWant::Pause(*time);
                }
                Op::Statement(Statement::Let(name, payload)) => {
                    let value = self.render(payload);
                    self.variables.insert(name.clone(), Value::Text(value));
                    self.pc += 1;
                }
                Op::Statement(_) | Op::Unless { .. } => self.pc += 1,
                Op::Jump(to) => self.pc = *to,
            }
        }
    }

    fn next_unit(&mut self) -> Option<Unit> {
        loop {
            match self.framer.next() {
                Some(FramerEvent::Unit(unit)) => return Some(unit),
                Some(FramerEvent::TooLarge { .. }) => return None,
                None => match self.framer.announced() {
                    Some(announced) => {
                        if announced.synchronising && self.protocol == Protocol::Imap {
                            self.out.push_back(PlayWant::Send(b"+ go ahead\r\n".to_vec()));
                        }
                        self.framer.accept_literal();
                    }
                    None => return None,
                },
            }
        }
    }

    /// Compares a line of the client with what is expected.
    fn take(&mut self, expected: &Payload, next: Option<&Payload>, unit: &Unit) -> Option<PlayProblem> {
        if expected.is_rest() {
            // Any number of lines, up to the one that is printed next.
            let ends = next.map(|n| self.compare(n, unit));
            match ends {
                Some(Some(captures)) => {
                    self.keep(captures);
                    self.line += 2;
                }
                Some(None) => {}
                None => self.line += 1,
            }
            return None;
        }
        match self.compare(expected, unit) {
            Some(captures) => {
                self.keep(captures);
                self.line += 1;
                None
            }
            None => Some(self.problem(expected, Some(unit))),
        }
    }

    fn compare(&mut self, expected: &Payload, unit: &Unit) -> Option<Captures> {
        let mut tokens = self.tokens(expected);
        if self.protocol == Protocol::Sieve {
            return sieve_command(&tokens, unit);
        }
        if self.protocol != Protocol::Imap {
            return match_text(&tokens, unit.first_line(), true);
        }
        let has_tag = expected.pieces.first() == Some(&Piece::Tag);
        let request = imap::parse_request(unit).value;
        if has_tag {
            let tag = request.tag.clone()?;
            // The blank behind `%` goes with it.
            tokens = tokens
                .split_off(tokens.iter().position(|t| *t == Tok::Byte(b' ')).map_or(tokens.len(), |p| p + 1));
            let captures = imap_arguments(&tokens, &request)?;
            self.tags.push_back(tag);
            return Some(captures);
        }
        if let Some(captures) = match_text(&tokens, unit.first_line(), true) {
            return Some(captures);
        }
        let blank = tokens.iter().position(|t| *t == Tok::Byte(b' '))?;
        let tag = match_text(&tokens[..blank], request.tag.as_deref()?.as_bytes(), false)?;
        let mut captures = imap_arguments(&tokens[blank + 1..], &request)?;
        captures.extend(tag);
        Some(captures)
    }

    fn keep(&mut self, captures: Captures) {
        self.variables.extend(captures);
    }

    fn tokens(&mut self, payload: &Payload) -> Vec<Tok> {
        let mut out = Vec::new();
        for piece in &payload.pieces {
            match piece {
                Piece::Text(text) => out.extend(text.iter().map(|b| Tok::Byte(*b))),
                Piece::Capture(name, kind, _) => out.push(Tok::Capture(name.clone(), *kind)),
                Piece::Literal(literal) => {
                    let content = self.tokens(&literal.content);
                    out.push(Tok::Literal(content));
                }
                Piece::Tag => out.push(Tok::Byte(b'%')),
                Piece::Value(..) => {
                    let one = Payload { pieces: vec![piece.clone()], at: payload.at };
                    out.extend(self.render(&one).into_iter().map(Tok::Opaque));
                }
            }
        }
        out
    }

    /// The bytes of a line that we send.
    fn render(&mut self, payload: &Payload) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &payload.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Tag => {
                    // The oldest command that is not answered.
                    let tag = self.tags.pop_front().unwrap_or_else(|| "*".to_owned());
                    out.extend_from_slice(tag.as_bytes());
                }
                Piece::Value(expr, _) => out.extend(self.value(expr)),
                Piece::Capture(..) => {}
                Piece::Literal(literal) => {
                    let content = self.render(&literal.content);
                    let tilde = if literal.binary { "~" } else { "" };
                    out.extend_from_slice(format!("{tilde}{{{}}}\r\n", content.len()).as_bytes());
                    out.extend_from_slice(&content);
                }
            }
        }
        out
    }

    fn value(&mut self, expr: &crate::Expr) -> Vec<u8> {
        match expr {
            crate::Expr::Name(name) => self.variables.get(name).map_or(Vec::new(), Value::bytes),
            crate::Expr::Number(text) | crate::Expr::Text(text) => text.clone().into_bytes(),
            crate::Expr::Query(_) => Vec::new(),
            crate::Expr::Call(name, args) => {
                let values: Vec<Vec<u8>> = args.iter().map(|a| self.value(a)).collect();
                let mut seed = self.random;
                let mut random = || {
                    seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                    seed ^ (seed >> 29)
                };
                let mut cx = crate::function::Context {
                    random: &mut random,
                    now: self.now,
                    challenge: None,
                    stamp: None,
                    expunged: &[],
                };
                let found = crate::FUNCTIONS.iter().find(|f| f.name == *name);
                let value = found.and_then(|f| (f.call)(&mut cx, &values).ok()).unwrap_or_default();
                self.random = seed;
                value
            }
        }
    }

    fn problem(&mut self, expected: &Payload, unit: Option<&Unit>) -> PlayProblem {
        let At { file, line, from, to } = expected.at;
        let source = self.script.files.get(file);
        PlayProblem {
            place: Place {
                file: source.map_or(String::new(), |f| f.name.clone()),
                line,
                from,
                to,
                text: source.map_or(String::new(), |f| f.line(line).to_owned()),
            },
            expected: source
                .map_or(String::new(), |f| f.line(line).get(from..to).unwrap_or_default().to_owned()),
            received: unit.map(|u| escape(u.first_line())),
        }
    }
}

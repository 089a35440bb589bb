//! Follows a dialogue from both directions without taking part in it.

mod imap;
mod pop3;
mod sieve;
mod smtp;

use crate::{Ending, Framer, FramerEvent, FramerMode, Parsed, PartKind, Reply, Unit};
use ehlo_core::{DataSort, Deviation, DeviationKind, Limits, Protocol, Side, Span};

/// Follows any dialogue of one connection, whoever leads it: typed, scripted, recorded, or our own.
///
/// Bytes of both sides go in, in the order in which they passed. What comes out is how they are framed, which
/// reply answers what, what state the session is in, and which bytes are secret by their place in the protocol.
#[derive(Clone, Debug)]
pub struct Tracker {
    limits: Limits,
    client: Framer,
    server: Framer,
    emitted: [usize; 2],
    state: State,
    dialect: Dialect,
}

/// A message that an IMAP client puts into a mailbox, and that is larger, passes by without being held.
const LARGEST_HELD: u64 = 64 * 1024;

#[derive(Clone, Debug)]
enum Dialect {
    Smtp(smtp::Smtp),
    Pop3(pop3::Pop3),
    Imap(imap::Imap),
    Sieve(sieve::Sieve),
}

/// What state a session is in, as far as both sides' words tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The greeting has come.
    pub greeted: bool,
    /// TLS is on.
    pub tls: bool,
    /// The client is logged in.
    pub authenticated: bool,
    /// The mailbox that is selected (IMAP), as on the wire.
    pub selected: Option<Vec<u8>>,
    /// A SASL exchange is under way: what the client sends next is secret.
    pub authenticating: bool,
    /// Mail data is being sent.
    pub in_data: bool,
    /// STARTTLS was accepted: what comes next is a handshake.
    pub tls_next: bool,
    /// The server said that it ends the session (221, 421, BYE, `+OK` to QUIT).
    pub ended: bool,
}

/// A command that has no final answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its verb in upper case; `greeting` for the one that nobody sends.
    pub verb: String,
    /// Its tag (IMAP).
    pub tag: Option<String>,
}

impl Pending {
    fn greeting() -> Pending {
        Pending { verb: "greeting".into(), tag: None }
    }
}

/// What following a dialogue yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracked {
    /// Bytes, and what they are.
    Unit {
        /// Which bytes.
        span: Span,
        /// What they are.
        sort: DataSort,
    },
    /// Bytes of the client that must not be shown.
    Secret(Span),
    /// An answer of the server.
    Reply {
        /// The answer, with the rules it broke.
        reply: Box<Parsed<Reply>>,
        /// Whether it is the last word on a command (or asks for more), and not merely data that belongs to one.
        completes: bool,
        /// The verb of the command that it answers, upper case, escaped; empty if nobody knows.
        verb: String,
    },
    /// One side sent more than is taken; it cannot be followed any longer.
    TooLarge {
        /// `line`, `lines`, `reply` or `literal`.
        what: &'static str,
        /// The cap, in bytes or lines.
        limit: u64,
        /// The bytes that were looked at.
        at: Span,
    },
}

impl Tracker {
    /// A tracker for a connection that begins now.
    pub fn new(protocol: Protocol, limits: &Limits) -> Tracker {
        let (client, server, dialect) = match protocol {
            Protocol::Smtp | Protocol::Lmtp => (
                FramerMode::Lines,
                FramerMode::Lines,
                Dialect::Smtp(smtp::Smtp::new(protocol == Protocol::Lmtp)),
            ),
            Protocol::Pop3 => (FramerMode::Lines, FramerMode::Lines, Dialect::Pop3(pop3::Pop3::new())),
            Protocol::Imap => {
                (FramerMode::ImapCommands, FramerMode::ImapResponses, Dialect::Imap(imap::Imap::new()))
            }
            Protocol::Sieve => {
                (FramerMode::SieveCommands, FramerMode::SieveResponses, Dialect::Sieve(sieve::Sieve::new()))
            }
        };
        // What we send ourselves may be long: a base64 response of a long password, or a line that tests a limit.
        let mut client_limits = limits.clone();
        client_limits.line = limits.reply_bytes;
        client_limits.imap_line = limits.reply_bytes;
        Tracker {
            limits: limits.clone(),
            client: Framer::new(client, &client_limits),
            server: Framer::new(server, limits),
            emitted: [0, 0],
            state: State::default(),
            dialect,
        }
    }

    /// The state of the session.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The commands that have no final answer yet, the oldest first.
    pub fn pending(&self) -> Vec<Pending> {
        match &self.dialect {
            Dialect::Smtp(smtp) => smtp.pending(),
            Dialect::Pop3(pop3) => pop3.pending(),
            Dialect::Imap(imap) => imap.pending(),
            Dialect::Sieve(sieve) => sieve.pending(),
        }
    }

    /// How many bytes the client has sent.
    pub fn client_offset(&self) -> u64 {
        self.client.rest_from() + self.client.rest().len() as u64
    }

    /// Takes bytes that the client sent.
    pub fn client_sent(&mut self, bytes: &[u8]) -> Vec<Tracked> {
        let mut out = Vec::new();
        self.client.push(bytes);
        loop {
            if let Dialect::Smtp(smtp) = &mut self.dialect
                && self.state.in_data
            {
                let (taken, ended) = smtp.data_length(self.client.rest());
                if taken > 0 {
                    let from = self.client.rest_from();
                    self.client.take(taken);
                    let span = Span::new(Side::Client, from, from + taken as u64);
                    out.push(Tracked::Unit { span, sort: DataSort::Blob });
                }
                if !ended {
                    break;
                }
                self.state.in_data = false;
                continue;
            }
            if let Dialect::Smtp(smtp) = &mut self.dialect {
                let taken = smtp.chunk_length(self.client.rest());
                if taken > 0 {
                    let from = self.client.rest_from();
                    self.client.take(taken);
                    let span = Span::new(Side::Client, from, from + taken as u64);
                    out.push(Tracked::Unit { span, sort: DataSort::Blob });
                    continue;
                }
            }
            if let Dialect::Imap(imap) = &mut self.dialect {
                let taken = imap.passing(self.client.rest().len());
                if taken > 0 {
                    let from = self.client.rest_from();
                    self.client.skip(taken);
                    let span = Span::new(Side::Client, from, from + taken as u64);
                    out.push(Tracked::Unit { span, sort: DataSort::Literal });
                    continue;
                }
                if imap.is_passing() {
                    break;
                }
            }
            let event = self.client.next();
            match event {
                Some(FramerEvent::Unit(unit)) => {
                    self.emit_unit(Side::Client, &unit, &mut out);
                    self.client_unit(&unit, &mut out);
                }
                Some(FramerEvent::TooLarge { what, limit, from, to }) => {
                    out.push(Tracked::TooLarge { what, limit, at: Span::new(Side::Client, from, to) });
                }
                None => {
                    self.emit_partial(Side::Client, &mut out);
                    match self.client.announced() {
                        // In ManageSieve nobody is asked, whatever the client writes.
                        Some(announced)
                            if !announced.synchronising || matches!(self.dialect, Dialect::Sieve(_)) =>
                        {
                            self.let_literal_come(&mut out);
                        }
                        _ => break,
                    }
                }
            }
        }
        out
    }

    /// Takes bytes of the client that stand before the protocol begins: the header of a proxy.
    pub fn client_preamble(&mut self, bytes: &[u8]) -> Tracked {
        self.client.push(bytes);
        let from = self.client.rest_from();
        self.client.skip(bytes.len());
        Tracked::Unit { span: Span::new(Side::Client, from, from + bytes.len() as u64), sort: DataSort::Blob }
    }

    /// Takes bytes that the server sent.
    pub fn server_sent(&mut self, bytes: &[u8]) -> Vec<Tracked> {
        let mut out = Vec::new();
        self.server.push(bytes);
        // After the answer to STARTTLS nothing may come but the handshake: what is here stays in the framer, where
        // `leftover` finds it.
        while !self.state.tls_next {
            match self.server.next() {
                Some(FramerEvent::Unit(unit)) => {
                    self.emit_unit(Side::Server, &unit, &mut out);
                    self.server_unit(&unit, &mut out);
                    if let Some(too_large) = self.too_large(&unit) {
                        out.push(too_large);
                        break;
                    }
                }
                Some(FramerEvent::TooLarge { what, limit, from, to }) => {
                    out.push(Tracked::TooLarge { what, limit, at: Span::new(Side::Server, from, to) });
                }
                None => {
                    self.emit_partial(Side::Server, &mut out);
                    break;
                }
            }
        }
        out
    }

    /// The lines of data that have come of a POP3 response that is not complete; none in other protocols. See
    /// [`crate::pop3::Assembler::take_lines`].
    pub fn take_lines(&mut self) -> Vec<crate::pop3::DataLine> {
        match &mut self.dialect {
            Dialect::Pop3(pop3) => pop3.take_lines(),
            Dialect::Smtp(_) | Dialect::Imap(_) | Dialect::Sieve(_) => Vec::new(),
        }
    }

    /// Takes note that the server's stream has ended: what is left is told as far as it can be read.
    pub fn server_ended(&mut self) -> Vec<Tracked> {
        let mut out = Vec::new();
        if self.state.tls_next {
            return out;
        }
        if let Some(unit) = self.server.finish() {
            self.emit_unit(Side::Server, &unit, &mut out);
            self.server_unit(&unit, &mut out);
        }
        let cut = match &mut self.dialect {
            Dialect::Smtp(smtp) => smtp.cut_short(),
            Dialect::Pop3(pop3) => pop3.cut_short(),
            Dialect::Sieve(sieve) => sieve.cut_short(),
            Dialect::Imap(_) => None,
        };
        out.extend(cut.map(|reply| Tracked::Reply {
            reply: Box::new(reply),
            completes: false,
            verb: String::new(),
        }));
        out
    }

    /// The bytes of the server that stand behind the answer to STARTTLS: hostile, whatever they are
    /// (RFC 9051 §6.2.1).
    pub fn leftover(&self) -> Option<Span> {
        let rest = self.server.rest();
        let from = self.server.rest_from();
        (!rest.is_empty()).then(|| Span::new(Side::Server, from, from + rest.len() as u64))
    }

    /// Takes note that TLS is on. Everything learnt before is void (RFC 3207 §4.2, RFC 9051 §6.2.1, RFC 2595 §4).
    pub fn tls_started(&mut self) {
        self.client.reset();
        self.server.reset();
        self.emitted = [0, 0];
        self.state = State { greeted: self.state.greeted, tls: true, ..State::default() };
        if let Dialect::Sieve(sieve) = &mut self.dialect {
            sieve.tls_started();
        }
    }

    /// Takes note that no handshake follows though STARTTLS was accepted: a tester types on in the clear.
    pub fn tls_declined(&mut self) {
        self.state.tls_next = false;
    }

    /// Takes note that the server does not say what it can do after the handshake, as a ManageSieve server must
    /// (RFC 5804 §2.2): nobody waits for it any longer.
    pub fn forgo_greeting(&mut self) {
        if let Dialect::Sieve(sieve) = &mut self.dialect {
            sieve.forgo_greeting();
        }
    }

    /// Lets the octets of the announced literal come. Those of a large message are passed over: the command counts as
    /// said when they begin.
    fn let_literal_come(&mut self, out: &mut Vec<Tracked>) {
        let size = self.client.announced().map_or(0, |announced| announced.size);
        let Dialect::Imap(imap) = &mut self.dialect else { return self.client.accept_literal() };
        if size <= LARGEST_HELD || !imap.takes_message(self.client.rest()) {
            return self.client.accept_literal();
        }
        let Some(unit) = self.client.refuse_literal() else { return };
        imap.pass(size);
        self.emit_unit(Side::Client, &unit, out);
        self.client_unit(&unit, out);
    }

    fn client_unit(&mut self, unit: &Unit, out: &mut Vec<Tracked>) {
        match &mut self.dialect {
            Dialect::Smtp(smtp) => smtp.client(unit, &mut self.state, out),
            Dialect::Pop3(pop3) => pop3.client(unit, &mut self.state, out),
            Dialect::Imap(imap) => imap.client(unit, &mut self.state, out),
            Dialect::Sieve(sieve) => sieve.client(unit, &mut self.state, out),
        }
    }

    fn server_unit(&mut self, unit: &Unit, out: &mut Vec<Tracked>) {
        match &mut self.dialect {
            Dialect::Smtp(smtp) => smtp.server(unit, &mut self.state, out),
            Dialect::Pop3(pop3) => pop3.server(unit, &mut self.state, out),
            Dialect::Imap(imap) => {
                if let Some(accept) = imap.server(unit, &mut self.state, out) {
                    if accept {
                        self.let_literal_come(out);
                    } else if let Some(unit) = self.client.refuse_literal() {
                        imap.abandoned(&unit, out);
                        self.emitted[0] = 0;
                    }
                }
            }
            Dialect::Sieve(sieve) => sieve.server(unit, &mut self.state, out),
        }
    }

    /// A reply of many lines that does not end.
    fn too_large(&self, unit: &Unit) -> Option<Tracked> {
        let (lines, bytes) = match &self.dialect {
            Dialect::Smtp(smtp) => smtp.unfinished(),
            Dialect::Pop3(pop3) => pop3.unfinished(),
            Dialect::Imap(imap) => imap.unfinished(),
            Dialect::Sieve(sieve) => sieve.unfinished(),
        };
        let at = Span::new(Side::Server, unit.from, unit.to());
        if lines > self.limits.reply_lines {
            Some(Tracked::TooLarge { what: "lines", limit: self.limits.reply_lines as u64, at })
        } else if bytes > self.limits.reply_bytes as u64 {
            Some(Tracked::TooLarge { what: "reply", limit: self.limits.reply_bytes as u64, at })
        } else {
            None
        }
    }

    fn emit_unit(&mut self, side: Side, unit: &Unit, out: &mut Vec<Tracked>) {
        let done = std::mem::take(&mut self.emitted[side as usize]);
        for part in unit.parts.iter().skip(done) {
            let span = Span::new(side, unit.from + part.from as u64, unit.from + part.to as u64);
            let sort = match (part.kind, part.ending) {
                (PartKind::Literal, _) => DataSort::Literal,
                (PartKind::Line, Ending::None) => DataSort::Blob,
                (PartKind::Line, _) => DataSort::Line,
            };
            out.push(Tracked::Unit { span, sort });
        }
    }

    fn emit_partial(&mut self, side: Side, out: &mut Vec<Tracked>) {
        let framer = if side == Side::Client { &self.client } else { &self.server };
        let (parts, from) = framer.partial();
        for part in &parts[self.emitted[side as usize].min(parts.len())..] {
            let span = Span::new(side, from + part.from as u64, from + part.to as u64);
            let sort = if part.kind == PartKind::Literal { DataSort::Literal } else { DataSort::Line };
            out.push(Tracked::Unit { span, sort });
        }
        self.emitted[side as usize] = parts.len();
    }
}

/// A deviation on the whole of `reply`, told with it.
fn also(mut reply: Parsed<Reply>, kind: DeviationKind) -> Parsed<Reply> {
    let span = reply.value.span();
    reply.deviations.push(Deviation::new(kind, span));
    reply
}

#[cfg(test)]
mod tests;

use super::{Pending, State, Tracked, also};
use crate::smtp::{Assembler, Request, parse_request};
use crate::{Parsed, Reply, Unit};
use ehlo_core::facts::Answered;
use ehlo_core::{DeviationKind, Side, Span};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct Smtp {
    lmtp: bool,
    pending: VecDeque<Wait>,
    assembler: Assembler,
    accepted_recipients: usize,
    /// How many recipients the message has that was sent last: each may get a reply of its own.
    answered_each: usize,
    /// How much of CR LF . CR LF the data ends with so far; a message begins as if after CR LF.
    dot: usize,
    /// Octets of a BDAT chunk that are still to come: no commands, whatever they look like (RFC 3030 §2).
    chunk: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wait {
    Greeting,
    Command(String),
    Auth,
    Data,
    DataEnd,
}

fn verb_of(wait: &Wait) -> String {
    match wait {
        Wait::Greeting => "greeting".to_owned(),
        Wait::Command(verb) => verb.clone(),
        Wait::Auth => "AUTH".into(),
        Wait::Data | Wait::DataEnd => "DATA".into(),
    }
}

impl Smtp {
    pub(super) fn new(lmtp: bool) -> Smtp {
        Smtp {
            lmtp,
            pending: VecDeque::from([Wait::Greeting]),
            assembler: Assembler::default(),
            accepted_recipients: 0,
            answered_each: 0,
            dot: 0,
            chunk: 0,
        }
    }

    pub(super) fn pending(&self) -> Vec<Pending> {
        self.pending.iter().map(|wait| Pending { verb: verb_of(wait), tag: None }).collect()
    }

    pub(super) fn unfinished(&self) -> (usize, u64) {
        (self.assembler.pending_lines(), self.assembler.pending_bytes())
    }

    pub(super) fn cut_short(&mut self) -> Option<Parsed<Reply>> {
        Some(self.assembler.cut_short()?.map(Reply::Smtp))
    }

    /// How many of `bytes` belong to a chunk.
    pub(super) fn chunk_length(&mut self, bytes: &[u8]) -> usize {
        let taken = usize::try_from(self.chunk).unwrap_or(usize::MAX).min(bytes.len());
        self.chunk -= taken as u64;
        taken
    }

    /// How many of `bytes` are mail data, and whether the data ends there (RFC 5321 §4.1.1.4).
    pub(super) fn data_length(&mut self, bytes: &[u8]) -> (usize, bool) {
        const END: &[u8] = b"\r\n.\r\n";
        for (at, &byte) in bytes.iter().enumerate() {
            self.dot = match (self.dot, byte) {
                (n, byte) if byte == END[n] => n + 1,
                (_, b'\r') => 1,
                _ => 0,
            };
            if self.dot == END.len() {
                self.dot = 0;
                self.message_ended(Wait::DataEnd);
                return (at + 1, true);
            }
        }
        (bytes.len(), false)
    }

    /// A message is whole. In LMTP each accepted recipient gets a reply (RFC 2033 §4.2), with BDAT as well.
    fn message_ended(&mut self, wait: Wait) {
        let count = if self.lmtp { self.accepted_recipients.max(1) } else { 1 };
        self.pending.extend(std::iter::repeat_n(wait, count));
        self.answered_each = std::mem::take(&mut self.accepted_recipients);
    }

    pub(super) fn client(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) {
        let line = unit.first_line();
        let secret = |from: usize, to: usize| {
            Tracked::Secret(Span::new(Side::Client, unit.from + from as u64, unit.from + to as u64))
        };
        if self.pending.contains(&Wait::Auth) {
            // `*` cancels (RFC 4954 §4); everything else is a response.
            if line != b"*" {
                out.push(secret(0, line.len()));
            }
            return;
        }
        let verb = line.split(|&b| b == b' ').next().unwrap_or_default().to_ascii_uppercase();
        if verb == b"BDAT" {
            let mut words = line.split(|&b| b == b' ').filter(|w| !w.is_empty()).skip(1);
            let size = words.next().unwrap_or_default();
            self.chunk = std::str::from_utf8(size).ok().and_then(|s| s.parse().ok()).unwrap_or(0);
            if words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"LAST")) {
                return self.message_ended(Wait::Command("BDAT".into()));
            }
        }
        let wait = match parse_request(line) {
            Request::Auth { initial, .. } => {
                if let Some(initial) = initial.filter(|i| i != b"=") {
                    out.push(secret(line.trim_ascii_end().len() - initial.len(), line.len()));
                }
                state.authenticating = true;
                Wait::Auth
            }
            Request::Data => Wait::Data,
            // A malformed AUTH may hold a secret all the same.
            Request::Syntax(_) if verb == b"AUTH" => {
                out.push(secret(verb.len().min(line.len()), line.len()));
                Wait::Command("AUTH".into())
            }
            _ => Wait::Command(ehlo_core::escape(&verb)),
        };
        self.pending.push_back(wait);
    }

    pub(super) fn server(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) {
        let Some(parsed) = self.assembler.push(unit, false) else { return };
        let code = parsed.value.code;
        let answered = parsed.value.answered();
        let mut reply = parsed.map(Reply::Smtp);
        let Some(wait) = self.pending.front().cloned() else {
            state.ended |= code == Some(421);
            reply = also(reply, DeviationKind::UnaskedReply);
            out.push(Tracked::Reply { reply: Box::new(reply), completes: false, verb: String::new() });
            return;
        };
        let more = wait == Wait::Auth && answered == Answered::Continue;
        if !more {
            self.pending.pop_front();
        }
        let verb = verb_of(&wait);
        let ends_message = wait == Wait::DataEnd || verb == "BDAT";
        if ends_message && code == Some(353) && !self.lmtp {
            // PRDR: a reply for each recipient follows, and one for all.
            for _ in 0..=self.answered_each {
                self.pending.push_front(Wait::DataEnd);
            }
        }
        match wait {
            Wait::Greeting => state.greeted = true,
            Wait::Auth => {
                state.authenticating = more;
                state.authenticated |= answered == Answered::Accepted;
            }
            Wait::Data => {
                state.in_data = answered == Answered::Continue;
                self.dot = 2;
            }
            Wait::DataEnd => {}
            Wait::Command(verb) if answered == Answered::Accepted => match verb.as_str() {
                // RFC 3207 §4: 220 and nothing else lets the handshake follow.
                "STARTTLS" => state.tls_next = code == Some(220),
                "QUIT" => state.ended = true,
                "RCPT" => self.accepted_recipients += 1,
                "MAIL" | "RSET" | "EHLO" | "HELO" | "LHLO" => self.accepted_recipients = 0,
                _ => {}
            },
            Wait::Command(_) => {}
        }
        // "Service closing transmission channel" (RFC 5321 §4.2.3): Postfix says so to whoever misbehaves, too.
        state.ended |= matches!(code, Some(221 | 421));
        out.push(Tracked::Reply { reply: Box::new(reply), completes: true, verb });
    }
}

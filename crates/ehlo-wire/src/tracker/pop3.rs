use super::{Pending, State, Tracked, also};
use crate::pop3::{Assembler, DataLine, Request, Status, answers_with_lines, parse_request};
use crate::{Parsed, Reply, Unit};
use ehlo_core::{DeviationKind, Side, Span};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct Pop3 {
    pending: VecDeque<Wait>,
    assembler: Assembler,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    verb: String,
    multi_line: bool,
    sasl: bool,
}

impl Pop3 {
    pub(super) fn new() -> Pop3 {
        let greeting = Wait { verb: "greeting".into(), multi_line: false, sasl: false };
        Pop3 { pending: VecDeque::from([greeting]), assembler: Assembler::default() }
    }

    pub(super) fn pending(&self) -> Vec<Pending> {
        self.pending.iter().map(|wait| Pending { verb: wait.verb.clone(), tag: None }).collect()
    }

    pub(super) fn unfinished(&self) -> (usize, u64) {
        (self.assembler.pending_lines(), self.assembler.pending_bytes())
    }

    pub(super) fn take_lines(&mut self) -> Vec<DataLine> {
        self.assembler.take_lines()
    }

    pub(super) fn cut_short(&mut self) -> Option<Parsed<Reply>> {
        Some(self.assembler.cut_short()?.map(Reply::Pop3))
    }

    pub(super) fn client(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) {
        let line = unit.first_line();
        let mut secret = |from: usize, to: usize| {
            out.push(Tracked::Secret(Span::new(
                Side::Client,
                unit.from + from as u64,
                unit.from + to as u64,
            )));
        };
        if self.pending.iter().any(|wait| wait.sasl) {
            if line != b"*" {
                secret(0, line.len());
            }
            return;
        }
        let verb = line.split(|&b| b == b' ').next().unwrap_or_default().to_ascii_uppercase();
        let argument = (verb.len() + 1).min(line.len());
        let mut sasl = false;
        match (verb.as_slice(), parse_request(line)) {
            (b"PASS", _) => secret(argument, line.len()),
            (b"APOP", Request::Apop { digest, .. }) => {
                secret(line.trim_ascii_end().len() - digest.len(), line.len());
            }
            (b"AUTH", Request::Auth { mechanism: Some(_), initial }) => {
                sasl = true;
                state.authenticating = true;
                if let Some(initial) = initial.filter(|i| i != b"=") {
                    secret(line.trim_ascii_end().len() - initial.len(), line.len());
                }
            }
            // Malformed, but it may hold a secret all the same.
            (b"APOP" | b"AUTH", Request::Syntax(_)) => secret(argument, line.len()),
            _ => {}
        }
        let multi_line = answers_with_lines(line);
        self.pending.push_back(Wait { verb: ehlo_core::escape(&verb), multi_line, sasl });
    }

    pub(super) fn server(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) {
        let wait = self.pending.front().cloned();
        let multi_line = wait.as_ref().is_some_and(|w| w.multi_line);
        let Some(parsed) = self.assembler.push(unit, multi_line) else { return };
        let status = parsed.value.status;
        let mut reply = parsed.map(Reply::Pop3);
        let Some(wait) = wait else {
            reply = also(reply, DeviationKind::UnaskedReply);
            out.push(Tracked::Reply { reply: Box::new(reply), completes: false, verb: String::new() });
            return;
        };
        let more = wait.sasl && status == Status::Continue;
        if !more {
            self.pending.pop_front();
        }
        if wait.sasl {
            state.authenticating = more;
        }
        if status == Status::Ok {
            match wait.verb.as_str() {
                "STLS" => state.tls_next = true,
                "PASS" | "APOP" => state.authenticated = true,
                "AUTH" if wait.sasl => state.authenticated = true,
                "QUIT" => state.ended = true,
                _ => {}
            }
        }
        state.greeted = true;
        out.push(Tracked::Reply { reply: Box::new(reply), completes: true, verb: wait.verb });
    }
}

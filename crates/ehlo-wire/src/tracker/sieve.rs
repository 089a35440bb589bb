use super::{Pending, State, Tracked, also};
use crate::sieve::{Assembler, Response, Status, words};
use crate::{Ending, Parsed, Reply, Unit};
use ehlo_core::{DeviationKind, Side, Span};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct Sieve {
    pending: VecDeque<Wait>,
    assembler: Assembler,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    verb: String,
    /// A login, so that what follows is a response and secret.
    login: bool,
}

impl Wait {
    fn greeting() -> Wait {
        Wait { verb: "greeting".into(), login: false }
    }
}

impl Sieve {
    pub(super) fn new() -> Sieve {
        Sieve { pending: VecDeque::from([Wait::greeting()]), assembler: Assembler::default() }
    }

    pub(super) fn pending(&self) -> Vec<Pending> {
        self.pending.iter().map(|wait| Pending { verb: wait.verb.clone(), tag: None }).collect()
    }

    pub(super) fn unfinished(&self) -> (usize, u64) {
        (self.assembler.pending_lines(), self.assembler.pending_bytes())
    }

    pub(super) fn cut_short(&mut self) -> Option<Parsed<Reply>> {
        Some(self.assembler.cut_short()?.map(Reply::Sieve))
    }

    /// After the handshake the server says what it can do, unasked (RFC 5804 §2.2).
    pub(super) fn tls_started(&mut self) {
        self.assembler = Assembler::default();
        self.pending = VecDeque::from([Wait::greeting()]);
    }

    /// Nobody waits for that any longer.
    pub(super) fn forgo_greeting(&mut self) {
        if self.pending.front() == Some(&Wait::greeting()) {
            self.pending.pop_front();
        }
    }

    pub(super) fn client(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) {
        let end = unit.to().saturating_sub(match unit.parts.last().map(|p| p.ending) {
            Some(Ending::CrLf) => 2,
            Some(Ending::Lf) => 1,
            _ => 0,
        });
        let mut deviations = Vec::new();
        let (verb, args) = words(unit, &mut deviations);
        if self.pending.iter().any(|wait| wait.login) {
            if verb != "*" {
                out.push(Tracked::Secret(Span::new(Side::Client, unit.from, end)));
            }
            return;
        }
        let login = verb == "AUTHENTICATE";
        if login {
            state.authenticating = true;
            if let Some(initial) = args.get(1) {
                // Everything from there on: what was not quoted as it should be is a secret all the same.
                out.push(Tracked::Secret(Span::new(Side::Client, initial.span.from, end)));
            }
        }
        self.pending.push_back(Wait { verb, login });
    }

    pub(super) fn server(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) {
        let login = self.pending.front().is_some_and(|wait| wait.login);
        let Some(parsed) = self.assembler.push(unit, login) else { return };
        self.forgo_if_skipped(&parsed.value, state);
        let status = parsed.value.status;
        let goes_on = parsed.value.challenge.is_some();
        let mut reply = parsed.map(Reply::Sieve);
        state.ended |= status == Some(Status::Bye);
        let Some(wait) = self.pending.front().cloned() else {
            reply = also(reply, DeviationKind::UnaskedReply);
            out.push(Tracked::Reply { reply: Box::new(reply), completes: false, verb: String::new() });
            return;
        };
        if !goes_on {
            self.pending.pop_front();
        }
        if wait.login {
            state.authenticating = goes_on;
        }
        if status == Some(Status::Ok) {
            match wait.verb.as_str() {
                "STARTTLS" => state.tls_next = true,
                "AUTHENTICATE" => state.authenticated = true,
                "UNAUTHENTICATE" => state.authenticated = false,
                "LOGOUT" => state.ended = true,
                _ => {}
            }
        }
        state.greeted = true;
        out.push(Tracked::Reply { reply: Box::new(reply), completes: true, verb: wait.verb });
    }

    /// A server that keeps silent after the handshake answers the first command instead. That shows if the answer lists
    /// no capabilities.
    fn forgo_if_skipped(&mut self, response: &Response, state: &State) {
        if state.tls && self.pending.len() > 1 && !response.lists_capabilities() {
            self.forgo_greeting();
        }
    }
}

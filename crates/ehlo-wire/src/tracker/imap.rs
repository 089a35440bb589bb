use super::{Pending, State, Tracked, also};
use crate::imap::{ResponseKind, StatusKind, parse_request, parse_response};
use crate::{Reply, Unit};
use ehlo_core::{DeviationKind, Side, Span};

#[derive(Clone, Debug)]
pub(super) struct Imap {
    greeted: bool,
    pending: Vec<Wait>,
    /// Untagged data since the last completion: bounded as a whole, since a flood is one too.
    lines: usize,
    bytes: u64,
    /// So many octets of a message that the client sends are still to come.
    passing: u64,
    /// What comes behind them belongs to the same command.
    goes_on: GoesOn,
}

/// Whether the next line of the client belongs to a command that was told already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoesOn {
    No,
    /// The command is told now.
    Begins,
    Yes,
}

#[derive(Clone, Debug)]
struct Wait {
    tag: Option<String>,
    name: String,
    mailbox: Option<Vec<u8>>,
}

impl Imap {
    pub(super) fn new() -> Imap {
        Imap { greeted: false, pending: Vec::new(), lines: 0, bytes: 0, passing: 0, goes_on: GoesOn::No }
    }

    /// Whether what stands in front of a literal is a command that puts a message into a mailbox, or its continuation.
    pub(super) fn takes_message(&self, line: &[u8]) -> bool {
        let name = line.split(|&b| b == b' ').nth(1).unwrap_or_default();
        self.goes_on == GoesOn::Yes || name.eq_ignore_ascii_case(b"APPEND")
    }

    /// A message of so many octets follows.
    pub(super) fn pass(&mut self, octets: u64) {
        self.passing = octets;
        self.goes_on = if self.goes_on == GoesOn::Yes { GoesOn::Yes } else { GoesOn::Begins };
    }

    /// How many of `here` octets belong to the message that passes by.
    pub(super) fn passing(&mut self, here: usize) -> usize {
        let taken = usize::try_from(self.passing).unwrap_or(usize::MAX).min(here);
        self.passing -= taken as u64;
        taken
    }

    /// Whether more of it is to come.
    pub(super) fn is_passing(&self) -> bool {
        self.passing > 0
    }

    pub(super) fn pending(&self) -> Vec<Pending> {
        if !self.greeted {
            return vec![Pending::greeting()];
        }
        self.pending.iter().map(|w| Pending { verb: w.name.clone(), tag: w.tag.clone() }).collect()
    }

    pub(super) fn unfinished(&self) -> (usize, u64) {
        (self.lines, self.bytes)
    }

    pub(super) fn client(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) {
        let line = unit.first_line();
        match self.goes_on {
            // A command with another message tells nothing new; its end is the end of it.
            GoesOn::Yes => {
                if self.passing == 0 {
                    self.goes_on = GoesOn::No;
                }
                return;
            }
            GoesOn::Begins => self.goes_on = GoesOn::Yes,
            GoesOn::No => {}
        }
        if self.pending.iter().any(|w| w.name == "AUTHENTICATE") {
            if line != b"*" {
                out.push(Tracked::Secret(Span::new(Side::Client, unit.from, unit.from + line.len() as u64)));
            }
            return;
        }
        if self.pending.iter().any(|w| w.name == "IDLE") && line.eq_ignore_ascii_case(b"DONE") {
            return;
        }
        let request = parse_request(unit).value;
        if request.name == "AUTHENTICATE" {
            state.authenticating = true;
        }
        secrets(&request, unit, out);
        let mailbox = matches!(request.name.as_str(), "SELECT" | "EXAMINE")
            .then(|| request.args.first()?.astring().map(<[u8]>::to_vec))
            .flatten();
        self.pending.push(Wait { tag: request.tag, name: request.name, mailbox });
    }

    /// A command that was given up because the server refused its literal: it may hold secrets all the same. The
    /// refusal has answered it, so it is not pending.
    pub(super) fn abandoned(&mut self, unit: &Unit, out: &mut Vec<Tracked>) {
        secrets(&parse_request(unit).value, unit, out);
    }

    /// Reads a response. `Some(true)`: it lets the literal come that the client announced; `Some(false)`: it
    /// refuses it.
    pub(super) fn server(&mut self, unit: &Unit, state: &mut State, out: &mut Vec<Tracked>) -> Option<bool> {
        let parsed = parse_response(unit);
        let kind = parsed.value.kind.clone();
        let mut reply = parsed.map(Reply::Imap);
        let mut completes = false;
        let mut verb = String::new();
        let mut literal = None;
        match &kind {
            ResponseKind::Continuation(_) => {
                let wanted = self.pending.iter().any(|w| matches!(w.name.as_str(), "AUTHENTICATE" | "IDLE"));
                if !wanted {
                    literal = Some(true);
                }
                completes = true;
            }
            ResponseKind::Status(status) if !self.greeted && status.tag.is_none() => {
                completes = true;
                state.authenticated = status.kind == StatusKind::Preauth;
                state.ended = status.kind == StatusKind::Bye;
            }
            ResponseKind::Status(status) => match &status.tag {
                None => {
                    state.ended |= status.kind == StatusKind::Bye;
                    // A line without a proper tag can only be answered without one.
                    let untagged = self.pending.iter().position(|w| w.tag.is_none());
                    if let (StatusKind::Bad | StatusKind::No, Some(at)) = (status.kind, untagged) {
                        self.pending.remove(at);
                        completes = true;
                    }
                }
                Some(tag) => {
                    let tag = String::from_utf8_lossy(tag);
                    match self.pending.iter().position(|w| w.tag.as_deref() == Some(&*tag)) {
                        Some(at) => {
                            let wait = self.pending.remove(at);
                            completed(&wait, status.kind, state);
                            verb = wait.name;
                            completes = true;
                        }
                        None => {
                            // The command that announced a literal is not pending yet: it is not whole.
                            literal = Some(false);
                            if self.pending.is_empty() {
                                completes = true;
                            }
                            reply = also(reply, DeviationKind::UnknownTag);
                        }
                    }
                }
            },
            ResponseKind::Junk if !self.greeted => completes = true,
            ResponseKind::Data(_) | ResponseKind::Junk => {}
        }
        if !self.greeted && !completes {
            reply = also(reply, DeviationKind::UnexpectedResponse);
            completes = true;
        }
        self.greeted = true;
        state.greeted = true;
        if completes {
            self.lines = 0;
            self.bytes = 0;
        } else {
            self.lines += 1;
            self.bytes += unit.bytes.len() as u64;
        }
        out.push(Tracked::Reply { reply: Box::new(reply), completes, verb });
        literal
    }
}

fn completed(wait: &Wait, status: StatusKind, state: &mut State) {
    let ok = status == StatusKind::Ok;
    match wait.name.as_str() {
        "AUTHENTICATE" => {
            state.authenticating = false;
            state.authenticated |= ok;
        }
        "LOGIN" => state.authenticated |= ok,
        "STARTTLS" => state.tls_next = ok,
        "SELECT" | "EXAMINE" => state.selected = if ok { wait.mailbox.clone() } else { None },
        "CLOSE" | "UNSELECT" if ok => state.selected = None,
        "LOGOUT" => state.ended |= ok,
        _ => {}
    }
}

/// The places of secrets: the password of LOGIN, the initial response of AUTHENTICATE.
fn secrets(request: &crate::imap::Request, unit: &Unit, out: &mut Vec<Tracked>) {
    if !matches!(request.name.as_str(), "LOGIN" | "AUTHENTICATE") {
        return;
    }
    let Some(first) = request.args.get(1) else { return };
    if request.name == "AUTHENTICATE" && first.is_atom("=") {
        return;
    }
    // Everything from there on: a password with a blank that was not quoted is still a password.
    let end = unit.to().saturating_sub(match unit.parts.last().map(|p| p.ending) {
        Some(crate::Ending::CrLf) => 2,
        Some(crate::Ending::Lf) => 1,
        _ => 0,
    });
    out.push(Tracked::Secret(Span::new(Side::Client, first.span.from, end)));
}

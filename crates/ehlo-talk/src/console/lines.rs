//! What is typed.

use super::{Awaited, Console, Do, Held, Item, View};
use crate::guard::{self, Exposure};
use crate::{Context, Hint, Show, command};
use ehlo_core::Protocol;
use ehlo_wire::State;

impl Console {
    pub(super) fn process(&mut self, item: Item, view: &View<'_>) {
        let (line, own) = match item {
            Item::Typed(line) => (line, false),
            Item::Own(line) => (line, true),
        };
        self.own_question = own;
        if own {
            return self.say(line, true, view);
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        if let Some((name, arguments)) = command::parse(&text) {
            if name != "yes" {
                self.drop_held();
            }
            return self.command(name, arguments, view);
        }
        self.drop_held();
        // A second colon in front means the line itself; an unknown command is a mistake, except in a message.
        let state = self.state(view);
        let line = match line.strip_prefix(b"::") {
            Some(rest) => [b":", rest].concat(),
            None if line.starts_with(b":")
                && line.len() > 1
                && !state.in_data
                && self.settings.protocol.is_some() =>
            {
                let word = ehlo_core::escape(text.split(' ').next().unwrap_or_default().as_bytes());
                return self.note("unknown-command", &[("word", &word)]);
            }
            None => line,
        };
        let empty = line.is_empty() && !self.context(view).is_continuing();
        if empty && self.settings.protocol.is_some() {
            // Return pressed once too often is no command of anybody.
            return;
        }
        self.type_line(line, false, view);
    }

    fn drop_held(&mut self) {
        if self.held.take().is_some() {
            self.refused += 1;
            self.note("dropped", &[]);
        }
    }

    /// Sends a line that somebody typed, unless it must be confirmed first.
    pub(super) fn type_line(&mut self, line: Vec<u8>, confirmed: bool, view: &View<'_>) {
        if !self.connected {
            self.refused += 1;
            return self.note("not-connected", &[]);
        }
        let context = self.context(view);
        for hint in context.hints(&String::from_utf8_lossy(&line)) {
            let is_held = hint.id == "secret-clear" && confirmed;
            if !is_held {
                self.hint(hint);
            }
        }
        if !confirmed {
            match context.exposure(&line) {
                Exposure::Clear => {
                    self.held = Some(Held::Line(line));
                    return self.note("held", &[]);
                }
                // An unverified certificate may be the attacker's: no confirmation lifts that.
                Exposure::Unverified => {
                    self.refused += 1;
                    return;
                }
                Exposure::Hashed | Exposure::None => {}
            }
            if context.refused_logins >= 2 && guard::tries_login(context.protocol, &line) {
                self.hint(Hint::new("third-login").with("count", context.refused_logins));
                self.held = Some(Held::Line(line));
                return self.note("held", &[]);
            }
        }
        self.say(line, false, view);
    }

    /// Sends a line.
    pub(super) fn say(&mut self, line: Vec<u8>, own: bool, view: &View<'_>) {
        if !self.connected {
            return;
        }
        let context = self.context(view);
        let state = self.state(view);
        let wants_tag = context.wants_tag(&line);
        if wants_tag {
            self.tags += 1;
        }
        let bytes = context.on_the_wire(&line, self.tags);
        self.follow(&context, &state, &bytes);
        if state.tls_next {
            self.out.push_back(Do::DeclineTls);
        }
        // Whoever sees himself type is shown only what is different.
        if own || wants_tag || self.settings.echo {
            self.show(Show::Sent(hidden(&context, &line, wants_tag.then_some(self.tags))));
        }
        self.out.push_back(Do::Send(bytes));
    }

    /// Takes note of what a line begins.
    fn follow(&mut self, context: &Context, state: &State, bytes: &[u8]) {
        let line = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        if state.in_data {
            if line == b"." {
                self.context.message.clear();
            } else if self.context.message.len() < 256 * 1024 {
                self.context.message.extend_from_slice(bytes);
            }
            return;
        }
        self.context.data_refused = false;
        if state.authenticating {
            self.context.answers += 1;
            return;
        }
        if let Some(left) = self.context.literal {
            let length = bytes.len() as u64;
            self.context.literal = left.checked_sub(length);
            return;
        }
        match guard::begins(context.protocol, line) {
            Some((mechanism, initial)) => {
                self.context.mechanism = Some(mechanism);
                self.context.answers = usize::from(initial);
            }
            None if !guard::looks_encoded(context.protocol, &String::from_utf8_lossy(line)) => {
                self.context.login_refused = false
            }
            None => {}
        }
        self.context.read_only = match self.context.protocol {
            Some(Protocol::Imap) => {
                let upper = String::from_utf8_lossy(line).to_ascii_uppercase();
                match upper.split(' ').nth(1) {
                    Some("EXAMINE") => true,
                    Some("SELECT") => false,
                    _ => self.context.read_only,
                }
            }
            _ => false,
        };
    }

    /// Takes note that bytes were sent.
    pub fn sent(&mut self, bytes: &[u8], view: &View<'_>) {
        self.last_word = view.now;
        if self.settings.protocol.is_none() {
            // Nobody can tell when the answer is whole. A pipe waits for something, a person looks for himself.
            if self.settings.echo {
                self.wait(Awaited::Answer, view);
            }
            return;
        }
        if let Some((octets, synchronising)) = announced(bytes, self.settings.protocol)
            && self.context.literal.is_none()
            && !self.state(view).in_data
            && !self.state(view).authenticating
        {
            if synchronising && self.settings.protocol == Some(Protocol::Imap) {
                return self.wait(Awaited::Literal(octets), view);
            }
            self.context.literal = Some(octets);
            return;
        }
        self.wait_if_due(view);
    }

    /// Waits for an answer, if one is due.
    pub(super) fn wait_if_due(&mut self, view: &View<'_>) {
        let Some(tracker) = view.tracker else { return };
        let state = tracker.state();
        let due = !tracker.pending().is_empty() && !state.in_data && self.context.literal.is_none();
        if due {
            self.wait(Awaited::Answer, view);
        }
    }

    pub(super) fn state(&self, view: &View<'_>) -> State {
        view.tracker.map(|t| t.state().clone()).unwrap_or_default()
    }
}

/// A line as it may be shown: its secrets as asterisks.
fn hidden(context: &Context, line: &[u8], tag: Option<u32>) -> Vec<u8> {
    let mut shown = line.to_vec();
    for range in context.secrets(line) {
        shown[range].fill(b'*');
    }
    match tag {
        Some(number) => crate::tagged(&shown, number),
        None => shown,
    }
}

/// The literal that a line announces at its end: how many octets, and whether the server is asked first
/// (RFC 9051 §4.3, RFC 5804 §1.2).
fn announced(bytes: &[u8], protocol: Option<Protocol>) -> Option<(u64, bool)> {
    if !matches!(protocol, Some(Protocol::Imap | Protocol::Sieve)) {
        return None;
    }
    let line = bytes.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let from = line.iter().rposition(|&b| b == b'{')?;
    let inner = std::str::from_utf8(&line[from + 1..]).ok()?;
    let (digits, synchronising) = match inner.strip_suffix(['+', '-']) {
        Some(digits) => (digits, false),
        None => (inner, true),
    };
    let good = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    good.then(|| digits.parse().ok()).flatten().map(|n| (n, synchronising))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_announced_at_the_end_of_a_line() {
        let imap = Some(Protocol::Imap);
        assert_eq!(announced(b"a1 APPEND INBOX {310}\r\n", imap), Some((310, true)));
        assert_eq!(announced(b"a1 LOGIN {3+}\r\n", imap), Some((3, false)));
        for none in [&b"a1 NOOP\r\n"[..], b"a1 X {}\r\n", b"a1 X {3} y\r\n", b"a1 X {3}"] {
            assert_eq!(announced(none, imap), None);
        }
        assert_eq!(announced(b"RCPT TO:<{3}>\r\n", Some(Protocol::Smtp)), None);
        assert_eq!(announced(b"x {3}\r\n", Some(Protocol::Smtp)), None);
    }
}

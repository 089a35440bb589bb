use crate::guard::{self, Exposure};
use crate::{Cap, has_tag};
use ehlo_core::facts::TlsFacts;
use ehlo_core::{Protocol, Side};
use ehlo_wire::{State, Tracked, Tracker};
use std::ops::Range;

/// What the console knows at one moment: from this a line is judged while it is typed.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// What is spoken; none for a protocol that nobody knows.
    pub protocol: Option<Protocol>,
    /// Follows the dialogue; none without a connection.
    pub tracker: Option<Tracker>,
    /// Whether TLS is on, and whether the server is who it should be.
    pub tls: Option<bool>,
    /// What the server says it can do.
    pub caps: Vec<Cap>,
    /// The names of mailboxes (IMAP) or scripts (ManageSieve) that were seen, as on the wire.
    pub folders: Vec<String>,
    /// The server has refused DATA, and nothing was said since.
    pub data_refused: bool,
    /// EHLO, HELO or LHLO was accepted.
    pub introduced: bool,
    /// A sender was accepted (SMTP).
    pub has_sender: bool,
    /// How many octets of a literal are still wanted.
    pub literal: Option<u64>,
    /// IDLE is on.
    pub idling: bool,
    /// The mailbox was opened by EXAMINE.
    pub read_only: bool,
    /// Lines of IMAP get a tag.
    pub tags: bool,
    /// The mechanism of the login that is under way, or was begun last, upper case.
    pub mechanism: Option<String>,
    /// How many answers of that login were sent.
    pub answers: usize,
    /// A login was refused, and what follows may still be typed for it.
    pub login_refused: bool,
    /// How many logins were refused so far.
    pub refused_logins: usize,
    /// The passwords are no secrets: the embedded lab.
    pub no_secrets: bool,
    /// What is as good as a password may go out in the clear.
    pub insecure_auth: bool,
    /// The header and text of the message that is being typed.
    pub message: Vec<u8>,
}

impl Context {
    /// The state of the session.
    pub fn state(&self) -> State {
        self.tracker.as_ref().map(|t| t.state().clone()).unwrap_or_default()
    }

    /// TLS is on, as far as a reader of the context can tell.
    pub fn of_tls(tls: Option<&TlsFacts>) -> Option<bool> {
        tls.map(TlsFacts::is_verified)
    }

    /// The bytes that a typed line becomes: with a tag where one is wanted, and with its ending.
    pub fn on_the_wire(&self, line: &[u8], number: u32) -> Vec<u8> {
        let mut bytes = match self.wants_tag(line) {
            true => crate::tagged(line, number),
            false => line.to_vec(),
        };
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// Whether a line of IMAP lacks a tag.
    pub fn wants_tag(&self, line: &[u8]) -> bool {
        self.protocol == Some(Protocol::Imap)
            && self.tags
            && !self.is_continuing()
            && !line.is_empty()
            && !has_tag(&String::from_utf8_lossy(line))
    }

    /// Whether what is typed goes on with something that was begun: mail data, a literal, a login, IDLE.
    pub fn is_continuing(&self) -> bool {
        let state = self.state();
        state.in_data || state.authenticating || self.idling || self.literal.is_some()
    }

    /// Where in a typed line secrets stand, by their place in the protocol.
    pub fn secrets(&self, line: &[u8]) -> Vec<Range<usize>> {
        let Some(tracker) = &self.tracker else { return Vec::new() };
        let bytes = self.on_the_wire(line, 0);
        let added = bytes.len() - line.len() - 2;
        let begin = tracker_offset(tracker, &bytes);
        let mut found = Vec::new();
        for item in &begin.1 {
            if let Tracked::Secret(span) = item {
                let from = usize::try_from(span.from.saturating_sub(begin.0)).unwrap_or(0);
                let to = usize::try_from(span.to.saturating_sub(begin.0)).unwrap_or(0);
                let range = from.saturating_sub(added)..to.saturating_sub(added).min(line.len());
                if !range.is_empty() {
                    found.push(range);
                }
            }
        }
        found
    }

    /// Whether a line may be remembered: it holds no secret, and is none.
    pub fn may_be_remembered(&self, line: &str) -> bool {
        let state = self.state();
        let continuing = state.in_data || state.authenticating || self.literal.is_some();
        if continuing || self.login_refused && guard::looks_encoded(self.protocol, line) {
            return false;
        }
        // What follows a login in the same paste may be its password.
        let begins = line.contains('\n') && line.lines().any(begins_login);
        let word = |line: &str| line.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        !begins
            && line.lines().all(|line| {
                self.secrets(line.as_bytes()).is_empty() && !matches!(word(line).as_str(), ":b64" | ":raw")
            })
    }

    /// What keeps a line from being sent, if anything.
    pub(crate) fn exposure(&self, line: &[u8]) -> Exposure {
        guard::exposure(self, line)
    }
}

fn begins_login(line: &str) -> bool {
    line.split(' ').take(2).any(|word| {
        let word = word.to_ascii_uppercase();
        matches!(word.as_str(), "AUTH" | "AUTHENTICATE" | "LOGIN" | "PASS" | "APOP")
    })
}

/// What a copy of the tracker makes of bytes, and where in the stream of the client they begin.
fn tracker_offset(tracker: &Tracker, bytes: &[u8]) -> (u64, Vec<Tracked>) {
    let mut copy = tracker.clone();
    let from = copy.client_offset();
    let tracked = copy.client_sent(bytes);
    debug_assert!(tracked.iter().all(|t| !matches!(t, Tracked::Secret(s) if s.side == Side::Server)));
    (from, tracked)
}

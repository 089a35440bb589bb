use super::piece::{Flow, Piece};
use super::session::{Event, Happened, MOST_KEPT, Session};
use crate::Lab;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_core::facts::{NameMatch, PathFacts, TlsFacts};
use ehlo_core::{
    Cause, CloseKind, DataSort, EntryKind, Failure, Limits, Masker, Params, Protocol, Side, Span, Stage,
    Tick, escape,
};
use ehlo_wire::{Tracked, Tracker};
use std::sync::Arc;

/// So many bytes that one side says before the other says something are kept: the beginning of a message is worth
/// seeing, 25 MB of it are not.
const MOST_OF_A_TURN: usize = 8 * 1024;

/// So much is kept of the line that ends a turn of which something was left out.
const MOST_OF_A_LAST_LINE: usize = 1024;

/// Bytes go to the tracker in portions of this size, so that its buffers stay small.
const PORTION: usize = 4096;

/// More bytes than this in one unit are not followed: the server has long said no.
const LARGEST_UNIT: u64 = 64 * 1024 * 1024;

/// So many secrets of one session are looked for in what the server says.
const MOST_SECRETS: usize = 16;

/// Writes down what happens on one connection, as long as it lives.
pub(crate) struct Recorder {
    lab: Arc<Lab>,
    session: Arc<Session>,
    protocol: Protocol,
    /// None once the dialogue cannot be followed any more: then nothing is shown, for a secret could be in it.
    tracker: Option<Tracker>,
    flows: [Flow; 2],
    /// What waits until a login command is whole and its secrets are known.
    held: Vec<Piece>,
    turn: Turn,
    masker: Masker,
    learned: usize,
    now: Tick,
    closed: bool,
}

#[derive(Default)]
struct Turn {
    side: Option<Side>,
    shown: usize,
    left_out: u64,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The client closed it, or the network did.
    ByClient,
    /// We closed it.
    ByServer,
    /// We reset it.
    Reset,
}

impl Recorder {
    pub(super) fn new(lab: &Arc<Lab>, session: Arc<Session>, now: Tick) -> Recorder {
        let limits = Limits {
            line: 1024 * 1024,
            imap_line: 1024 * 1024,
            reply_lines: usize::MAX,
            reply_bytes: LARGEST_UNIT as usize,
            ..Limits::default()
        };
        let protocol = session.service.scheme.protocol();
        let mut recorder = Recorder {
            lab: Arc::clone(lab),
            protocol,
            tracker: Some(Tracker::new(protocol, &limits)),
            flows: [Flow::default(), Flow::default()],
            held: Vec::new(),
            turn: Turn::default(),
            masker: Masker::new(),
            learned: 0,
            now,
            closed: false,
            session,
        };
        let address = recorder.session.peer.clone();
        recorder.entry(EntryKind::Connect { address, local: None }, Vec::new());
        recorder
    }

    /// Takes text that `side` sent: what is inside TLS, if TLS is on.
    pub(crate) fn said(&mut self, side: Side, bytes: &[u8], now: Tick) {
        self.now = now;
        for chunk in bytes.chunks(PORTION) {
            self.portion(side, chunk);
        }
    }

    /// Takes bytes that we sent past TLS.
    pub(crate) fn said_raw(&mut self, bytes: &[u8], now: Tick) {
        self.now = now;
        let mut piece = self.piece(Side::Server, DataSort::Blob, 0, bytes.to_vec());
        piece.cut(MOST_OF_A_TURN);
        self.release();
        self.show(piece);
    }

    /// Takes note of who is logged in.
    pub(crate) fn account(&mut self, name: Option<&str>) {
        let mut state = self.session.lock();
        if name.is_some() && state.account.as_deref() != name {
            state.account = name.map(str::to_owned);
        }
    }

    /// Takes note that TLS is on.
    pub(crate) fn tls_on(&mut self, version: &str, suite: &str, sni: Option<&str>, now: Tick) {
        self.now = now;
        self.session.lock().tls = true;
        let tls = TlsFacts {
            // As the registry of TLS has them.
            version: version.replace('_', "."),
            suite: suite.replace("TLS13_", "TLS_"),
            group: None,
            sni: sni.map(|name| escape(name.as_bytes())),
            alpn: None,
            chain: Vec::new(),
            names: NameMatch { wanted: Vec::new(), matched: None },
            path: PathFacts {
                trusted_by: Vec::new(),
                error_now: None,
                error_at_mid_life: None,
                dates_in_the_way: false,
                completed_by_given: false,
            },
            signature_failure: None,
            pinned: false,
            stapled: false,
            took_us: 0,
            at: None,
        };
        self.entry(EntryKind::Handshake { tls: Box::new(tls) }, Vec::new());
    }

    /// Takes note that a handshake is due: what was said before is void.
    pub(crate) fn tls_begins(&mut self, now: Tick) {
        self.now = now;
        self.leftover();
        self.release();
        self.end_turn();
        for flow in &mut self.flows {
            flow.reset();
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.tls_started();
        }
    }

    /// Takes note that STARTTLS was accepted, but no handshake follows.
    pub(crate) fn tls_declined(&mut self, now: Tick) {
        self.now = now;
        if let Some(tracker) = &mut self.tracker {
            tracker.tls_declined();
        }
    }

    /// Takes note that what is said is packed from now on; it is told unpacked.
    pub(crate) fn compressed(&mut self, now: Tick) {
        self.now = now;
        self.entry(EntryKind::Note { id: "compressed".into(), params: Params::new() }, Vec::new());
    }

    /// Takes note that TLS failed.
    pub(crate) fn tls_failed(&mut self, error: &rustls::Error, now: Tick) {
        self.now = now;
        let cause = match error {
            rustls::Error::AlertReceived(alert) => {
                Cause::TlsAlert { alert: snake_case(&format!("{alert:?}")) }
            }
            other => Cause::TlsFailed { detail: escape(other.to_string().as_bytes()) },
        };
        self.entry(EntryKind::Failure { failure: Failure::new(Stage::Handshake, cause) }, Vec::new());
    }

    /// Takes note that the connection is over.
    pub(crate) fn ended(&mut self, how: Ended, now: Tick) {
        if self.closed {
            return;
        }
        self.now = now;
        self.leftover();
        self.release();
        self.end_turn();
        self.closed = true;
        let (by, how) = match how {
            Ended::ByClient => (Side::Client, CloseKind::End),
            Ended::ByServer => (Side::Server, CloseKind::End),
            Ended::Reset => (Side::Server, CloseKind::Reset),
        };
        self.entry(EntryKind::Closed { by, how }, Vec::new());
    }

    fn portion(&mut self, side: Side, chunk: &[u8]) {
        let flow = side as usize;
        self.flows[flow].total += chunk.len() as u64;
        let Some(tracker) = &mut self.tracker else {
            self.session.lock().left_out += chunk.len() as u64;
            return;
        };
        let tracked = match side {
            Side::Client => tracker.client_sent(chunk),
            Side::Server => tracker.server_sent(chunk),
        };
        let first = self.held.len();
        let mut done = 0;
        let mut lost = false;
        let mut completes = false;
        for item in tracked {
            match item {
                Tracked::Unit { span, sort } => {
                    let (bytes, missing) = self.flows[flow].take(span.from, span.to, chunk);
                    let mut piece = self.piece(side, sort, span.from, bytes);
                    piece.missing = missing;
                    if side == Side::Client && sort == DataSort::Line {
                        hide_odd_login(&mut piece);
                    }
                    self.held.push(piece);
                    done = span.to;
                }
                Tracked::Secret(span) => self.secret(span),
                Tracked::Reply { completes: true, .. } => {
                    completes = true;
                    if let Some(last) = self.held[first..].last_mut() {
                        last.completes = true;
                    }
                }
                Tracked::Reply { .. } => {}
                Tracked::TooLarge { .. } => lost = true,
            }
        }
        self.flows[flow].advance(done, chunk);
        let (rest_from, _) = self.flows[flow].rest();
        lost |= self.flows[flow].total - rest_from > LARGEST_UNIT;
        let held: usize = self.held.iter().map(|p| p.bytes.len()).sum();
        if lost || held > 64 * 1024 {
            self.lose_track();
        } else if self.held.len() > first && !self.waits_for_secrets(completes && side == Side::Server) {
            for piece in std::mem::take(&mut self.held) {
                self.show(piece);
            }
        }
    }

    /// Whether a login command is under way that is not whole: what it holds must not be shown before it is known
    /// which of it is secret.
    fn waits_for_secrets(&self, answered: bool) -> bool {
        let login = |p: &Piece| p.side == Side::Client && self.kept_of_login(&p.bytes) > 0;
        let Some(begun) = self.held.iter().position(login) else { return false };
        let ours = || self.held[begun..].iter().filter(|p| p.side == Side::Client);
        let whole = ours().any(|p| p.sort == DataSort::Line && !p.announces_literal());
        // A continuation request lets the literal come; any other answer refuses it.
        let goes_on = self.held.last().is_some_and(|p| p.side == Side::Server && p.bytes.starts_with(b"+"));
        !whole && (goes_on || !answered)
    }

    /// How much of a line may be shown if it begins a login whose literals may be secret; 0 if it begins none. In
    /// ManageSieve a response to a challenge has no word in front (RFC 5804 §2.1), so that any command may be one.
    fn kept_of_login(&self, line: &[u8]) -> usize {
        match self.protocol {
            Protocol::Imap => {}
            Protocol::Sieve => return line.split(|&b| b == b' ').next().map_or(1, |word| word.len() + 1),
            _ => return 0,
        }
        let mut all = line.split(|&b| b" \r\n".contains(&b));
        let login = all.nth(1).is_some_and(|verb| {
            verb.eq_ignore_ascii_case(b"LOGIN") || verb.eq_ignore_ascii_case(b"AUTHENTICATE")
        });
        match login {
            true => line.split(|&b| b == b' ').take(2).map(|word| word.len() + 1).sum(),
            false => 0,
        }
    }

    fn secret(&mut self, span: Span) {
        let mut bytes = Vec::new();
        for piece in self.held.iter_mut().filter(|p| p.side == span.side) {
            if let Some(hidden) = piece.hide(span.from, span.to) {
                bytes.extend_from_slice(&piece.bytes[hidden]);
            }
        }
        self.learn(bytes.trim_ascii());
    }

    /// Learns a secret, so that it is found where we say it again.
    fn learn(&mut self, bytes: &[u8]) {
        let unquoted = match bytes {
            [b'"', inner @ .., b'"'] => inner.iter().copied().filter(|&b| b != b'\\').collect(),
            _ => bytes.to_vec(),
        };
        let decoded = STANDARD.decode(bytes).ok().filter(|_| bytes.len() >= 4);
        // PLAIN is authorisation NUL name NUL password; only the last is a secret (RFC 4616 §2).
        let last = decoded.as_ref().map(|d| d.rsplit(|&b| b == 0).next().unwrap_or_default().to_vec());
        let host = self.lab.host_name().to_ascii_lowercase();
        for secret in [Some(unquoted), last].into_iter().flatten() {
            let text = String::from_utf8_lossy(&secret).to_ascii_lowercase();
            let name = text.split('@').next().unwrap_or_default();
            // A name is no secret, and what is part of the server's own name cannot be hidden.
            let public = self.lab.accounts().names().any(|n| n.eq_ignore_ascii_case(name));
            let encoded_name = decoded.as_ref().is_some_and(|d| {
                let d = String::from_utf8_lossy(d).to_ascii_lowercase();
                let name = d.split('@').next().unwrap_or_default();
                self.lab.accounts().names().any(|n| n.eq_ignore_ascii_case(name))
            });
            if public || encoded_name || host.contains(&text) || secret.len() > 1024 {
                continue;
            }
            if self.learned < MOST_SECRETS {
                self.learned += 1;
                self.masker.learn(&secret);
            }
        }
    }

    /// Shows what waits. Nobody knows what a login command holds that was cut short, so all of it is hidden.
    fn release(&mut self) {
        let mut in_login = false;
        for mut piece in std::mem::take(&mut self.held) {
            if piece.side == Side::Client {
                let first_words = if in_login { 0 } else { self.kept_of_login(&piece.bytes) };
                in_login |= first_words > 0;
                if in_login {
                    let ends = piece.bytes.len()
                        - piece.bytes.iter().rev().take_while(|b| b"\r\n".contains(b)).count();
                    piece.hide(piece.from + first_words.min(ends) as u64, piece.from + ends as u64);
                }
            }
            self.show(piece);
        }
    }

    /// Bytes of ours that stand behind the answer to STARTTLS.
    fn leftover(&mut self) {
        let Some(span) = self.tracker.as_ref().and_then(Tracker::leftover) else { return };
        let (from, bytes) = self.flows[Side::Server as usize].rest();
        if from == span.from && !bytes.is_empty() {
            let bytes = bytes.to_vec();
            let piece = self.piece(Side::Server, DataSort::Blob, from, bytes);
            self.flows[Side::Server as usize].reset();
            self.show(piece);
        }
    }

    fn lose_track(&mut self) {
        self.release();
        self.end_turn();
        self.tracker = None;
        for flow in &mut self.flows {
            flow.reset();
        }
        self.entry(EntryKind::Note { id: "not-followed".into(), params: Params::new() }, Vec::new());
    }

    fn piece(&self, side: Side, sort: DataSort, from: u64, bytes: Vec<u8>) -> Piece {
        let secrets = Vec::new();
        Piece { side, sort, tick: self.now, from, bytes, missing: 0, completes: false, secrets }
    }

    /// Shows a piece, or what there is room for.
    fn show(&mut self, mut piece: Piece) {
        if self.turn.side != Some(piece.side) {
            self.end_turn();
            self.turn.side = Some(piece.side);
        }
        if piece.side == Side::Server {
            let echoed = self.masker.find(&piece.bytes);
            piece.secrets.extend(echoed);
        }
        let room = MOST_OF_A_TURN.saturating_sub(self.turn.shown);
        if piece.completes && (self.turn.left_out > 0 || piece.bytes.len() > room) {
            self.tell_left_out();
            self.turn.left_out = piece.cut(MOST_OF_A_LAST_LINE);
        } else {
            self.turn.left_out += piece.cut(room);
        }
        if piece.bytes.is_empty() {
            return;
        }
        self.turn.shown += piece.bytes.len();
        let text = piece.visible();
        let span = Span::new(piece.side, 0, text.len() as u64);
        let secrets = std::mem::take(&mut piece.secrets);
        self.now = piece.tick;
        {
            let mut state = self.session.lock();
            if state.kept + text.len() <= MOST_KEPT {
                state.kept += text.len();
                let span = state.transcript.record(piece.side, &text, piece.tick);
                state.transcript.push(piece.tick, EntryKind::Data { span, sort: piece.sort });
                for secret in secrets {
                    let from = span.from + secret.start as u64;
                    let to = span.from + secret.end as u64;
                    state.transcript.mark_secret(Span::new(piece.side, from, to));
                }
            } else {
                state.left_out += text.len() as u64;
            }
        }
        self.tell(EntryKind::Data { span, sort: piece.sort }, text);
    }

    fn end_turn(&mut self) {
        self.tell_left_out();
        self.turn = Turn::default();
    }

    fn tell_left_out(&mut self) {
        let bytes = std::mem::take(&mut self.turn.left_out);
        if bytes > 0 {
            self.session.lock().left_out += bytes;
            let side = match self.turn.side {
                Some(Side::Client) => "C",
                _ => "S",
            };
            let params = [("bytes", bytes.to_string()), ("side", side.to_owned())];
            let params = params.map(|(name, value)| (name.to_owned(), value)).into();
            self.entry(EntryKind::Note { id: "left-out".into(), params }, Vec::new());
        }
    }

    fn entry(&mut self, kind: EntryKind, text: Vec<u8>) {
        {
            let mut state = self.session.lock();
            // A flood of turns is a flood of entries.
            if state.transcript.entries.len() < MOST_KEPT / 16 {
                state.transcript.push(self.now, kind.clone());
            }
        }
        self.tell(kind, text);
    }

    fn tell(&self, kind: EntryKind, text: Vec<u8>) {
        let session = Arc::clone(&self.session);
        self.lab.observe().tell(Event { session, tick: self.now, what: Happened::Entry { kind, text } });
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.closed {
            // The lab ends, and the connection with it.
            self.ended(Ended::ByServer, self.now);
        }
        self.session.lock().ended = Some(self.lab.unix_time(self.now));
        let session = Arc::clone(&self.session);
        let observe = self.lab.observe();
        observe.end(&session);
        observe.tell(Event { session, tick: self.now, what: Happened::Ended });
    }
}

/// Hides what stands behind the word in a login that is written with tabs or worse: it is none to the tracker, but
/// whoever wrote it meant one.
fn hide_odd_login(piece: &mut Piece) {
    let body = piece.bytes.trim_ascii_end();
    if !body.iter().any(u8::is_ascii_control) {
        return;
    }
    let mut at = 0;
    for word in body.split(|b| b.is_ascii_control() || *b == b' ').take(3) {
        at += word.len() + 1;
        if ["AUTH", "AUTHENTICATE", "LOGIN", "PASS", "APOP"]
            .iter()
            .any(|v| word.eq_ignore_ascii_case(v.as_bytes()))
        {
            let (from, to) = (piece.from + at as u64, piece.from + body.len() as u64);
            piece.hide(from.min(to), to);
            return;
        }
    }
}

/// `UnknownCA` as RFC 8446 §6 writes it: `unknown_ca`.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_registry() {
        assert_eq!(snake_case("UnknownCA"), "unknown_ca");
        assert_eq!(snake_case("NoApplicationProtocol"), "no_application_protocol");
    }
}

use crate::clients;
use crate::context::{Action, Context};
use crate::deflate::Deflate;
use crate::memory::Memory;
use crate::observe::{Ended, Observe, Recorder};
use crate::proxy::{self, Header};
use crate::settings::{AfterStartTls, Handshake, TextBeforeTls};
use crate::talk::{Kept, Talk, talk_for};
use crate::weak_tls::{Shown, Sniffed, Verdict};
use crate::{Lab, Point, Service};
use ehlo_core::{Side, Tick};
use ehlo_wire::sasl::{BindingKind, ChannelBinding};
use rustls::ServerConnection;
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

/// One connection of a lab, without I/O: bytes and time in, bytes and waits out.
///
/// After each input, [`Connection::poll`] is called until it yields [`Step::WaitUntil`] or [`Step::Idle`].
pub struct Connection {
    lab: Arc<Lab>,
    service: Service,
    peer: String,
    memory: Memory,
    talk: Box<dyn Talk>,
    tls: Option<Box<ServerConnection>>,
    /// A client that wants TLS, as long as its hello is not complete: only where TLS is weak.
    sniffed: Option<Box<Sniffed>>,
    tls_name: Option<String>,
    /// What ties a login to the TLS connection.
    bindings: Vec<ChannelBinding>,
    /// Whom the client's certificate names, if the lab's authority signed it.
    certificate: Option<String>,
    deflate: Option<Box<Deflate>>,
    greeted: bool,
    /// Text of the client that came where a handshake was due, and that a fault keeps.
    kept_text: Vec<u8>,
    /// What there is of a PROXY header, as long as one is due.
    proxied: Option<Vec<u8>>,
    actions: VecDeque<Action>,
    ready: VecDeque<Vec<u8>>,
    hold: Option<Tick>,
    mode: Mode,
    /// If somebody wants to see what happens.
    recorder: Option<Box<Recorder>>,
}

/// What a connection wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes.
    Transmit(Vec<u8>),
    /// Nothing to do until bytes come or this moment passes.
    WaitUntil(Tick),
    /// Nothing to do until bytes come.
    Idle,
    /// Close the connection.
    Close,
    /// Reset the connection.
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    /// STARTTLS was accepted, but no handshake follows: a fault.
    InsteadOfTls(AfterStartTls),
    Deaf,
    /// The connection is closed as soon as the client says anything: a fault.
    HangUp,
    Ended,
}

impl Connection {
    /// A client has come from `peer`.
    pub fn new(lab: &Arc<Lab>, service: Service, peer: &str, now: Tick) -> Connection {
        let mut connection = Connection {
            lab: Arc::clone(lab),
            service,
            peer: peer.to_owned(),
            memory: Memory::new(lab, service),
            talk: talk_for(service.scheme),
            tls: None,
            sniffed: None,
            tls_name: None,
            bindings: Vec::new(),
            certificate: None,
            deflate: None,
            greeted: false,
            kept_text: Vec::new(),
            proxied: lab.settings(service).proxy_protocol.then(Vec::new),
            actions: VecDeque::new(),
            ready: VecDeque::new(),
            hold: None,
            mode: Mode::Open,
            recorder: Observe::begin(lab, service, peer, now),
        };
        // A port that is open cannot be closed for new clients alone: they are reset.
        if !connection.memory.state.settings.listening {
            connection.actions.push_back(Action::Reset);
            return connection;
        }
        // Whether anything at all happens is the first moment at which a fault can act.
        connection.with(now, |_, cx| cx.send(Point::Accept, "", Vec::new()));
        if connection.actions.iter().any(|a| matches!(a, Action::Reset | Action::Close | Action::Deaf)) {
            return connection;
        }
        if connection.proxied.is_none() {
            connection.begin(now);
        }
        connection
    }

    /// Takes bytes from the client.
    pub fn handle(&mut self, bytes: &[u8], now: Tick) {
        crate::queue::release(&self.lab, now);
        match self.mode {
            Mode::Open if self.proxied.is_some() => self.read_proxy_header(bytes, now),
            Mode::Deaf | Mode::Ended => {}
            Mode::HangUp => self.actions.push_back(Action::Close),
            Mode::InsteadOfTls(how) => self.instead_of_tls(how, now),
            Mode::Open if self.sniffed.is_some() => self.sniff(bytes, now),
            Mode::Open if self.keeps_text(bytes) => self.keep_text(bytes, now),
            // STARTTLS is accepted, though the answer is not out yet: nothing is read until the handshake.
            Mode::Open if self.actions.contains(&Action::StartTls) => {}
            Mode::Open => match self.tls.take() {
                None => self.hear(bytes, now),
                Some(mut tls) => {
                    let went_on = self.handle_tls(&mut tls, bytes, now);
                    self.tls = Some(tls);
                    if !went_on {
                        self.actions.push_back(Action::Close);
                    }
                }
            },
        }
    }

    /// Takes note that the client has been silent for too long.
    pub fn handle_end(&mut self) {
        self.actions.push_back(Action::Close);
    }

    /// Takes note that the client has closed, or cannot be reached any more.
    pub fn handle_loss(&mut self, now: Tick) {
        self.ended(Ended::ByClient, now);
    }

    /// The account whose mailboxes it wants to hear of by [`Connection::wake`]; none while nobody waits for news.
    pub fn watched(&self) -> Option<&str> {
        self.talk.watched()
    }

    /// Takes note that mailboxes may have changed.
    pub fn wake(&mut self, now: Tick) {
        if self.mode == Mode::Open && self.greeted {
            self.with(now, |talk, cx| talk.wake(cx));
        }
    }

    /// What to do next.
    pub fn poll(&mut self, now: Tick) -> Step {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Step::Transmit(bytes);
            }
            match self.hold {
                Some(until) if until > now => return Step::WaitUntil(until),
                _ => self.hold = None,
            }
            let Some(action) = self.actions.pop_front() else { return Step::Idle };
            match action {
                Action::Send(bytes) => self.say(bytes, now),
                Action::SendRaw(bytes) => self.say_raw(bytes, now),
                Action::Wait(time) => self.hold = Some(now.after(time)),
                Action::StartTls => self.upgrade(now),
                Action::Compress => {
                    self.deflate = Some(Box::default());
                    if let Some(recorder) = &mut self.recorder {
                        recorder.compressed(now);
                    }
                }
                Action::Deaf => self.mode = Mode::Deaf,
                Action::Reset => {
                    self.mode = Mode::Ended;
                    self.ended(Ended::Reset, now);
                    return Step::Reset;
                }
                Action::Close => {
                    self.mode = Mode::Ended;
                    self.ended(Ended::ByServer, now);
                    self.actions.clear();
                    if let Some(tls) = &mut self.tls
                        && self.memory.state.settings.close_notify
                    {
                        tls.send_close_notify();
                        let last = drain(tls);
                        if !last.is_empty() {
                            self.actions.push_back(Action::Close);
                            return Step::Transmit(last);
                        }
                    }
                    return Step::Close;
                }
            }
        }
    }

    /// What follows at once behind a [`Step::Transmit`], if it is bytes as well: they may go out in one write.
    pub fn more(&mut self, now: Tick) -> Option<Vec<u8>> {
        while self.ready.is_empty()
            && self.hold.is_none()
            && let Some(Action::Send(_) | Action::SendRaw(_)) = self.actions.front()
        {
            match self.actions.pop_front() {
                Some(Action::Send(bytes)) => self.say(bytes, now),
                Some(Action::SendRaw(bytes)) => self.say_raw(bytes, now),
                _ => {}
            }
        }
        self.ready.pop_front()
    }

    /// Sends bytes past TLS.
    fn say_raw(&mut self, bytes: Vec<u8>, now: Tick) {
        if let Some(recorder) = &mut self.recorder {
            recorder.said_raw(&bytes, now);
        }
        self.ready.push_back(bytes);
    }

    fn begin(&mut self, now: Tick) {
        if self.memory.state.settings.implicit_tls {
            self.begin_tls(now);
        } else {
            self.greet(now);
        }
    }

    /// Nothing is said before the header is here; who cannot say who he is, is not served.
    fn read_proxy_header(&mut self, bytes: &[u8], now: Tick) {
        let Some(mut header) = self.proxied.take() else { return };
        header.extend_from_slice(bytes);
        match proxy::parse(&header) {
            Header::Incomplete => self.proxied = Some(header),
            Header::Bad => self.actions.push_back(Action::Close),
            Header::Whole(length, client) => {
                if let Some(client) = client {
                    self.peer = client.to_string();
                }
                self.begin(now);
                if header.len() > length {
                    self.handle(&header[length..], now);
                }
            }
        }
    }

    fn greet(&mut self, now: Tick) {
        self.greeted = true;
        self.with(now, |talk, cx| talk.greet(cx));
    }

    fn upgrade(&mut self, now: Tick) {
        match self.memory.state.settings.after_starttls {
            AfterStartTls::Handshake => {
                self.memory.forget();
                let settings = &self.memory.state.settings;
                let text = settings.text_before_tls;
                let kept = Kept { text: text == TextBeforeTls::Kept, state: settings.state_before_tls_kept };
                let left_over = self.talk.tls_started(kept);
                if left_over && text == TextBeforeTls::TakenForTls {
                    return self.instead_of_tls(AfterStartTls::Alert, now);
                }
                return self.begin_tls(now);
            }
            AfterStartTls::GoOnInClear => self.with(now, |talk, cx| talk.receive(b"", cx)),
            how => self.mode = Mode::InsteadOfTls(how),
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.tls_declined(now);
        }
    }

    /// Whether these bytes are text in the place of a handshake that is kept for later: a fault.
    fn keeps_text(&self, bytes: &[u8]) -> bool {
        const MOST: usize = 64 * 1024;
        /// The kinds of records (RFC 8446 §5.1).
        const RECORDS: std::ops::RangeInclusive<u8> = 20..=24;
        let text = &bytes[..text_before_hello(bytes)];
        let wanted = match self.memory.state.settings.text_before_tls {
            TextBeforeTls::KeptIfApart => true,
            TextBeforeTls::KeptIfBareLf => text.ends_with(b"\n") && !text.ends_with(b"\r\n"),
            _ => false,
        };
        wanted
            && (self.tls.is_some() || self.actions.contains(&Action::StartTls))
            && self.tls_name.is_none()
            && self.greeted
            && bytes.first().is_some_and(|first| !RECORDS.contains(first))
            && self.kept_text.len() + bytes.len() <= MOST
    }

    /// Keeps the text in front of the handshake.
    fn keep_text(&mut self, bytes: &[u8], now: Tick) {
        let end = text_before_hello(bytes);
        self.kept_text.extend_from_slice(&bytes[..end]);
        if end < bytes.len() {
            self.handle(&bytes[end..], now);
        }
    }

    /// Goes on inside TLS with text that came before it: a fault.
    fn take_up_kept_text(&mut self, now: Tick) {
        match self.memory.state.settings.text_before_tls {
            TextBeforeTls::Kept => self.with(now, |talk, cx| talk.receive(b"", cx)),
            TextBeforeTls::KeptIfApart | TextBeforeTls::KeptIfBareLf if !self.kept_text.is_empty() => {
                let kept = std::mem::take(&mut self.kept_text);
                self.receive(&kept, now);
            }
            _ => {}
        }
    }

    fn instead_of_tls(&mut self, how: AfterStartTls, now: Tick) {
        match how {
            AfterStartTls::ErrorInClear => self.with(now, |talk, cx| {
                talk.refuse_cleartext(cx);
                cx.close();
            }),
            // Alert: fatal, unexpected_message (RFC 8446 §6)
            AfterStartTls::Alert => {
                self.actions.push_back(Action::SendRaw(b"\x15\x03\x03\x00\x02\x02\x0a".to_vec()));
                self.actions.push_back(Action::Close);
            }
            AfterStartTls::Handshake | AfterStartTls::GoOnInClear | AfterStartTls::Silence => {}
        }
    }

    fn begin_tls(&mut self, now: Tick) {
        if let Some(recorder) = &mut self.recorder {
            recorder.tls_begins(now);
        }
        self.memory.refresh(&self.lab, self.service);
        match self.memory.state.settings.handshake {
            Handshake::Answered => {}
            Handshake::Closed => return self.mode = Mode::HangUp,
            Handshake::Stalled => return self.mode = Mode::Deaf,
        }
        if self.memory.state.settings.weak_tls.looks_at_hellos() {
            self.sniffed = Some(Box::new(Sniffed::new()));
            return;
        }
        self.begin_session();
    }

    /// Looks at a hello before the TLS library does, which would refuse what this service takes.
    fn sniff(&mut self, bytes: &[u8], now: Tick) {
        let Some(mut sniffed) = self.sniffed.take() else { return };
        let state = &self.memory.state;
        let shown = Shown { chain: &state.tls.chain, second: state.tls.second.as_deref() };
        match sniffed.take(bytes, &state.settings.weak_tls, shown) {
            Verdict::Wait => self.sniffed = Some(sniffed),
            Verdict::Real(bytes) => {
                self.begin_session();
                self.handle(&bytes, now);
            }
            Verdict::Replayed(flight) => {
                self.ready.push_back(flight);
                // Nobody can go on from here.
                self.mode = Mode::HangUp;
            }
            Verdict::Refused(alert) => {
                if !state.settings.weak_tls.no_alerts {
                    self.ready.push_back(alert);
                }
                self.actions.push_back(Action::Close);
            }
        }
    }

    fn begin_session(&mut self) {
        let tls = Arc::clone(&self.memory.state.tls);
        match ServerConnection::new(Arc::clone(&tls.config)) {
            Ok(connection) => {
                self.tls = Some(Box::new(connection));
                let end_point = tls.end_point.clone();
                self.bindings = end_point
                    .map(|data| ChannelBinding { kind: BindingKind::TlsServerEndPoint, data })
                    .into_iter()
                    .collect();
            }
            // The configuration was accepted when the lab was made; a connection without TLS must not go on.
            Err(_) => self.actions.push_back(Action::Reset),
        }
    }

    /// What ties logins to this connection. TLS 1.2 has the certificate only: its exporter is the connection's own only
    /// with an extension that the TLS library does not tell of, and it does not give `tls-unique` away.
    fn bind(&mut self, tls: &ServerConnection) {
        if tls.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
            && let Ok(data) = tls.export_keying_material([0_u8; 32], b"EXPORTER-Channel-Binding", Some(b""))
        {
            let binding = ChannelBinding { kind: BindingKind::TlsExporter, data: data.to_vec() };
            self.bindings.insert(0, binding);
        }
        if let Some(only) = self.memory.state.settings.binding_only {
            self.bindings.retain(|binding| binding.kind == only);
        }
        if self.memory.state.settings.binding_altered {
            for byte in self.bindings.iter_mut().flat_map(|binding| &mut binding.data) {
                *byte ^= 0xff;
            }
        }
    }

    /// Whether TLS goes on.
    fn handle_tls(&mut self, tls: &mut ServerConnection, bytes: &[u8], now: Tick) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            if tls.read_tls(&mut rest).is_err() {
                return false;
            }
            let result = tls.process_new_packets();
            let answer = drain(tls);
            if !answer.is_empty() {
                self.ready.push_back(answer);
            }
            let state = match result {
                Ok(state) => state,
                Err(error) => {
                    if let Some(recorder) = &mut self.recorder {
                        recorder.tls_failed(&error, now);
                    }
                    return false;
                }
            };
            if !tls.is_handshaking() && self.tls_name.is_none() {
                let version = tls.protocol_version().and_then(|v| v.as_str()).unwrap_or("TLS");
                let suite = tls.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).unwrap_or("?");
                self.tls_name = Some(format!("{version} with {suite}"));
                self.bind(tls);
                self.certificate = tls
                    .peer_certificates()
                    .and_then(|chain| clients::named(chain, &self.lab, self.lab.unix_time(now)));
                if let Some(recorder) = &mut self.recorder {
                    recorder.tls_on(version, suite, tls.server_name(), now);
                }
                if self.greeted {
                    self.with(now, |talk, cx| talk.secured(cx));
                    self.take_up_kept_text(now);
                } else {
                    self.greet(now);
                }
            }
            let mut text = vec![0; state.plaintext_bytes_to_read()];
            if tls.reader().read_exact(&mut text).is_err() {
                return false;
            }
            if !text.is_empty() {
                self.hear(&text, now);
            }
            if state.peer_has_closed() {
                return false;
            }
        }
        true
    }

    /// Gives text to the conversation: what is packed is unpacked in portions, however much it becomes.
    fn hear(&mut self, bytes: &[u8], now: Tick) {
        let Some(mut deflate) = self.deflate.take() else {
            return self.receive(bytes, now);
        };
        let sound = deflate.unpack(bytes, |portion| self.receive(portion, now));
        self.deflate = Some(deflate);
        if !sound {
            self.actions.push_back(Action::Close);
        }
    }

    /// Hands text of the client to the conversation, as far as no fault ends it in the middle.
    fn receive(&mut self, text: &[u8], now: Tick) {
        if let Some(recorder) = &mut self.recorder {
            recorder.said(Side::Client, text, now);
        }
        match &mut self.memory.hang_up_in {
            Some(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(text.len());
                *left -= taken as u64;
                let over = *left == 0;
                if taken > 0 {
                    let text = &text[..taken];
                    self.with(now, |talk, cx| talk.receive(text, cx));
                }
                if over {
                    self.actions.push_back(Action::Close);
                }
            }
            None => self.with(now, |talk, cx| talk.receive(text, cx)),
        }
    }

    fn ended(&mut self, how: Ended, now: Tick) {
        if let Some(recorder) = &mut self.recorder {
            recorder.ended(how, now);
        }
    }

    fn say(&mut self, bytes: Vec<u8>, now: Tick) {
        if let Some(recorder) = &mut self.recorder {
            recorder.said(Side::Server, &bytes, now);
        }
        let packed = self.deflate.as_mut().map(|deflate| deflate.pack(&bytes));
        self.transmit(packed.unwrap_or(bytes));
    }

    fn transmit(&mut self, bytes: Vec<u8>) {
        match &mut self.tls {
            None => self.ready.push_back(bytes),
            Some(tls) => {
                // The buffer of a server connection has a limit; what does not fit goes out in further rounds.
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let Ok(written) = tls.writer().write(rest) else { break };
                    rest = &rest[written..];
                    self.ready.push_back(drain(tls));
                    if written == 0 {
                        break;
                    }
                }
            }
        }
    }

    fn with(&mut self, now: Tick, work: impl FnOnce(&mut dyn Talk, &mut Context<'_>)) {
        let mut stopped = false;
        self.lab.deliver_due(now);
        self.memory.refresh(&self.lab, self.service);
        if let Some(account) = self.talk.account()
            && self.memory.account.as_deref() != Some(account)
        {
            self.memory.account = Some(account.to_owned());
        }
        let settings = Arc::clone(&self.memory.state.settings);
        let mut context = Context {
            lab: &self.lab,
            service: self.service,
            settings: &settings,
            peer: &self.peer,
            memory: &mut self.memory,
            tls: self.tls_name.as_deref(),
            bindings: &self.bindings,
            certificate: self.certificate.as_deref(),
            now: self.lab.unix_time(now),
            actions: &mut self.actions,
            stopped: &mut stopped,
        };
        work(&mut *self.talk, &mut context);
        context.release();
        if let Some(recorder) = &mut self.recorder {
            recorder.account(self.talk.account());
        }
    }
}

/// Where a handshake begins in bytes that begin with text; their end if none does.
fn text_before_hello(bytes: &[u8]) -> usize {
    bytes.windows(2).position(|pair| pair == b"\x16\x03").unwrap_or(bytes.len())
}

fn drain(tls: &mut ServerConnection) -> Vec<u8> {
    let mut out = Vec::new();
    while tls.wants_write() {
        if tls.write_tls(&mut out).is_err() {
            break;
        }
    }
    out
}

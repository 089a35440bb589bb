use crate::context::{Action, Context};
use crate::settings::AfterStartTls;
use crate::talk::{Talk, talk_for};
use crate::{Lab, Point, Service};
use ehlo_core::Tick;
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
    number: u64,
    talk: Box<dyn Talk>,
    tls: Option<Box<ServerConnection>>,
    tls_name: Option<String>,
    greeted: bool,
    actions: VecDeque<Action>,
    ready: VecDeque<Vec<u8>>,
    hold: Option<Tick>,
    mode: Mode,
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
    Ended,
}

impl Connection {
    /// A client has come from `peer`.
    pub fn new(lab: &Arc<Lab>, service: Service, peer: &str, now: Tick) -> Connection {
        let mut connection = Connection {
            lab: Arc::clone(lab),
            service,
            peer: peer.to_owned(),
            number: lab.count_connection(service),
            talk: talk_for(service.scheme),
            tls: None,
            tls_name: None,
            greeted: false,
            actions: VecDeque::new(),
            ready: VecDeque::new(),
            hold: None,
            mode: Mode::Open,
        };
        // Whether anything at all happens is the first moment at which a fault can act.
        connection.with(now, |_, cx| cx.send(Point::Accept, "", Vec::new()));
        if connection.actions.iter().any(|a| matches!(a, Action::Reset | Action::Close | Action::Deaf)) {
            return connection;
        }
        if lab.settings(service).implicit_tls {
            connection.begin_tls();
        } else {
            connection.greet(now);
        }
        connection
    }

    /// Takes bytes from the client.
    pub fn handle(&mut self, bytes: &[u8], now: Tick) {
        match self.mode {
            Mode::Deaf | Mode::Ended => {}
            Mode::InsteadOfTls(how) => self.instead_of_tls(how, now),
            Mode::Open => match self.tls.take() {
                None => self.with(now, |talk, cx| talk.receive(bytes, cx)),
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

    /// Takes note that the client has closed.
    pub fn handle_end(&mut self) {
        self.actions.push_back(Action::Close);
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
                Action::Send(bytes) => self.transmit(&bytes),
                Action::SendRaw(bytes) => self.ready.push_back(bytes),
                Action::Wait(time) => self.hold = Some(now.after(time)),
                Action::StartTls => self.upgrade(now),
                Action::Deaf => self.mode = Mode::Deaf,
                Action::Reset => {
                    self.mode = Mode::Ended;
                    return Step::Reset;
                }
                Action::Close => {
                    self.mode = Mode::Ended;
                    self.actions.clear();
                    if let Some(tls) = &mut self.tls {
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

    fn greet(&mut self, now: Tick) {
        self.greeted = true;
        self.with(now, |talk, cx| talk.greet(cx));
    }

    fn upgrade(&mut self, now: Tick) {
        match self.lab.settings(self.service).after_starttls {
            AfterStartTls::Handshake => {
                self.talk.tls_started();
                self.begin_tls();
            }
            AfterStartTls::GoOnInClear => self.with(now, |talk, cx| talk.receive(b"", cx)),
            how => self.mode = Mode::InsteadOfTls(how),
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

    fn begin_tls(&mut self) {
        match ServerConnection::new(self.lab.tls(self.service)) {
            Ok(tls) => self.tls = Some(Box::new(tls)),
            // The configuration was accepted when the lab was made; a connection without TLS must not go on.
            Err(_) => self.actions.push_back(Action::Reset),
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
            let Ok(state) = result else { return false };
            if !tls.is_handshaking() && self.tls_name.is_none() {
                let version = tls.protocol_version().and_then(|v| v.as_str()).unwrap_or("TLS");
                let suite = tls.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).unwrap_or("?");
                self.tls_name = Some(format!("{version} with {suite}"));
                if self.greeted {
                    self.with(now, |talk, cx| talk.secured(cx));
                } else {
                    self.greet(now);
                }
            }
            let mut text = vec![0; state.plaintext_bytes_to_read()];
            if tls.reader().read_exact(&mut text).is_err() {
                return false;
            }
            if !text.is_empty() {
                self.with(now, |talk, cx| talk.receive(&text, cx));
            }
            if state.peer_has_closed() {
                return false;
            }
        }
        true
    }

    fn transmit(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            None => self.ready.push_back(bytes.to_vec()),
            Some(tls) => {
                // The buffer of a server connection has a limit; what does not fit goes out in further rounds.
                let mut rest = bytes;
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
        let mut context = Context {
            lab: &self.lab,
            service: self.service,
            settings: self.lab.settings(self.service),
            peer: &self.peer,
            number: self.number,
            tls: self.tls_name.as_deref(),
            now: self.lab.unix_time(now),
            actions: &mut self.actions,
            stopped: &mut stopped,
        };
        work(&mut *self.talk, &mut context);
    }
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

use super::conn::Arrived;
use super::{Activity, Hidden, Machine, Stop, Want};
use crate::{Verb, VerbWord};
use ehlo_core::facts::Answered;
use ehlo_core::run::Reason;
use ehlo_core::{Protocol, Secret, Tick};
use ehlo_wire::sasl::{Credentials, Exchange, Given, MECHANISMS, Step, apop_digest, mechanism, service_name};
use ehlo_wire::{Reply, imap};

/// A login under way.
pub(super) struct Login {
    conn: usize,
    phase: Phase,
    credentials: Credentials,
    /// The mechanism that the script names; the best one if none.
    mechanism: Option<String>,
    initial: Option<bool>,
    cancel: bool,
    tag: String,
    exchange: Option<Exchange>,
    at: crate::At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was asked yet.
    Begin,
    /// What the server can do was asked.
    Capabilities,
    /// STARTTLS was sent.
    StartTls,
    /// The handshake is going on.
    Handshake,
    /// What the server can do is said unasked (ManageSieve).
    Unasked,
    /// USER was sent.
    User,
    /// The exchange of SASL goes on.
    Sasl,
    /// The last word is due.
    Last,
}

impl Login {
    pub(super) fn conn(&self) -> usize {
        self.conn
    }
}

impl Machine {
    pub(super) fn begin_login(
        &mut self,
        verb: &Verb,
        options: &[(String, String)],
        now: Tick,
    ) -> Result<Option<Want>, Stop> {
        let conn = verb.conn;
        let option = |name: &str| options.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let mut args = Vec::new();
        for arg in &verb.args {
            args.push(self.string(arg, conn)?);
        }
        let cancel = args.last().is_some_and(|a| a == "cancel");
        if cancel {
            args.pop();
        }
        let named = (verb.word == VerbWord::Auth).then(|| args.remove(0).to_ascii_uppercase());
        if let Some(name) = &named
            && mechanism(name).is_none()
        {
            return Err(Stop::Skip(Reason::known("run.mechanism-later").with("mechanism", name.clone())));
        }
        let mut args = args.into_iter();
        let credentials = Credentials {
            user: args.next().unwrap_or_default(),
            // A token stands where the password does.
            password: Secret::new(option("token").or_else(|| args.next()).unwrap_or_default()),
            authzid: option("authzid").unwrap_or_default(),
        };
        let login = Login {
            conn,
            phase: Phase::Begin,
            credentials,
            mechanism: named,
            initial: option("ir").map(|v| v != "no"),
            cancel,
            tag: String::new(),
            exchange: None,
            at: verb.at,
        };
        self.login_on(login, now)
    }

    /// The answer to what was sent last, if it has come: the tagged one or a request to go on in IMAP. `unasked`: what is
    /// waited for was not asked for.
    pub(super) fn answer(&mut self, conn: usize, tag: &str, unasked: bool) -> Option<Arrived> {
        while let Some(arrived) = self.conns[conn].queue.pop_front() {
            let is_answer = match &arrived.reply {
                Reply::Imap(response) => match &response.kind {
                    imap::ResponseKind::Continuation(_) => true,
                    imap::ResponseKind::Status(status) => status.tag.as_deref() == Some(tag.as_bytes()),
                    _ => false,
                },
                // The greeting, if the script did not ask for it.
                _ => unasked || arrived.verb != "greeting",
            };
            if is_answer {
                return Some(arrived);
            }
        }
        None
    }

    pub(super) fn login_on(&mut self, mut login: Login, now: Tick) -> Result<Option<Want>, Stop> {
        let conn = login.conn;
        let answer = match login.phase {
            Phase::Begin | Phase::Handshake => None,
            phase => match self.answer(conn, &login.tag, phase == Phase::Unasked) {
                Some(arrived) => Some(arrived),
                None if self.conns[conn].closed.is_some() => return Err(self.stopped("closed")),
                None => {
                    let until = now.after(self.timeout.unwrap_or(self.setup.timeout));
                    self.activity = Activity::Login(Box::new(login));
                    return Ok(Some(Want::Receive { conn, until }));
                }
            },
        };
        let auth_only = login.mechanism.is_some();
        let secured = self.conns[conn].seen.tls.is_some();
        match login.phase {
            Phase::Begin
                if self.conns[conn].seen.caps.is_empty() || self.conns[conn].seen.caps == ["APOP"] =>
            {
                // SMTP takes no AUTH before EHLO (RFC 4954 §4).
                let smtp = matches!(self.conns[conn].protocol, Protocol::Smtp | Protocol::Lmtp);
                if auth_only && secured && !smtp {
                    return self.log_in(login);
                }
                self.ask_capabilities(login)
            }
            Phase::Begin => self.secure_or_log_in(login),
            Phase::Capabilities => self.secure_or_log_in(login),
            Phase::StartTls => {
                let refused = answer.is_some_and(|a| a.reply.answered() != Answered::Accepted);
                if refused {
                    return self.log_in(login);
                }
                login.phase = Phase::Handshake;
                self.activity = Activity::Login(Box::new(login));
                Ok(Some(Want::Secure { conn, options: Vec::new() }))
            }
            // A ManageSieve server says unasked what it can do now (RFC 5804 §2.2).
            Phase::Handshake if self.conns[conn].protocol == Protocol::Sieve => {
                login.phase = Phase::Unasked;
                self.login_on(login, now)
            }
            Phase::Handshake => self.ask_capabilities(login),
            Phase::Unasked => self.log_in(login),
            Phase::User => match answer {
                Some(arrived) if arrived.reply.answered() == Answered::Accepted => {
                    let line = format!("PASS {}\r\n", login.credentials.password.expose());
                    login.phase = Phase::Last;
                    self.say(login, line.into_bytes())
                }
                other => self.logged_in(conn, other),
            },
            Phase::Sasl => {
                let Some(mut arrived) = answer else { return Ok(None) };
                let goes_on = arrived.reply.answered() == Answered::Continue;
                if goes_on && login.cancel {
                    // RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2: a lone asterisk; RFC 5804 §2.1: as a string.
                    login.phase = Phase::Last;
                    let sieve = self.conns[conn].protocol == Protocol::Sieve;
                    return self.say(login, if sieve { &b"\"*\"\r\n"[..] } else { b"*\r\n" }.to_vec());
                }
                let step = login.exchange.as_mut().map(|e| e.reply(&arrived.reply));
                self.hide(&mut login, Some(&mut arrived));
                match step {
                    Some(Step::Send(command)) => {
                        self.conns[conn].seen.exchange = vec![arrived];
                        let bytes = command.fragments.concat();
                        self.say(login, bytes)
                    }
                    _ => self.logged_in(conn, Some(arrived)),
                }
            }
            Phase::Last => self.logged_in(conn, answer),
        }
    }

    fn ask_capabilities(&mut self, mut login: Login) -> Result<Option<Want>, Stop> {
        login.phase = Phase::Capabilities;
        let bytes = match self.conns[login.conn].protocol {
            Protocol::Pop3 => b"CAPA\r\n".to_vec(),
            Protocol::Sieve => b"CAPABILITY\r\n".to_vec(),
            Protocol::Imap => {
                login.tag = self.new_tag();
                format!("{} CAPABILITY\r\n", login.tag).into_bytes()
            }
            protocol => {
                let verb = if protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
                let name =
                    self.variables.get("helo").map_or_else(|| b"[127.0.0.1]".to_vec(), crate::Value::bytes);
                [verb.as_bytes(), b" ", &name, b"\r\n"].concat()
            }
        };
        self.say(login, bytes)
    }

    /// STARTTLS first where it is offered; then the login.
    fn secure_or_log_in(&mut self, mut login: Login) -> Result<Option<Want>, Stop> {
        let state = &self.conns[login.conn];
        let offered = state.has("STARTTLS") || state.has("STLS");
        if state.seen.tls.is_none() && offered {
            let (tag, line) = self.starttls_line(login.conn);
            login.tag = tag;
            login.phase = Phase::StartTls;
            return self.say(login, line);
        }
        self.log_in(login)
    }

    fn log_in(&mut self, mut login: Login) -> Result<Option<Want>, Stop> {
        let conn = login.conn;
        let protocol = self.conns[conn].protocol;
        if protocol == Protocol::Imap {
            login.tag = self.new_tag();
            self.conns[conn].tags.push_back(login.tag.clone());
        }
        if login.mechanism.is_none() {
            match protocol {
                Protocol::Imap => {
                    let mut line = format!("{} LOGIN", login.tag).into_bytes();
                    for word in
                        [login.credentials.user.as_bytes(), login.credentials.password.expose().as_bytes()]
                    {
                        line.push(b' ');
                        match imap::quote(word) {
                            Some(quoted) => line.extend_from_slice(&quoted),
                            None => return Err(self.stopped("not-quotable")),
                        }
                    }
                    line.extend_from_slice(b"\r\n");
                    login.phase = Phase::Last;
                    return self.say(login, line);
                }
                Protocol::Pop3 => {
                    let safe = self.conns[conn].is_safe()
                        || (self.conns[conn].named_by_user
                            && (self.setup.no_secrets || self.setup.insecure_auth));
                    if let (false, Some(stamp)) = (safe, self.conns[conn].stamp.clone()) {
                        let digest = apop_digest(&stamp, &login.credentials.password);
                        let line = format!("APOP {} {digest}\r\n", login.credentials.user);
                        login.phase = Phase::Last;
                        return self.say(login, line.into_bytes());
                    }
                    let line = format!("USER {}\r\n", login.credentials.user);
                    login.phase = Phase::User;
                    return self.say(login, line.into_bytes());
                }
                _ => {
                    let safe = self.conns[conn].is_safe()
                        || (self.conns[conn].named_by_user && self.setup.no_secrets);
                    let offered = MECHANISMS
                        .iter()
                        .map(|m| m.meta())
                        .filter(|m| m.automatic)
                        .filter(|m| self.conns[conn].has(&format!("AUTH={}", m.name)));
                    let best = offered.clone().find(|m| safe || !m.password_equivalent);
                    let best = best.or_else(|| offered.clone().next());
                    let Some(best) = best else {
                        return Err(Stop::Skip(Reason::known("run.no-login")));
                    };
                    login.mechanism = Some(best.name.to_owned());
                }
            }
        }
        let name = login.mechanism.clone().unwrap_or_default();
        let Some(mechanism) = mechanism(&name) else {
            return Err(Stop::Skip(Reason::known("run.mechanism-later").with("mechanism", name)));
        };
        let may_begin = protocol != Protocol::Imap || self.conns[conn].has("SASL-IR");
        // LOGIN is led with the user name on request only: not every server takes it.
        let initial = login.initial.unwrap_or(may_begin && mechanism.meta().client_first);
        let given = self.given(conn);
        let mut exchange = Exchange::new(
            protocol,
            &login.tag,
            mechanism,
            &login.credentials,
            &given,
            initial && !login.cancel,
        );
        let command = exchange.start();
        login.exchange = Some(exchange);
        login.phase = Phase::Sasl;
        self.hide(&mut login, None);
        self.say(login, command.fragments.concat())
    }

    /// What was said by the mechanism and helps to guess the password is not shown: neither where the server sends it
    /// back, nor the server's own proof.
    fn hide(&mut self, login: &mut Login, arrived: Option<&mut Arrived>) {
        let (conn, Some(exchange)) = (login.conn, &mut login.exchange) else { return };
        let sent = exchange.take_secrets().into_iter();
        self.hidden.extend(sent.map(|secret| Hidden { conn, secret, at: None }));
        let Some(arrived) = arrived else { return };
        for secret in exchange.take_received_secrets() {
            let length = secret.expose().len();
            let at = arrived.bytes.windows(length.max(1)).position(|window| window == secret.expose());
            if let Some(at) = at {
                arrived.bytes[at..at + length].fill(b'*');
            }
            self.hidden.push(Hidden { conn, secret, at: Some(arrived.reply.span()) });
        }
    }

    /// What a mechanism needs besides the credentials.
    fn given(&mut self, conn: usize) -> Given {
        self.nonces += 1;
        let state = &self.conns[conn];
        let address = state.seen.address.as_deref().unwrap_or_default();
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        Given {
            random: random(self.setup.seed, self.nonces),
            now: self.setup.now,
            service: service_name(state.protocol),
            host: host.to_owned(),
            bindings: state.seen.bindings.clone(),
            // Where nobody has asked what is offered, it must not be said that nothing is (RFC 5802 §6).
            plus_offered: state.seen.caps.is_empty()
                || state.seen.caps.iter().any(|cap| cap.ends_with("-PLUS")),
            ..Given::default()
        }
    }

    fn say(&mut self, login: Login, bytes: Vec<u8>) -> Result<Option<Want>, Stop> {
        let conn = login.conn;
        self.check_secret(conn, &bytes, login.at)?;
        self.activity = Activity::Login(Box::new(login));
        Ok(Some(Want::Send { conn, bytes }))
    }

    /// Leaves the last word to the `S:` line that follows.
    fn logged_in(&mut self, conn: usize, last: Option<Arrived>) -> Result<Option<Want>, Stop> {
        if let Some(last) = last {
            self.conns[conn].queue.push_front(last);
        }
        self.activity = Activity::Next;
        self.pc += 1;
        Ok(None)
    }
}

/// Bytes that nobody can guess who does not know the seed; others each time.
fn random(seed: u64, serial: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut state = seed ^ serial.rotate_left(40);
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes
}

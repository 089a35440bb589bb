use crate::faults::reply::{Status, status, tag};
use crate::faults::{Circumstances, Notes};
use crate::memory::Memory;
use crate::switchboard::Installed;
use crate::{FaultAction, Lab, Moment, Point, Service, Settings};
use ehlo_core::{Protocol, Secret};
use ehlo_wire::sasl::{ChannelBinding, MechanismMeta, Needs, Passwords, mechanism};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

/// A reply is cut into so many portions at most.
const MOST_PORTIONS: usize = 65_536;

/// What a connection has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send text, inside TLS if it is on.
    Send(Vec<u8>),
    /// Send bytes past TLS.
    SendRaw(Vec<u8>),
    /// Wait.
    Wait(Duration),
    /// Begin the handshake.
    StartTls,
    /// From here on, both directions are compressed (RFC 4978).
    Compress,
    /// Close.
    Close,
    /// Reset.
    Reset,
    /// Take no notice of anything any more.
    Deaf,
}

/// What a conversation sees and can do while it handles something.
pub(crate) struct Context<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) service: Service,
    pub(crate) settings: &'a Settings,
    pub(crate) peer: &'a str,
    pub(crate) memory: &'a mut Memory,
    /// `TLSv1_3 with …`, if TLS is on.
    pub(crate) tls: Option<&'a str>,
    /// What ties a login to the TLS connection (RFC 9266, RFC 5929); empty without TLS.
    pub(crate) bindings: &'a [ChannelBinding],
    /// The account that the client's certificate names.
    pub(crate) certificate: Option<&'a str>,
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) actions: &'a mut VecDeque<Action>,
    /// Nothing more is to be read for now.
    pub(crate) stopped: &'a mut bool,
}

impl Context<'_> {
    /// A command is about to be carried out: faults may answer it in place of the conversation, which then must let
    /// it be. `tag` is empty but for IMAP; `subject` is the address of MAIL and RCPT, or the user name of a login.
    /// Yields whether the command is done with.
    pub(crate) fn intercepted(&mut self, command: &str, tag: &str, subject: Option<&str>) -> bool {
        self.intercepted_for(command, tag, subject, 1)
    }

    /// The same for a command that wants so many answers: the end of DATA in LMTP.
    pub(crate) fn intercepted_for(
        &mut self,
        command: &str,
        tag: &str,
        subject: Option<&str>,
        answers: usize,
    ) -> bool {
        let standing = self.memory.standing();
        if standing.is_quiet() {
            return false;
        }
        self.memory.learn(command, subject);
        for installed in standing.faults(self.service) {
            let moment = self.moment(Point::Command, command, tag, b"", &installed.notes);
            if !self.memory.allows(installed, &moment.circumstances()) {
                continue;
            }
            let action = installed.fault.before(&moment);
            if action == FaultAction::Pass || !self.chosen(installed) {
                continue;
            }
            match action {
                FaultAction::Replace(reply) => {
                    // Whatever changes replies changes this one, too.
                    for _ in 0..answers {
                        self.send(Point::Reply, command, reply.clone());
                    }
                    return true;
                }
                FaultAction::Delay(time) => self.actions.push_back(Action::Wait(time)),
                FaultAction::Withhold => {
                    self.withhold();
                    return true;
                }
                FaultAction::Stall { say } => {
                    self.stall(say);
                    return true;
                }
                FaultAction::Reset => {
                    self.end(Action::Reset);
                    return true;
                }
                FaultAction::Close { say } => {
                    self.say_and_close(say);
                    return true;
                }
                // These change a reply; there is none yet.
                FaultAction::Pass
                | FaultAction::Split { .. }
                | FaultAction::CloseLater { .. }
                | FaultAction::CloseInInput(_)
                | FaultAction::Hold => {}
            }
        }
        false
    }

    /// Sends a reply, unless a fault has other ideas.
    pub(crate) fn send(&mut self, point: Point, command: &str, reply: Vec<u8>) {
        let mut reply = reply;
        let mut split = None;
        let mut later = None;
        let mut hold = false;
        // AUTH of POP3 without a mechanism is answered by a list (RFC 1734): that is no login.
        let listed = reply.ends_with(b"\r\n.\r\n");
        if is_login(command) && !listed && status(self.service.scheme.protocol(), &reply) == Status::Good {
            self.memory.logged_in = true;
        }
        let standing = self.memory.standing();
        for installed in standing.faults(self.service) {
            let tag = match self.service.scheme.protocol() {
                Protocol::Imap => tag(&reply),
                _ => String::new(),
            };
            let moment = self.moment(point, command, &tag, &reply, &installed.notes);
            if !self.memory.allows(installed, &moment.circumstances()) {
                continue;
            }
            let action = installed.fault.on(&moment);
            // What has nothing to do here is no occasion.
            if action == FaultAction::Pass || !self.chosen(installed) {
                continue;
            }
            match action {
                FaultAction::Pass => {}
                FaultAction::Replace(other) => reply = other,
                FaultAction::Split { portion, gap } => split = Some((portion.max(1), gap)),
                FaultAction::Delay(time) => self.actions.push_back(Action::Wait(time)),
                FaultAction::Withhold => return self.withhold(),
                FaultAction::Stall { say } => return self.stall(say),
                FaultAction::Reset => return self.end(Action::Reset),
                FaultAction::Close { say } => return self.say_and_close(say),
                FaultAction::CloseLater { after, say } => later = Some((after, say)),
                FaultAction::CloseInInput(bytes) => self.memory.hang_up_in = Some(bytes),
                FaultAction::Hold => hold = true,
            }
        }
        self.memory.replies += u64::from(!reply.is_empty());
        if hold && self.memory.held.is_none() {
            self.memory.held = Some(reply);
            return;
        }
        match split {
            _ if reply.is_empty() => {}
            None => self.actions.push_back(Action::Send(reply)),
            Some((portion, gap)) => {
                // Each portion is kept on its own until it is sent: what is beyond goes out at once.
                let (head, rest) = reply.split_at(reply.len().min(portion.saturating_mul(MOST_PORTIONS)));
                for part in head.chunks(portion).chain((!rest.is_empty()).then_some(rest)) {
                    self.actions.push_back(Action::Send(part.to_vec()));
                    // Even no wait is one: portions must not be put together again.
                    self.actions.push_back(Action::Wait(gap));
                }
            }
        }
        self.release();
        if let Some((after, say)) = later {
            self.actions.push_back(Action::Wait(after));
            self.say_and_close(say);
        }
    }

    /// Sends what a fault has kept back.
    pub(crate) fn release(&mut self) {
        if let Some(held) = self.memory.held.take() {
            self.actions.push_back(Action::Send(held));
        }
    }

    /// The passwords as this connection finds them: faults may let anybody in, or nobody.
    pub(crate) fn passwords(&self) -> Gate<'_, '_> {
        Gate { cx: self, asked: RefCell::default() }
    }

    /// Whether this is the password of this user.
    pub(crate) fn lets_in(&self, user: &str, password: &[u8]) -> bool {
        let gate = self.passwords();
        gate.any_password(user)
            || gate.password(user).is_some_and(|known| known.expose().as_bytes() == password)
    }

    /// What is said to a user who is not let in. Both the words and the time that they take may tell whether there is
    /// such a user (RFC 9051 §11.7).
    pub(crate) fn turned_away(&mut self, user: Option<&str>) -> &'static str {
        let known = user.is_some_and(|user| self.lab.accounts().password(user).is_some());
        if let (true, Some(time)) = (known, self.settings.known_user_takes) {
            self.actions.push_back(Action::Wait(time));
        }
        match self.settings.tells_users && !known {
            true => "there is no such user",
            false => "user or password is wrong",
        }
    }

    /// What faults make of a login, whatever the password.
    pub(crate) fn verdict(&self, user: &str) -> Option<bool> {
        let standing = self.memory.standing();
        let now = Circumstances {
            tls: self.tls.is_some(),
            account: Some(user),
            sender: None,
            recipient: None,
            command: "",
            connection: self.memory.number,
        };
        let wanted = standing.faults(self.service).filter(|f| self.memory.allows(f, &now));
        let mut verdict = None;
        for installed in wanted {
            if let Some(lets_in) = installed.fault.login()
                && self.chosen(installed)
            {
                verdict = Some(lets_in);
            }
        }
        verdict
    }

    /// Begins TLS behind what was sent.
    pub(crate) fn start_tls(&mut self) {
        self.release();
        self.actions.push_back(Action::StartTls);
        *self.stopped = true;
    }

    /// Compresses both directions behind what was sent.
    pub(crate) fn compress(&mut self) {
        self.actions.push_back(Action::Compress);
        *self.stopped = true;
    }

    /// Closes behind what was sent.
    pub(crate) fn close(&mut self) {
        self.release();
        self.end(Action::Close);
    }

    /// Whether logins that send the password itself are fine now.
    pub(crate) fn clear_auth_allowed(&self) -> bool {
        self.tls.is_some() || self.settings.clear_auth_accepted
    }

    /// The mechanisms to list now.
    pub(crate) fn mechanisms(&self) -> Vec<&'static str> {
        if !self.settings.auth {
            return Vec::new();
        }
        let clear =
            self.tls.is_some() || self.settings.clear_auth_offered || self.settings.clear_auth_accepted;
        let fine = |name: &&'static str| {
            mechanism(name).is_some_and(|m| self.has(m.meta()) && (clear || !m.meta().password_equivalent))
        };
        self.settings.mechanisms.iter().copied().filter(fine).collect()
    }

    /// Whether a mechanism finds what it needs in this connection: something to tie the login to, or a certificate of
    /// the client that names an account.
    pub(crate) fn has(&self, meta: &MechanismMeta) -> bool {
        (!meta.binds || !self.bindings.is_empty())
            && (meta.needs != Needs::Certificate || self.certificate.is_some())
    }

    /// A timestamp for the greeting of POP3 (RFC 1939 §7).
    pub(crate) fn apop_stamp(&self) -> String {
        self.settings.apop_stamp.clone().unwrap_or_else(|| self.lab.challenge(self.now))
    }

    /// Whether STARTTLS is to be listed now.
    pub(crate) fn starttls_listed(&self) -> bool {
        if self.tls.is_some() { self.settings.starttls_after_tls } else { self.settings.starttls_offered }
    }

    /// Whether a fault that would act is to act this time.
    fn chosen(&self, installed: &Installed) -> bool {
        installed.fault.is_decided()
            || installed.fault.scope.strikes(&installed.count, self.lab.seed() ^ installed.id)
    }

    fn moment<'m>(
        &'m self,
        point: Point,
        command: &'m str,
        tag: &'m str,
        reply: &'m [u8],
        notes: &'m Notes,
    ) -> Moment<'m> {
        Moment {
            service: self.service,
            point,
            command,
            tag,
            reply,
            connection: self.memory.number,
            tls: self.tls.is_some(),
            host_name: &self.settings.host_name,
            peer: self.peer,
            account: self.memory.account.as_deref(),
            logged_in: self.memory.logged_in,
            sender: self.memory.sender.as_deref(),
            recipient: self.memory.recipient.as_deref(),
            nth: self.memory.commands.get(command).copied().unwrap_or(0),
            recipients: self.memory.recipients,
            replies: self.memory.replies,
            now: self.now,
            notes,
        }
    }

    fn withhold(&mut self) {
        self.actions.push_back(Action::Deaf);
        *self.stopped = true;
    }

    fn stall(&mut self, say: Vec<u8>) {
        self.actions.push_back(Action::Send(say));
        self.withhold();
    }

    fn say_and_close(&mut self, say: Vec<u8>) {
        if !say.is_empty() {
            self.actions.push_back(Action::Send(say));
        }
        self.end(Action::Close);
    }

    fn end(&mut self, action: Action) {
        self.actions.push_back(action);
        *self.stopped = true;
    }
}

/// Passwords, with what faults make of them.
pub(crate) struct Gate<'c, 'a> {
    cx: &'c Context<'a>,
    /// What was said of whom: one login is one occasion, however often it is asked about.
    asked: RefCell<Option<(String, Option<bool>)>>,
}

impl Gate<'_, '_> {
    /// The user whose password was asked for last.
    pub(crate) fn asked_about(&self) -> Option<String> {
        self.asked.borrow().as_ref().map(|(user, _)| user.clone())
    }

    fn verdict(&self, user: &str) -> Option<bool> {
        let mut asked = self.asked.borrow_mut();
        match &*asked {
            Some((known, verdict)) if known == user => *verdict,
            _ => {
                let verdict = self.cx.verdict(user);
                *asked = Some((user.to_owned(), verdict));
                verdict
            }
        }
    }
}

impl Passwords for Gate<'_, '_> {
    fn password(&self, user: &str) -> Option<Secret<String>> {
        match self.verdict(user) {
            Some(false) => None,
            _ => self.cx.lab.accounts().password(user),
        }
    }

    fn any_password(&self, user: &str) -> bool {
        self.verdict(user).unwrap_or_else(|| self.cx.lab.accounts().any_password(user))
    }
}

fn is_login(command: &str) -> bool {
    matches!(command, "LOGIN" | "AUTHENTICATE" | "AUTH" | "PASS" | "APOP")
}

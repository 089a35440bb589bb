use crate::faults::Circumstances;
use crate::memory::Memory;
use crate::switchboard::Installed;
use crate::{FaultAction, Lab, Moment, Point, Service, Settings};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

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
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) actions: &'a mut VecDeque<Action>,
    /// Nothing more is to be read for now.
    pub(crate) stopped: &'a mut bool,
}

impl Context<'_> {
    /// Sends a reply, unless a fault has other ideas.
    pub(crate) fn send(&mut self, point: Point, command: &str, reply: Vec<u8>) {
        let mut reply = reply;
        let mut split = None;
        let standing = Arc::clone(&self.memory.standing);
        for installed in standing.faults(self.service) {
            let now = Circumstances {
                tls: self.tls.is_some(),
                account: self.memory.account.as_deref(),
                sender: self.memory.sender.as_deref(),
                recipient: self.memory.recipient.as_deref(),
                command,
                connection: self.memory.number,
            };
            if !self.memory.allows(installed, &now) {
                continue;
            }
            let moment = Moment {
                service: self.service,
                point,
                command,
                reply: &reply,
                connection: self.memory.number,
                tls: self.tls.is_some(),
                host_name: self.lab.host_name(),
            };
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
                FaultAction::Withhold => {
                    self.actions.push_back(Action::Deaf);
                    *self.stopped = true;
                    return;
                }
                FaultAction::Reset => return self.end(Action::Reset),
                FaultAction::Close { say } => {
                    self.actions.push_back(Action::Send(say));
                    return self.end(Action::Close);
                }
            }
        }
        match split {
            _ if reply.is_empty() => {}
            None => self.actions.push_back(Action::Send(reply)),
            Some((portion, gap)) => {
                for part in reply.chunks(portion) {
                    self.actions.push_back(Action::Send(part.to_vec()));
                    self.actions.push_back(Action::Wait(gap));
                }
            }
        }
    }

    /// Whether a fault that would act is to act this time.
    fn chosen(&self, installed: &Installed) -> bool {
        installed.fault.is_decided()
            || installed.fault.scope.strikes(&installed.count, self.lab.seed() ^ installed.id)
    }

    /// Begins TLS behind what was sent.
    pub(crate) fn start_tls(&mut self) {
        self.actions.push_back(Action::StartTls);
        *self.stopped = true;
    }

    /// Closes behind what was sent.
    pub(crate) fn close(&mut self) {
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
            clear || !ehlo_wire::sasl::mechanism(name).is_some_and(|m| m.meta().password_equivalent)
        };
        self.settings.mechanisms.iter().copied().filter(fine).collect()
    }

    /// Whether STARTTLS is to be listed now.
    pub(crate) fn starttls_listed(&self) -> bool {
        if self.tls.is_some() { self.settings.starttls_after_tls } else { self.settings.starttls_offered }
    }

    fn end(&mut self, action: Action) {
        self.actions.push_back(action);
        *self.stopped = true;
    }
}

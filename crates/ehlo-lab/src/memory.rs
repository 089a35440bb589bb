//! What one connection keeps for the faults.

use crate::faults::{Acts, Circumstances};
use crate::switchboard::{Installed, ServiceState, Standing};
use crate::{Lab, Service};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many different commands are counted; nobody has as many but who makes them up.
const MOST_COMMANDS: usize = 100;

/// What a connection remembers.
pub(crate) struct Memory {
    /// How many connections the service had had when it began, itself included.
    pub(crate) number: u64,
    /// Who is logged in, or wants to be.
    pub(crate) account: Option<String>,
    /// The reverse-path of the mail transaction.
    pub(crate) sender: Option<String>,
    /// The recipient that was named last.
    pub(crate) recipient: Option<String>,
    /// Whether a login has succeeded.
    pub(crate) logged_in: bool,
    /// How often each command was given.
    pub(crate) commands: BTreeMap<String, u64>,
    /// How many recipients the mail transaction was given.
    pub(crate) recipients: u64,
    /// How many replies were sent.
    pub(crate) replies: u64,
    /// A reply that a fault keeps back.
    pub(crate) held: Option<Vec<u8>>,
    /// After so many more bytes of the client the connection is closed.
    pub(crate) hang_up_in: Option<u64>,
    standing: Arc<Standing>,
    /// How the service behaves towards this connection.
    pub(crate) state: ServiceState,
    /// Which faults that hold for whole connections hold for this one.
    decided: BTreeMap<u64, bool>,
}

impl Memory {
    /// A client has come.
    pub(crate) fn new(lab: &Lab, service: Service) -> Memory {
        Memory::of(lab, service, lab.count_connection(service))
    }

    /// Something is done for a client that is not there any more.
    pub(crate) fn without_client(lab: &Lab, service: Service) -> Memory {
        Memory::of(lab, service, 0)
    }

    fn of(lab: &Lab, service: Service, number: u64) -> Memory {
        let standing = lab.standing();
        let mut memory = Memory {
            number,
            account: None,
            sender: None,
            recipient: None,
            logged_in: false,
            commands: BTreeMap::new(),
            recipients: 0,
            replies: 0,
            held: None,
            hang_up_in: None,
            state: standing.service(service).clone(),
            standing,
            decided: BTreeMap::new(),
        };
        memory.decide(lab, service);
        memory
    }

    /// What holds, as of the last input.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    /// Takes note of what has changed in the lab.
    pub(crate) fn refresh(&mut self, lab: &Lab, service: Service) {
        let standing = lab.standing();
        if standing.generation != self.standing.generation {
            self.standing = standing;
            self.decide(lab, service);
        }
    }

    /// Takes note of a command and of what it is about.
    pub(crate) fn learn(&mut self, command: &str, subject: Option<&str>) {
        if self.commands.len() < MOST_COMMANDS || self.commands.contains_key(command) {
            *self.commands.entry(command.to_owned()).or_insert(0) += 1;
        }
        let subject = subject.map(str::to_owned);
        match command {
            "MAIL" => (self.sender, self.recipient, self.recipients) = (subject, None, 0),
            "RCPT" => {
                self.recipient = subject;
                self.recipients += 1;
            }
            _ if subject.is_some() => self.account = subject,
            _ => {}
        }
    }

    /// Takes note that TLS begins: what came before is void.
    pub(crate) fn forget(&mut self) {
        (self.account, self.sender, self.recipient) = (None, None, None);
        self.logged_in = false;
    }

    /// Whether a fault can act at this moment, as far as its places say. How often is another question.
    pub(crate) fn allows(&self, installed: &Installed, now: &Circumstances<'_>) -> bool {
        match installed.fault.meta().acts {
            Acts::Settings => self.decided.get(&installed.id).copied().unwrap_or(true),
            Acts::Replies | Acts::Delivery => installed.fault.scope.fits(now),
        }
    }

    fn decide(&mut self, lab: &Lab, service: Service) {
        let now = Circumstances { connection: self.number, ..Circumstances::default() };
        let decided = &mut self.decided;
        self.state = lab.state_for(&self.standing, service, |installed| {
            *decided.entry(installed.id).or_insert_with(|| {
                installed.fault.scope.fits(&now)
                    && installed.fault.scope.strikes(&installed.count, lab.seed() ^ installed.id)
            })
        });
        let standing = &self.standing;
        self.decided.retain(|id, _| standing.faults(service).any(|f| f.id == *id));
    }
}

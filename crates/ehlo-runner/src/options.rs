use ehlo_core::{Address, Endpoint, Family, Limits, Masker, Protocol, Scheme, Secret};
use ehlo_dialogue::{ClientIdentity, Connector, Trust};
use ehlo_script::Risk;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The server that scripts run against.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name in the report.
    pub name: String,
    /// What it offers.
    pub services: Vec<Service>,
}

/// A service of a server.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Its addresses, where they need no looking up.
    pub addresses: Option<Vec<Address>>,
}

impl Site {
    /// The service that a script means by the name of a scheme, or that is usual for a protocol.
    pub fn service(&self, target: &str, protocol: Protocol) -> Option<&Service> {
        if !target.is_empty() {
            let scheme = Scheme::from_name(target)?;
            return self.services.iter().find(|s| s.endpoint.scheme == scheme);
        }
        self.services.iter().find(|s| s.endpoint.scheme.protocol() == protocol)
    }
}

/// Somebody who can log in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

/// A known deviation of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The id of the script; a `*` at the end stands for anything.
    pub script: String,
    /// The step; none for the whole script.
    pub step: Option<String>,
    /// Why.
    pub reason: String,
}

impl Known {
    /// Whether it is about a script.
    pub fn holds(&self, id: &str) -> bool {
        match self.script.strip_suffix('*') {
            Some(beginning) => id.starts_with(beginning),
            None => self.script == id,
        }
    }
}

/// The accounts whose maildrops scripts may fill: each belongs to one script at a time.
#[derive(Clone, Debug)]
pub struct Maildrops {
    free: Arc<Mutex<Vec<Account>>>,
    room: Arc<Semaphore>,
    /// Mail in them may be thrown away: they exist for tests alone.
    pub disposable: bool,
}

impl Maildrops {
    /// These accounts.
    pub fn new(accounts: Vec<Account>, disposable: bool) -> Maildrops {
        let room = Arc::new(Semaphore::new(accounts.len()));
        Maildrops { free: Arc::new(Mutex::new(accounts)), room, disposable }
    }

    /// One of them, as soon as one is free; none if there are none.
    pub(crate) async fn take(&self) -> Option<Taken> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        let account = self.free.lock().ok()?.pop()?;
        Some(Taken { account, pool: Arc::clone(&self.free), _permit: permit })
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.room.available_permits() == 0 && self.free.lock().is_ok_and(|f| f.is_empty())
    }
}

/// A maildrop that is ours for now.
pub(crate) struct Taken {
    pub(crate) account: Account,
    pool: Arc<Mutex<Vec<Account>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Ok(mut pool) = self.pool.lock() {
            pool.push(self.account.clone());
        }
    }
}

/// How scripts are run.
#[derive(Clone)]
pub struct RunOptions {
    /// Against which server.
    pub site: Site,
    /// How long to wait and how much to take.
    pub limits: Limits,
    /// Only addresses of this family.
    pub family: Option<Family>,
    /// Go there instead of the addresses of the name.
    pub connect: Option<IpAddr>,
    /// Makes connections.
    pub connector: Connector,
    /// What is trusted.
    pub trust: Arc<Trust>,
    /// Our own certificate.
    pub identity: Option<ClientIdentity>,
    /// What is as good as a password may go out without TLS.
    pub insecure_auth: bool,
    /// The passwords are no secrets: the lab.
    pub no_secrets: bool,
    /// The account of most scripts.
    pub account: Option<Account>,
    /// A second one.
    pub account2: Option<Account>,
    /// Accounts that POP3 scripts may fill.
    pub maildrops: Maildrops,
    /// Values by name.
    pub variables: BTreeMap<String, String>,
    /// Names of variables whose values are secrets.
    pub secrets: Vec<String>,
    /// What there is besides: `lab`, …
    pub resources: Vec<String>,
    /// Known deviations.
    pub known: Vec<Known>,
    /// Scripts that are left out, with the reason.
    pub left_out: Vec<Known>,
    /// The most that a script may do.
    pub risk: Risk,
    /// Only scripts with one of these tags.
    pub tags: Vec<String>,
    /// No scripts with one of these tags.
    pub skip_tags: Vec<String>,
    /// A failed *should* fails the run.
    pub strict: bool,
    /// How many scripts run at once.
    pub jobs: usize,
    /// The last line that is run.
    pub until: Option<usize>,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// For numbers that nobody can guess.
    pub seed: u64,
}

impl RunOptions {
    /// Knows all secrets of the run.
    pub(crate) fn masker(&self, extra: Option<&Account>) -> Masker {
        let mut masker = Masker::new();
        for account in [self.account.as_ref(), self.account2.as_ref(), extra].into_iter().flatten() {
            masker.learn(account.password.expose().as_bytes());
        }
        for name in &self.secrets {
            if let Some(value) = self.variables.get(name) {
                masker.learn(value.as_bytes());
            }
        }
        masker
    }
}

use ehlo_core::facts::TlsProbeMode;
use ehlo_core::{Address, Endpoint};
use ehlo_dialogue::{ConnectionOptions, LoginOptions};
use ehlo_wire::sasl::Credentials;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How services are examined.
#[derive(Clone)]
pub struct CheckOptions {
    /// How connections are made.
    pub connection: ConnectionOptions,
    /// Who logs in.
    pub credentials: Option<Credentials>,
    /// Under which conditions secrets may go out.
    pub login: LoginOptions,
    /// How much is asked by hand-made hellos; none to send none.
    pub tls_probe: Option<TlsProbeMode>,
    /// How gently a service is asked.
    pub pace: Pace,
    /// Judge as from the internet.
    pub as_outside: bool,
    /// What is allowed beyond looking.
    pub extra: Extra,
}

/// What is allowed beyond looking, and the addresses that it takes.
#[derive(Clone, Default)]
pub struct Extra {
    /// Ids of checks that may send mail or what looks like an attack; `opt-in` for all of them.
    pub allow: Vec<String>,
    /// An address of the user that the server is not responsible for.
    pub relay_to: Option<String>,
    /// The mailbox behind that address.
    pub outside: Option<Arc<dyn Outside>>,
    /// An address of the user that the server is responsible for.
    pub own_mailbox: Option<String>,
    /// The mailbox behind that address.
    pub inbox: Option<Arc<dyn Outside>>,
}

impl Extra {
    /// Whether a check that needs it was allowed.
    pub fn allows(&self, check: &str) -> bool {
        self.allow.iter().any(|name| name == check || name == "opt-in")
    }
}

/// What becomes of a message, some time later.
pub type Arriving<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, String>> + Send + 'a>>;

/// A mailbox that can be looked into, on another way than the one that is examined.
pub trait Outside: Send + Sync {
    /// The message with the token in its field `X-Ehlo-Token`, as it is there; none if it does not come within the
    /// time. It is removed again. The error says why the mailbox cannot be looked into.
    fn arrived<'a>(&'a self, token: &'a str, within: Duration) -> Arriving<'a>;
}

/// How gently a service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The most handshakes that are begun with one service.
    pub budget: u32,
    /// The least time from one connection to an IP address to the next, whatever the port.
    pub gap: Duration,
    /// The most connections at once to an IP address, whatever the port; none for as many as the kind of a service bears.
    pub max_conn: Option<NonZeroUsize>,
}

impl Pace {
    /// The largest budget that can be had.
    pub const MOST: u32 = 400;
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { budget: 64, gap: Duration::ZERO, max_conn: None }
    }
}

/// A service to examine.
#[derive(Clone, Debug)]
pub struct Job {
    /// The service.
    pub endpoint: Endpoint,
    /// Its name in the report.
    pub url: String,
    /// Services with the same value belong to one host and are judged together; none for a single URL.
    pub host_group: Option<String>,
    /// Its addresses, where they need no looking up: the embedded lab, a Unix socket.
    pub addresses: Option<Vec<Address>>,
    /// Whether it is the embedded lab, which counts as seen from outside.
    pub lab: bool,
}

impl Job {
    /// One service, named by its URL.
    pub fn single(endpoint: Endpoint) -> Job {
        Job { url: endpoint.to_string(), endpoint, host_group: None, addresses: None, lab: false }
    }
}

use ehlo_core::facts::TlsProbeMode;
use ehlo_core::{Address, Endpoint};
use ehlo_dialogue::{ConnectionOptions, LoginOptions};
use ehlo_wire::sasl::Credentials;
use std::num::NonZeroUsize;
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
}

/// How gently a service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The most handshakes that are begun with one service.
    pub budget: u32,
    /// The least time from one connection to the next.
    pub gap: Duration,
    /// The most connections at once to the address that is examined; none for as many as its kind bears.
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

use ehlo_core::{Address, Endpoint, Family, Limits};
use ehlo_dialogue::{ClientIdentity, Connector, LoginOptions, Trust};
use ehlo_wire::sasl::Credentials;
use std::net::IpAddr;
use std::sync::Arc;

/// How services are examined.
#[derive(Clone)]
pub struct CheckOptions {
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
    /// The server name to ask for instead of the host's.
    pub sni: Option<String>,
    /// The name that we give ourselves in EHLO; none for the address literal of the connection.
    pub helo: Option<String>,
    /// Who logs in.
    pub credentials: Option<Credentials>,
    /// Under which conditions secrets may go out.
    pub login: LoginOptions,
    /// Judge as from the internet.
    pub as_outside: bool,
    /// The clock by which dates are judged, seconds since 1970.
    pub now: i64,
    /// Makes tags that nobody can guess.
    pub seed: u64,
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

use ehlo_core::facts::TlsProbeMode;
use ehlo_core::{Address, Endpoint};
use ehlo_dialogue::{ConnectionOptions, LoginOptions};
use ehlo_wire::sasl::Credentials;

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
    /// Judge as from the internet.
    pub as_outside: bool,
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

use ehlo_core::{Address, Endpoint};
use ehlo_dialogue::{ConnectionOptions, LoginOptions};
use ehlo_wire::sasl::Credentials;
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
}

impl Extra {
    /// Whether a check that needs it was allowed.
    pub fn allows(&self, check: &str) -> bool {
        self.allow.iter().any(|name| name == check || name == "opt-in")
    }
}

/// A mailbox elsewhere that can be looked into.
pub trait Outside: Send + Sync {
    /// Whether a message with the token in its field `X-Ehlo-Token` comes within the time; it is removed again.
    /// The error says why the mailbox cannot be looked into.
    fn saw<'a>(
        &'a self,
        token: &'a str,
        within: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>>;
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

use crate::settings::MECHANISMS;
use crate::{Accounts, ActiveFault, FaultError, Rules, Seed, SeedError, StoreError};
use ehlo_core::{Family, Role, Scheme};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// What a lab is made of.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// The name of the server, which is also the domain of its accounts.
    pub host_name: String,
    /// Further names and addresses for its certificate.
    pub names: Vec<String>,
    /// Who may log in.
    pub accounts: Accounts,
    /// The SASL mechanisms, in the order in which they are listed; ANONYMOUS lets guests in.
    pub mechanisms: Vec<&'static str>,
    /// Where mail is kept for good; none keeps it in memory.
    pub store: Option<PathBuf>,
    /// Whether mail is on the disk itself before it is acknowledged, so that it outlives a power failure as well.
    pub fsync: bool,
    /// The most bytes of messages, in memory and in files.
    pub limit: u64,
    /// Messages that are in it from the beginning.
    pub seeds: Vec<Seed>,
    /// Whom it imitates, as [`crate::persona`] reads it.
    pub personas: Vec<ActiveFault>,
    /// What is done with mail, beyond delivering it.
    pub rules: Rules,
    /// Whether XCLIENT and XFORWARD are offered.
    pub xclient: bool,
    /// Whether each connection begins with a PROXY header.
    pub proxy_protocol: bool,
    /// What is to go wrong.
    pub faults: Vec<ActiveFault>,
    /// Makes challenges unpredictable; fixed in tests.
    pub seed: u64,
    /// The time when it starts, in seconds since 1970.
    pub now: i64,
}

impl LabConfig {
    /// So many bytes are kept in memory unless it is said otherwise: 1 GiB.
    pub const LIMIT: u64 = 1 << 30;

    /// The defaults, for a lab that starts at `now`.
    pub fn new(seed: u64, now: i64) -> LabConfig {
        LabConfig {
            host_name: "lab.test".into(),
            names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            accounts: Accounts::default(),
            mechanisms: MECHANISMS.to_vec(),
            store: None,
            fsync: false,
            limit: LabConfig::LIMIT,
            seeds: Vec::new(),
            personas: Vec::new(),
            rules: Rules::default(),
            xclient: false,
            proxy_protocol: false,
            faults: Vec::new(),
            seed,
            now,
        }
    }
}

/// One service of a lab: what is spoken, and on which family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service {
    /// What is spoken, and when TLS begins.
    pub scheme: Scheme,
    /// The address family that the client came by.
    pub family: Family,
}

impl Service {
    /// The services of a lab.
    pub const SCHEMES: &'static [Scheme] = &[
        Scheme::Smtp,
        Scheme::Submission,
        Scheme::Submissions,
        Scheme::Lmtp,
        Scheme::Pop3,
        Scheme::Pop3s,
        Scheme::Imap,
        Scheme::Imaps,
        Scheme::Sieve,
    ];

    /// What it is for.
    pub fn role(self) -> Role {
        self.scheme.role()
    }
}

/// Where a lab listens.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The addresses. One that the machine does not have is left out if it is IPv6, an error otherwise.
    pub addresses: Vec<IpAddr>,
    /// Added to the standard port modulo 1000; 0 takes free ports.
    pub base: u16,
    /// Ports that were set one by one.
    pub fixed: BTreeMap<Scheme, u16>,
    /// A Unix socket for LMTP.
    pub lmtp_socket: Option<PathBuf>,
}

impl Default for Ports {
    /// Loopback of both families, ports from 2000 on.
    fn default() -> Self {
        Ports {
            addresses: vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])],
            base: 2000,
            fixed: BTreeMap::new(),
            lmtp_socket: None,
        }
    }
}

impl Ports {
    /// The port of a service; 0 for a free one.
    pub fn of(&self, scheme: Scheme) -> u16 {
        match self.fixed.get(&scheme) {
            Some(&port) => port,
            None if self.base == 0 => 0,
            None => self.base.saturating_add(scheme.port() % 1000),
        }
    }
}

/// Why a lab cannot start.
#[derive(Debug)]
pub enum LabError {
    /// A port cannot be listened on.
    Listen {
        /// The service.
        scheme: Scheme,
        /// Address and port, or path.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The port for HTTP cannot be listened on.
    Http {
        /// Address and port.
        address: std::net::SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another lab uses the directory of the store.
    StoreInUse(PathBuf),
    /// The store cannot be used.
    Store {
        /// Its directory.
        path: PathBuf,
        /// What is wrong.
        error: StoreError,
    },
    /// Messages cannot be put in.
    Seed(SeedError),
    /// The certificates cannot be made.
    Certificates(String),
    /// A persona cannot be read.
    Persona(FaultError),
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabError::Listen { scheme, address, error } => {
                write!(f, "{scheme} cannot listen on {address}: {error}")
            }
            LabError::Http { address, error } => write!(f, "HTTP cannot listen on {address}: {error}"),
            LabError::StoreInUse(path) => write!(f, "{} is in use by another ehlo lab", path.display()),
            LabError::Store { path, error } => {
                write!(f, "{} cannot be used as a store: {error}", path.display())
            }
            LabError::Persona(error) => write!(f, "{error}"),
            LabError::Seed(error) => write!(f, "{error}"),
            LabError::Certificates(detail) => write!(f, "the lab's certificates cannot be made: {detail}"),
        }
    }
}

impl std::error::Error for LabError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_the_standard_ones() {
        let ports = Ports::default();
        let all: Vec<u16> = Service::SCHEMES.iter().map(|&s| ports.of(s)).collect();
        assert_eq!(all, [2025, 2587, 2465, 2024, 2110, 2995, 2143, 2993, 2190]);
        let ports = Ports { base: 0, fixed: BTreeMap::from([(Scheme::Imap, 1143)]), ..Ports::default() };
        assert_eq!((ports.of(Scheme::Imap), ports.of(Scheme::Smtp)), (1143, 0));
    }
}

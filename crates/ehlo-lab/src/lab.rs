use crate::store::{Keeper, Maildir};
use crate::{
    Accounts, ActiveFault, Authority, CertificateKind, Flight, LabConfig, LabError, Service, Settings, Store,
    StoreError,
};
use ehlo_core::{Family, Tick};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all connections of a lab share.
pub struct Lab {
    host_name: String,
    accounts: Accounts,
    store: Arc<Store>,
    authority: Authority,
    services: BTreeMap<Service, ServiceState>,
    faults: Vec<ActiveFault>,
    seed: u64,
    serial: AtomicU64,
    epoch: i64,
}

struct ServiceState {
    settings: Settings,
    tls: Arc<ServerConfig>,
    connections: AtomicU64,
}

impl Lab {
    /// Makes a lab; nothing listens yet.
    ///
    /// # Errors
    /// [`LabError::Certificates`], and [`LabError::Store`] or [`LabError::StoreInUse`] if mail is to be kept.
    pub fn new(config: LabConfig) -> Result<Arc<Lab>, LabError> {
        let bad = |e: rcgen::Error| LabError::Certificates(e.to_string());
        let mut names = vec![config.host_name.clone()];
        names.extend(config.names.iter().cloned());
        let authority = Authority::new(&names, config.now).map_err(bad)?;
        let store = Arc::new(open_store(&config)?);
        let mut services = BTreeMap::new();
        // Services with the same kind of certificate show the same one, as on a real host.
        let mut flights: Vec<(CertificateKind, Flight)> = Vec::new();
        for &scheme in Service::SCHEMES {
            for family in [Family::V4, Family::V6, Family::Unix] {
                let service = Service { scheme, family };
                let mut settings = Settings::new(scheme, &config.host_name);
                for fault in config.faults.iter().filter(|f| f.scope.holds(service)) {
                    fault.configure(&mut settings);
                }
                let flight = match flights.iter().find(|(kind, _)| *kind == settings.certificate) {
                    Some((_, flight)) => Arc::clone(flight),
                    None => {
                        let flight = authority.issue(&settings.certificate).map_err(bad)?;
                        flights.push((settings.certificate.clone(), Arc::clone(&flight)));
                        flight
                    }
                };
                let tls = tls_config(flight).map_err(|e| LabError::Certificates(e.to_string()))?;
                services.insert(service, ServiceState { settings, tls, connections: AtomicU64::new(0) });
            }
        }
        Ok(Arc::new(Lab {
            host_name: config.host_name,
            accounts: config.accounts,
            store,
            authority,
            services,
            faults: config.faults,
            seed: config.seed,
            serial: AtomicU64::new(0),
            epoch: config.now,
        }))
    }

    /// The name of the server and the domain of its accounts.
    pub fn host_name(&self) -> &str {
        &self.host_name
    }

    /// Who may log in.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The mailboxes.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The certificate authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// How a service behaves.
    pub fn settings(&self, service: Service) -> &Settings {
        &self.state(service).settings
    }

    pub(crate) fn tls(&self, service: Service) -> Arc<ServerConfig> {
        Arc::clone(&self.state(service).tls)
    }

    pub(crate) fn faults(&self, service: Service) -> impl Iterator<Item = &ActiveFault> {
        self.faults.iter().filter(move |f| f.scope.holds(service))
    }

    /// Counts a connection: the first is 1.
    pub(crate) fn count_connection(&self, service: Service) -> u64 {
        self.state(service).connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many connections a service has had.
    pub fn connections(&self, service: Service) -> u64 {
        self.state(service).connections.load(Ordering::Relaxed)
    }

    /// The time at `tick`, in seconds since 1970.
    pub(crate) fn unix_time(&self, tick: Tick) -> i64 {
        self.epoch + i64::try_from(tick.0 / 1_000_000).unwrap_or(0)
    }

    /// Unique text of the form `<…@host>` that nobody can predict who does not know the seed.
    pub(crate) fn challenge(&self, now: i64) -> String {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let random = mix(self.seed ^ mix(serial));
        format!("<{serial}.{now}.{random:016x}@{}>", self.host_name)
    }

    /// A queue id.
    pub(crate) fn queue_id(&self) -> String {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        format!("{:010X}", mix(self.seed.wrapping_add(serial)) & 0xff_ffff_ffff)
    }

    fn state(&self, service: Service) -> &ServiceState {
        &self.services[&service]
    }
}

/// The store, on the disk or in memory.
fn open_store(config: &LabConfig) -> Result<Store, LabError> {
    let path = config.store.clone().unwrap_or_default();
    let failed = |error: StoreError| LabError::Store { path: path.clone(), error };
    let keeper = match &config.store {
        None => None,
        Some(root) => match Maildir::open(root, &config.host_name, config.fsync) {
            Ok(maildir) => Some(Box::new(maildir) as Box<dyn Keeper>),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return Err(LabError::StoreInUse(path));
            }
            Err(error) => return Err(failed(error.into())),
        },
    };
    Store::open(config.accounts.names(), config.now, config.limit, keeper).map_err(failed)
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lab({})", self.host_name)
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn tls_config(flight: Arc<CertifiedKey>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(flight)));
    Ok(Arc::new(config))
}

/// The finaliser of SplitMix64: spreads a counter over 64 bits.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

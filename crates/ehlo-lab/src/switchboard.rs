//! The faults of a lab and what follows from them, changeable while it serves.

use crate::clients::Anybody;
use crate::faults::{Count, Notes};
use crate::{ActiveFault, Authority, CertificateKind, LabError, Service, Settings};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// So many kinds of certificates are remembered; more would only come from somebody who tries names.
const MOST_FLIGHTS: usize = 64;

/// Holds the faults behind a lock. Whoever acts takes the [`Standing`] of that moment.
pub(crate) struct Switchboard {
    base: BTreeMap<Service, Settings>,
    flights: Mutex<Vec<(Shown, Arc<ServerTls>)>>,
    standing: RwLock<Arc<Standing>>,
    serial: AtomicU64,
}

/// What holds at one moment, for all connections.
pub(crate) struct Standing {
    /// Grows with every change.
    pub(crate) generation: u64,
    in_force: InForce,
    services: BTreeMap<Service, ServiceState>,
}

/// What goes wrong, in the order in which it acts: personas first, so that faults can break them.
#[derive(Clone, Default)]
pub(crate) struct InForce {
    pub(crate) personas: Vec<Arc<Installed>>,
    pub(crate) faults: Vec<Arc<Installed>>,
}

/// A fault that is in force.
pub(crate) struct Installed {
    pub(crate) id: u64,
    pub(crate) fault: ActiveFault,
    pub(crate) count: Count,
    pub(crate) notes: Notes,
}

/// How a service behaves, and with which certificate.
#[derive(Clone)]
pub(crate) struct ServiceState {
    pub(crate) settings: Arc<Settings>,
    pub(crate) tls: Arc<ServerTls>,
}

/// TLS with one certificate.
pub(crate) struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    /// The certificates in DER, as a flight made by hand shows them.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Those of the second certificate, for an RSA key.
    pub(crate) second: Option<Vec<Vec<u8>>>,
    /// The digest of the certificate to which logins can be tied (RFC 5929 §4).
    pub(crate) end_point: Option<Vec<u8>>,
}

impl Switchboard {
    /// Personas and faults that hold from the start.
    pub(crate) fn new(
        base: BTreeMap<Service, Settings>,
        personas: Vec<ActiveFault>,
        faults: Vec<ActiveFault>,
        authority: &Authority,
    ) -> Result<Switchboard, LabError> {
        let empty = Standing { generation: 0, in_force: InForce::default(), services: BTreeMap::new() };
        let board = Switchboard {
            base,
            flights: Mutex::default(),
            standing: RwLock::new(Arc::new(empty)),
            serial: AtomicU64::new(0),
        };
        board.change(authority, |in_force| {
            in_force.faults.extend(faults.into_iter().map(|fault| board.install(fault)));
            in_force.personas.extend(personas.into_iter().map(|fault| board.install(fault)));
        })?;
        Ok(board)
    }

    /// Gives a fault its number: 1 for the first, and none twice.
    pub(crate) fn install(&self, fault: ActiveFault) -> Arc<Installed> {
        let id = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(Installed { id, fault, count: Count::default(), notes: Notes::default() })
    }

    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the faults, and all that follows from them. Nothing is changed if a certificate cannot be made.
    pub(crate) fn change<T>(
        &self,
        authority: &Authority,
        work: impl FnOnce(&mut InForce) -> T,
    ) -> Result<T, LabError> {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        let mut in_force = standing.in_force.clone();
        let done = work(&mut in_force);
        let mut services = BTreeMap::new();
        for (&service, base) in &self.base {
            let mut settings = base.clone();
            for installed in in_force.at(service).filter(|f| !f.fault.is_decided()) {
                installed.fault.configure(&mut settings);
            }
            let tls = self.tls(&settings, authority)?;
            services.insert(service, ServiceState { settings: Arc::new(settings), tls });
        }
        *standing = Arc::new(Standing { generation: standing.generation + 1, in_force, services });
        Ok(done)
    }

    /// How a service behaves towards one connection, for which `decide` has said which faults hold.
    pub(crate) fn for_connection(
        &self,
        standing: &Standing,
        service: Service,
        authority: &Authority,
        mut decide: impl FnMut(&Installed) -> bool,
    ) -> ServiceState {
        let common = standing.service(service);
        let decided: Vec<&Installed> = standing
            .faults(service)
            .filter(|f| f.fault.is_decided())
            .filter(|f| decide(f))
            .map(|f| &**f)
            .collect();
        if decided.is_empty() {
            return common.clone();
        }
        let Some(base) = self.base.get(&service) else { return common.clone() };
        let mut settings = base.clone();
        for installed in standing.faults(service) {
            if !installed.fault.is_decided() || decided.iter().any(|d| d.id == installed.id) {
                installed.fault.configure(&mut settings);
            }
        }
        // A certificate that cannot be made is one of ours: the common one is shown.
        let tls = self.tls(&settings, authority).unwrap_or_else(|_| Arc::clone(&common.tls));
        ServiceState { settings: Arc::new(settings), tls }
    }

    /// Services with the same kind of certificate show the same one, as on a real host.
    fn tls(&self, settings: &Settings, authority: &Authority) -> Result<Arc<ServerTls>, LabError> {
        let weak = &settings.weak_tls;
        // The library has nothing below TLS 1.2: where it would be left with nothing, it is not asked.
        let no_12 = weak.no_tls12 && !weak.no_tls13;
        let shown = Shown {
            certificate: settings.certificate.clone(),
            second: weak.second.clone(),
            default: settings.default_certificate.clone(),
            no_12,
            no_13: weak.no_tls13,
        };
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tls)) = flights.iter().find(|(known, _)| *known == shown) {
            return Ok(Arc::clone(tls));
        }
        let tls = shown.make(authority)?;
        if flights.len() >= MOST_FLIGHTS {
            flights.remove(0);
        }
        flights.push((shown, Arc::clone(&tls)));
        Ok(tls)
    }
}

impl Standing {
    /// The faults of a service, in the order in which they act.
    pub(crate) fn faults(&self, service: Service) -> impl Iterator<Item = &Arc<Installed>> {
        self.in_force.at(service)
    }

    /// Personas, each followed by the faults that belong to it.
    pub(crate) fn personas(&self) -> &[Arc<Installed>] {
        &self.in_force.personas
    }

    /// Whether nothing goes wrong anywhere.
    pub(crate) fn is_quiet(&self) -> bool {
        self.in_force.personas.is_empty() && self.in_force.faults.is_empty()
    }

    /// All faults, without personas.
    pub(crate) fn all(&self) -> &[Arc<Installed>] {
        &self.in_force.faults
    }

    pub(crate) fn service(&self, service: Service) -> &ServiceState {
        &self.services[&service]
    }
}

impl InForce {
    fn at(&self, service: Service) -> impl Iterator<Item = &Arc<Installed>> {
        self.personas.iter().chain(&self.faults).filter(move |f| f.fault.scope.holds(service))
    }
}

/// What a configuration of TLS is made for: certificates, and whether TLS 1.2 and TLS 1.3 are there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    certificate: CertificateKind,
    second: Option<CertificateKind>,
    default: Option<Vec<String>>,
    no_12: bool,
    no_13: bool,
}

impl Shown {
    fn make(&self, authority: &Authority) -> Result<Arc<ServerTls>, LabError> {
        let failed = |e: rcgen::Error| LabError::Certificates(e.to_string());
        let flight = authority.issue(&self.certificate).map_err(failed)?;
        let chain = flight.cert.iter().map(|c| c.to_vec()).collect();
        let end_point = flight.cert.first().and_then(|leaf| crate::clients::end_point(leaf));
        let default = self.default.clone().map(|names| authority.issue(&CertificateKind::Names(names)));
        let resolver: Arc<dyn ResolvesServerCert> = match default.transpose().map_err(failed)? {
            Some(default) => Arc::new(ByName { names: authority.names().to_vec(), own: flight, default }),
            None => Arc::new(Always(flight)),
        };
        let second = self.second.as_ref().map(|kind| authority.issue_for_rsa(kind));
        let config = tls_config(resolver, self.no_12, self.no_13);
        Ok(Arc::new(ServerTls {
            config: Arc::new(config.map_err(|e| LabError::Certificates(e.to_string()))?),
            chain,
            second: second.transpose().map_err(failed)?,
            end_point,
        }))
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// One certificate for who asks for a name of the host, and another one for everybody else.
#[derive(Debug)]
struct ByName {
    names: Vec<String>,
    own: Arc<CertifiedKey>,
    default: Arc<CertifiedKey>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        let own = asked.is_some_and(|asked| self.names.iter().any(|name| name.eq_ignore_ascii_case(asked)));
        Some(Arc::clone(if own { &self.own } else { &self.default }))
    }
}

fn tls_config(
    resolver: Arc<dyn ResolvesServerCert>,
    no_12: bool,
    no_13: bool,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] = match (no_12, no_13) {
        (true, _) => &[&rustls::version::TLS13],
        (false, true) => &[&rustls::version::TLS12],
        (false, false) => rustls::DEFAULT_VERSIONS,
    };
    Ok(ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(Arc::new(Anybody::new(&provider)))
        .with_cert_resolver(resolver))
}

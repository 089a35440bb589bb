use crate::delivery::Late;
use crate::queue::Queue;
use crate::rules::Rules;
use crate::store::{Keeper, Maildir};
use crate::switchboard::{Installed, ServiceState, Standing, Switchboard};
use crate::{
    Accounts, ActiveFault, Authority, LabConfig, LabError, Observe, Scripts, Service, Settings, Store,
    StoreError,
};
use ehlo_core::{Family, Tick};
use rustls::ServerConfig;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many accounts there are when no more are made on the fly.
const MOST_ACCOUNTS: usize = 10_000;

/// What all connections of a lab share.
pub struct Lab {
    host_name: String,
    accounts: Accounts,
    rules: Rules,
    queue: Queue,
    store: Arc<Store>,
    scripts: Scripts,
    authority: Authority,
    switchboard: Switchboard,
    connections: BTreeMap<Service, AtomicU64>,
    late: Late,
    seed: u64,
    serial: AtomicU64,
    epoch: i64,
    observe: Observe,
}

impl Lab {
    /// Makes a lab; nothing listens yet.
    ///
    /// # Errors
    /// [`LabError::Certificates`], and [`LabError::Store`] or [`LabError::StoreInUse`] if mail is to be kept.
    pub fn new(mut config: LabConfig) -> Result<Arc<Lab>, LabError> {
        if config.mechanisms.contains(&"ANONYMOUS") {
            config.accounts.admit_guests();
        }
        let bad = |e: rcgen::Error| LabError::Certificates(e.to_string());
        let mut names = vec![config.host_name.clone()];
        names.extend(config.names.iter().cloned());
        let authority = Authority::new(&names, config.now).map_err(bad)?;
        let store = Arc::new(open_store(&config)?);
        let mut base = BTreeMap::new();
        for &scheme in Service::SCHEMES {
            for family in [Family::V4, Family::V6, Family::Unix] {
                let mut settings = Settings::new(scheme, &config.host_name);
                settings.mechanisms.clone_from(&config.mechanisms);
                settings.xclient = config.xclient;
                // What waits is in memory: where mail is to outlive a restart, that would not be kept.
                settings.future_release &= config.store.is_none();
                settings.proxy_protocol = config.proxy_protocol;
                base.insert(Service { scheme, family }, settings);
            }
        }
        let connections = base.keys().map(|&service| (service, AtomicU64::new(0))).collect();
        let switchboard = Switchboard::new(base, config.personas, config.faults, &authority)?;
        Ok(Arc::new(Lab {
            host_name: config.host_name,
            accounts: config.accounts,
            rules: config.rules,
            queue: Queue::default(),
            store,
            scripts: Scripts::new(config.store.as_ref().map(|folder| folder.join(".ehlo-sieve"))),
            authority,
            switchboard,
            connections,
            late: Late::default(),
            seed: config.seed,
            serial: AtomicU64::new(0),
            epoch: config.now,
            observe: Observe::new(),
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

    /// The account whose address or user name this is, whatever the case: the part before `@`. If everybody is let in,
    /// an account is made for a name that has none; none as well if that fails.
    pub fn account_of(&self, local_part: &str) -> Option<String> {
        if let Some(name) = self.accounts.owner_of(local_part) {
            return Some(name.to_owned());
        }
        let name = self.accounts.accepts_any().then(|| Accounts::name_for(local_part)).flatten()?;
        let there = self.store.with(&name, |_| ()).is_some();
        if !there {
            if self.store.accounts().len() >= MOST_ACCOUNTS {
                return None;
            }
            self.store.add_account(&name).ok()?;
        }
        Some(name)
    }

    /// The rules for mail that comes in.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Mail that waits for its time.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The mailboxes.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The Sieve scripts of the accounts.
    pub fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// The certificate authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The sessions, for whoever wants to see them.
    pub fn observe(&self) -> &Observe {
        &self.observe
    }

    /// How a service behaves at this moment.
    pub fn settings(&self, service: Service) -> Arc<Settings> {
        Arc::clone(&self.standing().service(service).settings)
    }

    pub(crate) fn tls(&self, service: Service) -> Arc<ServerConfig> {
        Arc::clone(&self.standing().service(service).tls.config)
    }

    /// What holds at this moment.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        self.switchboard.standing()
    }

    /// How a service behaves towards one connection, for which `decide` says which faults hold.
    pub(crate) fn state_for(
        &self,
        standing: &Standing,
        service: Service,
        decide: impl FnMut(&Installed) -> bool,
    ) -> ServiceState {
        self.switchboard.for_connection(standing, service, &self.authority, decide)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The faults in force, in the order in which they act, each with the number that takes it away again.
    pub fn faults(&self) -> Vec<(u64, ActiveFault)> {
        self.standing().all().iter().map(|f| (f.id, f.fault.clone())).collect()
    }

    /// How often a fault has struck; none if it is not in force.
    pub fn fault_strikes(&self, id: u64) -> Option<u64> {
        self.standing().all().iter().find(|f| f.id == id).map(|f| f.count.strikes())
    }

    /// Puts a fault in force, behind those that are: connections that are open feel it from their next reply on, TLS
    /// from the next handshake on. Yields the number that takes it away again.
    ///
    /// # Errors
    /// [`LabError::Certificates`]: then nothing has changed.
    pub fn add_fault(&self, fault: ActiveFault) -> Result<u64, LabError> {
        let installed = self.switchboard.install(fault);
        let id = installed.id;
        self.switchboard.change(&self.authority, |in_force| in_force.faults.push(installed))?;
        Ok(id)
    }

    /// Takes a fault out of force; whether it was.
    pub fn remove_fault(&self, id: u64) -> bool {
        let removed = self.switchboard.change(&self.authority, |in_force| {
            let before = in_force.faults.len();
            in_force.faults.retain(|f| f.id != id);
            in_force.faults.len() < before
        });
        removed.unwrap_or(false)
    }

    /// Takes all faults out of force. A persona stays.
    pub fn clear_faults(&self) {
        // Fails only if a certificate of the usual kind cannot be made, which was made when the lab began.
        let _ = self.switchboard.change(&self.authority, |in_force| in_force.faults.clear());
    }

    /// Makes the lab imitate somebody, or nobody any more; what it imitated before is over. The text is
    /// `NAME[@PLACE[+PLACE…]]`; connections that are open see it from their next reply on.
    ///
    /// # Errors
    /// [`LabError::Persona`] or [`LabError::Certificates`]: then nothing has changed.
    pub fn set_persona(&self, text: Option<&str>) -> Result<(), LabError> {
        let parts = text.map(crate::persona).transpose().map_err(LabError::Persona)?.unwrap_or_default();
        let parts: Vec<_> = parts.into_iter().map(|part| self.switchboard.install(part)).collect();
        self.switchboard.change(&self.authority, |in_force| in_force.personas = parts)
    }

    /// Whom the lab imitates, in the form that [`Lab::set_persona`] takes.
    pub fn personas(&self) -> Vec<String> {
        let standing = self.standing();
        let personas = standing.personas().iter().filter(|p| p.fault.meta().family == "persona");
        personas.map(|p| p.fault.to_string()).collect()
    }

    /// Mail that comes late.
    pub(crate) fn late(&self) -> &Late {
        &self.late
    }

    /// Delivers the mail that a fault has kept back, as far as it is due at `tick`. Yields when the next is due.
    pub fn deliver_due(&self, tick: Tick) -> Option<Tick> {
        self.late.release(self, self.unix_time(tick));
        let due = u64::try_from(self.late.next()?.saturating_sub(self.epoch)).unwrap_or(0);
        Some(Tick(due.saturating_mul(1_000_000)))
    }

    /// Counts a connection: the first is 1.
    pub(crate) fn count_connection(&self, service: Service) -> u64 {
        self.connections[&service].fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many connections a service has had.
    pub fn connections(&self, service: Service) -> u64 {
        self.connections[&service].load(Ordering::Relaxed)
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

    /// Bytes that nobody can predict who does not know the seed; others each time.
    pub(crate) fn random(&self) -> [u8; 32] {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        spread(self.seed ^ mix(serial))
    }

    /// Bytes that stay the same as long as the seed does, for the salts of passwords.
    pub(crate) fn salt_seed(&self) -> [u8; 32] {
        spread(!self.seed)
    }

    /// A queue id.
    pub(crate) fn queue_id(&self) -> String {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        format!("{:010X}", mix(self.seed.wrapping_add(serial)) & 0xff_ffff_ffff)
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
    let guest = config.accounts.guest().filter(|guest| config.accounts.names().all(|name| name != *guest));
    let names = config.accounts.names().chain(guest);
    let store = Store::open(names, config.now, config.limit, keeper).map_err(failed)?;
    for seed in &config.seeds {
        seed.sow(&store, &config.accounts, config.now).map_err(LabError::Seed)?;
    }
    Ok(store)
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lab({})", self.host_name)
    }
}

/// Four numbers made of one.
fn spread(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut state = seed;
    for chunk in bytes.chunks_mut(8) {
        state = mix(state);
        chunk.copy_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// The finaliser of SplitMix64: spreads a counter over 64 bits.
pub(crate) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

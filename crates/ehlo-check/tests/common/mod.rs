//! The lab in memory, examined on a virtual clock.

use ehlo_check::{Arriving, CheckOptions, Extra, Job, Outside, Pace, Selection, run};
use ehlo_core::facts::TlsProbeMode;
use ehlo_core::{Address, Endpoint, Family, Limits, RunReport, Scheme};
use ehlo_dialogue::{ConnectionOptions, Connector, Dialer, LoginOptions, Transport, Trust};
use ehlo_lab::{ActiveFault, Lab, LabConfig, Service, Wanted};
use ehlo_wire::sasl::Credentials;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct LabInMemory {
    pub(crate) lab: Arc<Lab>,
    /// The connections that were made.
    pub(crate) dialed: Arc<Mutex<Vec<Dialing>>>,
}

/// A connection that was made: when, and to where.
pub(crate) type Dialing = (tokio::time::Instant, SocketAddr);

impl Dialer for LabInMemory {
    fn dial(&self, address: &Address) -> io::Result<(Box<dyn Transport>, SocketAddr)> {
        let Address::Ip(address) = address else { return Err(io::ErrorKind::Unsupported.into()) };
        let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
        let scheme = Scheme::ALL.iter().copied().find(|s| s.port() == address.port()).unwrap();
        let service = Service { scheme, family };
        if !Service::SCHEMES.contains(&scheme) || !self.lab.settings(service).listening {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.dialed.lock().unwrap().push((tokio::time::Instant::now(), *address));
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let lab = Arc::clone(&self.lab);
        tokio::spawn(async move { lab.serve_stream(service, theirs).await });
        // The lab sees clients in memory as coming from there.
        Ok((Box::new(ours), SocketAddr::from(([192, 0, 2, 1], 40_000))))
    }
}

/// What a run looks at, and how.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) faults: Vec<&'static str>,
    pub(crate) schemes: Vec<Scheme>,
    pub(crate) families: Vec<Family>,
    pub(crate) login: bool,
    /// The mechanism to log in by; the best that is safe if none is named.
    pub(crate) mechanism: Option<&'static str>,
    /// Whether the password is the right one.
    pub(crate) right_password: bool,
    /// Whether the server counts as the embedded lab, where nobody is locked out.
    pub(crate) lab: bool,
    /// As a single URL instead of a host with all its ports.
    pub(crate) single: bool,
    /// How much is asked by hand-made hellos, if anything.
    pub(crate) tls_probe: Option<TlsProbeMode>,
    pub(crate) pace: Pace,
    /// What is looked at.
    pub(crate) selection: Selection,
    /// What is allowed beyond looking.
    pub(crate) extra: Extra,
    /// The account of the lab whose mailbox is looked into, for the address elsewhere and for the own one.
    pub(crate) mailboxes: (Option<&'static str>, Option<&'static str>),
}

/// A mailbox of the lab, looked into on no way that is examined.
struct LabMailbox(Arc<Lab>, &'static str);

impl Outside for LabMailbox {
    fn arrived<'a>(&'a self, token: &'a str, _: Duration) -> Arriving<'a> {
        assert!(token.starts_with("ehlo-") && !token.contains(['\r', '\n', ' ']));
        let wanted = Wanted { account: Some(self.1.to_owned()), ..Wanted::default() };
        let found = self.0.store().find(&wanted);
        let found = found.iter().map(|mail| mail.raw().unwrap().to_vec()).find(|message| {
            let line = format!("\r\nX-Ehlo-Token: {token}\r\n");
            message.windows(line.len()).any(|window| window == line.as_bytes())
        });
        Box::pin(async { Ok(found) })
    }
}

impl Setup {
    pub(crate) fn with(faults: &[&'static str]) -> Setup {
        Setup {
            faults: faults.to_vec(),
            schemes: Service::SCHEMES.to_vec(),
            families: vec![Family::V4],
            login: false,
            mechanism: None,
            right_password: true,
            lab: true,
            single: false,
            tls_probe: Some(TlsProbeMode::Proof),
            pace: Pace::default(),
            selection: Selection::default(),
            extra: Extra::default(),
            mailboxes: (None, None),
        }
    }

    pub(crate) async fn examine(&self) -> RunReport {
        self.examine_and_count().await.0
    }

    /// The report, and how many connections were made to each port.
    pub(crate) async fn examine_and_count(&self) -> (RunReport, BTreeMap<u16, u32>) {
        let (report, times) = self.examine_and_time().await;
        let mut counted = BTreeMap::new();
        for (_, address) in times {
            *counted.entry(address.port()).or_default() += 1;
        }
        (report, counted)
    }

    /// The report, and when connections were made, and to where.
    pub(crate) async fn examine_and_time(&self) -> (RunReport, Vec<Dialing>) {
        let dialed = Arc::<Mutex<Vec<Dialing>>>::default();
        let mut config = LabConfig::new(7, NOW);
        config.faults = self.faults.iter().map(|f| ActiveFault::parse(f).unwrap()).collect();
        let lab = Lab::new(config).unwrap();
        let mut trust = Trust::only_given();
        trust.give(lab.authority().root_der().clone());
        let credentials = self.login.then(|| Credentials {
            user: "benutzername".into(),
            password: if self.right_password { "passwort" } else { "falsch" }.into(),
            authzid: String::new(),
        });
        let mailbox = |account: Option<&'static str>| {
            account.map(|account| Arc::new(LabMailbox(Arc::clone(&lab), account)) as Arc<dyn Outside>)
        };
        let mut extra = self.extra.clone();
        extra.outside = extra.outside.or_else(|| mailbox(self.mailboxes.0));
        extra.inbox = extra.inbox.or_else(|| mailbox(self.mailboxes.1));
        let options = CheckOptions {
            connection: ConnectionOptions {
                limits: Limits::default(),
                family: None,
                connect: None,
                connector: Connector {
                    source: None,
                    dialer: Some(Arc::new(LabInMemory { lab, dialed: Arc::clone(&dialed) })),
                },
                trust: Arc::new(trust),
                identity: None,
                sni: None,
                helo: Some("client.example".into()),
                now: NOW,
                seed: 11,
            },
            credentials,
            login: LoginOptions {
                no_secrets: true,
                mechanism: self.mechanism.map(str::to_owned),
                ..LoginOptions::default()
            },
            tls_probe: self.tls_probe,
            pace: self.pace,
            as_outside: false,
            extra,
        };
        let jobs = self.schemes.iter().map(|&scheme| {
            let mut endpoint = Endpoint::new(scheme, "lab.test", None);
            endpoint.explicit = self.single;
            let address = |family: &Family| {
                let ip = if *family == Family::V4 { "127.0.0.1" } else { "[::1]" };
                Address::Ip(format!("{ip}:{}", scheme.port()).parse::<SocketAddr>().unwrap())
            };
            Job {
                url: format!("{scheme}://lab"),
                endpoint,
                host_group: (!self.single).then(|| "lab".to_owned()),
                addresses: Some(self.families.iter().map(address).collect()),
                lab: self.lab,
            }
        });
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        let report = run(jobs.collect(), Arc::new(options), &self.selection, events).await;
        let times = dialed.lock().unwrap().clone();
        (report, times)
    }
}

/// What is not simply good, a line each: service, check, outcome, message.
pub(crate) fn told(run: &RunReport) -> Vec<String> {
    run.findings
        .iter()
        .filter(|f| f.outcome != ehlo_core::Outcome::Pass)
        .map(|f| {
            format!("{} {} {} {}", f.service.trim_end_matches("://lab"), f.check, f.outcome.id(), f.message)
        })
        .collect()
}

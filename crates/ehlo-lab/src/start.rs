//! A lab in one line, for tests of programs that speak to mail servers.

use crate::{
    AccountError, Accounts, ActiveFault, FaultError, HttpListener, Lab, LabConfig, LabError, Listeners, Mail,
    Ports, Session, Wanted,
};
use ehlo_core::{Address, Scheme};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A lab that serves on free ports of loopback, on a thread of its own, until it is dropped.
///
/// It works in tests with and without a tokio runtime. What has `_blocking` in its name waits on the thread that calls.
///
/// ```
/// use std::io::{BufRead as _, BufReader, Write as _};
///
/// let lab = ehlo_lab::TestLab::builder().account("bob:pw").fault("greeting-delay=0.1@smtp").start_blocking()?;
///
/// // Here the program that is tested sends a message to `lab.smtp()`.
/// let mut smtp = BufReader::new(std::net::TcpStream::connect(lab.smtp())?);
/// let mut answers = String::new();
/// smtp.read_line(&mut answers)?;
/// for said in ["HELO me", "MAIL FROM:<>", "RCPT TO:<bob@lab.test>", "DATA", "Subject: hello\r\n\r\nhi\r\n.", "QUIT"] {
///     smtp.get_mut().write_all(format!("{said}\r\n").as_bytes())?;
///     smtp.read_line(&mut answers)?;
/// }
///
/// let mail = lab.wait_for_message_blocking("bob@lab.test", std::time::Duration::from_secs(5))?;
/// assert_eq!(mail.header().subject, "hello");
/// assert_eq!(lab.messages("bob").len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TestLab {
    lab: Arc<Lab>,
    addresses: BTreeMap<Scheme, SocketAddr>,
    http: SocketAddr,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a [`TestLab`] is made of.
#[derive(Clone, Debug, Default)]
pub struct TestLabBuilder {
    accounts: Vec<String>,
    faults: Vec<String>,
    persona: Option<String>,
    domain: Option<String>,
}

/// Why a lab does not start.
#[derive(Debug)]
pub enum StartError {
    /// An account cannot be read.
    Account(AccountError),
    /// A fault cannot be read.
    Fault(FaultError),
    /// The lab cannot be made, or a port cannot be had.
    Lab(LabError),
    /// The thread cannot be had.
    Thread(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Account(error) => write!(f, "{error}"),
            StartError::Fault(error) => write!(f, "{error}"),
            StartError::Lab(error) => write!(f, "{error}"),
            StartError::Thread(error) => write!(f, "the lab has no thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<LabError> for StartError {
    fn from(error: LabError) -> StartError {
        StartError::Lab(error)
    }
}

/// The message did not come in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// To whom it should have come.
    pub to: String,
    /// How long was waited.
    pub waited: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no message to {} came in {:?}", self.to, self.waited)
    }
}

impl std::error::Error for TimedOut {}

/// Starts a lab with the accounts `alice` (password `wonderland`), `benutzername` and `name`.
///
/// ```
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let lab = ehlo_lab::start().await?;
/// assert!(lab.imap().ip().is_loopback() && lab.messages("alice").is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`StartError`].
pub async fn start() -> Result<TestLab, StartError> {
    TestLab::builder().start().await
}

impl TestLabBuilder {
    /// Adds an account, `NAME:PASSWORD`. With the first, the usual ones are gone.
    pub fn account(mut self, account: &str) -> TestLabBuilder {
        self.accounts.push(account.to_owned());
        self
    }

    /// Lets something go wrong, as `ehlo lab --fault` takes it.
    pub fn fault(mut self, fault: &str) -> TestLabBuilder {
        self.faults.push(fault.to_owned());
        self
    }

    /// Whom the lab imitates, as `ehlo lab --persona` takes it.
    pub fn persona(mut self, persona: &str) -> TestLabBuilder {
        self.persona = Some(persona.to_owned());
        self
    }

    /// The name of the server and the domain of its accounts; `lab.test` if nothing is said.
    pub fn domain(mut self, domain: &str) -> TestLabBuilder {
        self.domain = Some(domain.to_ascii_lowercase());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(self) -> Result<TestLab, StartError> {
        let (tell, told) = oneshot::channel();
        let thread = self.launch(move |ready| drop(tell.send(ready)))?;
        finished(told.await.ok(), thread)
    }

    /// Starts it, and waits for that on this thread.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start_blocking(self) -> Result<TestLab, StartError> {
        let (tell, told) = mpsc::channel();
        let thread = self.launch(move |ready| drop(tell.send(ready)))?;
        finished(told.recv().ok(), thread)
    }

    fn launch(
        self,
        ready: impl FnOnce(Result<TestLab, StartError>) + Send + 'static,
    ) -> Result<std::thread::JoinHandle<()>, StartError> {
        let lab = self.lab()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let serve = move || {
            let handle = runtime.handle().clone();
            runtime.block_on(async move {
                let (stop, stopped) = oneshot::channel();
                let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
                let ports = Ports { addresses: vec![loopback], base: 0, ..Ports::default() };
                let bound = async {
                    let services = Listeners::bind(&lab, &ports).await?;
                    Ok::<_, LabError>((services, HttpListener::bind((loopback, 0).into()).await?))
                };
                let (services, http) = match bound.await {
                    Ok(bound) => bound,
                    Err(error) => return ready(Err(error.into())),
                };
                let services = services.serve(&lab);
                let http = http.serve(&lab, services.addresses());
                let addresses = services.addresses().iter().filter_map(|(scheme, address)| match address {
                    Address::Ip(address) => Some((*scheme, *address)),
                    Address::Unix(_) => None,
                });
                ready(Ok(TestLab {
                    lab: Arc::clone(&lab),
                    addresses: addresses.collect(),
                    http: http.address(),
                    runtime: handle,
                    stop: Some(stop),
                    thread: None,
                }));
                // Either is the end: the word, or that nobody is left to say it.
                let _ = stopped.await;
            });
        };
        std::thread::Builder::new().name("ehlo-lab".into()).spawn(serve).map_err(StartError::Thread)
    }

    fn lab(&self) -> Result<Arc<Lab>, StartError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut seed = [0; 8];
        // Without randomness the clock must do: challenges need to be new, not secret, on this machine.
        if rustls::crypto::ring::default_provider().secure_random.fill(&mut seed).is_err() {
            seed = now.to_le_bytes();
        }
        let mut config = LabConfig::new(u64::from_le_bytes(seed), i64::try_from(now).unwrap_or(0));
        if !self.accounts.is_empty() {
            config.accounts = Accounts::none();
        }
        for account in &self.accounts {
            config.accounts.add(account).map_err(StartError::Account)?;
        }
        for fault in &self.faults {
            config.faults.push(ActiveFault::parse(fault).map_err(StartError::Fault)?);
        }
        if let Some(domain) = &self.domain {
            config.host_name.clone_from(domain);
        }
        let lab = Lab::new(config)?;
        if self.persona.is_some() {
            lab.set_persona(self.persona.as_deref())?;
        }
        lab.observe().record();
        Ok(lab)
    }
}

fn finished(
    ready: Option<Result<TestLab, StartError>>,
    thread: std::thread::JoinHandle<()>,
) -> Result<TestLab, StartError> {
    let gone = || StartError::Thread(std::io::Error::other("it ended"));
    let mut lab = ready.unwrap_or_else(|| Err(gone()))?;
    lab.thread = Some(thread);
    Ok(lab)
}

impl TestLab {
    /// For a lab that is not quite the usual one.
    pub fn builder() -> TestLabBuilder {
        TestLabBuilder::default()
    }

    /// Where mail is taken from other servers, port 25 elsewhere.
    pub fn smtp(&self) -> SocketAddr {
        self.addresses[&Scheme::Smtp]
    }

    /// Where users send mail with STARTTLS, port 587 elsewhere.
    pub fn submission(&self) -> SocketAddr {
        self.addresses[&Scheme::Submission]
    }

    /// Where users send mail inside TLS, port 465 elsewhere.
    pub fn submissions(&self) -> SocketAddr {
        self.addresses[&Scheme::Submissions]
    }

    /// LMTP.
    pub fn lmtp(&self) -> SocketAddr {
        self.addresses[&Scheme::Lmtp]
    }

    /// POP3 with STLS.
    pub fn pop3(&self) -> SocketAddr {
        self.addresses[&Scheme::Pop3]
    }

    /// POP3 inside TLS.
    pub fn pop3s(&self) -> SocketAddr {
        self.addresses[&Scheme::Pop3s]
    }

    /// IMAP with STARTTLS.
    pub fn imap(&self) -> SocketAddr {
        self.addresses[&Scheme::Imap]
    }

    /// IMAP inside TLS.
    pub fn imaps(&self) -> SocketAddr {
        self.addresses[&Scheme::Imaps]
    }

    /// ManageSieve.
    pub fn sieve(&self) -> SocketAddr {
        self.addresses[&Scheme::Sieve]
    }

    /// Where any service listens; none if the lab does not have it.
    pub fn address(&self, scheme: Scheme) -> Option<SocketAddr> {
        self.addresses.get(&scheme).copied()
    }

    /// Where it answers HTTP, for programs in other languages.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The certificate of its authority: whoever trusts that trusts the lab, under `lab.test`, `localhost` and
    /// `127.0.0.1`.
    pub fn root_pem(&self) -> &str {
        self.lab.authority().root_pem()
    }

    /// The messages in all mailboxes of an account, in the order in which they came.
    pub fn messages(&self, account: &str) -> Vec<Mail> {
        self.find(&Wanted { account: Some(account.to_owned()), ..Wanted::default() })
    }

    /// The messages that are wanted, in the order in which they came.
    pub fn find(&self, wanted: &Wanted) -> Vec<Mail> {
        self.lab.store().find(wanted)
    }

    /// The first message that was delivered to `to`, as soon as it is there.
    ///
    /// # Errors
    /// [`TimedOut`].
    pub async fn wait_for_message(&self, to: &str, timeout: Duration) -> Result<Mail, TimedOut> {
        let (tell, told) = oneshot::channel();
        self.wait(to, timeout, move |mail| drop(tell.send(mail)));
        told.await.ok().flatten().ok_or_else(|| TimedOut { to: to.to_owned(), waited: timeout })
    }

    /// The same, waiting on this thread.
    ///
    /// # Errors
    /// [`TimedOut`].
    pub fn wait_for_message_blocking(&self, to: &str, timeout: Duration) -> Result<Mail, TimedOut> {
        let (tell, told) = mpsc::channel();
        self.wait(to, timeout, move |mail| drop(tell.send(mail)));
        told.recv().ok().flatten().ok_or_else(|| TimedOut { to: to.to_owned(), waited: timeout })
    }

    /// Waits on the lab's own runtime, so that the caller needs none.
    fn wait(&self, to: &str, timeout: Duration, tell: impl FnOnce(Option<Mail>) + Send + 'static) {
        let lab = Arc::clone(&self.lab);
        let wanted = Wanted { to: Some(to.to_owned()), ..Wanted::default() };
        self.runtime.spawn(async move {
            let until = Instant::now() + timeout;
            tell(lab.store().wait_for(&wanted, 1, until).await.into_iter().next());
        });
    }

    /// The connections so far, with what was said on them.
    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.lab.observe().sessions()
    }

    /// The lab itself: faults to switch, accounts, mailboxes.
    pub fn lab(&self) -> &Arc<Lab> {
        &self.lab
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // When this is over, the ports are free.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for TestLab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestLab({:?})", self.addresses)
    }
}

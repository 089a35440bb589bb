//! What people do to servers: each engine of the client, against a server that attacks.

use super::peer::{HOST, Heard, MARK, Memory, NOW, Script, authority};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ehlo_action::mailbox::{Item, MailboxOptions, Page, Sink, Verb};
use ehlo_action::send::{Composition, Message, Messages, SendOptions, mailbox};
use ehlo_action::{Target, auth, send};
use ehlo_check::{CheckOptions, Extra, Job, Pace, Selection};
use ehlo_core::auth::AuthResult;
use ehlo_core::facts::{LoginResult, Moment, TlsProbeMode};
use ehlo_core::run::{RunEvent, Verdict};
use ehlo_core::{Address, Endpoint, Limits, Outcome, Protocol, Secret};
use ehlo_dialogue::{ConnectionOptions, Connector, LoginOptions, Trust};
use ehlo_runner::{Account, Loaded, Maildrops, RunOptions, Service, Site};
use ehlo_script::{Loader, Risk, parse};
use ehlo_wire::sasl::Credentials;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

const USER: &str = "benutzername";
const PASSWORD: &str = "hush-hush-7";

/// An engine of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Check,
    Auth,
    Send,
    Mailbox,
    Run,
}

impl Action {
    /// Those that speak a protocol.
    pub(crate) fn of(protocol: Protocol) -> [Action; 4] {
        match protocol {
            Protocol::Smtp => [Action::Check, Action::Auth, Action::Send, Action::Run],
            _ => [Action::Check, Action::Auth, Action::Mailbox, Action::Run],
        }
    }
}

/// What came of an action.
pub(crate) struct Done {
    /// Whether it did what it is for: a login, a message accepted, a mailbox read, a script passed.
    pub(crate) succeeded: bool,
    /// What is believed of the server once TLS is on, in words.
    pub(crate) believed: Vec<String>,
    /// The report as JSON, where it is one.
    pub(crate) document: String,
    /// The checks that found something.
    pub(crate) findings: Vec<String>,
    pub(crate) heard: Heard,
}

impl Done {
    /// What holds whatever a server does.
    pub(crate) fn is_unharmed(&self) -> Result<(), String> {
        for form in forms() {
            let holds = |bytes: &[u8]| bytes.windows(form.len()).any(|w| w == form.as_bytes());
            if holds(&self.heard.clear) {
                return Err(format!("{form} went out in the clear"));
            }
            if self.document.contains(&form) {
                return Err(format!("{form} stands in the report"));
            }
        }
        if let Some(word) = self.believed.iter().find(|word| word.to_ascii_uppercase().contains(MARK)) {
            return Err(format!("{word:?} is believed"));
        }
        let stranger = self.heard.dialed.iter().find(|address| !address.starts_with("127.0.0.1:"));
        if let Some(stranger) = stranger {
            return Err(format!("{stranger} was connected to"));
        }
        if self.heard.dialed.is_empty() {
            return Err("nobody was connected to".into());
        }
        Ok(())
    }

    /// Whether anything that is as good as the password went out, wherever.
    pub(crate) fn gave_the_password(&self) -> bool {
        let holds = |form: &String| self.heard.sealed.windows(form.len()).any(|w| w == form.as_bytes());
        forms().iter().any(holds)
    }
}

/// The password, as it can stand in what is sent: as it is, and in base64 behind any text.
fn forms() -> Vec<String> {
    let mut forms = vec![PASSWORD.to_owned()];
    for before in 0..3 {
        let encoded = STANDARD.encode([vec![0; before], PASSWORD.as_bytes().to_vec()].concat());
        forms.push(encoded[before.div_ceil(3) * 4..encoded.len() - 4].to_owned());
    }
    forms
}

/// Does it.
pub(crate) async fn done(action: Action, script: &Script) -> Done {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let dialer = Memory { script: Arc::new(script.clone()), heard: Arc::clone(&heard) };
    let mut trust = Trust::only_given();
    trust.give(authority().root_der().clone());
    let setup = Setup {
        script,
        connection: ConnectionOptions {
            limits: Limits::default(),
            family: None,
            connect: None,
            connector: Connector { source: None, dialer: Some(Arc::new(dialer)) },
            trust: Arc::new(trust),
            identity: None,
            sni: None,
            helo: Some("client.example".into()),
            now: NOW,
            seed: 11,
        },
    };
    let mut done = match action {
        Action::Check => setup.check().await,
        Action::Auth => setup.auth().await,
        Action::Send => setup.send().await,
        Action::Mailbox => setup.mailbox().await,
        Action::Run => setup.run().await,
    };
    done.heard = std::mem::take(&mut *heard.lock().unwrap());
    done
}

struct Setup<'a> {
    script: &'a Script,
    connection: ConnectionOptions,
}

fn came_to(succeeded: bool, believed: Vec<String>, document: String) -> Done {
    Done { succeeded, believed, document, findings: Vec::new(), heard: Heard::default() }
}

fn json(report: &impl serde::Serialize) -> String {
    serde_json::to_string(report).unwrap()
}

impl Setup<'_> {
    fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.script.scheme, HOST, None)
    }

    fn url(&self) -> String {
        format!("{}://{HOST}", self.script.scheme)
    }

    fn addresses(&self) -> Option<Vec<Address>> {
        let port = self.script.scheme.port();
        Some(vec![Address::Ip(SocketAddr::from(([127, 0, 0, 1], port)))])
    }

    fn target(&self) -> Target {
        Target { endpoint: self.endpoint(), url: self.url(), addresses: self.addresses() }
    }

    fn credentials(&self) -> Credentials {
        Credentials { user: USER.into(), password: PASSWORD.into(), authzid: String::new() }
    }

    async fn check(self) -> Done {
        let job = Job {
            endpoint: self.endpoint(),
            url: self.url(),
            host_group: None,
            addresses: self.addresses(),
            lab: true,
        };
        let options = CheckOptions {
            credentials: Some(self.credentials()),
            connection: self.connection,
            login: LoginOptions::default(),
            tls_probe: Some(TlsProbeMode::Proof),
            pace: Pace::default(),
            extra: Extra::default(),
            as_outside: true,
        };
        let (events, _told) = mpsc::unbounded_channel();
        let report = ehlo_check::run(vec![job], Arc::new(options), &Selection::default(), events).await;
        let connections = || report.facts.services.iter().flat_map(|s| &s.connections);
        let believed = connections()
            .flat_map(|c| &c.capabilities)
            .filter(|list| list.moment != Moment::Plain)
            .flat_map(|list| list.list.iter().map(|c| c.name.clone()).chain(list.host.clone()))
            .chain(connections().filter_map(|c| c.login.as_ref()?.reply.clone()))
            .collect();
        let succeeded = connections()
            .any(|c| c.login.as_ref().is_some_and(|login| login.result == LoginResult::Accepted));
        let bad = |outcome: &Outcome| matches!(outcome, Outcome::Fail | Outcome::Warn);
        let findings = report.findings.iter().filter(|f| bad(&f.outcome)).map(|f| f.check.to_string());
        let document = json(&report.facts) + &json(&report.findings) + &json(&report.transcripts);
        Done { findings: findings.collect(), ..came_to(succeeded, believed, document) }
    }

    async fn auth(self) -> Done {
        let target = self.target();
        let options = auth::AuthOptions {
            credentials: self.credentials(),
            connection: self.connection,
            token: None,
            login: LoginOptions::default(),
            only: Vec::new(),
            all: false,
            wrong: false,
        };
        let (events, _told) = mpsc::unbounded_channel();
        let report = auth::run(vec![target], Arc::new(options), events).await;
        let service = &report.services[0];
        let ways = service.inside_tls.iter().flat_map(|offer| offer.ways.clone());
        let replies = service.attempts.iter().filter_map(|attempt| attempt.reply.clone());
        let accepted = service.attempts.iter().any(|attempt| attempt.result == AuthResult::Accepted);
        came_to(accepted, ways.chain(replies).collect(), json(&report))
    }

    async fn send(self) -> Done {
        let target = self.target();
        let options = SendOptions {
            credentials: Some(self.credentials()),
            ..SendOptions::new(self.connection, "joe@example.test".into(), vec!["alice@example.test".into()])
        };
        let (events, _told) = mpsc::unbounded_channel();
        let report = send::run(target, Arc::new(Letter), Arc::new(options), events).await;
        let answers = report.transactions.iter().flat_map(|t| {
            let recipients = t.recipients.iter().filter_map(|r| r.answer.as_ref());
            t.mail.iter().chain(&t.data).chain(recipients).map(|answer| answer.text.clone())
        });
        let login = report.login.as_ref().and_then(|login| login.reply.clone());
        // Without TLS there is nothing that TLS could protect.
        let offered = if report.tls.is_some() { report.offered.clone() } else { Vec::new() };
        let believed = offered.into_iter().chain(answers).chain(login).collect();
        came_to(report.totals.accepted > 0, believed, json(&report))
    }

    async fn mailbox(self) -> Done {
        let target = self.target();
        let options = MailboxOptions {
            credentials: self.credentials(),
            connection: self.connection,
            login: LoginOptions::default(),
            folder: None,
            write: false,
        };
        let mut found = Found::default();
        let stop = tokio::sync::Notify::new();
        let verb = Verb::Ls(Page::All);
        let report = Box::pin(ehlo_action::mailbox::run(&target, &options, &verb, &mut found, &stop)).await;
        let succeeded = report.trouble.is_none();
        assert!(!succeeded || (report.messages, found.0.len()) == (Some(1), 1), "{:?}", found.0);
        came_to(succeeded, found.0, json(&report.transcripts))
    }

    async fn run(self) -> Done {
        let text = match self.script.scheme.protocol() {
            Protocol::Smtp => {
                "protocol: smtp\nS: 220\nC: EHLO {{helo}}\nS: 250\nC starttls\nC: EHLO {{helo}}\nS: 250\nC login {{user}} {{password}}\nS: 235\nC: NOOP\nS: 250\n"
            }
            Protocol::Pop3 => {
                "protocol: pop3\nS: +OK\nC starttls\nC login {{user}} {{password}}\nS: +OK\nC: NOOP\nS: +OK\n"
            }
            _ => "protocol: imap\nS: * OK\nC starttls\nC login {{user}} {{password}}\nC: % NOOP\nS: % OK\n",
        };
        let script = parse("attack.ehlo", text, &NoFiles).unwrap_or_else(|(_, e)| panic!("{e:?}"));
        let loaded = Loaded { id: "attack".into(), file: "attack.ehlo".into(), script: Arc::new(script) };
        let service = Service { endpoint: self.endpoint(), addresses: self.addresses() };
        let connection = self.connection;
        let options = RunOptions {
            site: Site { name: HOST.into(), services: vec![service] },
            limits: connection.limits,
            family: None,
            connect: None,
            connector: connection.connector,
            trust: connection.trust,
            identity: None,
            insecure_auth: false,
            no_secrets: false,
            account: Some(Account { user: USER.into(), password: Secret::new(PASSWORD.to_owned()) }),
            account2: None,
            maildrops: Maildrops::new(Vec::new(), false),
            variables: BTreeMap::from([
                ("helo".to_owned(), "client.test".to_owned()),
                ("domain".to_owned(), "example.test".to_owned()),
            ]),
            secrets: Vec::new(),
            resources: Vec::new(),
            known: Vec::new(),
            left_out: Vec::new(),
            risk: Risk::Disruptive,
            tags: Vec::new(),
            skip_tags: Vec::new(),
            strict: false,
            jobs: 1,
            until: None,
            now: NOW,
            seed: 11,
        };
        let (events, mut receiver) = mpsc::unbounded_channel();
        let (_stop, stopped) = watch::channel(false);
        ehlo_runner::run_all(vec![loaded], Arc::new(options), events, stopped).await;
        while let Some(event) = receiver.recv().await {
            if let RunEvent::Script(report) = event {
                return came_to(report.verdict == Verdict::Pass, Vec::new(), json(&report));
            }
        }
        panic!("no report");
    }
}

struct Letter;

impl Messages for Letter {
    fn message(&self, number: u64) -> io::Result<Message> {
        let composition = Composition {
            from: mailbox("joe@example.test").ok(),
            to: mailbox("alice@example.test").into_iter().collect(),
            subject: "a test".into(),
            text: Some("one\n".into()),
            host: "client.example".into(),
            mailer: "ehlo".into(),
            ..Composition::default()
        };
        Ok(composition.compose(NOW, "token", number))
    }
}

struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        Err(path.to_owned())
    }
}

/// What a mailbox is said to hold.
#[derive(Default)]
struct Found(Vec<String>);

impl Sink for Found {
    fn take(&mut self, item: Item<'_>) -> io::Result<()> {
        self.0.push(format!("{item:?}"));
        Ok(())
    }
}

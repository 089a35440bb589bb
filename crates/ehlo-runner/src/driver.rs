use crate::options::{RunOptions, Service};
use ehlo_core::run::RunDialogue;
use ehlo_core::{
    Address, Cause, Endpoint, Failure, Family, Masker, Protocol, Stage, Target, TlsMode, Transcript,
    TranscriptId,
};
use ehlo_dialogue::{Arrival, Clock, Dialogue, DialogueOptions, TlsSettings, resolve};
use ehlo_script::{Arrived, Ending, Hidden, Input, Machine, Want};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Does what an interpreter wants, over real connections.
pub(crate) struct Driver {
    pub(crate) options: Arc<RunOptions>,
    pub(crate) clock: Clock,
    deadline: Instant,
    masker: Masker,
    open: Vec<Option<Open>>,
    done: Vec<RunDialogue>,
    transcripts: u32,
    seed: u64,
    stop: watch::Receiver<bool>,
    stopped: bool,
}

struct Open {
    dialogue: Dialogue,
    url: String,
    protocol: Protocol,
}

impl Driver {
    pub(crate) fn new(
        options: Arc<RunOptions>,
        clock: Clock,
        masker: Masker,
        deadline: Instant,
        seed: u64,
        stop: watch::Receiver<bool>,
    ) -> Driver {
        Driver {
            options,
            clock,
            deadline,
            masker,
            open: Vec::new(),
            done: Vec::new(),
            transcripts: 0,
            seed,
            stop,
            stopped: false,
        }
    }

    /// Runs a script to its end. The connections stay open.
    pub(crate) async fn drive(&mut self, machine: &mut Machine) {
        loop {
            if !self.stopped && *self.stop.borrow() {
                self.stopped = true;
                machine.interrupt(self.clock.now());
            }
            let want = machine.poll(self.clock.now());
            for Hidden { conn, secret, at } in machine.take_hidden() {
                let Some(dialogue) = self.dialogue(conn) else { continue };
                match at {
                    Some(span) => dialogue.hide(span, secret.expose()),
                    None => dialogue.learn(secret.expose()),
                }
            }
            if want == Want::Finished {
                return;
            }
            let input = self.fulfil(want).await;
            machine.handle(input, self.clock.now());
        }
    }

    async fn fulfil(&mut self, want: Want) -> Input {
        match want {
            Want::Open { conn, target, protocol, options } => {
                if let Some(open) = self.slot(conn).take() {
                    let (transcript, _) = open.dialogue.drop_it(false).await;
                    self.keep(open.url, open.protocol, transcript);
                }
                match self.connect(&target, protocol, &options).await {
                    Ok((open, input)) => {
                        *self.slot(conn) = Some(open);
                        input
                    }
                    Err(failure) => Input::Failed(failure),
                }
            }
            Want::Send { conn, bytes } => match self.writer(conn) {
                Some(dialogue) => match dialogue.write(&bytes).await {
                    Ok(_) => Input::Done,
                    Err(failure) => Input::Failed(failure),
                },
                None => Input::Failed(no_connection()),
            },
            Want::Drip { conn, bytes, pace } => match self.writer(conn) {
                Some(dialogue) => match dialogue.drip(&bytes, pace).await {
                    Ok(()) => Input::Done,
                    Err(failure) => Input::Failed(failure),
                },
                None => Input::Failed(no_connection()),
            },
            Want::Secure { conn, options } => self.secure(conn, &options).await,
            Want::Compress { conn } => match self.dialogue(conn).map(Dialogue::compress) {
                Some(Ok(())) => Input::Done,
                Some(Err(failure)) => Input::Failed(failure),
                None => Input::Failed(no_connection()),
            },
            Want::Close { conn, how } => {
                match how {
                    Ending::Shutdown => {
                        if let Some(dialogue) = self.dialogue(conn) {
                            dialogue.shutdown().await;
                        }
                    }
                    Ending::Close | Ending::Reset => {
                        if let Some(open) = self.slot(conn).take() {
                            let (transcript, _) = open.dialogue.drop_it(how == Ending::Reset).await;
                            self.keep(open.url, open.protocol, transcript);
                        }
                    }
                }
                Input::Done
            }
            Want::Receive { conn, until } => {
                let until = self.clock.instant(until);
                let mut stop = self.stop.clone();
                let stopped = self.stopped;
                let Some(dialogue) = self.dialogue(conn) else { return Input::Failed(no_connection()) };
                tokio::select! {
                    biased;
                    arrival = dialogue.arrival(until) => match arrival {
                        Arrival::Reply(arrived) => Input::Arrived(Box::new(Arrived {
                            reply: arrived.reply,
                            verb: arrived.verb,
                            bytes: arrived.bytes,
                            at: Some(arrived.at),
                            tick: arrived.tick,
                        })),
                        Arrival::TimedOut => Input::TimedOut,
                        Arrival::Closed(how) => Input::Closed(how),
                        Arrival::Failed(failure) => Input::Failed(failure),
                    },
                    _ = stop.wait_for(|s| *s), if !stopped => Input::Done,
                }
            }
            Want::Pause { until } => {
                let mut stop = self.stop.clone();
                let stopped = self.stopped;
                tokio::select! {
                    () = sleep_until(self.clock.instant(until)) => {}
                    _ = stop.wait_for(|s| *s), if !stopped => {}
                }
                Input::TimedOut
            }
            Want::Finished => Input::Done,
        }
    }

    async fn secure(&mut self, conn: usize, options: &[(String, String)]) -> Input {
        let option = |name: &str| options.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let Some(dialogue) = self.dialogue(conn) else { return Input::Failed(no_connection()) };
        let mut settings = dialogue.tls_settings().clone();
        settings.sni = option("sni").or(settings.sni);
        settings.oldest = option("min").map(|v| v.trim_start_matches("TLSv").to_owned());
        settings.newest = option("max").map(|v| v.trim_start_matches("TLSv").to_owned());
        settings.alpn.extend(option("alpn"));
        if option("cert").as_deref() == Some("none") {
            settings.identity = None;
        }
        match dialogue.upgrade_with(settings).await {
            Ok(tls) if option("verify").as_deref() == Some("yes") && !tls.is_verified() => {
                let detail = tls.path.error_now.clone().unwrap_or_else(|| "the name does not match".into());
                Input::Failed(Failure::new(Stage::Handshake, Cause::TlsFailed { detail }))
            }
            Ok(tls) => Input::Secured(Box::new(tls), dialogue.bindings()),
            Err(failure) => Input::Failed(failure),
        }
    }

    async fn connect(
        &mut self,
        target: &str,
        protocol: Protocol,
        options: &[(String, String)],
    ) -> Result<(Open, Input), Failure> {
        let option = |name: &str| options.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let (service, named_by_user) = self.service(target, protocol)?;
        let endpoint = service.endpoint.clone();
        let url = endpoint.to_string();
        let family = match option("family").as_deref() {
            Some("4") => Some(Family::V4),
            Some("6") => Some(Family::V6),
            _ => self.options.family,
        };
        let shared = Arc::clone(&self.options);
        let addresses = addresses(&shared, &service, family, named_by_user).await?;
        let mut connector = self.options.connector.clone();
        if let Some(source) = option("source") {
            connector.source = source.parse().ok();
        }
        let mut last = Failure::new(Stage::Connect, Cause::NoAddress { detail: endpoint.host.clone() });
        for address in addresses {
            let number = self.transcripts;
            self.transcripts += 1;
            let transcript = Transcript::new(
                TranscriptId(number),
                format!("{url} ({number})"),
                self.options.limits.stream_bytes,
            );
            let made = self.options(&endpoint, option("sni"));
            match Dialogue::open(&connector, &address, made, self.clock, transcript).await {
                Ok(mut dialogue) => {
                    let tls = match endpoint.scheme.tls_mode() {
                        TlsMode::StartTls => None,
                        TlsMode::Implicit => match dialogue.upgrade().await {
                            Ok(tls) => Some(Box::new(tls)),
                            Err(failure) => {
                                let (transcript, _) = dialogue.drop_it(false).await;
                                self.keep(url, protocol, transcript);
                                return Err(failure);
                            }
                        },
                    };
                    let bindings = dialogue.bindings();
                    let open = Open { dialogue, url, protocol: endpoint.scheme.protocol() };
                    let address = address.to_string();
                    return Ok((open, Input::Opened { address, tls, bindings, named_by_user }));
                }
                Err((failure, transcript)) => {
                    self.keep(url.clone(), protocol, transcript);
                    last = failure;
                }
            }
        }
        Err(last)
    }

    /// The service that a script means, and whether it belongs to the server that the user named: what the user allows
    /// for that one holds for no other that a script may name.
    fn service(&self, target: &str, protocol: Protocol) -> Result<(Service, bool), Failure> {
        let missing = || {
            let what = if target.is_empty() { protocol.id() } else { target };
            Failure::new(Stage::Connect, Cause::NotOffered { what: what.to_owned() })
        };
        let ours = |service: Service| (service, true);
        if target.contains("://") || target.contains("+unix:") {
            return match Target::parse(target) {
                Ok(Target::Service(endpoint)) => {
                    // A URL that names one of our services means that service, with its addresses.
                    let same = self.options.site.services.iter().find(|s| s.endpoint == endpoint);
                    Ok(match same {
                        Some(same) => (same.clone(), true),
                        None => (Service { endpoint, addresses: None }, false),
                    })
                }
                Ok(Target::Lab(Some(scheme))) => {
                    self.options.site.service(scheme.name(), protocol).cloned().map(ours).ok_or_else(missing)
                }
                _ => Err(missing()),
            };
        }
        self.options.site.service(target, protocol).cloned().map(ours).ok_or_else(missing)
    }

    fn options(&mut self, endpoint: &Endpoint, sni: Option<String>) -> DialogueOptions {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        DialogueOptions {
            protocol: endpoint.scheme.protocol(),
            host: endpoint.host.clone(),
            limits: self.options.limits.clone(),
            deadline: self.deadline,
            tls: TlsSettings {
                trust: Arc::clone(&self.options.trust),
                sni,
                also_named: Vec::new(),
                identity: self.options.identity.clone(),
                now: self.options.now,
                oldest: None,
                newest: None,
                alpn: Vec::new(),
            },
            masker: self.masker.clone(),
            seed: self.seed,
        }
    }

    fn slot(&mut self, conn: usize) -> &mut Option<Open> {
        if self.open.len() <= conn {
            self.open.resize_with(conn + 1, || None);
        }
        &mut self.open[conn]
    }

    fn dialogue(&mut self, conn: usize) -> Option<&mut Dialogue> {
        self.slot(conn).as_mut().map(|open| &mut open.dialogue)
    }

    /// The dialogue that a script says something in. A script that goes on in the clear behind the answer to STARTTLS
    /// wants to see what is answered: it is no longer held back for the handshake.
    fn writer(&mut self, conn: usize) -> Option<&mut Dialogue> {
        let dialogue = self.dialogue(conn)?;
        if dialogue.state().tls_next {
            dialogue.decline_tls();
        }
        Some(dialogue)
    }

    fn keep(&mut self, url: String, protocol: Protocol, transcript: Transcript) {
        self.done.push(RunDialogue { url, protocol, transcript });
    }

    /// Ends all connections politely.
    pub(crate) async fn end_all(&mut self) {
        for at in 0..self.open.len() {
            if let Some(open) = self.open[at].take() {
                let (transcript, _) = open.dialogue.finish().await;
                self.keep(open.url, open.protocol, transcript);
            }
        }
    }

    /// The dialogues, in the order in which they began.
    pub(crate) fn into_dialogues(mut self) -> Vec<RunDialogue> {
        self.done.sort_by_key(|d| d.transcript.id);
        self.done
    }
}

fn no_connection() -> Failure {
    Failure::new(Stage::Connect, Cause::Closed)
}

async fn addresses(
    options: &RunOptions,
    service: &Service,
    family: Option<Family>,
    named_by_user: bool,
) -> Result<Vec<Address>, Failure> {
    if let Some(addresses) = &service.addresses {
        let fits = |a: &&Address| family.is_none_or(|f| a.family() == f);
        return Ok(addresses.iter().filter(fits).cloned().collect());
    }
    if let Some(path) = &service.endpoint.path {
        return Ok(vec![Address::Unix(path.clone())]);
    }
    let port = service.endpoint.port;
    let ips = match options.connect.filter(|_| named_by_user) {
        Some(ip) => vec![ip],
        None => resolve(&service.endpoint.host, family, options.limits.connect).await?,
    };
    Ok(ips.into_iter().map(|ip| Address::Ip((ip, port).into())).collect())
}

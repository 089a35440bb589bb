use super::further::{ask_by_login, ask_further};
use super::hello;
use super::main_dialogue::lead;
use super::pace::{Pacer, Place};
use super::probes::cleartext_after_starttls;
use super::starttls::{look_at_other_address, tls_on_silence};
use crate::{CheckOptions, Job, Question};
use ehlo_core::facts::{
    AddressFacts, ConnectionFacts, GreetingKind, NameFacts, Purpose, ServiceFacts, Vantage,
};
use ehlo_core::{
    Address, Anchor, Cause, EntryId, EntryKind, Event, Evidence, Failure, Protocol, Role, ServiceStep, Stage,
    TlsMode, Transcript, TranscriptId,
};
use ehlo_dialogue::{Clock, Dialogue, DialogueOptions, resolve, vantage};
use std::sync::Arc;
use tokio::sync::{mpsc::UnboundedSender, oneshot};
use tokio::time::Instant;

/// Transcripts of one service are numbered from here; no service has as many.
pub(crate) const TRANSCRIPTS_EACH: u32 = 1024;

/// What services have to take turns at.
#[derive(Clone, Default)]
pub(crate) struct Turns {
    /// A maildrop belongs to one session at a time (RFC 1939 §4), and `pop3` and `pop3s` of a host share it.
    pub(super) maildrop: Arc<tokio::sync::Mutex<()>>,
}

/// What all dialogues with a service share.
pub(super) struct Service {
    pub(super) turns: Turns,
    pub(super) job: Job,
    pub(super) options: Arc<CheckOptions>,
    pub(super) clock: Clock,
    pub(super) deadline: Instant,
    pacer: Pacer,
    /// What is asked on connections of their own.
    pub(super) asks: Vec<Question>,
    /// Whether somebody should type on in the clear after STARTTLS, on a connection of its own.
    types_on: bool,
    index: u32,
    events: UnboundedSender<Event>,
}

/// What all services of a run share.
#[derive(Clone)]
pub(crate) struct Whole {
    pub(crate) options: Arc<CheckOptions>,
    /// What is asked on connections of their own.
    pub(crate) asks: Vec<Question>,
    /// Whether somebody should type on in the clear after STARTTLS.
    pub(crate) types_on: bool,
    pub(crate) turns: Turns,
    pub(crate) pacer: Pacer,
    pub(crate) clock: Clock,
    /// When everything must be over.
    pub(crate) end: Instant,
    pub(crate) events: UnboundedSender<Event>,
}

/// What was seen of a service, and what it takes to ask on.
pub(crate) struct Acquired {
    service: Arc<Service>,
    pub(crate) facts: ServiceFacts,
    pub(crate) transcripts: Vec<Transcript>,
}

impl Acquired {
    /// Logs in as often as was allowed beside the main dialogue. `failures` are the logins that have failed in this run.
    pub(crate) async fn ask_by_login(&mut self, end: Instant, failures: &mut u32) {
        // The service had its time; this has one of its own, since it has to wait for the other services.
        if let Some(service) = Arc::get_mut(&mut self.service) {
            service.deadline = end.min(Instant::now() + service.options.connection.limits.service);
        }
        for (connection, transcript) in ask_by_login(&self.service, &self.facts, failures).await {
            self.facts.connections.push(connection);
            self.transcripts.push(transcript);
        }
    }
}

/// Examines one service.
pub(crate) async fn acquire(index: u32, job: Job, whole: Whole) -> Acquired {
    let Whole { options, asks, types_on, turns, pacer, clock, end, events } = whole;
    let deadline = end.min(Instant::now() + options.connection.limits.service);
    let service =
        Arc::new(Service { turns, job, options, clock, deadline, pacer, asks, types_on, index, events });
    let (facts, transcripts) = Arc::clone(&service).examine().await;
    Acquired { service, facts, transcripts }
}

impl Service {
    pub(super) fn tell(&self, step: ServiceStep) {
        // Nobody has to listen.
        let _ = self.events.send(Event::Step { service: self.job.url.clone(), step });
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.job.endpoint.scheme.protocol()
    }

    pub(super) fn role(&self) -> Role {
        self.job.endpoint.role
    }

    pub(super) fn tls_mode(&self) -> TlsMode {
        self.job.endpoint.scheme.tls_mode()
    }

    pub(super) fn transcript(&self, ordinal: u32, purpose: Purpose) -> Transcript {
        let id = TranscriptId(self.index * TRANSCRIPTS_EACH + ordinal);
        let label = format!("{} ({})", self.job.url, purpose.id());
        Transcript::new(id, label, self.options.connection.limits.stream_bytes)
    }

    /// The server name to ask for: none for an address.
    pub(super) fn server_name(&self) -> Option<String> {
        let name = self.options.connection.sni.as_deref().unwrap_or(&self.job.endpoint.host);
        let is_name = name.parse::<std::net::IpAddr>().is_err() && !name.is_empty() && name.is_ascii();
        is_name.then(|| name.to_owned())
    }

    /// Takes certificates apart that came without a session, as those of a session are.
    pub(super) fn describe_chain(&self, chain: &[Vec<u8>]) -> ehlo_core::facts::ShownChain {
        let settings = self.options.connection.tls_settings();
        ehlo_dialogue::describe_chain(chain, &self.job.endpoint.host, &settings)
    }

    fn dialogue_options(&self) -> DialogueOptions {
        let mut masker = ehlo_core::Masker::new();
        // The passwords of the lab are no secrets, but a report should look the same for every server.
        if let Some(credentials) = &self.options.credentials {
            masker.learn(credentials.password.expose().as_bytes());
        }
        DialogueOptions {
            protocol: self.protocol(),
            host: self.job.endpoint.host.clone(),
            limits: self.options.connection.limits.clone(),
            deadline: self.deadline,
            tls: self.options.connection.tls_settings(),
            masker,
            seed: self.options.connection.seed ^ u64::from(self.index),
        }
    }

    async fn examine(self: Arc<Self>) -> (ServiceFacts, Vec<Transcript>) {
        self.tell(ServiceStep::Connect);
        let mut facts = ServiceFacts {
            endpoint: self.job.endpoint.clone(),
            url: self.job.url.clone(),
            host_group: self.job.host_group.clone(),
            vantage: Vantage::Outside,
            addresses: Vec::new(),
            connections: Vec::new(),
            most_connections: None,
            names: Vec::new(),
            tls_probe: None,
            failure: None,
        };
        let addresses = match self
            .options
            .connection
            .addresses(&self.job.endpoint, self.job.addresses.as_deref())
            .await
        {
            Ok(addresses) => addresses,
            Err(failure) => {
                let mut transcript = self.transcript(0, Purpose::Main);
                let entry =
                    transcript.push(self.clock.now(), EntryKind::Failure { failure: failure.clone() });
                facts.failure = Some(failure.at(Anchor::Entry(entry)));
                return (facts, vec![transcript]);
            }
        };
        facts.most_connections = Some(self.most_connections(addresses.len()));
        let mut transcripts = Vec::new();
        let mut open = Vec::new();
        for (address, attempt) in self.connect_all(&addresses).await {
            match attempt {
                Ok((dialogue, took)) => {
                    let at = dialogue.evidence(Anchor::Entry(EntryId(0)));
                    facts.addresses.push(AddressFacts {
                        address: address.clone(),
                        connect_us: Some(took),
                        failure: None,
                        at,
                    });
                    open.push((address, dialogue));
                }
                Err((failure, transcript)) => {
                    let anchor = failure.at.unwrap_or(Anchor::Entry(EntryId(0)));
                    let at = Evidence { transcript: transcript.id, anchor };
                    facts.addresses.push(AddressFacts {
                        address,
                        connect_us: None,
                        failure: Some(failure),
                        at,
                    });
                    transcripts.push(transcript);
                }
            }
        }
        let mut open = open.into_iter();
        let Some((address, main)) = open.next() else { return (facts, transcripts) };
        facts.vantage = match self.job.lab {
            true => Vantage::Outside,
            false => vantage(&address, main.local()),
        };

        // The other addresses, the cleartext probe and the main dialogue are independent of each other.
        let (offered, wait_for_offer) = oneshot::channel();
        let others = async {
            let mut looks = tokio::task::JoinSet::new();
            for (ordinal, (address, dialogue)) in open.enumerate() {
                let service = Arc::clone(&self);
                looks.spawn(
                    async move { (ordinal, look_at_other_address(&service, address, dialogue).await) },
                );
            }
            let mut found = all(looks).await;
            found.sort_by_key(|(ordinal, _)| *ordinal);
            found.into_iter().map(|(_, look)| look).collect::<Vec<_>>()
        };
        let cleartext = async {
            match wait_for_offer.await {
                Ok(()) if self.types_on => {
                    let ordinal = u32::try_from(addresses.len()).unwrap_or(0);
                    self.another(&address, ordinal, Purpose::CleartextAfterStartTls).await
                }
                // STARTTLS is not offered, or not asked about.
                _ => None,
            }
        };
        let (main, others, cleartext) =
            tokio::join!(Box::pin(lead(&self, address.clone(), main, offered)), Box::pin(others), async {
                match cleartext.await {
                    Some(Ok(dialogue)) => {
                        Some(cleartext_after_starttls(&self, address.clone(), dialogue).await)
                    }
                    Some(Err(failed)) => Some(failed),
                    None => None,
                }
            });
        let further = address.clone();
        let silent = main.0.greeting.is_none()
            && matches!(
                &main.0.failure,
                Some(Failure { stage: Stage::Greeting, cause: Cause::TimedOut { .. }, .. })
            );
        for (connection, transcript) in std::iter::once(main).chain(others).chain(cleartext) {
            facts.connections.push(connection);
            transcripts.push(transcript);
        }
        let hello_address = address.clone();
        if silent && self.tls_mode() == TlsMode::StartTls {
            let ordinal = u32::try_from(addresses.len()).unwrap_or(0) + 1;
            match self.another(&address, ordinal, Purpose::TlsOnSilence).await {
                Some(Ok(dialogue)) => {
                    let (connection, transcript) = tls_on_silence(&self, address, dialogue).await;
                    facts.connections.push(connection);
                    transcripts.push(transcript);
                }
                Some(Err((connection, transcript))) => {
                    facts.connections.push(connection);
                    transcripts.push(transcript);
                }
                None => {}
            }
        }
        let asks_by_hand = facts.main().is_some_and(|main| hello::is_askable(&self, main));
        if let Some(mode) = self.options.tls_probe.filter(|_| asks_by_hand) {
            let ordinal = u32::try_from(addresses.len()).unwrap_or(0) + 2;
            let has_session = facts.main().is_some_and(|main| main.tls.is_some());
            let (probe, connections) =
                Box::pin(hello::probe(&self, hello_address, mode, ordinal, has_session)).await;
            facts.tls_probe = Some(probe);
            for (connection, transcript) in connections {
                facts.connections.push(connection);
                transcripts.push(transcript);
            }
        }
        for (connection, transcript) in Box::pin(ask_further(&self, &further, &facts)).await {
            facts.connections.push(connection);
            transcripts.push(transcript);
        }
        if self.role() == Role::Mx {
            facts.names = self.look_up_names(&facts).await;
        }
        (facts, transcripts)
    }

    /// How many connections may be made at most beside those for hand-made hellos: one to each address, the text behind
    /// STARTTLS or the hello to a port that is silent, and what the questions take.
    fn most_connections(&self, addresses: usize) -> u32 {
        let starttls = u32::from(self.tls_mode() == TlsMode::StartTls);
        let asked = self.asks.iter().filter(|question| question.is_for(&self.job.endpoint));
        let asked: u32 = asked.map(|question| question.connections()).sum();
        u32::try_from(addresses).unwrap_or(u32::MAX).saturating_add(starttls + asked)
    }

    /// Connects to every address, each on its own, all at once.
    async fn connect_all(&self, addresses: &[Address]) -> Vec<(Address, Attempt)> {
        let mut places: Vec<Place> = addresses.iter().map(Place::of).collect();
        places.sort();
        let mut turns = Vec::new();
        for place in places {
            turns.push((place.clone(), self.pacer.turn(place, self.deadline).await));
        }
        let mut attempts = tokio::task::JoinSet::new();
        for (ordinal, address) in addresses.iter().cloned().enumerate() {
            let place = Place::of(&address);
            let turn = turns.iter().position(|(of, _)| *of == place).and_then(|at| turns.swap_remove(at).1);
            let purpose = if ordinal == 0 { Purpose::Main } else { Purpose::OtherAddress };
            let transcript = self.transcript(u32::try_from(ordinal).unwrap_or(0), purpose);
            let connector = self.options.connection.connector.clone();
            let options = self.dialogue_options();
            let clock = self.clock;
            attempts.spawn(async move {
                let start = Instant::now();
                // Whose turn never came finds that the time is up.
                let opened = Dialogue::open(&connector, &address, options, clock, transcript).await;
                let opened = opened.map(|mut dialogue| {
                    dialogue.hold(turn);
                    dialogue
                });
                let took = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                (ordinal, address, opened.map(|dialogue| (dialogue, took)))
            });
        }
        let mut found = all(attempts).await;
        found.sort_by_key(|(ordinal, ..)| *ordinal);
        found.into_iter().map(|(_, address, attempt)| (address, attempt)).collect()
    }

    /// One more connection to an address that answered before.
    pub(super) async fn another(
        &self,
        address: &Address,
        ordinal: u32,
        purpose: Purpose,
    ) -> Option<Result<Dialogue, (ConnectionFacts, Transcript)>> {
        let turn = self.pacer.turn(Place::of(address), self.deadline).await?;
        let transcript = self.transcript(ordinal, purpose);
        let id = transcript.id;
        let opened = Dialogue::open(
            &self.options.connection.connector,
            address,
            self.dialogue_options(),
            self.clock,
            transcript,
        )
        .await;
        let opened = opened.map(|mut dialogue| {
            dialogue.hold(turn);
            dialogue
        });
        Some(opened.map_err(|(failure, transcript)| {
            let mut connection = ConnectionFacts::new(purpose, id, address.clone());
            connection.failure = Some(failure);
            (connection, transcript)
        }))
    }

    /// Looks up the names that an MX gives itself.
    async fn look_up_names(&self, facts: &ServiceFacts) -> Vec<NameFacts> {
        let Some(main) = facts.main() else { return Vec::new() };
        let Some(greeting) = main.greeting.as_ref().filter(|g| g.kind == GreetingKind::Ready) else {
            return Vec::new();
        };
        let mut names: Vec<(String, Evidence)> =
            greeting.host.iter().map(|h| (h.clone(), greeting.at)).collect();
        for list in &main.capabilities {
            if let Some(host) = &list.host
                && !names.iter().any(|(known, _)| known.eq_ignore_ascii_case(host))
            {
                names.push((host.clone(), list.at));
            }
        }
        let mut found = Vec::new();
        for (name, at) in names {
            // The lab's name is known without any network.
            let known = self.job.lab && name.eq_ignore_ascii_case(&self.job.endpoint.host);
            let looked_up = match known {
                true => Ok(facts
                    .addresses
                    .iter()
                    .filter_map(|a| match &a.address {
                        Address::Ip(address) => Some(address.ip()),
                        Address::Unix(_) => None,
                    })
                    .collect()),
                // A bare word or an address literal is judged as it is; nobody has to be asked about it.
                false if !name.contains('.') || name.starts_with('[') => Ok(Vec::new()),
                false => {
                    let room = self.deadline.saturating_duration_since(Instant::now());
                    resolve(&name, None, self.options.connection.limits.connect.min(room)).await
                }
            };
            found.push(match looked_up {
                Ok(addresses) => NameFacts {
                    name,
                    addresses: addresses.iter().map(ToString::to_string).collect(),
                    failure: None,
                    at,
                },
                Err(failure) => NameFacts { name, addresses: Vec::new(), failure: Some(failure), at },
            });
        }
        found
    }
}

/// What all tasks came to, in the order in which they ended.
pub(super) async fn all<T: 'static>(mut tasks: tokio::task::JoinSet<T>) -> Vec<T> {
    let mut found = Vec::new();
    while let Some(task) = tasks.join_next().await {
        match task {
            Ok(result) => found.push(result),
            // Nobody aborts these tasks, so it is a panic, and that is ours.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    found
}

type Attempt = Result<(Dialogue, u64), (Failure, Transcript)>;

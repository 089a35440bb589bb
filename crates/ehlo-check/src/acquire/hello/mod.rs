//! Asks by hand-made hellos what a service would take: each on a connection of its own, which ends as soon as the
//! server has chosen or refused.

mod plan;
mod strictness;

pub(crate) use plan::suites_of;

use super::capabilities::ask;
use super::main_dialogue::{close, greet};
use super::service::Service;
use crate::Pace;
use ehlo_core::facts::{
    Answered, ChosenFacts, ConnectionFacts, GreetingKind, HelloAnswer, HelloFacts, HelloQuestion, Moment,
    Purpose, TlsProbeFacts, TlsProbeMode,
};
use ehlo_core::{
    Address, Cause, Deviation, DeviationKind, Evidence, Failure, Protocol, Role, ServiceStep, Side, Span,
    Stage, TlsMode, Transcript, escape,
};
use ehlo_dialogue::{AnsweredHello, Dialogue, describe_certificate};
use ehlo_wire::tls::{Alert, ExtensionType, Extensions as _, Group, Suite, SuiteClass, Version};
use plan::{Ask, BROKEN, DATED, MOST_SUITES};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait before a server is asked again that has had enough.
const GAP: Duration = Duration::from_secs(2);

/// Asks one service at one address.
struct Prober<'a> {
    service: &'a Arc<Service>,
    address: Address,
    mode: TlsProbeMode,
    /// How many connections may be open at once.
    lanes: usize,
    next_ordinal: u32,
    /// Whether the main dialogue has a session.
    has_session: bool,
    /// Whether suites with Diffie-Hellman in a finite field are asked about apart.
    split: bool,
    /// What was answered by a choice.
    answered: Option<Ask>,
    facts: TlsProbeFacts,
    connections: Vec<(ConnectionFacts, Transcript)>,
    /// The server has had enough, or our time is up.
    stopped: bool,
}

/// What one connection came to.
struct Asked {
    ask: Ask,
    answer: HelloAnswer,
    connection: ConnectionFacts,
    transcript: Transcript,
    at: Vec<Evidence>,
    /// The certificates that came, DER.
    chain: Vec<Vec<u8>>,
    /// Whether the hello went out.
    begun: bool,
}

/// Whether it makes sense to ask by hand: there is a session, or the server said no to what our own client offers, as one
/// does that knows only what is old. A server that falls silent, hangs up or talks nonsense is left alone.
pub(super) fn is_askable(service: &Service, main: &ConnectionFacts) -> bool {
    let said_no = match main.failure.as_ref().filter(|f| f.stage == Stage::Handshake).map(|f| &f.cause) {
        Some(Cause::TlsAlert { .. }) => true,
        // What rustls says when a server chooses what it does not know.
        Some(Cause::TlsFailed { detail }) => detail.starts_with("peer is incompatible"),
        _ => false,
    };
    let began = service.tls_mode() == TlsMode::Implicit
        || main.starttls.as_ref().is_some_and(|s| s.answer == Answered::Accepted);
    began && (main.tls.is_some() || said_no) && service.job.endpoint.path.is_none()
}

/// Asks everything that `mode` asks; transcripts are numbered from `ordinal`.
pub(super) async fn probe(
    service: &Arc<Service>,
    address: Address,
    mode: TlsProbeMode,
    ordinal: u32,
    has_session: bool,
) -> (TlsProbeFacts, Vec<(ConnectionFacts, Transcript)>) {
    service.tell(ServiceStep::Tls);
    let lanes = match (service.role(), service.tls_mode()) {
        (Role::Mx, _) => 1,
        (_, TlsMode::Implicit) => 4,
        _ => 2,
    };
    let lanes = service.options.pace.max_conn.map_or(lanes, |most| lanes.min(most.get()));
    let budget = service.options.pace.budget.clamp(1, Pace::MOST);
    let mut prober = Prober {
        service,
        address,
        mode,
        lanes,
        next_ordinal: ordinal,
        has_session,
        split: false,
        answered: None,
        // The main dialogue has done one.
        facts: TlsProbeFacts {
            mode,
            hellos: Vec::new(),
            chains: Vec::new(),
            handshakes: 1,
            budget,
            truncated: false,
        },
        connections: Vec::new(),
        stopped: false,
    };
    prober.prove().await;
    if mode >= TlsProbeMode::List {
        prober.list_suites().await;
        prober.ask_by_other_names().await;
        prober.list_newest().await;
    }
    prober.settle().await;
    prober.facts.hellos.sort_by_key(|h| h.question);
    (prober.facts, prober.connections)
}

impl Prober<'_> {
    /// Proves what is not taken, and looks closer only where something is.
    async fn prove(&mut self) {
        let old = plan::of_old_versions(HelloQuestion::OldVersion, Version::TLS11);
        self.ask_all(vec![old]).await;
        // Who hangs up does not say why. Servers without parameters for Diffie-Hellman stumble over such suites, and others
        // that they would take hide behind them.
        self.split = self.facts.hellos.iter().any(HelloFacts::is_wordless);
        let dated = self.of_classes(HelloQuestion::Dated, DATED);
        self.ask_all(vec![dated]).await;
        if !self.split && self.is_answered_by_another_alert(HelloQuestion::Dated) {
            self.split = true;
            let dated = self.of_classes(HelloQuestion::Dated, DATED);
            self.ask_all(vec![dated]).await;
        }
        let nothing_old = self.refused_for_its_version(HelloQuestion::Dated)
            && self.facts.hellos.iter().all(|h| h.chosen().is_none());
        if nothing_old && self.has_session && !self.stopped && self.is_refused(HelloQuestion::OldVersion) {
            // A server answers with its highest version up to the one that is offered: there is none below TLS 1.3.
            return;
        }
        let (broken, anonymous) = match self.service.role() {
            // MTAs may take suites without a certificate on purpose: they are asked about apart.
            Role::Mx => {
                let others: Vec<_> = BROKEN.iter().copied().filter(|c| *c != SuiteClass::Anonymous).collect();
                (others, vec![SuiteClass::Anonymous])
            }
            _ => (BROKEN.to_vec(), Vec::new()),
        };
        let mut asks = vec![self.of_classes(HelloQuestion::Broken, &broken), plan::signed()];
        let finite = [BROKEN, DATED].concat();
        if self.split {
            asks.push(self.of_classes(HelloQuestion::FiniteField, &finite));
        } else if !anonymous.is_empty() {
            asks.push(plan::of_classes(HelloQuestion::Anonymous, &anonymous));
        }
        self.ask_all(asks).await;
        self.eliminate(HelloQuestion::FiniteField, &finite).await;
        self.eliminate(HelloQuestion::Broken, &broken).await;
        self.eliminate(HelloQuestion::Dated, DATED).await;
        if !anonymous.is_empty() {
            self.eliminate_anonymous(&broken).await;
        }
        // Behind those that should be refused: who answers this one has not hung up on them because he had enough.
        self.ask_recommended().await;
        self.go_down().await;
    }

    /// The question by which members of `classes` are looked for. On an MX suites without a certificate have a hello of
    /// their own, or stand beside those with Diffie-Hellman in a finite field where these have one.
    fn of_classes(&self, question: HelloQuestion, classes: &[SuiteClass]) -> Ask {
        let mut ask = plan::of_classes(question, classes);
        let anonymous_apart = self.service.role() == Role::Mx && question != HelloQuestion::Anonymous;
        let apart = |suite: &Suite| {
            (self.split && suite.is_finite_field()) || (anonymous_apart && suite.is(SuiteClass::Anonymous))
        };
        let wanted = question == HelloQuestion::FiniteField;
        ask.suites.retain(|suite| apart(suite) == wanted);
        ask
    }

    fn is_answered_by_another_alert(&self, question: HelloQuestion) -> bool {
        let mut of = self.facts.hellos.iter().filter(|h| h.question == question);
        of.any(|h| matches!(h.answer, HelloAnswer::Refused { .. }) && !h.is_refused())
    }

    /// Which of `classes` are taken, as long as the server takes any: each hello leaves out what is known.
    async fn eliminate(&mut self, question: HelloQuestion, classes: &[SuiteClass]) {
        loop {
            let last = self.facts.hellos.iter().rfind(|h| h.question == question);
            if last.and_then(HelloFacts::chosen).is_none() {
                return;
            }
            let seen = self.chosen_suites();
            let open: Vec<_> =
                classes.iter().copied().filter(|class| !seen.iter().any(|s| s.is(*class))).collect();
            if open.is_empty() || self.stopped {
                return;
            }
            let ask = self.of_classes(question, &open);
            self.ask_all(vec![ask]).await;
        }
    }

    /// Of the suites without a certificate, which have a hello of their own on an MX, those that are broken in another way
    /// as well: they hide behind the one that was chosen.
    async fn eliminate_anonymous(&mut self, others: &[SuiteClass]) {
        let mut first = true;
        while !self.stopped {
            let last = self.facts.hellos.iter().rfind(|h| h.question == HelloQuestion::Anonymous);
            if last.and_then(HelloFacts::chosen).is_none() {
                return;
            }
            let seen = self.chosen_suites();
            let open: Vec<SuiteClass> =
                others.iter().copied().filter(|class| !seen.iter().any(|s| s.is(*class))).collect();
            let mut ask = plan::of_classes(HelloQuestion::Anonymous, &[SuiteClass::Anonymous]);
            ask.suites.retain(|s| open.iter().any(|class| s.is(*class)));
            if ask.suites.is_empty() || (!first && last.is_some_and(|h| h.suites.len() == ask.suites.len())) {
                return;
            }
            first = false;
            self.ask_all(vec![ask]).await;
        }
    }

    /// Servers that refuse by hanging up look like servers that have had enough. One that answers afterwards what it answered
    /// before had not.
    async fn settle(&mut self) {
        let Some(last) = self.facts.hellos.iter().rposition(HelloFacts::is_wordless) else { return };
        let answers = |hellos: &[HelloFacts]| hellos.iter().any(|h| h.chosen().is_some());
        if !answers(&self.facts.hellos[last + 1..]) {
            let mut ask = self.answered.clone().unwrap_or_else(|| {
                Ask::new(
                    HelloQuestion::Control,
                    Version::TLS13,
                    Suite::askable().filter(|s| s.is_tls13()).collect(),
                )
            });
            ask.question = HelloQuestion::Control;
            self.ask_all(vec![ask]).await;
        }
        if answers(&self.facts.hellos[last + 1..]) {
            for hello in self.facts.hellos.iter_mut().filter(|h| h.is_wordless()) {
                hello.answer = HelloAnswer::HungUp;
            }
        }
    }

    /// How old a version is taken; and what only servers know that take old ones.
    async fn go_down(&mut self) {
        let Some(highest) = self.oldest_chosen(HelloQuestion::OldVersion) else {
            let refused = self.is_refused(HelloQuestion::OldVersion);
            if self.mode >= TlsProbeMode::List || !refused {
                self.ask_all(vec![Ask::new(HelloQuestion::Ssl2, Version::SSL2, Vec::new())]).await;
            }
            return;
        };
        let mut below = highest;
        while below > Version::SSL3 && !self.stopped {
            self.ask_all(vec![plan::of_old_versions(HelloQuestion::OldVersion, Version(below.0 - 1))]).await;
            match self.oldest_chosen(HelloQuestion::OldVersion) {
                Some(version) if version < below => below = version,
                _ => break,
            }
        }
        let mut asks = vec![Ask::new(HelloQuestion::Ssl2, Version::SSL2, Vec::new())];
        let newer =
            self.facts.hellos.iter().filter_map(HelloFacts::chosen).any(|c| c.version >= Version::TLS12.0);
        if newer {
            asks.push(plan::of_old_versions(HelloQuestion::Fallback, highest));
        }
        self.ask_all(asks).await;
    }

    /// The exact list of suites in TLS 1.2: what was chosen is left out of the next hello, until nothing is chosen.
    async fn list_suites(&mut self) {
        let deep = self.mode >= TlsProbeMode::Deep;
        let known: Vec<Suite> = self.chosen_in(Version::TLS12);
        let none: Vec<Suite> = self
            .facts
            .hellos
            .iter()
            .filter(|h| h.version == Version::TLS12.0 && h.question != HelloQuestion::Sha1)
            .filter(|h| h.alpn.is_none() && (h.is_refused() || h.is_wordless()))
            .flat_map(|h| h.suites.iter().map(|s| Suite(*s)))
            .collect();
        let mut pool: Vec<Suite> = Suite::askable()
            .filter(|s| !s.is_tls13() && (deep || !s.is_exotic()))
            .filter(|s| !known.contains(s) && !none.contains(s))
            .collect();
        pool.sort_by_key(|s| !s.is_recommended());
        let (finite, others): (Vec<Suite>, Vec<Suite>) = pool.into_iter().partition(|s| s.is_finite_field());
        for chunk in others.chunks(MOST_SUITES).chain(finite.chunks(MOST_SUITES)) {
            let mut left = chunk.to_vec();
            while !left.is_empty() {
                let ask = Ask::new(HelloQuestion::Suites, Version::TLS12, left.clone());
                match self.next_choice(ask).await {
                    Some(chosen) if chosen.version == Version::TLS12.0 => {
                        left.retain(|s| s.0 != chosen.suite)
                    }
                    _ => break,
                }
            }
        }
    }

    /// The exact lists of suites and groups in TLS 1.3: without a key share the server names what it wants, and neither
    /// side computes anything.
    async fn list_newest(&mut self) {
        let mut suites: Vec<Suite> = Suite::askable().filter(|s| s.is_tls13()).collect();
        let all = suites.clone();
        let mut wanted = plan::groups();
        while !suites.is_empty() {
            let ask = Ask::new(HelloQuestion::Suites, Version::TLS13, suites.clone());
            match self.next_choice(ask).await {
                Some(chosen) => {
                    suites.retain(|s| s.0 != chosen.suite);
                    let group = chosen.group.as_deref().and_then(Group::named);
                    wanted.retain(|g| Some(*g) != group);
                }
                None if suites.len() == all.len() => return,
                None => break,
            }
        }
        while !wanted.is_empty() {
            let mut ask = Ask::new(HelloQuestion::Groups, Version::TLS13, all.clone());
            ask.groups.clone_from(&wanted);
            let group = self.next_choice(ask).await.and_then(|c| Group::named(c.group.as_deref()?));
            let Some(group) = group.filter(|g| wanted.contains(g)) else { return };
            wanted.retain(|g| *g != group);
        }
    }

    /// Asks once, and yields what was chosen of what was offered.
    async fn next_choice(&mut self, ask: Ask) -> Option<ChosenFacts> {
        if self.stopped {
            return None;
        }
        self.ask_all(vec![ask]).await;
        let last = self.facts.hellos.last()?;
        last.chosen().filter(|c| c.offered).cloned()
    }

    fn chosen_suites(&self) -> Vec<Suite> {
        let chosen = self.facts.hellos.iter().filter_map(HelloFacts::chosen).filter(|c| c.offered);
        chosen.map(|c| Suite(c.suite)).collect()
    }

    fn chosen_in(&self, version: Version) -> Vec<Suite> {
        let chosen = self.facts.hellos.iter().filter_map(HelloFacts::chosen);
        chosen.filter(|c| c.offered && c.version == version.0).map(|c| Suite(c.suite)).collect()
    }

    fn oldest_chosen(&self, question: HelloQuestion) -> Option<Version> {
        let of = self.facts.hellos.iter().filter(|h| h.question == question);
        of.filter_map(HelloFacts::chosen).map(|c| Version(c.version)).min()
    }

    fn is_refused(&self, question: HelloQuestion) -> bool {
        // That a server hangs up is settled in the end.
        let mut of = self.facts.hellos.iter().filter(|h| h.question == question);
        of.any(|h| h.is_refused() || h.is_wordless())
    }

    fn refused_for_its_version(&self, question: HelloQuestion) -> bool {
        let name = Alert::PROTOCOL_VERSION.name().unwrap_or_default();
        let mut of = self.facts.hellos.iter().filter(|h| h.question == question);
        of.any(|h| matches!(&h.answer, HelloAnswer::Refused { alert } if alert == name))
    }

    /// Asks several questions, as many at once as the server bears. What brought no answer is asked once more.
    async fn ask_all(&mut self, asks: Vec<Ask>) {
        let mut waiting: std::collections::VecDeque<(Ask, u32)> = asks.into_iter().map(|a| (a, 1)).collect();
        while !waiting.is_empty() && !self.stopped {
            let room = usize::try_from(self.facts.budget.saturating_sub(self.facts.handshakes)).unwrap_or(0);
            if room == 0 {
                self.facts.truncated = true;
                self.stopped = true;
                return;
            }
            let now = waiting.len().min(self.lanes).min(room);
            let mut tasks = tokio::task::JoinSet::new();
            for (place, (ask, attempt)) in waiting.drain(..now).enumerate() {
                let (service, address) = (Arc::clone(self.service), self.address.clone());
                let ordinal = self.next_ordinal;
                self.next_ordinal += 1;
                tasks.spawn(async move { (place, attempt, one(&service, address, ask, ordinal).await) });
            }
            let mut found = super::service::all(tasks).await;
            found.sort_by_key(|(place, ..)| *place);
            let mut enough = false;
            for (_, attempt, asked) in found {
                let Asked { ask, answer, connection, transcript, at, chain, begun } = asked;
                self.facts.handshakes += u32::from(begun);
                let (failed, limited, over) = match &answer {
                    HelloAnswer::None { failure, rate_limited } => {
                        (true, *rate_limited, matches!(failure.cause, Cause::Deadline { .. }))
                    }
                    _ => (false, false, false),
                };
                enough |= limited;
                let id = connection.transcript;
                self.connections.push((connection, transcript));
                self.take_down(&answer, &chain);
                let hello = HelloFacts {
                    question: ask.question,
                    version: ask.version.0,
                    suites: ask.suites.iter().map(|s| s.0).collect(),
                    alpn: ask.alpn.map(str::to_owned),
                    answer,
                    attempts: attempt,
                    transcript: id,
                    at,
                };
                // Who hangs up will do so again.
                if failed && attempt == 1 && !over && !hello.is_wordless() {
                    // Who has had enough is asked the same again before anything else, so that we soon know.
                    match limited {
                        true => waiting.push_front((ask, 2)),
                        false => waiting.push_back((ask, 2)),
                    }
                    continue;
                }
                self.stopped |= (limited && attempt > 1) || over;
                if hello.chosen().is_some_and(|c| c.offered) {
                    self.answered = Some(ask);
                }
                self.facts.hellos.push(hello);
            }
            if enough {
                self.lanes = (self.lanes / 2).max(1);
                if Instant::now() + GAP < self.service.deadline {
                    tokio::time::sleep(GAP).await;
                }
            }
        }
    }
}

/// One question on a connection of its own.
async fn one(service: &Arc<Service>, address: Address, ask: Ask, ordinal: u32) -> Asked {
    let opened = service.another(&address, ordinal, Purpose::TlsHello).await;
    let (mut connection, mut dialogue) = match opened {
        Some(Ok(dialogue)) => {
            (ConnectionFacts::new(Purpose::TlsHello, dialogue.transcript().id, address), dialogue)
        }
        Some(Err((connection, transcript))) => {
            let failure = connection.failure.clone();
            let failure = failure.unwrap_or_else(|| Failure::new(Stage::Connect, Cause::Closed));
            // The port was open a moment ago.
            let answer = HelloAnswer::None { failure, rate_limited: true };
            return Asked {
                ask,
                answer,
                connection,
                transcript,
                at: Vec::new(),
                chain: Vec::new(),
                begun: false,
            };
        }
        None => {
            let transcript = service.transcript(ordinal, Purpose::TlsHello);
            let mut connection = ConnectionFacts::new(Purpose::TlsHello, transcript.id, address);
            let failure = Failure::new(Stage::Connect, Cause::Deadline { after_ms: 0 });
            connection.failure = Some(failure.clone());
            let answer = HelloAnswer::None { failure, rate_limited: false };
            return Asked {
                ask,
                answer,
                connection,
                transcript,
                at: Vec::new(),
                chain: Vec::new(),
                begun: false,
            };
        }
    };
    let random = randomness(service.options.connection.seed, ordinal);
    let name = strictness::name(ask.question, service.server_name());
    let (hello, offered) = ask.encode(name.as_deref(), random);
    let mut from = None;
    let result = match come_so_far(service, &mut dialogue, &mut connection).await {
        Ok(()) => {
            from = Some(dialogue.transcript().sent_by(Side::Client));
            dialogue.ask_by_hello(&hello, ask.version).await
        }
        Err(failure) => Err(failure),
    };
    let sent = from.map(|from| Span::new(Side::Client, from, dialogue.transcript().sent_by(Side::Client)));
    let id = connection.transcript;
    let mut at = Vec::new();
    let mut failure = None;
    let mut odd = None;
    let mut chain = Vec::new();
    let answer = match result {
        Ok(answered) => {
            at.push(Evidence::bytes(id, answered.hello));
            if !answered.answer.is_empty() {
                at.push(Evidence::bytes(id, answered.answer));
            }
            let answer = read(&ask, &answered, &offered);
            chain = answered.flight.certificates;
            if matches!(&answer, HelloAnswer::Chosen(chosen) if !chosen.offered) {
                odd = Some(Deviation::new(DeviationKind::TlsNotOffered, answered.answer));
            }
            answer
        }
        Err(found) => {
            failure = Some(found.clone());
            at.extend(sent.filter(|s| !s.is_empty()).map(|s| Evidence::bytes(id, s)));
            if let Some(anchor) = found.at {
                at.push(Evidence { transcript: id, anchor });
            }
            let greeting = connection.greeting.as_ref();
            let limited = found.stage <= Stage::Greeting
                || greeting.is_some_and(|g| g.kind == GreetingKind::Refused)
                || matches!(&found.cause, Cause::Rejected { .. });
            HelloAnswer::None { failure: found, rate_limited: limited }
        }
    };
    let (mut connection, transcript) = close(dialogue, connection, failure).await;
    connection.deviations.extend(odd);
    let begun = sent.is_some_and(|s| !s.is_empty());
    Asked { ask, answer, connection, transcript, at, chain, begun }
}

/// Leads the dialogue to where a hello can be sent: as few round trips as the protocol allows.
async fn come_so_far(
    service: &Service,
    dialogue: &mut Dialogue,
    facts: &mut ConnectionFacts,
) -> Result<(), Failure> {
    if service.tls_mode() == TlsMode::Implicit {
        return Ok(());
    }
    let refused = |stage| Failure::new(stage, Cause::Rejected { code: String::new() });
    if !greet(service, dialogue, facts, Moment::Plain).await? {
        return Err(refused(Stage::Greeting));
    }
    // EHLO has to come first (RFC 5321 §4.1.4); the others take STARTTLS at once.
    if matches!(service.protocol(), Protocol::Smtp | Protocol::Lmtp) {
        ask(service, dialogue, facts, Moment::Plain).await?;
    }
    let command = dialogue.starttls_command();
    let turn = dialogue.say(command).await?;
    if dialogue.state().tls_next {
        return Ok(());
    }
    let code = turn.shown();
    Err(Failure::new(Stage::StartTls, Cause::Rejected { code }))
}

/// What an answer says to a question.
fn read(ask: &Ask, answered: &AnsweredHello, offered: &[ExtensionType]) -> HelloAnswer {
    let flight = &answered.flight;
    if let Some(hello) = &flight.ssl2 {
        return HelloAnswer::Ssl2 { ciphers: hello.ciphers.iter().map(ToString::to_string).collect() };
    }
    let Some(hello) = &flight.hello else {
        let alert = flight.alert.map_or_else(String::new, |a| a.to_string());
        return HelloAnswer::Refused { alert };
    };
    let version = hello.chosen();
    let exchange = flight.key_exchange.as_ref();
    let group = exchange.and_then(|e| e.group()).or(hello.key_share());
    let alpn = hello.alpn().into_iter().next();
    let known = |kind: ExtensionType| {
        // The suite number that stands for it counts as well (RFC 5746 §3.6); a cookie comes unasked (RFC 8446 §4.2.2).
        offered.contains(&kind) || matches!(kind, ExtensionType::RENEGOTIATION_INFO | ExtensionType::COOKIE)
    };
    HelloAnswer::Chosen(Box::new(ChosenFacts {
        version: version.0,
        version_name: version.to_string(),
        suite: hello.suite.0,
        suite_name: hello.suite.to_string(),
        compression: hello.compression,
        renegotiation_info: hello.has(ExtensionType::RENEGOTIATION_INFO),
        extended_master_secret: hello.has(ExtensionType::EXTENDED_MASTER_SECRET),
        encrypt_then_mac: hello.has(ExtensionType::ENCRYPT_THEN_MAC),
        key_bits: exchange.and_then(|e| e.bits()),
        group: group.map(|g| g.to_string()),
        signature: exchange.and_then(|e| e.signature).map(|s| s.to_string()),
        dated_signature: exchange.and_then(|e| e.signature).is_some_and(|s| s.is_dated()),
        client_certificate_asked: flight.certificate_request.is_some(),
        certificate: flight.certificates.first().map(|der| describe_certificate(der).sha256),
        alpn: alpn.as_deref().map(escape),
        heartbeat: hello.has(ExtensionType::HEARTBEAT),
        offered: version <= ask.version
            && version >= Version::SSL3
            && (version == Version::TLS13) == (ask.version == Version::TLS13)
            && ask.suites.contains(&hello.suite)
            && hello.compression <= 1
            && alpn.as_deref().is_none_or(|name| ask.alpn.is_some_and(|asked| asked.as_bytes() == name))
            && hello.extensions.iter().all(|e| known(e.kind)),
    }))
}

/// Bytes for the randomness of a hello, from the seed of the run (the finaliser of SplitMix64). No key hangs on them.
fn randomness(seed: u64, ordinal: u32) -> [u8; 32] {
    let mut state = seed ^ u64::from(ordinal).wrapping_mul(0xa076_1d64_78bd_642f);
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    bytes
}

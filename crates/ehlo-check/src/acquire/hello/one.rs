//! One question on a connection of its own, and what its answer says.

use super::super::capabilities::ask;
use super::super::main_dialogue::{close, greet};
use super::super::service::Service;
use super::plan::Ask;
use super::strictness;
use ehlo_core::facts::{ChosenFacts, ConnectionFacts, GreetingKind, HelloAnswer, Moment, Purpose};
use ehlo_core::{
    Address, Cause, Deviation, DeviationKind, Evidence, Failure, Protocol, Side, Span, Stage, TlsMode,
    Transcript, escape,
};
use ehlo_dialogue::{AnsweredHello, Dialogue, describe_certificate};
use ehlo_wire::tls::{ExtensionType, Extensions as _, Version};
use std::sync::Arc;

/// What one connection came to.
pub(super) struct Asked {
    pub(super) ask: Ask,
    pub(super) answer: HelloAnswer,
    pub(super) connection: ConnectionFacts,
    pub(super) transcript: Transcript,
    pub(super) at: Vec<Evidence>,
    /// The certificates that came, DER.
    pub(super) chain: Vec<Vec<u8>>,
    /// Whether the hello went out.
    pub(super) begun: bool,
}

/// One question on a connection of its own.
pub(super) async fn one(service: &Arc<Service>, address: Address, ask: Ask, ordinal: u32) -> Asked {
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

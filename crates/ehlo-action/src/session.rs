use ehlo_core::facts::{CapabilityFacts, GreetingKind, Moment, Spoken, TlsFacts};
use ehlo_core::{
    Address, Anchor, Cause, Endpoint, EntryKind, Evidence, Failure, Limits, Masker, Protocol, Stage, TlsMode,
    Transcript, TranscriptId,
};
use ehlo_dialogue::{
    Clock, ConnectionOptions, Dialogue, DialogueOptions, read_greeting, unasked_capabilities,
};
use ehlo_wire::{Reply, spoken};
use std::time::Duration;
use tokio::time::Instant;

/// How long a ManageSieve server may take to say what it can do after the handshake (RFC 5804 §2.2).
const PATIENCE: Duration = Duration::from_secs(5);

/// A service to do something to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The service.
    pub endpoint: Endpoint,
    /// Its name in the report.
    pub url: String,
    /// Its addresses, where they need no looking up: the embedded lab.
    pub addresses: Option<Vec<Address>>,
}

/// A session that is ready for a login: greeted, inside TLS if there is any, with the list of capabilities.
pub struct Session {
    /// The dialogue.
    pub dialogue: Dialogue,
    /// What the server can do without TLS; none if the connection begins with TLS.
    pub before_tls: Option<CapabilityFacts>,
    /// What it can do inside TLS.
    pub inside_tls: Option<CapabilityFacts>,
    /// The timestamp for APOP, without brackets.
    pub apop_stamp: Option<String>,
}

impl Session {
    /// What the server can do now.
    pub fn capabilities(&self) -> Option<&CapabilityFacts> {
        self.inside_tls.as_ref().or(self.before_tls.as_ref())
    }

    /// The TLS session, if TLS is on.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.dialogue.tls()
    }
}

/// A session that could not be opened: why, and as far as it came.
pub(crate) struct NotOpened {
    pub(crate) failure: Failure,
    pub(crate) transcript: Transcript,
    /// What was offered before it ended.
    pub(crate) before_tls: Option<CapabilityFacts>,
}

/// Connects to the first address that answers, and opens a session there. Yields the address, too, so that the next
/// session goes to the same server.
pub(crate) async fn open(
    target: &Target,
    among: &[Address],
    options: &ConnectionOptions,
    masker: &Masker,
    clock: Clock,
    deadline: Instant,
    mut transcript: Transcript,
) -> Result<(Session, Address), NotOpened> {
    let protocol = target.endpoint.scheme.protocol();
    let settings = DialogueOptions {
        protocol,
        host: target.endpoint.host.clone(),
        limits: options.limits.clone(),
        deadline,
        tls: options.tls_settings(),
        masker: masker.clone(),
        seed: options.seed ^ u64::from(transcript.id.0),
    };
    let mut failure = Failure::new(
        Stage::Resolve,
        Cause::NoAddress { detail: ehlo_core::escape(target.endpoint.host.as_bytes()) },
    );
    for address in among {
        let opened = Dialogue::open(&options.connector, address, settings.clone(), clock, transcript).await;
        match opened {
            Ok(dialogue) => {
                let session = Session { dialogue, before_tls: None, inside_tls: None, apop_stamp: None };
                return lead(session, target, options).await.map(|session| (session, address.clone()));
            }
            Err((why, back)) => (failure, transcript) = (why, back),
        }
    }
    if transcript.entries.is_empty() {
        transcript.push(clock.now(), EntryKind::Failure { failure: failure.clone() });
    }
    Err(NotOpened { failure, transcript, before_tls: None })
}

async fn lead(
    mut session: Session,
    target: &Target,
    options: &ConnectionOptions,
) -> Result<Session, NotOpened> {
    match talk(&mut session, target, options).await {
        Ok(()) => Ok(session),
        Err(failure) => {
            let (transcript, _) = session.dialogue.finish().await;
            Err(NotOpened { failure, transcript, before_tls: session.before_tls })
        }
    }
}

async fn talk(session: &mut Session, target: &Target, options: &ConnectionOptions) -> Result<(), Failure> {
    let protocol = target.endpoint.scheme.protocol();
    let helo = options.helo.as_deref();
    let dialogue = &mut session.dialogue;
    let implicit = target.endpoint.scheme.tls_mode() == TlsMode::Implicit;
    if implicit {
        dialogue.upgrade().await?;
    }
    session.apop_stamp = greet(dialogue).await?;
    let moment = if implicit { Moment::Tls } else { Moment::Plain };
    let listed = dialogue.ask_capabilities(moment, helo).await?.facts;
    if implicit {
        session.inside_tls = Some(listed);
        return Ok(());
    }
    let offers_tls = listed.starttls(protocol).is_some() && target.endpoint.path.is_none();
    session.before_tls = Some(listed);
    if offers_tls {
        session.inside_tls = Some(start_tls(dialogue, protocol, helo).await?);
    }
    Ok(())
}

/// Waits for the greeting; yields the timestamp for APOP, if it has one.
pub(crate) async fn greet(dialogue: &mut Dialogue) -> Result<Option<String>, Failure> {
    let turn = dialogue.greeting().await?;
    let at = Anchor::Bytes(
        turn.replies.first().map_or_else(|| ehlo_core::Span::new(ehlo_core::Side::Server, 0, 0), Reply::span),
    );
    let rejected = |code: String| Err(Failure::new(Stage::Greeting, Cause::Rejected { code }).at(at));
    let Some(reply) = turn.replies.first() else { return rejected(turn.shown()) };
    if let Some(other) =
        other_protocol(spoken(&dialogue.transcript().visible(reply.span())), dialogue.protocol())
    {
        let cause = Cause::OtherProtocol { spoken: other.id().to_owned() };
        return Err(Failure::new(Stage::Greeting, cause).at(at));
    }
    let (kind, _, code, stamp) = read_greeting(reply);
    match kind {
        // Whoever is logged in already cannot log in, and an unencrypted PREAUTH may be an attacker's (RFC 9051 §7.1.4).
        GreetingKind::Preauth => rejected("PREAUTH".into()),
        GreetingKind::Refused => rejected(code.map_or_else(|| turn.shown(), |c| c.to_string())),
        // Another good code than the right one is forgiven; what is no greeting is none (RFC 5321 §3.1).
        GreetingKind::Other if code.is_some_and(|code| code / 100 != 2) => rejected(turn.shown()),
        GreetingKind::Ready | GreetingKind::Other => Ok(stamp),
    }
}

/// What is spoken, if it is plainly another protocol than the one expected.
fn other_protocol(spoken: Spoken, expected: Protocol) -> Option<Spoken> {
    let fits = match (expected, spoken) {
        (_, Spoken::Unknown | Spoken::Silence) => true,
        (Protocol::Smtp | Protocol::Lmtp, spoken) => spoken == Spoken::Smtp,
        (Protocol::Pop3, spoken) => spoken == Spoken::Pop3,
        (Protocol::Imap, spoken) => spoken == Spoken::Imap,
        (Protocol::Sieve, spoken) => spoken == Spoken::Sieve,
    };
    (!fits).then_some(spoken)
}

/// Asks for TLS and does the handshake. A server that offers it and then does not do it gets no password.
async fn start_tls(
    dialogue: &mut Dialogue,
    protocol: Protocol,
    helo: Option<&str>,
) -> Result<CapabilityFacts, Failure> {
    let command = dialogue.starttls_command();
    let turn = dialogue.say(command).await?;
    if !dialogue.state().tls_next {
        let failure = Failure::new(Stage::StartTls, Cause::Rejected { code: turn.shown() });
        return Err(match turn.answer() {
            Some(Evidence { anchor, .. }) => failure.at(anchor),
            None => failure,
        });
    }
    dialogue.upgrade().await?;
    if protocol == Protocol::Sieve {
        // Not to say it again is a fault, but no reason to stop.
        let said = dialogue.capabilities_after_tls(PATIENCE).await?;
        if let Some(list) = said.as_ref().and_then(|turn| unasked_capabilities(turn, Moment::Tls)) {
            return Ok(list);
        }
    }
    Ok(dialogue.ask_capabilities(Moment::Tls, helo).await?.facts)
}

/// An empty transcript of a dialogue with `target`.
pub(crate) fn transcript(target: &Target, id: u32, what: &str, limits: &Limits) -> Transcript {
    Transcript::new(TranscriptId(id), format!("{} ({what})", target.url), limits.stream_bytes)
}

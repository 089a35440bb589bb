//! Opens connections, up to the point where a transaction can begin.

use super::commands::attributes;
use super::options::{SendOptions, TlsWish};
use crate::session::{Target, greet};
use ehlo_core::facts::{CapabilityFacts, LoginFacts, LoginResult, Moment, TlsFacts};
use ehlo_core::send::{SendPoint, SendStop, StopHow};
use ehlo_core::{
    Address, Cause, EntryKind, Evidence, Failure, Masker, Role, Stage, TlsMode, Transcript, escape,
};
use ehlo_dialogue::{Clock, Dialogue, DialogueOptions, Offered, Turn};
use ehlo_wire::{Command, smtp};
use tokio::time::Instant;

/// Why nothing more can be sent on a connection.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// It broke off.
    Failed(Failure),
    /// It was stopped on purpose.
    Stopped(SendStop),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Failed(failure)
    }
}

/// An open connection.
pub(super) struct Line {
    pub(super) dialogue: Dialogue,
    /// What the server offered last.
    pub(super) list: CapabilityFacts,
    /// Messages that were begun on it.
    pub(super) messages: u64,
}

/// What was seen of a server on the way.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) address: Option<String>,
    pub(super) greeted: bool,
    pub(super) tls: Option<TlsFacts>,
    pub(super) login: Option<LoginFacts>,
    pub(super) offered: Vec<String>,
    /// What is being done.
    pub(super) point: Option<SendPoint>,
}

/// Where a connection goes, and what all connections of a run share.
pub(super) struct Route<'a> {
    pub(super) target: &'a Target,
    pub(super) among: &'a [Address],
    pub(super) options: &'a SendOptions,
    pub(super) masker: &'a Masker,
    pub(super) clock: Clock,
    pub(super) deadline: Instant,
}

/// Connects to the first address that answers.
pub(super) async fn open(
    route: &Route<'_>,
    mut transcript: Transcript,
    seen: &mut Seen,
) -> Result<Line, (End, Transcript)> {
    let Route { target, options, .. } = route;
    let connection = &options.connection;
    let settings = DialogueOptions {
        protocol: target.endpoint.scheme.protocol(),
        host: target.endpoint.host.clone(),
        limits: connection.limits.clone(),
        deadline: route.deadline,
        tls: connection.tls_settings(),
        masker: route.masker.clone(),
        seed: connection.seed ^ u64::from(transcript.id.0),
    };
    let mut failure =
        Failure::new(Stage::Resolve, Cause::NoAddress { detail: escape(target.endpoint.host.as_bytes()) });
    for address in route.among {
        match Dialogue::open(&connection.connector, address, settings.clone(), route.clock, transcript).await
        {
            Ok(mut dialogue) => {
                seen.address = Some(address.to_string());
                return match lead(&mut dialogue, route, seen).await {
                    Ok(list) => {
                        // A list is data of the peer; of a flood of words nobody needs all.
                        seen.offered = list.words().into_iter().take(256).collect();
                        Ok(Line { dialogue, list, messages: 0 })
                    }
                    Err(end) => {
                        let transcript = close(dialogue, Some(&end)).await;
                        Err((end, transcript))
                    }
                };
            }
            Err((why, back)) => (failure, transcript) = (why, back),
        }
    }
    if transcript.entries.is_empty() {
        transcript.push(route.clock.now(), EntryKind::Failure { failure: failure.clone() });
    }
    Err((End::Failed(failure), transcript))
}

/// Ends a connection: with QUIT, unless it is to be dropped.
pub(super) async fn close(dialogue: Dialogue, end: Option<&End>) -> Transcript {
    match end {
        Some(End::Stopped(stop)) if stop.how != StopHow::Quit => dialogue.drop_it(false).await.0,
        _ => dialogue.finish().await.0,
    }
}

/// Stops here if that is wanted.
pub(super) fn stop_at(options: &SendOptions, point: SendPoint) -> Result<(), End> {
    match options.stop {
        Some(stop) if stop.point == point && stop.how != StopHow::DropAfterSend => Err(End::Stopped(stop)),
        _ => Ok(()),
    }
}

/// Sends `bytes` and drops the connection if that is wanted here.
pub(super) async fn drop_behind(
    dialogue: &mut Dialogue,
    options: &SendOptions,
    point: SendPoint,
    bytes: &[u8],
) -> Result<(), End> {
    match options.stop {
        Some(stop) if stop.point == point && stop.how == StopHow::DropAfterSend => {
            if !bytes.is_empty() {
                dialogue.write(bytes).await?;
            }
            Err(End::Stopped(stop))
        }
        _ => Ok(()),
    }
}

/// Says a command at a point where it can be stopped.
pub(super) async fn say(
    dialogue: &mut Dialogue,
    options: &SendOptions,
    point: SendPoint,
    command: Command,
) -> Result<Turn, End> {
    drop_behind(dialogue, options, point, &command.fragments.concat()).await?;
    Ok(dialogue.say(command).await?)
}

async fn lead(dialogue: &mut Dialogue, route: &Route<'_>, seen: &mut Seen) -> Result<CapabilityFacts, End> {
    let Route { target, options, .. } = route;
    let endpoint = &target.endpoint;
    let implicit = endpoint.scheme.tls_mode() == TlsMode::Implicit;
    seen.point = Some(SendPoint::Banner);
    if let Some(proxy) = &options.proxy {
        dialogue.preamble(&proxy.header()).await?;
    }
    if implicit {
        seen.point = Some(SendPoint::Tls);
        secure(dialogue, route, seen).await?;
        seen.point = Some(SendPoint::Banner);
    }
    drop_behind(dialogue, options, SendPoint::Banner, b"").await?;
    greet(dialogue).await?;
    seen.greeted = true;
    stop_at(options, SendPoint::Banner)?;
    if implicit {
        stop_at(options, SendPoint::Tls)?;
    }

    let upgrades =
        !implicit && options.tls != TlsWish::Never && endpoint.path.is_none() && !options.helo_only;
    let moment = if implicit { Moment::Tls } else { Moment::Plain };
    seen.point = Some(SendPoint::FirstEhlo);
    let mut list = hello(dialogue, options, moment, SendPoint::FirstEhlo).await?;
    stop_at(options, SendPoint::FirstEhlo)?;
    if upgrades && list.has("STARTTLS") {
        seen.point = Some(SendPoint::Tls);
        let turn = say(dialogue, options, SendPoint::Tls, smtp_line(smtp::simple("STARTTLS"))).await?;
        if !dialogue.state().tls_next {
            return Err(rejected(Stage::StartTls, &turn).into());
        }
        secure(dialogue, route, seen).await?;
        stop_at(options, SendPoint::Tls)?;
        seen.point = Some(SendPoint::Ehlo);
        list = hello(dialogue, options, Moment::Tls, SendPoint::Ehlo).await?;
    } else if !implicit {
        if options.tls == TlsWish::Always {
            seen.point = Some(SendPoint::Tls);
            let cause = Cause::NotOffered { what: "STARTTLS".into() };
            return Err(Failure::new(Stage::StartTls, cause).into());
        }
        stop_at(options, SendPoint::Tls)?;
    }
    if !options.xclient.is_empty() {
        seen.point = Some(SendPoint::Xclient);
        if !list.has("XCLIENT") && !options.force {
            let cause = Cause::NotOffered { what: "XCLIENT".into() };
            return Err(Failure::new(Stage::Command, cause).into());
        }
        let command = Command::line(Stage::Command, attributes("XCLIENT", &options.xclient));
        let turn = say(dialogue, options, SendPoint::Xclient, smtp_line(command)).await?;
        if turn.answered() != ehlo_core::facts::Answered::Accepted {
            return Err(rejected(Stage::Command, &turn).into());
        }
        stop_at(options, SendPoint::Xclient)?;
        // The server begins anew, as if the client that was named had connected.
        seen.point = Some(SendPoint::Ehlo);
        list = hello(dialogue, options, list.moment, SendPoint::Ehlo).await?;
    }
    stop_at(options, SendPoint::Ehlo)?;
    if options.credentials.is_some() {
        seen.point = Some(SendPoint::Auth);
        log_in(dialogue, route, &list, seen).await?;
    }
    stop_at(options, SendPoint::Auth)?;
    seen.point = None;
    Ok(list)
}

/// The handshake, and whether the server is who it should be.
async fn secure(dialogue: &mut Dialogue, route: &Route<'_>, seen: &mut Seen) -> Result<(), End> {
    let tls = dialogue.upgrade().await?;
    let verified = tls.is_verified();
    let wanted = tls.names.wanted.join(", ");
    let why = match (&tls.path.error_now, tls.names.matched.is_some()) {
        (Some(error), _) => error.clone(),
        (None, false) => format!("the certificate is not for {wanted}"),
        (None, true) => tls.signature_failure.clone().unwrap_or_default(),
    };
    seen.tls = Some(tls);
    // Between mail servers TLS is better than none whoever is at the other end (RFC 7435); what users submit goes to
    // whom they meant, or nowhere.
    let strict = route.target.endpoint.role == Role::Submission || route.options.tls == TlsWish::Always;
    if strict && !verified && !route.options.insecure {
        let detail = escape(format!("the certificate is not trusted: {why}").as_bytes());
        return Err(Failure::new(Stage::Handshake, Cause::TlsFailed { detail }).into());
    }
    Ok(())
}

/// EHLO, LHLO or HELO.
async fn hello(
    dialogue: &mut Dialogue,
    options: &SendOptions,
    moment: Moment,
    point: SendPoint,
) -> Result<CapabilityFacts, End> {
    let helo = options.connection.helo.as_deref();
    let name = dialogue.own_name(helo);
    let command = match dialogue.protocol() {
        ehlo_core::Protocol::Lmtp => smtp::lhlo_command(&name),
        _ if options.helo_only => smtp::helo_command(&name),
        _ => smtp::ehlo_command(&name),
    };
    let command = smtp_line(command);
    drop_behind(dialogue, options, point, &command.fragments.concat()).await?;
    if options.helo_only {
        let turn = dialogue.say(command).await?;
        if turn.answered() != ehlo_core::facts::Answered::Accepted {
            return Err(rejected(Stage::Capabilities, &turn).into());
        }
        let at = turn.answer().unwrap_or(Evidence {
            transcript: turn.transcript,
            anchor: ehlo_core::Anchor::Entry(ehlo_core::EntryId(0)),
        });
        return Ok(CapabilityFacts {
            moment,
            unasked: false,
            list: Vec::new(),
            refused: None,
            host: None,
            helo_only: true,
            at,
        });
    }
    let listed = dialogue.ask_capabilities(moment, helo).await?;
    match listed.facts.refused {
        Some(_) if !listed.facts.helo_only => Err(rejected(Stage::Capabilities, &listed.turn).into()),
        _ => Ok(listed.facts),
    }
}

async fn log_in(
    dialogue: &mut Dialogue,
    route: &Route<'_>,
    list: &CapabilityFacts,
    seen: &mut Seen,
) -> Result<(), End> {
    let options = route.options;
    let Some(credentials) = &options.credentials else { return Ok(()) };
    let mut offered = Offered::from_capabilities(dialogue.protocol(), Some(list), None);
    if let Some(mechanism) = options.login.mechanism.as_ref().filter(|_| options.force) {
        offered.mechanisms.push(mechanism.to_ascii_uppercase());
    }
    let first = offered.mechanisms.first().cloned().unwrap_or_default();
    drop_behind(dialogue, options, SendPoint::Auth, format!("AUTH {first}\r\n").as_bytes()).await?;
    let facts = dialogue.login(credentials, &offered, &options.login).await;
    let end = match &facts.result {
        LoginResult::Accepted => None,
        LoginResult::Refused => {
            let code = facts.reply.as_deref().unwrap_or_default();
            let code = code.split(' ').next().unwrap_or_default().to_owned();
            let failure = Failure::new(Stage::Auth, Cause::Rejected { code });
            Some(match facts.at.last() {
                Some(evidence) => failure.at(evidence.anchor),
                None => failure,
            })
        }
        LoginResult::Failed { failure } | LoginResult::NotSent { failure } => Some(failure.clone()),
    };
    seen.login = Some(facts);
    end.map_or(Ok(()), |failure| Err(End::Failed(failure)))
}

/// The server has said no, so that it cannot go on.
fn rejected(stage: Stage, turn: &Turn) -> Failure {
    let shown = turn.shown();
    let code = shown.split(' ').next().unwrap_or_default().to_owned();
    let failure = Failure::new(stage, Cause::Rejected { code });
    match turn.answer() {
        Some(Evidence { anchor, .. }) => failure.at(anchor),
        None => failure,
    }
}

/// Lines of ours that were looked at before: names and attributes hold nothing that could break out of them.
pub(super) fn smtp_line(command: Result<Command, ehlo_wire::BadArgument>) -> Command {
    command.unwrap_or_else(|_| Command::raw(Stage::Command, "NOOP\r\n"))
}

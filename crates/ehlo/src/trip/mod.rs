//! `ehlo trip`: sends a test message and watches it arrive.

mod changes;
mod document;
mod human;
mod monitor;
mod progress;
mod sides;
mod times;

use crate::check::{self, text};
use crate::exit::{FOUND, GOOD, Internal, UNABLE, USAGE, Usage};
use crate::send::letter::existing;
use crate::{input, output};
use clap::ArgMatches;
use ehlo_action::mailbox::{MailboxOptions, MailboxReport, Trouble};
use ehlo_action::send::{self, Composition, SendOptions, TlsWish};
use ehlo_action::trip::{MOST_TRIPS, TripContent, TripLetter, TripOptions, TripReport, TripWords, run};
use ehlo_core::trip::TripVerdict;
use ehlo_core::{Limits, Protocol};
use ehlo_dialogue::{ConnectionOptions, LoginOptions};
use ehlo_report::{Paint, Texts};
use ehlo_script::{Described, write_transcripts};
use sides::{Side, Sides};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a message is waited for, unless it is said.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The longest time between two looks, unless it is said.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long one is patient with a server that puts off.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is shown, and how.
#[derive(Clone, Copy)]
struct View {
    texts: Texts,
    paint: Paint,
    columns: usize,
    verbosity: u8,
    quiet: bool,
    /// How long messages were waited for.
    timeout: Duration,
    keep: bool,
    /// Whether one was told to wait.
    patient: bool,
}

/// Runs the command.
///
/// # Errors
/// Wrong usage, or what kept it from running.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let format = text(matches, "format").unwrap_or("human");
    let limits = check::time_limits(matches, format, texts)?;
    let view = View {
        texts,
        paint: output::paint(text(matches, "color")),
        columns: output::columns(),
        verbosity: matches.get_count("verbose"),
        quiet: matches.get_flag("quiet"),
        timeout: check::time(matches, "timeout", texts)?.unwrap_or(TIMEOUT),
        keep: matches.get_flag("keep"),
        patient: matches.get_flag("patient"),
    };
    let (report, protocols) = made(matches, view)?;
    if let Some(file) = text(matches, "transcript") {
        output::write_private(Path::new(file), &script(&report, protocols))?;
    }
    let shown = match format {
        "json" => document::json(&report, protocols.1, view),
        "nagios" => {
            let view = View { paint: Paint { on: false }, ..view };
            let plugin = monitor::plugin(&report, protocols.1, limits, view);
            output::result(&plugin.render())?;
            return Ok(plugin.state.code());
        }
        "prometheus" => monitor::exposition(&report).render(),
        _ => human::human(&report, protocols.1, view),
    };
    output::result(&shown)?;
    Ok(code(&report))
}

/// The exit code: all arrived, something is wrong, or a server could not be reached.
fn code(report: &TripReport) -> u8 {
    match &report.trouble {
        Some(Trouble::Failed(_) | Trouble::Unsupported(_) | Trouble::Sink(_)) => return UNABLE,
        Some(Trouble::BadArgument(_) | Trouble::ReadOnly) => return USAGE,
        Some(_) => return FOUND,
        None => {}
    }
    let unreached = report.sending.first().is_some_and(|sent| !sent.is_reached());
    if unreached && report.trips.iter().all(|trip| trip.verdict == TripVerdict::Unsent) {
        UNABLE
    } else if report.is_good() {
        GOOD
    } else {
        FOUND
    }
}

/// Makes the trip; yields what is spoken at both ends, too.
fn made(matches: &ArgMatches, view: View) -> anyhow::Result<(TripReport, (Protocol, Protocol))> {
    let texts = view.texts;
    let sides = Sides::read(matches, texts)?;
    let wants_lab = check::wants_lab(&sides.targets(), texts)?;
    let (faults, personas) = check::lab_troubles(matches, wants_lab, texts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    runtime.block_on(async {
        let lab = if wants_lab { Some(check::start_lab(faults, personas).await?) } else { None };
        let own = lab.as_ref().map(|(lab, _)| &**lab);
        let running = lab.as_ref().map(|(lab, running)| (&**lab, running));
        let mut connection = check::connection(matches, own, texts)?;
        connection.limits = waits(matches, connection.limits, texts)?;
        let from = sides.from.resolve(matches, &connection, running, texts).await?;
        let to = sides.to.resolve(matches, &connection, running, texts).await?;
        let protocols = (from.target.endpoint.scheme.protocol(), to.target.endpoint.scheme.protocol());
        let options = options(matches, &from, &to, own.is_some(), view)?;
        let (events, receiver) = tokio::sync::mpsc::unbounded_channel();
        let shown = tokio::spawn(progress::show(receiver, texts, !view.quiet));
        let report = run(&from.target, &to.target, &options, events).await;
        // The line is cleared before anything else is written.
        let _ = shown.await;
        Ok((report, protocols))
    })
}

/// `--timeout` says here how long a message is waited for, and not an answer.
fn waits(matches: &ArgMatches, mut limits: Limits, texts: Texts) -> anyhow::Result<Limits> {
    let usual = Limits::default();
    for (name, limit, usual) in [
        ("connect-timeout", &mut limits.connect, usual.connect),
        ("greeting-timeout", &mut limits.greeting, usual.greeting),
        ("handshake-timeout", &mut limits.handshake, usual.handshake),
        ("command-timeout", &mut limits.command, usual.command),
    ] {
        *limit = check::time(matches, name, texts)?.unwrap_or(usual);
    }
    Ok(limits)
}

fn options(
    matches: &ArgMatches,
    from: &Side,
    to: &Side,
    is_lab: bool,
    view: View,
) -> anyhow::Result<TripOptions> {
    let texts = view.texts;
    let count = match text(matches, "count") {
        Some(value) => {
            let wanted = || texts.fill("cli/trip-a-count", &[("most", &MOST_TRIPS)]);
            let number = value.parse().ok().filter(|n| (1..=MOST_TRIPS).contains(n));
            number.ok_or_else(|| input::wrong(texts, "--count", value, &wanted()))?
        }
        None => 1,
    };
    let rate = text(matches, "rate")
        .map(|value| {
            let wrong = || input::wrong(texts, "--rate", value, &texts.get("cli/send-a-rate"));
            value.parse::<f64>().ok().filter(|rate| *rate > 0.0 && rate.is_finite()).ok_or_else(wrong)
        })
        .transpose()?;
    let patience = view.patient.then_some(PATIENCE);
    let longest = match check::time(matches, "deadline", texts)? {
        Some(all) => all,
        None => {
            // Ten seconds for each message, and a day at most.
            let paced = rate.map_or(0.0, |rate| count as f64 / rate).min(86_400.0);
            let each = Duration::from_secs(10).saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
            let sending = each.min(Duration::from_secs(86_400)) + Duration::from_secs_f64(paced);
            sending + patience.unwrap_or_default() + from.connection.limits.total
        }
    };
    let mut at_mailbox = to.connection.clone();
    if text(matches, "deadline").is_none() {
        // As long as anything may still come, and to clean up.
        at_mailbox.limits.total = longest + view.timeout + Duration::from_secs(600);
    }
    let login = |side: &Side| LoginOptions {
        mechanism: side.mechanism.clone(),
        insecure_auth: matches.get_flag("insecure-auth") || side.insecure_auth,
        no_secrets: is_lab,
        ..LoginOptions::default()
    };
    let sender = from.address(texts)?;
    let recipient = to.address(texts)?;
    let Some(credentials) = to.credentials.clone() else {
        return Err(Usage(texts.get("cli/trip-no-to-user")).into());
    };
    Ok(TripOptions {
        content: content(matches, from, to, &sender, &recipient, texts)?,
        send: Arc::new(sending(matches, from, login(from), sender.address, recipient.address)),
        mailbox: MailboxOptions {
            connection: at_mailbox,
            credentials,
            login: login(to),
            folder: None,
            write: true,
        },
        token: format!("{:016x}", input::seed()),
        count,
        rate,
        timeout: view.timeout,
        interval: check::time(matches, "interval", texts)?.unwrap_or(INTERVAL),
        patience,
        keep: view.keep,
        longest,
    })
}

/// How each message is sent.
fn sending(
    matches: &ArgMatches,
    from: &Side,
    login: LoginOptions,
    sender: String,
    recipient: String,
) -> SendOptions {
    let connection: ConnectionOptions = from.connection.clone();
    SendOptions {
        credentials: from.credentials.clone(),
        login,
        tls: match text(matches, "tls") {
            Some("always") => TlsWish::Always,
            Some("never") => TlsWish::Never,
            _ => TlsWish::Auto,
        },
        insecure: matches.get_flag("insecure"),
        ..SendOptions::new(connection, sender, vec![recipient])
    }
}

/// What is sent: our own test message, or one that is given.
fn content(
    matches: &ArgMatches,
    from: &Side,
    to: &Side,
    sender: &send::Mailbox,
    recipient: &send::Mailbox,
    texts: Texts,
) -> anyhow::Result<TripContent> {
    if let Some(file) = text(matches, "eml") {
        let source: Arc<dyn send::Source> = match file {
            "-" if from.stdin_taken || to.stdin_taken => {
                return Err(Usage(texts.get("cli/trip-one-stdin")).into());
            }
            "-" => Arc::new(send::Spool::read(io::stdin().lock())?),
            _ => Arc::new(existing(file, texts)?),
        };
        let shown = ehlo_core::escape(file.as_bytes());
        let read = send::eml::read(source, &[]).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                anyhow::Error::new(Usage(texts.fill("cli/send-empty-file", &[("file", &shown)])))
            }
            io::ErrorKind::InvalidData => {
                Usage(texts.fill("cli/send-no-header-end", &[("file", &shown)])).into()
            }
            _ => anyhow::anyhow!("{shown}: {error}"),
        })?;
        return Ok(TripContent::Given(read.message));
    }
    let word = |name: &str| texts.get(&format!("trip/words/{name}"));
    let host = from.connection.helo.clone().filter(|name| !name.starts_with('['));
    Ok(TripContent::Composed(Box::new(TripLetter {
        composition: Composition {
            from: Some(sender.clone()).filter(|m| !m.address.is_empty()),
            to: vec![recipient.clone()],
            subject: texts.get("trip/subject"),
            text: Some(texts.get("trip/body")),
            host: host.unwrap_or_else(|| "ehlo.invalid".into()),
            mailer: format!("ehlo {}", env!("CARGO_PKG_VERSION")),
            ..Composition::default()
        },
        words: TripWords {
            letters: word("letters"),
            dots: word("dots"),
            blanks: word("blanks"),
            from: word("from"),
            long: word("long"),
            file: word("file"),
        },
    })))
}

/// What went wrong with the mailbox, in words.
fn told(
    trouble: &Trouble,
    report: &TripReport,
    protocol: Protocol,
    texts: Texts,
) -> crate::mailbox::trouble::Told {
    let about = MailboxReport {
        url: report.to_url.clone(),
        protocol,
        folder: None,
        messages: None,
        trouble: None,
        took_us: 0,
        retrieved: false,
        transcripts: Vec::new(),
    };
    crate::mailbox::trouble::told(trouble, &about, texts)
}

/// The dialogues as a script.
fn script(report: &TripReport, (from, to): (Protocol, Protocol)) -> String {
    let sent = report.sending.iter().flat_map(|sent| &sent.transcripts);
    let sent = sent.map(|transcript| Described { transcript, url: &report.from_url, protocol: from });
    let seen = report.transcripts.iter();
    let seen = seen.map(|transcript| Described { transcript, url: &report.to_url, protocol: to });
    let described: Vec<Described<'_>> = sent.chain(seen).collect();
    write_transcripts("ehlo trip", &described)
}

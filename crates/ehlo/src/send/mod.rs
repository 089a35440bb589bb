//! `ehlo send`: sends messages and says what became of each recipient.

mod codes;
pub(crate) mod dialogue;
mod document;
mod dry;
pub(crate) mod letter;
mod options;
mod progress;
pub(crate) mod show;
pub(crate) mod values;

use crate::check::{self, text};
use crate::exit::{GOOD, Internal, Usage};
use crate::{output, targets};
use clap::ArgMatches;
use ehlo_action::Target;
use ehlo_action::send::{Messages as _, run};
use ehlo_core::send::SendReport;
use ehlo_core::{Protocol, Scheme};
use ehlo_dialogue::ConnectionOptions;
use ehlo_report::Texts;
use ehlo_script::{Described, write_transcripts};
use letter::Letter;
use std::path::Path;
use std::sync::Arc;

/// The services of a host, in the order in which they are tried.
const ORDER: &[Scheme] = &[Scheme::Submissions, Scheme::Submission, Scheme::Smtp, Scheme::Lmtp];

/// What is shown, and how.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub(crate) texts: Texts,
    pub(crate) paint: ehlo_report::Paint,
    pub(crate) columns: usize,
    pub(crate) verbosity: u8,
    pub(crate) quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Wrong usage, or what kept it from running.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let view = View {
        texts,
        paint: output::paint(text(matches, "color")),
        columns: output::columns(),
        verbosity: matches.get_count("verbose"),
        quiet: matches.get_flag("quiet"),
    };
    let words: Vec<String> = matches.get_many::<String>("target").unwrap_or_default().cloned().collect();
    if words.is_empty() {
        return Err(Usage(texts.get("cli/no-target")).into());
    }
    if words.len() > 1 || words[0] == "-" {
        return Err(Usage(texts.get("cli/send-one-target")).into());
    }
    let letter = Letter::read(matches, texts)?;
    // There is one dialogue at a time: more threads would only cost time and memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    let wanted = targets::read(&words, texts)?;
    let wants_lab = check::wants_lab(&wanted, texts)?;
    let (faults, personas) = check::lab_troubles(matches, wants_lab, texts)?;
    runtime.block_on(async {
        let lab = match wants_lab {
            true => Some(start_lab(matches, faults, personas).await?),
            false => None,
        };
        let own = lab.as_ref().map(|(lab, _)| &**lab);
        let connection = check::connection(matches, own, texts)?;
        let running = lab.as_ref().map(|(lab, running)| (&**lab, running));
        let jobs = targets::jobs(&wanted, None, &connection, running, texts).await?;
        let takes_mail = |scheme: Scheme| matches!(scheme.protocol(), Protocol::Smtp | Protocol::Lmtp);
        if let [job] = jobs.as_slice()
            && !takes_mail(job.endpoint.scheme)
        {
            let scheme = job.endpoint.scheme;
            return Err(Usage(texts.fill("cli/send-scheme", &[("scheme", &scheme)])).into());
        }
        let mut among: Vec<Target> = jobs
            .into_iter()
            .filter(|job| takes_mail(job.endpoint.scheme))
            .map(|job| Target { endpoint: job.endpoint, url: job.url, addresses: job.addresses })
            .collect();
        among.sort_by_key(|target| ORDER.iter().position(|s| *s == target.endpoint.scheme));
        if wants_lab && among.len() > 1 && text(matches, "user").is_none() {
            // The lab takes mail to its accounts at port 25 without a login, as an MX does.
            among.retain(|target| target.endpoint.scheme == Scheme::Smtp);
        }
        let host = wanted.first().and_then(targets::host);
        let mut options = options::read(matches, &letter, connection, own, host, texts)?;
        if matches.get_flag("dry-run") {
            let Some(target) = among.first() else { return Err(Internal("no service".into()).into()) };
            let message = letter.message(1)?;
            output::result(&dry::human(target, &options, &message, view)?)?;
            return Ok(GOOD);
        }
        options::deadline(matches, &letter, &mut options)?;
        let target = first_that_answers(among, &options.connection).await?;
        let letter = Arc::new(letter);
        let (events, receiver) = tokio::sync::mpsc::unbounded_channel();
        let url = target.url.clone();
        let wanted = !matches.get_flag("quiet");
        let shown = tokio::spawn(progress::show(receiver, url, texts, wanted));
        let mut report = run(target, letter.clone(), Arc::new(options), events).await;
        // The line is cleared before anything else is written.
        let _ = shown.await;
        let mut remarks = letter.remarks().to_vec();
        remarks.append(&mut report.remarks);
        report.remarks = remarks;
        told(matches, &report, view)
    })
}

/// Writes what was asked for, and yields the exit code.
fn told(matches: &ArgMatches, report: &SendReport, view: View) -> anyhow::Result<u8> {
    if let Some(file) = text(matches, "transcript") {
        output::write_private(Path::new(file), &script(report))?;
    }
    let shown = match text(matches, "format") {
        Some("json") => document::json(report, view.texts),
        _ => show::human(report, view),
    };
    output::result(&shown)?;
    Ok(match text(matches, "exit-codes") {
        Some("swaks") => codes::swaks(report),
        _ => codes::own(report),
    })
}

/// The embedded lab, with what it must be told to take what is wanted.
async fn start_lab(
    matches: &ArgMatches,
    faults: Vec<ehlo_lab::ActiveFault>,
    personas: Vec<ehlo_lab::ActiveFault>,
) -> anyhow::Result<(Arc<ehlo_lab::Lab>, ehlo_lab::Running)> {
    let mut config = ehlo_lab::LabConfig::new(crate::input::seed(), crate::input::now());
    config.faults = faults;
    config.personas = personas;
    config.proxy_protocol = text(matches, "proxy").is_some();
    config.xclient = ["xclient", "xforward"].iter().any(|flag| matches.get_many::<String>(flag).is_some());
    let lab = ehlo_lab::Lab::new(config)?;
    let ports = ehlo_lab::Ports { base: 0, ..ehlo_lab::Ports::default() };
    let running = ehlo_lab::Listeners::bind(&lab, &ports).await?.serve(&lab);
    Ok((lab, running))
}

/// The first service of a host at whose port somebody listens; the last, if nobody does, for the failure that it yields.
///
/// # Errors
/// There is none at all.
pub(crate) async fn first_that_answers(
    among: Vec<Target>,
    connection: &ConnectionOptions,
) -> anyhow::Result<Target> {
    let last = among.len().saturating_sub(1);
    for (index, target) in among.into_iter().enumerate() {
        if index == last {
            return Ok(target);
        }
        let known = target.addresses.as_deref();
        let addresses = connection.addresses(&target.endpoint, known).await.unwrap_or_default();
        for address in &addresses {
            if connection.connector.connect(address, connection.limits.connect).await.is_ok() {
                return Ok(target);
            }
        }
    }
    Err(Internal("no service".into()).into())
}

/// All dialogues as a script.
fn script(report: &SendReport) -> String {
    let described: Vec<Described<'_>> = report
        .transcripts
        .iter()
        .map(|transcript| Described { transcript, url: &report.url, protocol: report.protocol })
        .collect();
    write_transcripts("ehlo send", &described)
}

//! `ehlo mailbox`: looks into a mailbox by POP3 or IMAP, changing nothing unless told to.

mod document;
mod human;
mod safe;
pub(crate) mod trouble;
mod words;

use crate::check::{self, text};
use crate::exit::{FOUND, GOOD, Internal, UNABLE, USAGE, Usage};
use crate::{input, output, secrets, targets};
use clap::ArgMatches;
use ehlo_action::Target;
use ehlo_action::mailbox::{Item, MailboxOptions, MailboxReport, Sink, Trouble, Verb, run};
use ehlo_core::mailbox::Happening;
use ehlo_core::{Protocol, Scheme, Stage};
use ehlo_dialogue::LoginOptions;
use ehlo_lab::{Lab, Seed};
use ehlo_report::{Texts, wrapped};
use ehlo_script::{Described, write_transcripts};
use ehlo_wire::sasl::Credentials;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::sync::Notify;

/// A run may take this long unless it is told otherwise: mail is larger than what a check looks at.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Nobody waits longer for mail.
const FOR_EVER: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// The services of a host, in the order in which they are tried.
const ORDER: &[Scheme] = &[Scheme::Imaps, Scheme::Imap, Scheme::Pop3s, Scheme::Pop3];

/// Runs the command.
///
/// # Errors
/// Wrong usage, or what kept it from running.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let words: Vec<String> = matches.get_many::<String>("word").unwrap_or_default().cloned().collect();
    let asked = words::read(&words, matches, texts)?;
    if asked.verb.changes() && !matches.get_flag("write") {
        return Err(Usage(texts.fill("mailbox/read-only", &[("verb", &asked.verb.id())])).into());
    }
    let view = human::View {
        texts,
        paint: output::paint(text(matches, "color")),
        columns: output::columns(),
        verbose: matches.get_count("verbose") > 0,
        quiet: matches.get_flag("quiet"),
    };
    let as_json = text(matches, "format") == Some("json");
    let mut writer: Box<dyn Writer> = match as_json {
        true => Box::new(document::Document::new(asked.verb.id(), texts)),
        false => Box::new(human::Human::new(&asked, view)),
    };
    let mut counting = Counting { writer: &mut *writer, arrived: 0 };
    let report = done(matches, &asked, &mut counting, texts)?;
    let arrived = counting.arrived;
    if let Some(file) = text(matches, "transcript") {
        output::write_private(Path::new(file), &script(&report))?;
    }
    let code = code(&report, &asked.verb, arrived);
    // A reader that has gone away has seen enough.
    match &report.trouble {
        Some(Trouble::Sink(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(GOOD),
        _ => {}
    }
    match writer.end(&report) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(code),
        other => other?,
    }
    if let (Some(trouble), false) = (&report.trouble, as_json) {
        let told = trouble::told(trouble, &report, texts);
        output::remark(format!("ehlo: {}", told.text(view.columns).trim_end()).as_str());
    }
    if report.retrieved && !as_json && !view.quiet {
        output::remark(wrapped(&texts.get("mailbox/retrieved"), 0, view.columns).trim_end());
    }
    Ok(code)
}

/// Writes what is found, and what is to be said at the end.
trait Writer: Sink {
    /// Writes the rest.
    fn end(&mut self, report: &MailboxReport) -> io::Result<()>;
}

/// Counts what came while it was watched for.
struct Counting<'a> {
    writer: &'a mut dyn Writer,
    arrived: u64,
}

impl Sink for Counting<'_> {
    fn take(&mut self, item: Item<'_>) -> io::Result<()> {
        if matches!(item, Item::Happening(Happening::Arrived { .. })) {
            self.arrived += 1;
        }
        self.writer.take(item)
    }
}

/// The exit code: done, refused, used wrongly, not reached.
fn code(report: &MailboxReport, verb: &Verb, arrived: u64) -> u8 {
    match &report.trouble {
        None => match verb {
            // Who waits for messages wants to know whether they came.
            Verb::Watch(how) if how.count.is_some_and(|count| arrived < count) => FOUND,
            _ => GOOD,
        },
        Some(
            Trouble::Login(_)
            | Trouble::Refused { .. }
            | Trouble::NoMessage(_)
            | Trouble::NoPart(_)
            | Trouble::TooLarge { .. },
        ) => FOUND,
        Some(Trouble::ReadOnly | Trouble::BadArgument(_)) => USAGE,
        Some(
            Trouble::Failed(_)
            | Trouble::Unsupported(_)
            | Trouble::TooLargeToRead { .. }
            | Trouble::Source(_)
            | Trouble::Sink(_),
        ) => UNABLE,
    }
}

fn done(
    matches: &ArgMatches,
    asked: &words::Asked,
    sink: &mut dyn Sink,
    texts: Texts,
) -> anyhow::Result<MailboxReport> {
    let Some(user) = text(matches, "user") else {
        return Err(Usage(texts.get("mailbox/no-user")).into());
    };
    if asked.target == "-" {
        return Err(Usage(texts.get("mailbox/one-target")).into());
    }
    let wanted = targets::read(std::slice::from_ref(&asked.target), texts)?;
    let wants_lab = check::wants_lab(&wanted, texts)?;
    let (faults, personas) = check::lab_troubles(matches, wants_lab, texts)?;
    let seeds: Vec<&String> = matches.get_many::<String>("lab-seed").unwrap_or_default().collect();
    if !wants_lab && !seeds.is_empty() {
        return Err(Usage(texts.get("cli/lab-fault-alone")).into());
    }
    // There is one dialogue at a time: more threads would only cost time and memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    runtime.block_on(async {
        let lab = if wants_lab { Some(check::start_lab(faults, personas).await?) } else { None };
        let own = lab.as_ref().map(|(lab, _)| &**lab);
        if let Some(lab) = own {
            sow(lab, &seeds, user, texts)?;
        }
        let mut connection = check::connection(matches, own, texts)?;
        if text(matches, "deadline").is_none() {
            let watched = matches!(&asked.verb, Verb::Watch(_));
            connection.limits.total = if watched { FOR_EVER } else { LONGEST };
        }
        let host = wanted.first().and_then(targets::host);
        let credentials = match own {
            Some(lab) if !check::names_password(matches) => check::lab_account(lab, user, texts)?,
            _ => Credentials {
                user: user.to_owned(),
                password: secrets::password(matches, user, host, asked.stdin_taken, texts)?,
                authzid: String::new(),
            },
        };
        let running = lab.as_ref().map(|(lab, running)| (&**lab, running));
        let jobs = targets::jobs(&wanted, None, &connection, running, texts).await?;
        let reads = |scheme: Scheme| matches!(scheme.protocol(), Protocol::Imap | Protocol::Pop3);
        let mut among: Vec<Target> = jobs
            .into_iter()
            .filter(|job| reads(job.endpoint.scheme))
            .map(|job| Target { endpoint: job.endpoint, url: job.url, addresses: job.addresses })
            .collect();
        among.sort_by_key(|target| ORDER.iter().position(|s| *s == target.endpoint.scheme));
        if among.is_empty() {
            return Err(Usage(texts.get("mailbox/scheme")).into());
        }
        let options = MailboxOptions {
            connection,
            credentials,
            login: LoginOptions {
                mechanism: text(matches, "mechanism").map(str::to_owned),
                insecure_auth: matches.get_flag("insecure-auth"),
                no_secrets: lab.is_some(),
                ..LoginOptions::default()
            },
            folder: text(matches, "folder").map(str::to_owned),
            write: matches.get_flag("write"),
        };
        first_that_answers(&among, &options, &asked.verb, sink).await
    })
}

/// Does it at the first service that can be reached.
async fn first_that_answers(
    among: &[Target],
    options: &MailboxOptions,
    verb: &Verb,
    sink: &mut dyn Sink,
) -> anyhow::Result<MailboxReport> {
    let stop = std::sync::Arc::new(Notify::new());
    if matches!(verb, Verb::Watch(_)) {
        let stop = std::sync::Arc::clone(&stop);
        tokio::spawn(async move {
            // Without the signal there is only the end of the process.
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.notify_one();
            }
        });
    }
    let mut report = None;
    for (index, target) in among.iter().enumerate() {
        let done = run(target, options, verb, sink, &stop).await;
        let not_there = matches!(
            &done.trouble,
            Some(Trouble::Failed(failure)) if matches!(failure.stage, Stage::Resolve | Stage::Connect)
        );
        report = Some(done);
        if !not_there || index + 1 == among.len() {
            break;
        }
    }
    report.ok_or_else(|| Internal("no service".into()).into())
}

/// Puts messages into the embedded lab: into the mailbox of whoever logs in, unless another is named.
fn sow(lab: &Lab, seeds: &[&String], user: &str, texts: Texts) -> anyhow::Result<()> {
    for text in seeds {
        let mut seed = Seed::parse(text);
        seed.account.get_or_insert_with(|| user.to_owned());
        seed.sow(lab.store(), lab.accounts(), input::now())
            .map_err(|error| crate::lab_store::told(ehlo_lab::LabError::Seed(error), texts))?;
    }
    Ok(())
}

/// The dialogues as a script.
fn script(report: &MailboxReport) -> String {
    let described: Vec<Described<'_>> = report
        .transcripts
        .iter()
        .map(|transcript| Described { transcript, url: &report.url, protocol: report.protocol })
        .collect();
    write_transcripts("ehlo mailbox", &described)
}

//! `ehlo run`

pub(crate) mod load;
mod site;

use crate::check::text;
use crate::exit::{FOUND, GOOD, Internal, UNABLE, Usage};
use crate::output;
use clap::ArgMatches;
use ehlo_core::run::{RunEvent, ScriptReport, Verdict};
use ehlo_report::monitor::TimeLimits;
use ehlo_report::run::RUN_FORMATS;
use ehlo_report::{FormatOptions, Texts};
use ehlo_runner::{Loaded, run_all};
use ehlo_script::{Described, write_transcripts};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Runs scripts.
///
/// # Errors
/// Wrong usage, scripts that cannot be read, or what kept them from running.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let mut scripts = load::scripts(matches, texts)?;
    if matches.get_flag("list") {
        output::result(&list(&scripts))?;
        return Ok(GOOD);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    runtime.block_on(async {
        let (options, _lab) = site::options(matches, texts).await?;
        load::check_names(&scripts, &options, texts)?;
        let options = Arc::new(options);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                let _ = stop.send(true);
            }
            // The sender must live as long as anybody listens.
            std::future::pending::<()>().await;
        });
        let mut rounds = 0;
        loop {
            rounds += 1;
            let (events, receiver) = mpsc::unbounded_channel();
            let shown = tokio::spawn(show(receiver, format_options(matches, texts), format(matches)));
            let offered = run_all(scripts.clone(), Arc::clone(&options), events, stopped.clone()).await;
            let reports = shown.await.map_err(|e| Internal(e.to_string()))??;
            if let Some(file) = text(matches, "transcript") {
                output::write_private(Path::new(file), &transcript(&reports))?;
            }
            if !matches.get_flag("accept") || offered.is_empty() || rounds > 50 {
                return Ok(code(&reports));
            }
            let changed = load::accept(&offered)?;
            output::remark(&texts.fill("cli/accepted", &[("n", &changed)]));
            if changed == 0 {
                return Ok(code(&reports));
            }
            scripts = load::scripts(matches, texts)?;
        }
    })
}

fn format(matches: &ArgMatches) -> String {
    text(matches, "format").unwrap_or("human").to_owned()
}

fn format_options(matches: &ArgMatches, texts: Texts) -> FormatOptions {
    FormatOptions {
        texts,
        paint: output::paint(text(matches, "color")),
        columns: output::columns(),
        verbosity: matches.get_count("verbose"),
        quiet: matches.get_flag("quiet"),
        limits: TimeLimits::default(),
    }
}

/// Prints what comes, and keeps the reports.
async fn show(
    mut events: mpsc::UnboundedReceiver<RunEvent>,
    options: FormatOptions,
    format: String,
) -> anyhow::Result<Vec<ScriptReport>> {
    let mut reports = Vec::new();
    let Some((_, make)) = RUN_FORMATS.iter().find(|(name, _)| *name == format) else { return Ok(reports) };
    let mut format = make(options);
    while let Some(event) = events.recv().await {
        let said = format.on(&event);
        if !said.is_empty() {
            output::result(&said)?;
        }
        if let RunEvent::Script(report) = event {
            reports.push(*report);
        }
    }
    Ok(reports)
}

/// The exit code: nothing reached, something wrong, or nothing wrong.
fn code(reports: &[ScriptReport]) -> u8 {
    let ran = reports.iter().filter(|r| r.verdict != Verdict::Skip);
    let unreachable = |r: &ScriptReport| {
        r.verdict == Verdict::Error
            && r.steps.iter().filter_map(|s| s.problem.as_ref()).any(|p| p.id == "connect-failed")
    };
    if ran.clone().next().is_none() {
        // Everything was left out: nothing was examined.
        return if reports.is_empty() { GOOD } else { UNABLE };
    }
    if ran.clone().all(unreachable) {
        return UNABLE;
    }
    if ran.clone().any(|r| r.counts) { FOUND } else { GOOD }
}

fn list(scripts: &[Loaded]) -> String {
    let mut out = String::new();
    for loaded in scripts {
        let title = loaded.script.header.title.clone().unwrap_or_default();
        out.push_str(&format!("{}\n    {}\n", loaded.id, ehlo_core::escape(title.as_bytes())));
    }
    out
}

/// All dialogues of a run as a script.
fn transcript(reports: &[ScriptReport]) -> String {
    let described: Vec<Described<'_>> = reports
        .iter()
        .flat_map(|r| &r.dialogues)
        .map(|d| Described { transcript: &d.transcript, url: &d.url, protocol: d.protocol })
        .collect();
    write_transcripts("ehlo run", &described)
}

/// A wrong use of a flag that takes `NAME=VALUE`.
pub(crate) fn pair<'a>(flag: &str, value: &'a str, texts: Texts) -> anyhow::Result<(&'a str, &'a str)> {
    let good = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    value
        .split_once('=')
        .filter(|(name, _)| good(name))
        .ok_or_else(|| Usage(texts.fill("cli/wrong-pair", &[("flag", &flag), ("value", &value)])).into())
}

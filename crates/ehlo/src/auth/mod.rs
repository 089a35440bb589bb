//! `ehlo auth`: the ways to log in that a server offers, each tried and explained.

mod document;
pub(crate) mod explained;
mod monitor;
mod steps;
mod table;

use crate::check::{self, text};
use crate::exit::{FOUND, GOOD, Internal, UNABLE, Usage};
use crate::{input, output, progress, secrets, targets};
use clap::ArgMatches;
use ehlo_action::Target;
use ehlo_action::auth::{AuthOptions, run};
use ehlo_core::Secret;
use ehlo_core::auth::{AuthReport, AuthResult};
use ehlo_dialogue::{LoginOptions, SaslDetails};
use ehlo_lab::Lab;
use ehlo_report::{Paint, Texts};
use ehlo_script::{Described, write_transcripts};
use ehlo_wire::sasl::{Credentials, ITERATION_CAP, PasswordForm};
use std::path::Path;
use std::sync::Arc;

/// No more iterations than this are computed, whatever is asked for: a second or ten, and not a day.
const MOST_ITERATIONS: u32 = 10_000_000;

/// What is shown, and how.
#[derive(Clone, Copy)]
struct View {
    texts: Texts,
    paint: Paint,
    columns: usize,
}

/// Tries the ways to log in.
///
/// # Errors
/// Wrong usage, or what kept it from running.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let format = text(matches, "format").unwrap_or("human");
    let limits = check::time_limits(matches, format, texts)?;
    let report = tried(matches, texts)?;
    if let Some(file) = text(matches, "transcript") {
        output::write_private(Path::new(file), &script(&report))?;
    }
    let view = View { texts, paint: output::paint(text(matches, "color")), columns: output::columns() };
    let steps = matches.get_flag("steps") || matches.get_count("verbose") > 0;
    let shown = match format {
        "json" => document::json(&report, texts),
        "nagios" => {
            let plugin = monitor::plugin(&report, limits, View { paint: Paint { on: false }, ..view });
            output::result(&plugin.render())?;
            return Ok(plugin.state.code());
        }
        "prometheus" => monitor::exposition(&report).render(),
        _ if matches.get_flag("quiet") => table::verdict(&report, view),
        _ => table::human(&report, steps, view),
    };
    output::result(&shown)?;
    Ok(code(&report))
}

/// The exit code: nothing reached or tried, something refused, or everything accepted.
fn code(report: &AuthReport) -> u8 {
    let attempts = || report.services.iter().flat_map(|s| &s.attempts).filter(|a| a.is_tried());
    // A server that lets in without a proof lets a wrong password in as well.
    let lets_in = |result: &AuthResult| matches!(result, AuthResult::Accepted | AuthResult::Unproven);
    let wrong_accepted = report.services.iter().filter_map(|s| s.wrong.as_ref()).any(|w| lets_in(&w.result));
    let lost = report.services.iter().any(|s| s.explicit && s.failure.is_some());
    if report.services.iter().all(|s| !s.is_reachable()) || (attempts().next().is_none() && !lost) {
        UNABLE
    } else if wrong_accepted || lost || attempts().any(|a| a.result != AuthResult::Accepted) {
        FOUND
    } else {
        GOOD
    }
}

fn tried(matches: &ArgMatches, texts: Texts) -> anyhow::Result<AuthReport> {
    let words: Vec<String> = matches.get_many::<String>("target").unwrap_or_default().cloned().collect();
    if words.is_empty() {
        return Err(Usage(texts.get("cli/no-target")).into());
    }
    let Some(user) = text(matches, "user") else { return Err(Usage(texts.get("cli/auth-no-user")).into()) };
    let details = details(matches, texts)?;
    let wanted = targets::read(&words, texts)?;
    let stdin_taken = words.iter().any(|w| w == "-");
    let wants_lab = check::wants_lab(&wanted, texts)?;
    let (faults, personas) = check::lab_troubles(matches, wants_lab, texts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    runtime.block_on(async {
        let lab = if wants_lab { Some(check::start_lab(faults, personas).await?) } else { None };
        let own = lab.as_ref().map(|(lab, _)| &**lab);
        let connection = check::connection(matches, own, texts)?;
        let token = token(matches, stdin_taken, texts)?;
        let host = wanted.first().and_then(targets::host);
        let is_enough = token.is_some() || connection.identity.is_some();
        let mut credentials = credentials(matches, user, own, host, is_enough, stdin_taken, texts)?;
        credentials.authzid = text(matches, "authzid").unwrap_or_default().to_owned();
        let running = lab.as_ref().map(|(lab, running)| (&**lab, running));
        let jobs = targets::jobs(&wanted, None, &connection, running, texts).await?;
        let targets = jobs.into_iter().map(|job| Target {
            endpoint: job.endpoint,
            url: job.url,
            addresses: job.addresses,
        });
        let options = AuthOptions {
            connection,
            credentials,
            token,
            login: LoginOptions {
                insecure_auth: matches.get_flag("insecure-auth"),
                no_secrets: lab.is_some(),
                details,
                ..LoginOptions::default()
            },
            only: matches
                .get_many::<String>("mechanism")
                .unwrap_or_default()
                // Names of mechanisms have no comma (RFC 4422 §3.1).
                .flat_map(|names| names.split(','))
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            all: matches.get_flag("all"),
            wrong: matches.get_flag("wrong"),
        };
        let (events, receiver) = tokio::sync::mpsc::unbounded_channel();
        let shown = tokio::spawn(progress::show(receiver, texts, !matches.get_flag("quiet")));
        let report = run(targets.collect(), Arc::new(options), events).await;
        // The line is cleared before anything else is written.
        let _ = shown.await;
        Ok(report)
    })
}

fn credentials(
    matches: &ArgMatches,
    user: &str,
    lab: Option<&Lab>,
    host: Option<&str>,
    is_enough: bool,
    stdin_taken: bool,
    texts: Texts,
) -> anyhow::Result<Credentials> {
    let named = check::names_password(matches);
    match lab {
        Some(lab) if !named => check::lab_account(lab, user, texts),
        // Whoever gives a token or a certificate need not have a password.
        None if !named && is_enough => Ok(Credentials {
            user: user.to_owned(),
            password: Secret::new(String::new()),
            authzid: String::new(),
        }),
        _ => Ok(Credentials {
            user: user.to_owned(),
            password: secrets::password(matches, user, host, stdin_taken, texts)?,
            authzid: String::new(),
        }),
    }
}

/// `--token-file`
fn token(matches: &ArgMatches, stdin_taken: bool, texts: Texts) -> anyhow::Result<Option<Secret<String>>> {
    let Some(file) = text(matches, "token-file") else { return Ok(None) };
    if file == "-" && (stdin_taken || text(matches, "password-file") == Some("-")) {
        return Err(Usage(texts.get("cli/stdin-twice")).into());
    }
    let token = secrets::from_file(file)?;
    if token.expose().is_empty() {
        return Err(Usage(texts.get("cli/auth-empty-token")).into());
    }
    Ok(Some(token))
}

fn details(matches: &ArgMatches, texts: Texts) -> anyhow::Result<SaslDetails> {
    let iteration_cap = match text(matches, "iteration-cap") {
        Some(value) => {
            let number = value.parse().ok().filter(|n| (1..=MOST_ITERATIONS).contains(n));
            let wanted = || texts.fill("cli/a-count", &[("most", &MOST_ITERATIONS)]);
            number.ok_or_else(|| input::wrong(texts, "--iteration-cap", value, &wanted()))?
        }
        None => ITERATION_CAP,
    };
    Ok(SaslDetails {
        password_form: match text(matches, "password-form") {
            Some("raw") => PasswordForm::Raw,
            Some("latin-1") => PasswordForm::Latin1,
            _ => PasswordForm::Prepared,
        },
        realm: text(matches, "realm").map(str::to_owned),
        iteration_cap,
        ntlm_v1: matches.get_flag("allow-ntlm-v1"),
        ..SaslDetails::default()
    })
}

/// All dialogues of a run as a script.
fn script(report: &AuthReport) -> String {
    let described: Vec<Described<'_>> = report
        .transcripts
        .iter()
        .filter_map(|transcript| {
            let url = transcript.label.split(' ').next().unwrap_or_default();
            let service = report.services.iter().find(|s| s.url == url)?;
            Some(Described { transcript, url, protocol: service.protocol })
        })
        .collect();
    write_transcripts("ehlo auth", &described)
}

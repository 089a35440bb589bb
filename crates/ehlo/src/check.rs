//! `ehlo check`

use crate::exit::{FOUND, GOOD, Internal, UNABLE, Usage};
use crate::{about_check, check_extra, input, output, policy, progress, secrets, targets};
use clap::ArgMatches;
use ehlo_check::{CHECKS, CheckOptions, Pace, Selection, judge, run};
use ehlo_core::facts::TlsProbeMode;
use ehlo_core::{Family, Limits, Outcome, Role, RunReport, Target};
use ehlo_dialogue::{ClientIdentity, ConnectionOptions, Connector, LoginOptions, Trust};
use ehlo_lab::{ActiveFault, Lab, LabConfig, Listeners, Ports, Running};
use ehlo_report::monitor::{TimeLimits, check_state};
use ehlo_report::{FORMATS, FormatOptions, Texts, add_causes, json};
use ehlo_script::{Described, write_transcripts};
use ehlo_wire::sasl::{Credentials, Passwords as _};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Examines mail services, or judges a saved run again.
///
/// # Errors
/// Wrong usage, or what kept it from running.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let selection = selection(matches, texts)?;
    if matches.get_flag("list-checks") {
        output::result(&list_checks(&selection, texts))?;
        return Ok(GOOD);
    }
    if matches.get_flag("dry-run") {
        let extra = check_extra::extra(matches, texts)?;
        let account = text(matches, "user").is_some();
        output::result(&check_extra::plan(&selection, &extra, account, texts))?;
        return Ok(GOOD);
    }
    let wanted = text(matches, "format").unwrap_or("human");
    let limits = time_limits(matches, wanted, texts)?;
    let mut report = match matches.get_one::<String>("rejudge") {
        Some(file) => rejudge(file, &selection, matches, texts)?,
        None => examine(matches, &selection, texts)?,
    };
    add_causes(&mut report);
    if let Some(file) = text(matches, "transcript") {
        output::write_private(Path::new(file), &script(&report))?;
    }
    let options = FormatOptions {
        texts,
        paint: output::paint(text(matches, "color")),
        columns: output::columns(),
        verbosity: matches.get_count("verbose"),
        quiet: matches.get_flag("quiet"),
        limits,
    };
    if let Some(format) = FORMATS.iter().find(|f| f.name() == wanted) {
        output::result(&format.render(&report, &options))?;
    }
    if wanted == "nagios" {
        return Ok(check_state(&report, &options).code());
    }
    Ok(code(&report, text(matches, "fail-on").unwrap_or("fail")))
}

/// `--warn` and `--critical`
pub(crate) fn time_limits(matches: &ArgMatches, format: &str, texts: Texts) -> anyhow::Result<TimeLimits> {
    let limits =
        TimeLimits { warn: time(matches, "warn", texts)?, critical: time(matches, "critical", texts)? };
    if limits != TimeLimits::default() && format != "nagios" {
        return Err(Usage(texts.get("cli/limits-nagios")).into());
    }
    match limits {
        TimeLimits { warn: Some(warn), critical: Some(critical) } if warn > critical => {
            Err(Usage(texts.get("cli/limits-order")).into())
        }
        limits => Ok(limits),
    }
}

/// A flag that is a time. Not every command has all of these flags.
///
/// # Errors
/// [`Usage`] for a value that is no time.
pub(crate) fn time(
    matches: &ArgMatches,
    name: &str,
    texts: Texts,
) -> anyhow::Result<Option<std::time::Duration>> {
    let value = matches.try_get_one::<String>(name).ok().flatten();
    value
        .map(|value| {
            let wrong = || input::wrong(texts, &format!("--{name}"), value, &texts.get("cli/a-time")).into();
            input::duration(value).ok_or_else(wrong)
        })
        .transpose()
}

/// Every selected check: what it looks at, what it sends, and how bad its bad verdicts are.
fn list_checks(selection: &Selection, texts: Texts) -> String {
    let columns = output::columns();
    let taken = CHECKS.iter().filter(|c| selection.takes(**c));
    taken.map(|check| about_check::entry(check.meta(), columns, texts)).collect()
}

/// The exit code: nothing reached, something wrong, or nothing wrong.
fn code(report: &RunReport, fail_on: &str) -> u8 {
    let services = &report.facts.services;
    if services.iter().all(|s| !s.is_reachable()) {
        return UNABLE;
    }
    let wrong = |outcome: &Outcome| match fail_on {
        "never" => false,
        "warn" => matches!(outcome, Outcome::Fail | Outcome::Warn),
        _ => *outcome == Outcome::Fail,
    };
    // A login that was asked for and not granted is an answer, too.
    let refused = services
        .iter()
        .filter_map(|s| s.main()?.login.as_ref())
        .any(|login| !matches!(login.result, ehlo_core::facts::LoginResult::Accepted) && fail_on != "never");
    if refused || report.findings.iter().any(|f| wrong(&f.outcome)) { FOUND } else { GOOD }
}

fn selection(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Selection> {
    let list = |name: &str| -> Vec<String> {
        let values = matches.get_many::<String>(name).unwrap_or_default();
        values.flat_map(|v| v.split(',')).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
    };
    let name = text(matches, "policy").unwrap_or("rfc");
    let Some(policy) = policy::named(name) else {
        let places: [(&str, &dyn std::fmt::Display); 2] =
            [("name", &ehlo_core::escape(name.as_bytes())), ("names", &policy::names().join(", "))];
        return Err(Usage(texts.fill("cli/unknown-policy", &places)).into());
    };
    let selection = Selection { only: list("only"), skip: list("skip"), policy };
    match selection.unknown().first() {
        Some(unknown) => Err(Usage(texts.fill("cli/unknown-check", &[("name", unknown)])).into()),
        None => Ok(selection),
    }
}

fn rejudge(
    file: &str,
    selection: &Selection,
    matches: &ArgMatches,
    texts: Texts,
) -> anyhow::Result<RunReport> {
    let text = std::fs::read_to_string(file).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
    let (mut facts, transcripts) = json::read(&text).map_err(|error| match error {
        json::ReadError::Malformed(detail) => {
            Usage(texts.fill("cli/rejudge-malformed", &[("file", &file), ("detail", &detail)]))
        }
        json::ReadError::Version(version) => {
            Usage(texts.fill("cli/rejudge-version", &[("file", &file), ("version", &version)]))
        }
    })?;
    facts.as_outside |= matches.get_flag("as-outside");
    if let Some(now) = moment(matches, texts)? {
        facts.now = now;
    }
    let judged = judge(&facts, selection);
    Ok(RunReport {
        facts,
        findings: judged.findings,
        levels: judged.levels,
        transcripts,
        policy: selection.policy.id.clone(),
    })
}

fn examine(matches: &ArgMatches, selection: &Selection, texts: Texts) -> anyhow::Result<RunReport> {
    let words: Vec<String> = matches.get_many::<String>("target").unwrap_or_default().cloned().collect();
    if words.is_empty() {
        return Err(Usage(texts.get("cli/no-target")).into());
    }
    let wanted = targets::read(&words, texts)?;
    let from_stdin = words.iter().any(|w| w == "-");
    let wants_lab = wants_lab(&wanted, texts)?;
    let (faults, personas) = lab_troubles(matches, wants_lab, texts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    runtime.block_on(async {
        let lab = if wants_lab { Some(start_lab(faults, personas).await?) } else { None };
        let mut options = options(matches, lab.as_ref().map(|(lab, _)| &**lab), texts)?;
        options.credentials = match (&lab, text(matches, "user")) {
            (Some((lab, _)), Some(user)) if !names_password(matches) => Some(lab_account(lab, user, texts)?),
            _ => secrets::credentials(matches, wanted.first().and_then(targets::host), from_stdin, texts)?,
        };
        let role = text(matches, "role").and_then(role);
        let running = lab.as_ref().map(|(lab, running)| (&**lab, running));
        let mailboxes = check_extra::Mailboxes {
            matches,
            options: &options,
            lab: running,
            stdin_taken: from_stdin,
            texts,
        };
        let (outside, inbox) = (mailboxes.outside().await?, mailboxes.inbox().await?);
        (options.extra.outside, options.extra.inbox) = (outside, inbox);
        let jobs = targets::jobs(&wanted, role, &options.connection, running, texts).await?;
        let (events, receiver) = tokio::sync::mpsc::unbounded_channel();
        let shown = tokio::spawn(progress::show(receiver, texts, !matches.get_flag("quiet")));
        let report = run(jobs, Arc::new(options), selection, events).await;
        // The line is cleared before anything else is written.
        let _ = shown.await;
        Ok(report)
    })
}

/// Whether the embedded lab is the target.
///
/// # Errors
/// [`Usage`] if it is one target among others.
pub(crate) fn wants_lab(targets: &[Target], texts: Texts) -> anyhow::Result<bool> {
    let is_lab = |target: &Target| matches!(target, Target::Lab(_));
    let wants_lab = targets.iter().any(is_lab);
    if wants_lab && !targets.iter().all(is_lab) {
        // The lab's CA is trusted, and its passwords are no secrets: neither may hold for anybody else.
        return Err(Usage(texts.get("cli/lab-alone")).into());
    }
    Ok(wants_lab)
}

/// How the embedded lab is to be broken, and whom it is to imitate.
///
/// # Errors
/// [`Usage`] for what is not known, and if the lab is not the target.
pub(crate) fn lab_troubles(
    matches: &ArgMatches,
    wants_lab: bool,
    texts: Texts,
) -> anyhow::Result<(Vec<ActiveFault>, Vec<ActiveFault>)> {
    let faults = faults(matches, "lab-fault", texts)?;
    let mut personas = Vec::new();
    for value in matches.get_many::<String>("lab-persona").unwrap_or_default() {
        let parts = ehlo_lab::persona(value);
        personas.extend(parts.map_err(|error| Usage(texts.fill("cli/bad-persona", &[("why", &error)])))?);
    }
    let is_sound = faults.is_empty() && personas.is_empty();
    if !wants_lab && !is_sound {
        return Err(Usage(texts.get("cli/lab-fault-alone")).into());
    }
    Ok((faults, personas))
}

/// The embedded server, on free ports of both families.
///
/// # Errors
/// No ports to be had.
pub(crate) async fn start_lab(
    faults: Vec<ActiveFault>,
    personas: Vec<ActiveFault>,
) -> anyhow::Result<(Arc<Lab>, Running)> {
    let mut config = LabConfig::new(input::seed(), input::now());
    config.faults = faults;
    config.personas = personas;
    let lab = Lab::new(config)?;
    let ports = Ports { base: 0, ..Ports::default() };
    let running = Listeners::bind(&lab, &ports).await?.serve(&lab);
    Ok((lab, running))
}

pub(crate) fn lab_account(lab: &Lab, user: &str, texts: Texts) -> anyhow::Result<Credentials> {
    match lab.accounts().password(user) {
        Some(password) => Ok(Credentials { user: user.to_owned(), password, authzid: String::new() }),
        None => {
            let names: Vec<&str> = lab.accounts().names().collect();
            Err(Usage(texts.fill("cli/lab-no-account", &[("user", &user), ("names", &names.join(", "))]))
                .into())
        }
    }
}

/// Whether it is said where the password comes from.
pub(crate) fn names_password(matches: &ArgMatches) -> bool {
    text(matches, "password-file").is_some()
        || text(matches, "password-command").is_some()
        || std::env::var_os("EHLO_PASSWORD").is_some()
}

fn options(matches: &ArgMatches, lab: Option<&Lab>, texts: Texts) -> anyhow::Result<CheckOptions> {
    Ok(CheckOptions {
        connection: connection(matches, lab, texts)?,
        credentials: None,
        login: LoginOptions {
            mechanism: text(matches, "mechanism").map(str::to_owned),
            insecure_auth: matches.get_flag("insecure-auth"),
            no_secrets: lab.is_some(),
            ..LoginOptions::default()
        },
        tls_probe: Some(match (matches.get_flag("deep"), matches.get_flag("tls-list")) {
            (true, _) => TlsProbeMode::Deep,
            (false, true) => TlsProbeMode::List,
            (false, false) => TlsProbeMode::Proof,
        }),
        pace: pace(matches, texts)?,
        as_outside: matches.get_flag("as-outside"),
        extra: check_extra::extra(matches, texts)?,
    })
}

/// `--budget`, `--gap` and `--max-conn`
fn pace(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Pace> {
    let mut pace = Pace::default();
    if let Some(value) = text(matches, "budget") {
        let budget = value.parse().ok().filter(|number| (1..=Pace::MOST).contains(number));
        let expected = texts.fill("cli/a-number-up-to", &[("most", &Pace::MOST)]);
        pace.budget = budget.ok_or_else(|| input::wrong(texts, "--budget", value, &expected))?;
    }
    if let Some(gap) = time(matches, "gap", texts)? {
        pace.gap = gap;
    }
    if let Some(value) = text(matches, "max-conn") {
        let wrong = |_| input::wrong(texts, "--max-conn", value, &texts.get("cli/a-number"));
        pace.max_conn = Some(value.parse().map_err(wrong)?);
    }
    Ok(pace)
}

/// How connections are made: the flags of every command that makes them.
///
/// # Errors
/// [`Usage`] for a value that makes no sense, and files that cannot be read.
pub(crate) fn connection(
    matches: &ArgMatches,
    lab: Option<&Lab>,
    texts: Texts,
) -> anyhow::Result<ConnectionOptions> {
    let address = |name: &str| -> anyhow::Result<Option<IpAddr>> {
        optional(matches, name)
            .map(|value| {
                value.parse().map_err(|_| {
                    input::wrong(texts, &format!("--{name}"), value, &texts.get("cli/an-address")).into()
                })
            })
            .transpose()
    };
    let identity = identity(matches, texts)?;
    // Not every command introduces itself.
    let helo = matches.try_get_one::<String>("helo").ok().flatten().cloned().or_else(own_name);
    if let Some(name) = &helo
        && name.bytes().any(|b| b <= b' ' || b >= 127)
    {
        return Err(input::wrong(texts, "--helo", name, &texts.get("cli/a-host-name")).into());
    }
    Ok(ConnectionOptions {
        limits: limits(matches, texts)?,
        family: family(matches),
        connect: address("connect")?,
        connector: Connector { source: address("source")?, dialer: None },
        trust: Arc::new(trust(matches, lab)?),
        identity,
        sni: optional(matches, "sni").map(str::to_owned),
        helo,
        now: moment(matches, texts)?.unwrap_or_else(input::now),
        seed: input::seed(),
    })
}

/// `-4`, `-6`
pub(crate) fn family(matches: &ArgMatches) -> Option<Family> {
    match (matches.get_flag("ipv4"), matches.get_flag("ipv6")) {
        (true, false) => Some(Family::V4),
        (false, true) => Some(Family::V6),
        _ => None,
    }
}

/// `--client-cert` and `--client-key`
///
/// # Errors
/// One without the other, or files that cannot be read.
pub(crate) fn identity(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Option<ClientIdentity>> {
    match (text(matches, "client-cert"), text(matches, "client-key")) {
        (Some(certificate), Some(key)) => {
            Ok(Some(ClientIdentity::read(Path::new(certificate), Path::new(key))?))
        }
        (None, None) => Ok(None),
        _ => Err(Usage(texts.get("cli/client-cert-and-key")).into()),
    }
}

pub(crate) fn trust(matches: &ArgMatches, lab: Option<&Lab>) -> anyhow::Result<Trust> {
    let mut trust = match lab {
        Some(_) => Trust::only_given(),
        None => Trust::new(),
    };
    if let Some(lab) = lab {
        trust.give(lab.authority().root_der().clone());
    }
    for file in matches.get_many::<String>("ca").unwrap_or_default() {
        trust.give_file(Path::new(file))?;
    }
    for pin in matches.get_many::<String>("pin").unwrap_or_default() {
        trust.pin(pin).map_err(|e| Usage(e.to_string()))?;
    }
    Ok(trust)
}

pub(crate) fn limits(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Limits> {
    let mut limits = Limits::default();
    if let Some(all) = time(matches, "timeout", texts)? {
        (limits.connect, limits.greeting, limits.handshake, limits.command) = (all, all, all, all);
    }
    for (name, limit) in [
        ("connect-timeout", &mut limits.connect),
        ("greeting-timeout", &mut limits.greeting),
        ("handshake-timeout", &mut limits.handshake),
        ("command-timeout", &mut limits.command),
        ("service-deadline", &mut limits.service),
        ("deadline", &mut limits.total),
    ] {
        if let Some(value) = time(matches, name, texts)? {
            *limit = value;
        }
    }
    Ok(limits)
}

/// Reads the faults of a flag.
///
/// # Errors
/// [`Usage`] for one that is not known.
pub(crate) fn faults(matches: &ArgMatches, flag: &str, texts: Texts) -> anyhow::Result<Vec<ActiveFault>> {
    let values = matches.get_many::<String>(flag).unwrap_or_default();
    values
        .map(|value| {
            ActiveFault::parse(value)
                .map_err(|error| Usage(texts.fill("cli/bad-fault", &[("why", &error)])).into())
        })
        .collect()
}

fn moment(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Option<i64>> {
    // Not every command judges dates by another clock.
    let Some(value) = matches.try_get_one::<String>("now").ok().flatten() else { return Ok(None) };
    let wrong = || input::wrong(texts, "--now", value, &texts.get("cli/a-date")).into();
    input::moment(value).map(Some).ok_or_else(wrong)
}

fn role(name: &str) -> Option<Role> {
    [Role::Mx, Role::Submission, Role::Lmtp, Role::Access].into_iter().find(|r| r.id() == name)
}

/// This machine's name, if it is a full one.
pub(crate) fn own_name() -> Option<String> {
    let name = gethostname::gethostname().into_string().ok()?;
    let full =
        name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    full.then_some(name)
}

/// All dialogues of a run as a script.
fn script(report: &RunReport) -> String {
    let described: Vec<Described<'_>> = report
        .transcripts
        .iter()
        .filter_map(|transcript| {
            let url = transcript.label.split(' ').next().unwrap_or_default();
            let service = report.facts.services.iter().find(|s| s.url == url)?;
            Some(Described { transcript, url, protocol: service.endpoint.scheme.protocol() })
        })
        .collect();
    write_transcripts("ehlo check", &described)
}

/// The value of a flag that not every command has.
fn optional<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.try_get_one::<String>(name).ok().flatten().map(String::as_str)
}

pub(crate) fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

//! `ehlo lab`

mod lists;
mod log;
mod transcripts;
mod watch;

use crate::exit::{GOOD, Internal, Usage};
use crate::{check, input, lab_store, output};
use clap::ArgMatches;
use ehlo_core::{Address, Scheme};
use ehlo_lab::{Accounts, Lab, LabConfig, Listeners, Played, Ports, Running};
use ehlo_report::Texts;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the embedded server until it is told to stop.
///
/// # Errors
/// Wrong usage, a port in use, a file that cannot be read or written.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    if matches.get_flag("list-faults") {
        output::result(&lists::faults(texts))?;
        return Ok(GOOD);
    }
    if matches.get_flag("list-personas") {
        output::result(&lists::all_personas(texts))?;
        return Ok(GOOD);
    }
    if let Some(file) = matches.get_one::<String>("play") {
        return play_script(file, matches, texts);
    }
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let mut config = LabConfig::new(lists::seed(matches, texts)?, input::now());
    if let Some(domain) = text("domain") {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if domain.is_empty() || !domain.chars().all(good) {
            return Err(input::wrong(texts, "--domain", domain, &texts.get("cli/a-host-name")).into());
        }
        config.host_name = domain.to_ascii_lowercase();
    }
    config.accounts = accounts(matches, texts)?;
    config.personas = lists::chosen(matches, texts)?;
    config.faults = check::faults(matches, "fault", texts)?;
    crate::lab_logins::configure(&mut config, matches, texts)?;
    crate::lab_mail::configure(&mut config, matches, texts)?;
    lab_store::configure(&mut config, matches, texts)?;
    let ports = ports(matches, texts)?;
    config.names.extend(ports.addresses.iter().map(ToString::to_string).filter(|a| !is_wildcard(a)));

    let lab = Lab::new(config).map_err(|error| lab_store::told(error, texts))?;
    if let Some(file) = text("ca-out") {
        std::fs::write(file, lab.authority().root_pem()).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
    }
    crate::lab_logins::write_certificates(&lab, matches)?;
    let watch = watch::Watch::new(matches, &lab, texts)?;
    // Half of the cores: the programs that are tested against the lab want the others.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads((cores / 2).max(1))
        .enable_all()
        .build()
        .map_err(|e| Internal(e.to_string()))?;
    let watching = runtime.block_on(async {
        let running = Listeners::bind(&lab, &ports).await?.serve(&lab);
        let mut watching = watch.begin(&lab, &running).await?;
        let more = watching.introduction(texts);
        output::result(&introduction(&lab, &running, &more, text("ca-out"), texts))?;
        watching.show();
        wait_for_the_end().await;
        drop(running);
        Ok::<_, anyhow::Error>(watching)
    })?;
    // With the runtime go the connections, and with the lab who could say more.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    drop(lab);
    watching.end();
    Ok(GOOD)
}

/// Plays a script to every client, and tells how each did.
fn play_script(file: &str, matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let text = std::fs::read_to_string(file).map_err(|e| Usage(format!("{file}: {e}")))?;
    let script = match ehlo_script::parse(file, &text, &ehlo_runner::FileLoader) {
        Ok(script) => Arc::new(script),
        Err((files, errors)) => {
            let told = crate::run::load::told(&files, &errors, texts);
            return Err(Usage(format!("\n{}", told.trim_end())).into());
        }
    };
    let known = ["host", "domain", "user", "password", "user2", "password2"];
    let unknown = ehlo_script::undefined_names(&script, &known);
    if !unknown.is_empty() {
        let told = crate::run::load::told(&script.files, &unknown, texts);
        return Err(Usage(format!("\n{}", told.trim_end())).into());
    }
    if !script.header.plays_server {
        return Err(Usage(texts.fill("cli/play-role", &[("file", &file)])).into());
    }
    let protocol = script.header.protocol.unwrap_or(ehlo_core::Protocol::Smtp);
    let scheme = Scheme::from_name(protocol.id()).unwrap_or(Scheme::Smtp);
    let mut config = LabConfig::new(input::seed(), input::now());
    config.accounts = accounts(matches, texts)?;
    let ports = ports(matches, texts)?;
    let lab = Lab::new(config)?;
    if let Some(file) = matches.get_one::<String>("ca-out") {
        std::fs::write(file, lab.authority().root_pem()).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
    }
    let address = ports.addresses.first().copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let listener = std::net::TcpListener::bind((address, ports.of(scheme)))?;
    output::result(&format!("{scheme}://{}\n", listener.local_addr()?))?;
    let once = matches.get_flag("once");
    let mut good = true;
    ehlo_lab::play(&lab, scheme, &script, &listener, input::seed(), |played| {
        let said = match played {
            Played::Whole => texts.get("cli/played"),
            Played::Broken(error) => {
                good = false;
                texts.fill("cli/play-broken", &[("why", &error)])
            }
            Played::Wrong(problem) => {
                good = false;
                let place = &problem.place;
                let came = problem.received.clone().unwrap_or_else(|| texts.get("cli/play-hung-up"));
                format!("{}:{}\n- {}\n+ {came}", place.file, place.line, problem.expected)
            }
        };
        let _ = output::result(&format!("{said}\n"));
        !once
    })?;
    Ok(if good { GOOD } else { crate::exit::FOUND })
}

fn accounts(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Accounts> {
    let mut accounts = match matches.get_one::<String>("accounts") {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
            Accounts::read(&text).map_err(|e| Usage(format!("{file}: {}", account_error(&e, texts))))?
        }
        None if matches.contains_id("account") => Accounts::none(),
        None => Accounts::default(),
    };
    for account in matches.get_many::<String>("account").unwrap_or_default() {
        accounts.add(account).map_err(|e| Usage(account_error(&e, texts)))?;
    }
    Ok(accounts)
}

pub(crate) fn account_error(error: &ehlo_lab::AccountError, texts: Texts) -> String {
    let text = ehlo_core::escape(error.text.as_bytes());
    match error.line {
        0 => texts.fill("cli/bad-account", &[("text", &text)]),
        line => texts.fill("cli/bad-account-line", &[("line", &line), ("text", &text)]),
    }
}

fn ports(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Ports> {
    let mut ports = Ports::default();
    if let Some(addresses) = matches.get_many::<String>("listen") {
        let parse = |value: &String| {
            value
                .parse::<IpAddr>()
                .map_err(|_| input::wrong(texts, "--listen", value, &texts.get("cli/an-address")))
        };
        ports.addresses = addresses.map(parse).collect::<Result<_, _>>()?;
    }
    if let Some(base) = matches.get_one::<String>("port-base") {
        let wrong = || input::wrong(texts, "--port-base", base, &texts.get("cli/a-port-base"));
        ports.base = base.parse().ok().filter(|b| *b <= 64_000).ok_or_else(wrong)?;
    }
    for value in matches.get_many::<String>("port").unwrap_or_default() {
        let wrong = || input::wrong(texts, "--port", value, &texts.get("cli/a-scheme-port"));
        let (scheme, port) = value.split_once('=').ok_or_else(wrong)?;
        let scheme =
            Scheme::from_name(scheme).filter(|s| ehlo_lab::Service::SCHEMES.contains(s)).ok_or_else(wrong)?;
        ports.fixed.insert(scheme, port.parse().map_err(|_| wrong())?);
    }
    ports.lmtp_socket = matches.get_one::<String>("lmtp-socket").map(PathBuf::from);
    Ok(ports)
}

fn is_wildcard(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|a| a.is_unspecified())
}

/// What somebody needs to know to use it.
fn introduction(lab: &Lab, running: &Running, more: &str, ca: Option<&str>, texts: Texts) -> String {
    let mut out = texts.fill("cli/lab-ready", &[("domain", &lab.host_name())]);
    out.push('\n');
    let mut listed: Vec<(Scheme, Vec<String>)> = Vec::new();
    for (scheme, address) in running.addresses() {
        let shown = match address {
            Address::Ip(address) => format!("{scheme}://{address}"),
            Address::Unix(path) => {
                format!("lmtp+unix:{}", ehlo_core::escape(path.as_os_str().as_encoded_bytes()))
            }
        };
        match listed.iter_mut().find(|(s, _)| s == scheme) {
            Some((_, urls)) => urls.push(shown),
            None => listed.push((*scheme, vec![shown])),
        }
    }
    for (_, urls) in &listed {
        out.push_str(&format!("  {}\n", urls.join("  ")));
    }
    out.push_str(more);
    out.push_str(&texts.get("cli/lab-accounts"));
    out.push('\n');
    for name in lab.accounts().names() {
        let password = ehlo_wire::sasl::Passwords::password(lab.accounts(), name);
        let password = password.map_or(String::new(), |p| p.expose().clone());
        out.push_str(&format!("  {name} / {password}   {name}@{}\n", lab.host_name()));
    }
    match ca.map(Path::new) {
        Some(file) => out.push_str(&texts.fill("cli/lab-ca", &[("file", &file.display())])),
        None => out.push_str(&texts.get("cli/lab-no-ca")),
    }
    out.push('\n');
    out
}

async fn wait_for_the_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

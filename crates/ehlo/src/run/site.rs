//! Which server scripts run against, with which accounts and values.

use super::pair;
use crate::check::{self, text};
use crate::exit::Usage;
use crate::{input, profiles, secrets, targets};
use clap::ArgMatches;
use ehlo_core::{Address, Endpoint, Scheme, Secret, Target};
use ehlo_dialogue::Connector;
use ehlo_lab::{Lab, LabConfig, Listeners, Ports, Running};
use ehlo_report::Texts;
use ehlo_runner::{
    Account, Known, Maildrops, Profile, RunOptions, SecretSource, Service, Site, built_in_file,
};
use ehlo_script::Risk;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// How many accounts of the lab scripts may fill at once.
const LAB_MAILDROPS: usize = 8;

/// Everything that a run needs to know; the lab, if one was started, must live as long.
pub(super) async fn options(
    matches: &ArgMatches,
    texts: Texts,
) -> anyhow::Result<(RunOptions, Option<(Arc<Lab>, Running)>)> {
    let profile = text(matches, "profile")
        .map(|name| profiles::named(name, text(matches, "config"), texts))
        .transpose()?;
    let wanted = text(matches, "target")
        .map(|t| targets::read(&[t.to_owned()], texts))
        .transpose()?
        .and_then(|t| t.into_iter().next());
    let faults = check::faults(matches, "lab-fault", texts)?;
    let wants_lab = matches!(wanted, Some(Target::Lab(_))) || (wanted.is_none() && profile.is_none());
    if !faults.is_empty() && !wants_lab {
        return Err(Usage(texts.get("cli/lab-fault-alone")).into());
    }
    let lab = if wants_lab {
        let mut config = LabConfig::new(input::seed(), input::now());
        config.faults = faults;
        for number in 1..=LAB_MAILDROPS {
            let _ = config.accounts.add(&format!("probe{number}:probe{number}"));
        }
        let lab = Lab::new(config)?;
        let ports = Ports { base: 0, ..Ports::default() };
        let running = Listeners::bind(&lab, &ports).await?.serve(&lab);
        Some((lab, running))
    } else {
        None
    };
    let profile = match (&lab, profile) {
        (_, Some(profile)) => profile,
        // What the lab cannot do yet stands in its profile.
        (Some(_), None) => built_in_file("lab.toml")
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .map(ehlo_runner::profiles)
            .transpose()?
            .and_then(|mut found| found.remove("lab"))
            .unwrap_or_default(),
        (None, None) => Profile::default(),
    };
    let site = match (&lab, &wanted) {
        (Some((lab, running)), target) => of_lab(lab, running, target.as_ref()),
        (None, Some(target)) => of_target(target, texts)?,
        (None, None) => of_profile(&profile, text(matches, "profile").unwrap_or_default(), texts)?,
    };
    let host = site.services.first().map(|s| s.endpoint.host.clone()).unwrap_or_default();
    let mut variables: BTreeMap<String, String> = profile.vars.clone();
    let mut secret_names = Vec::new();
    for (name, source) in &profile.secrets {
        variables.insert(name.clone(), profiles::secret(source, texts)?);
        secret_names.push(name.clone());
    }
    for value in matches.get_many::<String>("var").unwrap_or_default() {
        let (name, value) = pair("--var", value, texts)?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    for value in matches.get_many::<String>("secret").unwrap_or_default() {
        let (name, source) = pair("--secret", value, texts)?;
        let source = SecretSource::parse(source)
            .ok_or_else(|| Usage(texts.fill("cli/bad-secret", &[("name", &name)])))?;
        variables.insert(name.to_owned(), profiles::secret(&source, texts)?);
        secret_names.push(name.to_owned());
    }
    let given = secrets::credentials(matches, Some(&host), false, texts);
    let (account, account2, maildrops) = match &lab {
        Some((lab, _)) => {
            let user = text(matches, "user").unwrap_or("benutzername");
            let of = |user: &str| {
                check::lab_account(lab, user, texts).map(|c| Account { user: c.user, password: c.password })
            };
            let probes = (1..=LAB_MAILDROPS).map(|n| format!("probe{n}"));
            let probes =
                probes.map(|name| Account { password: Secret::new(name.clone()), user: name }).collect();
            (Some(of(user)?), Some(of("alice")?), Maildrops::new(probes, true))
        }
        None => {
            let of = |account: &Option<ehlo_runner::ProfileAccount>| -> anyhow::Result<Option<Account>> {
                account
                    .as_ref()
                    .map(|a| {
                        Ok(Account {
                            user: a.user.clone(),
                            password: Secret::new(profiles::secret(&a.password, texts)?),
                        })
                    })
                    .transpose()
            };
            let account = match given? {
                Some(c) => Some(Account { user: c.user, password: c.password }),
                None => of(&profile.account)?,
            };
            let mut drops = Vec::new();
            for one in &profile.maildrop {
                drops.extend(of(&Some(one.clone()))?);
            }
            // Without accounts for tests alone the main one must do, if its maildrop is empty.
            let maildrops = match drops.is_empty() {
                true => Maildrops::new(account.iter().cloned().collect(), false),
                false => Maildrops::new(drops, true),
            };
            (account, of(&profile.account2)?, maildrops)
        }
    };
    predefine(
        &mut variables,
        matches,
        &profile,
        &host,
        account.as_ref(),
        lab.as_ref().map(|(lab, _)| &**lab),
    );
    let address = |name: &str| -> anyhow::Result<Option<IpAddr>> {
        let given = text(matches, name).map(str::to_owned);
        given
            .or_else(|| profile.connect.clone().filter(|_| name == "connect"))
            .map(|value| {
                value.parse().map_err(|_| {
                    input::wrong(texts, &format!("--{name}"), &value, &texts.get("cli/an-address")).into()
                })
            })
            .transpose()
    };
    let identity = check::identity(matches, texts)?;
    let mut trust = check::trust(matches, lab.as_ref().map(|(lab, _)| &**lab))?;
    for file in &profile.ca {
        trust.give_file(Path::new(file))?;
    }
    let number = |name: &str| -> anyhow::Result<Option<usize>> {
        text(matches, name)
            .map(|v| {
                let wrong =
                    || input::wrong(texts, &format!("--{name}"), v, &texts.get("cli/a-number")).into();
                v.parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(wrong)
            })
            .transpose()
    };
    let risk = match text(matches, "risk") {
        Some(word) => Risk::ALL.iter().find(|(w, _)| *w == word).map_or(Risk::ReadOnly, |(_, r)| *r),
        // Everything may be done to our own lab; a real server is not flooded, and gets no mail, without being asked.
        None if lab.is_some() => Risk::Disruptive,
        None => Risk::WritesOwn,
    };
    let words = |name: &str| -> Vec<String> {
        matches
            .get_many::<String>(name)
            .unwrap_or_default()
            .flat_map(|v| v.split(','))
            .map(str::to_owned)
            .collect()
    };
    let mut limits = check::limits(matches, texts)?;
    if text(matches, "deadline").is_none() {
        // A suite takes its time; what hangs is ended by the time that each script has.
        limits.total = std::time::Duration::from_secs(3600);
    }
    let mut resources = profile.resources.clone();
    if lab.is_some() {
        resources.push("lab".to_owned());
    }
    let options = RunOptions {
        site,
        limits,
        family: check::family(matches),
        connect: address("connect")?,
        connector: Connector { source: address("source")?, dialer: None },
        trust: Arc::new(trust),
        identity,
        insecure_auth: matches.get_flag("insecure-auth") || profile.insecure_auth,
        no_secrets: lab.is_some(),
        account,
        account2,
        maildrops,
        variables,
        secrets: secret_names,
        resources,
        known: profile.xfail.iter().cloned().map(Known::from).collect(),
        left_out: profile.skip.iter().cloned().map(Known::from).collect(),
        risk,
        tags: words("tag"),
        skip_tags: words("skip-tag"),
        strict: matches.get_flag("strict"),
        jobs: number("jobs")?.unwrap_or(if lab.is_some() { 8 } else { 4 }),
        until: number("until")?,
        now: input::now(),
        seed: input::seed(),
    };
    Ok((options, lab))
}

fn of_lab(lab: &Lab, running: &Running, target: Option<&Target>) -> Site {
    let only = match target {
        Some(Target::Lab(scheme)) => *scheme,
        _ => None,
    };
    let mut services: Vec<Service> = Vec::new();
    for (scheme, address) in running.addresses() {
        if only.is_some_and(|o| o != *scheme) {
            continue;
        }
        let port = match address {
            Address::Ip(address) => Some(address.port()),
            Address::Unix(_) => None,
        };
        match services.iter_mut().find(|s| s.endpoint.scheme == *scheme) {
            Some(service) => service.addresses.get_or_insert_default().push(address.clone()),
            None => services.push(Service {
                endpoint: Endpoint::new(*scheme, lab.host_name(), port),
                addresses: Some(vec![address.clone()]),
            }),
        }
    }
    sort(&mut services);
    Site { name: "lab".to_owned(), services }
}

fn of_target(target: &Target, texts: Texts) -> anyhow::Result<Site> {
    let services = match target {
        Target::Service(endpoint) => vec![Service { endpoint: endpoint.clone(), addresses: None }],
        Target::Host(host) => {
            let of =
                |&scheme: &Scheme| Service { endpoint: Endpoint::new(scheme, host, None), addresses: None };
            Scheme::OF_A_HOST.iter().map(of).collect()
        }
        Target::HostPort(host, port) => {
            return Err(Usage(texts.fill("cli/run-needs-scheme", &[("host", host), ("port", port)])).into());
        }
        Target::Mailbox(address) => {
            let target = ehlo_core::escape(address.as_bytes());
            return Err(Usage(texts.fill("cli/mailbox-target", &[("target", &target)])).into());
        }
        Target::Lab(_) => Vec::new(),
    };
    let name = match target {
        Target::Service(endpoint) => endpoint.to_string(),
        Target::Host(host) => ehlo_core::escape(host.as_bytes()),
        _ => String::new(),
    };
    Ok(Site { name, services })
}

fn of_profile(profile: &Profile, name: &str, texts: Texts) -> anyhow::Result<Site> {
    let of = |endpoint| Service { endpoint, addresses: None };
    let mut services: Vec<Service> = profiles::endpoints(profile, name, texts)?.into_iter().map(of).collect();
    sort(&mut services);
    Ok(Site { name: name.to_owned(), services })
}

/// The service that a script means if it names none comes first: the plain port, where everything can be seen.
fn sort(services: &mut [Service]) {
    services.sort_by_key(|s| match s.endpoint.scheme {
        Scheme::Smtp => 0,
        Scheme::Submission => 1,
        Scheme::Submissions => 2,
        other => 3 + u8::from(other.name().ends_with('s')),
    });
}

/// The values that every script may use, where they are known.
fn predefine(
    variables: &mut BTreeMap<String, String>,
    matches: &ArgMatches,
    profile: &Profile,
    host: &str,
    account: Option<&Account>,
    lab: Option<&Lab>,
) {
    let mut default = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            variables.entry(name.to_owned()).or_insert(value);
        }
    };
    let helo =
        text(matches, "helo").map(str::to_owned).or_else(|| profile.helo.clone()).or_else(check::own_name);
    default("helo", Some(helo.unwrap_or_else(|| "[127.0.0.1]".to_owned())));
    default("host", Some(host.to_owned()));
    let user_domain = account.and_then(|a| a.user.split_once('@')).map(|(_, d)| d.to_owned());
    default("domain", user_domain.or_else(|| lab.map(|l| l.host_name().to_owned())));
    default("foreign", Some("someone@example.com".to_owned()));
    let Some(domain) = variables.get("domain").cloned() else { return };
    let mut default = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            variables.entry(name.to_owned()).or_insert(value);
        }
    };
    let own =
        account.map(|a| if a.user.contains('@') { a.user.clone() } else { format!("{}@{domain}", a.user) });
    default("sender", own.clone());
    default("nobody", Some(format!("ehlo-nobody@{domain}")));
    if let Some(lab) = lab {
        let master = lab.accounts().master();
        default("master", master.map(|(name, _)| name.to_owned()));
        default("master_password", master.map(|(_, password)| password.to_owned()));
        default("rcpt", Some(format!("alice@{domain}")));
        default("rcpt2", Some(format!("name@{domain}")));
    } else {
        default("rcpt", own);
    }
}

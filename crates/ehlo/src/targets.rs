//! From what a user names to the services that are examined.

use crate::exit::Usage;
use ehlo_check::{Job, detect};
use ehlo_core::{Address, Endpoint, Role, Scheme, Target, escape};
use ehlo_dialogue::ConnectionOptions;
use ehlo_lab::{Lab, Running, Service};
use ehlo_report::Texts;

/// Reads the targets: the words of the command line, or lines of standard input for `-`.
///
/// # Errors
/// [`Usage`] that names the first that is wrong.
pub(crate) fn read(words: &[String], texts: Texts) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for word in words {
        if word == "-" {
            for line in std::io::stdin().lines() {
                let line = line?;
                let line = line.trim();
                if !line.is_empty() && !line.starts_with('#') {
                    targets.push(parse(line, texts)?);
                }
            }
        } else {
            targets.push(parse(word, texts)?);
        }
    }
    Ok(targets)
}

fn parse(text: &str, texts: Texts) -> anyhow::Result<Target> {
    Target::parse(text).map_err(|error| {
        let why = texts.get(&format!("cli/target-{}", error.id()));
        Usage(texts.fill("cli/bad-target", &[("target", &shown(text)), ("why", &why)])).into()
    })
}

/// A target as it may be shown: never with a password in it.
fn shown(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) if text.contains(':') => format!("…@{}", escape(host.as_bytes())),
        _ => escape(text.as_bytes()),
    }
}

/// The host of a target, for `~/.netrc`.
pub(crate) fn host(target: &Target) -> Option<&str> {
    match target {
        Target::Service(endpoint) => Some(&endpoint.host),
        Target::Host(host) | Target::HostPort(host, _) => Some(host),
        Target::Lab(_) | Target::Mailbox(_) => None,
    }
}

/// The services that the targets name.
///
/// # Errors
/// [`Usage`] for what needs DNS or cannot be told; a failure to reach a port whose protocol must be found out.
pub(crate) async fn jobs(
    targets: &[Target],
    role: Option<Role>,
    options: &ConnectionOptions,
    lab: Option<(&Lab, &Running)>,
    texts: Texts,
) -> anyhow::Result<Vec<Job>> {
    let mut jobs: Vec<Job> = Vec::new();
    for target in targets {
        let mut found = match target {
            Target::Service(endpoint) => vec![Job::single(endpoint.clone())],
            Target::Host(host) => of_host(host),
            Target::HostPort(host, port) => match detect(host, *port, options).await {
                Ok(Some(scheme)) => vec![Job::single(Endpoint::new(scheme, host, Some(*port)))],
                Ok(None) => {
                    anyhow::bail!(texts.fill("cli/unknown-protocol", &[("host", host), ("port", port)]));
                }
                Err(failure) => {
                    let cause = ehlo_report::failure_text(texts, &failure);
                    anyhow::bail!("{}:{port}: {cause}", escape(host.as_bytes()));
                }
            },
            Target::Lab(scheme) => match lab {
                Some((lab, running)) => of_lab(*scheme, lab, running),
                None => Vec::new(),
            },
            Target::Mailbox(address) => {
                return Err(Usage(
                    texts.fill("cli/mailbox-target", &[("target", &escape(address.as_bytes()))]),
                )
                .into());
            }
        };
        if let Target::Lab(Some(scheme)) = target
            && found.is_empty()
        {
            return Err(Usage(texts.fill("cli/lab-has-none", &[("scheme", scheme)])).into());
        }
        if let Some(role) = role {
            for job in &mut found {
                job.endpoint.role = role;
            }
        }
        for job in found {
            if !jobs.iter().any(|known| known.url == job.url) {
                jobs.push(job);
            }
        }
    }
    Ok(jobs)
}

fn of_host(host: &str) -> Vec<Job> {
    let job = |&scheme: &Scheme| {
        let mut endpoint = Endpoint::new(scheme, host, None);
        endpoint.explicit = false;
        Job { host_group: Some(host.to_owned()), ..Job::single(endpoint) }
    };
    Scheme::OF_A_HOST.iter().map(job).collect()
}

fn of_lab(wanted: Option<Scheme>, lab: &Lab, running: &Running) -> Vec<Job> {
    let mut jobs = Vec::new();
    for &scheme in Service::SCHEMES.iter().filter(|s| wanted.is_none_or(|w| w == **s)) {
        let addresses: Vec<Address> =
            running.addresses().iter().filter(|(s, _)| *s == scheme).map(|(_, a)| a.clone()).collect();
        let port = addresses.iter().find_map(|a| match a {
            Address::Ip(address) => Some(address.port()),
            Address::Unix(_) => None,
        });
        let mut endpoint = Endpoint::new(scheme, lab.host_name(), port);
        endpoint.explicit = wanted.is_some();
        jobs.push(Job {
            endpoint,
            // Its ports are new each time; its name is not.
            url: format!("{scheme}://lab"),
            host_group: wanted.is_none().then(|| "lab".to_owned()),
            addresses: Some(addresses),
            lab: true,
        });
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_targets_are_not_repeated() {
        assert_eq!(shown("imaps://bob:secret@host"), "…@host");
        assert_eq!(shown("bob@host"), "bob@host");
    }
}

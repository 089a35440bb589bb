//! Where the console connects to, and as whom.

use crate::check::{self, text};
use crate::exit::Usage;
use crate::{input, secrets, targets};
use clap::ArgMatches;
use ehlo_core::{Address, Endpoint, Failure, Masker, Protocol, Scheme, Target, Transcript, TranscriptId};
use ehlo_dialogue::{Clock, ConnectionOptions, Connector, Dialogue, DialogueOptions};
use ehlo_lab::{Lab, Running};
use ehlo_report::Texts;
use ehlo_wire::sasl::Credentials;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Nobody sits in front of a console for longer.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The server, and what is known about it before anything is said.
pub(super) struct Site {
    /// The service.
    pub(super) endpoint: Endpoint,
    addresses: Option<Vec<Address>>,
    /// How connections are made.
    pub(super) options: ConnectionOptions,
    /// The embedded server, if that is meant; it lives as long as this.
    pub(super) lab: Option<(Arc<Lab>, Running)>,
    /// Who logs in, if that is known.
    pub(super) credentials: Option<Credentials>,
    /// The user who was named.
    pub(super) user: Option<String>,
    serial: u32,
    /// The protocol is one that nobody knows: `tcp://`, `tls://`.
    pub(super) raw: bool,
}

impl Site {
    /// Reads the target and the flags.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) async fn read(target: &str, matches: &ArgMatches, texts: Texts) -> anyhow::Result<Site> {
        let raw = of_raw(target, texts)?;
        let is_raw = raw.is_some();
        let target = match raw {
            Some(endpoint) => Some(Target::Service(endpoint)),
            None => targets::read(&[target.to_owned()], texts)?.into_iter().next(),
        };
        let Some(target) = target else {
            return Err(Usage(texts.get("cli/no-target")).into());
        };
        let wants_lab = matches!(target, Target::Lab(_));
        let (faults, personas) = check::lab_troubles(matches, wants_lab, texts)?;
        let lab = if wants_lab { Some(check::start_lab(faults, personas).await?) } else { None };
        let options = options(matches, lab.as_ref().map(|(lab, _)| &**lab), texts)?;
        let (endpoint, addresses) = match &target {
            Target::Service(endpoint) => (endpoint.clone(), None),
            Target::HostPort(host, port) => (detected(host, *port, &options, texts).await?, None),
            Target::Lab(scheme) => match &lab {
                Some(lab) => of_lab(scheme.unwrap_or(Scheme::Smtp), lab, texts)?,
                None => return Err(Usage(texts.get("cli/no-target")).into()),
            },
            Target::Host(host) => {
                let host = ehlo_core::escape(host.as_bytes());
                return Err(Usage(texts.fill("cli/talk-needs-scheme", &[("host", &host)])).into());
            }
            Target::Mailbox(address) => {
                let target = ehlo_core::escape(address.as_bytes());
                return Err(Usage(texts.fill("cli/mailbox-target", &[("target", &target)])).into());
            }
        };
        let user = text(matches, "user").map(str::to_owned);
        let named = ["password-file", "password-command"].iter().any(|f| text(matches, f).is_some())
            || std::env::var_os("EHLO_PASSWORD").is_some();
        let credentials = match (&lab, &user) {
            (Some((lab, _)), Some(user)) if !named => Some(check::lab_account(lab, user, texts)?),
            // A password that must be asked for is asked for when it is needed.
            (_, Some(_)) if named || endpoint.path.is_none() => {
                secrets::known(matches, &endpoint.host, texts)?
            }
            _ => None,
        };
        Ok(Site { endpoint, addresses, options, lab, credentials, user, serial: 0, raw: is_raw })
    }

    /// What is spoken.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        (!self.raw).then(|| self.endpoint.scheme.protocol())
    }

    /// The address to be shown to people: the name that was typed.
    pub(super) fn url(&self) -> String {
        match self.lab {
            Some(_) => format!("{}://lab", self.endpoint.scheme),
            None if self.raw => {
                let scheme = if self.endpoint.scheme == Scheme::Submissions { "tls" } else { "tcp" };
                format!(
                    "{scheme}://{}:{}",
                    ehlo_core::escape(self.endpoint.host.as_bytes()),
                    self.endpoint.port
                )
            }
            None => self.endpoint.to_string(),
        }
    }

    /// Goes to another target from now on. Nothing that was allowed for the first holds for it.
    ///
    /// # Errors
    /// The text of what is wrong.
    pub(super) fn retarget(&mut self, target: &str, texts: Texts) -> anyhow::Result<()> {
        let target = targets::read(&[target.to_owned()], texts)?.into_iter().next();
        match (target, &self.lab) {
            (Some(Target::Service(endpoint)), None) => {
                if endpoint.host != self.endpoint.host {
                    self.credentials = None;
                    self.user = None;
                }
                self.endpoint = endpoint;
                self.raw = false;
                self.addresses = None;
                Ok(())
            }
            (Some(Target::Lab(scheme)), Some(lab)) => {
                let scheme = scheme.unwrap_or(Scheme::Smtp);
                (self.endpoint, self.addresses) = of_lab(scheme, lab, texts)?;
                Ok(())
            }
            (_, Some(_)) => anyhow::bail!(texts.get("cli/lab-alone")),
            _ => anyhow::bail!(texts.fill("cli/talk-needs-scheme", &[("host", &"mail.example.org")])),
        }
    }

    /// Connects: to the first address that answers.
    ///
    /// # Errors
    /// Why none of them does, and the transcripts that show it.
    pub(super) async fn open(
        &mut self,
        clock: Clock,
    ) -> Result<(Dialogue, Address), (Failure, Vec<Transcript>)> {
        let addresses = match self.options.addresses(&self.endpoint, self.addresses.as_deref()).await {
            Ok(addresses) => addresses,
            Err(failure) => return Err((failure, Vec::new())),
        };
        let mut last = None;
        let mut transcripts = Vec::new();
        for address in addresses {
            let number = self.serial;
            self.serial += 1;
            let label = format!("{} ({number})", self.url());
            let transcript = Transcript::new(TranscriptId(number), label, self.options.limits.stream_bytes);
            let mut masker = Masker::new();
            if let Some(credentials) = &self.credentials {
                masker.learn(credentials.password.expose().as_bytes());
            }
            let made = DialogueOptions {
                protocol: self.endpoint.scheme.protocol(),
                host: self.endpoint.host.clone(),
                limits: self.options.limits.clone(),
                deadline: Instant::now() + LONGEST,
                tls: self.options.tls_settings(),
                masker,
                seed: self.options.seed.wrapping_add(u64::from(number)),
            };
            match Dialogue::open(&self.options.connector, &address, made, clock, transcript).await {
                Ok(dialogue) => return Ok((dialogue, address)),
                Err((failure, transcript)) => {
                    transcripts.push(transcript);
                    last = Some(failure);
                }
            }
        }
        let none = || {
            let cause = ehlo_core::Cause::NoAddress { detail: self.endpoint.host.clone() };
            Failure::new(ehlo_core::Stage::Resolve, cause)
        };
        Err((last.unwrap_or_else(none), transcripts))
    }
}

/// A service whose protocol nobody knows. It is carried as if it were one that is connected in the same way; what is
/// said is not looked at.
fn of_raw(target: &str, texts: Texts) -> anyhow::Result<Option<Endpoint>> {
    let (scheme, rest) = match target.split_once("://") {
        Some(("tcp", rest)) => (Scheme::Smtp, rest),
        Some(("tls", rest)) => (Scheme::Submissions, rest),
        _ => return Ok(None),
    };
    let has_port =
        rest.rsplit_once(':').is_some_and(|(_, p)| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if !has_port {
        return Err(Usage(texts.get("cli/talk-raw-port")).into());
    }
    match targets::read(&[format!("{scheme}://{rest}")], texts)?.into_iter().next() {
        Some(Target::Service(endpoint)) => Ok(Some(endpoint)),
        _ => Err(Usage(texts.get("cli/talk-raw-port")).into()),
    }
}

async fn detected(
    host: &str,
    port: u16,
    options: &ConnectionOptions,
    texts: Texts,
) -> anyhow::Result<Endpoint> {
    match ehlo_check::detect(host, port, options).await {
        Ok(Some(scheme)) => Ok(Endpoint::new(scheme, host, Some(port))),
        Ok(None) => anyhow::bail!(texts.fill("cli/unknown-protocol", &[("host", &host), ("port", &port)])),
        Err(failure) => {
            let cause = ehlo_report::failure_text(texts, &failure);
            anyhow::bail!("{}:{port}: {cause}", ehlo_core::escape(host.as_bytes()));
        }
    }
}

fn of_lab(
    scheme: Scheme,
    (lab, running): &(Arc<Lab>, Running),
    texts: Texts,
) -> anyhow::Result<(Endpoint, Option<Vec<Address>>)> {
    let addresses: Vec<Address> =
        running.addresses().iter().filter(|(s, _)| *s == scheme).map(|(_, a)| a.clone()).collect();
    let port = addresses.iter().find_map(|a| match a {
        Address::Ip(address) => Some(address.port()),
        Address::Unix(_) => None,
    });
    if addresses.is_empty() {
        return Err(Usage(texts.fill("cli/lab-has-none", &[("scheme", &scheme)])).into());
    }
    Ok((Endpoint::new(scheme, lab.host_name(), port), Some(addresses)))
}

fn options(matches: &ArgMatches, lab: Option<&Lab>, texts: Texts) -> anyhow::Result<ConnectionOptions> {
    let address = |name: &str| -> anyhow::Result<Option<IpAddr>> {
        let wrong = |value: &str| {
            input::wrong(texts, &format!("--{name}"), value, &texts.get("cli/an-address")).into()
        };
        text(matches, name).map(|value| value.parse().map_err(|_| wrong(value))).transpose()
    };
    let helo = text(matches, "helo").map(str::to_owned).or_else(check::own_name);
    if let Some(name) = &helo
        && name.bytes().any(|b| b <= b' ' || b >= 127)
    {
        return Err(input::wrong(texts, "--helo", name, &texts.get("cli/a-host-name")).into());
    }
    let mut limits = check::limits(matches, texts)?;
    // Somebody reads along: what is merely long is shown, and a flood is ended by Ctrl-C. The caps keep memory in hand.
    limits.line = 1 << 20;
    limits.imap_line = 1 << 20;
    limits.reply_lines = 1_000_000;
    limits.reply_bytes = 64 << 20;
    limits.stream_bytes = 256 << 20;
    Ok(ConnectionOptions {
        limits,
        family: check::family(matches),
        connect: address("connect")?,
        connector: Connector { source: address("source")?, dialer: None },
        trust: Arc::new(check::trust(matches, lab)?),
        identity: check::identity(matches, texts)?,
        sni: text(matches, "sni").map(str::to_owned),
        helo,
        now: input::now(),
        seed: input::seed(),
    })
}

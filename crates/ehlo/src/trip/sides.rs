//! The two ends of a trip: where a message is given in, and the mailbox where it is to arrive.

use crate::check::{self, text};
use crate::exit::{Internal, Usage};
use crate::secrets::{Named, named_password};
use crate::send::first_that_answers;
use crate::send::values::one_address;
use crate::{profiles, targets};
use clap::ArgMatches;
use ehlo_action::send::{Mailbox, mailbox};
use ehlo_core::{Protocol, Scheme, Secret, Target};
use ehlo_dialogue::ConnectionOptions;
use ehlo_lab::{Lab, Running};
use ehlo_report::Texts;
use ehlo_runner::Profile;
use ehlo_wire::sasl::Credentials;
use std::path::Path;
use std::sync::Arc;

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    From,
    To,
}

impl End {
    fn flag(self, rest: &str) -> String {
        let side = if self == End::From { "from" } else { "to" };
        if rest.is_empty() { side.to_owned() } else { format!("{side}-{rest}") }
    }

    /// The account of the embedded lab, if nobody is named.
    fn at_lab(self) -> &'static str {
        if self == End::From { "alice" } else { "benutzername" }
    }

    /// The services of a host, in the order in which they are tried.
    fn order(self, with_login: bool) -> &'static [Scheme] {
        match (self, with_login) {
            (End::From, true) => &[Scheme::Submissions, Scheme::Submission, Scheme::Smtp, Scheme::Lmtp],
            // Without a login it is given in as by another server.
            (End::From, false) => &[Scheme::Smtp, Scheme::Lmtp, Scheme::Submission, Scheme::Submissions],
            (End::To, _) => &[Scheme::Imaps, Scheme::Imap, Scheme::Pop3s, Scheme::Pop3],
        }
    }

    fn takes(self, scheme: Scheme) -> bool {
        match self {
            End::From => matches!(scheme.protocol(), Protocol::Smtp | Protocol::Lmtp),
            End::To => matches!(scheme.protocol(), Protocol::Imap | Protocol::Pop3),
        }
    }
}

/// Both ends, as the command line names them.
pub(super) struct Sides {
    pub(super) from: Asked,
    pub(super) to: Asked,
}

/// One end, as the command line names it.
pub(super) struct Asked {
    end: End,
    target: Option<Target>,
    profile: Option<(String, Profile)>,
    other_stdin: bool,
}

/// One end, as it is used.
pub(super) struct Side {
    end: End,
    pub(super) target: ehlo_action::Target,
    pub(super) connection: ConnectionOptions,
    pub(super) credentials: Option<Credentials>,
    pub(super) mechanism: Option<String>,
    pub(super) insecure_auth: bool,
    pub(super) stdin_taken: bool,
    address: Option<Mailbox>,
    /// The domain of the lab, whose accounts all have an address.
    domain: Option<String>,
}

impl Sides {
    /// Reads the command line.
    ///
    /// # Errors
    /// [`Usage`](crate::exit::Usage) for targets that are missing or are none, and profiles that there are not.
    pub(super) fn read(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Sides> {
        let words: Vec<String> = matches.get_many::<String>("target").unwrap_or_default().cloned().collect();
        let profile = |end: End| -> anyhow::Result<Option<(String, Profile)>> {
            let Some(name) = text(matches, &end.flag("profile")) else { return Ok(None) };
            Ok(Some((name.to_owned(), profiles::named(name, text(matches, "config"), texts)?)))
        };
        let (from, to) = (profile(End::From)?, profile(End::To)?);
        if words.iter().any(|word| word == "-") {
            return Err(Usage(texts.get("cli/trip-targets")).into());
        }
        let mut wanted = targets::read(&words, texts)?;
        let (from_target, to_target) = match (wanted.len(), from.is_some(), to.is_some()) {
            (2, ..) => {
                let to = wanted.pop();
                (wanted.pop(), to)
            }
            (1, true, false) => (None, wanted.pop()),
            (1, false, true) => (wanted.pop(), None),
            (0, true, true) => (None, None),
            _ => return Err(Usage(texts.get("cli/trip-targets")).into()),
        };
        let stdin = |end: End| text(matches, &end.flag("password-file")) == Some("-");
        if stdin(End::From) && stdin(End::To) {
            return Err(Usage(texts.get("cli/trip-one-stdin")).into());
        }
        Ok(Sides {
            from: Asked { end: End::From, target: from_target, profile: from, other_stdin: stdin(End::To) },
            to: Asked { end: End::To, target: to_target, profile: to, other_stdin: stdin(End::From) },
        })
    }

    /// What both name.
    pub(super) fn targets(&self) -> Vec<Target> {
        // A profile is a server, and not the lab.
        let of = |asked: &Asked| match (&asked.target, &asked.profile) {
            (Some(target), _) => Some(target.clone()),
            (None, Some((_, profile))) => profile.host.clone().map(Target::Host),
            (None, None) => None,
        };
        [&self.from, &self.to].into_iter().filter_map(of).collect()
    }
}

impl Asked {
    /// Finds the service and the account.
    ///
    /// # Errors
    /// Wrong usage, a password that cannot be had, a host that cannot be looked at.
    pub(super) async fn resolve(
        &self,
        matches: &ArgMatches,
        connection: &ConnectionOptions,
        lab: Option<(&Lab, &Running)>,
        texts: Texts,
    ) -> anyhow::Result<Side> {
        let end = self.end;
        let mut connection = connection.clone();
        let profile = self.profile.as_ref().map(|(_, profile)| profile);
        if let Some(profile) = profile {
            let mut trust = check::trust(matches, None)?;
            for file in &profile.ca {
                trust.give_file(Path::new(file))?;
            }
            connection.trust = Arc::new(trust);
            if let Some(address) = &profile.connect {
                let wrong = || crate::input::wrong(texts, "connect", address, &texts.get("cli/an-address"));
                connection.connect = Some(address.parse().map_err(|_| wrong())?);
            }
            if text(matches, "helo").is_none() {
                connection.helo = profiles::helo(Some(profile)).or(connection.helo);
            }
        }
        let mut among: Vec<ehlo_action::Target> = match (&self.target, &self.profile) {
            (Some(target), _) => {
                let jobs = targets::jobs(std::slice::from_ref(target), None, &connection, lab, texts).await?;
                jobs.into_iter()
                    .map(|job| ehlo_action::Target {
                        endpoint: job.endpoint,
                        url: job.url,
                        addresses: job.addresses,
                    })
                    .collect()
            }
            (None, Some((name, profile))) => profiles::endpoints(profile, name, texts)?
                .into_iter()
                .map(|endpoint| ehlo_action::Target { url: endpoint.to_string(), endpoint, addresses: None })
                .collect(),
            (None, None) => Vec::new(),
        };
        if let [only] = among.as_slice()
            && !end.takes(only.endpoint.scheme)
        {
            let key = if end == End::From { "cli/trip-from-scheme" } else { "cli/trip-to-scheme" };
            return Err(Usage(texts.fill(key, &[("scheme", &only.endpoint.scheme)])).into());
        }
        let user = self.user(matches, lab.is_some(), &among);
        among.retain(|target| end.takes(target.endpoint.scheme));
        let order = end.order(user.is_some());
        among.sort_by_key(|target| order.iter().position(|s| *s == target.endpoint.scheme));
        if among.is_empty() {
            return Err(Internal("no service".into()).into());
        }
        let target = first_that_answers(among, &connection).await?;
        let host = lab.is_none().then(|| target.endpoint.host.clone());
        let (credentials, stdin_taken) = self.credentials(matches, user, lab, host.as_deref(), texts)?;
        Ok(Side {
            end,
            target,
            connection,
            credentials,
            mechanism: text(matches, &end.flag("mechanism")).map(str::to_owned),
            insecure_auth: profile.is_some_and(|profile| profile.insecure_auth),
            stdin_taken,
            address: one_address(matches, &end.flag(""), texts)?,
            domain: lab.map(|(lab, _)| lab.host_name().to_owned()),
        })
    }

    /// Who logs in, if anybody.
    fn user(&self, matches: &ArgMatches, is_lab: bool, among: &[ehlo_action::Target]) -> Option<String> {
        let of_profile = || self.profile.as_ref()?.1.account.as_ref().map(|account| account.user.clone());
        // Between servers nobody logs in.
        let logs_in = among.iter().any(|target| {
            !matches!(target.endpoint.scheme, Scheme::Smtp | Scheme::Lmtp)
                && self.end.takes(target.endpoint.scheme)
        });
        let of_lab = || (is_lab && logs_in).then(|| self.end.at_lab().to_owned());
        text(matches, &self.end.flag("user")).map(str::to_owned).or_else(of_profile).or_else(of_lab)
    }

    fn credentials(
        &self,
        matches: &ArgMatches,
        user: Option<String>,
        lab: Option<(&Lab, &Running)>,
        host: Option<&str>,
        texts: Texts,
    ) -> anyhow::Result<(Option<Credentials>, bool)> {
        let end = self.end;
        let (file, command) = (end.flag("password-file"), end.flag("password-command"));
        let variables: &[&str] = match end {
            End::From => &["EHLO_FROM_PASSWORD", "EHLO_PASSWORD"],
            End::To => &["EHLO_TO_PASSWORD", "EHLO_PASSWORD"],
        };
        let named = Named { file: text(matches, &file), command: text(matches, &command), variables };
        let Some(user) = user else {
            let said =
                [(&file, named.file), (&command, named.command)].into_iter().find(|(_, v)| v.is_some());
            return match said {
                Some((flag, _)) => {
                    let (flag, user) = (format!("--{flag}"), format!("--{}", end.flag("user")));
                    let places: [(&str, &dyn std::fmt::Display); 2] = [("flag", &flag), ("user", &user)];
                    Err(Usage(texts.fill("cli/trip-password-without-user", &places)).into())
                }
                None => Ok((None, false)),
            };
        };
        let of_profile = self.profile.as_ref().and_then(|(_, profile)| profile.account.as_ref());
        let stdin_taken = named.file == Some("-");
        let password = match (lab, of_profile) {
            (Some((lab, _)), _) if !named.is_said() => {
                return Ok((Some(check::lab_account(lab, &user, texts)?), false));
            }
            (_, Some(account)) if account.user == user && named.file.or(named.command).is_none() => {
                Secret::new(profiles::secret(&account.password, texts)?)
            }
            _ => named_password(&named, &user, host, self.other_stdin, texts)?,
        };
        Ok((Some(Credentials { user, password, authzid: String::new() }), stdin_taken))
    }
}

impl Side {
    /// The address that belongs to it.
    ///
    /// # Errors
    /// [`Usage`](crate::exit::Usage) if it is not said and cannot be told from the account.
    pub(super) fn address(&self, texts: Texts) -> anyhow::Result<Mailbox> {
        // Who sends may be nobody; to nobody nothing can be sent.
        if let Some(address) = &self.address
            && (self.end == End::From || !address.address.is_empty())
        {
            return Ok(address.clone());
        }
        let user = self.credentials.as_ref().map(|c| c.user.clone());
        let guess = match (user, &self.domain) {
            (Some(user), _) if user.contains('@') => Some(user),
            (Some(user), Some(domain)) => Some(format!("{user}@{domain}")),
            // To the lab somebody writes who is no account of it.
            (None, Some(_)) if self.end == End::From => Some("joe@example.test".to_owned()),
            _ => None,
        };
        let flag = format!("--{}", self.end.flag(""));
        let missing = || Usage(texts.fill("cli/trip-no-address", &[("flag", &flag)]));
        Ok(mailbox(&guess.ok_or_else(missing)?).map_err(|_| missing())?)
    }
}

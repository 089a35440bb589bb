//! What `ehlo check` may do beyond looking: flags, the plan, and the mailboxes that are looked into.

use crate::exit::Usage;
use crate::{input, output, secrets, targets};
use clap::ArgMatches;
use ehlo_action::Target;
use ehlo_action::mailbox::{Lookout, MailboxOptions};
use ehlo_check::{Arriving, CHECKS, CheckOptions, Extra, Manner, Outside, Question, Selection};
use ehlo_core::{Protocol, TlsMode};
use ehlo_lab::{Lab, Running};
use ehlo_report::{Texts, wrapped};
use ehlo_wire::sasl::Credentials;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often the mailbox elsewhere is looked into where it does not tell by itself.
const INTERVAL: Duration = Duration::from_secs(3);

/// `--allow`, `--relay-to`, `--own-mailbox`
///
/// # Errors
/// [`Usage`] for what is no check that can be allowed, and for an address without its check.
pub(crate) fn extra(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Extra> {
    let values = matches.get_many::<String>("allow").unwrap_or_default();
    let allow: Vec<String> = values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let opt_in: Vec<&str> =
        CHECKS.iter().map(|c| c.meta()).filter(|m| m.manner == Manner::OptIn).map(|m| m.id).collect();
    if let Some(unknown) = allow.iter().find(|name| *name != "opt-in" && !opt_in.contains(&name.as_str())) {
        let names = opt_in.join(", ");
        return Err(Usage(texts.fill("cli/not-opt-in", &[("name", unknown), ("names", &names)])).into());
    }
    let extra = Extra {
        allow,
        relay_to: address(matches, "relay-to", texts)?,
        outside: None,
        own_mailbox: address(matches, "own-mailbox", texts)?,
        inbox: None,
    };
    let needs =
        |flag: &str, check: &str| Usage(texts.fill("cli/needs-allow", &[("flag", &flag), ("check", &check)]));
    let relay = extra.relay_to.is_some() || given(matches, "relay-mailbox").is_some();
    if relay && !extra.allows("smtp-open-relay") {
        return Err(needs("--relay-to", "smtp-open-relay").into());
    }
    if given(matches, "relay-mailbox").is_some() && extra.relay_to.is_none() {
        return Err(Usage(texts.get("cli/relay-mailbox-alone")).into());
    }
    let mails = Question::ALL.iter().filter(|question| question.needs_own_mailbox());
    for check in mails.flat_map(|question| question.checks()) {
        if extra.allow.iter().any(|name| name == check) && extra.own_mailbox.is_none() {
            return Err(Usage(texts.fill("cli/check-needs-mailbox", &[("check", check)])).into());
        }
    }
    if extra.allow.iter().any(|name| name == "submission-sender-forge") && given(matches, "user").is_none() {
        return Err(Usage(texts.get("cli/forge-needs-user")).into());
    }
    if given(matches, "own-mailbox-in").is_some() && extra.own_mailbox.is_none() {
        return Err(Usage(texts.get("cli/own-mailbox-in-alone")).into());
    }
    // Whoever allows all of them need not have an account; who names one wants to see it.
    let by_login = |name: &&String| Question::of(name).is_some_and(Question::is_by_login);
    if let (Some(check), None) = (extra.allow.iter().find(by_login), given(matches, "user")) {
        return Err(Usage(texts.fill("cli/login-needs-account", &[("check", check)])).into());
    }
    Ok(extra)
}

fn given<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// An address that can stand in a command: nothing in it that would end the path or the line.
fn address(matches: &ArgMatches, name: &str, texts: Texts) -> anyhow::Result<Option<String>> {
    let Some(value) = given(matches, name) else { return Ok(None) };
    let whole = value.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let fits = |b: u8| b > b' ' && b < 127 && !matches!(b, b'<' | b'>' | b'"' | b'\\' | b'%' | b'!');
    if whole && value.bytes().all(fits) {
        return Ok(Some(value.to_owned()));
    }
    Err(input::wrong(texts, &format!("--{name}"), value, &texts.get("cli/a-mail-address")).into())
}

/// Looks for the mailboxes that the flags name: the one behind the address of `--relay-to`, and the one behind that of
/// `--own-mailbox`.
pub(crate) struct Mailboxes<'a> {
    /// The flags.
    pub(crate) matches: &'a ArgMatches,
    /// How connections are made, and the addresses.
    pub(crate) options: &'a CheckOptions,
    /// The embedded lab, if it is the target.
    pub(crate) lab: Option<(&'a Lab, &'a Running)>,
    /// Whether something else is read from standard input.
    pub(crate) stdin_taken: bool,
    /// The language.
    pub(crate) texts: Texts,
}

impl Mailboxes<'_> {
    /// `--relay-mailbox`; its password is in `EHLO_RELAY_PASSWORD`, or is asked for.
    ///
    /// # Errors
    /// [`Usage`] for what is no mailbox, or a password that cannot be had.
    pub(crate) async fn outside(&self) -> anyhow::Result<Option<Arc<dyn Outside>>> {
        self.find("relay-mailbox", self.options.extra.relay_to.as_deref(), "EHLO_RELAY_PASSWORD").await
    }

    /// `--own-mailbox-in`; its password is in `EHLO_OWN_PASSWORD`, or is asked for.
    ///
    /// # Errors
    /// As for [`Mailboxes::outside`].
    pub(crate) async fn inbox(&self) -> anyhow::Result<Option<Arc<dyn Outside>>> {
        self.find("own-mailbox-in", self.options.extra.own_mailbox.as_deref(), "EHLO_OWN_PASSWORD").await
    }

    async fn find(
        &self,
        flag: &str,
        user: Option<&str>,
        variable: &str,
    ) -> anyhow::Result<Option<Arc<dyn Outside>>> {
        let texts = self.texts;
        let (Some(word), Some(user)) = (given(self.matches, flag), user) else { return Ok(None) };
        let wanted = targets::read(std::slice::from_ref(&word.to_owned()), texts)?;
        let of_lab = wanted.iter().any(|target| matches!(target, ehlo_core::Target::Lab(_)));
        let mut connection = self.options.connection.clone();
        // What is said of the server under examination does not hold for another.
        (connection.connect, connection.sni) = (None, None);
        let credentials = match self.lab.filter(|_| of_lab) {
            Some((lab, _)) => {
                let account = user.split('@').next().unwrap_or(user);
                crate::check::lab_account(lab, account, texts)?
            }
            None => {
                let host = wanted.first().and_then(targets::host);
                let named = secrets::Named { file: None, command: None, variables: &[variable] };
                let password = secrets::named_password(&named, user, host, self.stdin_taken, texts)?;
                Credentials { user: user.to_owned(), password, authzid: String::new() }
            }
        };
        let jobs = targets::jobs(&wanted, None, &connection, self.lab, texts).await?;
        let reads = |protocol| matches!(protocol, Protocol::Imap | Protocol::Pop3);
        let mut jobs: Vec<_> = jobs.into_iter().filter(|job| reads(job.endpoint.scheme.protocol())).collect();
        // IMAP shows every folder, and TLS from the first byte needs no other.
        jobs.sort_by_key(|job| {
            let scheme = job.endpoint.scheme;
            (scheme.protocol() != Protocol::Imap, scheme.tls_mode() != TlsMode::Implicit)
        });
        let job = jobs.into_iter().next();
        let Some(job) = job else { return Err(Usage(texts.get("mailbox/scheme")).into()) };
        Ok(Some(Arc::new(Elsewhere {
            target: Target { endpoint: job.endpoint, url: job.url, addresses: job.addresses },
            options: MailboxOptions {
                connection,
                credentials,
                login: ehlo_dialogue::LoginOptions { no_secrets: of_lab, ..Default::default() },
                folder: None,
                write: true,
            },
        })))
    }
}

/// A mailbox elsewhere.
struct Elsewhere {
    target: Target,
    options: MailboxOptions,
}

impl Outside for Elsewhere {
    fn arrived<'a>(&'a self, token: &'a str, within: Duration) -> Arriving<'a> {
        let (target, options, token) = (self.target.clone(), self.options.clone(), token.to_owned());
        Box::pin(async move {
            // What looks into mailboxes stays on one thread.
            let looked = tokio::task::spawn_blocking(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|e| e.to_string())?;
                runtime.block_on(look(&target, &options, &token, within))
            });
            looked.await.map_err(|e| e.to_string())?
        })
    }
}

/// The message, if it is there in time.
async fn look(
    target: &Target,
    options: &MailboxOptions,
    token: &str,
    within: Duration,
) -> Result<Option<Vec<u8>>, String> {
    let opened = Lookout::open(target, options).await;
    let mut lookout = opened.map_err(|(trouble, _)| format!("{trouble:?}"))?;
    let end = Instant::now() + within;
    let found = lookout.wait("X-Ehlo-Token", token, INTERVAL, end).await;
    if found.as_ref().is_ok_and(|found| !found.is_empty()) {
        // If it stays there, that is no harm; that it came is what counts.
        let _ = lookout.remove("X-Ehlo-Token", token).await;
    }
    lookout.close().await;
    found
        .map(|found| found.into_iter().next().map(|one| one.message))
        .map_err(|trouble| format!("{trouble:?}"))
}

/// `--dry-run`: what would be sent to each service, and on how many connections. Nothing is sent. `account`: whether
/// one is given.
pub(crate) fn plan(selection: &Selection, extra: &Extra, account: bool, texts: Texts) -> String {
    let columns = output::columns();
    let asked = Question::wanted(selection, extra, account);
    let mut out = wrapped(&texts.get("cli/plan-main"), 0, columns);
    for check in CHECKS.iter().map(|c| c.meta()).filter(|m| m.manner != Manner::Passive) {
        if !selection.takes_meta(check) {
            continue;
        }
        let question = Question::of(check.id);
        let connections = question.map_or(0, Question::connections);
        let may = question.is_none_or(|q| asked.contains(&q));
        let head = match (may, check.manner) {
            (true, _) if connections == 0 => texts.fill("cli/plan-behind", &[("check", &check.id)]),
            (true, _) => texts.fill("cli/plan-asks", &[("check", &check.id), ("n", &connections)]),
            (false, _) => texts.fill("cli/plan-not-allowed", &[("check", &check.id)]),
        };
        out.push_str(&wrapped(&head, 0, columns));
        let sends = texts.get(&format!("check/{}/sends", check.id));
        out.push_str(&wrapped(&texts.fill("cli/check-sends", &[("what", &sends)]), 4, columns));
    }
    let sum: u32 = asked.iter().map(|q| q.connections()).sum();
    out.push_str(&wrapped(&texts.fill("cli/plan-sum", &[("n", &sum)]), 0, columns));
    let failures: u32 = asked.iter().map(|q| q.failures()).sum();
    if failures > 0 {
        out.push_str(&wrapped(&texts.fill("cli/plan-failures", &[("n", &failures)]), 0, columns));
    }
    out
}

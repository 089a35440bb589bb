//! From the command line to how it is sent.

use super::letter::{Letter, author_domain};
use super::values::{pairs, sequence, words};
use crate::check::{self, text};
use crate::exit::Usage;
use crate::{input, secrets};
use clap::ArgMatches;
use ehlo_action::send::{
    BodyKind, KeyProblem, Messages as _, Parameters, Proxy, SendOptions, Signer, SizeWish, TlsWish, Wish,
};
use ehlo_core::escape;
use ehlo_core::send::{SendPoint, SendStop, StopHow};
use ehlo_dialogue::{ConnectionOptions, LoginOptions};
use ehlo_lab::Lab;
use ehlo_report::Texts;
use ehlo_wire::sasl::Credentials;
use std::net::SocketAddr;
use std::time::Duration;

/// Reads how it is sent.
///
/// # Errors
/// [`Usage`] for what makes no sense, and a key or a password that cannot be had.
pub(super) fn read(
    matches: &ArgMatches,
    letter: &Letter,
    connection: ConnectionOptions,
    lab: Option<&Lab>,
    host: Option<&str>,
    texts: Texts,
) -> anyhow::Result<SendOptions> {
    let number = |flag: &str, from: i64, to: i64| number(matches, flag, from, to, texts);
    let rate = text(matches, "rate")
        .map(|value| {
            let wrong = || input::wrong(texts, "--rate", value, &texts.get("cli/send-a-rate"));
            value.parse::<f64>().ok().filter(|rate| *rate > 0.0 && rate.is_finite()).ok_or_else(wrong)
        })
        .transpose()?;
    let data_end = text(matches, "data-end")
        .map(|value| {
            let wrong = || input::wrong(texts, "--data-end", value, &texts.get("cli/send-a-sequence"));
            sequence(value).ok_or_else(wrong)
        })
        .transpose()?;
    if data_end.is_some() && !letter.raw {
        return Err(Usage(texts.get("cli/send-raw-alone")).into());
    }
    let (credentials, mechanism) = credentials(matches, letter, lab, host, texts)?;
    Ok(SendOptions {
        connection,
        credentials,
        login: LoginOptions {
            mechanism,
            insecure_auth: matches.get_flag("insecure-auth"),
            no_secrets: lab.is_some(),
            ..LoginOptions::default()
        },
        tls: match text(matches, "tls") {
            Some("always") => TlsWish::Always,
            Some("never") => TlsWish::Never,
            _ => TlsWish::Auto,
        },
        insecure: matches.get_flag("insecure"),
        helo_only: matches.get_flag("say-helo"),
        sender: letter.sender.clone(),
        recipients: letter.recipients.clone(),
        parameters: parameters(matches, texts)?,
        pipelining: wish(matches, "pipelining"),
        chunk: size(matches, "bdat", texts)?,
        xclient: pairs(matches, "xclient", texts)?,
        xforward: pairs(matches, "xforward", texts)?,
        proxy: proxy(matches, texts)?,
        count: number("count", 1, i64::MAX)?.map_or(1, |n| n.unsigned_abs()),
        rate,
        per_connection: number("per-connection", 1, i64::MAX)?.map_or(1000, |n| n.unsigned_abs()),
        stop: stop(matches, texts)?,
        force: matches.get_flag("force"),
        raw: letter.raw,
        data_end,
        signer: signer(matches, letter, texts)?,
    })
}

/// How long the whole run may take, where nobody says: more for large messages and for many.
///
/// # Errors
/// A message that cannot be read.
pub(super) fn deadline(
    matches: &ArgMatches,
    letter: &Letter,
    options: &mut SendOptions,
) -> anyhow::Result<()> {
    /// A line that carries less is none.
    const SLOWEST: u64 = 32 * 1024;
    if text(matches, "deadline").is_some() {
        return Ok(());
    }
    let message = letter.message(1)?;
    let octets = message.measure()?.octets.saturating_mul(options.count);
    let paced = options.rate.map_or(0.0, |rate| options.count as f64 / rate);
    let seconds = (octets / SLOWEST).saturating_add(options.count).saturating_add(paced as u64);
    // A year is as good as for ever, and does not overflow a clock.
    options.connection.limits.total += Duration::from_secs(seconds.min(365 * 24 * 60 * 60));
    Ok(())
}

fn wish(matches: &ArgMatches, flag: &str) -> Wish {
    match text(matches, flag) {
        Some("on") => Wish::On,
        Some("off") => Wish::Off,
        _ => Wish::Auto,
    }
}

fn number(matches: &ArgMatches, flag: &str, from: i64, to: i64, texts: Texts) -> anyhow::Result<Option<i64>> {
    let Some(value) = text(matches, flag) else { return Ok(None) };
    let wanted = || texts.fill("cli/send-a-number", &[("from", &from), ("to", &to)]);
    let number = value.parse().ok().filter(|n| (from..=to).contains(n));
    Ok(Some(number.ok_or_else(|| input::wrong(texts, &format!("--{flag}"), value, &wanted()))?))
}

fn size(matches: &ArgMatches, flag: &str, texts: Texts) -> anyhow::Result<Option<u64>> {
    let Some(value) = text(matches, flag) else { return Ok(None) };
    let wrong = || input::wrong(texts, &format!("--{flag}"), value, &texts.get("cli/send-a-size"));
    Ok(Some(input::size(value).ok_or_else(wrong)?))
}

fn parameters(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Parameters> {
    let one = |flag: &str| -> anyhow::Result<Option<String>> { Ok(words(matches, flag, texts)?.pop()) };
    let wrong = |flag: &str, value: &str, wanted: &str| {
        input::wrong(texts, &format!("--{flag}"), &escape(value.as_bytes()), &texts.get(wanted))
    };
    let notify = one("dsn-notify")?.map(|value| value.to_ascii_uppercase());
    if let Some(value) = &notify {
        let known = |word: &str| ["SUCCESS", "FAILURE", "DELAY"].contains(&word);
        if value != "NEVER" && !value.split(',').all(known) {
            return Err(wrong("dsn-notify", value, "cli/send-a-notify").into());
        }
    }
    let deliver_by = one("deliver-by")?
        .map(|value| {
            let (seconds, mode) = value.split_once(';').unwrap_or((&value, "R"));
            let mode = mode.to_ascii_uppercase();
            let good = seconds.parse::<i64>().is_ok_and(|n| n.unsigned_abs() < 1_000_000_000)
                && ["R", "N", "RT", "NT"].contains(&mode.as_str());
            good.then(|| format!("{seconds};{mode}"))
                .ok_or_else(|| wrong("deliver-by", &value, "cli/send-a-by"))
        })
        .transpose()?;
    let hold_until = one("hold-until")?;
    if let Some(value) = &hold_until {
        let format = &time::format_description::well_known::Rfc3339;
        if time::OffsetDateTime::parse(value, format).is_err() {
            return Err(wrong("hold-until", value, "cli/send-a-date").into());
        }
    }
    let original = one("dsn-orcpt")?.map(|value| match value.split_once(';') {
        Some((kind, address)) => (kind.to_owned(), address.to_owned()),
        None => ("rfc822".to_owned(), value),
    });
    Ok(Parameters {
        size: match text(matches, "size") {
            None | Some("auto") => SizeWish::Auto,
            Some("off") => SizeWish::Off,
            Some(_) => size(matches, "size", texts)?.map_or(SizeWish::Auto, SizeWish::Value),
        },
        body: match text(matches, "body-type") {
            Some("off") => BodyKind::Off,
            Some("7bit") => BodyKind::SevenBit,
            Some("8bitmime") => BodyKind::EightBit,
            Some("binarymime") => BodyKind::Binary,
            _ => BodyKind::Auto,
        },
        utf8: wish(matches, "smtputf8"),
        ret: text(matches, "dsn-return").map(str::to_ascii_uppercase),
        envelope_id: one("dsn-envid")?,
        notify,
        original,
        require_tls: matches.get_flag("require-tls"),
        deliver_by,
        priority: number(matches, "priority", -9, 9, texts)?.and_then(|n| i8::try_from(n).ok()),
        hold_for: number(matches, "hold-for", 1, 999_999_999, texts)?.map(i64::unsigned_abs),
        hold_until,
        reply_each: matches.get_flag("prdr"),
        mail: words(matches, "mail-parameter", texts)?,
        rcpt: words(matches, "rcpt-parameter", texts)?,
    })
}

fn proxy(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Option<Proxy>> {
    let socket = |flag: &str| -> anyhow::Result<Option<SocketAddr>> {
        let Some(value) = text(matches, flag) else { return Ok(None) };
        let wrong = || input::wrong(texts, &format!("--{flag}"), value, &texts.get("cli/send-a-socket"));
        Ok(Some(value.parse().map_err(|_| wrong())?))
    };
    let between = match (socket("proxy-from")?, socket("proxy-to")?) {
        (None, None) => None,
        (Some(from), Some(to)) if from.is_ipv4() == to.is_ipv4() => Some((from, to)),
        _ => return Err(Usage(texts.get("cli/send-proxy-pair")).into()),
    };
    match text(matches, "proxy") {
        Some(version) => Ok(Some(Proxy { binary: version == "v2", between })),
        None if between.is_some() => Err(Usage(texts.get("cli/send-proxy-pair")).into()),
        None => Ok(None),
    }
}

fn stop(matches: &ArgMatches, texts: Texts) -> anyhow::Result<Option<SendStop>> {
    let kinds = [
        ("quit-after", StopHow::Quit),
        ("drop-after", StopHow::Drop),
        ("drop-after-send", StopHow::DropAfterSend),
    ];
    let mut found = kinds.iter().filter_map(|(flag, how)| {
        let point = SendPoint::from_id(text(matches, flag)?)?;
        Some(SendStop { point, how: *how })
    });
    match (found.next(), found.next()) {
        (stop, None) => Ok(stop),
        _ => Err(Usage(texts.get("cli/send-one-stop")).into()),
    }
}

fn signer(matches: &ArgMatches, letter: &Letter, texts: Texts) -> anyhow::Result<Option<Signer>> {
    let Some(file) = text(matches, "dkim-key") else {
        return match text(matches, "dkim-domain").or(text(matches, "dkim-selector")) {
            Some(_) => Err(Usage(texts.get("cli/send-dkim-alone")).into()),
            None => Ok(None),
        };
    };
    let name = |flag: &str, value: &str| -> anyhow::Result<()> {
        let good =
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        match good {
            true => Ok(()),
            false => {
                let wanted = texts.get("cli/a-host-name");
                Err(input::wrong(texts, &format!("--{flag}"), &escape(value.as_bytes()), &wanted).into())
            }
        }
    };
    let domain = match text(matches, "dkim-domain").or_else(|| author_domain(letter)) {
        Some(domain) => domain,
        None => return Err(Usage(texts.get("cli/send-dkim-domain")).into()),
    };
    let selector = text(matches, "dkim-selector").unwrap_or("test");
    name("dkim-domain", domain)?;
    name("dkim-selector", selector)?;
    let pem = std::fs::read_to_string(file).map_err(|e| anyhow::anyhow!("{file}: {e}"))?;
    let shown = escape(file.as_bytes());
    let signer = Signer::new(&pem, domain, selector).map_err(|problem| {
        Usage(match problem {
            KeyProblem::NoKey => texts.fill("cli/send-dkim-no-key", &[("file", &shown)]),
            KeyProblem::Unusable(why) => {
                texts.fill("cli/send-dkim-unusable", &[("file", &shown), ("why", &why)])
            }
        })
    })?;
    Ok(Some(signer))
}

/// Who logs in, and by which mechanism.
fn credentials(
    matches: &ArgMatches,
    letter: &Letter,
    lab: Option<&Lab>,
    host: Option<&str>,
    texts: Texts,
) -> anyhow::Result<(Option<Credentials>, Option<String>)> {
    let mechanism = text(matches, "mechanism").map(str::to_owned);
    let authzid = text(matches, "authzid").unwrap_or_default().to_owned();
    // A password from standard input, and the message from there, too, cannot be.
    let stdin_taken = letter.stdin_taken && text(matches, "password-file") != Some("-");
    let found = match (lab, text(matches, "user"), text(matches, "token-file")) {
        (_, Some(user), Some(file)) => {
            if mechanism.is_none() {
                return Err(Usage(texts.get("cli/send-token-mechanism")).into());
            }
            let password = secrets::from_file(file)?;
            Some(Credentials { user: user.to_owned(), password, authzid: String::new() })
        }
        (_, None, Some(_)) => return Err(Usage(texts.get("cli/password-without-user")).into()),
        (Some(lab), Some(user), None) if !check::names_password(matches) => {
            Some(check::lab_account(lab, user, texts)?)
        }
        // A rehearsal needs no password.
        (None, Some(user), None) if matches.get_flag("dry-run") => {
            Some(Credentials { user: user.to_owned(), password: "".into(), authzid: String::new() })
        }
        _ => secrets::credentials(matches, host, stdin_taken, texts)?,
    };
    let with_name = |mut credentials: Credentials| {
        credentials.authzid = authzid;
        credentials
    };
    Ok((found.map(with_name), mechanism))
}

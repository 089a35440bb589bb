//! `ehlo sasl`: what is sent in logins, built and taken apart, without any server.

pub(crate) mod blob;
mod faults;
mod make;
pub(crate) mod show;
pub(crate) mod taken;
mod token;

use crate::check::text;
use crate::exit::{FOUND, GOOD, Usage};
use crate::{input, output};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ArgMatches;
use ehlo_report::Texts;
use ehlo_wire::sasl::{MECHANISMS, Needs, mechanism};
use std::io::Read as _;

/// More than this is not encoded.
const MOST: usize = 16 << 20;
/// No login, reply, bounce or session that a person looks at is longer.
const MOST_READ: usize = 1 << 20;
/// More messages than this are no help.
const MOST_MESSAGES: usize = 500;

/// Runs the command.
///
/// # Errors
/// Wrong usage; a password that cannot be had.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let words: Vec<&str> =
        matches.get_many::<String>("word").unwrap_or_default().map(String::as_str).collect();
    let Some((&verb, rest)) = words.split_first() else { return Err(what(texts)) };
    let one = |wanted: &str| match rest {
        [word] => Ok(*word),
        _ => Err(Usage(texts.fill("cli/sasl-words", &[("verb", &verb), ("wanted", &wanted)]))),
    };
    match verb {
        "encode" => {
            let bytes = given(&[one("TEXT")?])?;
            if bytes.len() > MOST {
                return Err(Usage(texts.fill("cli/input-large", &[("bytes", &MOST)])).into());
            }
            make::Built { sends: vec![STANDARD.encode(bytes)], ..make::Built::default() }.show(matches, texts)
        }
        "decode" if rest.is_empty() => Err(one("TEXT").err().map_or_else(|| what(texts), Into::into)),
        "decode" => decode(matches, &read(rest, texts)?, texts),
        "apop" => make::apop(matches, one("STAMP")?, texts),
        _ => match mechanism(verb) {
            // Who is nobody, or is named by a certificate, need not say who it is.
            Some(mechanism)
                if rest.is_empty()
                    && matches!(mechanism.meta().needs, Needs::Certificate | Needs::Nothing) =>
            {
                make::message(matches, mechanism, "", texts)
            }
            Some(mechanism) => make::message(matches, mechanism, one("USER")?, texts),
            None => Err(what(texts)),
        },
    }
}

fn what(texts: Texts) -> anyhow::Error {
    let names: Vec<String> = MECHANISMS.iter().map(|m| m.meta().name.to_ascii_lowercase()).collect();
    Usage(texts.fill("cli/sasl-what", &[("mechanisms", &names.join(", "))])).into()
}

/// The words, or standard input.
///
/// # Errors
/// What the system says.
pub(crate) fn given(words: &[&str]) -> anyhow::Result<Vec<u8>> {
    if words != ["-"] {
        return Ok(words.join(" ").into_bytes());
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MOST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The words, or standard input, as far as it is looked at; if there is more, that is said.
///
/// # Errors
/// What the system says.
pub(crate) fn read(words: &[&str], texts: Texts) -> anyhow::Result<Vec<u8>> {
    let mut bytes = given(words)?;
    if bytes.len() > MOST_READ {
        bytes.truncate(MOST_READ);
        output::remark(&texts.fill("cli/input-cut", &[("bytes", &MOST_READ)]));
    }
    Ok(bytes)
}

fn decode(matches: &ArgMatches, text_given: &[u8], texts: Texts) -> anyhow::Result<u8> {
    let mut blobs = blob::of_logins(blob::read(text_given));
    blobs.truncate(MOST_MESSAGES);
    let taken = taken::take_apart(&blobs, input::now());
    let secrets = matches.get_flag("show-secrets");
    let shown = match text(matches, "format") {
        Some("json") => show::json(&taken, secrets, texts),
        _ => show::human(&blobs, &taken, secrets, output::paint(text(matches, "color")), texts),
    };
    output::result(&shown)?;
    let good = !taken.is_empty() && taken.iter().all(taken::Taken::is_good);
    Ok(if good { GOOD } else { FOUND })
}

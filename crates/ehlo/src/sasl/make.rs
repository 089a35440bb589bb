//! Builds what a client sends.

use super::blob;
use crate::check::text;
use crate::exit::{FOUND, GOOD, Usage};
use crate::{output, secrets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ArgMatches;
use ehlo_core::escape;
use ehlo_report::Texts;
use ehlo_wire::sasl::{Credentials, Mechanism, apop_digest};

/// The digest of APOP for the stamp in a greeting.
///
/// # Errors
/// No stamp, no password.
pub(super) fn apop(matches: &ArgMatches, greeting: &str, texts: Texts) -> anyhow::Result<u8> {
    // RFC 1939 §7: brackets included.
    let stamp = greeting.find('<').and_then(|from| {
        let to = greeting[from..].find('>')? + from + 1;
        Some(&greeting[from..to])
    });
    let Some(stamp) = stamp else {
        let shown = escape(greeting.as_bytes());
        return Err(Usage(texts.fill("cli/sasl-no-stamp", &[("text", &shown)])).into());
    };
    let password = secrets::password(matches, "", None, false, texts)?;
    output::result(&format!("{}\n", apop_digest(stamp.as_bytes(), &password)))?;
    Ok(GOOD)
}

/// The next message of a mechanism's client.
///
/// # Errors
/// No password, no challenge where one is due.
pub(super) fn message(
    matches: &ArgMatches,
    mechanism: &'static dyn Mechanism,
    user: &str,
    texts: Texts,
) -> anyhow::Result<u8> {
    let name = mechanism.meta().name;
    let credentials = Credentials {
        user: user.to_owned(),
        password: secrets::password(matches, user, None, false, texts)?,
        authzid: text(matches, "authzid").unwrap_or_default().to_owned(),
    };
    let mut challenges: Vec<Vec<u8>> =
        matches.get_many::<String>("challenge").unwrap_or_default().map(|c| challenge(c)).collect();
    let all = name == "LOGIN" && challenges.is_empty();
    if all {
        challenges = vec![b"Username:".to_vec(), b"Password:".to_vec()];
    }
    let mut client = mechanism.client(&credentials);
    let mut messages = Vec::new();
    if mechanism.meta().client_first && !all {
        messages.extend(client.initial());
    }
    for challenge in &challenges {
        match client.respond(challenge) {
            Some(message) => messages.push(message),
            None => {
                let shown = escape(challenge);
                let places: [(&str, &dyn std::fmt::Display); 2] = [("mechanism", &name), ("text", &shown)];
                output::complain(texts, &anyhow::anyhow!(texts.fill("cli/sasl-bad-challenge", &places)));
                return Ok(FOUND);
            }
        }
    }
    let from = if all { 0 } else { messages.len().saturating_sub(1) };
    if messages.is_empty() {
        return Err(Usage(texts.fill("cli/sasl-needs-challenge", &[("mechanism", &name)])).into());
    }
    for message in &messages[from..] {
        output::result(&format!("{}\n", STANDARD.encode(message.expose())))?;
    }
    Ok(GOOD)
}

/// A challenge as it was pasted: a line of the server, base64, or the text itself.
fn challenge(pasted: &str) -> Vec<u8> {
    let pasted = pasted.trim();
    // No challenge in clear is base64: CRAM's has brackets, the others have an equals sign behind a name.
    let marked = ["334 ", "+ ", "S: 334 ", "S: + "].iter().any(|mark| pasted.starts_with(mark));
    let is_clear = !marked
        && (pasted.starts_with('<') || pasted.trim_end_matches('=').contains(['=', ',', '"', '{', ':']));
    if is_clear {
        return pasted.as_bytes().to_vec();
    }
    match blob::read(pasted.as_bytes()).into_iter().next().and_then(|blob| blob.bytes) {
        Some(bytes) => bytes,
        None => pasted.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_come_in_clear_or_in_base64() {
        for pasted in ["<1.2@x>", "PDEuMkB4Pg==", "334 PDEuMkB4Pg==", "+ PDEuMkB4Pg==", " PDEuMkB4Pg== "] {
            assert_eq!(challenge(pasted), b"<1.2@x>", "{pasted}");
        }
        assert_eq!(challenge("r=abc,s=QSXCR==,i=4096"), b"r=abc,s=QSXCR==,i=4096");
    }
}

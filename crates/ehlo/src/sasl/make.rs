//! Builds what a client sends.

use super::{blob, show};
use crate::check::text;
use crate::exit::{FOUND, GOOD, Usage};
use crate::{input, output, secrets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ArgMatches;
use ehlo_core::{Params, Secret, Side, escape};
use ehlo_report::Texts;
use ehlo_wire::sasl::{Credentials, Given, Mechanism, Needs, Trouble, apop_digest};
use serde_json::{Value, json};

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
    let digest = apop_digest(stamp.as_bytes(), &password);
    Built { mechanism: Some("APOP"), sends: vec![digest], ..Built::default() }.show(matches, texts)
}

/// What was built.
#[derive(Default)]
pub(super) struct Built {
    /// For which mechanism; none for mere base64.
    pub(super) mechanism: Option<&'static str>,
    /// What the client sends, line by line.
    pub(super) sends: Vec<String>,
    /// The number with which the same login goes on, if it does.
    pub(super) goes_on: Option<u64>,
    /// The server has proven that it knows the password.
    pub(super) proven: bool,
    /// Why nothing can be sent: id and text.
    pub(super) trouble: Option<(&'static str, String)>,
}

impl Built {
    /// Prints it.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn show(&self, matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
        if text(matches, "format") == Some("json") {
            output::result(&show::built(self.json(), texts))?;
        } else if self.proven {
            output::result(&format!("{}\n", texts.get("cli/sasl-proof")))?;
        } else {
            for line in &self.sends {
                output::result(&format!("{line}\n"))?;
            }
            if let Some((_, text)) = &self.trouble {
                output::complain(texts, &anyhow::anyhow!(text.clone()));
            }
            if let Some(seed) = self.goes_on {
                output::remark(&texts.fill("cli/sasl-next", &[("seed", &seed)]));
            }
        }
        Ok(if self.trouble.is_some() { FOUND } else { GOOD })
    }

    fn json(&self) -> Value {
        json!({
            "mechanism": self.mechanism,
            "sends": self.sends,
            // A number of 64 bits is more than many readers of JSON hold.
            "random_seed": self.goes_on.map(|seed| seed.to_string()),
            "proven": self.proven,
            "trouble": self.trouble.as_ref().map(|(id, text)| json!({ "id": id, "text": text })),
        })
    }
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
    let meta = mechanism.meta();
    let password = match meta.needs {
        Needs::Password | Needs::Token => secrets::password(matches, user, None, false, texts)?,
        Needs::Certificate | Needs::Nothing => Secret::new(String::new()),
    };
    // EXTERNAL takes the login from the certificate; whoever is named is who to act as (RFC 4422 Appendix A).
    let acts_as = if meta.needs == Needs::Certificate { user } else { "" };
    let credentials = Credentials {
        user: user.to_owned(),
        password,
        authzid: text(matches, "authzid").unwrap_or(acts_as).to_owned(),
    };
    let (given, seed) = given(matches, texts)?;
    let mut challenges: Vec<Vec<u8>> =
        matches.get_many::<String>("challenge").unwrap_or_default().map(|c| challenge(c)).collect();
    let client_owes = mechanism.steps().iter().filter(|step| step.from == Side::Client).count();
    // The prompts of LOGIN are always the same.
    let all = meta.name == "LOGIN" && challenges.is_empty();
    if all {
        challenges = vec![Vec::new(); client_owes];
    }
    let mut client = mechanism.client(&credentials, &given);
    let mut messages = Vec::new();
    let mut trouble = None;
    let mut proven = false;
    if meta.client_first && !all {
        match client.initial() {
            Ok(message) => messages.push(message),
            Err(found) => trouble = Some(found),
        }
    }
    for challenge in &challenges {
        if trouble.is_some() {
            break;
        }
        match client.respond(challenge) {
            // An empty answer takes note of the server's proof.
            Ok(message) if message.expose().is_empty() && messages.len() >= client_owes => proven = true,
            Ok(message) => messages.push(message),
            Err(found) => trouble = Some(found),
        }
    }
    let built = Built { mechanism: Some(meta.name), ..Built::default() };
    if let Some(trouble) = trouble {
        let text = told(&trouble, meta.name, texts);
        return Built { trouble: Some((trouble.id(), text)), ..built }.show(matches, texts);
    }
    if proven {
        return Built { proven, ..built }.show(matches, texts);
    }
    let from = if all { 0 } else { messages.len().saturating_sub(1) };
    if messages.is_empty() {
        return Err(Usage(texts.fill("cli/sasl-needs-challenge", &[("mechanism", &meta.name)])).into());
    }
    let sends = messages[from..].iter().map(|message| {
        // A message of no bytes is an equals sign where it stands behind the command (RFC 4954 §4).
        let encoded = STANDARD.encode(message.expose());
        if encoded.is_empty() { "=".to_owned() } else { encoded }
    });
    let goes_on = (messages.len() < client_owes && !all).then_some(seed);
    Built { sends: sends.collect(), goes_on, ..built }.show(matches, texts)
}

/// What a mechanism needs from outside, and the number of which its nonce is made.
fn given(matches: &ArgMatches, texts: Texts) -> anyhow::Result<(Given, u64)> {
    let seed = match text(matches, "random-seed") {
        Some(number) => number
            .parse()
            .map_err(|_| Usage(texts.fill("cli/sasl-bad-seed", &[("text", &escape(number.as_bytes()))])))?,
        None => input::seed(),
    };
    let digest = ring::digest::digest(&ring::digest::SHA256, &seed.to_be_bytes());
    let mut random = [0; 32];
    random.copy_from_slice(digest.as_ref());
    let services = ["lmtp", "pop", "imap", "sieve"];
    let service = services.into_iter().find(|s| Some(*s) == text(matches, "service")).unwrap_or("smtp");
    let given = Given {
        random,
        now: input::now(),
        service,
        host: text(matches, "host").unwrap_or_default().to_owned(),
        realm: text(matches, "realm").map(str::to_owned),
        ..Given::default()
    };
    Ok((given, seed))
}

fn told(trouble: &Trouble, mechanism: &str, texts: Texts) -> String {
    let key = format!("note/sasl-{}", trouble.id());
    let values: Params = trouble.values().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    match texts.find(&key) {
        Some(_) => texts.with(&key, &values),
        None => texts.fill("cli/sasl-bad-challenge", &[("mechanism", &mechanism), ("text", &trouble.id())]),
    }
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

//! `ehlo explain`: what a line, a code, a bounce or a session means, without any server.

mod bounce;
mod dialogue;
mod hide;
mod letter;
pub(crate) mod show;

use crate::check::text;
use crate::exit::{FOUND, GOOD, Usage};
use crate::sasl::{blob, read, taken};
use crate::{output, policy};
use clap::ArgMatches;
use dialogue::Dialogue;
use ehlo_core::escape;
use ehlo_knowledge::explain::{Explanation, Kind, Symptom, explain};
use ehlo_report::Texts;

/// What was pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// A reply, a code, a message of a program.
    Reply,
    /// A delivery report.
    Bounce,
    /// A session.
    Dialogue,
    /// Messages of a login in base64.
    Login,
    /// The id of something of ours.
    Id,
}

impl Sort {
    fn id(self) -> &'static str {
        match self {
            Sort::Reply => "reply",
            Sort::Bounce => "bounce",
            Sort::Dialogue => "dialogue",
            Sort::Login => "login",
            Sort::Id => "id",
        }
    }
}

/// What was pasted, and what is known about it.
struct Explained {
    sort: Sort,
    parts: Vec<Part>,
    /// The dialogue, if it is one.
    dialogue: Dialogue,
}

impl Explained {
    /// Whether anything was recognised. A dialogue is something even where nothing went wrong.
    fn is_known(&self) -> bool {
        self.parts.iter().any(Part::is_known) || (self.sort == Sort::Dialogue && self.parts.is_empty())
    }
}

/// One thing that is explained. All text is escaped.
#[derive(Default)]
struct Part {
    /// What was said.
    said: String,
    /// The command that it answers, if that is known.
    command: String,
    /// The recipient that it is about.
    recipient: Option<bounce::Recipient>,
    /// What is known about it.
    explanations: Vec<Explanation>,
    /// Its base64, taken apart.
    messages: Vec<taken::Taken>,
    /// What of ours it names: a key of the knowledge.
    named: Option<String>,
}

impl Part {
    fn is_known(&self) -> bool {
        self.named.is_some()
            || self.messages.iter().any(is_telling)
            || self.explanations.iter().any(|e| e.kind != Kind::Unknown)
    }
}

/// Whether base64 turned out to be something, and not only bytes.
fn is_telling(message: &taken::Taken) -> bool {
    !matches!(message.kind, "nothing" | "bytes" | "text" | "empty")
}

/// Runs the command.
///
/// # Errors
/// Wrong usage.
pub(crate) fn main(matches: &ArgMatches, texts: Texts) -> anyhow::Result<u8> {
    let words: Vec<&str> =
        matches.get_many::<String>("text").unwrap_or_default().map(String::as_str).collect();
    if words.is_empty() {
        return Err(Usage(texts.get("cli/explain-what")).into());
    }
    let input = read(&words, texts)?;
    let explained = recognised(&input, text(matches, "protocol"), text(matches, "stage"), texts);
    let secrets = matches.get_flag("show-secrets");
    let shown = match text(matches, "format") {
        Some("json") => show::json(&explained, secrets, texts),
        _ => show::human(&explained, secrets, output::paint(text(matches, "color")), texts),
    };
    output::result(&shown)?;
    Ok(if explained.is_known() { GOOD } else { FOUND })
}

fn recognised(input: &[u8], protocol: Option<&str>, stage: Option<&str>, texts: Texts) -> Explained {
    let of = |sort, parts| Explained { sort, parts, dialogue: Dialogue::default() };
    let clean = cleaned(input);
    if let Some(policy) = clean.strip_prefix("policy ").and_then(policy::named) {
        return of(Sort::Id, of_policy(&policy, texts));
    }
    if let Some(key) = named(&clean) {
        // A check may have the name of the fault that makes it speak.
        let mut explanations = explain(&Symptom::of(&clean));
        explanations.retain(|e| e.kind != Kind::Unknown);
        return of(Sort::Id, vec![Part { said: clean, named: Some(key), explanations, ..Part::default() }]);
    }
    let recipients = bounce::recipients(input);
    if !recipients.is_empty() {
        return of(Sort::Bounce, recipients.into_iter().map(of_recipient).collect());
    }
    // An importer is for text; a few bytes of Latin-1 in a session do not matter to it.
    if let Some(dialogue) = dialogue::read(&String::from_utf8_lossy(input)) {
        let parts = dialogue.refused.iter().map(|r| of_refusal(r, &dialogue.protocol)).collect();
        return Explained { sort: Sort::Dialogue, parts, dialogue };
    }
    let recipients = letter::recipients(input);
    if !recipients.is_empty() {
        return of(Sort::Bounce, recipients.into_iter().map(of_recipient).collect());
    }
    let messages = taken::take_apart(&blob::of_logins(blob::read(input)), crate::input::now());
    if messages.iter().any(is_telling) && is_login(input) {
        let greets = clean.starts_with("* OK") || clean.starts_with("+OK");
        let symptom = Symptom { protocol, stage, ..Symptom::of(&clean) };
        let explanations = if greets { explain(&symptom) } else { Vec::new() };
        return of(Sort::Login, vec![Part { said: clean, explanations, messages, ..Part::default() }]);
    }
    let explanations = explain(&Symptom { protocol, stage, ..Symptom::of(&clean) });
    let unknown = explanations.iter().all(|e| e.kind == Kind::Unknown);
    let readable = |m: &taken::Taken| m.kind == "text" && m.is_good();
    let is_word = !clean.contains([' ', '\n']) && clean.len() >= 8;
    let ascii = |m: &taken::Taken| m.fields.iter().all(|f| f.value.is_ascii() && !f.value.contains('\\'));
    if unknown && is_word && messages.iter().all(|m| readable(m) && ascii(m)) {
        return of(Sort::Login, vec![Part { said: clean, messages, ..Part::default() }]);
    }
    of(Sort::Reply, vec![Part { said: clean, explanations, ..Part::default() }])
}

/// Whether base64 is what the text is about: one word, or lines of a login.
fn is_login(input: &[u8]) -> bool {
    let lines: Vec<blob::Blob> = blob::read(input);
    lines.iter().all(|line| line.bytes.is_some())
        && (lines.len() == 1 || lines.iter().any(|line| line.sender != blob::Sender::Unknown))
}

/// The text with nothing in it that moves a cursor, line by line.
fn cleaned(input: &[u8]) -> String {
    let lines: Vec<String> = input
        .split(|&b| b == b'\n')
        .map(|line| {
            let line: Vec<u8> =
                line.trim_ascii_end().iter().map(|b| if *b == b'\t' { b' ' } else { *b }).collect();
            escape(&line)
        })
        .collect();
    lines.join("\n").trim_matches(['\n', ' ']).to_owned()
}

/// The key of a fault or a persona of the lab of that name.
fn named(word: &str) -> Option<String> {
    let fits = word.len() < 60 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let key = |topic: &str| format!("{topic}/{word}");
    let is_known = |key: &String| ehlo_knowledge::text(ehlo_knowledge::Lang::En, key).is_some();
    fits.then(|| ["fault", "persona"].map(key).into_iter().find(is_known)).flatten()
}

/// A policy, and each row of it.
fn of_policy(policy: &ehlo_check::Policy, texts: Texts) -> Vec<Part> {
    let part = |said: String, key: &str| Part { said, named: Some(key.to_owned()), ..Part::default() };
    let head = part(policy.id.clone(), &policy::key(&policy.id));
    let row = |key| part(policy::change(key, texts), key);
    let rows = policy::row_keys(&policy.id).into_iter().map(row);
    std::iter::once(head).chain(rows).collect()
}

fn of_recipient(recipient: bounce::Recipient) -> Part {
    let said = match recipient.diagnostic.is_empty() {
        true => recipient.status.clone(),
        false => recipient.diagnostic.clone(),
    };
    let enhanced = Some(recipient.status.as_str()).filter(|s| !s.is_empty());
    let explanations = explain(&Symptom { protocol: Some("smtp"), enhanced, ..Symptom::of(&said) });
    Part { said, recipient: Some(recipient), explanations, ..Part::default() }
}

fn of_refusal(refused: &dialogue::Refused, protocol: &str) -> Part {
    let said = cleaned(refused.reply.as_bytes());
    let stage = if refused.command.is_empty() { "greeting" } else { &refused.command };
    let protocol = Some(protocol).filter(|p| !p.is_empty());
    let explanations = explain(&Symptom { protocol, stage: Some(stage), ..Symptom::of(&said) });
    Part { said, command: cleaned(refused.command.as_bytes()), explanations, ..Part::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: Texts = Texts { lang: ehlo_knowledge::Lang::En };

    fn sort(input: &str) -> Sort {
        recognised(input.as_bytes(), None, None, ENGLISH).sort
    }

    #[test]
    fn what_was_pasted_is_told_apart() {
        for (input, wanted) in [
            ("550 5.7.1 relaying denied", Sort::Reply),
            ("550-5.7.26 a\n550 5.7.26 b", Sort::Reply),
            ("4.7.0", Sort::Reply),
            ("* CAPABILITY IMAP4rev1 IDLE", Sort::Reply),
            ("250-x\n250-SIZE 100\n250 STARTTLS", Sort::Reply),
            ("334 VXNlcm5hbWU6", Sort::Login),
            ("UGFzc3dvcmQ6", Sort::Login),
            ("AUTH PLAIN AGJvYgBnZWhlaW0=", Sort::Login),
            ("cert-expired", Sort::Id),
            ("policy ncsc-2025", Sort::Id),
            ("policy restriction", Sort::Reply),
            ("Diagnostic-Code: smtp; 550 no", Sort::Bounce),
            ("220 x\nEHLO y\n250 x\nFOO\n500 what\n", Sort::Dialogue),
        ] {
            assert_eq!(sort(input), wanted, "{input}");
        }
    }

    #[test]
    fn nothing_hurts() {
        for input in [&b""[..], b"\n", b"\xff\xfe", b"\x1b[2J", b"334 ", b"+ ", b"C: \nS: \n", b"250-"] {
            for part in recognised(input, None, None, ENGLISH).parts {
                assert!(ehlo_core::is_escaped(&part.said.replace('\n', "")), "{input:?}");
            }
        }
    }
}

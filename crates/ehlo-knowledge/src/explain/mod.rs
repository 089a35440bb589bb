//! What a reply or an error message means: a pure function from what was seen to what is known about it.

mod failures;
mod reading;
mod registry;
mod said;

pub use said::{Explanation, Kind};

use reading::Reading;

/// More explanations than this are no help; a capability list may well have many words.
const MOST: usize = 64;

/// What was seen. Only `text` is needed; what is left out is read from it where it shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Symptom<'a> {
    /// `smtp`, `lmtp`, `pop3`, `imap`, `sieve`.
    pub protocol: Option<&'a str>,
    /// When it was said: a stage's id such as `greeting` or `start-tls`, or the command, such as `EHLO`, `RCPT`,
    /// `SELECT`, `end-of-data`.
    pub stage: Option<&'a str>,
    /// The reply in its lines, the message of a program, a bounce, or a single word to look up.
    pub text: &'a str,
    /// The reply code, e.g. `550`.
    pub code: Option<&'a str>,
    /// The enhanced status code, e.g. `5.7.1`.
    pub enhanced: Option<&'a str>,
    /// The response code of IMAP, POP3 or ManageSieve without its brackets, e.g. `IN-USE`.
    pub response_code: Option<&'a str>,
    /// Id of the failure's cause, e.g. `refused`, if the dialogue ended for a reason other than a reply.
    pub cause: Option<&'a str>,
    /// Id of the check that complains, if one does; the text may then be the value in question, such as an issuer.
    pub check: Option<&'a str>,
}

impl<'a> Symptom<'a> {
    /// A text about which nothing else is known.
    pub fn of(text: &'a str) -> Symptom<'a> {
        Symptom { text, ..Symptom::default() }
    }
}

/// The ids of the rows of the catalogue of failures that fit `symptom`, those with the most words in common first. They
/// are the failures that [`explain`] tells, so that a report says the same of a reply as `ehlo explain` does.
///
/// A row fits when each list it has (`check`, `protocol`, `stage`, `cause`, `pattern`) has a member that fits, or when
/// the text is one of its `message`s. A row with none of `check`, `cause`, `pattern` and `message` is never found here:
/// it takes more than one dialogue to recognise it.
pub fn failures(symptom: &Symptom<'_>) -> Vec<&'static str> {
    failures::matching(&Reading::of(symptom))
}

/// What is known about `symptom`, the most telling first: the failures whose very words it has, then the meaning of
/// its codes, then of the class of a code that is unknown. Never empty: what nobody knows is said to be unknown.
///
/// Only the first 16 KiB of the text are read; the time grows with their length and not faster.
pub fn explain(symptom: &Symptom<'_>) -> Vec<Explanation> {
    let reading = Reading::of(symptom);
    let mut found = registry::named(&reading);
    // Who asks for a code alone wants to know the code.
    if reading.word().is_none() {
        found.extend(rows(&reading));
    }
    registry::codes(&reading, &mut found);
    if reading.word().is_some() {
        found.extend(rows(&reading));
    }
    if found.is_empty() {
        found.extend(registry::command_line(&reading));
    }
    if found.is_empty() {
        found.push(registry::unknown(&reading));
    }
    let mut seen = Vec::new();
    found.retain(|e| {
        let new = !seen.contains(&(e.key.clone(), e.name.clone()));
        seen.push((e.key.clone(), e.name.clone()));
        new
    });
    found.truncate(MOST);
    found
}

fn rows(reading: &Reading) -> impl Iterator<Item = Explanation> {
    let ids = failures::matching(reading).into_iter();
    ids.map(|id| Explanation::new(Kind::Failure, format!("failure/{id}"), ""))
}

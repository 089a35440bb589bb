//! Why a login did not come about, in words: what is known about the server's answer, cause and next step.

use ehlo_core::auth::{AuthAttempt, AuthResult, AuthService, NotTried};
use ehlo_core::{Failure, Protocol};
use ehlo_knowledge::explain::{Explanation, Kind, Symptom, explain};
use ehlo_report::{Texts, failure_text};

/// More explanations of one answer than this are no help.
const MOST: usize = 3;

/// What is said about attempts that came out alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explained {
    /// What the server said last, or what happened; escaped. Empty where that says nothing more.
    pub(super) said: String,
    /// What it means.
    pub(super) meaning: Option<String>,
    /// What may have led to it.
    pub(super) cause: Option<String>,
    /// What to do.
    pub(super) next: Option<String>,
    /// What the knowledge has about it.
    pub(super) known: Vec<Explanation>,
}

/// The id of why something was not tried, as in `auth/why/…`.
pub(super) fn why_id(why: &NotTried) -> String {
    match why {
        NotTried::Wants { what } => format!("wants-{what}"),
        NotTried::Unsafe { why } => format!("unsafe-{why}"),
        other => other.id().to_owned(),
    }
}

/// What there is to say about an attempt; nothing if it was accepted, or is explained elsewhere.
pub(super) fn of_attempt(service: &AuthService, attempt: &AuthAttempt, texts: Texts) -> Option<Explained> {
    let said = attempt.reply.clone().unwrap_or_default();
    let known = || match said.is_empty() {
        true => Vec::new(),
        false => of_reply(service.protocol, &said),
    };
    let trouble = |part: &str| {
        let trouble = attempt.trouble.as_ref()?;
        texts.find(&format!("auth/trouble/{}/{part}", trouble.id)).map(str::to_owned)
    };
    let stumbled =
        attempt.trouble.as_ref().map(|t| sentence(&texts.with(&format!("note/sasl-{}", t.id), &t.values)));
    match &attempt.result {
        AuthResult::Accepted => None,
        AuthResult::Refused | AuthResult::Unavailable => Some(Explained {
            said: untagged(service.protocol, &said),
            meaning: stumbled,
            cause: None,
            next: None,
            known: known(),
        }),
        AuthResult::Unproven | AuthResult::GivenUp => Some(Explained {
            said: untagged(service.protocol, &said),
            meaning: stumbled,
            cause: trouble("causes"),
            next: trouble("fix"),
            known: Vec::new(),
        }),
        AuthResult::Broken { failure } => Some(Explained {
            said: String::new(),
            meaning: Some(sentence(&failure_text(texts, failure))),
            cause: None,
            next: texts.find(&format!("cause/{}/advice", failure.cause.id())).map(str::to_owned),
            known: of_failure(service.protocol, failure, &said),
        }),
        // Told once, at the end.
        AuthResult::NotTried { why: NotTried::Stopped } => None,
        AuthResult::NotTried { why } => {
            let key = format!("auth/why/{}", why_id(why));
            let part = |part: &str| texts.find(&format!("{key}/{part}")).map(str::to_owned);
            let known = match why {
                NotTried::Unknown => of_mechanism(&attempt.way),
                _ => Vec::new(),
            };
            Some(Explained {
                said: String::new(),
                meaning: part("about"),
                cause: None,
                next: part("fix"),
                known,
            })
        }
    }
}

/// What is known about the server's last answer.
fn of_reply(protocol: Protocol, said: &str) -> Vec<Explanation> {
    let symptom = Symptom { protocol: Some(protocol.id()), stage: Some("auth"), ..Symptom::of(said) };
    let mut known = explain(&symptom);
    known.truncate(MOST);
    known
}

/// What is known about how a dialogue broke off, apart from its cause.
fn of_failure(protocol: Protocol, failure: &Failure, said: &str) -> Vec<Explanation> {
    let (stage, cause) = (Some(failure.stage.id()), Some(failure.cause.id()));
    let mut known = explain(&Symptom { protocol: Some(protocol.id()), stage, cause, ..Symptom::of(said) });
    known.retain(|e| e.kind == Kind::Failure);
    known.truncate(MOST);
    known
}

fn of_mechanism(name: &str) -> Vec<Explanation> {
    let mut known = explain(&Symptom::of(name));
    known.retain(|e| e.kind == Kind::Mechanism);
    known.truncate(1);
    known
}

/// A reply without the tag of its command, which is another one each time.
fn untagged(protocol: Protocol, said: &str) -> String {
    match protocol {
        Protocol::Imap => said.split_once(' ').map_or(said, |(_, rest)| rest).to_owned(),
        _ => said.to_owned(),
    }
}

/// A clause as a sentence.
pub(crate) fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str().trim_end_matches('.')),
        None => String::new(),
    }
}

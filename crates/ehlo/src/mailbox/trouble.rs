//! Why something could not be done, in words.

use crate::auth::explained::sentence;
use ehlo_action::mailbox::{MailboxReport, Trouble};
use ehlo_core::facts::{LoginFacts, LoginResult};
use ehlo_core::{Failure, Protocol};
use ehlo_knowledge::explain::{Explanation, Kind, Symptom, explain};
use ehlo_report::{Texts, failure_text, wrapped};

/// What is said about a trouble.
pub(crate) struct Told {
    /// What happened, in one sentence.
    pub(crate) what: String,
    /// What is known about it.
    pub(crate) meaning: Option<String>,
    /// What to do.
    pub(crate) next: Option<String>,
}

impl Told {
    /// All of it, wrapped.
    pub(crate) fn text(&self, columns: usize) -> String {
        let mut out = wrapped(&self.what, 0, columns.saturating_sub(6));
        for (lead, text) in [("", &self.meaning), ("→ ", &self.next)] {
            if let Some(text) = text {
                out.push_str(&wrapped(&format!("{lead}{text}"), 6, columns));
            }
        }
        out
    }
}

/// The id of a trouble, as in the JSON document.
pub(crate) fn id(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Failed(_) => "failed",
        Trouble::Login(_) => "login",
        Trouble::Refused { .. } => "refused",
        Trouble::Unsupported(_) => "unsupported",
        Trouble::NoMessage(_) => "no-message",
        Trouble::NoPart(_) => "no-part",
        Trouble::ReadOnly => "read-only",
        Trouble::BadArgument(_) => "bad-argument",
        Trouble::TooLarge { .. } => "too-large",
        Trouble::TooLargeToRead { .. } => "too-large-to-read",
        Trouble::Source(_) => "input",
        Trouble::Sink(_) => "output",
    }
}

/// What is said about it.
pub(crate) fn told(trouble: &Trouble, report: &MailboxReport, texts: Texts) -> Told {
    let protocol = report.protocol.id();
    let only = |what: String| Told { what, meaning: None, next: None };
    match trouble {
        Trouble::Failed(failure) => of_failure(failure, report, texts),
        Trouble::Login(login) => of_login(login, report, texts),
        Trouble::Refused { command, reply } => {
            let stage = command.trim_start_matches("UID ").split(' ').next().unwrap_or_default();
            let known =
                known(&Symptom { protocol: Some(protocol), stage: Some(stage), ..Symptom::of(reply) });
            let places: [(&str, &dyn std::fmt::Display); 2] = [("command", command), ("reply", reply)];
            Told {
                what: texts.fill("mailbox/refused", &places),
                meaning: known.as_ref().map(|k| k.meaning(texts.lang)),
                next: known.as_ref().and_then(|k| k.next_step(texts.lang)).map(str::to_owned),
            }
        }
        Trouble::Unsupported(what) => only(texts.get(&format!("mailbox/unsupported/{protocol}/{what}"))),
        Trouble::NoMessage(which) => {
            let count = report.messages.unwrap_or(0);
            only(texts.fill("mailbox/no-message", &[("which", which), ("count", &count)]))
        }
        Trouble::NoPart(part) => only(texts.fill("mailbox/no-part", &[("part", part)])),
        Trouble::ReadOnly => only(texts.fill("mailbox/read-only", &[("verb", &"")])),
        Trouble::BadArgument(text) => only(texts.fill("mailbox/bad-argument", &[("text", text)])),
        Trouble::TooLarge { size, limit } => {
            only(texts.fill("mailbox/too-large", &[("size", size), ("limit", limit)]))
        }
        Trouble::TooLargeToRead { limit } => {
            only(texts.fill("mailbox/too-large-to-read", &[("limit", &(limit >> 20))]))
        }
        Trouble::Source(error) => only(texts.fill("mailbox/input", &[("why", error)])),
        Trouble::Sink(error) => only(texts.fill("mailbox/output", &[("why", error)])),
    }
}

fn of_failure(failure: &Failure, report: &MailboxReport, texts: Texts) -> Told {
    let places: [(&str, &dyn std::fmt::Display); 2] =
        [("service", &report.url), ("why", &failure_text(texts, failure))];
    let advice = texts.find(&format!("cause/{}/advice", failure.cause.id()));
    Told { what: texts.fill("mailbox/failed", &places), meaning: None, next: advice.map(str::to_owned) }
}

fn of_login(login: &LoginFacts, report: &MailboxReport, texts: Texts) -> Told {
    let reply = login.reply.clone().unwrap_or_default();
    // The tag of a command says nothing.
    let reply = match (report.protocol, reply.split_once(' ')) {
        (Protocol::Imap, Some((tag, rest))) if tag != "*" => rest.to_owned(),
        _ => reply,
    };
    match &login.result {
        LoginResult::Failed { failure } | LoginResult::NotSent { failure } => {
            let why = failure_text(texts, failure);
            let places: [(&str, &dyn std::fmt::Display); 2] = [("user", &login.user), ("why", &why)];
            let advice = texts.find(&format!("cause/{}/advice", failure.cause.id()));
            Told {
                what: texts.fill("mailbox/login-failed", &places),
                meaning: None,
                next: advice.map(str::to_owned),
            }
        }
        LoginResult::Refused | LoginResult::Accepted => {
            let known = known(&Symptom {
                protocol: Some(report.protocol.id()),
                stage: Some("auth"),
                ..Symptom::of(&reply)
            });
            let places: [(&str, &dyn std::fmt::Display); 3] =
                [("user", &login.user), ("mechanism", &login.mechanism), ("reply", &reply)];
            Told {
                what: texts.fill("mailbox/login-refused", &places),
                meaning: known.as_ref().map(|k| sentence(&k.meaning(texts.lang))),
                next: known.as_ref().and_then(|k| k.next_step(texts.lang)).map(str::to_owned),
            }
        }
    }
}

/// The most telling of what is known.
fn known(symptom: &Symptom<'_>) -> Option<Explanation> {
    explain(symptom).into_iter().find(|e| e.kind != Kind::Unknown)
}

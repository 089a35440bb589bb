//! What trying the ways to log in yields, as plain data.

use crate::{Evidence, Failure, Params, Protocol, Side, Span, Transcript, TranscriptId};
use serde::{Deserialize, Serialize};

/// What came of trying the ways to log in.
#[derive(Clone, Debug, Serialize)]
pub struct AuthReport {
    /// Who wanted in.
    pub user: String,
    /// The services, in the order in which they were named.
    pub services: Vec<AuthService>,
    /// Whether trying was given up because of too many failures: servers lock out who fails more often.
    pub stopped: bool,
    /// How long all of it took, in microseconds.
    pub took_us: u64,
    /// The dialogues.
    pub transcripts: Vec<Transcript>,
}

/// What came of it at one service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthService {
    /// Its URL.
    pub url: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Whether it was named, and not only one of the ports of a host.
    pub explicit: bool,
    /// What it offers without TLS; none if the connection begins with TLS.
    pub before_tls: Option<AuthOffer>,
    /// What it offers inside TLS; none if there is no TLS.
    pub inside_tls: Option<AuthOffer>,
    /// Each way to log in, in the order in which they were tried.
    pub attempts: Vec<AuthAttempt>,
    /// What came of a wrong password, if that was asked for.
    pub wrong: Option<AuthAttempt>,
    /// Why nothing could be tried.
    pub failure: Option<Failure>,
    /// The dialogue in which it was asked what it offers.
    pub transcript: Option<TranscriptId>,
}

impl AuthService {
    /// Whether it could be spoken with.
    pub fn is_reachable(&self) -> bool {
        self.before_tls.is_some() || self.inside_tls.is_some()
    }

    /// Whether it offers any login.
    pub fn offers_login(&self) -> bool {
        [&self.before_tls, &self.inside_tls].into_iter().flatten().any(|offer| !offer.ways.is_empty())
    }
}

/// What a service offers at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthOffer {
    /// SASL mechanisms, upper case, then `USER`, `APOP`, `LOGIN command`.
    pub ways: Vec<String>,
    /// Whether an initial response may come with the command.
    pub initial_response: bool,
}

/// One way to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthAttempt {
    /// A SASL mechanism, `USER`, `APOP` or `LOGIN command`.
    pub way: String,
    /// Whether the first message went with the command; none where that makes no difference.
    pub initial_response: Option<bool>,
    /// Whether it is offered without TLS; none if the connection begins with TLS.
    pub offered_before_tls: Option<bool>,
    /// Whether it is offered inside TLS; none if there is no TLS.
    pub offered_inside_tls: Option<bool>,
    /// What came of it.
    pub result: AuthResult,
    /// The server's last answer, escaped.
    pub reply: Option<String>,
    /// From the first command of the login to the last answer, in microseconds.
    pub took_us: u64,
    /// What the mechanism stumbled over, if it did.
    pub trouble: Option<AuthTrouble>,
    /// The messages of the mechanism, in order, as far as they may be shown.
    pub messages: Vec<AuthMessage>,
    /// Where all this shows.
    pub at: Vec<Evidence>,
    /// The dialogue; none if nothing was tried.
    pub transcript: Option<TranscriptId>,
}

impl AuthAttempt {
    /// Whether anything was sent to the server.
    pub fn is_tried(&self) -> bool {
        !matches!(self.result, AuthResult::NotTried { .. })
    }
}

/// Why a login was given up or is not believed, or what the server complained of inside the mechanism.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthTrouble {
    /// Its id in the knowledge data, e.g. `too-many-iterations`.
    pub id: String,
    /// The values of its text, escaped.
    pub values: Params,
}

/// A message of a mechanism, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthMessage {
    /// Who sent it.
    pub from: Side,
    /// The line in which it stands.
    pub at: Span,
    /// What it is: an id in the knowledge data, e.g. `scram-server-first`.
    pub kind: String,
    /// Its fields, in order.
    pub fields: Vec<AuthField>,
    /// The rules that it breaks: ids in the knowledge data.
    pub flaws: Vec<String>,
}

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthField {
    /// What it is called where the mechanism is defined, escaped.
    pub name: String,
    /// What stands there, escaped; none if it is as good as the password.
    pub value: Option<String>,
    /// How many bytes stand there.
    pub bytes: u64,
}

/// What came of one way to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum AuthResult {
    /// The server let us in.
    Accepted,
    /// The server did not let us in.
    Refused,
    /// The server cannot let anybody in for now, which says nothing about the password.
    Unavailable,
    /// The server let us in without proving that it knows the password, or its proof is wrong: it may be somebody else
    /// (RFC 5802 §9, RFC 2831 §2.1.3).
    Unproven,
    /// We gave up, because what the server sent is not to be answered.
    GivenUp,
    /// The dialogue broke off.
    Broken {
        /// Why.
        failure: Failure,
    },
    /// Nothing was sent.
    NotTried {
        /// Why.
        why: NotTried,
    },
}

impl AuthResult {
    /// Its id, as in JSON and in the knowledge data.
    pub fn id(&self) -> &'static str {
        match self {
            AuthResult::Accepted => "accepted",
            AuthResult::Refused => "refused",
            AuthResult::Unavailable => "unavailable",
            AuthResult::Unproven => "unproven",
            AuthResult::GivenUp => "given-up",
            AuthResult::Broken { .. } => "broken",
            AuthResult::NotTried { .. } => "not-tried",
        }
    }
}

/// Why a way to log in was not tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum NotTried {
    /// The server does not offer it.
    NotOffered,
    /// It is offered, but nothing here speaks it.
    Unknown,
    /// It wants something that is not at hand, or was not asked for by name.
    Wants {
        /// What: `password`, `token`, `certificate`, `nothing` (whoever asks gets in), or `binding`: something of the TLS
        /// connection to tie the login to (RFC 5056).
        what: String,
    },
    /// The secret must not travel here.
    Unsafe {
        /// Why: `clear`, `unverified`.
        why: String,
    },
    /// Too many logins had failed before.
    Stopped,
    /// The time was up.
    Deadline,
}

impl NotTried {
    /// Its id, as in JSON and in the knowledge data.
    pub fn id(&self) -> &'static str {
        match self {
            NotTried::NotOffered => "not-offered",
            NotTried::Unknown => "unknown",
            NotTried::Wants { .. } => "wants",
            NotTried::Unsafe { .. } => "unsafe",
            NotTried::Stopped => "stopped",
            NotTried::Deadline => "deadline",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_serialised_form() {
        for result in [
            AuthResult::Accepted,
            AuthResult::Refused,
            AuthResult::Unavailable,
            AuthResult::Unproven,
            AuthResult::GivenUp,
            AuthResult::NotTried { why: NotTried::Stopped },
        ] {
            assert_eq!(serde_json::to_value(&result).unwrap()["is"], result.id());
        }
        for why in [
            NotTried::NotOffered,
            NotTried::Unknown,
            NotTried::Wants { what: "token".into() },
            NotTried::Unsafe { why: "clear".into() },
            NotTried::Stopped,
            NotTried::Deadline,
        ] {
            assert_eq!(serde_json::to_value(&why).unwrap()["is"], why.id());
        }
    }
}

//! What sending a message yields, as plain data.

use crate::facts::{LoginFacts, TlsFacts};
use crate::{Cause, Evidence, Failure, Params, Protocol, Transcript, TranscriptId};
use serde::{Deserialize, Serialize};

/// What came of sending.
#[derive(Clone, Debug, Serialize)]
pub struct SendReport {
    /// The URL of the service.
    pub url: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The address that answered.
    pub address: Option<String>,
    /// The sender of the envelope; empty for the null reverse-path.
    pub sender: String,
    /// What the server offered last, as keyword and arguments.
    pub offered: Vec<String>,
    /// The TLS session, if there was one.
    pub tls: Option<TlsFacts>,
    /// How the login went, if one was wanted.
    pub login: Option<LoginFacts>,
    /// The transactions, in the order in which they were begun; of very many, the first and those that went wrong.
    pub transactions: Vec<SendTransaction>,
    /// How much of what there was.
    pub totals: SendTotals,
    /// What is worth knowing besides.
    pub remarks: Vec<SendRemark>,
    /// Where it was stopped on purpose.
    pub stopped: Option<SendStop>,
    /// Why nothing more could be sent, apart from what transactions say of themselves.
    pub failure: Option<Failure>,
    /// What was being done when that happened.
    pub failed_at: Option<SendPoint>,
    /// How long all of it took, in microseconds.
    pub took_us: u64,
    /// The dialogues; of very many, the first and those in which something went wrong.
    pub transcripts: Vec<Transcript>,
}

impl SendReport {
    /// Whether all that was to be accepted was accepted, as far as it was meant to go.
    pub fn is_good(&self) -> bool {
        let t = &self.totals;
        self.failure.is_none() && t.refused + t.deferred + t.unsent + t.unknown == 0
    }

    /// Whether the server could be spoken with: it greeted, or said why it does not.
    pub fn is_reached(&self) -> bool {
        match &self.failure {
            None => true,
            Some(failure) => self.totals.greeted > 0 || matches!(failure.cause, Cause::Rejected { .. }),
        }
    }
}

/// How much of what there was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendTotals {
    /// Messages that were to be sent.
    pub messages: u64,
    /// Messages that were accepted for all their recipients.
    pub complete: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Connections on which the server greeted.
    pub greeted: u64,
    /// Octets of messages, as SIZE counts them.
    pub octets: u64,
    /// Recipients for whom a message was accepted, over all messages.
    pub accepted: u64,
    /// Recipients that the server would take later (4yz).
    pub deferred: u64,
    /// Recipients that were refused (5yz).
    pub refused: u64,
    /// Recipients for whom nothing was sent.
    pub unsent: u64,
    /// Recipients of whom nobody knows whether the server has the message.
    pub unknown: u64,
    /// Recipients that were accepted before it was stopped on purpose.
    pub stopped: u64,
}

/// One mail transaction: MAIL, RCPT and the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendTransaction {
    /// The number of the message, from 1 on. A message with more recipients than the server takes at once has several
    /// transactions.
    pub message: u64,
    /// Its Message-ID, without brackets, if it is known.
    pub message_id: Option<String>,
    /// By what it can be traced.
    pub token: Option<String>,
    /// Its size in octets, as SIZE counts them.
    pub octets: u64,
    /// The answer to MAIL.
    pub mail: Option<SendAnswer>,
    /// Each recipient with its verdict.
    pub recipients: Vec<SendRecipient>,
    /// The answer to the whole message: none in LMTP, where each recipient has one.
    pub data: Option<SendAnswer>,
    /// The name under which the server keeps it, as far as its answer tells.
    pub queue_id: Option<String>,
    /// Whether the end of the message was sent.
    pub end_sent: bool,
    /// Why it broke off, if it did.
    pub failure: Option<Failure>,
    /// Why it was not begun, if it was not.
    pub problem: Option<SendRemark>,
    /// From MAIL to the last answer, in microseconds.
    pub took_us: u64,
    /// The dialogue.
    pub transcript: Option<TranscriptId>,
}

/// One recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRecipient {
    /// The address, as it stands in RCPT.
    pub address: String,
    /// What came of it.
    pub verdict: SendVerdict,
    /// The answer that decided: to RCPT, to the data, or to MAIL.
    pub answer: Option<SendAnswer>,
}

/// What came of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendVerdict {
    /// The server has the message and answers for it. That is not delivery.
    Accepted,
    /// Not now (4yz).
    Deferred,
    /// No (5yz), or an answer that is none.
    Refused,
    /// Nothing was sent for it.
    Unsent,
    /// The connection was lost before the answer to the message came: nobody knows whether the server has it.
    Unknown,
    /// RCPT was accepted, and then it was stopped on purpose.
    Stopped,
}

impl SendVerdict {
    /// Its id, as in JSON and in the knowledge data.
    pub fn id(self) -> &'static str {
        match self {
            SendVerdict::Accepted => "accepted",
            SendVerdict::Deferred => "deferred",
            SendVerdict::Refused => "refused",
            SendVerdict::Unsent => "unsent",
            SendVerdict::Unknown => "unknown",
            SendVerdict::Stopped => "stopped",
        }
    }
}

/// An answer of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendAnswer {
    /// The command that it answers: `MAIL`, `RCPT`, `DATA`, `end-of-data`, `BDAT`.
    pub to: String,
    /// The reply code.
    pub code: Option<u16>,
    /// The enhanced status code.
    pub enhanced: Option<String>,
    /// All of it, escaped.
    pub text: String,
    /// Where it stands.
    pub at: Evidence,
}

/// Something worth knowing, told by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRemark {
    /// The id of its text.
    pub id: String,
    /// Its values, escaped.
    #[serde(default)]
    pub params: Params,
}

impl SendRemark {
    /// A remark with its values.
    pub fn new(id: &str, params: &[(&str, String)]) -> SendRemark {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        SendRemark { id: id.to_owned(), params }
    }
}

/// A point in the dialogue at which sending can be stopped on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendPoint {
    /// The greeting.
    Banner,
    /// The first EHLO, LHLO or HELO.
    FirstEhlo,
    /// TLS.
    Tls,
    /// The last EHLO, LHLO or HELO.
    Ehlo,
    /// XCLIENT.
    Xclient,
    /// The login.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, or the first BDAT.
    Data,
    /// The end of the message.
    End,
}

impl SendPoint {
    /// All of them, in the order of a dialogue.
    pub const ALL: &'static [SendPoint] = &[
        SendPoint::Banner,
        SendPoint::FirstEhlo,
        SendPoint::Tls,
        SendPoint::Ehlo,
        SendPoint::Xclient,
        SendPoint::Auth,
        SendPoint::Mail,
        SendPoint::Rcpt,
        SendPoint::Data,
        SendPoint::End,
    ];

    /// Its id, as in JSON and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            SendPoint::Banner => "banner",
            SendPoint::FirstEhlo => "first-ehlo",
            SendPoint::Tls => "tls",
            SendPoint::Ehlo => "ehlo",
            SendPoint::Xclient => "xclient",
            SendPoint::Auth => "auth",
            SendPoint::Mail => "mail",
            SendPoint::Rcpt => "rcpt",
            SendPoint::Data => "data",
            SendPoint::End => "end",
        }
    }

    /// The point of that name.
    pub fn from_id(id: &str) -> Option<SendPoint> {
        SendPoint::ALL.iter().copied().find(|point| point.id() == id)
    }
}

/// A stop on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SendStop {
    /// Where.
    pub point: SendPoint,
    /// How.
    pub how: StopHow,
}

/// How sending is stopped on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopHow {
    /// With QUIT, after the answer.
    Quit,
    /// Without a word, after the answer.
    Drop,
    /// Without a word, and without waiting for the answer.
    DropAfterSend,
}

/// What is told while messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendEvent {
    /// A connection is made.
    Connecting,
    /// A message is begun.
    Message {
        /// Its number, from 1 on.
        number: u64,
        /// Of how many.
        of: u64,
    },
    /// So much of a message is sent.
    Octets {
        /// So much.
        done: u64,
        /// Of how much.
        of: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_serialised_form() {
        for point in SendPoint::ALL {
            assert_eq!(serde_json::to_value(point).unwrap(), point.id());
            assert_eq!(SendPoint::from_id(point.id()), Some(*point));
        }
        for verdict in [
            SendVerdict::Accepted,
            SendVerdict::Deferred,
            SendVerdict::Refused,
            SendVerdict::Unsent,
            SendVerdict::Unknown,
            SendVerdict::Stopped,
        ] {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.id());
        }
    }
}

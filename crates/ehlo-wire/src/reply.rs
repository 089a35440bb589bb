use crate::{imap, pop3, sieve, smtp};
use ehlo_core::facts::Answered;
use ehlo_core::{Span, escape};

/// One answer of a server, in the form of its protocol. An IMAP command is answered by several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// SMTP and LMTP.
    Smtp(smtp::Reply),
    /// POP3.
    Pop3(pop3::Response),
    /// IMAP.
    Imap(imap::Response),
    /// ManageSieve.
    Sieve(sieve::Response),
}

impl Reply {
    /// The bytes it was read from.
    pub fn span(&self) -> Span {
        match self {
            Reply::Smtp(reply) => reply.span,
            Reply::Pop3(response) => response.span,
            Reply::Imap(response) => response.span,
            Reply::Sieve(response) => response.span,
        }
    }

    /// How it takes the command it answers.
    pub fn answered(&self) -> Answered {
        match self {
            Reply::Smtp(reply) => reply.answered(),
            Reply::Pop3(response) => response.answered(),
            Reply::Imap(response) => response.answered(),
            Reply::Sieve(response) => response.answered(),
        }
    }

    /// Its line, escaped; of several lines those that say something, joined by ` / `.
    pub fn shown(&self) -> String {
        match self {
            Reply::Smtp(reply) => reply.shown(),
            Reply::Pop3(response) => escape(&response.line),
            Reply::Imap(response) => escape(&response.line),
            Reply::Sieve(response) => response.shown(),
        }
    }

    /// The challenge of a SASL exchange as it stands in the line, still in base64.
    pub fn challenge(&self) -> Option<Vec<u8>> {
        if self.answered() != Answered::Continue {
            return None;
        }
        match self {
            Reply::Smtp(reply) => reply.lines.last().map(|line| line.text.clone()),
            Reply::Pop3(response) => Some(response.text.clone()),
            Reply::Imap(response) => response.continuation().map(<[u8]>::to_vec),
            Reply::Sieve(response) => response.challenge.clone(),
        }
    }
}

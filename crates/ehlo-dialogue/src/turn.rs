use ehlo_core::facts::Answered;
use ehlo_core::{Evidence, Span, TranscriptId};
use ehlo_wire::Reply;
use std::time::Duration;

/// One command and what came back.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The bytes that were sent; none for the greeting.
    pub sent: Option<Span>,
    /// The replies, the one that completes the turn last. IMAP sends data before it.
    pub replies: Vec<Reply>,
    /// From the first byte sent to the last byte received.
    pub took: Duration,
    /// The transcript in which all this stands.
    pub transcript: TranscriptId,
}

impl Turn {
    /// The reply that completes it.
    pub fn last(&self) -> Option<&Reply> {
        self.replies.last()
    }

    /// How the server took the command.
    pub fn answered(&self) -> Answered {
        self.last().map_or(Answered::Nonsense, Reply::answered)
    }

    /// The answer, escaped.
    pub fn shown(&self) -> String {
        self.last().map_or(String::new(), Reply::shown)
    }

    /// Where the answer stands.
    pub fn answer(&self) -> Option<Evidence> {
        self.last().map(|reply| Evidence::bytes(self.transcript, reply.span()))
    }

    /// Where question and answer stand.
    pub fn evidence(&self) -> Vec<Evidence> {
        let question = self.sent.map(|span| Evidence::bytes(self.transcript, span));
        question.into_iter().chain(self.answer()).collect()
    }
}

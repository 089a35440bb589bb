//! What the lab says: one conversation for each protocol.

mod imap;
mod named;
mod pop3;
mod sasl;
mod sieve;
pub(crate) mod smtp;

use crate::context::Context;
use ehlo_core::{Protocol, Scheme};

/// What a fault keeps from before TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    /// Text that was not read yet.
    pub(crate) text: bool,
    /// Names, transactions, logins.
    pub(crate) state: bool,
}

/// The server's part of a conversation.
pub(crate) trait Talk: Send {
    /// Speaks first.
    fn greet(&mut self, cx: &mut Context<'_>);
    /// Takes text from the client; an empty one means: go on with what is here.
    fn receive(&mut self, bytes: &[u8], cx: &mut Context<'_>);
    /// TLS is about to begin: what came before is void, but for what a fault keeps. Yields whether text of the client was
    /// left over.
    fn tls_started(&mut self, kept: Kept) -> bool;
    /// TLS has begun, after STARTTLS.
    fn secured(&mut self, _cx: &mut Context<'_>) {}
    /// Who is logged in.
    fn account(&self) -> Option<&str> {
        None
    }
    /// Whose mailboxes it waits for news of.
    fn watched(&self) -> Option<&str> {
        None
    }
    /// Mailboxes may have changed.
    fn wake(&mut self, _cx: &mut Context<'_>) {}
    /// Answers text that came where a handshake was due.
    fn refuse_cleartext(&mut self, cx: &mut Context<'_>);
}

pub(crate) fn talk_for(scheme: Scheme) -> Box<dyn Talk> {
    match scheme.protocol() {
        Protocol::Pop3 => Box::new(pop3::Pop3::new()),
        Protocol::Imap => Box::new(imap::Imap::new()),
        Protocol::Sieve => Box::new(sieve::Sieve::new()),
        Protocol::Smtp | Protocol::Lmtp => Box::new(smtp::Smtp::new(scheme)),
    }
}

//! The lab before readers that are not ours: every answer of its IMAP server must be grammatical to `imap-codec`, and
//! what it says of a message must agree with what `mail-parser` reads in it.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[path = "oracle/corpus.rs"]
mod corpus;
#[path = "oracle/dialogues.rs"]
mod dialogues;
#[path = "oracle/grammar.rs"]
mod grammar;
#[path = "oracle/messages.rs"]
mod messages;
#[path = "oracle/session.rs"]
mod session;

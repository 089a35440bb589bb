//! The server's side of the protocols without I/O: requests come out, replies are encoded.
//!
//! These sessions frame and parse; what a request means, and in which state it is allowed, is up to the server that
//! uses them. Each yields one input at a time, so that a server decides about one request before the next is read.

mod imap;
mod pop3;
mod sieve;
mod smtp;

pub use imap::{ImapInput, ImapServer};
pub use pop3::{Pop3Input, Pop3Server, encode_lines};
pub use sieve::{SieveInput, SieveServer, encode_string};
pub use smtp::{SmtpInput, SmtpServer, encode_reply};

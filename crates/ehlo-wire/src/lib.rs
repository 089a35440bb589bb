//! The mail protocols without I/O.
//!
//! Bytes come in, values and [deviations](ehlo_core::Deviation) come out. Nothing here waits, allocates what a peer
//! merely announces, or fails because of what a peer sent: a [`Framer`] cuts lines and literals before any grammar
//! runs, parsers yield [`Parsed`] values, and a [`Tracker`] follows any dialogue from both directions. A
//! [`ClientSession`] leads a dialogue; the [`server`] sessions answer one.

mod command;
mod framer;
pub mod imap;
mod lint;
mod parsed;
pub mod pop3;
mod reply;
pub mod sasl;
pub mod server;
mod session;
pub mod sieve;
pub mod smtp;
mod spoken;
pub mod tls;
mod tracker;

pub use command::{BadArgument, Command};
pub use framer::{Announced, Ending, Framer, FramerEvent, FramerMode, Part, PartKind, Unit};
pub use parsed::Parsed;
pub use reply::Reply;
pub use session::{ClientSession, Output, SessionEvent};
pub use spoken::spoken;
pub use tracker::{Pending, State, Tracked, Tracker};

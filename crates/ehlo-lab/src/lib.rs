//! A mail server inside the process: SMTP, submission, LMTP, POP3, IMAP and ManageSieve, plain and TLS, with accounts, mail in
//! memory, its own certificate authority, and faults on request.
//!
//! It knows nothing of the client that tests it, so that each is an oracle for the other. A [`Connection`] is sans-I/O
//! (bytes and time in, bytes and waits out); [`Lab`] puts connections behind listening sockets.

mod accounts;
mod certificates;
mod config;
mod connection;
mod context;
mod dates;
mod delivery;
mod faults;
mod lab;
mod listen;
mod play;
mod scripts;
mod settings;
mod store;
mod talk;

pub use accounts::{AccountError, Accounts};
pub use certificates::{Authority, CertificateKind, Flight};
pub use config::{LabConfig, LabError, Ports, Service};
pub use connection::{Connection, Step};
pub use faults::{ActiveFault, FAULTS, Fault, FaultAction, FaultError, FaultMeta, Moment, Point, Scope};
pub use lab::Lab;
pub use listen::{Listeners, Running};
pub use play::{Played, play};
pub use scripts::{LARGEST_SCRIPT, MOST_SCRIPTS, ScriptError, Scripts};
pub use settings::{AfterStartTls, Settings};
pub use store::{Body, Delivered, Message, Store, StoreError};

//! A mail server inside the process: SMTP, submission, LMTP, POP3, IMAP and ManageSieve, plain and TLS, with accounts, mail in
//! memory, its own certificate authority, and faults on request.
//!
//! It knows nothing of the client that tests it, so that each is an oracle for the other. A [`Connection`] is sans-I/O
//! (bytes and time in, bytes and waits out); [`Lab`] puts connections behind listening sockets.

mod accounts;
mod certificates;
mod clients;
mod config;
mod connection;
mod context;
mod dates;
mod deflate;
mod delivery;
mod faults;
mod glob;
mod http;
mod lab;
mod listen;
mod mail;
mod memory;
mod observe;
mod personas;
mod play;
mod proxy;
mod queue;
mod rules;
mod scripts;
mod seed;
mod settings;
mod start;
mod store;
mod switchboard;
mod talk;
mod weak_tls;

pub use accounts::{AccountError, Accounts};
pub use certificates::{Authority, CertificateKind, Flight};
pub use config::{LabConfig, LabError, Ports, Service};
pub use connection::{Connection, Step};
pub use delivery::{Delivery, DeliveryAction};
pub use faults::{
    ActiveFault, Acts, Circumstances, FAULTS, Fault, FaultAction, FaultError, FaultMeta, Moment, Notes,
    PLACES, Point, Scope,
};
pub use http::{HttpListener, HttpRunning};
pub use lab::Lab;
pub use listen::{Listeners, Running};
pub use observe::{Event, Happened, Header, Mail, MailId, Observe, Session, Wanted};
pub use personas::{persona, personas};
pub use play::{Played, play};
pub use rules::{RuleError, RuleProblem, Rules};
pub use scripts::{LARGEST_SCRIPT, MOST_SCRIPTS, ScriptError, Scripts};
pub use seed::{Seed, SeedError, SeedProblem};
pub use settings::{AfterStartTls, BareLineEnds, Handshake, MECHANISMS, Relays, Settings, TextBeforeTls};
pub use start::{StartError, TestLab, TestLabBuilder, TimedOut, start};
pub use store::{Body, Delivered, Envelope, Message, Store, StoreError};
pub use weak_tls::WeakTls;

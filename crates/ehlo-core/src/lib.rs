//! The vocabulary of `ehlo` as plain, serialisable data.
//!
//! Nothing here touches a socket, a clock or a file. The other crates say with these types what went over
//! the wire ([`Transcript`]), what was seen in it ([`facts`]), what follows from that ([`Finding`], [`Level`]),
//! and how a dialogue can go wrong: a [`Deviation`] (the peer broke a rule, reading goes on) or a [`Failure`]
//! (the dialogue cannot go on). Usage errors are a third thing and belong to the program that was used wrongly.

pub mod auth;
mod date;
mod deviation;
mod escape;
mod event;
pub mod facts;
mod failure;
mod finding;
mod level;
mod limits;
pub mod mailbox;
mod masker;
mod report;
pub mod run;
mod secret;
pub mod send;
mod span;
mod target;
mod tick;
mod transcript;
pub mod trip;

pub use date::date;
pub use deviation::{Deviation, DeviationKind};
pub use escape::{Escaped, escape, is_escaped};
pub use event::{Event, ServiceStep};
pub use failure::{Cause, Failure, Stage};
pub use finding::{Finding, Outcome, Params, Severity, Why};
pub use level::{Level, LevelReport};
pub use limits::Limits;
pub use masker::Masker;
pub use report::RunReport;
pub use secret::Secret;
pub use span::{Anchor, EntryId, Evidence, Side, Span, TranscriptId};
pub use target::{Address, Endpoint, Family, Protocol, Role, Scheme, Target, TargetError, TlsMode};
pub use tick::Tick;
pub use transcript::{CloseKind, DataSort, Entry, EntryKind, Transcript};

//! What a user does to a mail server. Engines do not print: they tell events while they work and return a report.

pub mod auth;
pub mod mailbox;
pub mod send;
mod session;
pub mod trip;

pub use session::{Session, Target};

//! Tries the ways to log in: each that a service offers, with and without an initial response, on a connection of its
//! own, and says what came of it.

mod engine;
mod plan;
mod transient;

pub use engine::{AuthOptions, MOST_FAILURES, run};

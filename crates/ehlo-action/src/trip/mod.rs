//! Sends messages and watches them arrive: the engine of `ehlo trip`. What came is compared with what was sent, byte by
//! byte, and what each server wrote about it is read.

mod changes;
mod engine;
mod fields;
mod hops;
mod letter;
mod parts;

pub use changes::changes;
pub use engine::{MOST_TRIPS, TripOptions, TripReport, run};
pub use hops::{authentication_results, hops};
pub use letter::{TripContent, TripLetter, TripWords};

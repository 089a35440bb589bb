//! Leads the dialogues and writes down what was seen.

mod account;
mod capabilities;
mod further;
mod greeting;
mod hello;
mod main_dialogue;
mod pace;
mod probes;
mod said;
mod service;
mod starttls;

pub(crate) use hello::suites_of;
pub(crate) use pace::Pacer;
pub(crate) use service::{TRANSCRIPTS_EACH, Turns, Whole, acquire};

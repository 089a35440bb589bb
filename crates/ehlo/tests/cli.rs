//! The built program, end to end, against the lab.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[path = "cli/auth.rs"]
mod auth;
#[path = "cli/common.rs"]
mod common;
#[path = "cli/explain.rs"]
mod explain;
#[cfg(unix)]
#[path = "cli/hand.rs"]
mod hand;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/howto.rs"]
mod howto;
#[path = "cli/json.rs"]
mod json;
#[path = "cli/lab.rs"]
mod lab;
#[path = "cli/lab_mail.rs"]
mod lab_mail;
#[path = "cli/lab_store.rs"]
mod lab_store;
#[path = "cli/lab_watch.rs"]
mod lab_watch;
#[path = "cli/large.rs"]
mod large;
#[path = "cli/mailbox.rs"]
mod mailbox;
#[path = "cli/monitor.rs"]
mod monitor;
#[path = "cli/offline_json.rs"]
mod offline_json;
#[path = "cli/policy.rs"]
mod policy;
#[path = "cli/proof.rs"]
mod proof;
#[path = "cli/report.rs"]
mod report;
#[path = "cli/sasl.rs"]
mod sasl;
#[path = "cli/scripts.rs"]
mod scripts;
#[path = "cli/send.rs"]
mod send;
#[path = "cli/shown.rs"]
mod shown;
#[path = "cli/talk.rs"]
mod talk;
#[cfg(unix)]
#[path = "cli/talk_howto.rs"]
mod talk_howto;
#[cfg(unix)]
#[path = "cli/talk_more.rs"]
mod talk_more;
#[cfg(unix)]
#[path = "cli/talk_terminal.rs"]
mod talk_terminal;
#[cfg(unix)]
#[path = "cli/talk_traps.rs"]
mod talk_traps;
#[cfg(unix)]
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/trip.rs"]
mod trip;
#[path = "cli/usage.rs"]
mod usage;

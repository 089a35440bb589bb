//! The built program against real servers, compared with what other people's programs see there; and other people's
//! clients against the lab.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]
#![allow(clippy::print_stderr, reason = "what is left out is said aloud")]

#[path = "interop/capabilities.rs"]
mod capabilities;
#[path = "interop/certificates.rs"]
mod certificates;
#[path = "cli/common.rs"]
mod common;
#[path = "interop/foreign.rs"]
mod foreign;
#[path = "interop/scripts.rs"]
mod scripts;
#[path = "interop/site.rs"]
mod site;

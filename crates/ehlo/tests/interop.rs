//! The built program against real servers, compared with what other people's programs see there.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

#[path = "interop/capabilities.rs"]
mod capabilities;
#[path = "interop/certificates.rs"]
mod certificates;
#[path = "cli/common.rs"]
#[allow(dead_code, reason = "shared with other tests; here the servers are others")]
mod common;
#[path = "cli/hand.rs"]
mod hand;
#[path = "interop/mailbox.rs"]
mod mailbox;
#[path = "interop/scripts.rs"]
mod scripts;
#[path = "interop/send.rs"]
mod send;
#[path = "interop/site.rs"]
mod site;
#[path = "interop/talk.rs"]
mod talk;
#[path = "cli/terminal.rs"]
#[allow(dead_code, reason = "shared with the tests against the lab, which look at more")]
mod terminal;
#[path = "interop/testssl.rs"]
mod testssl;
#[path = "interop/tls.rs"]
mod tls;
#[path = "interop/trip.rs"]
mod trip;

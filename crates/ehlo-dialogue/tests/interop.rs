//! The steps of the how-to against real Postfix and Dovecot.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod common;
#[path = "howto/mod.rs"]
mod steps;

#[tokio::test]
#[ignore = "needs the servers that `cargo xtask interop` starts"]
async fn the_steps_against_postfix_and_dovecot() {
    steps::all(&common::Site::real()).await;
}

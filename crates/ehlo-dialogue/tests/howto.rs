//! The steps of the how-to against the lab, in memory and on a virtual clock.

#![allow(clippy::unwrap_used, reason = "a test reports by failing")]

mod common;
#[path = "howto/mod.rs"]
mod steps;

#[tokio::test(start_paused = true)]
async fn the_steps_against_the_lab() {
    steps::all(&common::Site::lab()).await;
}

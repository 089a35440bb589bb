//! Other people's mail programs against the built lab, as their users would set them up.
//!
//! A program that is not installed is left out and its test says so, unless `EHLO_ALL_CLIENTS` promises that all are
//! there, as `cargo xtask test --require-interop` does after it has installed them. Each program has a home of its own.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test reports by failing")]
#![allow(clippy::print_stderr, reason = "what is left out is said aloud")]

#[path = "cli/common.rs"]
#[allow(dead_code, reason = "shared with other tests; here only the lab is needed")]
mod common;
#[path = "foreign/curl.rs"]
mod curl;
#[path = "foreign/cyrus.rs"]
mod cyrus;
#[path = "foreign/fetch.rs"]
mod fetch;
#[path = "foreign/gsasl.rs"]
mod gsasl;
#[path = "foreign/mutt.rs"]
mod mutt;
#[path = "foreign/openssl.rs"]
mod openssl;
#[path = "foreign/programs.rs"]
mod programs;
#[path = "foreign/python.rs"]
mod python;
#[path = "foreign/send.rs"]
mod send;
#[path = "foreign/swaks.rs"]
mod swaks;
#[path = "foreign/sync.rs"]
mod sync;

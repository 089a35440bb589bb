//! `cargo xtask`: everything that is done with the project.

mod arrows;
mod bench;
mod docs;
#[path = "../../crates/ehlo-wire/tests/fixture/mod.rs"]
mod fixture;
mod fuzz;
mod interop;
mod programs;
mod steps;
mod test;

use anyhow::{Result, bail};

const HELP: &str = "cargo xtask COMMAND

  test [--require-interop]   format, lints, arrows, tests, documentation, interop
  interop [--require]        tests against real servers only
  foreign [--require]        tests with other people's mail programs only
  arrows                     which crate may use which
  docs [--update]            the examples in README.md and docs/ are what the program prints
  bench [TABLE…]             speed and size, beside other tools; tables: check, offline, run, talk, smtp, imap,
                             send, tls
  fuzz [SECONDS] [TARGET…]   every fuzz target, or those named, 60 seconds each unless told otherwise";

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace that anyhow adds: what failed has said why.
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    std::env::set_current_dir(root())?;
    match arguments.first().map(String::as_str) {
        Some("test") => test::all(has("--require-interop")),
        Some("interop") => interop::run(has("--require")).map(drop),
        Some("foreign") => programs::run(has("--require")),
        Some("arrows") => arrows::check(),
        Some("docs") => docs::check(has("--update")),
        Some("bench") => bench::run(&arguments[1..]),
        // Called by `bench` itself.
        Some("peak-memory") => bench::print_peak(&arguments[1..]),
        Some("fuzz") => fuzz::run(&arguments[1..]),
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(())
        }
        _ => bail!("{HELP}"),
    }
}

/// The folder of the workspace.
fn root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

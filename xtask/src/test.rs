//! `cargo xtask test`

use crate::steps::{cargo, has, step};
use crate::{arrows, docs, interop, programs};
use anyhow::Result;

/// Runs all tests. Interop is skipped, loudly, where real servers cannot be had, unless it is required.
pub(crate) fn all(require_interop: bool) -> Result<()> {
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    step(
        "lints",
        cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    arrows::check()?;
    step("build tests", cargo().args(["test", "--workspace", "--locked", "--no-run", "--quiet"]))?;
    // Snapshots must fit as they are.
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--locked", "--quiet"]);
    tests.env("INSTA_UPDATE", "no").env("CI", "1").env("RUST_BACKTRACE", "0");
    if require_interop {
        programs::promise(&mut tests, true)?;
    }
    step("tests", &mut tests)?;
    docs::check(false)?;
    let skipped = interop::run(require_interop)?;
    println!();
    if !has("cargo-deny") {
        println!("note: cargo-deny is not installed; licences and bans (deny.toml) were not checked");
    } else {
        step("licences", cargo().args(["deny", "--offline", "check", "licenses", "bans", "sources"]))?;
    }
    match skipped {
        None => println!("all tests passed, interop with real servers among them"),
        Some(why) => {
            println!("all tests passed EXCEPT INTEROP, which was SKIPPED: {why}");
            println!(
                "(needs Linux, root, apt and network; `cargo xtask test --require-interop` makes this an error)"
            );
        }
    }
    Ok(())
}
